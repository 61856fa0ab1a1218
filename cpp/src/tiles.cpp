// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Cholesky factors of large matrices in tiles, row after row of U = L^T: a tile is loaded, updated
// with what is above it and solved for the row's diagonal tile, all by one thread.
#include "tiles.hpp"

#include <algorithm>
#include <cmath>

namespace isokern {
namespace {

struct TileTask {
  int item;
  Index row, column;
};

}  // namespace

void factor_tiles(const TileGrid& grid, const TileItem* items, int count, double tolerance,
                  int threads, int* status) {
  const TileKernels& k = kernels().tiles;
  const Index n = grid.n;
  std::vector<double> diagonals(static_cast<std::size_t>(n * count));
  for (int item = 0; item < count; ++item) {
    double* const to = diagonals.data() + item * n;
    for (Index i = 0; i < n; ++i) to[i] = std::abs(items[item].x[i * (items[item].stride + 1)]);
  }
  // A row's diagonal tiles come first, so that few wait for them.
  std::vector<TileTask> tasks;
  std::vector<Index> task_of(static_cast<std::size_t>(grid.count() * count));
  for (Index row = 0; row < grid.blocks; ++row) {
    for (Index column = row; column < grid.blocks; ++column) {
      for (int item = 0; item < count; ++item) {
        const Index tile = item * grid.count() + TileGrid::index(row, column);
        task_of[static_cast<std::size_t>(tile)] = static_cast<Index>(tasks.size());
        tasks.push_back({item, row, column});
      }
    }
  }
  std::vector<std::atomic<bool>> skew(static_cast<std::size_t>(count)),
      bad(static_cast<std::size_t>(count));
  OrderedTasks order(static_cast<Index>(tasks.size()));
  order.run(threads, [&](Index index, int) {
    const TileTask& task = tasks[static_cast<std::size_t>(index)];
    const int number = task.item;
    const Index row = task.row, column = task.column;
    const TileItem& item = items[number];
    const auto which = static_cast<std::size_t>(number);
    const Index rows = grid.extent(row), columns = grid.extent(column);
    double* const own = TileGrid::at(item.tiles, row, column);
    const double* const diagonal = item.factored ? nullptr : diagonals.data() + number * n;
    if (!k.load({item.x, item.stride, n, row * kTileSize, column * kTileSize, rows, columns,
                 diagonal, tolerance, own}))
      skew[which] = true;
    // The rest of what failed is loaded still, for the sake of its symmetry.
    if (item.factored || bad[which]) return;
    const auto wait = [&](Index i, Index j) {
      const Index tile = number * grid.count() + TileGrid::index(i, j);
      order.wait(task_of[static_cast<std::size_t>(tile)]);
    };
    for (Index above = 0; above < row; ++above) {
      wait(above, row);
      wait(above, column);
      const Index next = std::min(above + 1, row);
      k.subtract({TileGrid::at(item.tiles, above, row), TileGrid::at(item.tiles, above, column),
                  kTileSize, rows, columns, row == column, false, own,
                  TileGrid::at(item.tiles, next, row), TileGrid::at(item.tiles, next, column)});
    }
    if (row == column) {
      if (!k.factor(own, rows)) bad[which] = true;
    } else {
      wait(row, row);
      k.solve(TileGrid::at(item.tiles, row, row), rows, columns, false, own);
    }
    if (item.out != nullptr) {
      k.store(
          {item.out, item.out_stride, n, row * kTileSize, column * kTileSize, rows, columns, own});
    }
  });
  for (int item = 0; item < count; ++item) {
    const auto which = static_cast<std::size_t>(item);
    status[item] = skew[which] ? kAsymmetricFirst : bad[which] ? kIndefiniteFirst : 0;
    const double* const own = diagonals.data() + item * n;
    for (Index i = 0; items[item].factored && i < n; ++i) {
      if (!(items[item].x[i * (items[item].stride + 1)] > 0) || !std::isfinite(own[i]))
        status[item] = kIndefiniteFirst;
    }
  }
}

}  // namespace isokern
