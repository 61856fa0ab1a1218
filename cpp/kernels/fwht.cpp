// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Walsh-Hadamard transforms: log2 n stages, each of sums and differences of numbers whose places
// differ in one bit. Several stages make one pass over the data, with 8 or 16 vectors in registers;
// the stages of the lowest bits happen between the lanes of a vector, where the difference is a
// product with -1, which is exact, and a sum. A row of n numbers is read once, stays in the first
// cache between the passes, and is written once.
//
// Stages go from the lowest bit to the highest whatever the width of vectors and the number of
// registers, so that every result is the same bits on every instruction set.
#include "entries.hpp"
#include "panels.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr int kRadix = kVectorBytes == 64 ? 16 : 8;

template <int R, class V>
ISOKERN_INLINE void butterfly(V (&v)[R]) noexcept {
#pragma GCC unroll 4
  for (int h = 1; h < R; h *= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      if ((i & h) != 0) continue;
      const V a = v[i], b = v[i + h];
      v[i] = a + b;
      v[i + h] = a - b;
    }
  }
}

template <class T, int Bit, int... I>
ISOKERN_INLINE Vector<T, kLanes<T>> lane_stage(const Vector<T, kLanes<T>>& v,
                                               Lanes<I...>) noexcept {
  const Vector<T, kLanes<T>> other = __builtin_shufflevector(v, v, (I ^ Bit)...);
  const Vector<T, kLanes<T>> signs = {((I & Bit) != 0 ? T(-1) : T(1))...};
  return v * signs + other;
}

// Stages of the bits below `below`, at most all of a vector's.
template <class T, int Bit = 1>
ISOKERN_INLINE void lane_stages(Vector<T, kLanes<T>>& v, Index below) noexcept {
  if constexpr (Bit < kLanes<T>) {
    if (Bit >= below) return;
    v = lane_stage<T, Bit>(v, typename MakeLanes<kLanes<T>>::type{});
    lane_stages<T, 2 * Bit>(v, below);
  }
}

// Rows of a matrix, where they come from and where they go.
template <class T>
struct Rows {
  const T* from;
  Index from_stride;
  T* to;
  Index to_stride;
};

// The stages of R rows, h rows apart, for all of the n rows; columns are whole vectors.
template <int R, bool last, class T>
void pass(const Rows<T>& rows, Index n, Index h, Index columns, T factor) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  for (Index base = 0; base < n; base += R * h) {
    for (Index r = base; r < base + h; ++r) {
      const T* from = rows.from + r * rows.from_stride;
      T* to = rows.to + r * rows.to_stride;
      const Index from_step = h * rows.from_stride, to_step = h * rows.to_stride;
      for (Index c = 0; c < columns; c += lanes) {
        V v[R];
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) v[i] = load<V>(from + i * from_step + c);
        butterfly<R>(v);
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) {
          if constexpr (last) v[i] = v[i] * factor;
          store(to + i * to_step + c, v[i]);
        }
      }
    }
  }
}

template <bool last, class T>
void pass_of(Index radix, const Rows<T>& rows, Index n, Index h, Index columns, T factor) noexcept {
  switch (radix) {
    case 1:
      return pass<1, last>(rows, n, h, columns, factor);
    case 2:
      return pass<2, last>(rows, n, h, columns, factor);
    case 4:
      return pass<4, last>(rows, n, h, columns, factor);
    case 8:
      return pass<8, last>(rows, n, h, columns, factor);
    default:
      return pass<kRadix, last>(rows, n, h, columns, factor);
  }
}

// All stages of n rows: the first pass reads `from`, the last writes `to`, the others stay in
// scratch.
template <class T>
void all_passes(const Rows<T>& rows, Index n, Index columns, T factor, T* scratch) noexcept {
  const T* from = rows.from;
  Index from_stride = rows.from_stride, h = 1;
  while (true) {
    const Index radix = n / h < kRadix ? n / h : kRadix;
    if (h * radix < n) {
      pass_of<false, T>(radix, {from, from_stride, scratch, columns}, n, h, columns, factor);
      from = scratch;
      from_stride = columns;
      h *= radix;
      continue;
    }
    pass_of<true, T>(radix, {from, from_stride, rows.to, rows.to_stride}, n, h, columns, factor);
    return;
  }
}

// The stages within R vectors that follow one another, of n numbers.
template <int R, class T>
ISOKERN_INLINE void first_pass(const T* from, Index n, T factor, T* to) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  for (Index at = 0; at < n; at += R * lanes) {
    V v[R];
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      v[i] = load<V>(from + at + i * lanes);
      lane_stages<T>(v[i], lanes);
    }
    butterfly<R>(v);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) store(to + at + i * lanes, v[i] * factor);
  }
}

// A row past the caches, line by line: non-temporal stores pay only where they fill whole lines one
// after another.
template <class T>
ISOKERN_INLINE void stream_row(const T* from, Index n, T* to) noexcept {
  constexpr int lanes = kLanes<T>;
  constexpr std::uintptr_t line = 64;
  const Index head =
      static_cast<Index>((line - reinterpret_cast<std::uintptr_t>(to) % line) % line / sizeof(T));
  Index i = 0;
  for (; i < head && i < n; ++i) to[i] = from[i];
  for (; i + lanes <= n; i += lanes) stream(to + i, load<Vector<T, lanes>>(from + i));
  for (; i < n; ++i) to[i] = from[i];
}

// Rows shorter than a vector: as many as are left.
template <class T>
void short_rows(const HadamardRun<T>& run) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  const Index n = run.n;
  Index row = 0;
  if (run.x_stride == n && run.out_stride == n) {
    const Index together = lanes / n;
    for (; row + together <= run.rows; row += together) {
      V v = load<V>(run.x + row * n);
      lane_stages<T>(v, n);
      store(run.out + row * n, v * run.factor);
    }
  }
  for (; row < run.rows; ++row) {
    T numbers[lanes] = {};
    for (Index i = 0; i < n; ++i) numbers[i] = run.x[row * run.x_stride + i];
    V v = load<V>(numbers);
    lane_stages<T>(v, n);
    store(numbers, v * run.factor);
    for (Index i = 0; i < n; ++i) run.out[row * run.out_stride + i] = numbers[i];
  }
}

}  // namespace

template <class T>
void hadamard_rows(const HadamardRun<T>& run) noexcept {
  constexpr int lanes = kLanes<T>;
  if (run.n < lanes) {
    short_rows(run);
    return;
  }
  constexpr Index width = kRadix * lanes;  // of the first pass
  for (Index row = 0; row < run.rows; ++row) {
    const T* x = run.x + row * run.x_stride;
    T* const out = run.out + row * run.out_stride;
    T* const to = run.stream ? run.scratch : out;
    if (run.n > width) {
      first_pass<kRadix>(x, run.n, T(1), run.scratch);
      all_passes<T>({run.scratch, width, to, width}, run.n / width, width, run.factor, run.scratch);
    } else if (run.n == width) {
      first_pass<kRadix>(x, run.n, run.factor, to);
    } else if (run.n == 8 * lanes) {
      first_pass<8>(x, run.n, run.factor, to);
    } else if (run.n == 4 * lanes) {
      first_pass<4>(x, run.n, run.factor, to);
    } else if (run.n == 2 * lanes) {
      first_pass<2>(x, run.n, run.factor, to);
    } else {
      first_pass<1>(x, run.n, run.factor, to);
    }
    if (run.stream) stream_row(run.scratch, run.n, out);
  }
  if (run.stream) fence();
}

template <class T>
void hadamard_columns(const HadamardColumnsRun<T>& run) noexcept {
  const Index width = round_up(run.columns, kLanes<T>);
  if (width == run.columns) {
    all_passes<T>({run.x, run.x_stride, run.out, run.out_stride}, run.n, width, run.factor,
                  run.scratch);
    return;
  }
  for (Index row = 0; row < run.n; ++row) {
    for (Index c = 0; c < width; ++c)
      run.scratch[row * width + c] = c < run.columns ? run.x[row * run.x_stride + c] : T(0);
  }
  all_passes<T>({run.scratch, width, run.scratch, width}, run.n, width, run.factor, run.scratch);
  for (Index row = 0; row < run.n; ++row) {
    for (Index c = 0; c < run.columns; ++c)
      run.out[row * run.out_stride + c] = run.scratch[row * width + c];
  }
}

template void hadamard_rows(const HadamardRun<float>&) noexcept;
template void hadamard_rows(const HadamardRun<double>&) noexcept;
template void hadamard_columns(const HadamardColumnsRun<float>&) noexcept;
template void hadamard_columns(const HadamardColumnsRun<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
