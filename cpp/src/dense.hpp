// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Small dense matrices in double, row by row, for what is computed once an item and has no kernel.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace isokern::dense {

using Index = std::ptrdiff_t;

struct DenseMatrix {
  Index rows = 0, columns = 0;
  std::vector<double> values;

  DenseMatrix() = default;
  DenseMatrix(Index m, Index n) : rows(m), columns(n), values(static_cast<std::size_t>(m * n)) {}
  DenseMatrix(Index m, Index n, const double* from)
      : rows(m), columns(n), values(from, from + m * n) {}
  double& operator()(Index i, Index j) { return values[static_cast<std::size_t>(i * columns + j)]; }
  double operator()(Index i, Index j) const {
    return values[static_cast<std::size_t>(i * columns + j)];
  }
};

DenseMatrix transposed(const DenseMatrix& x);
DenseMatrix times(const DenseMatrix& x, const DenseMatrix& y);
// x + factor y
DenseMatrix plus(const DenseMatrix& x, const DenseMatrix& y, double factor = 1);
double squares(const DenseMatrix& x);
bool finite(const DenseMatrix& x);
// The mean of a matrix and its transpose.
DenseMatrix symmetrised(const DenseMatrix& x);

// x becomes its lower Cholesky factor, with zeros above the diagonal; false where there is none.
bool cholesky(DenseMatrix& x);
// L^-1 b and L^-T b
DenseMatrix solve(const DenseMatrix& lower, DenseMatrix b);
DenseMatrix solve_transposed(const DenseMatrix& lower, DenseMatrix b);
// (L L^T)^-1
DenseMatrix inverse(const DenseMatrix& lower);

// x = u diag(s) v^T with min(rows, columns) columns in u and v, by one-sided Jacobi rotations,
// which find small singular values with the relative accuracy of the columns. Columns of vanishing
// singular values are completed to orthonormal ones where there is room. All NaN where x is not
// finite.
struct Svd {
  DenseMatrix u, v;
  std::vector<double> s;
};
Svd svd(const DenseMatrix& x);

// symmetric = vectors diag(values) vectors^T, with an error of eps times the largest element; all
// NaN where it is not finite.
struct Spectrum {
  std::vector<double> values;
  DenseMatrix vectors;
};
Spectrum spectrum(const DenseMatrix& symmetric);

// The orthogonal v u^T that brings f2 nearest to f1, for f1^T f2 = u s v^T; both of the same size.
DenseMatrix polar(const DenseMatrix& f1, const DenseMatrix& f2);

// A factor F (d, d) of a positive semidefinite matrix; false where it is indefinite beyond rounding
// or not finite.
bool semidefinite_factor(const DenseMatrix& s, DenseMatrix& factor);

}  // namespace isokern::dense
