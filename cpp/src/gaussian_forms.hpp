// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Covariances and pairs of distributions in double, whatever form they were given in.
#pragma once

#include "gaussian.hpp"

namespace isokern {

// Items as a contiguous array of the shape batch + tail.
ConstView view_of(const Items& items, const Layout& tail);

// Two distributions, checked for shapes and dtypes.
struct Pair {
  const char* f;
  OnError on_error;
  Index d;
  Layout batch;
  Items mean1, mean2;  // of size 0 where they are absent
  GivenCovariances one, other;

  Kind kind() const noexcept { return one.kind; }
  bool has_means() const noexcept { return mean1.size > 0; }
  double delta(Index item, Index i) const {
    return has_means() ? mean1.at(item, batch)[i] - mean2.at(item, batch)[i] : 0;
  }
  dense::DenseMatrix delta(Index item) const;
  // Both covariances are, element for element, the same.
  bool equal(Index item) const;
};

// `out` has the shape of the batch.
Pair take_pair(const char* f, const PairArguments& given, Covariance form, OnError on_error,
               const View& out);
Pair take_pair(const char* f, const ConstView& mean1, const LowRankDiagonal& cov1,
               const ConstView& mean2, const LowRankDiagonal& cov2, OnError on_error,
               const View& out);

// Variances of the form diag must be positive (or not negative, if `singular`): a bad item throws,
// or becomes NaN.
void check_variances(const char* f, GivenCovariances& given, OnError on_error,
                     bool singular = false);

// The triangles L (d, d), with L L^T = F F^T, of factors F (d, columns), without squaring. Their
// diagonals are not negative.
Items triangles(const Items& factors, Index d, Index columns);

// Whether a triangle made from a factor has full rank.
bool full_rank(const double* triangle, Index d);

// [F, D^(1/2)], NaN where D is negative or anything not finite.
Items wide_factors(const GivenCovariances& lowrank);

}  // namespace isokern
