// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Strided views: how arrays enter the library. A view owns nothing.
#pragma once

#include <cstddef>
#include <initializer_list>

#include "config.hpp"
#include "dtype.hpp"
#include "error.hpp"

namespace isokern {

/// Axes that a view can have.
inline constexpr int max_rank = 16;

/// Shape and strides, in elements, of an array.
struct Layout {
  int rank = 0;
  std::ptrdiff_t shape[max_rank] = {};
  std::ptrdiff_t strides[max_rank] = {};

  Layout() = default;

  /// Row-major.
  Layout(std::initializer_list<std::ptrdiff_t> extents) {
    for (std::ptrdiff_t extent : extents) append(extent, 0);
    std::ptrdiff_t stride = 1;
    for (int axis = rank - 1; axis >= 0; --axis) {
      strides[axis] = stride;
      stride *= shape[axis];
    }
  }

  /// Adds a last axis.
  void append(std::ptrdiff_t extent, std::ptrdiff_t stride) {
    if (rank == max_rank) throw invalid_argument("Layout: more than 16 axes");
    if (extent < 0) throw invalid_argument("Layout: a negative extent");
    shape[rank] = extent;
    strides[rank] = stride;
    ++rank;
  }

  /// Number of elements.
  std::ptrdiff_t size() const noexcept {
    std::ptrdiff_t n = 1;
    for (int axis = 0; axis < rank; ++axis) n *= shape[axis];
    return n;
  }
};

/// Read-only array: `ConstView(p, {n, d})` is the row-major array at p. A default-constructed view
/// is an absent argument.
struct ConstView : Layout {
  const void* data = nullptr;
  Dtype dtype = Dtype::float32;

  ConstView() = default;
  template <class T>
  ConstView(const T* elements, const Layout& layout)
      : Layout(layout), data(elements), dtype(DtypeOf<T>::value) {}
  ConstView(const void* elements, Dtype type, const Layout& layout)
      : Layout(layout), data(elements), dtype(type) {}

  /// False for an absent argument; an empty array is present.
  explicit operator bool() const noexcept { return data != nullptr || size() == 0; }
  template <class T>
  const T* as() const noexcept {
    return static_cast<const T*>(data);
  }
};

/// Writable array.
struct View : Layout {
  void* data = nullptr;
  Dtype dtype = Dtype::float32;

  View() = default;
  template <class T>
  View(T* elements, const Layout& layout)
      : Layout(layout), data(elements), dtype(DtypeOf<T>::value) {}
  View(void* elements, Dtype type, const Layout& layout)
      : Layout(layout), data(elements), dtype(type) {}

  /// False for an absent argument; an empty array is present.
  explicit operator bool() const noexcept { return data != nullptr || size() == 0; }
  operator ConstView() const { return {data, dtype, *this}; }
  template <class T>
  T* as() const noexcept {
    return static_cast<T*>(data);
  }
};

}  // namespace isokern
