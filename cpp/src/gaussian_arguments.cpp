// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Arguments of the functions on normal distributions: checks, conversion to double, factors.
#include <cmath>
#include <limits>
#include <string>

#include "gaussian.hpp"

namespace isokern {
namespace {

template <class From, class To>
void copy_elements(const From* from, const Layout& from_layout, To* to, const Layout& to_layout) {
  const Batch<2> elements(from_layout, {from_layout, to_layout});
  elements.for_runs(0, elements.size(), [&](Index, Index count, const Index* at) {
    for (Index i = 0; i < count; ++i) {
      to[at[1] + i * elements.inner_stride(1)] =
          static_cast<To>(from[at[0] + i * elements.inner_stride(0)]);
    }
    return true;
  });
}

// The same shape, row-major.
Layout contiguous(const Layout& shape) {
  Layout layout = shape;
  Index stride = 1;
  for (int axis = layout.rank - 1; axis >= 0; --axis) {
    layout.strides[axis] = stride;
    stride *= layout.shape[axis];
  }
  return layout;
}

std::vector<double> widened(const ConstView& given) {
  std::vector<double> values(static_cast<std::size_t>(given.size()));
  if (values.empty()) return values;
  if (given.dtype == Dtype::float32) {
    copy_elements(given.as<float>(), given, values.data(), contiguous(given));
  } else {
    copy_elements(given.as<double>(), given, values.data(), contiguous(given));
  }
  return values;
}

}  // namespace

void require_covariance(const char* f, const Named& argument, Index d, Dtype dtype,
                        Covariance form) {
  const ConstView& view = argument.view;
  if (form == Covariance::diag) return require_rows(f, argument, d, dtype);
  require_matrix(f, argument, dtype);
  if (form == Covariance::factor) {
    if (view.shape[view.rank - 2] == d) return;
    throw invalid_argument(std::string(f) + ": " + argument.name + " has shape " +
                           shape_text(view) + ", expected (..., " + std::to_string(d) + ", r)");
  }
  if (view.shape[view.rank - 1] != d || view.shape[view.rank - 2] != d) {
    const std::string size = std::to_string(d);
    throw invalid_argument(std::string(f) + ": " + argument.name + " has shape " +
                           shape_text(view) + ", expected (..., " + size + ", " + size + ")");
  }
}

void throw_status(const char* f, int status, Index item, const Layout& batch, const char* name,
                  const Layout& own) {
  const std::string start = std::string(f) + ": " + name + " is not ";
  const std::string end = " at batch index " + index_text(item, batch, own);
  if (status >= kAsymmetricFirst) {
    throw invalid_argument(start + "symmetric" + end + ", expected a symmetric matrix");
  }
  throw numerical_error(start + "positive definite, or not finite," + end, item);
}

Layout batch_of_pairs(const char* f, const PairArguments& given, Covariance form) {
  Layout batch = broadcast_shapes(batch_of_covariance(given.cov1, form),
                                  batch_of_covariance(given.cov2, form), f, "cov2");
  if (given.mean1) {
    batch = broadcast_shapes(batch, batch_of(given.mean1), f, "mean1");
    batch = broadcast_shapes(batch, batch_of(given.mean2), f, "mean2");
  }
  return batch;
}

Index dimension_of(const char* f, const Named& argument, Covariance form) {
  const ConstView& view = argument.view;
  require_float(f, argument);
  if (form == Covariance::diag && view.rank < 1) {
    throw invalid_argument(std::string(f) + ": " + argument.name +
                           " has shape (), expected diagonals (..., d)");
  }
  if (form != Covariance::diag) require_matrix(f, argument, view.dtype);
  const Index d = view.shape[view.rank - (form == Covariance::factor ? 2 : 1)];
  require_covariance(f, argument, d, view.dtype, form);
  if (d < 1) {
    throw invalid_argument(std::string(f) + ": " + argument.name +
                           " has d = 0, expected at least 1");
  }
  return d;
}

Index require_pair(const char* f, const PairArguments& given, Covariance form) {
  const Dtype dtype = given.cov1.dtype;
  const Index d = dimension_of(f, {"cov1", given.cov1}, form);
  require_covariance(f, {"cov2", given.cov2}, d, dtype, form);
  if (static_cast<bool>(given.mean1) != static_cast<bool>(given.mean2))
    throw invalid_argument(std::string(f) + ": one mean is absent, expected both or none");
  if (given.mean1) {
    require_rows(f, {"mean1", given.mean1}, d, dtype);
    require_rows(f, {"mean2", given.mean2}, d, dtype);
  }
  return d;
}

void require_exact(const char* f, const char* name, const View& out, const Layout& shape,
                   Dtype dtype) {
  require_dtype(f, {name, out}, dtype);
  if (out.rank != shape.rank || !std::equal(out.shape, out.shape + out.rank, shape.shape)) {
    throw invalid_argument(std::string(f) + ": " + name + " has shape " + shape_text(out) +
                           ", expected " + shape_text(shape));
  }
  require_writable(out, f, name);
}

Wide::Wide(const ConstView& given) : view_(given) {
  if (!given || given.dtype != Dtype::float32) return;
  data_ = widened(given);
  view_ = ConstView(data_.data(), contiguous(given));
}

Items::Items(const ConstView& given, int axes)
    : values(widened(given)), batch(leading_axes(given, given.rank - axes)), size(1) {
  for (int axis = given.rank - axes; axis < given.rank; ++axis) size *= given.shape[axis];
}

Items Items::borrowed(const ConstView& given, int axes) {
  Index expected = 1;
  bool dense = given.dtype == Dtype::float64 && given.size() > 0;
  for (int axis = given.rank - 1; axis >= 0; --axis) {
    dense = dense && (given.shape[axis] == 1 || given.strides[axis] == expected);
    expected *= given.shape[axis];
  }
  if (!dense) return {given, axes};
  Items items;
  items.lent_ = given.as<double>();
  items.batch = leading_axes(given, given.rank - axes);
  items.size = 1;
  for (int axis = given.rank - axes; axis < given.rank; ++axis) items.size *= given.shape[axis];
  return items;
}

void Items::make_owned() {
  if (lent_ == nullptr) return;
  values.assign(lent_, lent_ + batch.size() * size);
  lent_ = nullptr;
}

View row_major(Items& items) {
  return {items.values.data(), contiguous(items.batch)};
}

void store(const Items& items, const View& out) {
  if (items.values.empty()) return;
  if (out.dtype == Dtype::float32) {
    copy_elements(items.values.data(), contiguous(out), out.as<float>(), out);
  } else {
    copy_elements(items.values.data(), contiguous(out), out.as<double>(), out);
  }
}

void store_sums(const Items& items, int axes, const View& out) {
  const Layout own = leading_axes(out, out.rank - axes);
  Items sums(own, items.size);
  for (Index item = 0; item < items.batch.size(); ++item) {
    double* const to = sums.own(item_within(item, items.batch, own));
    const double* const from = items.own(item);
    for (Index i = 0; i < items.size; ++i) to[i] += from[i];
  }
  store(sums, out);
}

}  // namespace isokern
