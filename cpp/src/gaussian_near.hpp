// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Nearly equal distributions, from the difference of what is given of their covariances. Whatever a
// form squares or inverts loses the digits in which two distributions differ; S1 - S2 does not,
// when it is made from the difference of the factors or precisions.
#pragma once

#include <cmath>
#include <vector>

#include "each_item.hpp"
#include "gaussian_forms.hpp"
#include "gaussian_terms.hpp"

namespace isokern {

// A pair in the basis in which S2 is I and S1 diagonal: L2, and the eigenvectors in its basis.
struct Basis {
  std::vector<terms::Coordinate> coordinates;
  dense::DenseMatrix lower, vectors;
};
Basis whitened(const Pair& pair, const Covariances& one, const Covariances& other, Index item);

// F1 and F2 of the same width; F1 is turned to F2 where that brings it nearer, with coordinates
// relative to variances if there are any.
void bring_together(dense::DenseMatrix& f1, dense::DenseMatrix& f2, const double* variances);

// Computes again, as sums over coordinates, the items whose divergence is small.
template <class Measure>
void refine(const Pair& pair, const Covariances& one, const Covariances& other, Items& values,
            const Measure& measure) {
  std::vector<Index> close;
  for (Index item = 0; item < pair.batch.size(); ++item) {
    if (std::abs(*values.own(item)) < 1e-2) close.push_back(item);
  }
  each_item(static_cast<Index>(close.size()), cubes(50, pair.d), [&](Index i) {
    const Index item = close[static_cast<std::size_t>(i)];
    const Basis basis = whitened(pair, one, other, item);
    const double again = measure(pair.d, [&](Index k) -> const terms::Coordinate& {
      return basis.coordinates[static_cast<std::size_t>(k)];
    });
    if (std::isfinite(again)) *values.own(item) = again;
  });
}

// |E - F2 (Q - I)|^2 with the polar factor Q of (F2 + E)^T F2; NaN where it is not found.
double turned_residual(const dense::DenseMatrix& f2, const dense::DenseMatrix& e);

}  // namespace isokern
