// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Eigenvalues of small symmetric matrices by Jacobi's rotations, row by row.
#include <cmath>
#include <limits>

#include "dense.hpp"

namespace isokern::dense {
namespace {

constexpr int kSweeps = 60;

// Makes x(p, q) vanish; rows p and q of v follow.
void turn(DenseMatrix& x, DenseMatrix& v, Index p, Index q) {
  const double zeta = (x(q, q) - x(p, p)) / (2 * x(p, q));
  const double t = (zeta < 0 ? -1 : 1) / (std::abs(zeta) + std::hypot(1.0, zeta));
  const double cosine = 1 / std::hypot(1.0, t), sine = cosine * t, cross = t * x(p, q);
  const double first = x(p, p) - cross, last = x(q, q) + cross;
  for (DenseMatrix* m : {&x, &v}) {
    for (Index i = 0; i < m->columns; ++i) {
      const double one = (*m)(p, i), other = (*m)(q, i);
      (*m)(p, i) = cosine * one - sine * other;
      (*m)(q, i) = sine * one + cosine * other;
    }
  }
  for (Index i = 0; i < x.rows; ++i) {
    x(i, p) = x(p, i);
    x(i, q) = x(q, i);
  }
  x(p, p) = first;
  x(q, q) = last;
  x(p, q) = x(q, p) = 0;
}

}  // namespace

Spectrum spectrum(const DenseMatrix& symmetric) {
  const Index n = symmetric.rows;
  Spectrum result{{}, DenseMatrix(n, n)};
  if (!finite(symmetric)) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    result.values.assign(static_cast<std::size_t>(n), nan);
    result.vectors.values.assign(result.vectors.values.size(), nan);
    return result;
  }
  double largest = 0;
  for (double value : symmetric.values) largest = std::max(largest, std::abs(value));
  DenseMatrix x = symmetric, v(n, n);
  for (Index i = 0; i < n; ++i) v(i, i) = 1;
  const double least = 0.25 * std::numeric_limits<double>::epsilon() * largest;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool turned = false;
    for (Index p = 0; p < n; ++p) {
      for (Index q = p + 1; q < n; ++q) {
        if (!(std::abs(x(p, q)) > least)) continue;
        turn(x, v, p, q);
        turned = true;
      }
    }
    if (!turned) break;
  }
  for (Index i = 0; i < n; ++i) result.values.push_back(x(i, i));
  result.vectors = transposed(v);
  return result;
}

}  // namespace isokern::dense
