// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Products of reflectors and their derivatives by definition: one reflector after the other, in
// long double.
#pragma once

#include "matrices.hpp"

namespace test {

/// What errors of k reflectors in m dimensions grow with. A block is applied through the products
/// of its vectors with each other, which add up where there are more of them than dimensions.
inline double terms(Index m, Index k) {
  const double rows = static_cast<double>(std::max<Index>(m, 1)), count = static_cast<double>(k);
  return std::sqrt((rows + count) * std::max(1.0, count / rows));
}

/// Reflectors with all that LAPACK's storage implies.
inline Matrix implied(Matrix v) {
  for (Index i = 0; i < v.rows; ++i) {
    for (Index j = i; j < v.columns; ++j) v(i, j) = i == j ? 1 : 0;
  }
  return v;
}

/// The factors 2 / |v|^2; 0 for v = 0.
inline Reals own_factors(const Matrix& v) {
  Reals tau(size(v.columns));
  for (Index i = 0; i < v.columns; ++i) {
    const Real length = column_norm(v, i);
    tau[size(i)] = length == 0 ? 0 : 2 / length / length;
  }
  return tau;
}

/// x <- x - tau v (v^T x) for column i of v.
inline void reflect(const Matrix& v, Index i, Real tau, Matrix& x) {
  for (Index j = 0; j < x.columns; ++j) {
    const Real along = tau * column_dot(v, i, x, j);
    for (Index row = 0; row < x.rows; ++row) x(row, j) -= v(row, i) * along;
  }
}

/// H_1 ... H_k x, or H_k ... H_1 x.
inline Matrix reflected(const Matrix& v, const Reals& tau, bool transpose, Matrix x) {
  for (Index step = 0; step < v.columns; ++step) {
    const Index i = transpose ? step : v.columns - 1 - step;
    reflect(v, i, tau[size(i)], x);
  }
  return x;
}

/// Factors tau for the reflectors of an array (..., m, k) with 0 <= tau |v|^2 <= 2, some of them
/// zero: such products do not grow.
template <class T>
Array<T> random_factors(const Array<T>& v, bool lapack, std::uint64_t stream, Index step = 1) {
  const Index k = v.extent(1), items = v.items();
  Array<T> tau({items, k}, 0, step);
  tau.randomize(stream);
  for (Index item = 0; item < items; ++item) {
    const Reals most = own_factors(lapack ? implied(v.item(item)) : v.item(item));
    for (Index i = 0; i < k; ++i) {
      T& factor = tau[item * k + i];
      const Real share = (static_cast<Real>(factor) + 1) / 2;
      factor = share < 0.15L ? T(0) : static_cast<T>(share * most[size(i)]);
    }
  }
  return tau;
}

/// One way to call a function on products: from which side, in which storage, and so on.
struct Way {
  isokern::Side side;
  bool transpose, given;
  isokern::Storage storage;

  bool left() const { return side == isokern::Side::left; }
  bool lapack() const { return storage == isokern::Storage::lapack; }
  /// x Q = (Q^T x^T)^T: whether Q^T acts on columns.
  bool transposed() const { return transpose == left(); }
  /// The columns that Q meets.
  Matrix columns(const Matrix& x) const { return left() ? x : test::transposed(x); }
};

/// All 16.
inline std::vector<Way> ways() {
  using isokern::Side;
  using isokern::Storage;
  std::vector<Way> all;
  for (int i = 0; i < 16; ++i) {
    all.push_back({(i & 1) != 0 ? Side::right : Side::left, (i & 2) != 0, (i & 4) != 0,
                   (i & 8) != 0 ? Storage::lapack : Storage::dense});
  }
  return all;
}

/// One product, acting on columns, with all that is implied.
struct Exact {
  Way way;
  Matrix v, x;
  Reals tau;

  Exact(const Way& w, const Matrix& reflectors, const Reals& factors, const Matrix& operand)
      : way(w),
        v(w.lapack() ? implied(reflectors) : reflectors),
        x(w.columns(operand)),
        tau(w.given ? factors : own_factors(v)) {}

  Index order(Index step) const { return way.transposed() ? step : v.columns - 1 - step; }
  bool stored(Index row, Index column) const { return !way.lapack() || row > column; }
};

struct Gradients {
  Matrix v, x;
  Reals tau;
};

/// For y = x - tau v (v.x): x_bar = g - tau v (v.g), v_bar = -tau ((v.x) g + (v.g) x), tau_bar =
/// -(v.x) (v.g), summed over columns; the default tau has d tau = -tau^2 v.dv.
inline Gradients gradients(const Exact& e, Matrix g) {
  std::vector<Matrix> before = {e.x};
  for (Index step = 0; step < e.v.columns; ++step) {
    const Index i = e.order(step);
    before.push_back(before.back());
    reflect(e.v, i, e.tau[size(i)], before.back());
  }
  Gradients bar{Matrix(e.v.rows, e.v.columns), Matrix(), Reals(e.tau.size())};
  for (Index step = e.v.columns; step-- > 0;) {
    const Index i = e.order(step);
    const Matrix& x = before[size(step)];
    const Real tau = e.tau[size(i)];
    Real& tau_bar = bar.tau[size(i)];
    for (Index j = 0; j < x.columns; ++j) {
      const Real along = column_dot(e.v, i, x, j), back = column_dot(e.v, i, g, j);
      for (Index row = 0; row < x.rows; ++row)
        bar.v(row, i) -= tau * (along * g(row, j) + back * x(row, j));
      tau_bar -= along * back;
    }
    for (Index row = 0; !e.way.given && row < x.rows; ++row)
      bar.v(row, i) -= tau * tau * tau_bar * e.v(row, i);
    for (Index row = 0; row < x.rows; ++row) {
      if (!e.stored(row, i)) bar.v(row, i) = 0;
    }
    reflect(e.v, i, tau, g);
  }
  bar.x = g;
  return bar;
}

/// The derivative of the image of e.x.
inline Matrix tangent(const Exact& e, const Matrix& v_dot, const Reals& tau_dot, Matrix y_dot) {
  Matrix y = e.x;
  for (Index step = 0; step < e.v.columns; ++step) {
    const Index i = e.order(step);
    const Real tau = e.tau[size(i)];
    const auto dot_of = [&](Index row) { return e.stored(row, i) ? v_dot(row, i) : 0; };
    Real factor_dot = e.way.given ? tau_dot[size(i)] : 0;
    for (Index row = 0; !e.way.given && row < y.rows; ++row)
      factor_dot -= tau * tau * e.v(row, i) * dot_of(row);
    for (Index j = 0; j < y.columns; ++j) {
      const Real along = column_dot(e.v, i, y, j);
      Real along_dot = column_dot(e.v, i, y_dot, j);
      for (Index row = 0; row < y.rows; ++row) along_dot += dot_of(row) * y(row, j);
      for (Index row = 0; row < y.rows; ++row) {
        y_dot(row, j) -= factor_dot * e.v(row, i) * along + tau * dot_of(row) * along +
                         tau * e.v(row, i) * along_dot;
      }
    }
    reflect(e.v, i, tau, y);
  }
  return y_dot;
}

}  // namespace test
