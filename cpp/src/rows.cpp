// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Checks of row arguments, and the texts of failures.
#include "rows.hpp"

namespace isokern {
namespace {

const char* dtype_text(Dtype dtype) {
  switch (dtype) {
    case Dtype::float32:
      return "float32";
    case Dtype::float64:
      return "float64";
    case Dtype::float16:
      return "float16";
    default:
      return "bfloat16";
  }
}

[[noreturn]] void reject(const char* function, const char* name, const std::string& what) {
  throw invalid_argument(std::string(function) + ": " + name + " " + what);
}

void require_contiguous_rows(const char* function, const char* name, const Layout& layout) {
  if (layout.size() > 0 && layout.shape[layout.rank - 1] > 1 &&
      layout.strides[layout.rank - 1] != 1) {
    reject(function, name, "is strided along its last axis, expected a contiguous last axis");
  }
}

// The index of an item of `batch` in a shape that broadcasts to it.
Layout index_within(std::ptrdiff_t item, const Layout& batch, const Layout& own) {
  Layout index = own;
  for (int axis = batch.rank - 1; axis >= 0; --axis) {
    const int mine = axis - (batch.rank - own.rank);
    const std::ptrdiff_t i = item % batch.shape[axis];
    item /= batch.shape[axis];
    if (mine >= 0) index.shape[mine] = own.shape[mine] == 1 ? 0 : i;
  }
  return index;
}

}  // namespace

std::string index_text(std::ptrdiff_t item, const Layout& batch, const Layout& own) {
  return shape_text(index_within(item, batch, own));
}

void require_dtype(const char* function, const Named& argument, Dtype wanted) {
  if (argument.view.dtype != wanted) {
    reject(function, argument.name,
           std::string("has dtype ") + dtype_text(argument.view.dtype) + ", expected " +
               dtype_text(wanted));
  }
}

void require_float(const char* function, const Named& argument) {
  if (argument.view.dtype != Dtype::float32 && argument.view.dtype != Dtype::float64) {
    reject(function, argument.name,
           std::string("has dtype ") + dtype_text(argument.view.dtype) +
               ", expected float32 or float64");
  }
}

void require_rows(const char* function, const Named& argument, std::ptrdiff_t d, Dtype dtype) {
  const ConstView& view = argument.view;
  require_dtype(function, argument, dtype);
  if (view.rank < 1 || view.shape[view.rank - 1] != d || d < 1) {
    reject(function, argument.name,
           "has shape " + shape_text(view) + ", expected (..., " +
               (d < 1 ? "d) with d of at least 1" : std::to_string(d) + ")"));
  }
  require_contiguous_rows(function, argument.name, view);
}

void require_output(const char* function, const char* name, const View& out, const Layout& batch,
                    std::ptrdiff_t d, Dtype dtype) {
  require_dtype(function, {name, out}, dtype);
  Layout wanted = batch;
  wanted.append(d, 1);
  bool same = out.rank == wanted.rank;
  for (int axis = 0; same && axis < out.rank; ++axis) same = out.shape[axis] == wanted.shape[axis];
  if (!same)
    reject(function, name, "has shape " + shape_text(out) + ", expected " + shape_text(wanted));
  require_contiguous_rows(function, name, out);
  require_writable(out, function, name);
}

std::ptrdiff_t item_within(std::ptrdiff_t item, const Layout& batch, const Layout& own) {
  if (item < 0) return item;
  const Layout index = index_within(item, batch, own);
  std::ptrdiff_t flat = 0;
  for (int axis = 0; axis < own.rank; ++axis) flat = flat * own.shape[axis] + index.shape[axis];
  return flat;
}

void throw_failure(const char* function, const RunStatus& status, const Layout& batch,
                   const Suspect& a, const Suspect& b) {
  const std::string start = std::string(function) + ": ";
  switch (status.failure) {
    case Failure::none:
      return;
    case Failure::bad_a:
    case Failure::bad_b: {
      const Suspect& bad = status.failure == Failure::bad_a ? a : b;
      throw invalid_argument(start + bad.name + " " + bad.fault + " at batch index " +
                             index_text(status.item, batch, bad.batch) + ", expected " +
                             bad.wanted);
    }
    case Failure::no_map:
      throw numerical_error(start + "there is no such map in one dimension for " + a.name +
                                " and " + b.name + " at batch index " +
                                index_text(status.item, batch, batch),
                            status.item);
    case Failure::no_gradient:
      throw numerical_error(start + "the gradient does not exist at batch index " +
                                index_text(status.item, batch, batch) +
                                ", where the angle between " + a.name + " and " + b.name +
                                " leaves the map to convention",
                            status.item);
  }
}

}  // namespace isokern
