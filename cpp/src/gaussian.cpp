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
#include "gaussian_groups.hpp"

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
  const int threads = threads_for_pairs(items.size(), d);
  const bool protect = on_error == OnError::raise;
  std::vector<double> kept(protect ? static_cast<std::size_t>(items.size()) : 0);
  Failures failures(threads);
  const auto argument = [](const ConstView& view, Index offset) {
    return view ? view.as<double>() + offset : nullptr;
  };
  for_pairs(
      {task.measure, task.form, task.alpha, d, given.cov1.strides[given.cov1.rank - 2],
       given.cov2.strides[given.cov2.rank - 2]},
      items.size(), threads,
      [&](Index item) {
        Batch<7>::Offsets at;
        items.locate(item, at);
        return PairPlace{argument(given.mean1, at[0]), argument(given.cov1, at[1]),
                         argument(given.mean2, at[2]), argument(given.cov2, at[3]),
                         argument(given.log1, at[4]),  argument(given.log2, at[5]),
                         out.as<double>() + at[6]};
      },
      [&](Index item, double* to, double value, int status, int thread) {
        if (status != 0) {
          failures.note(thread, item, {0, static_cast<Failure>(status)});
          value = std::numeric_limits<double>::quiet_NaN();
        }
        if (protect) {
          kept[static_cast<std::size_t>(item)] = value;
        } else {
          *to = value;
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

}  // namespace

GaussianForm kernel_form(Covariance form) {
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

void kl(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
        const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  if (form == Covariance::factor || form == Covariance::diag)
    return kl_of_other_forms({mean1, cov1, mean2, cov2}, form, on_error, out);
  run_pairs("kl", {mean1, cov1, mean2, cov2}, {GaussianMeasure::kl, kernel_form(form)}, on_error,
            out);
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
  run_pairs(f, {mean1, cov1, mean2, cov2}, {GaussianMeasure::wasserstein2, kernel_form(form)},
            on_error, out);
}

void measure_pairs(const char* f, const PairArguments& given, GaussianMeasure measure,
                   Covariance form, double alpha, OnError on_error, const View& out) {
  run_pairs(f, given, {measure, kernel_form(form), alpha}, on_error, out);
}

}  // namespace isokern
