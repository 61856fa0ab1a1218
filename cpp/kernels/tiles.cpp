// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Cholesky factorisation and triangular solves of one large matrix, in square tiles.
//
// A tile of kTileSize columns is kept in strips of as many columns as a register tile has: row
// after row, so that a strip is streamed both as the right factor of a product, by whole vectors,
// and as the transposed left one, number by number. U = L^T is what is kept of a factor. All
// updates of a tile are C - A^T B with tiles A and B above it: three tiles fit into the second
// cache, a strip of each factor into the first. What a tile's sums are made of, and their order,
// depends on nothing but the size of the matrix.
#include "tiles.hpp"
#include "entries.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// left^T right for kTileRows columns of the left strip, from its first number on.
struct Sums {
  V at[kTileRows][kTileVectors];
};

ISOKERN_INLINE void add_products(const double* left, const double* right, Index depth,
                                 Sums& sums) noexcept {
  constexpr int lanes = kLanes<double>;
  constexpr int steps = 4;
  static_assert(kTileRows % steps == 0, "depths are whole groups of rows");
  for (Index l = 0; l < depth; l += steps) {
#pragma GCC unroll 4
    for (int step = 0; step < steps; ++step) {
      V values[kTileVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) values[v] = load<V>(right + step * kWidth + v * lanes);
#pragma GCC unroll 8
      for (int row = 0; row < kTileRows; ++row) {
        const V factor = broadcast<double, lanes>(left[step * kWidth + row]);
#pragma GCC unroll 4
        for (int v = 0; v < kTileVectors; ++v) sums.at[row][v] += factor * values[v];
      }
    }
    left += steps * kWidth;
    right += steps * kWidth;
  }
}

// What a block's product goes with: tiles that the next products want, of which it fetches a
// block's worth.
struct Next {
  const double *left, *right;
};

// At most kWidth rows of C - left^T right.
__attribute__((noinline)) void subtract_block(const double* left, const double* right, Index depth,
                                              Index rows, double* c, Next next) noexcept {
  constexpr int lanes = kLanes<double>;
  constexpr Index group = kTileRows * kWidth, line = 8;
  for (Index first = 0; first < rows; first += kTileRows) {
#pragma GCC unroll 8
    for (Index i = 0; i < group; i += line) prefetch(c + i, 0);
#pragma GCC unroll 8
    for (Index i = 0; i < group; i += line) {
      prefetch_second(next.left + i);
      prefetch_second(next.right + i);
    }
    Sums sums = {};
    add_products(left + first, right, depth, sums);
#pragma GCC unroll 8
    for (int row = 0; row < kTileRows; ++row) {
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        double* const at = c + row * kWidth + v * lanes;
        store(at, load<V>(at) - sums.at[row][v]);
      }
    }
    c += group;
    next.left += group;
    next.right += group;
  }
}

// Rows [from, to) of a strip of U^-T C, which is zero above row `first`: kTileRows rows at a time,
// less the product with those above, then a triangle.
__attribute__((noinline)) void solve_rows(const double* corner, Index from, Index to, Index first,
                                          double* strip) noexcept {
  constexpr int lanes = kLanes<double>;
  for (Index row = from; row < to; row += kTileRows) {
    const double* const own = strip_of(corner, row) + row % kWidth;
    double* const at = strip + row * kWidth;
    Sums sums = {};
    add_products(own + first * kWidth, strip + first * kWidth, row - first, sums);
#pragma GCC unroll 8
    for (int r = 0; r < kTileRows; ++r) {
      const V inverse = broadcast<double, lanes>(1 / own[(row + r) * kWidth + r]);
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        V value = load<V>(at + r * kWidth + v * lanes) - sums.at[r][v];
#pragma GCC unroll 8
        for (int l = 0; l < r; ++l)
          value -= broadcast<double, lanes>(own[(row + l) * kWidth + r]) * sums.at[l][v];
        sums.at[r][v] = value * inverse;
        store(at + r * kWidth + v * lanes, sums.at[r][v]);
      }
    }
  }
}

// U of a block of kWidth rows, row by row; false where it is not positive definite.
bool factor_block(double* block) noexcept {
  bool good = true;
  for (Index i = 0; i < kWidth; ++i) {
    double* const own = block + i * kWidth;
    for (Index l = 0; l < i; ++l) {
      const double* const above = block + l * kWidth;
      const double factor = above[i];
      for (Index j = 0; j < kWidth; ++j) own[j] -= factor * above[j];
    }
    const double pivot = own[i];
    if (!(pivot > 0) || pivot > 1e300) good = false;
    const double length = __builtin_sqrt(pivot);
    for (Index j = 0; j < i; ++j) own[j] = 0;
    own[i] = length;
    for (Index j = i + 1; j < kWidth; ++j) own[j] /= length;
  }
  return good;
}

}  // namespace

void subtract_tiles(const TileProduct& run) noexcept {
  for (Index s = 0; s < run.columns; s += kWidth) {
    const double* const right = strip_of(run.right, s);
    const Index first = run.lower_right ? s : 0;
    const Index rows = run.upper && s + kWidth < run.rows ? s + kWidth : run.rows;
    for (Index t = 0; t < rows; t += kWidth) {
      subtract_block(
          strip_of(run.left, t) + first * kWidth, right + first * kWidth, run.depth - first,
          rows - t < kWidth ? rows - t : kWidth, strip_of(run.c, s) + t * kWidth,
          {strip_of(run.next_left, s) + t * kWidth, strip_of(run.next_right, s) + t * kWidth});
    }
  }
}

void solve_tile(const double* corner, Index rows, Index columns, bool lower, double* c) noexcept {
  for (Index s = 0; s < columns; s += kWidth) {
    const Index first = lower ? s : 0;
    solve_rows(corner, first, rows, first, strip_of(c, s));
  }
}

bool factor_tile(double* c, Index rows) noexcept {
  bool good = true;
  for (Index s = 0; s < rows; s += kWidth) {
    double* const strip = strip_of(c, s);
    solve_rows(c, 0, s, 0, strip);
    subtract_block(strip, strip, s, kWidth, strip + s * kWidth, {strip, strip});
    good = factor_block(strip + s * kWidth) && good;
  }
  return good;
}

}  // namespace ISOKERN_ISA
}  // namespace isokern
