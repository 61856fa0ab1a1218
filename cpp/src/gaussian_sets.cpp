// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// All pairs of two sets: every metric, of every form.
#include <cmath>
#include <string>
#include <utility>

#include "gaussian_low.hpp"
#include "gaussian_near.hpp"
#include "gaussian_pairs.hpp"

namespace isokern {
namespace {

constexpr const char* kName = "pairwise";

bool has_kernel(Kind kind) {
  return kind == Kind::cov || kind == Kind::tril || kind == Kind::precision;
}

Covariance form_of(Kind kind) {
  return kind == Kind::cov    ? Covariance::cov
         : kind == Kind::tril ? Covariance::tril
                              : Covariance::precision;
}

// By the kernels for two sets, of which the second may stand first: then rows are columns.
Items by_sets(Metric metric, const Pair& pair) {
  const Index d = pair.d, n = pair.one.values.batch.shape[0], m = pair.other.values.batch.shape[0];
  const bool turned = pair.one.values.batch.rank == 1;
  const auto means = [d](const Items& mean) {
    return ConstView(mean.data(), Layout{mean.batch.shape[0], d});
  };
  const auto covs = [d](const GivenCovariances& cov) {
    return ConstView(cov.values.data(), Layout{cov.values.batch.shape[0], d, d});
  };
  Items found(Layout{n, m}, 1);
  pairwise_of_square(metric, means(pair.mean1), covs(pair.one), means(pair.mean2), covs(pair.other),
                     form_of(pair.kind()), pair.on_error, row_major(found));
  if (!turned) return found;
  Items values(pair.batch, 1);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < m; ++j) *values.own(j * n + i) = *found.own(i * m + j);
  }
  return values;
}

Items all_pairs(Metric metric, const MetricOptions& options, Pair& pair) {
  const Kind kind = pair.kind();
  const bool distance = metric == Metric::wasserstein2_squared;
  if (!has_kernel(kind) || (metric != Metric::kl && metric != Metric::bhattacharyya && !distance))
    return basic(metric, options, pair);
  Items values = by_sets(metric, pair);
  if (distance) {
    complete_wasserstein2(pair, values);
  } else if (kind == Kind::precision || (kind == Kind::tril && metric != Metric::kl)) {
    const Covariances one = factorised(pair.f, pair.one, OnError::nan);
    const Covariances other = factorised(pair.f, pair.other, OnError::nan);
    refine(pair, one, other, values, [metric](Index d, const auto& at) {
      return metric == Metric::kl ? terms::kl(d, at) : terms::renyi(d, at, 0.5) / 2;
    });
  }
  return values;
}

// Throws for a bad covariance, by its place in its own set.
void refuse(Metric metric, GivenCovariances given) {
  const bool distance = metric == Metric::wasserstein2 || metric == Metric::wasserstein2_squared;
  if (given.kind == Kind::diag) {
    check_variances(kName, given, OnError::raise, distance);
  } else if (given.kind == Kind::lowrank && !distance) {
    lows(kName, given, OnError::raise);
  } else {
    const bool on_support =
        given.kind == Kind::factor && (metric == Metric::kl || metric == Metric::jeffreys);
    factorised(kName, given, OnError::raise, distance || on_support);
  }
}

void run(Metric metric, const MetricOptions& options, Pair pair, const View& out) {
  if (pair.on_error != OnError::nan) {
    refuse(metric, pair.one);
    refuse(metric, pair.other);
    pair.on_error = OnError::nan;
  }
  if (pair.batch.size() == 0) return;
  store(evaluate(metric, options, pair, all_pairs), out);
}

struct Set {
  const char *mean_name, *cov_name;
  const ConstView& mean;
};

// `cov`: the axes of all covariances, of which the first counts them.
void require_set(const Set& set, const Layout& cov, bool fits, Index d, Dtype dtype) {
  const ConstView& mean = set.mean;
  if (mean.rank != 2 || !fits || mean.shape[0] != cov.shape[0]) {
    throw invalid_argument(std::string(kName) + ": " + set.mean_name + " and " + set.cov_name +
                           " have shapes " + shape_text(mean) + " and " + shape_text(cov) +
                           ", expected a set of distributions, (n, d) and n covariances");
  }
  require_rows(kName, {set.mean_name, mean}, d, dtype);
}

// Both sets as a pair whose batch is (n, m).
Pair crossed(const ConstView& mean1, GivenCovariances one, const ConstView& mean2,
             GivenCovariances other, OnError on_error) {
  const Index n = mean1.shape[0], m = mean2.shape[0], d = one.d;
  Pair pair{kName,
            on_error,
            d,
            Layout{n, m},
            Items::borrowed(mean1, 1),
            Items::borrowed(mean2, 1),
            std::move(one),
            std::move(other)};
  pair.mean1.batch = pair.one.values.batch = Layout{n, 1};
  pair.mean2.batch = pair.other.values.batch = Layout{m};
  return pair;
}

}  // namespace

void pairwise(Metric metric, const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
              const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  pairwise(metric, {}, mean1, cov1, mean2, cov2, form, on_error, out);
}

void pairwise(Metric metric, const MetricOptions& options, const ConstView& mean1,
              const ConstView& cov1, const ConstView& mean2, const ConstView& cov2, Covariance form,
              OnError on_error, const View& out) {
  require_options(kName, metric, options);
  const Dtype dtype = cov1.dtype;
  const Index d = dimension_of(kName, {"cov1", cov1}, form);
  require_covariance(kName, {"cov2", cov2}, d, dtype, form);
  const int rank = 1 + axes_of(form);
  require_set({"mean1", "cov1", mean1}, cov1, cov1.rank == rank, d, dtype);
  require_set({"mean2", "cov2", mean2}, cov2, cov2.rank == rank, d, dtype);
  require_exact(kName, "out", out, Layout{mean1.shape[0], mean2.shape[0]}, dtype);
  require_outputs_apart(kName, {{"out", out}},
                        {{"mean1", mean1}, {"cov1", cov1}, {"mean2", mean2}, {"cov2", cov2}});
  run(metric, options,
      crossed(mean1, take_given(kName, {"cov1", cov1}, form), mean2,
              take_given(kName, {"cov2", cov2}, form), on_error),
      out);
}

void pairwise(Metric metric, const MetricOptions& options, const ConstView& mean1,
              const LowRankDiagonal& cov1, const ConstView& mean2, const LowRankDiagonal& cov2,
              OnError on_error, const View& out) {
  require_options(kName, metric, options);
  GivenCovariances one = take_given(kName, "cov1", cov1);
  GivenCovariances other = take_given(kName, "cov2", cov2);
  const Dtype dtype = cov1.factor.dtype;
  const Layout &first = one.values.batch, &second = other.values.batch;
  require_covariance(kName, {"the factor of cov2", cov2.factor}, one.d, dtype, Covariance::factor);
  require_set({"mean1", "cov1", mean1}, first, first.rank == 1, one.d, dtype);
  require_set({"mean2", "cov2", mean2}, second, second.rank == 1, one.d, dtype);
  require_exact(kName, "out", out, Layout{mean1.shape[0], mean2.shape[0]}, dtype);
  require_outputs_apart(kName, {{"out", out}},
                        {{"mean1", mean1},
                         {"the factor of cov1", cov1.factor},
                         {"the diagonal of cov1", cov1.diagonal},
                         {"mean2", mean2},
                         {"the factor of cov2", cov2.factor},
                         {"the diagonal of cov2", cov2.diagonal}});
  run(metric, options, crossed(mean1, std::move(one), mean2, std::move(other), on_error), out);
}

}  // namespace isokern
