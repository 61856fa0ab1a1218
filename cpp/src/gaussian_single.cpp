// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// One normal distribution: entropy, log-density, and their gradients.
#include <algorithm>
#include <cmath>

#include "each_item.hpp"
#include "gaussian_pairs.hpp"

namespace isokern {
namespace {

using dense::DenseMatrix;

const double kLog2Pi = std::log(2 * 3.14159265358979323846);

struct Points {
  Index d;
  Layout batch;
  Items x, mean;
  Covariances cov;

  DenseMatrix delta(Index item) const {
    DenseMatrix result(d, 1);
    for (Index i = 0; i < d; ++i) result(i, 0) = x.at(item, batch)[i] - mean.at(item, batch)[i];
    return result;
  }
};

// `own`: the batch of the covariances.
Layout batch_of_points(const char* f, const ConstView& x, const ConstView& mean, Index d,
                       Dtype dtype, const Layout& own) {
  require_rows(f, {"x", x}, d, dtype);
  require_rows(f, {"mean", mean}, d, dtype);
  return broadcast_shapes(broadcast_shapes(own, batch_of(mean), f, "mean"), batch_of(x), f, "x");
}

void store_entropies(const char* f, const GivenCovariances& given, OnError on_error,
                     const View& out) {
  Items values = half_log_dets(f, given, on_error);
  for (double& value : values.values) value += 0.5 * static_cast<double>(given.d) * (1 + kLog2Pi);
  store(values, out);
}

void store_log_probs(const char* f, const Layout& batch, const ConstView& x, const ConstView& mean,
                     const GivenCovariances& given, OnError on_error, const View& out) {
  const Index d = given.d;
  const Items points(x, 1), centres(mean, 1);
  Items delta(batch, d), logs;
  for (Index item = 0; item < batch.size(); ++item) {
    const double *from = points.at(item, batch), *centre = centres.at(item, batch);
    for (Index i = 0; i < d; ++i) delta.own(item)[i] = from[i] - centre[i];
  }
  Items values = squares_in(f, given, delta, on_error, logs);
  for (Index item = 0; item < batch.size(); ++item) {
    double& value = *values.own(item);
    value = -0.5 * (static_cast<double>(d) * kLog2Pi + value) - *logs.at(item, batch);
  }
  store(values, out);
}

Items logs_of(const Covariances& cov) {
  Items logs(cov.lower.batch, 1);
  for (Index item = 0; item < logs.batch.size(); ++item) {
    for (Index i = 0; i < cov.d; ++i)
      *logs.own(item) += std::log(cov.lower.own(item)[i * (cov.d + 1)]);
  }
  return logs;
}

Items logs_of_variances(const GivenCovariances& given) {
  Items logs(given.values.batch, 1);
  for (Index item = 0; item < logs.batch.size(); ++item) {
    for (Index i = 0; i < given.d; ++i) *logs.own(item) += std::log(given.values.own(item)[i]) / 2;
  }
  return logs;
}

}  // namespace

Items half_log_dets(const char* f, const GivenCovariances& given, OnError on_error) {
  if (given.kind == Kind::lowrank) return half_log_dets_of_lowrank(f, given, on_error);
  if (given.kind != Kind::diag) return logs_of(factorised(f, given, on_error));
  GivenCovariances checked = given;
  check_variances(f, checked, on_error);
  return logs_of_variances(checked);
}

Items squares_in(const char* f, const GivenCovariances& given, const Items& delta, OnError on_error,
                 Items& logs) {
  const Index d = given.d;
  const Layout& batch = delta.batch;
  if (given.kind == Kind::lowrank) return squares_in_lowrank(f, given, delta, on_error, logs);
  Items values(batch, 1);
  if (given.kind == Kind::diag) {
    GivenCovariances checked = given;
    check_variances(f, checked, on_error);
    logs = logs_of_variances(checked);
    each_item(batch.size(), 8 * static_cast<double>(d), [&](Index item) {
      const double *s = checked.values.at(item, batch), *z = delta.own(item);
      for (Index i = 0; i < d; ++i) *values.own(item) += z[i] / s[i] * z[i];
    });
    return values;
  }
  const Covariances cov = factorised(f, given, on_error);
  logs = logs_of(cov);
  each_item(batch.size(), 2 * static_cast<double>(d) * static_cast<double>(d), [&](Index item) {
    const double* const lower = cov.lower.at(item, batch);
    std::vector<double> z(delta.own(item), delta.own(item) + d);
    double square = 0;
    for (Index i = 0; i < d; ++i) {
      double& own = z[static_cast<std::size_t>(i)];
      for (Index k = 0; k < i; ++k) own -= lower[i * d + k] * z[static_cast<std::size_t>(k)];
      own /= lower[i * d + i];
      square += own * own;
    }
    *values.own(item) = square;
  });
  return values;
}

void entropy(const ConstView& cov, Covariance form, OnError on_error, const View& out) {
  constexpr const char* f = "entropy";
  dimension_of(f, {"cov", cov}, form);
  require_exact(f, "out", out, batch_of_covariance(cov, form), cov.dtype);
  require_outputs_apart(f, {{"out", out}}, {{"cov", cov}});
  store_entropies(f, take_given(f, {"cov", cov}, form), on_error, out);
}

void entropy(const LowRankDiagonal& cov, OnError on_error, const View& out) {
  constexpr const char* f = "entropy";
  const GivenCovariances given = take_given(f, "cov", cov);
  require_exact(f, "out", out, given.values.batch, cov.factor.dtype);
  require_outputs_apart(f, {{"out", out}},
                        {{"the factor of cov", cov.factor}, {"the diagonal of cov", cov.diagonal}});
  store_entropies(f, given, on_error, out);
}

void log_prob(const ConstView& x, const ConstView& mean, const ConstView& cov, Covariance form,
              OnError on_error, const View& out) {
  constexpr const char* f = "log_prob";
  const Index d = dimension_of(f, {"cov", cov}, form);
  const Layout batch = batch_of_points(f, x, mean, d, cov.dtype, batch_of_covariance(cov, form));
  require_exact(f, "out", out, batch, cov.dtype);
  require_outputs_apart(f, {{"out", out}}, {{"x", x}, {"mean", mean}, {"cov", cov}});
  store_log_probs(f, batch, x, mean, take_given(f, {"cov", cov}, form), on_error, out);
}

void log_prob(const ConstView& x, const ConstView& mean, const LowRankDiagonal& cov,
              OnError on_error, const View& out) {
  constexpr const char* f = "log_prob";
  const GivenCovariances given = take_given(f, "cov", cov);
  const Layout batch = batch_of_points(f, x, mean, given.d, cov.factor.dtype, given.values.batch);
  require_exact(f, "out", out, batch, cov.factor.dtype);
  require_outputs_apart(f, {{"out", out}},
                        {{"x", x},
                         {"mean", mean},
                         {"the factor of cov", cov.factor},
                         {"the diagonal of cov", cov.diagonal}});
  store_log_probs(f, batch, x, mean, given, on_error, out);
}

void entropy_vjp(const ConstView& g, const ConstView& cov, Covariance form, OnError on_error,
                 const View& cov_bar) {
  constexpr const char* f = "entropy_vjp";
  dimension_of(f, {"cov", cov}, form);
  const Layout batch = batch_of_covariance(cov, form);
  require_cotangent(f, g, batch, cov.dtype);
  require_exact(f, "cov_bar", cov_bar, cov, cov.dtype);
  require_outputs_apart(f, {{"cov_bar", cov_bar}}, {{"g", g}, {"cov", cov}});
  const Covariances given = take_covariances(f, {"cov", cov}, form, on_error);
  const Items weights(g, 0);
  Items bars(batch, gradient_size(given, form));
  each_item(batch.size(), cubes(6, given.d), [&](Index item) {
    const DenseMatrix lower = given.factor(item, batch);
    DenseMatrix slope = dense::inverse(lower);
    for (double& value : slope.values) value *= 0.5 * *weights.own(item);
    put(to_form(slope, given, item, batch, form), bars.own(item));
  });
  store(bars, cov_bar);
}

void log_prob_vjp(const ConstView& g, const ConstView& x, const ConstView& mean,
                  const ConstView& cov, Covariance form, OnError on_error, const View& x_bar,
                  const View& mean_bar, const View& cov_bar) {
  constexpr const char* f = "log_prob_vjp";
  const Index d = dimension_of(f, {"cov", cov}, form);
  const Layout batch = batch_of_points(f, x, mean, d, cov.dtype, batch_of_covariance(cov, form));
  require_cotangent(f, g, batch, cov.dtype);
  require_exact(f, "x_bar", x_bar, x, cov.dtype);
  require_exact(f, "mean_bar", mean_bar, mean, cov.dtype);
  require_exact(f, "cov_bar", cov_bar, cov, cov.dtype);
  require_outputs_apart(f, {{"x_bar", x_bar}, {"mean_bar", mean_bar}, {"cov_bar", cov_bar}},
                        {{"g", g}, {"x", x}, {"mean", mean}, {"cov", cov}});
  const Points given{d, batch, Items(x, 1), Items(mean, 1),
                     take_covariances(f, {"cov", cov}, form, on_error)};
  const Layout own = given.cov.s.batch;
  const Items weights(g, 0);
  std::vector<DenseMatrix> inverses(static_cast<std::size_t>(own.size()));
  each_item(own.size(), cubes(3, d), [&](Index item) {
    inverses[static_cast<std::size_t>(item)] = dense::inverse(given.cov.factor(item, own));
  });
  // The points that a covariance serves, in their order.
  std::vector<std::vector<Index>> served(static_cast<std::size_t>(own.size()));
  for (Index item = 0; item < batch.size(); ++item)
    served[static_cast<std::size_t>(item_within(item, batch, own))].push_back(item);
  Items points(batch, d), means(batch, d), lengths(batch, d);
  const double size = static_cast<double>(d);
  const double many =
      static_cast<double>(batch.size()) / static_cast<double>(std::max<Index>(own.size(), 1));
  each_item(batch.size(), 3 * size * size, [&](Index item) {
    const DenseMatrix y = dense::times(
        inverses[static_cast<std::size_t>(item_within(item, batch, own))], given.delta(item));
    const double weight = *weights.own(item);
    for (Index i = 0; i < d; ++i) {
      lengths.own(item)[i] = y(i, 0);
      points.own(item)[i] = -weight * y(i, 0);
      means.own(item)[i] = weight * y(i, 0);
    }
  });
  // In S first, summed over the points of a covariance: one matrix each, row after row.
  Items slopes(own, d * d);
  each_item(own.size() * d, 4 * many * size, [&](Index row) {
    const Index place = row / d, i = row % d;
    const DenseMatrix& p = inverses[static_cast<std::size_t>(place)];
    double* const slope = slopes.own(place) + i * d;
    for (const Index item : served[static_cast<std::size_t>(place)]) {
      const double* const y = lengths.own(item);
      for (Index j = 0; j < d; ++j) slope[j] += 0.5 * *weights.own(item) * (y[i] * y[j] - p(i, j));
    }
  });
  Items bars(own, gradient_size(given.cov, form));
  each_item(own.size(), cubes(4, d), [&](Index item) {
    put(to_form(DenseMatrix(d, d, slopes.own(item)), given.cov, item, own, form), bars.own(item));
  });
  store_sums(points, 1, x_bar);
  store_sums(means, 1, mean_bar);
  store(bars, cov_bar);
}

}  // namespace isokern
