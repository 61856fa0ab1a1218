// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// All pairs of two sets.
#include <cmath>
#include <string>

#include "gaussian.hpp"

namespace isokern {
namespace {

ConstView matrices(const Items& items, Index d) {
  return {items.values.data(), Layout{items.batch.size(), d, d}};
}

void require_set(const char* f, const Named& mean, const Named& cov, Index d, Dtype dtype) {
  require_float(f, cov);
  require_dtype(f, cov, dtype);
  const ConstView& m = mean.view;
  const ConstView& c = cov.view;
  if (m.rank != 2 || c.rank != 3 || m.shape[0] != c.shape[0]) {
    throw invalid_argument(std::string(f) + ": " + mean.name + " and " + cov.name +
                           " have shapes " + shape_text(m) + " and " + shape_text(c) +
                           ", expected a set of distributions, (n, d) and (n, d, d)");
  }
  require_rows(f, mean, d, dtype);
  require_covariance(f, cov, d, dtype);
}

}  // namespace

void require_alpha(const char* f, double alpha) {
  if (!(alpha > 0) || alpha == 1 || !std::isfinite(alpha)) {
    throw invalid_argument(std::string(f) + ": alpha is " + std::to_string(alpha) +
                           ", expected a positive number other than 1");
  }
}

Index require_sets(const char* f, const PairArguments& given, const View& out) {
  const Dtype dtype = given.cov1.dtype;
  const Index d = given.cov1.rank > 0 ? given.cov1.shape[given.cov1.rank - 1] : 0;
  require_set(f, {"mean1", given.mean1}, {"cov1", given.cov1}, d, dtype);
  require_set(f, {"mean2", given.mean2}, {"cov2", given.cov2}, d, dtype);
  require_exact(f, "out", out, Layout{given.mean1.shape[0], given.mean2.shape[0]}, dtype);
  require_outputs_apart(
      f, {{"out", out}},
      {{"mean1", given.mean1}, {"cov1", given.cov1}, {"mean2", given.mean2}, {"cov2", given.cov2}});
  return d;
}

void pairwise_of_square(Metric metric, const ConstView& mean1, const ConstView& cov1,
                        const ConstView& mean2, const ConstView& cov2, Covariance form,
                        OnError on_error, const View& out) {
  if (metric == Metric::kl) {
    return kl_pairwise(mean1, cov1, mean2, cov2, form, PairwiseMethod::automatic, on_error, out);
  }
  constexpr const char* f = "pairwise";
  const Index d = require_sets(f, {mean1, cov1, mean2, cov2}, out);
  const Index n = mean1.shape[0], m = mean2.shape[0];
  // Each covariance is checked and factored once, and blamed by its place in its own set.
  const Covariances one = take_covariances(f, {"cov1", cov1}, form, on_error);
  const Covariances other = take_covariances(f, {"cov2", cov2}, form, on_error);
  if (n == 0 || m == 0) return;
  const Items m1(mean1, 1), m2(mean2, 1);
  const ConstView rows(m1.values.data(), Layout{n, 1, d}), columns(m2.values.data(), Layout{m, d});
  const auto spread = [&](ConstView view) {  // (n, 1, d, d)
    return ConstView(view.data, view.dtype, Layout{view.shape[0], 1, d, d});
  };
  Items values(Layout{n, m}, 1);
  const View to = row_major(values);
  if (metric == Metric::wasserstein2_squared) {
    wasserstein2_squared(rows, spread(matrices(one.lower, d)), columns, matrices(other.lower, d),
                         Covariance::tril, OnError::nan, to);
  } else {
    const auto logs = [d](const Covariances& given) {
      std::vector<double> result;
      for (Index item = 0; item < given.s.batch.size(); ++item) {
        double sum = 0;
        for (Index i = 0; i < d; ++i) sum += 2 * std::log(given.lower.own(item)[i * (d + 1)]);
        result.push_back(sum);
      }
      return result;
    };
    const std::vector<double> log1 = logs(one), log2 = logs(other);
    bhattacharyya_pairwise(ConstView(m1.values.data(), Layout{n, d}), matrices(one.s, d), columns,
                           matrices(other.s, d), ConstView(log1.data(), Layout{n}),
                           ConstView(log2.data(), Layout{m}), to);
  }
  store(values, out);
}

}  // namespace isokern
