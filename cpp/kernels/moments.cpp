// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Sums of squares and products of rows: the triangle of sum (x - shift)(x - shift)^T.
//
// A chunk of rows is centred and packed in strips of as many columns as a register tile
// has: two strips fit into the first cache, all of them and the sums into the second. Sums of a
// chunk stay in registers and are added in T, which is float for rows of float; who calls adds
// these in double before there are many chunks (see src/scatter.cpp). What the sums are of differs
// from zero in mean as little as the shift differs from the rows' own mean.
#include "ahead.hpp"
#include "entries.hpp"
#include "panels.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

template <class T>
constexpr Index kStripWidth = kTileVectors * kLanes<T>;
// A line more, or all strips would lie in the same part of the first cache.
template <class T>
constexpr Index kStripSize = kMomentRows * kStripWidth<T> + 64 / static_cast<Index>(sizeof(T));
constexpr Index kRowsAtOnce = 8;
static_assert(kMomentRows % kRowsAtOnce == 0, "whole groups of rows");

// Rows [0, rows) of a strip that has all its columns.
template <class S, class T>
ISOKERN_INLINE void pack_strip(const MomentPack<S, T>& run, Index first, Index row,
                               T* to) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  const Index rows = run.rows - row < kRowsAtOnce ? run.rows - row : kRowsAtOnce;
  V shift[kTileVectors], sums[kTileVectors], largest[kTileVectors];
  for (int v = 0; v < kTileVectors; ++v) {
    shift[v] = load<V>(run.shift + first + v * lanes);
    sums[v] = load<V>(run.sums + first + v * lanes);
    largest[v] = load<V>(run.largest + first + v * lanes);
  }
  for (Index i = 0; i < rows; ++i) {
    const S* const from = run.x + (row + i) * run.stride + first;
    for (int v = 0; v < kTileVectors; ++v) {
      V value = convert<T, lanes>(load<Vector<S, lanes>>(from + v * lanes)) - shift[v];
      if (run.roots != nullptr) {
        const T root = run.roots[row + i];
        value = root > 0 ? value * root : V{};
        sums[v] += value * root;
      } else {
        sums[v] += value;
      }
      const V size = value < 0 ? -value : value;
      largest[v] = size <= largest[v] ? largest[v] : size;  // what is not a number stays
      store(to + i * kStripWidth<T> + v * lanes, value);
    }
  }
  for (int v = 0; v < kTileVectors; ++v) {
    store(run.sums + first + v * lanes, sums[v]);
    store(run.largest + first + v * lanes, largest[v]);
  }
}

template <class T, int Vectors>
ISOKERN_INLINE void add_tile(const T* left, const T* right, Index depth, bool fresh,
                             T* c) noexcept {
  constexpr int lanes = kLanes<T>;
  constexpr Index width = kStripWidth<T>;
  using V = Vector<T, lanes>;
  V sums[kTileRows][Vectors] = {};
  for (Index l = 0; l < depth; ++l) {
    V values[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) values[v] = load<V>(right + v * lanes);
#pragma GCC unroll 8
    for (int row = 0; row < kTileRows; ++row) {
      const V factor = broadcast<T, lanes>(left[row]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[row][v] += factor * values[v];
    }
    left += width;
    right += width;
  }
#pragma GCC unroll 8
  for (int row = 0; row < kTileRows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      T* const at = c + row * width + v * lanes;
      store(at, fresh ? sums[row][v] : load<V>(at) + sums[row][v]);
    }
  }
}

// A block of kStripWidth rows; of one on the diagonal, what is not below it by whole vectors.
template <class T>
__attribute__((noinline)) void add_block(const T* left, const T* right, Index depth, bool fresh,
                                         Index vectors, bool diagonal, T* c) noexcept {
  constexpr Index width = kStripWidth<T>;
  for (Index row = 0; row < width; row += kTileRows) {
    const Index skipped = diagonal ? row / kLanes<T> : 0;
    if (skipped >= vectors) break;
    with_vectors(vectors - skipped, [&](auto count) {
      add_tile<T, decltype(count)::value>(left + row, right + skipped * kLanes<T>, depth, fresh,
                                          c + row * width + skipped * kLanes<T>);
    });
  }
}

}  // namespace

template <class T>
Index packed_moments(Index d) noexcept {
  return (d + kStripWidth<T> - 1) / kStripWidth<T> * kStripSize<T>;
}

template <class S, class T>
void pack_moments(const MomentPack<S, T>& run) noexcept {
  constexpr Index width = kStripWidth<T>;
  for (Index row = 0; row < run.rows; row += kRowsAtOnce) {
    Index first = 0;
    T* to = run.packed + row * width;
    for (; first + width <= run.d; first += width, to += kStripSize<T>)
      pack_strip(run, first, row, to);
    for (Index i = row; first < run.d && i < run.rows && i < row + kRowsAtOnce; ++i) {
      for (Index j = 0; j < width; ++j) {
        T value = 0;
        if (first + j < run.d) {
          const Index column = first + j;
          value = static_cast<T>(run.x[i * run.stride + column]) - run.shift[column];
          const T root = run.roots != nullptr ? run.roots[i] : T(1);
          value = root > 0 ? value * root : T(0);
          run.sums[column] += value * root;
          const T size = value < 0 ? -value : value;
          if (!(size <= run.largest[column])) run.largest[column] = size;
        }
        to[(i - row) * width + j] = value;
      }
    }
  }
}

template <class T>
void add_moments(const T* packed, Index rows, Index d, bool fresh, const Ahead& ahead,
                 T* sums) noexcept {
  constexpr Index width = kStripWidth<T>;
  const Index strips = (d + width - 1) / width;
  Fetcher fetcher(ahead, strips * (strips + 1) / 2);
  for (Index s = 0; s < strips; ++s) {
    const Index columns = d - s * width < width ? d - s * width : width;
    const Index vectors = (columns + kLanes<T> - 1) / kLanes<T>;
    for (Index t = 0; t <= s; ++t) {
      add_block(packed + t * kStripSize<T>, packed + s * kStripSize<T>, rows, fresh, vectors,
                s == t, sums);
      sums += width * width;
      fetcher.done(1);
    }
  }
}

template <class T>
void merge_moments(const MomentMerge<T>& run) noexcept {
  constexpr int lanes = kLanes<double>;
  constexpr Index width = kStripWidth<T>;
  using V = Vector<double, lanes>;
  const Index strips = (run.d + width - 1) / width;
  const T* from = run.sums;
  double* to = run.scatter;
  for (Index s = 0; s < strips; ++s) {
    for (Index t = 0; t <= s; ++t) {
      for (Index i = 0; i < width; ++i) {
        const V taken = broadcast<double, lanes>(run.offset[t * width + i] * run.weight);
        const V given = broadcast<double, lanes>(run.gap[t * width + i] * run.share);
        for (Index j = 0; j < width; j += lanes) {
          V value = load<V>(to + j) + convert<double, lanes>(load<Vector<T, lanes>>(from + j));
          value -= taken * load<V>(run.offset + s * width + j);
          value += given * load<V>(run.gap + s * width + j);
          store(to + j, value);
        }
        from += width;
        to += width;
      }
    }
  }
}

template Index packed_moments<float>(Index) noexcept;
template Index packed_moments<double>(Index) noexcept;
template void pack_moments(const MomentPack<float, float>&) noexcept;
template void pack_moments(const MomentPack<float, double>&) noexcept;
template void pack_moments(const MomentPack<double, double>&) noexcept;
template void add_moments(const float*, Index, Index, bool, const Ahead&, float*) noexcept;
template void add_moments(const double*, Index, Index, bool, const Ahead&, double*) noexcept;
template void merge_moments(const MomentMerge<float>&) noexcept;
template void merge_moments(const MomentMerge<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
