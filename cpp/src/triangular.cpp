// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Large Cholesky factors, and triangular solves, in tiles. A solve takes a block of columns from
// the first row to the last, so that threads need not wait for one another.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "gaussian.hpp"
#include "isokern/gaussian.hpp"
#include "matrices.hpp"
#include "parallel.hpp"
#include "tiles.hpp"

namespace isokern {
namespace {

// One item of a solve: tiles of U, and right-hand sides.
struct SolveItem {
  const TileGrid& grid;
  double* u;
  Matrix<const double> b;
  Matrix<double> out;
  Index columns;
  bool lower;
};

// Columns [first, first + count), through scratch of a tile for every block row.
void solve_columns(const SolveItem& item, Index first, Index count, double* scratch) {
  const TileKernels& k = kernels().tiles;
  const TileGrid& grid = item.grid;
  const Index padded = round_up(count, grid.width), top = item.lower ? first / kTileSize : 0;
  const auto tile = [&](Index row) { return scratch + row * kTileSize * padded; };
  for (Index row = 0; row < grid.blocks; ++row) {
    const Index begin = row * kTileSize, size = std::min(kTileSize, grid.n - begin);
    double* const to = item.out.data + begin * item.out.row_stride + first;
    if (row < top) {
      for (Index i = 0; i < size; ++i) std::fill_n(to + i * item.out.row_stride, count, 0.0);
      continue;
    }
    const Index rows = grid.rows(row);
    k.take_columns({item.b.data + begin * item.b.row_stride + first, item.b.row_stride, size, count,
                    tile(row)});
    for (Index above = top; above < row; ++above) {
      k.subtract({TileGrid::at(item.u, above, row), tile(above), kTileSize, rows, padded, false,
                  item.lower && above == top, tile(row), TileGrid::at(item.u, above + 1, row),
                  tile(above + 1)});
    }
    k.solve(TileGrid::at(item.u, row, row), rows, padded, item.lower && row == top, tile(row));
    k.give_columns({to, item.out.row_stride, size, count, tile(row)});
  }
}

}  // namespace

void factor_blocked(const ConstView& x, double tolerance, const View& out,
                    std::vector<std::int8_t>& status) {
  const TileGrid grid(x.shape[x.rank - 1]);
  const Layout batch = batch_of_matrix(x);
  const Batch<2> items(batch, {batch, batch_of_matrix(out)});
  const double size = static_cast<double>(grid.n), flops = size * size * size / 3;
  for_items(
      items.size(), threads_for_flops(flops * static_cast<double>(items.size())),
      [&](int) { return grid.numbers() * Index{sizeof(double)}; },
      [&](Index item, int inner, int, std::byte* memory) {
        Batch<2>::Offsets at;
        items.locate(item, at);
        double* const to = out.as<double>() + at[1];
        const Index stride = out.strides[out.rank - 2];
        const TileItem one{x.as<double>() + at[0],
                           x.strides[x.rank - 2],
                           false,
                           reinterpret_cast<double*>(memory),
                           to,
                           stride};
        int found = 0;
        factor_tiles(grid, &one, 1, tolerance, inner, &found);
        if (found != 0) fill_nan(to, grid.n, stride, grid.n);
        status[static_cast<std::size_t>(item)] = static_cast<std::int8_t>(found);
      });
}

void solve_triangular(const ConstView& l, const ConstView& b, bool lower, const View& out) {
  constexpr const char* f = "solve_triangular";
  require_float(f, {"l", l});
  require_matrix(f, {"l", l}, l.dtype);
  require_matrix(f, {"b", b}, l.dtype);
  const Index n = l.shape[l.rank - 1], columns = b.shape[b.rank - 1];
  require_extent(f, {"l", l}, 2, n, "rows, as it has columns");
  require_extent(f, {"b", b}, 2, n, "rows, as l");
  const Layout batch = broadcast_shapes(batch_of_matrix(l), batch_of_matrix(b), f, "b");
  require_shape(f, "out", out, with_matrix(batch, n, columns), l.dtype);
  require_outputs_apart(f, {{"out", out}}, {{"l", l}, {"b", b}});
  if (out.size() == 0) return;
  if (l.dtype == Dtype::float32) {
    const Wide wide_l(l), wide_b(b);
    const Layout& shape = out;
    Items values(shape, 1);
    solve_triangular(wide_l, wide_b, lower, row_major(values));
    store(values, out);
    return;
  }
  const Batch<3> items(batch,
                       {broadcast_to(batch_of_matrix(l), batch, f, "l"),
                        broadcast_to(batch_of_matrix(b), batch, f, "b"), batch_of_matrix(out)});
  const TileKernels& k = kernels().tiles;
  const TileGrid grid(n);
  const double flops = static_cast<double>(n) * static_cast<double>(n) *
                       static_cast<double>(columns) * static_cast<double>(items.size());
  // Columns of a triangle begin at their own row, so their blocks are those of the rows.
  const auto block_of = [&](int threads) {
    const Index share = round_up((columns + threads - 1) / threads, grid.width);
    return lower ? kTileSize : std::min(kTileSize, share);
  };
  for_items(
      items.size(), threads_for_flops(flops),
      [&](int inner) {
        return (grid.numbers() + inner * grid.blocks * kTileSize * block_of(inner)) *
               Index{sizeof(double)};
      },
      [&](Index item, int inner, int, std::byte* bytes) {
        Batch<3>::Offsets at;
        items.locate(item, at);
        double* const tiles = reinterpret_cast<double*>(bytes);
        const SolveItem solve{grid,
                              tiles,
                              {b.as<double>() + at[1], b.strides[b.rank - 2], 1},
                              {out.as<double>() + at[2], out.strides[out.rank - 2], 1},
                              columns,
                              lower};
        parallel_for(grid.count(), inner, [&](Index begin, Index end, int) {
          Index column = 0;
          for (Index tile = begin; tile < end; ++tile) {
            while (TileGrid::index(0, column + 1) <= tile) ++column;
            const Index row = tile - TileGrid::index(0, column);
            k.load({l.as<double>() + at[0], l.strides[l.rank - 2], n, row * kTileSize,
                    column * kTileSize, grid.extent(row), grid.extent(column), nullptr, 0,
                    TileGrid::at(tiles, row, column)});
          }
        });
        const Index block = block_of(inner), size = grid.blocks * kTileSize * block;
        OrderedTasks order((columns + block - 1) / block);
        order.run(inner, [&](Index task, int thread) {
          const Index first = task * block;
          solve_columns(solve, first, std::min(block, columns - first),
                        tiles + grid.numbers() + thread * size);
        });
      });
}

}  // namespace isokern
