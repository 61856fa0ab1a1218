// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The part of the table of kernels that random maps and the Walsh-Hadamard transform use.
#pragma once

#include <cstdint>

#include "kernel_types.hpp"

namespace isokern {

// How the entries of a map are drawn. `groups`: one nonzero a feature in each of some groups of
// rows; `iid`: each entry by itself, many of them zero.
enum class MapEntries : int { groups, iid, signs, normals };

struct MapSpec {
  MapEntries entries;
  std::uint64_t seed, stream;  // row i, or groups 4 i to 4 i + 3, draw from stream + i
  Index d, k;
  Index groups;             // of rows
  std::uint32_t threshold;  // iid: not zero where the upper 31 bits of a word are below
  double scale;             // what signs and normal numbers are multiplied by
};

// A nonzero of a sparse map: 2 * place + (1 if negative).
using Nonzero = std::uint32_t;

// Samples that are mapped together.
inline constexpr int kSamples = 16;

// Adds sums over lists of inputs to `sums`: to output o of every sample the sum of +- scale *
// x[place] over o's entries, in their order. Outputs with equally many entries follow one another:
// `lists` has their number, that of their entries, and for each of them o and its entries; a number
// of 0 ends it.
template <class T>
struct GatherRun {
  const T* x;  // the first input of the first sample
  Index x_stride, rows, inputs;
  T scale;
  const std::uint32_t* lists;
  const T* ahead;  // as x, what is needed next: fetched meanwhile; x: nothing
  T* sums;         // (outputs, kSamples)
  T* tile;         // scratch: 2 inputs kSamples
};

// The same by input: input j is added to its outputs entries[j s .. (j + 1) s).
template <class T>
struct ScatterRun {
  const T* x;
  Index x_stride, rows, inputs;
  T scale;
  const Nonzero* entries;
  Index s;
  T* sums;  // (outputs, kSamples)
};

// Between sums (outputs, kSamples) and rows of an array.
template <class T>
struct SumsRun {
  T* sums;
  T* out;
  Index out_stride, rows, outputs;
  bool stream;
};

// Rows of a sparse matrix: out += scale * (the entries of each row's nonzeros, in their order).
template <class T, class I>
struct SparseRowsRun {
  const T* values;
  const I* indices;
  const I* starts;  // rows + 1
  Index rows;
  T scale;
  const Nonzero* entries;          // of feature j: from starts_of[j], or j s, on
  const std::uint32_t* starts_of;  // null: s each
  Index s, k;
  T* out;
  Index out_stride;
  bool add, stream;
  Index together;  // rows, where they follow one another in out
  T* sums;         // scratch: together * k
};

// out (rows, columns) = or += x (rows, depth) times panels: strips of strip_columns columns, each
// (depth, strip_columns).
template <class T>
struct PanelProductRun {
  const T* x;
  Index x_stride, rows, depth;
  const T* panels;  // the first strip
  Index columns;
  T* out;
  Index out_stride;
  bool add;
  T* scratch;  // padded rows * (depth + strip_columns)
};

// Walsh-Hadamard transforms of contiguous rows of n numbers, times a factor.
template <class T>
struct HadamardRun {
  const T* x;
  T* out;  // may be x
  Index x_stride, out_stride, rows, n;
  T factor;
  bool stream;
  T* scratch;  // n
};

// The same down the columns of a matrix (n, columns).
template <class T>
struct HadamardColumnsRun {
  const T* x;
  T* out;  // may be x
  Index x_stride, out_stride, n, columns;
  T factor;
  T* scratch;  // n * columns, rounded up to whole vectors
};

// Numbers `places` of the transforms of rows of n numbers, of which [first, first + count) are x
// times signs and the others zero.
template <class T>
struct SrhtRun {
  const T* x;
  T* out;  // k numbers a row: = or +=
  Index x_stride, out_stride, rows;
  const T* signs;
  Index first, count, n;
  const std::uint32_t* places;
  Index k;
  bool add, stream;
  T* scratch;  // n
};

template <class T>
struct ProjectionKernels {
  // Entries (row, first), (row, first + 1), ... of a map.
  void (*entries)(const MapSpec&, Index row, Index first, Index count, T* out) noexcept;
  void (*gather)(const GatherRun<T>&) noexcept;
  void (*scatter)(const ScatterRun<T>&) noexcept;
  void (*take_sums)(const SumsRun<T>&) noexcept;  // from the array
  void (*give_sums)(const SumsRun<T>&) noexcept;  // to it
  void (*sparse_rows_i32)(const SparseRowsRun<T, std::int32_t>&) noexcept;
  void (*sparse_rows_i64)(const SparseRowsRun<T, std::int64_t>&) noexcept;
  Index strip_columns, tile_rows;
  void (*product)(const PanelProductRun<T>&) noexcept;
  // y += a x
  void (*add_multiple)(T a, const T* x, Index n, T* y) noexcept;
  void (*hadamard_rows)(const HadamardRun<T>&) noexcept;
  void (*hadamard_columns)(const HadamardColumnsRun<T>&) noexcept;
  // False, and nothing done, where rows are shorter than a pass.
  bool (*srht_rows)(const SrhtRun<T>&) noexcept;
};

struct MapKernels {
  // Nonzeros of a row of an iid map: places count from `first`. Returns how many.
  Index (*row_nonzeros)(const MapSpec&, Index row, Index first, Index count, Nonzero* out) noexcept;
  // Nonzeros of features first, first + 1, ... in groups `group`, a multiple of four, and up to
  // three more: feature j's from out[(j - first) groups] on.
  void (*group_nonzeros)(const MapSpec&, Index group, Index first, Index count,
                         Nonzero* out) noexcept;
};

}  // namespace isokern
