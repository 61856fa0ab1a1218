// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Broadcasting and the walk over batches: the common batch axes of some operands, merged where all
// strides allow it, so that a contiguous batch is one run of rows whatever its shape.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "isokern/views.hpp"

namespace isokern {

// "(3, 4)"
std::string shape_text(const Layout& layout, int axes);
inline std::string shape_text(const Layout& layout) {
  return shape_text(layout, layout.rank);
}

// The first `axes` axes of a layout.
Layout leading_axes(const Layout& layout, int axes);

// The shape that two layouts broadcast to (strides 0), or a throw that names the second argument.
Layout broadcast_shapes(const Layout& first, const Layout& second, const char* function,
                        const char* argument);

// The strides of `layout` when it is broadcast to `shape`; throws as above when it does not.
Layout broadcast_to(const Layout& layout, const Layout& shape, const char* function,
                    const char* argument);

// Throws unless the output's elements are distinct in memory.
void require_writable(const View& out, const char* function, const char* argument);

// Throws unless the output is disjoint from the input. Rows of equal length that alternate, as
// slices of one array do, are disjoint. `or_same`: exactly the same elements are allowed too.
void require_disjoint(const View& out, const ConstView& in, bool or_same, const char* function,
                      const char* out_name, const char* in_name);

// Whether both are exactly the same elements.
bool same_elements(const ConstView& one, const ConstView& other) noexcept;

// N operands over one batch shape.
template <int N>
class Batch {
 public:
  using Offsets = std::ptrdiff_t[N];

  // layouts[n] is broadcast to shape already.
  Batch(const Layout& shape, const Layout (&layouts)[N]) : size_(shape.size()) {
    for (int axis = 0; axis < shape.rank; ++axis) {
      if (shape.shape[axis] == 1) continue;
      if (rank_ > 0 && mergeable(shape.shape[axis], axis, layouts)) {
        extent_[rank_ - 1] *= shape.shape[axis];
      } else {
        extent_[rank_++] = shape.shape[axis];
      }
      for (int n = 0; n < N; ++n) stride_[n][rank_ - 1] = layouts[n].strides[axis];
    }
  }

  std::ptrdiff_t size() const noexcept { return size_; }

  // Stride of operand n along the innermost axis.
  std::ptrdiff_t inner_stride(int n) const noexcept {
    return rank_ > 0 ? stride_[n][rank_ - 1] : 0;
  }

  // Calls body(first, count, offsets) for the runs along the innermost axis that make up items
  // [begin, end); stops when it returns false.
  template <class Body>
  void for_runs(std::ptrdiff_t begin, std::ptrdiff_t end, Body&& body) const {
    const std::ptrdiff_t inner = rank_ > 0 ? extent_[rank_ - 1] : 1;
    for (std::ptrdiff_t item = begin; item < end;) {
      std::ptrdiff_t rest = item / inner;
      const std::ptrdiff_t start = item % inner;
      const std::ptrdiff_t count = std::min(inner - start, end - item);
      Offsets offsets;
      for (int n = 0; n < N; ++n) offsets[n] = start * inner_stride(n);
      for (int axis = rank_ - 2; axis >= 0; --axis) {
        const std::ptrdiff_t index = rest % extent_[axis];
        rest /= extent_[axis];
        for (int n = 0; n < N; ++n) offsets[n] += index * stride_[n][axis];
      }
      if (!body(item, count, offsets)) return;
      item += count;
    }
  }

  // The offsets of one item.
  void locate(std::ptrdiff_t item, Offsets& offsets) const {
    for_runs(item, item + 1, [&](std::ptrdiff_t, std::ptrdiff_t, const Offsets& found) {
      std::copy(found, found + N, offsets);
      return false;
    });
  }

 private:
  bool mergeable(std::ptrdiff_t extent, int axis, const Layout (&layouts)[N]) const {
    for (int n = 0; n < N; ++n) {
      if (stride_[n][rank_ - 1] != extent * layouts[n].strides[axis]) return false;
    }
    return true;
  }

  int rank_ = 0;
  std::ptrdiff_t size_ = 0;
  std::ptrdiff_t extent_[max_rank] = {};
  std::ptrdiff_t stride_[N][max_rank] = {};
};

}  // namespace isokern
