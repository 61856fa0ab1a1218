// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Large matrices in tiles over threads: tasks in a fixed order, each of which waits for earlier
// ones.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "parallel.hpp"
#include "table.hpp"

namespace isokern {

// Tasks are started in their order and wait for earlier ones alone, so that the earliest that is
// not finished never waits, however many threads there are.
class OrderedTasks {
 public:
  explicit OrderedTasks(Index count) : done_(static_cast<std::size_t>(count)) {}

  // body(task, thread) must not throw.
  template <class Body>
  void run(int threads, Body&& body) {
    std::atomic<Index> next{0};
    const Index count = static_cast<Index>(done_.size());
    parallel_for(threads, threads, [&](Index, Index, int thread) {
      for (Index task = next++; task < count; task = next++) {
        body(task, thread);
        done_[static_cast<std::size_t>(task)].store(1, std::memory_order_release);
      }
    });
  }

  void wait(Index task) const noexcept {
    constexpr int patience = 200;
    const std::atomic<std::int8_t>& done = done_[static_cast<std::size_t>(task)];
    for (int i = 0; done.load(std::memory_order_acquire) == 0; ++i) {
      if (i > patience) std::this_thread::yield();
    }
  }

 private:
  std::vector<std::atomic<std::int8_t>> done_;
};

// The tiles of an upper triangle U, those of a block column one after the other.
struct TileGrid {
  Index n, width, unit, blocks;

  explicit TileGrid(Index size)
      : n(size),
        width(kernels().tiles.width),
        unit(kernels().tiles.unit),
        blocks((size + kTileSize - 1) / kTileSize) {}

  Index count() const noexcept { return blocks * (blocks + 1) / 2; }
  Index numbers() const noexcept { return count() * kTileSize * kTileSize; }
  static Index index(Index row, Index column) noexcept { return column * (column + 1) / 2 + row; }
  static double* at(double* tiles, Index row, Index column) noexcept {
    return tiles + index(row, column) * kTileSize * kTileSize;
  }
  // Rows or columns of a block, whole strips.
  Index extent(Index block) const noexcept {
    const Index left = n - block * kTileSize;
    return left >= kTileSize ? kTileSize : (left + width - 1) / width * width;
  }
  // Rows of a block that are solved for.
  Index rows(Index block) const noexcept {
    const Index left = n - block * kTileSize;
    return left >= kTileSize ? kTileSize : (left + unit - 1) / unit * unit;
  }
};

// A symmetric matrix, or its lower Cholesky factor, and the tiles that its U goes to; L goes to
// `out` if that is not null.
struct TileItem {
  const double* x;
  Index stride;
  bool factored;
  double* tiles;
  double* out = nullptr;
  Index out_stride = 0;
};

// Fills the tiles of one or more matrices; 0 or kIndefiniteFirst or kAsymmetricFirst for each.
void factor_tiles(const TileGrid& grid, const TileItem* items, int count, double tolerance,
                  int threads, int* status);

}  // namespace isokern
