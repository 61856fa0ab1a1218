// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Measures of pairs as functions: arguments in, values out.
#include <cmath>
#include <string>
#include <utility>

#include "gaussian_pairs.hpp"

namespace isokern {
namespace {

const double kLog2Pi = std::log(2 * 3.14159265358979323846);

// Without means two distributions may differ in their covariances alone: not in this distance.
void require_means(const Pair& pair) {
  if (!pair.has_means())
    throw invalid_argument(std::string(pair.f) + ": mean1 is absent, expected means");
}

// The square of Mahalanobis' distance in one covariance.
Items mahalanobis_in_one(const Pair& pair) {
  Items delta(pair.batch, pair.d), logs;
  for (Index item = 0; item < pair.batch.size(); ++item) put(pair.delta(item), delta.own(item));
  return squares_in(pair.f, pair.one, delta, pair.on_error, logs);
}

void finish(Metric metric, const MetricOptions& options, Pair pair, const View& out) {
  store(evaluate(metric, options, pair, basic), out);
}

void finish_mahalanobis(Metric metric, Pair pair, bool one, const View& out) {
  require_means(pair);
  if (!one) return finish(metric, {}, std::move(pair), out);
  Items values = mahalanobis_in_one(pair);
  if (metric == Metric::mahalanobis) {
    for (double& value : values.values) value = std::sqrt(value);
  }
  store(values, out);
}

}  // namespace

void require_options(const char* f, Metric metric, const MetricOptions& options) {
  if (metric == Metric::renyi) require_alpha(f, options.alpha);
  if (metric == Metric::geometric_js && !(options.weight >= 0 && options.weight <= 1)) {
    throw invalid_argument(std::string(f) + ": weight is " + std::to_string(options.weight) +
                           ", expected a number from 0 to 1");
  }
}

Items basic(Metric metric, const MetricOptions& options, Pair& pair) {
  switch (metric) {
    case Metric::kl:
      return kl_of(pair);
    case Metric::bhattacharyya:
      return bhattacharyya_of(pair);
    case Metric::renyi:
      return renyi_of(pair, options.alpha);
    case Metric::geometric_js:
      return geometric_js_of(pair, options.weight, options.dual);
    case Metric::wasserstein2_squared:
      return wasserstein2_of(pair);
    case Metric::mahalanobis_squared:
      return mahalanobis_of(pair);
    default:
      throw invalid_argument(std::string(pair.f) + ": metric is none that there is");
  }
}

Items evaluate(Metric metric, const MetricOptions& options, Pair& pair, Basic base) {
  const auto changed = [&](Metric below, double (*each)(double)) {
    Items values = base(below, options, pair);
    for (double& value : values.values) value = each(value);
    return values;
  };
  const auto root = [](double x) { return std::sqrt(x); };
  switch (metric) {
    case Metric::jeffreys: {
      Items values = base(Metric::kl, options, pair);
      std::swap(pair.mean1, pair.mean2);
      std::swap(pair.one, pair.other);
      const Items back = base(Metric::kl, options, pair);
      for (std::size_t i = 0; i < values.values.size(); ++i) values.values[i] += back.values[i];
      return values;
    }
    case Metric::cross_entropy: {
      Items values = base(Metric::kl, options, pair);
      const Items logs = half_log_dets(pair.f, pair.one, pair.on_error);
      const double start = 0.5 * static_cast<double>(pair.d) * (1 + kLog2Pi);
      for (Index item = 0; item < pair.batch.size(); ++item)
        *values.own(item) += start + *logs.at(item, pair.batch);
      return values;
    }
    case Metric::hellinger:
      return changed(Metric::bhattacharyya, [](double x) { return std::sqrt(-std::expm1(-x)); });
    case Metric::hellinger_squared:
      return changed(Metric::bhattacharyya, [](double x) { return -std::expm1(-x); });
    case Metric::wasserstein2:
      return changed(Metric::wasserstein2_squared, root);
    case Metric::mahalanobis:
      return changed(Metric::mahalanobis_squared, root);
    default:
      return base(metric, options, pair);
  }
}

void kl_of_other_forms(const PairArguments& given, Covariance form, OnError on_error,
                       const View& out) {
  finish(Metric::kl, {}, take_pair("kl", given, form, on_error, out), out);
}

void kl(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
        const LowRankDiagonal& cov2, OnError on_error, const View& out) {
  finish(Metric::kl, {}, take_pair("kl", mean1, cov1, mean2, cov2, on_error, out), out);
}

void jeffreys(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
              const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  finish(Metric::jeffreys, {},
         take_pair("jeffreys", {mean1, cov1, mean2, cov2}, form, on_error, out), out);
}

void jeffreys(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
              const LowRankDiagonal& cov2, OnError on_error, const View& out) {
  finish(Metric::jeffreys, {}, take_pair("jeffreys", mean1, cov1, mean2, cov2, on_error, out), out);
}

void cross_entropy(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                   const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  finish(Metric::cross_entropy, {},
         take_pair("cross_entropy", {mean1, cov1, mean2, cov2}, form, on_error, out), out);
}

void cross_entropy(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
                   const LowRankDiagonal& cov2, OnError on_error, const View& out) {
  finish(Metric::cross_entropy, {},
         take_pair("cross_entropy", mean1, cov1, mean2, cov2, on_error, out), out);
}

void bhattacharyya(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                   const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  finish(Metric::bhattacharyya, {},
         take_pair("bhattacharyya", {mean1, cov1, mean2, cov2}, form, on_error, out), out);
}

void bhattacharyya(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
                   const LowRankDiagonal& cov2, OnError on_error, const View& out) {
  finish(Metric::bhattacharyya, {},
         take_pair("bhattacharyya", mean1, cov1, mean2, cov2, on_error, out), out);
}

void hellinger(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
               const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  finish(Metric::hellinger, {},
         take_pair("hellinger", {mean1, cov1, mean2, cov2}, form, on_error, out), out);
}

void hellinger(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
               const LowRankDiagonal& cov2, OnError on_error, const View& out) {
  finish(Metric::hellinger, {}, take_pair("hellinger", mean1, cov1, mean2, cov2, on_error, out),
         out);
}

void hellinger_squared(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                       const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  finish(Metric::hellinger_squared, {},
         take_pair("hellinger_squared", {mean1, cov1, mean2, cov2}, form, on_error, out), out);
}

void hellinger_squared(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
                       const LowRankDiagonal& cov2, OnError on_error, const View& out) {
  finish(Metric::hellinger_squared, {},
         take_pair("hellinger_squared", mean1, cov1, mean2, cov2, on_error, out), out);
}

void renyi(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
           const ConstView& cov2, double alpha, Covariance form, OnError on_error,
           const View& out) {
  require_options("renyi", Metric::renyi, {alpha});
  finish(Metric::renyi, {alpha},
         take_pair("renyi", {mean1, cov1, mean2, cov2}, form, on_error, out), out);
}

void renyi(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
           const LowRankDiagonal& cov2, double alpha, OnError on_error, const View& out) {
  require_options("renyi", Metric::renyi, {alpha});
  finish(Metric::renyi, {alpha}, take_pair("renyi", mean1, cov1, mean2, cov2, on_error, out), out);
}

void geometric_js(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                  const ConstView& cov2, double weight, bool dual, Covariance form,
                  OnError on_error, const View& out) {
  require_options("geometric_js", Metric::geometric_js, {0, weight, dual});
  finish(Metric::geometric_js, {0, weight, dual},
         take_pair("geometric_js", {mean1, cov1, mean2, cov2}, form, on_error, out), out);
}

void geometric_js(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
                  const LowRankDiagonal& cov2, double weight, bool dual, OnError on_error,
                  const View& out) {
  require_options("geometric_js", Metric::geometric_js, {0, weight, dual});
  finish(Metric::geometric_js, {0, weight, dual},
         take_pair("geometric_js", mean1, cov1, mean2, cov2, on_error, out), out);
}

void wasserstein2(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                  const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  finish(Metric::wasserstein2, {},
         take_pair("wasserstein2", {mean1, cov1, mean2, cov2}, form, on_error, out), out);
}

void wasserstein2(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
                  const LowRankDiagonal& cov2, OnError on_error, const View& out) {
  finish(Metric::wasserstein2, {},
         take_pair("wasserstein2", mean1, cov1, mean2, cov2, on_error, out), out);
}

void wasserstein2_squared(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                          const ConstView& cov2, Covariance form, OnError on_error,
                          const View& out) {
  finish(Metric::wasserstein2_squared, {},
         take_pair("wasserstein2_squared", {mean1, cov1, mean2, cov2}, form, on_error, out), out);
}

void wasserstein2_squared(const ConstView& mean1, const LowRankDiagonal& cov1,
                          const ConstView& mean2, const LowRankDiagonal& cov2, OnError on_error,
                          const View& out) {
  finish(Metric::wasserstein2_squared, {},
         take_pair("wasserstein2_squared", mean1, cov1, mean2, cov2, on_error, out), out);
}

void mahalanobis(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                 const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  finish_mahalanobis(
      Metric::mahalanobis,
      take_pair("mahalanobis", {mean1, cov1, mean2, !cov2 ? cov1 : cov2}, form, on_error, out),
      !cov2, out);
}

void mahalanobis(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
                 const LowRankDiagonal& cov2, OnError on_error, const View& out) {
  finish_mahalanobis(
      Metric::mahalanobis,
      take_pair("mahalanobis", mean1, cov1, mean2, !cov2.factor ? cov1 : cov2, on_error, out),
      !cov2.factor, out);
}

void mahalanobis_squared(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                         const ConstView& cov2, Covariance form, OnError on_error,
                         const View& out) {
  finish_mahalanobis(Metric::mahalanobis_squared,
                     take_pair("mahalanobis_squared", {mean1, cov1, mean2, !cov2 ? cov1 : cov2},
                               form, on_error, out),
                     !cov2, out);
}

void mahalanobis_squared(const ConstView& mean1, const LowRankDiagonal& cov1,
                         const ConstView& mean2, const LowRankDiagonal& cov2, OnError on_error,
                         const View& out) {
  finish_mahalanobis(Metric::mahalanobis_squared,
                     take_pair("mahalanobis_squared", mean1, cov1, mean2,
                               !cov2.factor ? cov1 : cov2, on_error, out),
                     !cov2.factor, out);
}

}  // namespace isokern
