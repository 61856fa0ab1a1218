// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The walk over items and columns that the derivatives of products of reflectors share.
#pragma once

#include "reflector_arguments.hpp"

namespace isokern {

// What all derivatives walk over: for each item its v, tau, and the columns of some arrays.
template <class T>
struct Walk {
  MatrixSide where;
  BlockPlan plan;
  ReflectorGroups groups;

  Walk(const ReflectorArguments& arguments, const ConstView& x, Side side)
      : where{side},
        plan(arguments.rows, arguments.count, arguments.lapack(), reflector_kernels<T>().unit),
        groups(arguments, x) {}

  Layout whole(const Layout& batch, const char* function) const {
    return broadcast_to(batch, groups.batch, function, "x");
  }
  Index columns_each(const Layout& x) const { return x.shape[where.column_axis(x)]; }
  Index column_stride(const ConstView& x) const { return x ? x.strides[where.column_axis(x)] : 0; }
  Index row_stride(const ConstView& x) const { return x ? where.row_stride(x) : 0; }
};

// Of an argument that may be absent.
inline Layout matrix_batch(const ConstView& view) {
  return view ? batch_of_matrix(view) : Layout{};
}

}  // namespace isokern
