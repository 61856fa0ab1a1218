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

// The padding below the rows.
template <class T>
ISOKERN_INLINE void clear_rows(Panel<T> panel, Index begin, Index end, Index columns) noexcept {
  for (Index i = begin; i < end; ++i) {
    for (Index c = 0; c < columns; ++c) panel.row(i)[c] = T(0);
  }
}

// Some columns of a matrix.
template <class T>
struct Strip {
  Index first, columns;
  int vectors;
};

// Cuts columns into strips of nearly equal width.
template <class T>
class Strips {
 public:
  explicit Strips(Index columns) noexcept
      : columns_(columns),
        vectors_((columns + kLanes<T> - 1) / kLanes<T>),
        strips_((vectors_ + kTileVectors - 1) / kTileVectors) {}

  // The next strip; without columns at the end.
  ISOKERN_INLINE Strip<T> next() noexcept {
    if (strip_ == strips_) return {columns_, 0, 0};
    const Index vectors = vectors_ / strips_ + (strip_ < vectors_ % strips_ ? 1 : 0);
    const Index left = columns_ - first_, width = vectors * kLanes<T>;
    const Strip<T> strip{first_, left < width ? left : width, static_cast<int>(vectors)};
    first_ += width;
    ++strip_;
    return strip;
  }

 private:
  Index columns_, vectors_, strips_;
  Index first_ = 0, strip_ = 0;
};

// Whether rows of a strip are contiguous.
template <class T>
ISOKERN_INLINE bool along_rows(const Matrix<T>& matrix, Index columns) noexcept {
  return matrix.column_stride == 1 || columns == 1;
}

// Rows [begin, end) of a strip that is contiguous along its rows; zeros from row `rows` on.
template <int Vectors, class T>
ISOKERN_INLINE void load_rows(const Matrix<const T>& from, const Strip<T>& strip, Index begin,
                              Index end, Index rows, Panel<T> to) noexcept {
  const T* start = from.data + strip.first * from.column_stride;
  for (Index i = begin; i < end; ++i) {
    if (i < rows) {
      load_row<Vectors>(start + i * from.row_stride, strip.columns, to.row(i));
    } else {
      load_row<Vectors>(start, 0, to.row(i));
    }
  }
}

// A whole strip.
template <int Vectors, class T>
ISOKERN_INLINE void load_panel(const Matrix<const T>& from, const Strip<T>& strip, Index rows,
                               Panel<T> to) noexcept {
  constexpr int lanes = kLanes<T>;
  const Index row_stride = from.row_stride, column_stride = from.column_stride;
  const T* start = from.data + strip.first * column_stride;
  if (along_rows(from, strip.columns)) {
    load_rows<Vectors>(from, strip, 0, rows, rows, to);
  } else if (row_stride != 1) {
    for (Index i = 0; i < rows; ++i) {
      for (Index c = 0; c < Vectors * lanes; ++c)
        to.row(i)[c] = c < strip.columns ? start[i * row_stride + c * column_stride] : T(0);
    }
  } else {
    for (int v = 0; v < Vectors; ++v) {
      load_transposed(start + v * lanes * column_stride, column_stride, rows,
                      strip.columns - v * lanes, to.data + v * lanes, to.stride);
    }
  }
  clear_rows(to, rows, round_up(rows, kTileRows), Vectors * lanes);
}

constexpr Index kRowsAhead = 16;

// Loads a strip a few rows at a time, between other work, and fetches kRowsAhead: the rows of a
// wide matrix lie in pages of their own, where no hardware does.
template <class T>
class Feed {
 public:
  Feed(const Matrix<const T>& from, const Strip<T>& strip, Index rows, T* to) noexcept
      : from_(from), strip_(strip), rows_(rows), end_(round_up(rows, kTileRows)), to_(to) {
    if (strip.columns == 0) next_ = end_;
  }

  ISOKERN_INLINE void rows(Index count) noexcept {
    if (next_ >= end_) return;
    const Index end = next_ + count < end_ ? next_ + count : end_;
    const T* start = from_.data + strip_.first * from_.column_stride;
    for (Index i = next_ + kRowsAhead; i < end + kRowsAhead && i < rows_; ++i) {
      for (int v = 0; v < strip_.vectors; ++v)
        prefetch(start + i * from_.row_stride + v * kLanes<T>, 0);
    }
    with_vectors(strip_.vectors, [&](auto vectors) {
      constexpr int width = decltype(vectors)::value;
      load_rows<width>(from_, strip_, next_, end, rows_, Panel<T>{to_, width * kLanes<T>});
    });
    next_ = end;
  }

 private:
  const Matrix<const T>& from_;
  Strip<T> strip_;
  Index rows_, end_, next_ = 0;
  T* to_;
};

template <bool streaming, int Vectors, class T>
ISOKERN_INLINE void store_rows_as(Panel<T> from, Index begin, Index end, Index columns, T* to,
                                  Index row_stride) noexcept {
  constexpr int lanes = kLanes<T>;
  for (Index i = begin; i < end; ++i) {
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

// Non-temporal stores pay only where they fill whole lines. Whoever streams calls `fence` at the
// end.
template <class T>
ISOKERN_INLINE bool fills_lines(const Matrix<T>& to, const Strip<T>& strip) noexcept {
  constexpr std::uintptr_t line = 64;
  const T* start = to.data + strip.first * to.column_stride;
  const std::uintptr_t stride = static_cast<std::uintptr_t>(to.row_stride) * sizeof(T);
  return kCanStream && (reinterpret_cast<std::uintptr_t>(start) | stride) % line == 0;
}

// Rows [begin, end) of a strip that is contiguous along its rows.
template <int Vectors, class T>
ISOKERN_INLINE void store_rows(Panel<T> from, Index begin, Index end, const Strip<T>& strip,
                               const Matrix<T>& to, bool streaming) noexcept {
  T* start = to.data + strip.first * to.column_stride;
  if (streaming) {
    store_rows_as<true, Vectors>(from, begin, end, strip.columns, start, to.row_stride);
  } else {
    store_rows_as<false, Vectors>(from, begin, end, strip.columns, start, to.row_stride);
  }
}

template <int Vectors, class T>
ISOKERN_INLINE void store_panel(Panel<T> from, Index rows, const Strip<T>& strip,
                                const Matrix<T>& to, bool streaming) noexcept {
  constexpr int lanes = kLanes<T>;
  const Index row_stride = to.row_stride, column_stride = to.column_stride;
  T* start = to.data + strip.first * column_stride;
  if (along_rows(to, strip.columns)) {
    store_rows<Vectors>(from, 0, rows, strip, to, streaming && fills_lines(to, strip));
  } else if (row_stride != 1) {
    for (Index i = 0; i < rows; ++i) {
      for (Index c = 0; c < strip.columns; ++c)
        start[i * row_stride + c * column_stride] = from.row(i)[c];
    }
  } else {
    for (int v = 0; v < Vectors; ++v) {
      store_transposed(from.data + v * lanes, from.stride, rows, strip.columns - v * lanes,
                       start + v * lanes * column_stride, column_stride);
    }
  }
}

// Calls body(strip, Width<vectors>) for all strips.
template <class T, class Body>
ISOKERN_INLINE void for_strips(Index columns, Body&& body) noexcept {
  Strips<T> strips(columns);
  for (Strip<T> strip = strips.next(); strip.columns > 0; strip = strips.next())
    with_vectors(strip.vectors, [&](auto count) { body(strip, count); });
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
