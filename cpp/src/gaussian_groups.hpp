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
    for (Index group = begin; group < end; ++group) {
      const Index first = group * lanes, count = std::min(lanes, items - first);
      for (Index lane = 0; lane < lanes; ++lane) {
        const PairPlace at = place(first + std::min(lane, count - 1));
        run.mean1[lane] = at.mean1;
        run.mean2[lane] = at.mean2;
        run.cov1[lane] = at.cov1;
        run.cov2[lane] = at.cov2;
        logs[0][lane] = at.log1;
        logs[1][lane] = at.log2;
        out[lane] = at.out;
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
