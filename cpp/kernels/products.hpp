// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Matrix products on panels: row-major scratch whose rows are whole vectors and whose number of
// rows is a multiple of kTileRows, so that no product has a remainder.
//
// A tile of C, kTileRows rows of up to kTileVectors vectors, stays in registers while the inner
// dimension runs; each step loads one row of the right factor and multiplies it by kTileRows
// numbers of the left one, which may have any strides. Sums start at zero for every kDepth steps
// and are then added to C: what they read stays in the first cache, and rounding errors grow with
// the square root of kDepth + depth / kDepth rather than of the depth.
#pragma once

#include "entries.hpp"
#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileVectors = 3;
#elif defined(__AVX__)
constexpr int kTileRows = 4, kTileVectors = 3;
#else
constexpr int kTileRows = 4, kTileVectors = 2;
#endif
constexpr Index kDepth = 64;
// Rows of a chunk of moments: two strips of as many fit into the first cache.
constexpr Index kMomentRows = kVectorBytes == 64 ? 64 : 128;

ISOKERN_INLINE constexpr Index round_up(Index n, Index unit) noexcept {
  return (n + unit - 1) / unit * unit;
}

// Columns of a packed matrix: whole vectors, and whole tiles where they become rows.
template <class T>
constexpr Index kUnit = kLanes<T> > kTileRows ? kLanes<T> : kTileRows;

// Element (row, l) of a left factor is data[row * row_stride + l * step].
template <class T>
struct Left {
  const T* data;
  Index row_stride, step;
};

template <class T>
struct Panel {
  T* data;
  Index stride;

  ISOKERN_INLINE T* row(Index i) const noexcept { return data + i * stride; }
};

enum class Into { assign, add, subtract };

template <class T, int Vectors, Into into>
__attribute__((noinline)) void tile(const T* left, Index row_stride, Index step, const T* right,
                                    Index right_stride, Index depth, const T* from,
                                    Index from_stride, T* c, Index c_stride) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  V sums[kTileRows][Vectors] = {};
  for (Index l = 0; l < depth; ++l) {
    V values[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) values[v] = load<V>(right + v * lanes);
#pragma GCC unroll 8
    for (int row = 0; row < kTileRows; ++row) {
      const V factor = broadcast<T, lanes>(left[row * row_stride]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[row][v] += factor * values[v];
    }
    left += step;
    right += right_stride;
  }
#pragma GCC unroll 8
  for (int row = 0; row < kTileRows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      T* at = c + row * c_stride + v * lanes;
      const T* before = from + row * from_stride + v * lanes;
      if constexpr (into == Into::assign) store(at, sums[row][v]);
      if constexpr (into == Into::add) store(at, load<V>(before) + sums[row][v]);
      if constexpr (into == Into::subtract) store(at, load<V>(before) - sums[row][v]);
    }
  }
}

struct Nothing {
  ISOKERN_INLINE void operator()(Index, Index, bool) const noexcept {}
};

// C (rows, Vectors vectors) =, +=, or -= left (rows, depth) right (depth, Vectors vectors); what is
// added to or subtracted from lies in `before`, which may be C. after(row, row + kTileRows, final)
// follows every tile: final at the last change of these rows. Memory that is touched there is
// waited for during the products of the next tile.
template <Into into, int Vectors, class T, class After = Nothing>
ISOKERN_INLINE void multiply(Index rows, Index depth, Left<T> left, Panel<const T> right,
                             Panel<const T> before, Panel<T> c, After&& after = {}) noexcept {
  Index from = 0;
  do {
    const Index part = depth - from < kDepth ? depth - from : kDepth;
    for (Index row = 0; row < rows; row += kTileRows) {
      // Numbers one by one: a structure would pass through memory, behind all stores under way.
      const T* numbers = left.data + row * left.row_stride + from * left.step;
      const auto pass = [&](auto* kernel) {
        const Panel<const T> source = from > 0 ? Panel<const T>{c.data, c.stride} : before;
        kernel(numbers, left.row_stride, left.step, right.row(from), right.stride, part,
               source.row(row), source.stride, c.row(row), c.stride);
      };
      if (into == Into::assign && from > 0) {
        pass(tile<T, Vectors, Into::add>);
      } else {
        pass(tile<T, Vectors, into>);
      }
      after(row, row + kTileRows, from + part >= depth);
    }
    from += part;
  } while (from < depth);
}

template <Into into, int Vectors, class T, class After = Nothing>
ISOKERN_INLINE void multiply(Index rows, Index depth, Left<T> left, Panel<const T> right,
                             Panel<T> c, After&& after = {}) noexcept {
  multiply<into, Vectors, T>(rows, depth, left, right, Panel<const T>{c.data, c.stride}, c, after);
}

// The same for any number of columns, in strips; a multiple of kLanes<T>.
template <Into into, class T>
void multiply_wide(Index rows, Index columns, Index depth, Left<T> left, Panel<const T> right,
                   Panel<T> c) noexcept {
  Index column = 0;
  const auto strip = [&](auto width) {
    constexpr int vectors = decltype(width)::value;
    multiply<into, vectors, T>(rows, depth, left, {right.data + column, right.stride},
                               {c.data + column, c.stride});
    column += vectors * kLanes<T>;
  };
  while (columns - column >= kTileVectors * kLanes<T>) strip(Width<kTileVectors>{});
  if (columns - column >= 2 * kLanes<T>) strip(Width<2>{});
  if (columns - column >= kLanes<T>) strip(Width<1>{});
}

// Calls body(Width<n>) for the number of vectors of a strip.
template <class Body>
ISOKERN_INLINE void with_vectors(Index vectors, Body&& body) noexcept {
  if (vectors == 1) {
    body(Width<1>{});
  } else if (vectors == 2 || kTileVectors == 2) {
    body(Width<2>{});
  } else {
    body(Width<kTileVectors>{});
  }
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
