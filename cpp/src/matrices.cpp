// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "matrices.hpp"

namespace isokern {
namespace {

[[noreturn]] void reject(const char* function, const char* name, const std::string& what) {
  throw invalid_argument(std::string(function) + ": " + name + " " + what);
}

void require_contiguous(const char* function, const char* name, const Layout& layout) {
  const int last = layout.rank - 1;
  if (layout.size() > 0 && last >= 0 && layout.shape[last] > 1 && layout.strides[last] != 1)
    reject(function, name, "is strided along its last axis, expected a contiguous last axis");
}

}  // namespace

void require_matrix(const char* function, const Named& argument, Dtype dtype) {
  require_dtype(function, argument, dtype);
  if (argument.view.rank < 2) {
    reject(function, argument.name,
           "has shape " + shape_text(argument.view) + ", expected a matrix (..., rows, columns)");
  }
  require_contiguous(function, argument.name, argument.view);
}

void require_extent(const char* function, const Named& argument, int axis_from_end, Index extent,
                    const char* reason) {
  const Layout& layout = argument.view;
  if (layout.rank < axis_from_end || layout.shape[layout.rank - axis_from_end] != extent) {
    reject(
        function, argument.name,
        "has shape " + shape_text(layout) + ", expected " + std::to_string(extent) + " " + reason);
  }
}

void require_shape(const char* function, const char* name, const View& out, const Layout& shape,
                   Dtype dtype) {
  require_dtype(function, {name, out}, dtype);
  bool same = out.rank == shape.rank;
  for (int axis = 0; same && axis < out.rank; ++axis) same = out.shape[axis] == shape.shape[axis];
  if (!same)
    reject(function, name, "has shape " + shape_text(out) + ", expected " + shape_text(shape));
  require_contiguous(function, name, out);
  require_writable(out, function, name);
}

void require_same_shape(const char* function, const Named& argument, const Named& other) {
  const Layout &one = argument.view, &wanted = other.view;
  bool same = one.rank == wanted.rank;
  for (int axis = 0; same && axis < one.rank; ++axis) same = one.shape[axis] == wanted.shape[axis];
  if (!same) {
    reject(
        function, argument.name,
        "has shape " + shape_text(one) + ", expected " + shape_text(wanted) + " as " + other.name);
  }
}

void require_outputs_apart(const char* function,
                           std::initializer_list<std::pair<const char*, View>> outputs,
                           std::initializer_list<Named> inputs) {
  for (const auto& [name, out] : outputs) {
    if (!out) continue;
    for (const Named& in : inputs) {
      if (in.view) require_disjoint(out, in.view, false, function, name, in.name);
    }
    for (const auto& [other_name, other] : outputs) {
      if (other_name == name) break;
      if (other) require_disjoint(out, other, false, function, name, other_name);
    }
  }
}

}  // namespace isokern
