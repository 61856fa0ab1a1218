// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// L^T S L for a lower triangular L, in tiles, a block column after the other: of W = S L only what
// is on and below the diagonal is needed, for L^T W is symmetric. That is a quarter of two products
// of square matrices.
#include <algorithm>

#include "isokern/gaussian.hpp"
#include "matrices.hpp"
#include "reflectors.hpp"
#include "tiles.hpp"

namespace isokern {
namespace {

struct Congruence {
  const TileGrid& grid;
  double *s, *lower;  // tiles: all of S, row after row, and those of L as of a transposed U
  View out;

  double* s_at(Index row, Index column) const {
    return s + (row * grid.blocks + column) * kTileSize * kTileSize;
  }
  double* lower_at(Index row, Index column) const { return TileGrid::at(lower, column, row); }
};

// A block column, through scratch of a tile for every block row and one more.
void take_column(const Congruence& run, Index column, double* scratch) {
  const TileKernels& k = kernels().tiles;
  const TileGrid& grid = run.grid;
  constexpr Index size = kTileSize * kTileSize;
  const Index columns = grid.extent(column), stride = run.out.strides[0];
  // c -= left^T right summed over block rows l >= first.
  const auto product = [&](auto&& left, auto&& right, Index first, Index rows, bool lower_right,
                           double* c) {
    std::fill_n(c, size, 0.0);
    for (Index l = first; l < grid.blocks; ++l) {
      const Index next = std::min(l + 1, grid.blocks - 1);
      k.subtract({left(l), right(l), grid.rows(l), grid.rows(rows), columns, false,
                  lower_right && l == first, c, left(next), right(next)});
    }
  };
  // Both products are taken off, so that their signs cancel.
  const auto w = [&](Index row) { return scratch + row * size; };
  for (Index row = column; row < grid.blocks; ++row) {
    product([&](Index l) { return run.s_at(l, row); },
            [&](Index l) { return run.lower_at(l, column); }, column, row, true, w(row));
  }
  double* const c = scratch + grid.blocks * size;
  for (Index row = column; row < grid.blocks; ++row) {
    product([&](Index l) { return run.lower_at(l, row); }, w, row, row, false, c);
    double* const to = run.out.as<double>();
    // The transposed place first: of a tile on the diagonal it is the same.
    k.store({to, stride, grid.n, row * kTileSize, column * kTileSize, grid.rows(row), columns, c});
    k.give_columns({to + row * kTileSize * stride + column * kTileSize, stride,
                    std::min(kTileSize, grid.n - row * kTileSize),
                    std::min(kTileSize, grid.n - column * kTileSize), c});
  }
}

}  // namespace

void congruence(const ConstView& l, const ConstView& s, const View& out) {
  constexpr const char* f = "congruence";
  require_matrix(f, {"l", l}, Dtype::float64);
  require_matrix(f, {"s", s}, Dtype::float64);
  const Index n = l.shape[l.rank - 1];
  for (const Named& argument : {Named{"l", l}, Named{"s", s}}) {
    if (argument.view.rank != 2)
      throw invalid_argument(std::string(f) + ": " + argument.name + " has shape " +
                             shape_text(argument.view) + ", expected one matrix");
    require_extent(f, argument, 2, n, "rows, as l has columns");
    require_extent(f, argument, 1, n, "columns, as l");
  }
  require_shape(f, "out", out, with_matrix({}, n, n), Dtype::float64);
  require_outputs_apart(f, {{"out", out}}, {{"l", l}, {"s", s}});
  if (n == 0) return;
  const TileGrid grid(n);
  constexpr Index size = kTileSize * kTileSize;
  const double cube = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
  const int threads = threads_for_flops(cube);
  const Index column = (grid.blocks + 1) * size;
  const Workspace workspace(1,
                            (grid.blocks * grid.blocks * size + grid.numbers() + threads * column) *
                                Index{sizeof(double)});
  double* const memory = workspace.of<double>(0);
  const Congruence run{grid, memory, memory + grid.blocks * grid.blocks * size, out};
  const TileKernels& k = kernels().tiles;
  const auto take = [&](const ConstView& from, Index row, Index first, double* tile) {
    const Index begin = row * kTileSize, start = first * kTileSize;
    k.take_columns({from.as<double>() + begin * from.strides[0] + start, from.strides[0],
                    std::min(kTileSize, n - begin), std::min(kTileSize, n - start), tile});
  };
  parallel_for(grid.blocks, threads, [&](Index begin, Index end, int) {
    for (Index i = begin; i < end; ++i) {
      for (Index j = 0; j < grid.blocks; ++j) {
        take(s, i, j, run.s_at(i, j));
        // Long rows of L go with others than those of S that are taken first.
        const Index row = grid.blocks - 1 - i;
        if (j <= row) take(l, row, j, run.lower_at(row, j));
      }
    }
  });
  OrderedTasks order(grid.blocks);
  order.run(threads, [&](Index task, int thread) {
    take_column(run, task, run.lower + grid.numbers() + thread * column);
  });
}

}  // namespace isokern
