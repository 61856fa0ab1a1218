// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Distributions in every form, low rank plus diagonal among them, with what they stand for in long
// double; every measure by its definition, and by its name.
#pragma once

#include "gaussians.hpp"

namespace test {

using isokern::ConstView;
using isokern::Covariance;
using isokern::LowRankDiagonal;
using isokern::Metric;
using isokern::MetricOptions;
using isokern::OnError;
using isokern::View;

enum class Kind { cov, tril, precision, factor, diag, lowrank };

inline constexpr Kind kKinds[] = {Kind::cov,    Kind::tril, Kind::precision,
                                  Kind::factor, Kind::diag, Kind::lowrank};
inline constexpr Metric kMetrics[] = {Metric::kl,
                                      Metric::jeffreys,
                                      Metric::cross_entropy,
                                      Metric::bhattacharyya,
                                      Metric::hellinger,
                                      Metric::hellinger_squared,
                                      Metric::renyi,
                                      Metric::geometric_js,
                                      Metric::wasserstein2,
                                      Metric::wasserstein2_squared,
                                      Metric::mahalanobis,
                                      Metric::mahalanobis_squared};
inline const Real kLog2Pi = std::log(2 * std::acos(-1.0L));

inline Covariance form_of(Kind kind) {
  constexpr Covariance forms[] = {Covariance::cov, Covariance::tril, Covariance::precision,
                                  Covariance::factor, Covariance::diag};
  return forms[static_cast<int>(kind)];
}

inline Matrix inverse(const Matrix& s) {
  const Matrix half = solve(cholesky(s), identity(s.rows, s.rows));
  return product(transposed(half), half);
}

inline Matrix mixed(const Matrix& x, Real a, const Matrix& y, Real b) {
  Matrix z = x;
  for (std::size_t i = 0; i < z.data.size(); ++i) z.data[i] = a * x.data[i] + b * y.data[i];
  return z;
}

/// Covariances (items, ...) of a kind.
struct Covs {
  Kind kind;
  Array<double> given, diagonal;

  ConstView view() const { return given.view(); }
  LowRankDiagonal pair() const { return {given.view(), diagonal.view()}; }

  /// S of an item.
  Matrix matrix(Index item) const {
    const Index d = kind == Kind::diag ? given.extent(1) : given.extent(2);
    if (kind == Kind::diag) {
      Matrix s(d, d);
      for (Index i = 0; i < d; ++i) s(i, i) = given.row(item)[size(i)];
      return s;
    }
    Matrix own = given.item(item);
    if (kind == Kind::cov) return own;
    if (kind == Kind::precision) return inverse(own);
    for (Index i = 0; kind == Kind::tril && i < d; ++i) {
      for (Index j = i + 1; j < d; ++j) own(i, j) = 0;
    }
    Matrix s = product(own, transposed(own));
    for (Index i = 0; kind == Kind::lowrank && i < d; ++i) s(i, i) += diagonal.row(item)[size(i)];
    return s;
  }

  /// Another near it: relative changes of `step`.
  Covs moved(double step, std::uint64_t stream) const {
    Covs result = *this;
    for (Array<double>* x : {&result.given, &result.diagonal}) {
      Array<double> u = *x;
      u.randomize(stream);
      for (Index i = 0; i < x->elements(); ++i) (*x)[i] *= 1 + step * u[i];
    }
    if (kind != Kind::cov && kind != Kind::precision) return result;
    for (Index item = 0; item < given.items(); ++item) {
      for (Index i = 0; i < given.extent(1); ++i) {
        for (Index j = 0; j < i; ++j)
          result.given[given.index(item, j, i)] = result.given[given.index(item, i, j)];
      }
    }
    return result;
  }
};

inline Covs covs(Kind kind, Index items, Index d, std::uint64_t stream, Index rank = 2) {
  if (kind == Kind::factor || kind == Kind::lowrank) {
    Covs result{kind, Array<double>({items, d, kind == Kind::factor ? d + rank : rank}, 1),
                Array<double>({items, d}, 2)};
    result.given.randomize(stream);
    result.diagonal.randomize(stream + 1000);
    for (Index i = 0; i < items * d; ++i) result.diagonal[i] = 1.2 + result.diagonal[i];
    return result;
  }
  if (kind == Kind::diag) {
    Covs result{kind, Array<double>({items, d}, 1), Array<double>({0, d})};
    result.given.randomize(stream);
    for (Index i = 0; i < items * d; ++i) result.given[i] = 1.5 + result.given[i];
    return result;
  }
  return {kind, in_form(covariances(items, d, stream), form_of(kind)), Array<double>({0, d})};
}

inline Real kl(const Matrix& delta, const Matrix& s1, const Matrix& s2) {
  const Matrix l2 = cholesky(s2);
  const Real trace = squares(solve(l2, cholesky(s1)));
  return (trace - static_cast<Real>(s1.rows) + squares(solve(l2, delta))) / 2 + half_log_det(s2) -
         half_log_det(s1);
}

inline Real renyi(const Matrix& delta, const Matrix& s1, const Matrix& s2, Real alpha) {
  const Matrix middle = mixed(s2, alpha, s1, 1 - alpha);
  const Real logs =
      half_log_det(middle) - (1 - alpha) * half_log_det(s1) - alpha * half_log_det(s2);
  return alpha / 2 * squares(solve(cholesky(middle), delta)) - logs / (alpha - 1);
}

inline Real geometric_js(const Matrix& delta, const Matrix& s1, const Matrix& s2, Real a,
                         bool dual) {
  const Matrix p2 = inverse(s2), g = inverse(mixed(inverse(s1), 1 - a, p2, a));
  Matrix first = product(g, product(p2, delta));  // m1 - mg
  for (Real& value : first.data) value *= a;
  const Matrix second = mixed(first, 1, delta, -1);
  return dual ? (1 - a) * kl(first, g, s1) + a * kl(second, g, s2)
              : (1 - a) * kl(first, s1, g) + a * kl(second, s2, g);
}

/// By Jacobi's rotations of L1^T L2, whose columns become orthogonal.
inline Real wasserstein2_squared(const Matrix& delta, const Matrix& s1, const Matrix& s2) {
  Matrix m = product(transposed(cholesky(s1)), cholesky(s2));
  const Index d = m.rows;
  for (int sweep = 0; sweep < 30; ++sweep) {
    for (Index p = 0; p < d; ++p) {
      for (Index q = p + 1; q < d; ++q) {
        const Real c = column_dot(m, p, m, q);
        if (c == 0) continue;
        const Real zeta = (column_dot(m, q, m, q) - column_dot(m, p, m, p)) / (2 * c);
        const Real t = (zeta < 0 ? -1 : 1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        const Real cosine = 1 / std::sqrt(1 + t * t), sine = cosine * t;
        for (Index i = 0; i < d; ++i) {
          const Real one = m(i, p), other = m(i, q);
          m(i, p) = cosine * one - sine * other;
          m(i, q) = sine * one + cosine * other;
        }
      }
    }
  }
  Real value = squares(delta);
  for (Index i = 0; i < d; ++i) value += s1(i, i) + s2(i, i) - 2 * column_norm(m, i);
  return value;
}

/// Of distributions with means m1 and m2, delta = m1 - m2.
inline Real definition(Metric metric, const MetricOptions& options, const Matrix& delta,
                       const Matrix& s1, const Matrix& s2) {
  switch (metric) {
    case Metric::kl:
      return kl(delta, s1, s2);
    case Metric::jeffreys:
      return kl(delta, s1, s2) + kl(delta, s2, s1);
    case Metric::cross_entropy:
      return static_cast<Real>(s1.rows) * (1 + kLog2Pi) / 2 + half_log_det(s1) + kl(delta, s1, s2);
    case Metric::bhattacharyya:
      return renyi(delta, s1, s2, 0.5L) / 2;
    case Metric::hellinger:
      return std::sqrt(-std::expm1(-renyi(delta, s1, s2, 0.5L) / 2));
    case Metric::hellinger_squared:
      return -std::expm1(-renyi(delta, s1, s2, 0.5L) / 2);
    case Metric::renyi:
      return renyi(delta, s1, s2, static_cast<Real>(options.alpha));
    case Metric::geometric_js:
      return geometric_js(delta, s1, s2, static_cast<Real>(options.weight), options.dual);
    case Metric::wasserstein2:
      return std::sqrt(wasserstein2_squared(delta, s1, s2));
    case Metric::wasserstein2_squared:
      return wasserstein2_squared(delta, s1, s2);
    case Metric::mahalanobis:
      return std::sqrt(squares(solve(cholesky(mixed(s1, 0.5L, s2, 0.5L)), delta)));
    case Metric::mahalanobis_squared:
      return squares(solve(cholesky(mixed(s1, 0.5L, s2, 0.5L)), delta));
  }
  return 0;
}

/// The function of that name; `rest` is the form, if there is one, on_error and out.
template <class Cov, class... Rest>
void call(Metric metric, const MetricOptions& options, const ConstView& m1, const Cov& c1,
          const ConstView& m2, const Cov& c2, const Rest&... rest) {
  switch (metric) {
    case Metric::kl:
      return isokern::kl(m1, c1, m2, c2, rest...);
    case Metric::jeffreys:
      return isokern::jeffreys(m1, c1, m2, c2, rest...);
    case Metric::cross_entropy:
      return isokern::cross_entropy(m1, c1, m2, c2, rest...);
    case Metric::bhattacharyya:
      return isokern::bhattacharyya(m1, c1, m2, c2, rest...);
    case Metric::hellinger:
      return isokern::hellinger(m1, c1, m2, c2, rest...);
    case Metric::hellinger_squared:
      return isokern::hellinger_squared(m1, c1, m2, c2, rest...);
    case Metric::renyi:
      return isokern::renyi(m1, c1, m2, c2, options.alpha, rest...);
    case Metric::geometric_js:
      return isokern::geometric_js(m1, c1, m2, c2, options.weight, options.dual, rest...);
    case Metric::wasserstein2:
      return isokern::wasserstein2(m1, c1, m2, c2, rest...);
    case Metric::wasserstein2_squared:
      return isokern::wasserstein2_squared(m1, c1, m2, c2, rest...);
    case Metric::mahalanobis:
      return isokern::mahalanobis(m1, c1, m2, c2, rest...);
    case Metric::mahalanobis_squared:
      return isokern::mahalanobis_squared(m1, c1, m2, c2, rest...);
  }
}

inline void call(Metric metric, const MetricOptions& options, const ConstView& m1, const Covs& c1,
                 const ConstView& m2, const Covs& c2, OnError on_error, const View& out) {
  if (c1.kind == Kind::lowrank) {
    call<LowRankDiagonal>(metric, options, m1, c1.pair(), m2, c2.pair(), on_error, out);
  } else {
    call<ConstView>(metric, options, m1, c1.view(), m2, c2.view(), form_of(c1.kind), on_error, out);
  }
}

/// The same for all pairs of two sets.
inline void call_pairwise(Metric metric, const MetricOptions& options, const ConstView& m1,
                          const Covs& c1, const ConstView& m2, const Covs& c2, OnError on_error,
                          const View& out) {
  if (c1.kind == Kind::lowrank) {
    isokern::pairwise(metric, options, m1, c1.pair(), m2, c2.pair(), on_error, out);
  } else {
    isokern::pairwise(metric, options, m1, c1.view(), m2, c2.view(), form_of(c1.kind), on_error,
                      out);
  }
}

inline Matrix difference(const Array<double>& m1, Index i, const Array<double>& m2, Index j) {
  const Index d = m1.extent(1);
  Matrix delta(d, 1);
  for (Index k = 0; k < d; ++k) delta(k, 0) = m1.row(i)[size(k)] - m2.row(j)[size(k)];
  return delta;
}

}  // namespace test
