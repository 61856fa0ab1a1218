// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Shapes, broadcasting and memory overlap: the rules behind batch.hpp.
#include <cstdlib>
#include <numeric>

#include "batch.hpp"
#include "isokern/error.hpp"

namespace isokern {
namespace {

// The bytes that a view reaches, from the first to past the last.
struct Extent {
  const char* begin;
  const char* end;
};

Extent extent_of(const ConstView& view) {
  std::ptrdiff_t low = 0, high = 0;
  for (int axis = 0; axis < view.rank; ++axis) {
    const std::ptrdiff_t reach = (view.shape[axis] - 1) * view.strides[axis];
    (reach < 0 ? low : high) += reach;
  }
  const char* data = view.as<char>();
  const std::ptrdiff_t size = size_of(view.dtype);
  return {data + low * size, data + (high + 1) * size};
}

// Elements that follow one another without a gap: along the last axis, unless that is strided.
bool has_rows(const ConstView& view) {
  return view.rank > 0 && (view.strides[view.rank - 1] == 1 || view.shape[view.rank - 1] == 1);
}

std::ptrdiff_t row_bytes(const ConstView& view) {
  return (has_rows(view) ? view.shape[view.rank - 1] : 1) * size_of(view.dtype);
}

// Greatest common divisor of the distances, in bytes, between rows.
std::ptrdiff_t row_period(const ConstView& view) {
  std::ptrdiff_t period = 0;
  for (int axis = 0; axis < view.rank - (has_rows(view) ? 1 : 0); ++axis) {
    if (view.shape[axis] > 1) period = std::gcd(period, view.strides[axis] * size_of(view.dtype));
  }
  return period;
}

bool overlap(const ConstView& one, const ConstView& other) {
  if (one.size() == 0 || other.size() == 0) return false;
  const Extent a = extent_of(one), b = extent_of(other);
  if (a.end <= b.begin || b.end <= a.begin) return false;
  const std::ptrdiff_t period = std::gcd(row_period(one), row_period(other));
  if (period == 0) return true;
  // Rows start at one residue each: they are apart if the gap between the residues holds a row on
  // either side.
  std::ptrdiff_t gap = (other.as<char>() - one.as<char>()) % period;
  if (gap < 0) gap += period;
  return gap < row_bytes(one) || period - gap < row_bytes(other);
}

}  // namespace

std::string shape_text(const Layout& layout, int axes) {
  std::string text = "(";
  for (int axis = 0; axis < axes; ++axis) {
    text += std::to_string(layout.shape[axis]);
    if (axis + 1 < axes || axes == 1) text += ',';
    if (axis + 1 < axes) text += ' ';
  }
  return text + ")";
}

Layout leading_axes(const Layout& layout, int axes) {
  Layout leading;
  for (int axis = 0; axis < axes; ++axis) leading.append(layout.shape[axis], layout.strides[axis]);
  return leading;
}

Layout broadcast_shapes(const Layout& first, const Layout& second, const char* function,
                        const char* argument) {
  Layout result;
  const int rank = std::max(first.rank, second.rank);
  for (int axis = 0; axis < rank; ++axis) {
    const int in_first = axis - (rank - first.rank), in_second = axis - (rank - second.rank);
    const std::ptrdiff_t one = in_first < 0 ? 1 : first.shape[in_first];
    const std::ptrdiff_t other = in_second < 0 ? 1 : second.shape[in_second];
    if (one != other && one != 1 && other != 1) {
      throw invalid_argument(std::string(function) + ": the batch axes of " + argument + " are " +
                             shape_text(second) + ", which do not broadcast with " +
                             shape_text(first));
    }
    result.append(one == 1 ? other : one, 0);
  }
  return result;
}

Layout broadcast_to(const Layout& layout, const Layout& shape, const char* function,
                    const char* argument) {
  Layout result;
  const int added = shape.rank - layout.rank;
  bool fits = added >= 0;
  for (int axis = 0; fits && axis < shape.rank; ++axis) {
    const std::ptrdiff_t extent = axis < added ? 1 : layout.shape[axis - added];
    fits = extent == 1 || extent == shape.shape[axis];
    const bool repeated = extent == 1;
    result.append(shape.shape[axis], repeated ? 0 : layout.strides[axis - added]);
  }
  if (!fits) {
    throw invalid_argument(std::string(function) + ": the batch axes of " + argument + " are " +
                           shape_text(layout) + ", which do not broadcast to " + shape_text(shape));
  }
  return result;
}

void require_writable(const View& out, const char* function, const char* argument) {
  if (out.size() <= 1) return;
  // In order of increasing stride, each axis must step over all that the former axes reach.
  int order[max_rank];
  int axes = 0;
  for (int axis = 0; axis < out.rank; ++axis) {
    if (out.shape[axis] > 1) order[axes++] = axis;
  }
  std::sort(order, order + axes,
            [&](int i, int j) { return std::abs(out.strides[i]) < std::abs(out.strides[j]); });
  std::ptrdiff_t reach = 1;
  for (int i = 0; i < axes; ++i) {
    const std::ptrdiff_t stride = std::abs(out.strides[order[i]]);
    if (stride < reach) {
      throw invalid_argument(std::string(function) + ": " + argument +
                             " overlaps itself in memory, expected distinct elements");
    }
    reach += (out.shape[order[i]] - 1) * stride;
  }
}

bool same_elements(const ConstView& one, const ConstView& other) noexcept {
  if (one.data != other.data || one.dtype != other.dtype || one.rank != other.rank) return false;
  for (int axis = 0; axis < one.rank; ++axis) {
    if (one.shape[axis] != other.shape[axis]) return false;
    if (one.shape[axis] > 1 && one.strides[axis] != other.strides[axis]) return false;
  }
  return true;
}

void require_disjoint(const View& out, const ConstView& in, bool or_same, const char* function,
                      const char* out_name, const char* in_name) {
  if (or_same && same_elements(out, in)) return;
  if (overlap(out, in)) {
    throw invalid_argument(std::string(function) + ": " + out_name + " overlaps " + in_name +
                           " in memory, expected " +
                           (or_same ? "exactly the same elements or " : "") + "separate memory");
  }
}

}  // namespace isokern
