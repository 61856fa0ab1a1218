// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The split of a rotation into units of work. A unit is a block of consecutive tokens that share
// their positions. The thread that owns it has the block's table made, small enough for its second
// cache, and turns the rows of all heads and sequences that use it: no barrier, nothing shared.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>

#include "parallel.hpp"
#include "rope_arguments.hpp"
#include "rope_split.hpp"
#include "rows.hpp"

namespace isokern {

// Cosines and sines of consecutive tokens.
template <class C>
struct Rows {
  const C* cos;
  const C* sin;
  Index stride;  // of a token
};

inline constexpr Index kTableBytes = Index{256} << 10;  // of one unit

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

inline Blocks blocks_of(Index tokens, Index items, Index row_bytes, int threads) {
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

// The batch axis of positions that may stand in for the sequence: with a single token for each of
// many positions, as in decoding, the tokens of one pass are those of different sequences. -1:
// none.
inline int axis_in_place_of_tokens(const Layout& batch, Index tokens, Index heads) {
  if (tokens != 1) return -1;
  for (int axis = batch.rank - 1; axis >= 0; --axis) {
    if (batch.shape[axis] > 1) return heads > 1 && axis == batch.rank - 1 ? -1 : axis;
  }
  return -1;
}

inline void use_as_tokens(int axis, const Layout& batch, Operand& operand) {
  const int own = axis + operand.batch_shape.rank - batch.rank;
  operand.tokens = operand.batch_shape.shape[own];
  operand.x_token = operand.x_batch.strides[own];
  operand.out_token = operand.out_batch.strides[own];
  operand.batch_shape.shape[own] = operand.x_batch.shape[own] = operand.out_batch.shape[own] = 1;
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
inline void require_fit(const Operand* operands, int n_operands, const Layout& positions) {
  for (int i = 0; i < n_operands; ++i)
    broadcast_to(positions, operands[i].batch_shape, kRopeApply, "positions");
}

inline void require_apart(const ConstView& positions, const View& out, const char* out_name,
                          const char* name = "positions") {
  if (positions) require_disjoint(out, positions, false, kRopeApply, out_name, name);
}

[[noreturn]] inline void reject_apply(const std::string& what) {
  throw invalid_argument(std::string(kRopeApply) + ": " + what);
}

// Throws unless k and the two outputs go with q and with each other.
inline void require_pair(const Operand* both, const View& q_out, const View& k_out) {
  require_groups(both[0], both[1]);
  require_disjoint(q_out, k_out, false, kRopeApply, "the output of q", "the output of k");
  require_disjoint(q_out, both[1].x, false, kRopeApply, "the output of q", "k");
  require_disjoint(k_out, both[0].x, false, kRopeApply, "the output of k", "q");
}

}  // namespace isokern
