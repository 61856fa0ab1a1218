// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// KL for all pairs of two sets: both are packed, multiplied, and what has lost digits in the
// product is computed again, pair by pair.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gaussian.hpp"
#include "gaussian_groups.hpp"

namespace isokern {
namespace {

constexpr double kDoubtful = 0x1p-20;  // of the terms' size: what is below has lost six digits
constexpr Index kBlockRows = 64, kBlockColumns = 240;  // of results, in a near cache

// A set in double, contiguous but for the rows of the covariances.
struct Set {
  const double *mean, *cov;
  Index count, item_stride, row_stride, d;
};

// The same, packed.
class Packed {
 public:
  Packed(const Set& set, GaussianSide side)
      : set_(set),
        side_(side),
        width_(side == GaussianSide::first ? kernels().gaussian.tile_rows
                                           : kernels().gaussian.tile_columns),
        depth_(packed_depth(set.d)),
        panels_((set.count + width_ - 1) / width_),
        panel_memory_(1, panels_ * width_ * depth_ * Index{sizeof(double)}),
        sizes_(static_cast<std::size_t>(panels_ * width_)),
        status_(static_cast<std::size_t>(panels_ * width_)) {}

  void pack(GaussianForm form, const double* centre) {
    const GaussianKernels& kernel = kernels().gaussian;
    const Index d = set_.d, lanes = kernel.lanes, groups = panels_ * width_ / lanes;
    const double cube = static_cast<double>(d) * static_cast<double>(d) * static_cast<double>(d);
    const int threads = threads_for_flops(2 * cube * static_cast<double>(set_.count));
    const Workspace workspace(threads, (2 * d * d + 2 * d) * lanes * Index{sizeof(double)});
    parallel_for(groups, threads, [&](Index begin, Index end, int thread) {
      GaussianPackRun run{};
      run.centre = centre;
      run.stride = set_.row_stride;
      run.d = d;
      run.form = form;
      run.side = side_;
      run.tolerance = kAsymmetry;
      run.scratch = workspace.of<double>(thread);
      run.panel_stride = width_;
      for (Index group = begin; group < end; ++group) {
        const Index first = group * lanes;
        for (Index lane = 0; lane < lanes; ++lane) {
          const Index item = std::min(first + lane, set_.count - 1);
          run.mean[lane] = set_.mean + item * d;
          run.cov[lane] = set_.cov + item * set_.item_stride;
        }
        run.panel = panel(first / width_) + first % width_;
        run.size = sizes_.data() + first;
        run.status = status_.data() + first;
        kernel.pack(run);
      }
    });
  }

  // Throws for the first bad covariance.
  void check(const char* f, const char* name) const {
    for (Index item = 0; item < set_.count; ++item) {
      const int found = status(item);
      if (found != 0) throw_status(f, found, item, Layout{set_.count}, name, Layout{set_.count});
    }
  }

  Index panels() const noexcept { return panels_; }
  Index width() const noexcept { return width_; }
  Index depth() const noexcept { return depth_; }
  double* panel(Index i) const noexcept {
    return panel_memory_.of<double>(0) + i * width_ * depth_;
  }
  double size(Index item) const noexcept { return sizes_[static_cast<std::size_t>(item)]; }
  int status(Index item) const noexcept { return status_[static_cast<std::size_t>(item)]; }

 private:
  const Set& set_;
  GaussianSide side_;
  Index width_, depth_, panels_;
  Workspace panel_memory_;
  std::vector<double> sizes_;
  std::vector<std::int8_t> status_;
};

// The mean of all means that are finite.
std::vector<double> centre_of(const Set& one, const Set& other) {
  const Index d = one.d;
  std::vector<double> sum(static_cast<std::size_t>(d));
  Index count = 0;
  for (const Set* set : {&one, &other}) {
    for (Index item = 0; item < set->count; ++item) {
      const double* mean = set->mean + item * d;
      if (!std::all_of(mean, mean + d, [](double x) { return std::isfinite(x); })) continue;
      ++count;
      for (Index i = 0; i < d; ++i)
        sum[static_cast<std::size_t>(i)] +=
            (mean[i] - sum[static_cast<std::size_t>(i)]) / static_cast<double>(count);
    }
  }
  return sum;
}

bool doubtful(double value, double size) noexcept {
  return !(value >= kDoubtful * size && std::isfinite(size));  // NaN as well
}

// out(i, j), row-major; the number of doubtful ones.
Index multiply(const Packed& one, const Packed& other, Index n, Index m, double* out) {
  const GaussianKernels& kernel = kernels().gaussian;
  const Index tiles = kBlockRows / one.width();
  const Index row_blocks = (one.panels() + tiles - 1) / tiles;
  const Index column_blocks = (m + kBlockColumns - 1) / kBlockColumns;
  const Index most = (other.panels() + column_blocks - 1) / column_blocks;
  const double flops =
      2 * static_cast<double>(n) * static_cast<double>(m) * static_cast<double>(one.depth());
  const int threads = threads_for_flops(flops);
  const Workspace workspace(threads, kBlockRows * most * other.width() * Index{sizeof(double)});
  std::vector<Index> counts(static_cast<std::size_t>(threads));
  parallel_for(row_blocks * column_blocks, threads, [&](Index begin, Index end, int thread) {
    double* const block = workspace.of<double>(thread);
    Index count = 0;
    for (Index task = begin; task < end; ++task) {
      const Index tile = task / column_blocks * tiles;
      const Index first = task % column_blocks * other.panels() / column_blocks;
      const Index last = (task % column_blocks + 1) * other.panels() / column_blocks;
      kernel.product(one.panel(tile), std::min(tiles, one.panels() - tile), other.panel(first),
                     last - first, one.depth(), block);
      const Index row = tile * one.width(), column = first * other.width();
      const Index stride = (last - first) * other.width(), columns = std::min(stride, m - column);
      for (Index i = 0; i < std::min(kBlockRows, n - row); ++i) {
        const double size = one.size(row + i);
        for (Index j = 0; j < columns; ++j) {
          const double value = block[i * stride + j];
          out[(row + i) * m + column + j] = value;
          count += doubtful(value, size * other.size(column + j)) ? 1 : 0;
        }
      }
    }
    counts[static_cast<std::size_t>(thread)] = count;
  });
  Index total = 0;
  for (const Index count : counts) total += count;
  return total;
}

// Of all pairs, or of the doubtful ones.
void solve(const Set& one, const Set& other, GaussianForm form, const std::vector<Index>* chosen,
           double* out) {
  const Index d = one.d, m = other.count;
  const Index items = chosen != nullptr ? static_cast<Index>(chosen->size()) : one.count * m;
  for_pairs(
      {GaussianMeasure::kl, form, 0, d, one.row_stride, other.row_stride}, items,
      threads_for_pairs(items, d),
      [&](Index item) {
        const Index at = chosen != nullptr ? (*chosen)[static_cast<std::size_t>(item)] : item;
        const Index i = at / m, j = at % m;
        return PairPlace{one.mean + i * d,
                         one.cov + i * one.item_stride,
                         other.mean + j * d,
                         other.cov + j * other.item_stride,
                         nullptr,
                         nullptr,
                         out + at};
      },
      [](Index, double* to, double value, int status, int) {
        *to = status == 0 ? value : std::numeric_limits<double>::quiet_NaN();
      });
}

}  // namespace

void kl_pairwise(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                 const ConstView& cov2, Covariance form, PairwiseMethod method, OnError on_error,
                 const View& out) {
  constexpr const char* f = "pairwise";
  const Index d = require_sets(f, {mean1, cov1, mean2, cov2}, out);
  const Wide wide1(cov1), wide2(cov2);
  const Items means1(mean1, 1), means2(mean2, 1);
  const auto set_of = [d](const Items& mean, const ConstView& cov) {
    return Set{mean.values.data(), cov.as<double>(), cov.shape[0],
               cov.strides[0],     cov.strides[1],   d};
  };
  const Set one = set_of(means1, wide1), other = set_of(means2, wide2);
  const Index n = one.count, m = other.count;
  const GaussianForm given = kernel_form(form);
  const std::vector<double> centre = centre_of(one, other);
  Packed first(one, GaussianSide::first), second(other, GaussianSide::second);
  first.pack(given, centre.data());
  second.pack(given, centre.data());
  if (on_error != OnError::nan) {
    first.check(f, "cov1");
    second.check(f, "cov2");
  }
  if (n == 0 || m == 0) return;
  const bool direct = out.dtype == Dtype::float64 && out.strides[0] == m && out.strides[1] == 1;
  Items kept = direct ? Items() : Items(Layout{n, m}, 1);
  double* const to = direct ? out.as<double>() : kept.values.data();
  const Index doubts = method == PairwiseMethod::solve ? n * m : multiply(first, second, n, m, to);
  if (method == PairwiseMethod::solve ||
      (method == PairwiseMethod::automatic && doubts > n * m / 4)) {
    solve(one, other, given, nullptr, to);
  } else if (method == PairwiseMethod::automatic && doubts > 0) {
    std::vector<Index> chosen;
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < m; ++j) {
        if (doubtful(to[i * m + j], first.size(i) * second.size(j))) chosen.push_back(i * m + j);
      }
    }
    solve(one, other, given, &chosen, to);
  }
  for (Index i = 0; i < n; ++i) {
    if (first.status(i) != 0) fill_nan(to + i * m, 1, m, m);
  }
  for (Index j = 0; j < m; ++j) {
    if (second.status(j) != 0) fill_nan(to + j, n, m, 1);
  }
  if (!direct) store(kept, out);
}

}  // namespace isokern
