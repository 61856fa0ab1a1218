// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Cholesky factors of batches, their inverses, and what is made of them.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "gaussian.hpp"
#include "parallel.hpp"

namespace isokern {
namespace {

void factor_lanes(const char* f, const ConstView& x, FactorResult result, const View& out,
                  std::vector<std::int8_t>& found) {
  const Index d = x.shape[x.rank - 1];
  const Layout batch = batch_of_matrix(x);
  const Batch<2> items(batch, {batch, batch_of_matrix(out)});
  const GaussianKernels& kernel = kernels().gaussian;
  const Index lanes = kernel.lanes, groups = (items.size() + lanes - 1) / lanes;
  const double cube = static_cast<double>(d) * static_cast<double>(d) * static_cast<double>(d);
  const int threads = threads_for_flops(static_cast<double>(items.size()) * 2 * cube);
  const Workspace workspace(threads, (2 * d * d + d) * lanes * Index{sizeof(double)});
  (void)f;
  parallel_for(groups, threads, [&](Index begin, Index end, int thread) {
    GaussianMatrixRun run{};
    std::int8_t status[kMostLanes];
    run.stride = x.strides[x.rank - 2];
    run.out_stride = out.strides[out.rank - 2];
    run.d = d;
    run.result = static_cast<GaussianMatrix>(result);
    run.tolerance = kAsymmetry;
    run.scratch = workspace.of<double>(thread);
    run.status = status;
    for (Index group = begin; group < end; ++group) {
      const Index first = group * lanes, count = std::min(lanes, items.size() - first);
      for (Index lane = 0; lane < lanes; ++lane) {
        Batch<2>::Offsets at;
        items.locate(first + std::min(lane, count - 1), at);
        run.x[lane] = x.as<double>() + at[0];
        run.out[lane] = out.as<double>() + at[1];
      }
      run.count = static_cast<int>(count);
      kernel.matrix(run);
      for (Index lane = 0; lane < count; ++lane) {
        found[static_cast<std::size_t>(first + lane)] = status[lane];
        if (status[lane] != 0) fill_nan(run.out[lane], d, run.out_stride, d);
      }
    }
  });
}

}  // namespace

void factor(const ConstView& x, FactorResult result, OnError on_error, const View& out) {
  constexpr const char* f = "factor";
  require_float(f, {"x", x});
  require_matrix(f, {"x", x}, x.dtype);
  const Index d = x.shape[x.rank - 1];
  require_covariance(f, {"x", x}, d, x.dtype);
  require_shape(f, "out", out, x, x.dtype);
  require_outputs_apart(f, {{"out", out}}, {{"x", x}});
  if (x.size() == 0) return;
  if (x.dtype == Dtype::float32) {
    const Wide wide(x);
    const Layout& shape = out;
    Items values(shape, 1);
    factor(wide, result, on_error, row_major(values));
    store(values, out);
    return;
  }
  std::vector<std::int8_t> status(static_cast<std::size_t>(batch_of_matrix(x).size()));
  if (result == FactorResult::cholesky && blocked_pays(d, batch_of_matrix(x).size())) {
    factor_blocked(x, kAsymmetry, out, status);
  } else {
    factor_lanes(f, x, result, out, status);
  }
  if (on_error == OnError::nan) return;
  const Layout batch = batch_of_matrix(x);
  for (std::size_t item = 0; item < status.size(); ++item) {
    if (status[item] != 0)
      throw_status(f, status[item], static_cast<Index>(item), batch, "x", batch);
  }
}

}  // namespace isokern
