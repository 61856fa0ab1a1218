// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Random normal distributions in each form of a covariance, in long double and as arrays.
#pragma once

#include "matrices.hpp"

namespace test {

/// Means, or points (items, d).
inline Array<double> vectors(Index items, Index d, std::uint64_t stream) {
  Array<double> x({items, d});
  x.randomize(stream);
  return x;
}

/// Well-conditioned covariances (items, d, d).
inline Array<double> covariances(Index items, Index d, std::uint64_t stream) {
  Array<double> x({items, d, 2 * d + 1}), s({items, d, d}, 3);
  x.randomize(stream);
  for (Index item = 0; item < items; ++item) {
    const Matrix m = x.item(item), square = product(m, transposed(m));
    for (Index i = 0; i < d; ++i) {
      for (Index j = 0; j < d; ++j)
        s[s.index(item, i, j)] = static_cast<double>(square(i, j) / static_cast<Real>(d));
    }
  }
  return s;
}

inline Matrix cholesky(const Matrix& s) {
  Matrix l(s.rows, s.rows);
  for (Index i = 0; i < s.rows; ++i) {
    for (Index j = 0; j <= i; ++j) {
      Real sum = s(i, j);
      for (Index k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
      l(i, j) = i == j ? std::sqrt(sum) : sum / l(j, j);
    }
  }
  return l;
}

/// L^-1 B
inline Matrix solve(const Matrix& l, Matrix b) {
  for (Index i = 0; i < l.rows; ++i) {
    for (Index j = 0; j < b.columns; ++j) {
      for (Index k = 0; k < i; ++k) b(i, j) -= l(i, k) * b(k, j);
      b(i, j) /= l(i, i);
    }
  }
  return b;
}

inline Real half_log_det(const Matrix& s) {
  const Matrix l = cholesky(s);
  Real sum = 0;
  for (Index i = 0; i < s.rows; ++i) sum += std::log(l(i, i));
  return sum;
}

inline Real squares(const Matrix& x) {
  return dot(x.data, x.data);
}

/// The covariances in another form.
inline Array<double> in_form(const Array<double>& s, isokern::Covariance form) {
  Array<double> result = s;
  for (Index item = 0; item < s.items(); ++item) {
    Matrix value = s.item(item);
    if (form == isokern::Covariance::tril) value = cholesky(value);
    if (form == isokern::Covariance::precision) {
      const Matrix half = solve(cholesky(value), identity(value.rows, value.rows));
      value = product(transposed(half), half);
    }
    for (Index i = 0; i < value.rows; ++i) {
      for (Index j = 0; j < value.rows; ++j)
        result[result.index(item, i, j)] = static_cast<double>(value(i, j));
    }
  }
  return result;
}

inline bool close(Real got, Real exact, Real tolerance = 1e-12L) {
  return std::abs(got - exact) <= tolerance * std::abs(exact);
}

}  // namespace test
