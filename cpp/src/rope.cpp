// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Rotary embedding: checks, the split into units of work, the table of each unit, the call of the
// kernels.
//
// A unit is a block of consecutive tokens that share their positions. The thread that owns it makes
// the block's table, small enough for its second cache, and turns the rows of all heads and
// sequences that use it: no barrier, nothing shared.
#include "isokern/rope.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <type_traits>
#include <vector>

#include "parallel.hpp"
#include "rope_arguments.hpp"
#include "rows.hpp"

namespace isokern {
namespace {

constexpr Index kTableBytes = Index{256} << 10;  // of one unit

// An operand's batch axes, split into those along which positions change and those that share them.
class Split {
 public:
  Split(const Operand& operand, const Layout& positions)
      : by_position_(make(operand, positions, true)), shared_(make(operand, positions, false)) {}

  const Batch<2>& by_position() const { return by_position_; }
  const Batch<2>& shared() const { return shared_; }

 private:
  static Batch<2> make(const Operand& operand, const Layout& positions, bool changing) {
    const Layout on = broadcast_to(positions, operand.batch_shape, kRopeApply, "positions");
    Layout shape, x, out;
    for (int axis = 0; axis < on.rank; ++axis) {
      const int own = axis - (on.rank - positions.rank);
      const bool changes = own >= 0 && positions.shape[own] > 1;
      if (changes != changing) continue;
      shape.append(on.shape[axis], 0);
      x.append(on.shape[axis], operand.x_batch.strides[axis]);
      out.append(on.shape[axis], operand.out_batch.strides[axis]);
    }
    return Batch<2>(shape, {x, out});
  }

  Batch<2> by_position_, shared_;
};

template <class T>
RopeKernel<T> rope_kernel() noexcept;
template <>
RopeKernel<float> rope_kernel<float>() noexcept {
  return kernels().rope_f32;
}
template <>
RopeKernel<double> rope_kernel<double>() noexcept {
  return kernels().rope_f64;
}
template <>
RopeKernel<float16> rope_kernel<float16>() noexcept {
  return kernels().rope_f16;
}
template <>
RopeKernel<bfloat16> rope_kernel<bfloat16>() noexcept {
  return kernels().rope_bf16;
}

void make_table(const RopeTableRun<float>& run) noexcept {
  kernels().rope_table_f32(run);
}
void make_table(const RopeTableRun<double>& run) noexcept {
  kernels().rope_table_f64(run);
}

// The residual rows of a plan: the calling thread keeps those of its last plan, as the layers of a
// model share one.
const double* residuals_of(const RopePlan& plan) {
  struct Kept {
    std::vector<double> inv_freq, rows;
  };
  static thread_local Kept kept;
  if (kept.inv_freq != plan.inv_freq) {
    const std::size_t pairs = plan.inv_freq.size();
    kept.inv_freq.clear();
    kept.rows.resize((2 * kResiduals + 1) * pairs);  // the last row is scratch
    double* const rows = kept.rows.data();
    kernels().rope_residuals(plan.inv_freq.data(), static_cast<Index>(pairs),
                             rows + 2 * kResiduals * pairs, rows);
    kept.inv_freq = plan.inv_freq;
  }
  return kept.rows.data();
}

// Turns the rows of tokens [first, last) of the shared items [begin, end) by the block's table.
template <class T, class C>
void turn(const Operand& operand, const Split& split, const RopePlan& plan, const C* table,
          Index position_item, Index first, Index last, Index begin, Index end, bool stream) {
  Batch<2>::Offsets base;
  split.by_position().locate(position_item, base);
  const Index pairs = static_cast<Index>(plan.inv_freq.size());
  const Batch<2>& shared = split.shared();
  shared.for_runs(begin, end, [&](Index, Index count, const Index* offsets) {
    const Index item_stride = shared.inner_stride(0);
    // The smaller step innermost: rows in the order of memory.
    const bool tokens_inside = std::abs(operand.x_token) <= std::abs(item_stride) || count == 1;
    const int token_loop = tokens_inside ? 1 : 0, item_loop = 1 - token_loop;
    RopeRun<T, C> run{};
    run.x = operand.x.as<T>() + base[0] + offsets[0] + first * operand.x_token;
    run.out = operand.out.as<T>() + base[1] + offsets[1] + first * operand.out_token;
    run.table = table;
    run.count[token_loop] = last - first;
    run.x_stride[token_loop] = operand.x_token;
    run.out_stride[token_loop] = operand.out_token;
    run.table_stride[token_loop] = 2 * pairs;
    run.count[item_loop] = count;
    run.x_stride[item_loop] = item_stride;
    run.out_stride[item_loop] = shared.inner_stride(1);
    run.pairs = pairs;
    run.offset = plan.rotary_offset;
    run.dim = operand.dim;
    run.interleaved = plan.layout == PairLayout::interleaved;
    run.stream = stream;
    rope_kernel<T>()(run);
    return true;
  });
}

template <class T>
void apply(const RopePlan& plan, const Tokens& tokens, RopeMode mode, const Operand* operands,
           const Split* splits, int n_operands) {
  using C = typename RopeCompute<T>::type;
  const Index pairs = static_cast<Index>(plan.inv_freq.size());
  const Index n_tokens = operands[0].tokens;
  const Batch<1> position_items(tokens.batch, {tokens.batch});
  double bytes = 0;
  bool stream[2] = {};
  for (int i = 0; i < n_operands; ++i) {
    const View& out = operands[i].out;
    const Index size = out.size() * size_of(out.dtype);
    bytes += 2.0 * static_cast<double>(size);
    stream[i] = size >= kStreamBytes && !same_elements(out, operands[i].x);
  }
  if (bytes == 0) return;

  const int threads = threads_for(bytes);
  const Index row_bytes = 2 * pairs * static_cast<Index>(sizeof(C));
  const Index block_tokens = std::max<Index>(1, kTableBytes / row_bytes);
  Index blocks = (n_tokens + block_tokens - 1) / block_tokens;
  const Index wanted = (threads + position_items.size() - 1) / position_items.size();
  if (n_tokens >= 8 * wanted) blocks = std::max(blocks, wanted);
  blocks = std::min(blocks, n_tokens);
  const Index block = (n_tokens + blocks - 1) / blocks;
  // Too few blocks of tokens for the threads: the heads are shared out as well, and each share
  // makes the table again.
  const Index units = position_items.size() * blocks;
  const Index shares = std::max<Index>(1, threads / units);

  const double factor = plan.attention_factor;
  const bool inverts = mode == RopeMode::inverse || mode == RopeMode::inverse_transpose;
  const bool backwards = mode == RopeMode::inverse || mode == RopeMode::transpose;
  const double scale = inverts ? 1.0 / factor : factor;
  const double* residuals = nullptr;
  if constexpr (std::is_same_v<C, float>) {
    if (plan.n_axes() == 1) residuals = residuals_of(plan);
  }
  const Index phase_bytes = 3 * pairs * static_cast<Index>(sizeof(double));
  const Workspace workspace(threads, phase_bytes + block * row_bytes);
  parallel_for(units * shares, threads, [&](Index unit_begin, Index unit_end, int thread) {
    double* phases = workspace.of<double>(thread);
    C* table = reinterpret_cast<C*>(phases + 3 * pairs);
    for (Index unit = unit_begin; unit < unit_end; ++unit) {
      const Index share = unit % shares;
      const Index first = unit / shares % blocks * block;
      const Index last = std::min(n_tokens, first + block);
      const Index item = unit / shares / blocks;
      if (first >= last) continue;
      Batch<1>::Offsets offset;
      position_items.locate(item, offset);
      RopeTableRun<C> run{};
      if (tokens.data != nullptr)
        run.positions = tokens.data + offset[0] + first * tokens.token_stride;
      run.token_stride = tokens.token_stride;
      run.axis_stride = tokens.axis_stride;
      run.start = tokens.start + static_cast<double>(first);
      run.count = last - first;
      run.pairs = pairs;
      run.inv_freq = plan.inv_freq.data();
      run.axis = plan.n_axes() > 1 ? plan.axis.data() : nullptr;
      run.residuals = residuals;
      run.scratch = phases;
      run.cos_scale = scale;
      run.sin_scale = backwards ? -scale : scale;
      run.table = table;
      make_table(run);
      for (int i = 0; i < n_operands; ++i) {
        const Index size = splits[i].shared().size();
        turn<T, C>(operands[i], splits[i], plan, table, item, first, last, size * share / shares,
                   size * (share + 1) / shares, stream[i]);
      }
    }
  });
}

void apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode,
           const Operand* operands, int n_operands) {
  const Tokens tokens = require_positions(plan, positions, operands[0].tokens);
  const Split splits[2] = {Split(operands[0], tokens.batch),
                           Split(operands[n_operands - 1], tokens.batch)};
  switch (operands[0].x.dtype) {
    case Dtype::float32:
      return apply<float>(plan, tokens, mode, operands, splits, n_operands);
    case Dtype::float64:
      return apply<double>(plan, tokens, mode, operands, splits, n_operands);
    case Dtype::float16:
      return apply<float16>(plan, tokens, mode, operands, splits, n_operands);
    case Dtype::bfloat16:
      return apply<bfloat16>(plan, tokens, mode, operands, splits, n_operands);
  }
}

void require_apart(const RopePositions& positions, const View& out, const char* out_name) {
  if (positions.positions) {
    require_disjoint(out, positions.positions, false, kRopeApply, out_name, "positions");
  }
}

}  // namespace

void rope_apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode, int seq_axis,
                const ConstView& x, const View& out) {
  require_plan(plan, mode);
  require_apart(positions, out, "out");
  const Operand only = require_operand(plan, seq_axis, x, out, "q", "out");
  apply(plan, positions, mode, &only, 1);
}

void rope_apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode, int seq_axis,
                const ConstView& q, const ConstView& k, const View& q_out, const View& k_out) {
  require_plan(plan, mode);
  const Operand both[2] = {require_operand(plan, seq_axis, q, q_out, "q", "the output of q"),
                           require_operand(plan, seq_axis, k, k_out, "k", "the output of k")};
  require_groups(both[0], both[1]);
  require_apart(positions, q_out, "the output of q");
  require_apart(positions, k_out, "the output of k");
  require_disjoint(q_out, k_out, false, kRopeApply, "the output of q", "the output of k");
  require_disjoint(q_out, k, false, kRopeApply, "the output of q", "k");
  require_disjoint(k_out, q, false, kRopeApply, "the output of k", "q");
  apply(plan, positions, mode, both, 2);
}

}  // namespace isokern
