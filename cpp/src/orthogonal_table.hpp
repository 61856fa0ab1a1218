// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The part of the table of kernels that maps between vectors and products of reflectors use.
#pragma once

#include "kernel_types.hpp"

namespace isokern {

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
  Ahead ahead;
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
  Ahead ahead;
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

}  // namespace isokern
