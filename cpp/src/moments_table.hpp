// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The kernels on sums of squares and products of rows (see kernels/moments.cpp).
#pragma once

#include "kernel_types.hpp"

namespace isokern {

// At most a chunk of rows x of d numbers, less a shift and times the roots of their weights (null:
// without), packed. Their sums over rows (times the roots again) and largest sizes are added to
// what is there. Everything of d numbers has room for whole strips.
template <class S, class T>
struct MomentPack {
  const S* x;
  Index stride, rows, d;
  const T *shift, *roots;
  T *packed, *sums, *largest;
};

// scatter += sums - weight offset offset^T + share gap gap^T, triangles in strips.
template <class T>
struct MomentMerge {
  const T* sums;
  Index d;
  const double* offset;
  double weight;
  const double* gap;
  double share;
  double* scatter;
};

template <class T>
struct MomentKernels {
  Index width, rows;  // of a strip, and of a chunk at the most
  Index (*packed_size)(Index d) noexcept;
  void (*pack)(const MomentPack<T, T>&) noexcept;
  void (*pack_float)(const MomentPack<float, T>&) noexcept;
  // Products of all packed columns, added to sums or, when fresh, instead of what is there.
  void (*add)(const T* packed, Index rows, Index d, bool fresh, const Ahead& ahead,
              T* sums) noexcept;
  void (*merge)(const MomentMerge<T>&) noexcept;
};

}  // namespace isokern
