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
#include <string>
#include <utility>
#include <vector>

#include "parallel.hpp"
#include "rope_rows.hpp"
#include "rope_split.hpp"
#include "rows.hpp"

namespace isokern {
namespace {

constexpr Index kTableBytes = Index{256} << 10;  // of one unit

// Turns the rows of tokens [first, last) of the shared items [begin, end) by the block's rows.
template <class T, class C>
void turn(const Operand& operand, const Split& split, const Slice& slice, const Rows<C>& rows,
          Index position_item, Index first, Index last, Index begin, Index end, bool stream) {
  Batch<2>::Offsets base;
  split.by_position().locate(position_item, base);
  const Batch<2>& shared = split.shared();
  T* const out = static_cast<T*>(const_cast<void*>(operand.out.data));
  shared.for_runs(begin, end, [&](Index, Index count, const Index* offsets) {
    const Index item_stride = shared.inner_stride(0);
    // The smaller step innermost: rows in the order of memory.
    const bool tokens_inside = std::abs(operand.x_token) <= std::abs(item_stride) || count == 1;
    const int token_loop = tokens_inside ? 1 : 0, item_loop = 1 - token_loop;
    RopeRun<T, C> run{};
    run.x = operand.x.as<T>() + base[0] + offsets[0] + first * operand.x_token;
    run.out = out + base[1] + offsets[1] + first * operand.out_token;
    run.cos = rows.cos;
    run.sin = rows.sin;
    run.count[token_loop] = last - first;
    run.x_stride[token_loop] = operand.x_token;
    run.out_stride[token_loop] = operand.out_token;
    run.table_stride[token_loop] = rows.stride;
    run.count[item_loop] = count;
    run.x_stride[item_loop] = item_stride;
    run.out_stride[item_loop] = shared.inner_stride(1);
    run.pairs = slice.pairs;
    run.offset = slice.offset;
    run.dim = operand.dim;
    run.interleaved = slice.interleaved;
    run.stream = stream;
    rope_kernels<T>().turn(run);
    return true;
  });
}

// How tokens are cut into blocks, for so many items of positions.
struct Blocks {
  Index count, tokens;
};

Blocks blocks_of(Index tokens, Index items, Index row_bytes, int threads) {
  const Index most = std::max<Index>(1, kTableBytes / row_bytes);
  Index count = (tokens + most - 1) / most;
  const Index wanted = (threads + items - 1) / items;
  if (tokens >= 8 * wanted) count = std::max(count, wanted);
  count = std::min(count, tokens);
  return {count, (tokens + count - 1) / count};
}

template <class T, class Source>
void turn_all(const Source& source, const Slice& slice, const Operand* operands,
              const Split* splits, int n_operands) {
  const Index n_tokens = operands[0].tokens;
  const Index position_items = source.batch().size();
  double bytes = 0;
  bool stream[2] = {};
  for (int i = 0; i < n_operands; ++i) {
    const ConstView& out = operands[i].out;
    const Index size = out.size() * size_of(out.dtype);
    bytes += 2.0 * static_cast<double>(size);
    stream[i] = size >= kStreamBytes && !same_elements(out, operands[i].x);
  }
  if (bytes == 0) return;

  const int threads = threads_for(bytes);
  const Blocks blocks = blocks_of(n_tokens, position_items, source.row_bytes(), threads);
  // Too few blocks of tokens for the threads: the heads are shared out as well, and each share
  // makes the table again.
  const Index units = position_items * blocks.count;
  const Index shares = std::max<Index>(1, threads / units);
  const Workspace workspace(threads, source.scratch_bytes(blocks.tokens));
  parallel_for(units * shares, threads, [&](Index unit_begin, Index unit_end, int thread) {
    auto* const scratch = workspace.of<std::byte>(thread);
    for (Index unit = unit_begin; unit < unit_end; ++unit) {
      const Index share = unit % shares;
      const Index first = unit / shares % blocks.count * blocks.tokens;
      const Index last = std::min(n_tokens, first + blocks.tokens);
      const Index item = unit / shares / blocks.count;
      if (first >= last) continue;
      auto rows = source.rows(item, first, last, 0, scratch);
      for (int i = 0; i < n_operands; ++i) {
        if (i > 0 && source.per_operand()) rows = source.rows(item, first, last, i, scratch);
        const Index size = splits[i].shared().size();
        turn<T>(operands[i], splits[i], slice, rows, item, first, last, size * share / shares,
                size * (share + 1) / shares, stream[i]);
      }
    }
  });
}

template <class T>
void apply(const RopePlan& plan, const Tokens& tokens, RopeMode mode, const Operand* operands,
           const Split* splits, int n_operands) {
  const PlanRows<typename RopeCompute<T>::type> rows(plan, tokens, mode);
  turn_all<T>(rows, slice_of(plan), operands, splits, n_operands);
}

template <class T>
void apply(const RopeTable& table, bool transpose, const Slice& slice, const Operand* operands,
           const Split* splits, int n_operands) {
  const GivenRows<typename RopeCompute<T>::type> rows(table, transpose);
  turn_all<T>(rows, slice, operands, splits, n_operands);
}

// The batch axis of positions that may stand in for the sequence: with a single token for each of
// many positions, as in decoding, the tokens of one pass are those of different sequences. -1:
// none.
int axis_in_place_of_tokens(const Layout& batch, Index tokens, Index heads) {
  if (tokens != 1) return -1;
  for (int axis = batch.rank - 1; axis >= 0; --axis) {
    if (batch.shape[axis] > 1) return heads > 1 && axis == batch.rank - 1 ? -1 : axis;
  }
  return -1;
}

void use_as_tokens(int axis, const Layout& batch, Operand& operand) {
  const int own = axis + operand.batch_shape.rank - batch.rank;
  operand.tokens = operand.batch_shape.shape[own];
  operand.x_token = operand.x_batch.strides[own];
  operand.out_token = operand.out_batch.strides[own];
  operand.batch_shape.shape[own] = operand.x_batch.shape[own] = operand.out_batch.shape[own] = 1;
}

void swap_axes(Layout& layout, int one, int other) {
  std::swap(layout.shape[one], layout.shape[other]);
  std::swap(layout.strides[one], layout.strides[other]);
}

// call(T()) for the type of `dtype`.
template <class Call>
void for_dtype(Dtype dtype, Call&& call) {
  switch (dtype) {
    case Dtype::float32:
      return call(float());
    case Dtype::float64:
      return call(double());
    case Dtype::float16:
      return call(float16());
    case Dtype::bfloat16:
      return call(bfloat16());
  }
}

// Throws unless positions broadcast to all operands.
void require_fit(const Operand* operands, int n_operands, const Layout& positions) {
  for (int i = 0; i < n_operands; ++i)
    broadcast_to(positions, operands[i].batch_shape, kRopeApply, "positions");
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

void require_apart(const ConstView& positions, const View& out, const char* out_name,
                   const char* name = "positions") {
  if (positions) require_disjoint(out, positions, false, kRopeApply, out_name, name);
}

[[noreturn]] void reject(const std::string& what) {
  throw invalid_argument(std::string(kRopeApply) + ": " + what);
}

// The slice that a table turns, once all of it is right for so many tokens of `dtype`.
Slice require_table(const RopeTable& table, Dtype dtype, Index tokens) {
  const ConstView &cos = table.cos, &sin = table.sin, &rows = table.rows;
  const Dtype wanted = dtype == Dtype::float64 ? Dtype::float64 : Dtype::float32;
  require_dtype(kRopeApply, {"cos", cos}, wanted);
  require_dtype(kRopeApply, {"sin", sin}, wanted);
  bool same = cos.rank == sin.rank && cos.rank >= 2 && (!rows || cos.rank == 2);
  for (int axis = 0; same && axis < cos.rank; ++axis) same = cos.shape[axis] == sin.shape[axis];
  if (!same || cos.shape[cos.rank - 1] < 1) {
    reject("cos has shape " + shape_text(cos) + " and sin " + shape_text(sin) +
           ", expected one shape " + (rows ? "(n, P)" : "(..., seq, P)"));
  }
  require_rows(kRopeApply, {"cos", cos}, cos.shape[cos.rank - 1], wanted);
  require_rows(kRopeApply, {"sin", sin}, cos.shape[cos.rank - 1], wanted);
  const Index have = cos.shape[cos.rank - 2];
  if (!rows && have != tokens) {
    reject("cos has shape " + shape_text(cos) + ", expected " + std::to_string(tokens) +
           " rows, one for each token");
  }
  if (rows) {
    if (rows.dtype != Dtype::float64 || rows.rank < 1 || rows.shape[rows.rank - 1] != tokens)
      reject("positions has shape " + shape_text(rows) + ", expected (..., " +
             std::to_string(tokens) + ")");
    const Batch<1> all(rows, {rows});
    all.for_runs(0, all.size(), [&](Index, Index count, const Index* offset) {
      for (Index i = 0; i < count; ++i) {
        const double row = rows.as<double>()[offset[0] + i * all.inner_stride(0)];
        if (!(row >= 0 && row < static_cast<double>(have) && row == std::floor(row))) {
          reject("positions has the value " + std::to_string(row) +
                 ", expected an integer from 0 to " + std::to_string(have - 1) +
                 ", a row of the table");
        }
      }
      return true;
    });
  }
  return {cos.shape[cos.rank - 1], table.rotary_offset, table.layout == PairLayout::interleaved};
}

// Throws unless k and the two outputs go with q and with each other.
void require_pair(const Operand* both, const View& q_out, const View& k_out) {
  require_groups(both[0], both[1]);
  require_disjoint(q_out, k_out, false, kRopeApply, "the output of q", "the output of k");
  require_disjoint(q_out, both[1].x, false, kRopeApply, "the output of q", "k");
  require_disjoint(k_out, both[0].x, false, kRopeApply, "the output of k", "q");
}

void apply_table(RopeTable table, bool transpose, const Slice& slice, Operand* operands,
                 int n_operands) {
  Layout batch = table.rows ? leading_axes(table.rows, table.rows.rank - 1)
                            : leading_axes(table.cos, table.cos.rank - 2);
  require_fit(operands, n_operands, batch);
  const int axis = axis_in_place_of_tokens(batch, operands[0].tokens, 1);
  if (axis >= 0) {
    for (int i = 0; i < n_operands; ++i) use_as_tokens(axis, batch, operands[i]);
    if (table.rows) {
      swap_axes(table.rows, axis, table.rows.rank - 1);
    } else {
      swap_axes(table.cos, axis, table.cos.rank - 2);
      swap_axes(table.sin, axis, table.sin.rank - 2);
    }
    batch.shape[axis] = 1;
  }
  const Split splits[2] = {Split(operands[0], batch), Split(operands[n_operands - 1], batch)};
  for_dtype(operands[0].x.dtype, [&](auto type) {
    apply<decltype(type)>(table, transpose, slice, operands, splits, n_operands);
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

void rope_apply_table(const RopeTable& table, bool transpose, int seq_axis, const ConstView& x,
                      const View& out) {
  const Slice slice = require_table(table, x.dtype, split_axes(seq_axis, x, x, "q").tokens);
  Operand only = require_operand(slice, seq_axis, x, out, "q", "out");
  require_apart(table.rows, out, "out");
  require_apart(table.cos, out, "out", "cos");
  require_apart(table.sin, out, "out", "sin");
  apply_table(table, transpose, slice, &only, 1);
}

void rope_apply_table(const RopeTable& table, bool transpose, int seq_axis, const ConstView& q,
                      const ConstView& k, const View& q_out, const View& k_out) {
  const Slice slice = require_table(table, q.dtype, split_axes(seq_axis, q, q, "q").tokens);
  Operand both[2] = {require_operand(slice, seq_axis, q, q_out, "q", "the output of q"),
                     require_operand(slice, seq_axis, k, k_out, "k", "the output of k")};
  require_pair(both, q_out, k_out);
  for (const View* out : {&q_out, &k_out}) {
    const char* name = out == &q_out ? "the output of q" : "the output of k";
    require_apart(table.rows, *out, name);
    require_apart(table.cos, *out, name, "cos");
    require_apart(table.sin, *out, name, "sin");
  }
  apply_table(table, transpose, slice, both, 2);
}

void rope_table(const RopePlan& plan, const RopePositions& positions, const View& out) {
  require_plan(plan, RopeMode::forward);
  if (out.rank < 2 || (out.dtype != Dtype::float32 && out.dtype != Dtype::float64))
    reject("out has shape " + shape_text(out) +
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
