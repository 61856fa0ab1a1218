// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Pairs of distributions as arguments.
#include <algorithm>
#include <string>

#include "gaussian_forms.hpp"

namespace isokern {
namespace {

Items taken(const ConstView& mean) {
  return mean ? Items::borrowed(mean, 1) : Items();
}

}  // namespace

dense::DenseMatrix Pair::delta(Index item) const {
  dense::DenseMatrix result(d, 1);
  for (Index i = 0; i < d; ++i) result(i, 0) = delta(item, i);
  return result;
}

bool Pair::equal(Index item) const {
  const double *a = one.values.at(item, batch), *b = other.values.at(item, batch);
  return one.columns == other.columns && std::equal(a, a + one.values.size, b);
}

Pair take_pair(const char* f, const PairArguments& given, Covariance form, OnError on_error,
               const View& out) {
  const Index d = require_pair(f, given, form);
  const Layout batch = batch_of_pairs(f, given, form);
  require_exact(f, "out", out, batch, given.cov1.dtype);
  require_outputs_apart(
      f, {{"out", out}},
      {{"mean1", given.mean1}, {"cov1", given.cov1}, {"mean2", given.mean2}, {"cov2", given.cov2}});
  return {f,
          on_error,
          d,
          batch,
          taken(given.mean1),
          taken(given.mean2),
          take_given(f, {"cov1", given.cov1}, form),
          take_given(f, {"cov2", given.cov2}, form)};
}

Pair take_pair(const char* f, const ConstView& mean1, const LowRankDiagonal& cov1,
               const ConstView& mean2, const LowRankDiagonal& cov2, OnError on_error,
               const View& out) {
  Pair pair{f, on_error, 0, {}, {}, {}, take_given(f, "cov1", cov1), take_given(f, "cov2", cov2)};
  const Dtype dtype = cov1.factor.dtype;
  pair.d = pair.one.d;
  require_covariance(f, {"the factor of cov2", cov2.factor}, pair.d, dtype, Covariance::factor);
  if (static_cast<bool>(mean1) != static_cast<bool>(mean2))
    throw invalid_argument(std::string(f) + ": one mean is absent, expected both or none");
  pair.batch = broadcast_shapes(pair.one.values.batch, pair.other.values.batch, f, "cov2");
  if (mean1) {
    require_rows(f, {"mean1", mean1}, pair.d, dtype);
    require_rows(f, {"mean2", mean2}, pair.d, dtype);
    pair.batch = broadcast_shapes(pair.batch, batch_of(mean1), f, "mean1");
    pair.batch = broadcast_shapes(pair.batch, batch_of(mean2), f, "mean2");
  }
  require_exact(f, "out", out, pair.batch, dtype);
  require_outputs_apart(f, {{"out", out}},
                        {{"mean1", mean1},
                         {"the factor of cov1", cov1.factor},
                         {"the diagonal of cov1", cov1.diagonal},
                         {"mean2", mean2},
                         {"the factor of cov2", cov2.factor},
                         {"the diagonal of cov2", cov2.diagonal}});
  pair.mean1 = taken(mean1);
  pair.mean2 = taken(mean2);
  return pair;
}

}  // namespace isokern
