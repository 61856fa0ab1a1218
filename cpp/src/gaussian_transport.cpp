// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Optimal transport between normal distributions, from factors: S = F F^T may be singular.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "each_item.hpp"
#include "gaussian.hpp"

namespace isokern {
namespace {

using dense::DenseMatrix;
using dense::plus;
using dense::times;

struct Pairs {
  Index d;
  Layout batch;
  Items mean1, mean2;
  Covariances one, other;
};

Pairs take_pairs(const char* f, Index d, const PairArguments& given, Covariance form,
                 OnError on_error) {
  if (!given.mean1) throw invalid_argument(std::string(f) + ": mean1 is absent, expected means");
  return {d,
          batch_of_pairs(f, given, form),
          Items(given.mean1, 1),
          Items(given.mean2, 1),
          take_covariances(f, {"cov1", given.cov1}, form, on_error, true),
          take_covariances(f, {"cov2", given.cov2}, form, on_error, true)};
}

// The inverse of a square factor on the span of its columns.
DenseMatrix pseudo_inverse(const DenseMatrix& x) {
  const dense::Svd parts = dense::svd(x);
  DenseMatrix v = parts.v;
  const double least = static_cast<double>(x.rows) * std::numeric_limits<double>::epsilon() *
                       (parts.s.empty() ? 0 : parts.s.front());
  for (Index i = 0; i < v.rows; ++i) {
    for (Index j = 0; j < v.columns; ++j) {
      const double size = parts.s[static_cast<std::size_t>(j)];
      v(i, j) = size > least ? v(i, j) / size : 0;
    }
  }
  return times(v, dense::transposed(parts.u));
}

// On the support of S1, where the map is determined, it may lead out of it: what does, comes back
// by symmetry.
DenseMatrix map_of(const DenseMatrix& f1, const DenseMatrix& f2) {
  if (!dense::finite(f1) || !dense::finite(f2)) {
    DenseMatrix none(f1.rows, f1.rows);
    fill_nan(none.values.data(), f1.rows, f1.rows, f1.rows);
    return none;
  }
  const DenseMatrix inverse = pseudo_inverse(f1);
  const DenseMatrix t = times(times(f2, dense::polar(f1, f2)), inverse);
  const DenseMatrix inside = times(f1, times(inverse, t)), outside = plus(t, inside, -1);
  return plus(plus(dense::symmetrised(inside), outside), dense::transposed(outside));
}

Layout with_vector(Layout batch, Index d) {
  batch.append(d, 0);
  return batch;
}

}  // namespace

void monge_map(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
               const ConstView& cov2, Covariance form, OnError on_error, const View& t,
               const View& shift) {
  constexpr const char* f = "monge_map";
  const PairArguments given{mean1, cov1, mean2, cov2};
  const Index d = require_pair(f, given, form);
  const Layout batch = batch_of_pairs(f, given, form);
  require_exact(f, "t", t, with_matrix(batch, d, d), cov1.dtype);
  require_exact(f, "shift", shift, with_vector(batch, d), cov1.dtype);
  require_outputs_apart(f, {{"t", t}, {"shift", shift}},
                        {{"mean1", mean1}, {"cov1", cov1}, {"mean2", mean2}, {"cov2", cov2}});
  const Pairs pairs = take_pairs(f, d, given, form, on_error);
  Items maps(batch, d * d), shifts(batch, d);
  each_item(batch.size(), cubes(100, d), [&](Index item) {
    const DenseMatrix map = map_of(pairs.one.factor(item, batch), pairs.other.factor(item, batch));
    const DenseMatrix moved = times(map, DenseMatrix(d, 1, pairs.mean1.at(item, batch)));
    put(map, maps.own(item));
    put(plus(DenseMatrix(d, 1, pairs.mean2.at(item, batch)), moved, -1), shifts.own(item));
  });
  store(maps, t);
  store(shifts, shift);
}

void geodesic(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
              const ConstView& cov2, double where, Covariance form, OnError on_error,
              const View& mean, const View& cov) {
  constexpr const char* f = "geodesic";
  const PairArguments given{mean1, cov1, mean2, cov2};
  const Index d = require_pair(f, given, form);
  const Layout batch = batch_of_pairs(f, given, form);
  if (!(where >= 0 && where <= 1)) {
    throw invalid_argument(std::string(f) + ": where is " + std::to_string(where) +
                           ", expected a number from 0 to 1");
  }
  require_exact(f, "mean", mean, with_vector(batch, d), cov1.dtype);
  require_exact(f, "cov", cov, with_matrix(batch, d, d), cov1.dtype);
  require_outputs_apart(f, {{"mean", mean}, {"cov", cov}},
                        {{"mean1", mean1}, {"cov1", cov1}, {"mean2", mean2}, {"cov2", cov2}});
  const Pairs pairs = take_pairs(f, d, given, form, on_error);
  Items means(batch, d), covs(batch, d * d);
  each_item(batch.size(), cubes(60, d), [&](Index item) {
    const DenseMatrix f1 = pairs.one.factor(item, batch), f2 = pairs.other.factor(item, batch);
    const bool good = dense::finite(f1) && dense::finite(f2);
    DenseMatrix factor = good ? times(f2, dense::polar(f1, f2)) : plus(f1, f2);
    for (std::size_t i = 0; i < factor.values.size(); ++i)
      factor.values[i] = (1 - where) * f1.values[i] + where * factor.values[i];
    DenseMatrix whole = times(factor, dense::transposed(factor));
    if (!good) fill_nan(whole.values.data(), d, d, d);
    put(whole, covs.own(item));
    for (Index i = 0; i < d; ++i) {
      means.own(item)[i] =
          (1 - where) * pairs.mean1.at(item, batch)[i] + where * pairs.mean2.at(item, batch)[i];
    }
  });
  store(means, mean);
  store(covs, cov);
}

void barycenter(const ConstView& means, const ConstView& covs, const ConstView& weights,
                Covariance form, double tol, int max_iter, const View& mean, const View& cov) {
  constexpr const char* f = "barycenter";
  const Index d = require_pair(f, {means, covs, means, covs}, form);
  if (!means || means.rank != 2 || covs.rank != 1 + axes_of(form) ||
      means.shape[0] != covs.shape[0] || means.shape[0] == 0) {
    throw invalid_argument(std::string(f) + ": means and covs have shapes " + shape_text(means) +
                           " and " + shape_text(covs) + ", expected (n, d) and (n, d, d), n > 0");
  }
  const Index n = means.shape[0];
  require_exact(f, "mean", mean, Layout{d}, covs.dtype);
  require_exact(f, "cov", cov, Layout{d, d}, covs.dtype);
  require_outputs_apart(f, {{"mean", mean}, {"cov", cov}}, {{"means", means}, {"covs", covs}});
  std::vector<double> w(static_cast<std::size_t>(n), 1.0);
  if (weights) {
    require_cotangent(f, weights, Layout{n}, covs.dtype);
    w = Items(weights, 1).values;
    if (!std::all_of(w.begin(), w.end(), [](double x) { return x >= 0 && std::isfinite(x); }) ||
        !std::any_of(w.begin(), w.end(), [](double x) { return x > 0; }))
      throw invalid_argument(std::string(f) + ": weights are negative, not finite or all zero");
  }
  const double largest = *std::max_element(w.begin(), w.end());
  double total = 0;
  for (double& x : w) total += x /= largest;  // whose sum cannot overflow
  for (double& x : w) x /= total;
  const Covariances given = take_covariances(f, {"covs", covs}, form, OnError::raise, true);
  const Items centres(means, 1);
  Items middle(Layout{}, d), result(Layout{}, d * d);
  DenseMatrix s(d, d), r;
  const Layout batch = given.s.batch;
  for (Index item = 0; item < n; ++item) {
    const double share = w[static_cast<std::size_t>(item)];
    for (Index i = 0; i < d; ++i) middle.own(0)[i] += share * centres.own(item)[i];
    s = plus(s, given.matrix(item, batch), share);
  }
  if (!dense::semidefinite_factor(s, r)) throw_status(f, kIndefiniteFirst, 0, batch, "covs", batch);
  std::vector<DenseMatrix> turned(static_cast<std::size_t>(n));
  for (int round = 0; round < max_iter; ++round) {
    each_item(n, cubes(60, d), [&](Index item) {
      const DenseMatrix own = given.factor(item, batch);
      turned[static_cast<std::size_t>(item)] = times(own, dense::polar(r, own));
    });
    r = DenseMatrix(d, d);
    for (std::size_t item = 0; item < turned.size(); ++item) r = plus(r, turned[item], w[item]);
    const DenseMatrix before = s;
    s = times(r, dense::transposed(r));
    double change = 0, trace = 0;
    for (std::size_t i = 0; i < s.values.size(); ++i)
      change = std::max(change, std::abs(s.values[i] - before.values[i]));
    for (Index i = 0; i < d; ++i) trace += s(i, i);
    if (change <= tol * trace) {
      put(s, result.own(0));
      store(middle, mean);
      store(result, cov);
      return;
    }
  }
  throw numerical_error(std::string(f) + ": no convergence within max_iter = " +
                            std::to_string(max_iter) + " iterations",
                        0);
}

}  // namespace isokern
