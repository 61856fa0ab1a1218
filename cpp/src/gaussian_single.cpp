// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// One normal distribution: entropy, log-density, and their gradients.
#include <cmath>

#include "gaussian.hpp"

namespace isokern {
namespace {

using dense::DenseMatrix;

const double kLog2Pi = std::log(2 * 3.14159265358979323846);

double half_log_det(const DenseMatrix& lower) {
  double sum = 0;
  for (Index i = 0; i < lower.rows; ++i) sum += std::log(lower(i, i));
  return sum;
}

Index require_one(const char* f, const ConstView& cov) {
  require_float(f, {"cov", cov});
  require_matrix(f, {"cov", cov}, cov.dtype);
  const Index d = cov.shape[cov.rank - 1];
  require_covariance(f, {"cov", cov}, d, cov.dtype);
  if (d < 1) throw invalid_argument(std::string(f) + ": cov has d = 0, expected at least 1");
  return d;
}

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

Layout batch_of_points(const char* f, const ConstView& x, const ConstView& mean,
                       const ConstView& cov) {
  const Index d = require_one(f, cov);
  require_rows(f, {"x", x}, d, cov.dtype);
  require_rows(f, {"mean", mean}, d, cov.dtype);
  Layout batch = broadcast_shapes(batch_of_matrix(cov), batch_of(mean), f, "mean");
  return broadcast_shapes(batch, batch_of(x), f, "x");
}

Points take_points(const char* f, const Layout& batch, const ConstView& x, const ConstView& mean,
                   const ConstView& cov, Covariance form, OnError on_error) {
  return {cov.shape[cov.rank - 1], batch, Items(x, 1), Items(mean, 1),
          take_covariances(f, {"cov", cov}, form, on_error)};
}

}  // namespace

void entropy(const ConstView& cov, Covariance form, OnError on_error, const View& out) {
  constexpr const char* f = "entropy";
  const Index d = require_one(f, cov);
  const Layout batch = batch_of_matrix(cov);
  require_exact(f, "out", out, batch, cov.dtype);
  require_outputs_apart(f, {{"out", out}}, {{"cov", cov}});
  const Covariances given = take_covariances(f, {"cov", cov}, form, on_error);
  Items values(batch, 1);
  for (Index item = 0; item < batch.size(); ++item) {
    *values.own(item) =
        0.5 * static_cast<double>(d) * (1 + kLog2Pi) + half_log_det(given.factor(item, batch));
  }
  store(values, out);
}

void log_prob(const ConstView& x, const ConstView& mean, const ConstView& cov, Covariance form,
              OnError on_error, const View& out) {
  constexpr const char* f = "log_prob";
  const Layout batch = batch_of_points(f, x, mean, cov);
  require_exact(f, "out", out, batch, cov.dtype);
  require_outputs_apart(f, {{"out", out}}, {{"x", x}, {"mean", mean}, {"cov", cov}});
  const Points given = take_points(f, batch, x, mean, cov, form, on_error);
  Items logs(given.cov.s.batch, 1), values(batch, 1);
  for (Index item = 0; item < logs.batch.size(); ++item)
    *logs.own(item) = half_log_det(given.cov.factor(item, logs.batch));
  for (Index item = 0; item < batch.size(); ++item) {
    const double* const lower = given.cov.lower.at(item, batch);
    DenseMatrix z = given.delta(item);
    double square = 0;
    for (Index i = 0; i < given.d; ++i) {
      for (Index k = 0; k < i; ++k) z(i, 0) -= lower[i * given.d + k] * z(k, 0);
      z(i, 0) /= lower[i * given.d + i];
      square += z(i, 0) * z(i, 0);
    }
    *values.own(item) =
        -0.5 * (static_cast<double>(given.d) * kLog2Pi + square) - *logs.at(item, batch);
  }
  store(values, out);
}

void entropy_vjp(const ConstView& g, const ConstView& cov, Covariance form, OnError on_error,
                 const View& cov_bar) {
  constexpr const char* f = "entropy_vjp";
  const Index d = require_one(f, cov);
  const Layout batch = batch_of_matrix(cov);
  require_cotangent(f, g, batch, cov.dtype);
  require_exact(f, "cov_bar", cov_bar, cov, cov.dtype);
  require_outputs_apart(f, {{"cov_bar", cov_bar}}, {{"g", g}, {"cov", cov}});
  const Covariances given = take_covariances(f, {"cov", cov}, form, on_error);
  const Items weights(g, 0);
  Items bars(batch, d * d);
  for (Index item = 0; item < batch.size(); ++item) {
    const DenseMatrix lower = given.factor(item, batch);
    DenseMatrix slope = dense::inverse(lower);
    for (double& value : slope.values) value *= 0.5 * *weights.own(item);
    put(to_form(slope, given, item, batch, form), bars.own(item));
  }
  store(bars, cov_bar);
}

void log_prob_vjp(const ConstView& g, const ConstView& x, const ConstView& mean,
                  const ConstView& cov, Covariance form, OnError on_error, const View& x_bar,
                  const View& mean_bar, const View& cov_bar) {
  constexpr const char* f = "log_prob_vjp";
  const Layout batch = batch_of_points(f, x, mean, cov);
  require_cotangent(f, g, batch, cov.dtype);
  require_exact(f, "x_bar", x_bar, x, cov.dtype);
  require_exact(f, "mean_bar", mean_bar, mean, cov.dtype);
  require_exact(f, "cov_bar", cov_bar, cov, cov.dtype);
  require_outputs_apart(f, {{"x_bar", x_bar}, {"mean_bar", mean_bar}, {"cov_bar", cov_bar}},
                        {{"g", g}, {"x", x}, {"mean", mean}, {"cov", cov}});
  const Points given = take_points(f, batch, x, mean, cov, form, on_error);
  const Layout own = given.cov.s.batch;
  const Index d = given.d;
  const Items weights(g, 0);
  // In S first, summed over the points of a covariance: one matrix each.
  Items slopes(own, d * d), points(batch, d), means(batch, d);
  std::vector<DenseMatrix> inverses;
  for (Index item = 0; item < own.size(); ++item)
    inverses.push_back(dense::inverse(given.cov.factor(item, own)));
  for (Index item = 0; item < batch.size(); ++item) {
    const Index place = item_within(item, batch, own);
    const DenseMatrix& p = inverses[static_cast<std::size_t>(place)];
    const DenseMatrix y = dense::times(p, given.delta(item));
    const double weight = *weights.own(item);
    double* const slope = slopes.own(place);
    for (Index i = 0; i < d; ++i) {
      points.own(item)[i] = -weight * y(i, 0);
      means.own(item)[i] = weight * y(i, 0);
      for (Index j = 0; j < d; ++j)
        slope[i * d + j] += 0.5 * weight * (y(i, 0) * y(j, 0) - p(i, j));
    }
  }
  for (Index item = 0; item < own.size(); ++item) {
    const DenseMatrix slope(d, d, slopes.own(item));
    put(to_form(slope, given.cov, item, own, form), slopes.own(item));
  }
  store_sums(points, 1, x_bar);
  store_sums(means, 1, mean_bar);
  store(slopes, cov_bar);
}

}  // namespace isokern
