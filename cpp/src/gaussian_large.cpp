// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The Kullback-Leibler divergence of large pairs. With E = L2^-1 (L1 - L2), lower triangular, twice
// it is the sum of all E_ij^2 with i > j, of e^2 + 2 (e - ln(1 + e)) over the diagonal, and of
// |L2^-1 (mean1 - mean2)|^2: no term is negative. E takes the tiles of L1, transposed; the means
// are one more block column.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gaussian.hpp"
#include "parallel.hpp"
#include "tiles.hpp"

namespace isokern {
namespace {

// e - ln(1 + e) where 1 + e is known better than from e.
double less_log(double e, double ratio) {
  if (std::abs(e) > 0.1) return e - std::log(ratio);
  // With z = e / (2 + e): ln(1 + e) = 2 (z + z^3 / 3 + z^5 / 5 + ...), and e - 2 z = e z.
  const double z = e / (2 + e), square = z * z;
  double series = 0;
  for (int n = 19; n >= 3; n -= 2) series = series * square + 1.0 / n;
  return e * z - 2 * z * square * series;
}

struct LargePair {
  const double *mean1, *mean2;
  TileItem items[2];
  double* shift;  // a strip of kTileSize rows for each block
};

// Both terms of an item whose covariances are factored.
void sum_terms(const TileGrid& grid, const LargePair& pair, int threads, double* terms) {
  const TileKernels& k = kernels().tiles;
  const Index blocks = grid.blocks, strip = kTileSize * grid.width;
  const TileItem &one = pair.items[0], &two = pair.items[1];
  const auto number = [&](double* tiles, Index i) {
    const Index block = i / kTileSize, in = i % kTileSize;
    return TileGrid::at(tiles, block, block) + in / grid.width * strip + in * grid.width +
           in % grid.width;
  };
  std::vector<double> ratio(static_cast<std::size_t>(grid.n));
  for (Index i = 0; i < grid.n; ++i)
    ratio[static_cast<std::size_t>(i)] = *number(one.tiles, i) / *number(two.tiles, i);
  // Tasks of a block row are those of its tiles, and that of the means.
  const auto task_of = [](Index row, Index column) { return row * (row + 3) / 2 + column; };
  const Index count = task_of(blocks, 0);
  std::vector<double> sums(static_cast<std::size_t>(count));
  OrderedTasks order(count);
  order.run(threads, [&](Index task, int) {
    Index row = 0;
    while (task_of(row + 1, 0) <= task) ++row;
    const Index column = task - task_of(row, 0), rows = grid.rows(row);
    const bool mean = column > row;
    if (mean && pair.mean1 == nullptr) return;
    const auto part = [&](Index i) {
      return mean ? pair.shift + i * strip : TileGrid::at(one.tiles, column, i);
    };
    double* const own = part(row);
    const Index columns = mean ? grid.width : grid.extent(column);
    if (mean) {
      for (Index i = 0; i < rows * grid.width; ++i) own[i] = 0;
      for (Index i = row * kTileSize, r = 0; r < rows && i < grid.n; ++i, ++r)
        own[r * grid.width] = pair.mean1[i] - pair.mean2[i];
    } else {
      k.turn_difference(own, TileGrid::at(two.tiles, column, row), columns, grid.extent(row),
                        row == column);
    }
    for (Index above = mean ? 0 : column; above < row; ++above) {
      order.wait(mean ? task_of(above, above + 1) : task_of(above, column));
      k.subtract({TileGrid::at(two.tiles, above, row), part(above), kTileSize, rows, columns, false,
                  above == column, own, TileGrid::at(two.tiles, above + 1, row), part(above + 1)});
    }
    k.solve(TileGrid::at(two.tiles, row, row), rows, columns, row == column, own);
    double sum = k.squares(own, rows, columns, row == column);
    for (Index i = row * kTileSize; row == column && i < std::min(grid.n, (row + 1) * kTileSize);
         ++i) {
      const double e = *number(one.tiles, i);
      sum += e * e + 2 * less_log(e, ratio[static_cast<std::size_t>(i)]);
    }
    sums[static_cast<std::size_t>(task)] = sum;
  });
  terms[0] = terms[1] = 0;
  for (Index row = 0; row < blocks; ++row) {
    for (Index column = 0; column <= row; ++column)
      terms[0] += sums[static_cast<std::size_t>(task_of(row, column))];
    terms[1] += sums[static_cast<std::size_t>(task_of(row, row + 1))];
  }
}

}  // namespace

void kl_terms(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
              const ConstView& cov2, Covariance form, OnError on_error, const View& out) {
  constexpr const char* f = "kl_terms";
  const PairArguments given{mean1, cov1, mean2, cov2};
  const Index d = require_pair(f, given);
  const Layout batch = batch_of_pairs(f, given);
  Layout shape = batch;
  shape.append(2, 0);
  require_exact(f, "out", out, shape, cov1.dtype);
  require_outputs_apart(f, {{"out", out}},
                        {{"mean1", mean1}, {"cov1", cov1}, {"mean2", mean2}, {"cov2", cov2}});
  if (form == Covariance::precision)
    throw invalid_argument(std::string(f) + ": form is precision, expected cov or tril");
  if (batch.size() == 0) return;
  if (cov1.dtype == Dtype::float32) {
    const Wide wide1(mean1), wide2(cov1), wide3(mean2), wide4(cov2);
    Items values(shape, 1);
    kl_terms(wide1, wide2, wide3, wide4, form, on_error, row_major(values));
    store(values, out);
    return;
  }
  const auto rows = [&](const ConstView& view, int axes, const char* name) {
    return view ? broadcast_to(leading_axes(view, view.rank - axes), batch, f, name)
                : broadcast_to({}, batch, f, name);
  };
  const Batch<4> items(batch, {rows(mean1, 1, "mean1"), rows(cov1, 2, "cov1"),
                               rows(mean2, 1, "mean2"), rows(cov2, 2, "cov2")});
  const TileGrid grid(d);
  const Index shift = grid.blocks * kTileSize * grid.width;
  const double size = static_cast<double>(d), flops = size * size * size;
  Items terms(shape, 1);
  std::vector<std::int8_t> status(static_cast<std::size_t>(batch.size()));
  for_items(
      items.size(), threads_for_flops(flops * static_cast<double>(items.size())),
      [&](int) { return (2 * grid.numbers() + shift) * Index{sizeof(double)}; },
      [&](Index item, int inner, int, std::byte* memory) {
        Batch<4>::Offsets at;
        items.locate(item, at);
        double* const tiles = reinterpret_cast<double*>(memory);
        const bool factored = form == Covariance::tril;
        const LargePair pair{
            mean1 ? mean1.as<double>() + at[0] : nullptr,
            mean1 ? mean2.as<double>() + at[2] : nullptr,
            {{cov1.as<double>() + at[1], cov1.strides[cov1.rank - 2], factored, tiles},
             {cov2.as<double>() + at[3], cov2.strides[cov2.rank - 2], factored,
              tiles + grid.numbers()}},
            tiles + 2 * grid.numbers()};
        int found[2];
        factor_tiles(grid, pair.items, 2, kAsymmetry, inner, found);
        double* const to = terms.values.data() + 2 * item;
        if (found[0] == 0 && found[1] == 0) {
          sum_terms(grid, pair, inner, to);
          return;
        }
        to[0] = to[1] = std::numeric_limits<double>::quiet_NaN();
        status[static_cast<std::size_t>(item)] =
            static_cast<std::int8_t>(found[0] != 0 ? found[0] : found[1] + 1);
      });
  if (on_error != OnError::raise) store(terms, out);
  for (std::size_t item = 0; on_error != OnError::nan && item < status.size(); ++item) {
    const int found = status[item];
    if (found == 0) continue;
    const bool second = found == kIndefiniteFirst + 1 || found == kAsymmetricFirst + 1;
    throw_status(f, found, static_cast<Index>(item), batch, second ? "cov2" : "cov1",
                 batch_of_matrix(second ? cov2 : cov1));
  }
  if (on_error == OnError::raise) store(terms, out);
}

}  // namespace isokern
