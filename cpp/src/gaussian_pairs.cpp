// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Divergences of pairs in every form. Kernels take covariances, and triangles and precisions where
// they can; what they compute from digits that a form has lost is computed again.
#include "gaussian_pairs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "each_item.hpp"
#include "gaussian_near.hpp"

namespace isokern {
namespace {

using dense::DenseMatrix;
using dense::times;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A measure of diagonals; measure(d, at) sums over coordinates.
template <class Measure>
Items by_coordinates(Pair& pair, const Measure& measure) {
  check_variances(pair.f, pair.one, pair.on_error);
  check_variances(pair.f, pair.other, pair.on_error);
  Items values(pair.batch, 1);
  each_item(values.batch.size(), 40 * static_cast<double>(pair.d), [&](Index item) {
    const double* const s1 = pair.one.values.at(item, pair.batch);
    const double* const s2 = pair.other.values.at(item, pair.batch);
    const double* const m1 = pair.has_means() ? pair.mean1.at(item, pair.batch) : nullptr;
    const double* const m2 = pair.has_means() ? pair.mean2.at(item, pair.batch) : nullptr;
    *values.own(item) = measure(pair.d, [&](Index i) {
      const double delta = m1 == nullptr ? 0 : m1[i] - m2[i];
      return terms::Coordinate{delta, s1[i] - s2[i], s1[i], s2[i]};
    });
  });
  return values;
}

// Of singular covariances: infinite unless both live on the same affine subspace.
double kl_on_support(const DenseMatrix& delta, const DenseMatrix& f1, const DenseMatrix& f2) {
  if (!dense::finite(delta) || !dense::finite(f1) || !dense::finite(f2)) return kNaN;
  const Index d = delta.rows, widest = std::max({f1.columns, f2.columns, d});
  const double tolerance = static_cast<double>(widest) * std::numeric_limits<double>::epsilon();
  const dense::Svd own = dense::svd(f1), base = dense::svd(f2);
  const auto rank_of = [&](const std::vector<double>& s) {
    return std::count_if(s.begin(), s.end(), [&](double x) { return x > tolerance * s.front(); });
  };
  const Index rank = rank_of(base.s);
  if (rank_of(own.s) != rank) return kInfinity;
  DenseMatrix u(d, rank);
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j < rank; ++j) u(i, j) = base.u(i, j);
  }
  const DenseMatrix back = dense::transposed(u);
  const auto outside = [&](const DenseMatrix& x) {
    double largest = 0;
    for (double value : dense::plus(x, times(u, times(back, x)), -1).values)
      largest = std::max(largest, std::abs(value));
    return largest;
  };
  const double scale = std::max(own.s.empty() ? 0 : own.s.front(), base.s.empty() ? 0 : base.s[0]);
  const double length = std::max(std::sqrt(dense::squares(delta)), 1e-300);
  if (outside(f1) > scale * std::sqrt(tolerance) || outside(delta) > length * std::sqrt(tolerance))
    return kInfinity;
  if (rank == 0) return 0;
  const auto small = [&](const DenseMatrix& f) {
    Items inside(Layout{}, rank * f.columns);
    put(times(back, f), inside.own(0));
    return triangles(inside, rank, f.columns);
  };
  const Items l1 = small(f1), l2 = small(f2);
  const DenseMatrix moved = times(back, delta), zero(rank, 1);
  double value = kNaN;
  measure_pairs("kl",
                {ConstView(moved.values.data(), {rank}), view_of(l1, {rank, rank}),
                 ConstView(zero.values.data(), {rank}), view_of(l2, {rank, rank})},
                GaussianMeasure::kl, Covariance::tril, 0, OnError::nan, View(&value, Layout{}));
  return value;
}

void check_finite(const Pair& pair, const GivenCovariances& given) {
  const Layout& batch = given.values.batch;
  for (Index item = 0; item < batch.size(); ++item) {
    const double* const own = given.values.own(item);
    if (!std::all_of(own, own + given.values.size, [](double x) { return std::isfinite(x); }))
      throw_status(pair.f, kIndefiniteFirst, item, batch, given.name, batch);
  }
}

Items kl_of_factors(const Pair& pair) {
  if (pair.on_error != OnError::nan) {
    check_finite(pair, pair.one);
    check_finite(pair, pair.other);
  }
  const Index d = pair.d;
  Covariances one{d, {}, triangles(pair.one.values, d, pair.one.columns)};
  Covariances other{d, {}, triangles(pair.other.values, d, pair.other.columns)};
  Items values = by_kernel(pair, GaussianMeasure::kl, Covariance::tril, one.lower, other.lower, 0,
                           OnError::nan);
  refine(pair, one, other, values, [](Index n, const auto& at) { return terms::kl(n, at); });
  for (Index item = 0; item < pair.batch.size(); ++item) {
    if (full_rank(one.lower.at(item, pair.batch), d) &&
        full_rank(other.lower.at(item, pair.batch), d))
      continue;
    *values.own(item) = kl_on_support(pair.delta(item), pair.one.matrix(item, pair.batch),
                                      pair.other.matrix(item, pair.batch));
  }
  return values;
}

// A measure that the kernels take covariances for.
template <class Measure>
Items by_covariances(const Pair& pair, GaussianMeasure kernel, double alpha,
                     const Measure& measure) {
  if (pair.kind() == Kind::cov) {
    return by_kernel(pair, kernel, Covariance::cov, pair.one.values, pair.other.values, alpha,
                     pair.on_error);
  }
  const Covariances one = factorised(pair.f, pair.one, pair.on_error);
  const Covariances other = factorised(pair.f, pair.other, pair.on_error);
  Items values = by_kernel(pair, kernel, Covariance::cov, one.s, other.s, alpha, pair.on_error);
  refine(pair, one, other, values, measure);
  return values;
}

}  // namespace

Items by_kernel(const Pair& pair, GaussianMeasure measure, Covariance form, const Items& cov1,
                const Items& cov2, double alpha, OnError on_error) {
  Items values(pair.batch, 1);
  const Index d = pair.d;
  const ConstView c1 = view_of(cov1, {d, d}), c2 = view_of(cov2, {d, d});
  ConstView m1, m2;
  if (pair.has_means()) {
    m1 = view_of(pair.mean1, {d});
    m2 = view_of(pair.mean2, {d});
  }
  measure_pairs(pair.f, {m1, c1, m2, c2}, measure, form, alpha, on_error, row_major(values));
  return values;
}

Items kl_of(Pair& pair) {
  switch (pair.kind()) {
    case Kind::diag:
      return by_coordinates(pair, [](Index d, const auto& at) { return terms::kl(d, at); });
    case Kind::lowrank:
      return kl_of_lowrank(pair);
    case Kind::factor:
      return kl_of_factors(pair);
    default:
      return by_kernel(pair, GaussianMeasure::kl,
                       pair.kind() == Kind::cov    ? Covariance::cov
                       : pair.kind() == Kind::tril ? Covariance::tril
                                                   : Covariance::precision,
                       pair.one.values, pair.other.values, 0, pair.on_error);
  }
}

Items renyi_of(Pair& pair, double alpha) {
  const auto measure = [alpha](Index d, const auto& at) { return terms::renyi(d, at, alpha); };
  if (pair.kind() == Kind::diag) return by_coordinates(pair, measure);
  if (pair.kind() == Kind::lowrank) return renyi_of_lowrank(pair, alpha);
  return by_covariances(pair, GaussianMeasure::renyi, alpha, measure);
}

Items bhattacharyya_of(Pair& pair) {
  const auto measure = [](Index d, const auto& at) { return terms::renyi(d, at, 0.5) / 2; };
  if (pair.kind() == Kind::diag) return by_coordinates(pair, measure);
  if (pair.kind() != Kind::lowrank)
    return by_covariances(pair, GaussianMeasure::bhattacharyya, 0, measure);
  Items values = renyi_of_lowrank(pair, 0.5);
  for (double& value : values.values) value /= 2;
  return values;
}

Items geometric_js_of(Pair& pair, double weight, bool dual) {
  const auto measure = [=](Index d, const auto& at) {
    return terms::geometric_js(d, at, weight, dual);
  };
  if (pair.kind() == Kind::diag) return by_coordinates(pair, measure);
  const Index d = pair.d;
  const Covariances one = factorised(pair.f, pair.one, pair.on_error);
  const Covariances other = factorised(pair.f, pair.other, pair.on_error);
  const auto precisions = [&](const Covariances& cov, const GivenCovariances& given) {
    Items result(given.values.batch, d * d);
    const ConstView all = view_of(cov.s, {d, d});
    if (given.values.batch.size() > 0)
      factor(all, FactorResult::inverse, OnError::nan, View(result.own(0), all));
    for (Index item = 0; given.kind == Kind::precision && item < result.batch.size(); ++item) {
      const double* const own = given.values.own(item);
      if (std::isfinite(*cov.lower.own(item))) std::copy(own, own + d * d, result.own(item));
    }
    return result;
  };
  const Items p1 = precisions(one, pair.one), p2 = precisions(other, pair.other);
  // The mean g: its precision, and its own mean.
  Items mixed(pair.batch, d * d), middle(pair.batch, d);
  each_item(pair.batch.size(), cubes(3, d), [&](Index item) {
    const DenseMatrix a(d, d, p1.at(item, pair.batch)), b(d, d, p2.at(item, pair.batch));
    DenseMatrix whole = dense::plus(a, dense::plus(b, a, -1), weight), lower = whole;
    if (!dense::cholesky(lower)) fill_nan(lower.values.data(), d, d, d);
    const DenseMatrix delta = pair.delta(item);  // from the second to the first
    const DenseMatrix moved = dense::solve_transposed(lower, dense::solve(lower, times(b, delta)));
    put(whole, mixed.own(item));
    for (Index i = 0; i < d; ++i) {
      const double start = pair.has_means() ? pair.mean1.at(item, pair.batch)[i] : 0;
      middle.own(item)[i] = start - weight * moved(i, 0);
    }
  });
  Items values(pair.batch, 1), centres(pair.has_means() ? Layout{} : pair.batch, d);
  const ConstView g = view_of(middle, {d}), gp = view_of(mixed, {d, d});
  const ConstView zero = view_of(centres, {d});
  for (int side = 0; side < 2; ++side) {
    const double share = side == 0 ? 1 - weight : weight;
    const Items &own = side == 0 ? p1 : p2, &mean = side == 0 ? pair.mean1 : pair.mean2;
    const ConstView m = pair.has_means() ? view_of(mean, {d}) : zero, p = view_of(own, {d, d});
    Items part(pair.batch, 1);
    const View to = row_major(part);
    if (dual) {
      measure_pairs(pair.f, {g, gp, m, p}, GaussianMeasure::kl, Covariance::precision, 0,
                    OnError::nan, to);
    } else {
      measure_pairs(pair.f, {m, p, g, gp}, GaussianMeasure::kl, Covariance::precision, 0,
                    OnError::nan, to);
    }
    for (Index item = 0; item < pair.batch.size(); ++item) {
      const double bad = 0 * *own.at(item, pair.batch);  // NaN of a bad one, whatever its share
      *values.own(item) += share == 0 ? bad : share * *part.own(item);
    }
  }
  refine(pair, one, other, values, measure);
  return values;
}

Items mahalanobis_of(Pair& pair) {
  if (pair.kind() == Kind::diag)
    return by_coordinates(pair, [](Index d, const auto& at) { return terms::mahalanobis(d, at); });
  if (pair.kind() == Kind::lowrank) return mahalanobis_of_lowrank(pair);
  const Covariances one = factorised(pair.f, pair.one, pair.on_error);
  const Covariances other = factorised(pair.f, pair.other, pair.on_error);
  Items values(pair.batch, 1);
  each_item(pair.batch.size(), cubes(1, pair.d), [&](Index item) {
    const DenseMatrix s1 = one.matrix(item, pair.batch);
    DenseMatrix mean = dense::plus(s1, dense::plus(other.matrix(item, pair.batch), s1, -1), 0.5);
    const bool good = dense::cholesky(mean);
    *values.own(item) = good ? dense::squares(dense::solve(mean, pair.delta(item))) : kNaN;
  });
  return values;
}

}  // namespace isokern
