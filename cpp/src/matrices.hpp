// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Checks of arguments that are matrices (..., rows, columns).
#pragma once

#include <initializer_list>
#include <limits>
#include <utility>

#include "rows.hpp"

namespace isokern {

// The batch axes: all but the last two.
inline Layout batch_of_matrix(const Layout& layout) {
  return leading_axes(layout, layout.rank - 2);
}

// float32 or float64 of at least two axes, the last of them contiguous. Any extent may be zero.
void require_matrix(const char* function, const Named& argument, Dtype dtype);

// The extent of one of the last two axes.
void require_extent(const char* function, const Named& argument, int axis_from_end, Index extent,
                    const char* reason);

// An output of exactly this shape, contiguous along its last axis.
void require_shape(const char* function, const char* name, const View& out, const Layout& shape,
                   Dtype dtype);

void require_same_shape(const char* function, const Named& argument, const Named& other);

// Outputs, of which some may be absent, overlap neither an input nor one another.
void require_outputs_apart(const char* function,
                           std::initializer_list<std::pair<const char*, View>> outputs,
                           std::initializer_list<Named> inputs);

// Fills a matrix.
template <class T>
void fill_nan(T* out, Index rows, Index row_stride, Index columns, Index column_stride = 1) {
  for (Index row = 0; row < rows; ++row) {
    for (Index column = 0; column < columns; ++column)
      out[row * row_stride + column * column_stride] = std::numeric_limits<T>::quiet_NaN();
  }
}

// batch + (rows, columns).
inline Layout with_matrix(Layout batch, Index rows, Index columns) {
  batch.append(rows, 0);
  batch.append(columns, 0);
  return batch;
}

}  // namespace isokern
