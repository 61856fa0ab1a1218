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
#include "projection_table.hpp"

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

// Reflectors in the form the products want: V (rows, count) without the rows above `first_row`,
// which are zero; each column times a power of two, so that its largest element lies in [1/2, 1)
// and no product overflows; padded with zeros to a multiple of the tile's rows, and to `stride`
// columns.
template <class T>
struct ReflectorBlock {
  T* v;             // (padded rows, stride)
  T* gram;          // (stride, stride): V^T V, of which the part above the diagonal is read
  T* tau;           // stride, of the scaled columns
  double* scale;    // stride: what the columns were multiplied by
  Index rows;       // below first_row
  Index first_row;  // where they begin in the matrix that Q is applied to
  Index count;
  Index stride;
};

// Columns to be packed, if they are finite, and not zero where tau is absent (else bad_a: v, or
// bad_b: tau).
template <class T>
struct PackRun {
  const T* v;  // the block's first column in its row `first_row`
  Index row_stride;
  const T* tau;  // null: 2 / |v|^2
  Index tau_stride;
  bool lapack;  // what lies on and above the diagonal is implied
  T* sums;      // scratch: 4 stride
  ReflectorBlock<T> block;
};

// Where an operand (rows, columns) of reflectors lies.
template <class T>
struct Matrix {
  T* data;
  Index row_stride, column_stride;
};

// Q D X or D Q^T X for some columns of X, where Q is the product of the blocks in their order.
template <class T>
struct ApplyRun {
  const ReflectorBlock<T>* blocks;
  Index block_count;
  bool transpose;
  const T* signs;     // the diagonal of D, by row; null: the identity
  Matrix<const T> x;  // null: columns of the identity, beginning with first_column
  Matrix<T> out;      // may be x
  Index rows, columns;
  Index first_column;
  bool stream;
  T* scratch;  // 2 (padded rows + the largest stride) strip_columns
};

// Gradients for some columns. Sums over columns are added to what the outputs hold.
template <class T>
struct ReflectorSums {
  T* v;         // as the block's v: everything but the contribution of the Gram matrix
  T* gram;      // as the block's gram: of T^-1
  double* tau;  // stride
};
template <class T>
struct ReflectorVjpRun {
  const ReflectorBlock<T>* blocks;
  const ReflectorSums<T>* sums;
  Index block_count;
  bool transpose;
  Matrix<const T> g, x;
  Matrix<T> x_bar;  // null: not wanted
  Index rows, columns;
  bool stream;
  // ((1 + blocks) padded rows + (4 + 2 blocks) of the largest stride) strip_columns
  T* scratch;
};

// The sums of a block as gradients in the user's v and tau.
template <class T>
struct ReflectorFinishRun {
  ReflectorBlock<T> block;
  ReflectorSums<T> sums;
  bool lapack;  // what lies on and above the diagonal is implied
  T* v_bar;     // the block's first column in its row `first_row`
  Index row_stride;
  T* tau_bar;  // null: tau follows v
  Index tau_stride;
};

// Tangents of the packed columns, of their Gram matrix and of tau.
template <class T>
struct ReflectorTangents {
  T* v;
  T* gram;
  T* tau;
};
template <class T>
struct PackTangentRun {
  ReflectorBlock<T> block;
  const T* v_dot;    // null: zero
  const T* tau_dot;  // null: zero, or following v where tau does
  Index row_stride, tau_stride;
  bool tau_follows;
  bool lapack;  // what lies on and above the diagonal is implied
  ReflectorTangents<T> tangents;
};
template <class T>
struct ReflectorJvpRun {
  const ReflectorBlock<T>* blocks;
  const ReflectorTangents<T>* tangents;
  Index block_count;
  bool transpose;
  Matrix<const T> x, x_dot;  // x_dot null: zero
  Matrix<T> y, y_dot;
  Index rows, columns;
  T* scratch;  // (2 padded rows + 5 of the largest stride) strip_columns
};

// The QR factorisation of a panel (rows, count): R in place of it, with zeros below, and its
// reflectors, of which there are no more than rows.
template <class T>
struct QrRun {
  T* x;
  Index row_stride;
  ReflectorBlock<T> block;
  T* scratch;  // 2 (padded rows) + 4 stride
};

template <class T>
struct ReflectorKernels {
  Index lanes;          // columns of a vector
  Index strip_columns;  // columns that are mapped together
  Index unit;           // packed rows and columns are multiples of it
  // Says whether the columns could be packed; of `block` it reads the counts alone.
  Failure (*check_columns)(const PackRun<T>&) noexcept;
  Failure (*pack)(const PackRun<T>&) noexcept;
  // Columns [begin, end) of the Gram matrix; multiples of lanes.
  void (*gram)(const ReflectorBlock<T>&, Index begin, Index end) noexcept;
  void (*apply)(const ApplyRun<T>&) noexcept;
  // Columns [begin, end) of T, (stride, stride), from the block's gram and tau.
  void (*compact)(const ReflectorBlock<T>&, Index begin, Index end, T* scratch, T* t) noexcept;
  void (*vjp)(const ReflectorVjpRun<T>&) noexcept;
  void (*finish_vjp)(const ReflectorFinishRun<T>&) noexcept;
  void (*pack_tangents)(const PackTangentRun<T>&) noexcept;
  void (*jvp)(const ReflectorJvpRun<T>&) noexcept;
  void (*qr)(const QrRun<T>&) noexcept;
  // Copies rows, and says whether everything is finite.
  bool (*copy_finite)(const T* from, Index from_stride, Index rows, Index columns, T* to,
                      Index to_stride) noexcept;
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

// What is computed of pairs of normal distributions, and what is given of their covariances.
enum class GaussianMeasure : int { kl, bhattacharyya, renyi, wasserstein2 };
enum class GaussianForm : int { cov, tril, precision };

// What a kernel says of an item; of the second argument one more.
inline constexpr int kIndefiniteFirst = 1, kAsymmetricFirst = 3;

// As many pairs as a vector has doubles; those beyond the last repeat it. What points to an item
// may point to the same one several times.
inline constexpr int kMostLanes = 8;
struct GaussianPairRun {
  const double* mean1[kMostLanes];  // null: the means are equal
  const double* mean2[kMostLanes];
  const double* cov1[kMostLanes];
  const double* cov2[kMostLanes];
  const double* const* log1;  // null, or the logarithms of the determinants, of lanes
  const double* const* log2;
  Index stride1, stride2, d;
  GaussianMeasure measure;
  GaussianForm form;
  double alpha, tolerance;
  double* scratch;  // (4 d^2 + 8 d) lanes
  double* value;
  std::int8_t* status;
};

enum class GaussianMatrix : int { cholesky, inverse_factor, inverse };
struct GaussianMatrixRun {
  const double* x[kMostLanes];
  double* out[kMostLanes];
  int count;
  Index stride, out_stride, d;
  GaussianMatrix result;
  double tolerance;
  double* scratch;  // (2 d^2 + d) lanes
  std::int8_t* status;
};

// Some columns of right-hand sides b, solved for in a panel `strip` (rows padded to whole tiles,
// as many columns as whole vectors): rows [from, to) of L X = B, where the rows before `first` are
// zero. b null: the panel is filled; out null: the result stays there.
struct SolveRun {
  const double* packed;
  Matrix<const double> b;
  Matrix<double> out;
  Index n, columns, first, from, to;
  double* strip;
};

struct TriangularKernels {
  Index strip_columns, row_unit;
  Index (*packed_size)(Index n) noexcept;
  void (*pack)(const double* l, Index row_stride, Index n, double* packed) noexcept;
  void (*unpack)(const double* packed, Index n, double* l, Index row_stride) noexcept;
  void (*solve)(const SolveRun&) noexcept;
  bool (*factor)(double* strip, Index row, Index columns, double* packed) noexcept;
};

// Large symmetric matrices in tiles (see kernels/band.cpp).
inline constexpr Index kBandBlock = 48;
// The square root by its poles (see kernels/spectrum.hpp): how many, and how far it is accurate.
inline constexpr int kRootPoleCount = 36;
inline constexpr double kLeastRoot = 1e-7;
enum class BandInto : int { assign, add, subtract };

// A block tridiagonal matrix: diagonal blocks, and those below them, upper triangles.
struct BandTraces {
  const double *diagonal, *below;
  Index blocks, group;
  double largest;   // an upper bound of the eigenvalues
  double* scratch;  // (4 kBandBlock^2 + kBandBlock) lanes
  double roots, inverse;  // this group's part of both traces
};

struct BandKernels {
  Index lanes, groups;
  void (*product)(BandInto into, const double* a, bool transposed, const double* b,
                  double* c) noexcept;
  void (*transpose)(const double* from, double* to) noexcept;
  // scratch: kBandBlock^2 + 3 kBandBlock
  void (*panel)(double* a, Index rows, double* r, double* t, double* scratch) noexcept;
  bool (*traces)(BandTraces&) noexcept;
};

struct GaussianKernels {
  Index lanes;
  void (*pair)(const GaussianPairRun&) noexcept;
  void (*matrix)(const GaussianMatrixRun&) noexcept;
};

struct KernelTable {
  GaussianKernels gaussian;
  TriangularKernels triangular;
  BandKernels band;
  OrthogonalKernels<float> orthogonal_f32;
  OrthogonalKernels<double> orthogonal_f64;
  ReflectorKernels<float> reflectors_f32;
  ReflectorKernels<double> reflectors_f64;
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
  // Normal numbers first, first + 1, ... of a stream.
  void (*normals)(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, Index count,
                  double* out) noexcept;
  ProjectionKernels<float> projection_f32;
  ProjectionKernels<double> projection_f64;
  MapKernels maps;
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
const ProjectionKernels<T>& projection_kernels() noexcept;
template <>
inline const ProjectionKernels<float>& projection_kernels<float>() noexcept {
  return kernels().projection_f32;
}
template <>
inline const ProjectionKernels<double>& projection_kernels<double>() noexcept {
  return kernels().projection_f64;
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

template <class T>
const ReflectorKernels<T>& reflector_kernels() noexcept;
template <>
inline const ReflectorKernels<float>& reflector_kernels<float>() noexcept {
  return kernels().reflectors_f32;
}
template <>
inline const ReflectorKernels<double>& reflector_kernels<double>() noexcept {
  return kernels().reflectors_f64;
}

}  // namespace isokern
