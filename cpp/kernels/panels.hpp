// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Panels in and out: some columns of a matrix as packed rows (see products.hpp). Where the matrix
// is contiguous along its columns, blocks of it are transposed in registers.
#pragma once

#include "products.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr Index kRowsAhead = 16;  // of the one that is loaded, to be fetched

// 0, 1, ..., N - 1 as template arguments.
template <int... I>
struct Lanes {};
template <int N, int... I>
struct MakeLanes : MakeLanes<N - 1, N - 1, I...> {};
template <int... I>
struct MakeLanes<0, I...> {
  using type = Lanes<I...>;
};

// Exchanges the off-diagonal quarters of the 2 x 2 blocks of Half x Half numbers in rows i and
// i + Half.
template <int Half, int N, class V, int... I>
ISOKERN_INLINE void exchange(V& upper, V& lower, Lanes<I...>) noexcept {
  const V first = __builtin_shufflevector(upper, lower, ((I & Half) ? N + I - Half : I)...);
  const V second = __builtin_shufflevector(upper, lower, ((I & Half) ? N + I : I + Half)...);
  upper = first;
  lower = second;
}

// rows[i][j] becomes rows[j][i].
template <int N, int Half = N / 2, class V>
ISOKERN_INLINE void transpose(V (&rows)[N]) noexcept {
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) {
    if ((i & Half) == 0) exchange<Half, N>(rows[i], rows[i + Half], typename MakeLanes<N>::type{});
  }
  if constexpr (Half > 1) transpose<N, Half / 2>(rows);
}

// Row i of the panel is the packed column i of the matrix: N columns of `from`, each contiguous,
// become N rows. Columns beyond `columns` are zero.
template <class T>
ISOKERN_INLINE void load_transposed(const T* from, Index column_stride, Index rows, Index columns,
                                    T* to, Index stride) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  Index i = 0;
  for (; i + lanes <= rows; i += lanes) {
    V block[lanes];
#pragma GCC unroll 16
    for (int c = 0; c < lanes; ++c)
      block[c] = c < columns ? load<V>(from + c * column_stride + i) : V{};
    transpose<lanes>(block);
#pragma GCC unroll 16
    for (int r = 0; r < lanes; ++r) store(to + (i + r) * stride, block[r]);
  }
  for (; i < rows; ++i) {
    for (Index c = 0; c < lanes; ++c)
      to[i * stride + c] = c < columns ? from[c * column_stride + i] : T(0);
  }
}

template <class T>
ISOKERN_INLINE void store_transposed(const T* from, Index stride, Index rows, Index columns, T* to,
                                     Index column_stride) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  Index i = 0;
  for (; i + lanes <= rows; i += lanes) {
    V block[lanes];
#pragma GCC unroll 16
    for (int r = 0; r < lanes; ++r) block[r] = load<V>(from + (i + r) * stride);
    transpose<lanes>(block);
#pragma GCC unroll 16
    for (int c = 0; c < lanes; ++c) {
      if (c < columns) store(to + c * column_stride + i, block[c]);
    }
  }
  for (; i < rows; ++i) {
    for (Index c = 0; c < columns; ++c) to[c * column_stride + i] = from[i * stride + c];
  }
}

// One row of a panel from contiguous numbers, zero beyond `columns`.
template <int Vectors, class T>
ISOKERN_INLINE void load_row(const T* from, Index columns, T* row) noexcept {
  constexpr int lanes = kLanes<T>;
  if (columns == Vectors * lanes) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v)
      store(row + v * lanes, load<Vector<T, lanes>>(from + v * lanes));
  } else {
    for (Index c = 0; c < columns; ++c) row[c] = from[c];
    for (Index c = columns; c < Vectors * lanes; ++c) row[c] = T(0);
  }
}

// Columns [column, column + columns) of the matrix, zero beyond them. The rows of a wide matrix lie
// in pages of their own, where no hardware fetches ahead.
template <int Vectors, class T>
ISOKERN_INLINE void load_panel(const Matrix<const T>& from, Index column, Index rows, Index columns,
                               Panel<T> to) noexcept {
  constexpr int lanes = kLanes<T>;
  const Index row_stride = from.row_stride, column_stride = from.column_stride;
  const T* start = from.data + column * column_stride;
  if (column_stride == 1 || columns == 1) {
    const std::uintptr_t ahead = static_cast<std::uintptr_t>(kRowsAhead * row_stride) * sizeof(T);
    for (Index i = 0; i < rows; ++i) {
      const T* at = start + i * row_stride;
      for (int v = 0; v < Vectors; ++v) prefetch(at + v * lanes, ahead);
      load_row<Vectors>(at, columns, to.row(i));
    }
  } else if (row_stride != 1) {
    for (Index i = 0; i < rows; ++i) {
      for (Index c = 0; c < Vectors * lanes; ++c)
        to.row(i)[c] = c < columns ? start[i * row_stride + c * column_stride] : T(0);
    }
  } else {
    for (int v = 0; v < Vectors; ++v) {
      load_transposed(start + v * lanes * column_stride, column_stride, rows, columns - v * lanes,
                      to.data + v * lanes, to.stride);
    }
  }
}

// The padding below the rows.
template <class T>
ISOKERN_INLINE void clear_rows(Panel<T> panel, Index begin, Index end, Index columns) noexcept {
  for (Index i = begin; i < end; ++i) {
    for (Index c = 0; c < columns; ++c) panel.row(i)[c] = T(0);
  }
}

template <bool streaming, int Vectors, class T>
ISOKERN_INLINE void store_rows(Panel<T> from, Index rows, Index columns, T* to,
                               Index row_stride) noexcept {
  constexpr int lanes = kLanes<T>;
  for (Index i = 0; i < rows; ++i) {
    const T* row = from.row(i);
    T* at = to + i * row_stride;
    if (columns < Vectors * lanes) {
      for (Index c = 0; c < columns; ++c) at[c] = row[c];
      continue;
    }
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const auto value = load<Vector<T, lanes>>(row + v * lanes);
      if constexpr (streaming) {
        stream(at + v * lanes, value);
      } else {
        store(at + v * lanes, value);
      }
    }
  }
}

// Non-temporal stores pay only where they fill whole lines.
template <int Vectors, class T>
ISOKERN_INLINE void store_panel(Panel<T> from, Index rows, Index columns, const Matrix<T>& to,
                                Index column, bool streaming) noexcept {
  constexpr int lanes = kLanes<T>;
  constexpr std::uintptr_t line = 64;
  const Index row_stride = to.row_stride, column_stride = to.column_stride;
  T* start = to.data + column * column_stride;
  if (column_stride == 1 || columns == 1) {
    const std::uintptr_t stride = static_cast<std::uintptr_t>(row_stride) * sizeof(T);
    if (kCanStream && streaming && (reinterpret_cast<std::uintptr_t>(start) | stride) % line == 0) {
      store_rows<true, Vectors>(from, rows, columns, start, row_stride);
      fence();
    } else {
      store_rows<false, Vectors>(from, rows, columns, start, row_stride);
    }
  } else if (row_stride != 1) {
    for (Index i = 0; i < rows; ++i) {
      for (Index c = 0; c < columns; ++c)
        start[i * row_stride + c * column_stride] = from.row(i)[c];
    }
  } else {
    for (int v = 0; v < Vectors; ++v) {
      store_transposed(from.data + v * lanes, from.stride, rows, columns - v * lanes,
                       start + v * lanes * column_stride, column_stride);
    }
  }
}

// Calls body(first, columns, Width<vectors>) for strips of nearly equal width.
template <class T, class Body>
ISOKERN_INLINE void for_strips(Index columns, Body&& body) noexcept {
  constexpr int lanes = kLanes<T>;
  const Index vectors = (columns + lanes - 1) / lanes;
  const Index strips = (vectors + kTileVectors - 1) / kTileVectors;
  Index first = 0;
  for (Index strip = 0; strip < strips; ++strip) {
    const Index mine = vectors / strips + (strip < vectors % strips ? 1 : 0);
    const Index width = columns - first < mine * lanes ? columns - first : mine * lanes;
    with_vectors(mine, [&](auto count) { body(first, width, count); });
    first += width;
  }
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
