// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Pairs of normal distributions in groups of as many as a vector has lanes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "gaussian.hpp"
#include "parallel.hpp"

namespace isokern {

// What is computed of pairs, without the arguments of one.
struct PairTask {
  GaussianMeasure measure;
  GaussianForm form;
  double alpha;
  Index d, stride1, stride2;
};

// Where the arguments of a pair lie, and its result; absent ones are null.
struct PairPlace {
  const double *mean1, *cov1, *mean2, *cov2, *log1, *log2;
  double* out;
};

inline int threads_for_pairs(Index items, Index d) {
  const double cube = static_cast<double>(d) * static_cast<double>(d) * static_cast<double>(d);
  return threads_for_flops(static_cast<double>(items) * 4 * cube);
}

// The covariances of a group that lie one after another.
inline Span span_of(const double* first, const double* last, Index lanes, Index d) {
  if (last - first != (lanes - 1) * d * d) return {};
  return {first, lanes * d * d * Index{sizeof(double)}};
}

// Of the pairs 0, 1, ..., items - 1, whose arguments lie at place(item): calls take(item, out,
// value, status, thread) for each. Neither may throw.
template <class Place, class Take>
void for_pairs(const PairTask& task, Index items, int threads, Place&& place, Take&& take) {
  const GaussianKernels& kernel = kernels().gaussian;
  const Index d = task.d, lanes = kernel.lanes, groups = (items + lanes - 1) / lanes;
  const Workspace workspace(threads, (4 * d * d + 8 * d) * lanes * Index{sizeof(double)});
  parallel_for(groups, threads, [&](Index begin, Index end, int thread) {
    GaussianPairRun run{};
    const double* logs[2][kMostLanes];
    double values[kMostLanes];
    double* out[kMostLanes];
    std::int8_t status[kMostLanes];
    run.stride1 = task.stride1;
    run.stride2 = task.stride2;
    run.d = d;
    run.measure = task.measure;
    run.form = task.form;
    run.alpha = task.alpha;
    run.tolerance = kAsymmetry;
    run.scratch = workspace.of<double>(thread);
    run.value = values;
    run.status = status;
    PairPlace places[kMostLanes];
    const auto locate = [&](Index group) {
      const Index first = group * lanes, last = items - 1;
      for (Index lane = 0; lane < lanes; ++lane) places[lane] = place(std::min(first + lane, last));
    };
    if (begin < end) locate(begin);
    for (Index group = begin; group < end; ++group) {
      const Index first = group * lanes, count = std::min(lanes, items - first);
      for (Index lane = 0; lane < lanes; ++lane) {
        const PairPlace& at = places[lane];
        run.mean1[lane] = at.mean1;
        run.mean2[lane] = at.mean2;
        run.cov1[lane] = at.cov1;
        run.cov2[lane] = at.cov2;
        logs[0][lane] = at.log1;
        logs[1][lane] = at.log2;
        out[lane] = at.out;
      }
      if (group + 1 < end) {
        locate(group + 1);
        run.ahead.spans[0] = span_of(places[0].cov1, places[lanes - 1].cov1, lanes, d);
        run.ahead.spans[1] = span_of(places[0].cov2, places[lanes - 1].cov2, lanes, d);
      } else {
        run.ahead = {};
      }
      run.log1 = logs[0][0] != nullptr ? logs[0] : nullptr;
      run.log2 = logs[1][0] != nullptr ? logs[1] : nullptr;
      kernel.pair(run);
      for (Index lane = 0; lane < count; ++lane)
        take(first + lane, out[lane], values[lane], status[lane], thread);
    }
  });
}

}  // namespace isokern
