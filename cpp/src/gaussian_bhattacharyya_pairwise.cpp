// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Bhattacharyya's distance for all pairs of two sets whose determinants are known: the second set
// is packed once, and what nearly cancels is computed again, pair by pair.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gaussian.hpp"
#include "gaussian_groups.hpp"

namespace isokern {
namespace {

// Groups of lanes, the last one filled up with its last item: halves of lower triangles, then
// means.
std::vector<double> packed_groups(const double* mean, const ConstView& cov, Index groups) {
  const Index lanes = kernels().gaussian.lanes, m = cov.shape[0], d = cov.shape[1];
  const Index numbers = d * (d + 1) / 2 + d;
  std::vector<double> packed(static_cast<std::size_t>(groups * lanes * numbers));
  for (Index item = 0; item < groups * lanes; ++item) {
    const Index given = std::min(item, m - 1);
    const double* const from = cov.as<double>() + given * cov.strides[0];
    double* to = packed.data() + item / lanes * lanes * numbers + item % lanes;
    for (Index i = 0; i < d; ++i) {
      for (Index j = 0; j <= i; ++j, to += lanes) *to = 0.5 * from[i * cov.strides[1] + j];
    }
    for (Index i = 0; i < d; ++i, to += lanes) *to = mean[given * d + i];
  }
  return packed;
}

void require_log_dets(const char* f, const Named& argument, Index count, Dtype dtype) {
  require_dtype(f, argument, dtype);
  if (argument.view.rank != 1 || argument.view.shape[0] != count) {
    throw invalid_argument(std::string(f) + ": " + argument.name + " has shape " +
                           shape_text(argument.view) + ", expected (" + std::to_string(count) +
                           ",)");
  }
}

}  // namespace

void bhattacharyya_pairwise(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                            const ConstView& cov2, const ConstView& log_det1,
                            const ConstView& log_det2, const View& out) {
  constexpr const char* f = "pairwise";
  const Index d = require_sets(f, {mean1, cov1, mean2, cov2}, out);
  const Index n = cov1.shape[0], m = cov2.shape[0];
  require_log_dets(f, {"log_det1", log_det1}, n, cov1.dtype);
  require_log_dets(f, {"log_det2", log_det2}, m, cov1.dtype);
  if (n == 0 || m == 0) return;
  const Wide s1(cov1), s2(cov2);
  const Items m1(mean1, 1), m2(mean2, 1), log1(log_det1, 0), log2(log_det2, 0);
  const ConstView &one = s1, &other = s2;
  const GaussianKernels& kernel = kernels().gaussian;
  const Index lanes = kernel.lanes, groups = (m + lanes - 1) / lanes;
  const std::vector<double> packed = packed_groups(m2.values.data(), other, groups);
  std::vector<double> logs(static_cast<std::size_t>(groups * lanes));
  for (Index j = 0; j < groups * lanes; ++j)
    logs[static_cast<std::size_t>(j)] = log2.values[static_cast<std::size_t>(std::min(j, m - 1))];
  const double size = static_cast<double>(d);
  const int threads =
      threads_for_flops(static_cast<double>(n) * static_cast<double>(m) * size * size * size);
  const Workspace workspace(threads,
                            ((d * d + 2 * d) * lanes + groups * lanes) * Index{sizeof(double)});
  Items values(Layout{n, m}, 1);
  double* const to = values.values.data();
  parallel_for(n, threads, [&](Index begin, Index end, int thread) {
    GaussianRowRun run{};
    run.stride = one.strides[1];
    run.d = d;
    run.groups = groups;
    run.packed = packed.data();
    run.log_dets = logs.data();
    run.scratch = workspace.of<double>(thread);
    run.value = run.scratch + (d * d + 2 * d) * lanes;
    for (Index i = begin; i < end; ++i) {
      run.mean = m1.values.data() + i * d;
      run.cov = one.as<double>() + i * one.strides[0];
      run.log_det = log1.values.data() + i;
      kernel.bhattacharyya_row(run);
      std::copy(run.value, run.value + m, to + i * m);
    }
  });
  std::vector<Index> chosen;
  for (Index at = 0; at < n * m; ++at) {
    const bool known = std::isfinite(log1.values[static_cast<std::size_t>(at / m)]) &&
                       std::isfinite(logs[static_cast<std::size_t>(at % m)]);
    if (known && std::isnan(to[at])) chosen.push_back(at);
  }
  const Index count = static_cast<Index>(chosen.size());
  for_pairs(
      {GaussianMeasure::bhattacharyya, GaussianForm::cov, 0, d, one.strides[1], other.strides[1]},
      count, threads_for_pairs(count, d),
      [&](Index item) {
        const Index at = chosen[static_cast<std::size_t>(item)], i = at / m, j = at % m;
        return PairPlace{m1.values.data() + i * d,
                         one.as<double>() + i * one.strides[0],
                         m2.values.data() + j * d,
                         other.as<double>() + j * other.strides[0],
                         log1.values.data() + i,
                         log2.values.data() + j,
                         to + at};
      },
      [](Index, double* result, double value, int status, int) {
        *result = status == 0 ? value : std::numeric_limits<double>::quiet_NaN();
      });
  store(values, out);
}

}  // namespace isokern
