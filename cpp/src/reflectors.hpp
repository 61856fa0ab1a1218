// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Products of reflectors: how they are cut into blocks, where the blocks lie, and the walk over the
// columns that they are applied to. Shared by reflectors.cpp, its derivatives, qr.cpp and haar.cpp.
#pragma once

#include <algorithm>
#include <cstddef>

#include "parallel.hpp"
#include "rows.hpp"
#include "table.hpp"

namespace isokern {

inline constexpr Index kBlockColumns = 64;            // reflectors that are applied together
inline constexpr Index kGroupBytes = Index{8} << 20;  // packed blocks held at a time
inline constexpr double kFlopsPerByte = 4;            // of a core, against its share of memory

constexpr Index round_up(Index n, Index unit) noexcept {
  return (n + unit - 1) / unit * unit;
}

// Threads for so many floating-point operations.
inline int threads_for_flops(double flops) noexcept {
  return threads_for(flops / kFlopsPerByte);
}

// Hands out pieces of scratch. Over null it counts: one function then says how much there must be,
// and where everything is.
class Arena {
 public:
  explicit Arena(std::byte* memory) : memory_(memory) {}

  template <class E>
  E* take(Index n) noexcept {
    E* const piece = memory_ == nullptr ? nullptr : reinterpret_cast<E*>(memory_ + used_);
    used_ += round_up(n * static_cast<Index>(sizeof(E)), 64);
    return piece;
  }
  Index used() const noexcept { return used_; }

 private:
  std::byte* memory_;
  Index used_ = 0;
};

// k reflectors of m rows in blocks.
struct BlockPlan {
  Index rows, count, unit, size, blocks;
  bool lapack;

  BlockPlan(Index m, Index k, bool in_lapack, Index row_unit, Index largest = kBlockColumns)
      : rows(m), count(k), unit(row_unit), lapack(in_lapack) {
    const Index wanted = (k + largest - 1) / largest;
    size = wanted == 0 ? unit : round_up((k + wanted - 1) / wanted, unit);
    blocks = (k + size - 1) / size;
  }

  Index first(Index block) const noexcept { return block * size; }
  Index columns(Index block) const noexcept { return std::min(size, count - first(block)); }
  Index first_row(Index block) const noexcept { return lapack ? first(block) : 0; }

  // Places a block's memory.
  template <class T>
  ReflectorBlock<T> place(Arena& arena, Index block) const noexcept {
    ReflectorBlock<T> placed;
    placed.first_row = first_row(block);
    placed.rows = rows - placed.first_row;
    placed.count = columns(block);
    placed.stride = round_up(placed.count, unit);
    placed.v = arena.take<T>(round_up(placed.rows, unit) * placed.stride);
    placed.gram = arena.take<T>(placed.stride * placed.stride);
    placed.tau = arena.take<T>(placed.stride);
    placed.scale = arena.take<double>(placed.stride);
    return placed;
  }
};

// The columns that a product is applied to: Batch operands x and out.
template <class T>
struct Columns {
  const Batch<2>& walk;
  const T* x;  // null: the identity
  T* out;
  Index x_row_stride, out_row_stride;
  bool stream;
  const T* signs = nullptr;
  Ahead ahead = {};  // of the next item
};

// A matrix of the next item, if its rows lie one behind the other and it is small enough to wait
// in a cache.
template <class T>
Span span_ahead(const T* data, Index rows, Index columns, Index row_stride) {
  constexpr Index limit = Index{64} << 10;
  const Index bytes = rows * columns * static_cast<Index>(sizeof(T));
  return data != nullptr && row_stride == columns && bytes <= limit ? Span{data, bytes} : Span{};
}

// Scratch of one product: some packed blocks, and what each thread needs.
template <class T>
struct ProductMemory {
  Index group;  // blocks held at a time
  ReflectorBlock<T>* blocks;
  T* scratch;
  Index scratch_stride;

  // As many blocks as fit into kGroupBytes, but `at_least` some.
  ProductMemory(Arena& arena, const BlockPlan& plan, int threads, Index at_least = 1) {
    const ReflectorKernels<T>& k = reflector_kernels<T>();
    Arena one(nullptr);
    if (plan.blocks > 0) plan.place<T>(one, 0);
    at_least = std::max<Index>(at_least, 1);
    group = std::clamp<Index>(kGroupBytes / std::max<Index>(one.used(), 1), at_least,
                              std::max(plan.blocks, at_least));
    blocks = arena.take<ReflectorBlock<T>>(group);
    block_memory_ = arena.take<std::byte>(group * one.used());
    block_bytes_ = one.used();
    scratch_stride = round_up(2 * (round_up(plan.rows, k.unit) + plan.size) * k.strip_columns,
                              static_cast<Index>(64 / sizeof(T)));
    scratch = arena.take<T>(scratch_stride * threads);
  }

  ReflectorBlock<T> place(const BlockPlan& plan, Index slot, Index block) const noexcept {
    Arena arena(block_memory_ + slot * block_bytes_);
    return plan.place<T>(arena, block);
  }
  T* of(int thread) const noexcept { return scratch + thread * scratch_stride; }

 private:
  std::byte* block_memory_;
  Index block_bytes_;
};

// Bytes of a ProductMemory.
template <class T>
Index product_bytes(const BlockPlan& plan, int threads) {
  Arena arena(nullptr);
  const ProductMemory<T> counted(arena, plan, threads);
  return arena.used();
}

// Packs blocks [begin, end) of the plan: fill(block number, block, scratch) -> Failure; scratch has
// 4 columns' worth of the block's stride.
template <class T, class Fill>
Failure fill_blocks(const BlockPlan& plan, const ProductMemory<T>& memory, Index begin, Index end,
                    int threads, bool with_gram, Fill&& fill) {
  Failures failures(threads);
  parallel_for(end - begin, threads, [&](Index from, Index to, int thread) {
    for (Index i = from; i < to; ++i) {
      ReflectorBlock<T>& block = memory.blocks[i] = memory.place(plan, i, begin + i);
      const Failure failure = fill(begin + i, block, memory.of(thread));
      failures.note(thread, i, {0, failure});
      if (with_gram && failure == Failure::none)
        reflector_kernels<T>().gram(block, 0, block.stride);
    }
  });
  return failures.first().failure;
}

// out = Q D x or D Q^T x, group after group of blocks.
template <class T, class Fill>
Failure apply_product(const BlockPlan& plan, const ProductMemory<T>& memory, int threads,
                      bool transpose, const Columns<T>& columns, Fill&& fill) {
  const ReflectorKernels<T>& k = reflector_kernels<T>();
  const Index total = columns.walk.size();
  const Index groups = std::max<Index>(1, (plan.blocks + memory.group - 1) / memory.group);
  Index mapped_from = total;  // of the identity: columns that are in `out` already
  for (Index step = 0; step < groups; ++step) {
    const Index group = transpose ? step : groups - 1 - step;
    const Index begin = group * memory.group;
    const Index end = std::min(plan.blocks, begin + memory.group);
    const Failure failure = fill_blocks(plan, memory, begin, end, threads, true, fill);
    if (failure != Failure::none) return failure;
    const bool first_step = step == 0, last_step = step == groups - 1;
    const auto map = [&](Index from, Index to, bool identity) {
      const bool source_is_x = columns.x != nullptr && first_step;
      const Index units = (to - from + k.strip_columns - 1) / k.strip_columns;
      parallel_for(units, threads, [&](Index unit, Index last_unit, int thread) {
        const Index last = std::min(to, from + last_unit * k.strip_columns);
        columns.walk.for_runs(
            from + unit * k.strip_columns, last,
            [&](Index first, Index count, const Index* offsets) {
              const Matrix<T> out{columns.out + offsets[1], columns.out_row_stride,
                                  columns.walk.inner_stride(1)};
              Matrix<const T> x{out.data, out.row_stride, out.column_stride};
              if (identity) x.data = nullptr;
              if (source_is_x)
                x = {columns.x + offsets[0], columns.x_row_stride, columns.walk.inner_stride(0)};
              const bool with_signs = identity || (transpose ? last_step : source_is_x);
              k.apply({memory.blocks, end - begin, transpose, with_signs ? columns.signs : nullptr,
                       x, out, plan.rows, count, first, columns.stream && last_step,
                       memory.of(thread), columns.ahead});
              return true;
            });
      });
    };
    if (columns.x != nullptr) {
      map(0, total, false);
      continue;
    }
    // Columns of the identity left of the first reflector's row stay what they are.
    const Index from =
        last_step ? 0 : std::min(mapped_from, plan.lapack ? plan.first_row(begin) : 0);
    if (mapped_from < total) map(mapped_from, total, false);
    if (from < mapped_from) map(from, mapped_from, true);
    mapped_from = from;
  }
  return Failure::none;
}

// Runs item(index, threads within it, memory) for all items: side by side where there are enough of
// them, one after the other otherwise. bytes(threads) says how much memory an item takes.
template <class Bytes, class Item>
void for_items(Index items, int threads, Bytes&& bytes, Item&& item) {
  const bool side_by_side = threads == 1 || items >= 4 * threads;
  const int outer = side_by_side ? threads : 1, inner = side_by_side ? 1 : threads;
  const Workspace workspace(outer, bytes(inner));
  parallel_for(items, outer, [&](Index begin, Index end, int thread) {
    for (Index i = begin; i < end; ++i) item(i, inner, thread, workspace.of<std::byte>(thread));
  });
}

}  // namespace isokern
