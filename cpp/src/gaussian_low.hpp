// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// One covariance S = F F^T + diag(D), never as a d x d matrix. With the thin singular value
// decomposition D^(-1/2) F = U s V^T, S = R (I + U diag(s^2) U^T) R, R = D^(1/2): determinants and
// whitening take s^2 / (1 + s^2), which cancels nothing, where Woodbury's formula would subtract.
#pragma once

#include <vector>

#include "gaussian_forms.hpp"

namespace isokern {

// F and D.
struct Parts {
  dense::DenseMatrix f;
  std::vector<double> d;
};
Parts split(const GivenCovariances& given, const double* own);

// Rows divided by numbers.
dense::DenseMatrix divided(dense::DenseMatrix x, const std::vector<double>& by);

// S = R (I + U diag(lam) U^T) R with a diagonal R and orthonormal columns U; lam > -1.
struct Low {
  bool good = false;
  std::vector<double> root;
  dense::DenseMatrix u;
  std::vector<double> lam;

  // A x with A S A^T = I.
  dense::DenseMatrix whiten(const dense::DenseMatrix& x) const;
  // ln det S / 2
  double half_log_det() const;
  // Of the diagonal of S^-1.
  double inverse_diagonal(Index i) const;
  // delta^T S^-1 delta
  double square(const dense::DenseMatrix& delta) const;
};

// Not good where D is not positive or anything not finite.
Low low(const dense::DenseMatrix& f, const std::vector<double>& d);

// All covariances, in the order of their own batch; a bad one throws unless NaN is wanted.
std::vector<Low> lows(const char* f, const GivenCovariances& given, OnError on_error);

}  // namespace isokern
