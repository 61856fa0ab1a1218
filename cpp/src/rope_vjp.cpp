// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Gradients of the rotary embedding in its frequencies and positions. A unit of work is a block of
// tokens of one item of positions: it owns the gradients of those positions, and a partial sum for
// the frequencies. The blocks depend on the shapes alone, and the partial sums are added in order.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "isokern/rope.hpp"
#include "parallel.hpp"
#include "rope_rows.hpp"
#include "rope_split.hpp"
#include "rows.hpp"

namespace isokern {
namespace {

constexpr Index kBlockTokens = 64;
constexpr Index kMaxUnits = 4096;

[[noreturn]] void reject(const std::string& what) {
  throw invalid_argument("rope.angle_vjp: " + what);
}

// The axes of all terms, written out.
std::vector<std::int8_t> written_out(const RopePlan& plan) {
  if (!plan.axis.empty()) return plan.axis;
  std::vector<std::int8_t> axis;
  for (Index term = 0; term < plan.terms; ++term)
    axis.insert(axis.end(), static_cast<std::size_t>(plan.pairs()), static_cast<std::int8_t>(term));
  return axis;
}

// What the units share. Operands: x, and as its `out` the cotangent.
struct Job {
  const RopePlan& plan;
  const Tokens& tokens;
  const std::vector<std::int8_t>& axis;
  const Operand* operands;
  const Split* splits;
  int n_operands;
  Index n_tokens, axes, block, blocks;
  Index own_items;  // of positions, before they are broadcast with the heads
  bool inverse;
};

// Adds the gradients in the angles, for all rows of one operand that share a block's positions.
template <class T, class C>
void accumulate(const Job& job, int which, Index item, Index first, Index last, const Rows<C>& rows,
                double* turn, double* along) {
  const Operand& operand = job.operands[which];
  const Split& split = job.splits[which];
  Batch<2>::Offsets base;
  split.by_position().locate(item, base);
  const Batch<2>& shared = split.shared();
  const Index pairs = job.plan.pairs();
  shared.for_runs(0, shared.size(), [&](Index, Index count, const Index* offsets) {
    RopeAngleRun<T, C> run{};
    run.x = operand.x.as<T>() + base[0] + offsets[0] + first * operand.x_token;
    run.g = operand.out.as<T>() + base[1] + offsets[1] + first * operand.out_token;
    run.cos = rows.cos;
    run.sin = rows.sin;
    run.count[0] = count;
    run.x_stride[0] = shared.inner_stride(0);
    run.g_stride[0] = shared.inner_stride(1);
    run.count[1] = last - first;
    run.x_stride[1] = operand.x_token;
    run.g_stride[1] = operand.out_token;
    run.table_stride[1] = rows.stride;
    run.sum_stride[1] = pairs;
    run.pairs = pairs;
    run.offset = job.plan.rotary_offset;
    run.interleaved = job.plan.layout == PairLayout::interleaved;
    run.turn_sign = job.inverse ? -1.0 : 1.0;
    run.along_sign = (which == 0) != job.inverse ? 1.0 : -1.0;
    run.turn = turn;
    run.along = along;
    rope_kernels<T>().angles(run);
    return true;
  });
}

// From gradients in angles to those in frequencies and positions, for one token and head.
void reduce(const Job& job, Index head, const double* position, const double* turn,
            const double* along, double* frequency_bar, double* position_bar) noexcept {
  const RopePlan& plan = job.plan;
  const Index pairs = plan.pairs();
  for (Index term = 0; term < plan.terms; ++term) {
    const std::int8_t* axis = job.axis.data() + term * pairs;
    const Index row = (term * plan.heads + head) * pairs;
    for (Index j = 0; j < pairs; ++j) {
      const Index number = axis[j];
      frequency_bar[row + j] += position[number * job.tokens.axis_stride] * turn[j];
      position_bar[number] += plan.inv_freq[static_cast<std::size_t>(row + j)] * turn[j];
    }
  }
  if (along == nullptr) return;
  for (Index j = 0; j < pairs; ++j)
    position_bar[job.axis[static_cast<std::size_t>(j)]] +=
        plan.log_scale[static_cast<std::size_t>(j)] * along[j];
}

template <class T>
void run(const Job& job, RopeMode mode, const View& inv_freq_bar, const View& positions_bar) {
  using C = typename RopeCompute<T>::type;
  const PlanRows<C> source(job.plan, job.tokens, mode);
  const Index heads = job.plan.heads, pairs = job.plan.pairs();
  const Batch<1> items(job.tokens.batch, {job.tokens.batch});
  const Index each = job.own_items > 0 ? items.size() / job.own_items : 0;  // 1, or the heads
  const Index units = job.own_items * job.blocks;
  const Index size = inv_freq_bar.size();
  std::vector<double> partial(static_cast<std::size_t>(units * size));
  const Index sums = 2 * job.block * pairs * static_cast<Index>(sizeof(double));
  double bytes = 0;
  for (int i = 0; i < job.n_operands; ++i)
    bytes += 2.0 * static_cast<double>(job.operands[i].x.size() * size_of(job.operands[i].x.dtype));
  const int threads = threads_for(bytes);
  const Workspace workspace(threads, sums + source.scratch_bytes(job.block));
  parallel_for(units, threads, [&](Index begin, Index end, int thread) {
    double* const turn = workspace.of<double>(thread);
    double* const along = job.plan.log_scale.empty() ? nullptr : turn + job.block * pairs;
    auto* const scratch = workspace.of<std::byte>(thread) + sums;
    for (Index unit = begin; unit < end; ++unit) {
      const Index own = unit / job.blocks, first = unit % job.blocks * job.block;
      const Index last = std::min(job.n_tokens, first + job.block);
      double* const frequencies = partial.data() + unit * size;
      double* const bars = positions_bar.as<double>() + (own * job.n_tokens + first) * job.axes;
      std::fill(bars, bars + std::max<Index>(0, last - first) * job.axes, 0.0);
      for (Index item = own * each; item < (own + 1) * each; ++item) {
        std::fill(turn, turn + 2 * job.block * pairs, 0.0);
        for (int i = 0; i < job.n_operands; ++i) {
          const auto rows = source.rows(item, first, last, i, scratch);
          accumulate<T, C>(job, i, item, first, last, rows, turn, along);
        }
        Batch<1>::Offsets offset;
        items.locate(item, offset);
        const double* data = job.tokens.data == nullptr ? nullptr : job.tokens.data + offset[0];
        for (Index token = first; token < last; ++token) {
          const double consecutive =
              (data == nullptr ? job.tokens.start : *data) + static_cast<double>(token);
          const bool given = data != nullptr && !job.tokens.consecutive;
          const Index at = token - first;
          reduce(job, item % heads, given ? data + token * job.tokens.token_stride : &consecutive,
                 turn + at * pairs, along == nullptr ? nullptr : along + at * pairs, frequencies,
                 bars + at * job.axes);
        }
      }
    }
  });
  double* const total = inv_freq_bar.as<double>();
  std::fill(total, total + size, 0.0);
  for (Index unit = 0; unit < units; ++unit) {
    for (Index i = 0; i < size; ++i) total[i] += partial[static_cast<std::size_t>(unit * size + i)];
  }
}

// Throws unless the two arrays are x and its cotangent.
Operand require_both(const RopePlan& plan, int seq_axis, const ConstView& x, const ConstView& g,
                     const char* name, const char* g_name) {
  const Operand operand = split_axes(seq_axis, x, g, name);
  require_slice(slice_of(plan), x, name);
  require_rows("rope.angle_vjp", {name, x}, operand.dim, x.dtype);
  require_rows("rope.angle_vjp", {g_name, g}, operand.dim, x.dtype);
  bool same = x.rank == g.rank;
  for (int axis = 0; same && axis < x.rank; ++axis) same = x.shape[axis] == g.shape[axis];
  if (!same)
    reject(std::string(g_name) + " has shape " + shape_text(g) + ", expected that of " + name +
           ", " + shape_text(x));
  return operand;
}

void require_contiguous(const View& bar, const Layout& shape, const char* name) {
  bool same = bar.rank == shape.rank && bar.dtype == Dtype::float64;
  Index stride = 1;
  for (int axis = shape.rank - 1; same && axis >= 0; --axis) {
    same = bar.shape[axis] == shape.shape[axis] &&
           (bar.strides[axis] == stride || bar.shape[axis] <= 1 || shape.size() == 0);
    stride *= shape.shape[axis];
  }
  if (!same)
    reject(std::string(name) + " has shape " + shape_text(bar) +
           ", expected a contiguous float64 " + shape_text(shape));
}

}  // namespace

void rope_angle_vjp(const RopePlan& plan, const RopePositions& positions, RopeMode mode,
                    int seq_axis, const ConstView& g_q, const ConstView& q, const ConstView& g_k,
                    const ConstView& k, const View& inv_freq_bar, const View& positions_bar) {
  if (mode != RopeMode::forward && mode != RopeMode::inverse)
    reject("mode is a transpose, expected forward or inverse");
  require_plan(plan, mode);
  Operand operands[2] = {require_both(plan, seq_axis, q, g_q, "q", "cotangent_q"), {}};
  const int n_operands = k ? 2 : 1;
  if (k) {
    operands[1] = require_both(plan, seq_axis, k, g_k, "k", "cotangent_k");
    require_groups(operands[0], operands[1]);
  }
  const Index n_tokens = operands[0].tokens;
  const Tokens tokens = require_positions(plan, positions, n_tokens, q.dtype == Dtype::float16);
  for (int i = 0; i < n_operands; ++i) require_heads(plan, operands[i], i == 0 ? "q" : "k");
  const Split splits[2] = {Split(operands[0], tokens.batch),
                           Split(operands[n_operands - 1], tokens.batch)};
  Layout frequencies{static_cast<Index>(plan.inv_freq.size())};
  Layout bars;
  if (positions.positions) {
    bars = positions.positions;
  } else {
    if (positions.starts) bars = positions.starts;
    bars.append(n_tokens, 1);
  }
  require_contiguous(inv_freq_bar, frequencies, "inv_freq_bar");
  require_contiguous(positions_bar, bars, "positions_bar");

  const std::vector<std::int8_t> axis = written_out(plan);
  const Index own_items =
      leading_axes(bars, bars.rank - (positions.positions && plan.n_axes() > 1 ? 2 : 1)).size();
  Index block = std::max(kBlockTokens, (own_items * n_tokens + kMaxUnits - 1) / kMaxUnits);
  block = std::max<Index>(1, std::min(block, n_tokens));
  const Job job{plan,      tokens,
                axis,      operands,
                splits,    n_operands,
                n_tokens,  plan.n_axes(),
                block,     (n_tokens + block - 1) / block,
                own_items, mode == RopeMode::inverse};
  switch (q.dtype) {
    case Dtype::float32:
      return run<float>(job, mode, inv_freq_bar, positions_bar);
    case Dtype::float64:
      return run<double>(job, mode, inv_freq_bar, positions_bar);
    case Dtype::float16:
      return run<float16>(job, mode, inv_freq_bar, positions_bar);
    case Dtype::bfloat16:
      return run<bfloat16>(job, mode, inv_freq_bar, positions_bar);
  }
}

}  // namespace isokern
