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
#include "hadamard.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

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
