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
#include "moments_table.hpp"
#include "orthogonal_table.hpp"
#include "projection_table.hpp"
#include "rope_table.hpp"
#include "tiles_table.hpp"

namespace isokern {

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
  Ahead ahead;  // the covariances of the next pairs
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

// All pairs of two sets (see kernels/gaussian_pairwise.cpp). Item after item is packed to a column
// of `depth` numbers, in panels; those of the first set have a tile's rows, those of the second a
// tile's columns.
enum class GaussianSide : int { first, second };
inline Index packed_depth(Index d) {
  return d * (d + 1) / 2 + d + 2;
}
struct GaussianPackRun {
  const double* mean[kMostLanes];
  const double* cov[kMostLanes];
  const double* centre;  // of all means, subtracted
  Index stride, d;
  GaussianForm form;
  GaussianSide side;
  double tolerance;
  double* scratch;  // (2 d^2 + 2 d) lanes
  double* panel;    // number k of all lanes lies at panel + k * panel_stride
  Index panel_stride;
  double* size;  // the length of the part that is quadratic in x
  std::int8_t* status;
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
  double largest;         // an upper bound of the eigenvalues
  double* scratch;        // (4 kBandBlock^2 + kBandBlock) lanes
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

// Bhattacharyya's distances of one distribution from groups of lanes of others, whose packed
// numbers are the halves of lower triangles, then means.
struct GaussianRowRun {
  const double *mean, *cov, *log_det;
  Index stride, d, groups;
  const double* packed;
  const double* log_dets;
  double* scratch;  // (d^2 + 2 d) lanes
  double* value;    // NaN where the terms nearly cancel, and where there is none
};

struct GaussianKernels {
  Index lanes, tile_rows, tile_columns;
  void (*pair)(const GaussianPairRun&) noexcept;
  void (*matrix)(const GaussianMatrixRun&) noexcept;
  void (*pack)(const GaussianPackRun&) noexcept;
  void (*product)(const double* left, Index tiles, const double* right, Index panels, Index depth,
                  double* c) noexcept;
  void (*bhattacharyya_row)(const GaussianRowRun&) noexcept;
};

struct KernelTable {
  GaussianKernels gaussian;
  TileKernels tiles;
  BandKernels band;
  MomentKernels<float> moments_f32;
  MomentKernels<double> moments_f64;
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
const MomentKernels<T>& moment_kernels() noexcept;
template <>
inline const MomentKernels<float>& moment_kernels<float>() noexcept {
  return kernels().moments_f32;
}
template <>
inline const MomentKernels<double>& moment_kernels<double>() noexcept {
  return kernels().moments_f64;
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
