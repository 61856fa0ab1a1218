// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Squared Wasserstein distances of pairs, whose covariances may have any rank.
#include <algorithm>
#include <cmath>
#include <limits>

#include "each_item.hpp"
#include "gaussian_near.hpp"
#include "gaussian_pairs.hpp"

namespace isokern {
namespace {

using dense::DenseMatrix;
using dense::plus;
using dense::times;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kClose = 1e-6;  // of a squared distance, relative to the traces

// Both covariances in whatever the distance is made from: factors (d, columns).
struct Roots {
  Items one, other;
  Index columns1, columns2;

  DenseMatrix first(Index item, const Pair& pair) const {
    return {pair.d, columns1, one.at(item, pair.batch)};
  }
  DenseMatrix second(Index item, const Pair& pair) const {
    return {pair.d, columns2, other.at(item, pair.batch)};
  }
};

// |F1 - F2 Q|^2 with the polar factor Q of F1^T F2, as a sum of squares where it is small.
double distance(DenseMatrix f1, DenseMatrix f2) {
  const DenseMatrix m = times(dense::transposed(f1), f2);
  if (!dense::finite(m)) return kNaN;
  const double traces = dense::squares(f1) + dense::squares(f2);
  double value = traces;
  for (double s : dense::svd(m).s) value -= 2 * s;
  if (value > 1e-3 * traces) return value;
  bring_together(f1, f2, nullptr);
  return dense::squares(plus(f1, times(f2, dense::polar(f1, f2)), -1));
}

double trace_of(const Pair& pair, const GivenCovariances& given, const Items& root, Index item) {
  const Index d = pair.d;
  double sum = 0;
  if (given.kind == Kind::cov) {
    const double* const own = given.values.at(item, pair.batch);
    for (Index i = 0; i < d; ++i) sum += own[i * (d + 1)];
  } else if (given.kind == Kind::tril) {
    const double* const own = given.values.at(item, pair.batch);
    for (Index i = 0; i < d; ++i) {
      for (Index j = 0; j <= i; ++j) sum += own[i * d + j] * own[i * d + j];
    }
  } else {
    const double* const own = root.at(item, pair.batch);
    for (Index i = 0; i < root.size; ++i) sum += own[i] * own[i];
  }
  return sum;
}

DenseMatrix lower_part(DenseMatrix x) {
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = i + 1; j < x.columns; ++j) x(i, j) = 0;
  }
  return x;
}

Items roots_of_factors(const Pair& pair, const GivenCovariances& given) {
  return given.columns > given.d ? triangles(given.values, pair.d, given.columns) : given.values;
}

void blame(const Pair& pair, const GivenCovariances& given) {
  if (pair.on_error == OnError::nan) return;
  const Layout& batch = given.values.batch;
  for (Index item = 0; item < batch.size(); ++item) {
    const double* const own = given.values.own(item);
    if (!std::all_of(own, own + given.values.size, [](double x) { return std::isfinite(x); }))
      throw_status(pair.f, kIndefiniteFirst, item, batch, given.name, batch);
  }
}

double whole_distance(const Pair& pair, const Roots& roots, Index item) {
  const double value = distance(roots.first(item, pair), roots.second(item, pair));
  const bool same = pair.equal(item) && std::isfinite(value);
  return (same ? 0 : value) + dense::squares(pair.delta(item));
}

// What is left of F1 - F2 Q where the distance is small: from the difference of what was given.
double refined(const Pair& pair, const Covariances& one, const Covariances& other,
               const Roots& roots, Index item) {
  DenseMatrix f2, e;
  if (pair.kind() == Kind::tril) {
    f2 = lower_part(pair.other.matrix(item, pair.batch));
    e = plus(lower_part(pair.one.matrix(item, pair.batch)), f2, -1);
  } else if (pair.kind() == Kind::factor &&
             std::max(pair.one.columns, pair.other.columns) <= pair.d) {
    DenseMatrix f1 = roots.first(item, pair);
    f2 = roots.second(item, pair);
    bring_together(f1, f2, nullptr);
    e = plus(f1, f2, -1);
  } else {
    const Basis basis = whitened(pair, one, other, item);
    f2 = basis.lower;
    DenseMatrix scaled = basis.vectors;
    for (Index j = 0; j < pair.d; ++j) {
      const terms::Coordinate& x = basis.coordinates[static_cast<std::size_t>(j)];
      for (Index i = 0; i < pair.d; ++i) scaled(i, j) *= x.excess / (1 + std::sqrt(x.one));
    }
    e = times(f2, times(scaled, dense::transposed(basis.vectors)));
  }
  return turned_residual(f2, e) + dense::squares(pair.delta(item));
}

void refine_distances(const Pair& pair, const Roots& roots, Items& values) {
  std::vector<Index> close;
  for (Index item = 0; item < pair.batch.size(); ++item) {
    const double value = *values.own(item);
    if (value > 0 && value < kClose * (trace_of(pair, pair.one, roots.one, item) +
                                       trace_of(pair, pair.other, roots.other, item)))
      close.push_back(item);
  }
  if (close.empty()) return;
  Covariances one, other;
  if (pair.kind() != Kind::tril) {
    one = factorised(pair.f, pair.one, OnError::nan);
    other = factorised(pair.f, pair.other, OnError::nan);
  }
  each_item(static_cast<Index>(close.size()), cubes(100, pair.d), [&](Index i) {
    const Index item = close[static_cast<std::size_t>(i)];
    const double again = refined(pair, one, other, roots, item);
    if (std::isfinite(again)) *values.own(item) = again;
  });
}

// The kernel takes what was given.
bool kernel_takes(const Pair& pair) {
  return pair.kind() == Kind::cov || pair.kind() == Kind::tril;
}

// Of singular covariances, which the kernel refuses.
void complete_singular(const Pair& pair, Roots& roots, Items& values) {
  std::vector<Index> again;
  for (Index item = 0; item < pair.batch.size(); ++item) {
    if (std::isnan(*values.own(item)) && std::isfinite(dense::squares(pair.delta(item))))
      again.push_back(item);
  }
  if (again.empty()) return;
  if (kernel_takes(pair)) {
    roots.one = factorised(pair.f, pair.one, pair.on_error, true).lower;
    roots.other = factorised(pair.f, pair.other, pair.on_error, true).lower;
  }
  each_item(static_cast<Index>(again.size()), cubes(40, pair.d), [&](Index i) {
    const Index item = again[static_cast<std::size_t>(i)];
    *values.own(item) = whole_distance(pair, roots, item);
  });
}

Roots square_roots(const Pair& pair) {
  Roots roots{{}, {}, pair.d, pair.d};
  if (kernel_takes(pair)) return roots;  // made where they are needed
  roots.one = factorised(pair.f, pair.one, pair.on_error, true).lower;
  roots.other = factorised(pair.f, pair.other, pair.on_error, true).lower;
  return roots;
}

}  // namespace

Items wasserstein2_of(Pair& pair) {
  const Index d = pair.d;
  if (pair.kind() == Kind::diag) {
    check_variances(pair.f, pair.one, pair.on_error, true);
    check_variances(pair.f, pair.other, pair.on_error, true);
    Items values(pair.batch, 1);
    each_item(pair.batch.size(), 20 * static_cast<double>(d), [&](Index item) {
      const double *s1 = pair.one.values.at(item, pair.batch),
                   *s2 = pair.other.values.at(item, pair.batch);
      *values.own(item) = terms::wasserstein2(d, [&](Index i) {
        return terms::Coordinate{pair.delta(item, i), s1[i] - s2[i], s1[i], s2[i]};
      });
    });
    return values;
  }
  Roots roots{{}, {}, d, d};
  if (pair.kind() == Kind::factor) {
    blame(pair, pair.one);
    blame(pair, pair.other);
    roots = {roots_of_factors(pair, pair.one), roots_of_factors(pair, pair.other),
             std::min(d, pair.one.columns), std::min(d, pair.other.columns)};
    Items values(pair.batch, 1);
    each_item(pair.batch.size(), cubes(40, d), [&](Index item) {
      const double value = distance(roots.first(item, pair), roots.second(item, pair));
      *values.own(item) =
          (pair.equal(item) && std::isfinite(value) ? 0 : value) + dense::squares(pair.delta(item));
    });
    refine_distances(pair, roots, values);
    return values;
  }
  roots = square_roots(pair);
  const bool given = kernel_takes(pair);
  Items values = by_kernel(pair, GaussianMeasure::wasserstein2,
                           pair.kind() == Kind::cov ? Covariance::cov : Covariance::tril,
                           given ? pair.one.values : roots.one,
                           given ? pair.other.values : roots.other, 0, OnError::nan);
  complete_singular(pair, roots, values);
  refine_distances(pair, roots, values);
  return values;
}

void complete_wasserstein2(const Pair& pair, Items& values) {
  Roots roots = square_roots(pair);
  complete_singular(pair, roots, values);
  refine_distances(pair, roots, values);
}

}  // namespace isokern
