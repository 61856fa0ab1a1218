// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Rotary embedding by a plan: checks, the table of each unit of work, and the table alone.
#include "isokern/rope.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "rope_rows.hpp"

namespace isokern {
namespace {

template <class T>
void apply(const RopePlan& plan, const Tokens& tokens, RopeMode mode, const Operand* operands,
           const Split* splits, int n_operands) {
  const PlanRows<typename RopeCompute<T>::type> rows(plan, tokens, mode);
  turn_all<T>(rows, slice_of(plan), operands, splits, n_operands);
}

void apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode, Operand* operands,
           int n_operands) {
  const Dtype dtype = operands[0].x.dtype;
  Tokens tokens = require_positions(plan, positions, operands[0].tokens, dtype == Dtype::float16);
  require_heads(plan, operands[0], "q");
  if (n_operands > 1) require_heads(plan, operands[1], "k");
  require_fit(operands, n_operands, tokens.batch);
  const int axis = axis_in_place_of_tokens(tokens.batch, operands[0].tokens, plan.heads);
  if (axis >= 0) {
    for (int i = 0; i < n_operands; ++i) use_as_tokens(axis, tokens.batch, operands[i]);
    tokens.token_stride = tokens.batch.strides[axis];
    tokens.batch.shape[axis] = 1;
    tokens.consecutive = false;
  }
  const Split splits[2] = {Split(operands[0], tokens.batch),
                           Split(operands[n_operands - 1], tokens.batch)};
  for_dtype(dtype, [&](auto type) {
    apply<decltype(type)>(plan, tokens, mode, operands, splits, n_operands);
  });
}

}  // namespace

const double* rope_levels_of(const std::vector<double>& inv_freq) {
  struct Kept {
    std::vector<double> inv_freq, rows;
  };
  constexpr std::size_t n_plans = 4;
  static thread_local Kept plans[n_plans];
  static thread_local std::size_t next = 0;
  for (const Kept& kept : plans) {
    if (kept.inv_freq == inv_freq) return kept.rows.data();
  }
  Kept& kept = plans[next++ % n_plans];
  const std::size_t pairs = inv_freq.size();
  kept.inv_freq.clear();
  constexpr std::size_t n_rows = kLevels * kLevelRows;
  kept.rows.resize((2 * n_rows + 1) * pairs);  // the last row is scratch
  double* const rows = kept.rows.data();
  kernels().rope_levels(inv_freq.data(), static_cast<Index>(pairs), rows + 2 * n_rows * pairs,
                        rows);
  kept.inv_freq = inv_freq;
  return rows;
}

void rope_apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode, int seq_axis,
                const ConstView& x, const View& out) {
  require_plan(plan, mode);
  require_apart(positions.positions, out, "out");
  require_apart(positions.starts, out, "out", "offsets");
  Operand only = require_operand(slice_of(plan), seq_axis, x, out, "q", "out");
  apply(plan, positions, mode, &only, 1);
}

void rope_apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode, int seq_axis,
                const ConstView& q, const ConstView& k, const View& q_out, const View& k_out) {
  require_plan(plan, mode);
  const Slice slice = slice_of(plan);
  Operand both[2] = {require_operand(slice, seq_axis, q, q_out, "q", "the output of q"),
                     require_operand(slice, seq_axis, k, k_out, "k", "the output of k")};
  require_pair(both, q_out, k_out);
  for (const ConstView* where : {&positions.positions, &positions.starts}) {
    require_apart(*where, q_out, "the output of q");
    require_apart(*where, k_out, "the output of k");
  }
  apply(plan, positions, mode, both, 2);
}

void rope_table(const RopePlan& plan, const RopePositions& positions, const View& out) {
  require_plan(plan, RopeMode::forward);
  if (out.rank < 2 || (out.dtype != Dtype::float32 && out.dtype != Dtype::float64))
    reject_apply("out has shape " + shape_text(out) +
                 ", expected (..., tokens, 2P) in float32 or float64");
  const Index tokens = out.shape[out.rank - 2];
  const Tokens where = require_positions(plan, positions, tokens, false);
  Layout rows = where.batch;
  rows.append(tokens, 0);
  require_output(kRopeApply, "out", out, rows, 2 * plan.pairs(), out.dtype);
  require_apart(positions.positions, out, "out");
  require_apart(positions.starts, out, "out", "offsets");
  const Batch<1> items(where.batch, {leading_axes(out, out.rank - 2)});
  for_dtype(out.dtype, [&](auto type) {
    using C = typename RopeCompute<decltype(type)>::type;
    const PlanRows<C> source(plan, where, RopeMode::forward);
    const int threads = threads_for(static_cast<double>(out.size() * size_of(out.dtype)));
    if (out.size() == 0) return;
    const Blocks blocks = blocks_of(tokens, items.size(), source.row_bytes(), threads);
    const Workspace workspace(threads, source.scratch_bytes(0));
    parallel_for(items.size() * blocks.count, threads, [&](Index begin, Index end, int thread) {
      for (Index unit = begin; unit < end; ++unit) {
        const Index first = unit % blocks.count * blocks.tokens;
        const Index last = std::min(tokens, first + blocks.tokens);
        Batch<1>::Offsets offset;
        items.locate(unit / blocks.count, offset);
        const Index stride = out.strides[out.rank - 2];
        source.write(unit / blocks.count, first, last, 0, workspace.of<std::byte>(thread),
                     out.as<C>() + offset[0] + first * stride, stride);
      }
    });
  });
}

}  // namespace isokern
