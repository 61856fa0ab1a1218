// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The table of kernels: what crosses between the baseline code and the objects of an instruction
// set. Plain pointers and sizes only; sizes are elements. A kernel trusts its input and reports
// numerical failure as data.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isokern/dtype.hpp"

namespace isokern {

using Index = std::ptrdiff_t;

// What became of the items of a run: the first failing one, and why.
enum class Failure : int { none, bad_a, bad_b, no_map, no_gradient };
struct RunStatus {
  Index item = -1;
  Failure failure = Failure::none;
};

enum class PlaneMap : int { reflection, rotation, inverse_rotation };

// Rows x_i of length d, each with its vectors a_i, b_i; a stride of 0 repeats a row. Failing items
// get NaN rows.
template <class T>
struct PlaneRun {
  const T* a;
  const T* b;
  const T* x;
  T* out;  // null: only look for failures
  Index a_stride, b_stride, x_stride, out_stride;
  Index count, d;
  PlaneMap map;
  bool stream;      // out is too large to stay in a cache
  double* scratch;  // 6 d
};

// Gradients for the rows of one pair, (a, b) or (v, tau): x_bar row by row, and the sums over rows
// of the gradients in the pair; those of a single row go to first_bar and second_bar at once.
template <class T>
struct VjpRun {
  const T* first;   // a, or v
  const T* second;  // b, or tau, which may be null
  const T* g;
  const T* x;
  T* x_bar;          // null: not wanted
  T* first_bar;      // null, or the count is 1
  T* second_bar;     // null where tau is
  double* pair_bar;  // 2 d, or d + 1
  Index g_stride, x_stride, x_bar_stride;
  Index count, d;
  PlaneMap map;     // of the maps a -> b
  double* scratch;  // 5 d
};

// Rows x_i - tau_i v_i (v_i . x_i); tau null: 2 / |v|^2.
template <class T>
struct ReflectRun {
  const T* v;
  const T* tau;
  const T* x;
  T* out;  // null: only look for failures
  Index v_stride, tau_stride, x_stride, out_stride;
  Index count, d;
  bool stream;
  double* scratch;  // 2 d
};

template <class T>
struct OrthogonalKernels {
  RunStatus (*plane)(const PlaneRun<T>&) noexcept;
  RunStatus (*plane_vjp)(const VjpRun<T>&) noexcept;
  RunStatus (*reflect)(const ReflectRun<T>&) noexcept;
  RunStatus (*reflect_vjp)(const VjpRun<T>&) noexcept;
};

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

struct KernelTable {
  OrthogonalKernels<float> orthogonal_f32;
  OrthogonalKernels<double> orthogonal_f64;
  RopeLevels rope_levels;
  void (*rope_table_f32)(const RopeTableRun<float>&) noexcept;
  void (*rope_table_f64)(const RopeTableRun<double>&) noexcept;
  RopeKernels<float> rope_f32;
  RopeKernels<double> rope_f64;
  RopeKernels<float16> rope_f16;
  RopeKernels<bfloat16> rope_bf16;
  void (*to_float16)(const float*, Index, float16*) noexcept;
  void (*to_bfloat16)(const float*, Index, bfloat16*) noexcept;
  void (*from_float16)(const float16*, Index, float*) noexcept;
  void (*from_bfloat16)(const bfloat16*, Index, float*) noexcept;
  // Whole blocks first, first + 1, ...: out has 4 count words.
  void (*random_blocks)(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, Index count,
                        std::uint32_t* out) noexcept;
};

// The table of the active instruction set.
const KernelTable& kernels() noexcept;

template <class T>
const OrthogonalKernels<T>& orthogonal_kernels() noexcept;
template <>
inline const OrthogonalKernels<float>& orthogonal_kernels<float>() noexcept {
  return kernels().orthogonal_f32;
}
template <>
inline const OrthogonalKernels<double>& orthogonal_kernels<double>() noexcept {
  return kernels().orthogonal_f64;
}

template <class T>
const RopeKernels<T>& rope_kernels() noexcept;
template <>
inline const RopeKernels<float>& rope_kernels<float>() noexcept {
  return kernels().rope_f32;
}
template <>
inline const RopeKernels<double>& rope_kernels<double>() noexcept {
  return kernels().rope_f64;
}
template <>
inline const RopeKernels<float16>& rope_kernels<float16>() noexcept {
  return kernels().rope_f16;
}
template <>
inline const RopeKernels<bfloat16>& rope_kernels<bfloat16>() noexcept {
  return kernels().rope_bf16;
}

}  // namespace isokern
