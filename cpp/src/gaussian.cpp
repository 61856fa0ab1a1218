// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Normal distributions: checks, threads, the call of the kernels, failures turned into exceptions.
#include "isokern/gaussian.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gaussian.hpp"
#include "parallel.hpp"

namespace isokern {
namespace {

// What a run is made for, without the arguments of an item.
struct Task {
  GaussianMeasure measure;
  GaussianForm form = GaussianForm::cov;
  double alpha = 0;
};

void check_logs(const char* f, const PairArguments& given) {
  if (static_cast<bool>(given.log1) != static_cast<bool>(given.log2))
    throw invalid_argument(std::string(f) + ": one log_det is absent, expected both or none");
  if (given.log1) {
    require_dtype(f, {"log_det1", given.log1}, given.cov1.dtype);
    require_dtype(f, {"log_det2", given.log2}, given.cov1.dtype);
  }
}

void run_pairs(const char* f, const PairArguments& given, const Task& task, OnError on_error,
               const View& out) {
  const Index d = require_pair(f, given);
  check_logs(f, given);
  const Layout batch = batch_of_pairs(f, given);
  require_exact(f, "out", out, batch, given.cov1.dtype);
  require_outputs_apart(
      f, {{"out", out}},
      {{"mean1", given.mean1}, {"cov1", given.cov1}, {"mean2", given.mean2}, {"cov2", given.cov2}});
  if (batch.size() == 0) return;
  if (given.cov1.dtype == Dtype::float32) {
    const Wide mean1(given.mean1), cov1(given.cov1), mean2(given.mean2), cov2(given.cov2);
    const Wide log1(given.log1), log2(given.log2);
    Items values(batch, 1);
    run_pairs(f, {mean1, cov1, mean2, cov2, log1, log2}, task, on_error, row_major(values));
    store(values, out);
    return;
  }
  const auto rows = [&](const ConstView& view, int axes, const char* name) {
    return view ? broadcast_to(leading_axes(view, view.rank - axes), batch, f, name)
                : broadcast_to({}, batch, f, name);
  };
  const Batch<7> items(batch,
                       {rows(given.mean1, 1, "mean1"), rows(given.cov1, 2, "cov1"),
                        rows(given.mean2, 1, "mean2"), rows(given.cov2, 2, "cov2"),
                        rows(given.log1, 0, "log_det1"), rows(given.log2, 0, "log_det2"), out});
  const GaussianKernels& kernel = kernels().gaussian;
  const Index lanes = kernel.lanes, groups = (items.size() + lanes - 1) / lanes;
  const double cube = static_cast<double>(d) * static_cast<double>(d) * static_cast<double>(d);
  const int threads = threads_for_flops(static_cast<double>(items.size()) * 4 * cube);
  const bool protect = on_error == OnError::raise;
  std::vector<double> kept(protect ? static_cast<std::size_t>(items.size()) : 0);
  Failures failures(threads);
  const Workspace workspace(threads, (4 * d * d + 8 * d) * lanes * Index{sizeof(double)});
  parallel_for(groups, threads, [&](Index begin, Index end, int thread) {
    GaussianPairRun run{};
    const double* logs[2][kMostLanes] = {};
    double values[kMostLanes];
    std::int8_t status[kMostLanes];
    run.stride1 = given.cov1.strides[given.cov1.rank - 2];
    run.stride2 = given.cov2.strides[given.cov2.rank - 2];
    run.d = d;
    run.measure = task.measure;
    run.form = task.form;
    run.alpha = task.alpha;
    run.tolerance = kAsymmetry;
    run.scratch = workspace.of<double>(thread);
    run.value = values;
    run.status = status;
    for (Index group = begin; group < end; ++group) {
      double* to[kMostLanes];
      const Index first = group * lanes, count = std::min(lanes, items.size() - first);
      for (Index lane = 0; lane < lanes; ++lane) {
        Batch<7>::Offsets at;
        items.locate(first + std::min(lane, count - 1), at);
        if (given.mean1) {
          run.mean1[lane] = given.mean1.as<double>() + at[0];
          run.mean2[lane] = given.mean2.as<double>() + at[2];
        }
        run.cov1[lane] = given.cov1.as<double>() + at[1];
        run.cov2[lane] = given.cov2.as<double>() + at[3];
        if (given.log1) {
          logs[0][lane] = given.log1.as<double>() + at[4];
          logs[1][lane] = given.log2.as<double>() + at[5];
        }
        to[lane] = out.as<double>() + at[6];
      }
      if (given.log1) {
        run.log1 = logs[0];
        run.log2 = logs[1];
      }
      kernel.pair(run);
      for (Index lane = 0; lane < count; ++lane) {
        const bool bad = status[lane] != 0;
        if (bad) failures.note(thread, first + lane, {0, static_cast<Failure>(status[lane])});
        const double value = bad ? std::numeric_limits<double>::quiet_NaN() : values[lane];
        if (protect) {
          kept[static_cast<std::size_t>(first + lane)] = value;
        } else {
          *to[lane] = value;
        }
      }
    }
  });
  const RunStatus worst = failures.first();
  if (worst.failure != Failure::none && on_error != OnError::nan) {
    const int status = static_cast<int>(worst.failure);
    const bool second = status == kIndefiniteFirst + 1 || status == kAsymmetricFirst + 1;
    const Layout own = batch_of_matrix(second ? given.cov2 : given.cov1);
    throw_status(f, status, worst.item, batch, second ? "cov2" : "cov1", own);
  }
  if (!protect) return;
  items.for_runs(0, items.size(), [&](Index first, Index count, const Index* at) {
    for (Index i = 0; i < count; ++i)
      out.as<double>()[at[6] + i * items.inner_stride(6)] =
          kept[static_cast<std::size_t>(first + i)];
    return true;
  });
}

GaussianForm form_of(Covariance form) {
  switch (form) {
    case Covariance::cov:
      return GaussianForm::cov;
    case Covariance::tril:
      return GaussianForm::tril;
    case Covariance::precision:
      return GaussianForm::precision;
    default:
      break;
  }
  throw invalid_argument("a form of covariance that does not exist");
}

}  // namespace

void kl(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
        const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  if (form == Covariance::factor || form == Covariance::diag)
    return kl_of_other_forms({mean1, cov1, mean2, cov2}, form, on_error, out);
  run_pairs("kl", {mean1, cov1, mean2, cov2}, {GaussianMeasure::kl, form_of(form)}, on_error, out);
}

void bhattacharyya(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                   const ConstView& cov2, const ConstView& log_det1, const ConstView& log_det2,
                   OnError on_error, const View& out) {
  run_pairs("bhattacharyya", {mean1, cov1, mean2, cov2, log_det1, log_det2},
            {GaussianMeasure::bhattacharyya}, on_error, out);
}

void renyi(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
           const ConstView& cov2, double alpha, OnError on_error, const View& out) {
  require_alpha("renyi", alpha);
  run_pairs("renyi", {mean1, cov1, mean2, cov2}, {GaussianMeasure::renyi, GaussianForm::cov, alpha},
            on_error, out);
}

void wasserstein2_squared_definite(const ConstView& mean1, const ConstView& cov1,
                                   const ConstView& mean2, const ConstView& cov2, Covariance form,
                                   OnError on_error, const View& out) {
  constexpr const char* f = "wasserstein2_squared_definite";
  if (form != Covariance::cov && form != Covariance::tril)
    throw invalid_argument(std::string(f) + ": form is neither cov nor tril");
  run_pairs(f, {mean1, cov1, mean2, cov2}, {GaussianMeasure::wasserstein2, form_of(form)}, on_error,
            out);
}

void measure_pairs(const char* f, const PairArguments& given, GaussianMeasure measure,
                   Covariance form, double alpha, OnError on_error, const View& out) {
  run_pairs(f, given, {measure, form_of(form), alpha}, on_error, out);
}

}  // namespace isokern
