// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Large Cholesky factors and triangular solves: strips of columns over threads. A block of strips
// is solved side by side down to the block's first row; what depends on the block itself, its
// corner, is solved strip after strip. Every strip is computed in the same way whatever the number
// of threads.
#include <cmath>
#include <cstdint>
#include <vector>

#include "gaussian.hpp"
#include "isokern/gaussian.hpp"
#include "matrices.hpp"
#include "parallel.hpp"

namespace isokern {
namespace {

constexpr Index kBlockStrips = 8;

// An item's symmetric matrix; its factor goes to out.
struct FactorItem {
  Matrix<const double> x;
  double* out;
  Index out_stride, d;
};

bool symmetric(const Matrix<const double>& x, Index d, double tolerance, int threads) {
  constexpr Index tile = 32;
  const Index tiles = (d + tile - 1) / tile;
  std::vector<std::int8_t> bad(static_cast<std::size_t>(tiles));
  parallel_for(tiles, threads, [&](Index begin, Index end, int) {
    for (Index row = begin; row < end; ++row) {
      for (Index column = 0; column <= row; ++column) {
        for (Index i = row * tile; i < std::min(d, (row + 1) * tile); ++i) {
          const double own = std::abs(x.data[i * (x.row_stride + 1)]);
          for (Index j = column * tile; j < std::min(i, (column + 1) * tile); ++j) {
            const double difference = x.data[i * x.row_stride + j] - x.data[j * x.row_stride + i];
            const double scale = own + std::abs(x.data[j * (x.row_stride + 1)]);
            if (!(std::abs(difference) <= tolerance * scale))
              bad[static_cast<std::size_t>(row)] = 1;
          }
        }
      }
    }
  });
  return std::find(bad.begin(), bad.end(), 1) == bad.end();
}

bool factor_item(const FactorItem& item, int threads) {
  const TriangularKernels& k = kernels().triangular;
  const Index d = item.d, width = k.strip_columns;
  const Index padded = round_up(d, std::max(k.row_unit, Index{8})) + width;
  const Index strip_size = padded * width;
  const Workspace workspace(
      1, (k.packed_size(padded) + kBlockStrips * strip_size) * Index{sizeof(double)});
  double* const packed = workspace.of<double>(0);
  double* const strips = packed + k.packed_size(padded);
  const Index count = (d + width - 1) / width;
  for (Index block = 0; block < count; block += kBlockStrips) {
    const Index end = std::min(count, block + kBlockStrips), top = block * width;
    const auto run = [&](Index strip) {
      const Index first = strip * width, columns = std::min(width, d - first);
      SolveRun solve{};
      solve.packed = packed;
      solve.n = std::min(d, first + columns);
      solve.columns = columns;
      solve.strip = strips + (strip - block) * strip_size;
      return solve;
    };
    parallel_for(end - block, threads, [&](Index from, Index to, int) {
      for (Index strip = block + from; strip < block + to; ++strip) {
        SolveRun solve = run(strip);
        // The lower triangle is what is read: columns of the upper one are its rows.
        solve.b = {item.x.data + strip * width * item.x.row_stride, 1, item.x.row_stride};
        solve.to = top;
        k.solve(solve);
      }
    });
    for (Index strip = block; strip < end; ++strip) {
      SolveRun solve = run(strip);
      solve.from = top;
      solve.to = strip * width;
      k.solve(solve);
      if (!k.factor(solve.strip, strip * width, solve.columns, packed)) return false;
    }
  }
  k.unpack(packed, d, item.out, item.out_stride);
  return true;
}

}  // namespace

void factor_blocked(const ConstView& x, double tolerance, const View& out,
                    std::vector<std::int8_t>& status) {
  const Index d = x.shape[x.rank - 1], stride = x.strides[x.rank - 2];
  const Layout batch = batch_of_matrix(x);
  const Batch<2> items(batch, {batch, batch_of_matrix(out)});
  const double size = static_cast<double>(d);
  const int threads = threads_for_flops(size * size * size / 3);
  for (Index item = 0; item < items.size(); ++item) {
    Batch<2>::Offsets at;
    items.locate(item, at);
    const Matrix<const double> matrix{x.as<double>() + at[0], stride, 1};
    double* const to = out.as<double>() + at[1];
    const Index out_stride = out.strides[out.rank - 2];
    int found = 0;
    if (!symmetric(matrix, d, tolerance, threads)) {
      found = kAsymmetricFirst;
    } else if (!factor_item({matrix, to, out_stride, d}, threads)) {
      found = kIndefiniteFirst;
    }
    if (found != 0) fill_nan(to, d, out_stride, d);
    status[static_cast<std::size_t>(item)] = static_cast<std::int8_t>(found);
  }
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
  const TriangularKernels& k = kernels().triangular;
  const Index width = k.strip_columns, strips = (columns + width - 1) / width;
  const Index padded = round_up(n, std::max(k.row_unit, Index{8}));
  const double flops = static_cast<double>(n) * static_cast<double>(n) *
                       static_cast<double>(columns) * static_cast<double>(items.size());
  for_items(
      items.size(), threads_for_flops(flops),
      [&](int inner) {
        return (k.packed_size(padded) + inner * padded * width) * Index{sizeof(double)};
      },
      [&](Index item, int inner, int, std::byte* bytes) {
        Batch<3>::Offsets at;
        items.locate(item, at);
        double* const packed = reinterpret_cast<double*>(bytes);
        k.pack(l.as<double>() + at[0], l.strides[l.rank - 2], n, packed);
        parallel_for(strips, inner, [&](Index begin, Index end, int thread) {
          for (Index strip = begin; strip < end; ++strip) {
            SolveRun run{};
            run.packed = packed;
            run.n = n;
            run.columns = std::min(width, columns - strip * width);
            run.b = {b.as<double>() + at[1] + strip * width, b.strides[b.rank - 2], 1};
            run.out = {out.as<double>() + at[2] + strip * width, out.strides[out.rank - 2], 1};
            run.first = lower ? std::min(strip * width, n) : 0;
            run.to = n;
            run.strip = packed + k.packed_size(padded) + thread * padded * width;
            k.solve(run);
          }
        });
      });
}

}  // namespace isokern
