// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// A block of k reflectors as one map. Q = H_1 ... H_k = I - V T V^T with T^-1 = D^-1 + U, where D =
// diag(tau) and U is the part of V^T V above its diagonal (Walker, "Implementation of the GMRES
// method using Householder transformations", 1988; Joffrain et al., "Accumulating Householder
// transformations, revisited", 2006). T is not formed: A = T B is the solution of a triangular
// system, a_p = tau_p (b_p - sum over q > p of U_pq a_q), which needs no inverse of tau and so
// takes tau = 0 as it is. For Q^T the sum is over q < p.
#pragma once

#include "panels.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// Takes values into the largest magnitudes, and into what is NaN as soon as one is not finite.
template <class V>
ISOKERN_INLINE void take_values(const V& value, V& largest, V& poison) noexcept {
  const V magnitude = value < 0 ? -value : value;
  largest = magnitude > largest ? magnitude : largest;
  poison += value * 0;
}

// The largest magnitude of each column, at least `least`, and the poison.
template <class T>
void column_maxima(const T* from, Index row_stride, Index rows, Index columns, T least, T* maxima,
                   T* poison) noexcept {
  in_pieces<kLanes<T>>(columns, [&](Index j, auto width) {
    using V = Vector<T, decltype(width)::value>;
    // Rows take turns, so that no comparison waits for the one before.
    constexpr int turns = 4;
    V largest[turns], bad[turns] = {};
    for (V& each : largest) each = V{} + least;
    Index i = 0;
    for (; i + turns <= rows; i += turns) {
#pragma GCC unroll 4
      for (int turn = 0; turn < turns; ++turn)
        take_values(load<V>(from + (i + turn) * row_stride + j), largest[turn], bad[turn]);
    }
    for (; i < rows; ++i) take_values(load<V>(from + i * row_stride + j), largest[0], bad[0]);
    for (int turn = 1; turn < turns; ++turn) {
      largest[0] = largest[turn] > largest[0] ? largest[turn] : largest[0];
      bad[0] += bad[turn];
    }
    store(maxima + j, largest[0]);
    store(poison + j, bad[0]);
  });
}

// frexp's exponent of a positive number; infinity and NaN have one above all finite numbers'.
ISOKERN_INLINE int binary_exponent(double value) noexcept {
  const bool subnormal = value < 0x1p-1022;
  if (subnormal) value *= 0x1p64;
  std::uint64_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return static_cast<int>(bits >> 52) - (subnormal ? 1022 + 64 : 1022);
}

// 2^exponent for a normal number.
ISOKERN_INLINE double power_of_two(int exponent) noexcept {
  const std::uint64_t bits = static_cast<std::uint64_t>(exponent + 1023) << 52;
  double value = 0;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

// The exponent of a magnitude, which its inverse power of two brings into [1/2, 1): as far as that
// power is in the range of T, and 0 for 0.
template <class T>
constexpr int kExponentLimit = sizeof(T) == 4 ? 120 : 1000;
template <class T>
ISOKERN_INLINE int scaling_exponent(double largest) noexcept {
  constexpr int limit = kExponentLimit<T>;
  const int exponent = largest > 0 ? binary_exponent(largest) : 0;
  return exponent > limit ? limit : exponent < -limit ? -limit : exponent;
}

template <class T>
ISOKERN_INLINE Index padded(Index rows) noexcept {
  return round_up(rows, kTileRows);
}

// The products V^T X, (stride, Vectors vectors), of the rows of X that the block acts on. after:
// see multiply.
template <int Vectors, class T, class After = Nothing>
ISOKERN_INLINE void project(const ReflectorBlock<T>& block, const T* v, Panel<const T> x,
                            Panel<T> products, After&& after = {}) noexcept {
  multiply<Into::assign, Vectors, T>(round_up(block.count, kTileRows), block.rows,
                                     {v, 1, block.stride}, x, products, after);
}

// Y = X - V A, where Y may be X.
template <int Vectors, class T, class After = Nothing>
ISOKERN_INLINE void subtract(const ReflectorBlock<T>& block, const T* v, Panel<const T> a,
                             Panel<const T> x, Panel<T> y, After&& after = {}) noexcept {
  multiply<Into::subtract, Vectors, T>(round_up(block.rows, kTileRows), block.count,
                                       {v, block.stride, 1}, a, x, y, after);
}
template <int Vectors, class T, class After = Nothing>
ISOKERN_INLINE void subtract(const ReflectorBlock<T>& block, const T* v, Panel<const T> a,
                             Panel<T> x, After&& after = {}) noexcept {
  subtract<Vectors, T>(block, v, a, Panel<const T>{x.data, x.stride}, x, after);
}

// The same within kTileRows rows, of which the others' part is subtracted already: in registers.
template <int Vectors, bool kTranspose, class T>
ISOKERN_INLINE void solve_tile(const T* gram, Index gram_stride, const T* tau, Panel<T> unscaled,
                               Panel<T> scaled, const T* offset) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  V sums[kTileRows][Vectors];
#pragma GCC unroll 8
  for (int row = 0; row < kTileRows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sums[row][v] = load<V>(unscaled.row(row) + v * lanes);
  }
#pragma GCC unroll 8
  for (int step = 0; step < kTileRows; ++step) {
    const int row = kTranspose ? step : kTileRows - 1 - step;
    const V factor = broadcast<T, lanes>(tau[row]);
    V values[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      store(unscaled.row(row) + v * lanes, sums[row][v]);
      values[v] = sums[row][v] * factor;
      if (offset != nullptr) values[v] += load<V>(offset + row * scaled.stride + v * lanes);
      store(scaled.row(row) + v * lanes, values[v]);
    }
#pragma GCC unroll 8
    for (int later = step + 1; later < kTileRows; ++later) {
      const int other = kTranspose ? later : kTileRows - 1 - later;
      const V coupling = broadcast<T, lanes>(kTranspose ? gram[row * gram_stride + other]
                                                        : gram[other * gram_stride + row]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[other][v] -= coupling * values[v];
    }
  }
}

// `unscaled` holds B on entry and b_p - sum ... on exit; `scaled` becomes tau_p unscaled_p, plus
// offset_p where there is an offset.
template <int Vectors, class T>
void solve(const ReflectorBlock<T>& block, bool transpose, Panel<T> unscaled, Panel<T> scaled,
           const T* offset = nullptr) noexcept {
  const Index rows = round_up(block.count, kTileRows);
  for (Index done = 0; done < rows; done += kTileRows) {
    const Index first = transpose ? done : rows - kTileRows - done;
    const Index known = transpose ? 0 : first + kTileRows;  // rows that are solved already
    const Left<T> couplings =
        transpose ? Left<T>{block.gram + first, 1, block.stride}
                  : Left<T>{block.gram + first * block.stride + known, block.stride, 1};
    const Panel<T> mine{unscaled.row(first), unscaled.stride};
    if (done > 0) {
      multiply<Into::subtract, Vectors, T>(kTileRows, done, couplings,
                                           {scaled.row(known), scaled.stride}, mine);
    }
    const T* gram = block.gram + first * block.stride + first;
    const T* offsets = offset == nullptr ? nullptr : offset + first * scaled.stride;
    const Panel<T> result{scaled.row(first), scaled.stride};
    if (transpose) {
      solve_tile<Vectors, true>(gram, block.stride, block.tau + first, mine, result, offsets);
    } else {
      solve_tile<Vectors, false>(gram, block.stride, block.tau + first, mine, result, offsets);
    }
  }
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
