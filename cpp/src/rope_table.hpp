// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The part of the table of kernels that rotary embedding uses.
#pragma once

#include <cstdint>

#include "isokern/dtype.hpp"
#include "kernel_types.hpp"

namespace isokern {

// Positions below kLevelRows^kLevels are written with digits to the base kLevelRows: level l has
// the rows [cos | sin], in double, of digit times kLevelRows^l.
inline constexpr int kLevelRows = 64;
inline constexpr int kLevels = 3;
// scratch: pairs.
using RopeLevels = void (*)(const double* inv_freq, Index pairs, double* scratch,
                            double* levels) noexcept;

// Cosines and sines of count tokens: row i is [scale cos | scale sin] of the angles, sums over
// terms t of positions[i * token_stride + axis[t, j] * axis_stride] * inv_freq[t, j]. positions
// null: start + i. axis null: all 0.
template <class C>
struct RopeTableRun {
  const double* positions;
  Index token_stride, axis_stride;
  double start;
  Index count, pairs, terms;
  const double* inv_freq;
  Index term_stride;  // of inv_freq; that of axis is pairs
  const std::int8_t* axis;
  const double* levels;  // from rope_levels, or null: every angle by itself
  bool float32_angles;
  const double* log_scale;  // null, or rows are multiplied by exp(log_sign log_scale (p - centre))
  double log_sign, centre;
  double cos_scale, sin_scale;
  double* scratch;  // (2 + terms) pairs
  C* table;
  Index row_stride;
};

// Rows x + i0 s0 + i1 s1, each turned by its row of the table.
template <class T, class C>
struct RopeRun {
  const T* x;
  T* out;
  const C* cos;
  const C* sin;
  Index count[2];
  Index x_stride[2], out_stride[2], table_stride[2];
  Index pairs, offset, dim;
  bool interleaved;
  bool stream;
};

// For rows as above, with y the turned x: turn += turn_sign (g2 y1 - g1 y2), the gradient in the
// angle, and along += along_sign (g1 y1 + g2 y2), that in the logarithm of the length.
template <class T, class C>
struct RopeAngleRun {
  const T* x;
  const T* g;
  const C* cos;
  const C* sin;
  Index count[2];
  Index x_stride[2], g_stride[2], table_stride[2], sum_stride[2];
  Index pairs, offset;
  bool interleaved;
  double turn_sign, along_sign;
  double* turn;
  double* along;  // null: not wanted
};

template <class T>
struct RopeCompute {
  using type = float;  // what is computed, and what the table holds, for data of type T
};
template <>
struct RopeCompute<double> {
  using type = double;
};
template <class T>
struct RopeKernels {
  void (*turn)(const RopeRun<T, typename RopeCompute<T>::type>&) noexcept;
  void (*angles)(const RopeAngleRun<T, typename RopeCompute<T>::type>&) noexcept;
};

}  // namespace isokern
