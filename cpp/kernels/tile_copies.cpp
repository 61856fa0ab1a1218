// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Tiles of large matrices: loads with a check of symmetry, stores, and what takes time in
// proportion to their size.
#include "entries.hpp"
#include "tiles.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// A block of kWidth rows and columns, transposed.
ISOKERN_INLINE void transpose_block(const double* from, double* to) noexcept {
  constexpr int lanes = kLanes<double>;
  for (int v = 0; v < kTileVectors; ++v)
    load_transposed(from + v * lanes * kWidth, kWidth, kWidth, lanes, to + v * lanes, kWidth);
}

bool agree(const TileLoad& run) noexcept {
  constexpr int lanes = kLanes<double>;
  bool good = true;
  const Index rows = run.rows < run.n - run.row ? run.rows : run.n - run.row;
  const Index columns = run.columns < run.n - run.column ? run.columns : run.n - run.column;
  for (Index i = 0; i < rows; ++i) {
    const double* const given = run.x + (run.row + i) * run.stride + run.column;
    const double own = run.diagonal[run.row + i];
    const auto one = [&](Index j) {
      const double difference = given[j] - strip_of(run.tile, j)[i * kWidth + j % kWidth];
      const double scale = run.tolerance * (own + run.diagonal[run.column + j]);
      if (run.row + i != run.column + j && !(__builtin_fabs(difference) <= scale)) good = false;
    };
    Index j = 0;
    if (run.row == run.column) {
      for (; j < columns && j <= round_up(i + 1, lanes); ++j) one(j);
      j = j / lanes * lanes;
    }
    Vector<std::int64_t, lanes> fine = ~Vector<std::int64_t, lanes>{};
    for (; j + lanes <= columns; j += lanes) {
      const V difference =
          load<V>(given + j) - load<V>(strip_of(run.tile, j) + i * kWidth + j % kWidth);
      const V scale = (own + load<V>(run.diagonal + run.column + j)) * run.tolerance;
      fine &= (difference <= scale) & (-difference <= scale);
    }
    for (int lane = 0; lane < lanes; ++lane) {
      if (fine[lane] == 0) good = false;
    }
    for (; j < columns; ++j) one(j);
  }
  return good;
}

}  // namespace

bool load_tile(const TileLoad& run) noexcept {
  constexpr int lanes = kLanes<double>;
  const Index rows = run.rows < run.n - run.row ? run.rows : run.n - run.row;
  for (Index s = 0; s < run.columns; s += kWidth) {
    double* const strip = strip_of(run.tile, s);
    const Index first = run.column + s, left = run.n - first;
    for (int v = 0; v < kTileVectors; ++v) {
      load_transposed(run.x + (first + v * lanes) * run.stride + run.row, run.stride, rows,
                      left - v * lanes, strip + v * lanes, kWidth);
    }
    clear_rows(Panel<double>{strip, kWidth}, rows, run.rows, kWidth);
    for (Index j = left > 0 ? left : 0; j < kWidth && run.row == run.column; ++j)
      strip[(s + j) * kWidth + j] = 1;
  }
  return run.diagonal == nullptr || agree(run);
}

void store_tile(const TileStore& run) noexcept {
  const Index rows = run.rows < run.n - run.row ? run.rows : run.n - run.row;
  constexpr int lanes = kLanes<double>;
  for (Index s = 0; s < run.columns; s += kWidth) {
    const double* const strip = strip_of(run.tile, s);
    const Index first = run.column + s;
    for (int v = 0; v < kTileVectors; ++v) {
      store_transposed(strip + v * lanes, kWidth, rows, run.n - first - v * lanes,
                       run.out + (first + v * lanes) * run.stride + run.row, run.stride);
    }
  }
  // Above the diagonal.
  for (Index i = 0; i < rows; ++i) {
    for (Index j = run.row == run.column ? i + 1 : 0; j < run.columns && run.column + j < run.n;
         ++j)
      run.out[(run.row + i) * run.stride + run.column + j] = 0;
  }
}

void take_columns(const TileColumns<const double>& run) noexcept {
  for (Index s = 0; s < round_up(run.columns, kWidth); s += kWidth) {
    const Strip<double> strip{s, run.columns - s < kWidth ? run.columns - s : kWidth, kTileVectors};
    load_rows<kTileVectors>(Matrix<const double>{run.x, run.stride, 1}, strip, 0,
                            round_up(run.rows, kTileRows), run.rows,
                            Panel<double>{strip_of(run.tile, s), kWidth});
  }
}

void give_columns(const TileColumns<double>& run) noexcept {
  for (Index s = 0; s < run.columns; s += kWidth) {
    const Index columns = run.columns - s < kWidth ? run.columns - s : kWidth;
    store_rows_as<false, kTileVectors>(Panel<double>{strip_of(run.tile, s), kWidth}, 0, run.rows,
                                       columns, run.x + s, run.stride);
  }
}

// `to` becomes (to - minus)^T; of a tile on the diagonal, the lower triangle.
void turn_difference(double* to, const double* minus, Index rows, Index columns,
                     bool diagonal) noexcept {
  alignas(64) double one[kWidth * kWidth], other[kWidth * kWidth], turned[kWidth * kWidth];
  const Index size = rows > columns ? rows : columns;
  const auto difference = [&](Index row, Index column, double* block) {
    const double* const from = strip_of(minus, column) + row * kWidth;
    const double* const own = strip_of(to, column) + row * kWidth;
    for (Index i = 0; i < kWidth * kWidth; ++i) block[i] = own[i] - from[i];
  };
  // Both blocks are read before either is written; a part of a tile may have only one.
  for (Index s = 0; s < size; s += kWidth) {
    for (Index t = 0; t <= s; t += kWidth) {
      const bool above = t < rows && s < columns;
      const bool below = s > t && s < rows && t < columns && !diagonal;
      if (above) difference(t, s, one);
      if (below) difference(s, t, other);
      if (above) {
        transpose_block(one, turned);
        double* const at = strip_of(to, t) + s * kWidth;
        for (Index i = 0; i < kWidth; ++i) {
          for (Index j = 0; j < kWidth; ++j)
            at[i * kWidth + j] = diagonal && s == t && j > i ? 0 : turned[i * kWidth + j];
        }
      }
      if (below) transpose_block(other, strip_of(to, s) + t * kWidth);
    }
  }
}

double squares_of_tile(const double* tile, Index rows, Index columns, bool lower) noexcept {
  constexpr int lanes = kLanes<double>;
  double total = 0;
  for (Index s = 0; s < columns; s += kWidth) {
    const double* const strip = strip_of(tile, s);
    for (Index i = lower ? s : 0; lower && i < s + kWidth; ++i) {
      for (Index j = 0; s + j < i; ++j) total += strip[i * kWidth + j] * strip[i * kWidth + j];
    }
    V sums[kTileVectors] = {};
    for (Index i = lower ? s + kWidth : 0; i < rows; ++i) {
      for (int v = 0; v < kTileVectors; ++v) {
        const V value = load<V>(strip + i * kWidth + v * lanes);
        sums[v] += value * value;
      }
    }
    for (int v = 0; v < kTileVectors; ++v) total += sum<double, lanes>(sums[v]);
  }
  return total;
}

}  // namespace ISOKERN_ISA
}  // namespace isokern
