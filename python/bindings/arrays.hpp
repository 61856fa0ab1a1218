// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// NumPy arrays as views. An array of uint16 holds bfloat16.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "isokern/views.hpp"

namespace isokern::python {

namespace py = pybind11;

void register_runtime(py::module_& m);
void register_outputs(py::module_& m);
void register_random(py::module_& m);
void register_gaussian(py::module_& m);
void register_orthogonal(py::module_& m);
void register_reflectors(py::module_& m);
void register_projection(py::module_& m);
void register_rope(py::module_& m);

inline Dtype dtype_of(const py::array& array) {
  const char kind = array.dtype().kind();
  const py::ssize_t size = array.itemsize();
  if (kind == 'f' && size == 4) return Dtype::float32;
  if (kind == 'f' && size == 8) return Dtype::float64;
  if (kind == 'f' && size == 2) return Dtype::float16;
  if (kind == 'u' && size == 2) return Dtype::bfloat16;
  throw py::type_error("an array has a dtype that no kernel takes");
}

inline Layout layout_of(const py::array& array) {
  Layout layout;
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    layout.append(array.shape(axis), array.strides(axis) / array.itemsize());
  }
  return layout;
}

inline ConstView const_view(const py::array& array) {
  return {array.data(), dtype_of(array), layout_of(array)};
}

inline ConstView const_view(const std::optional<py::array>& array) {
  return array ? const_view(*array) : ConstView{};
}

// Throws for a read-only array.
inline View view(py::array& array) {
  return {array.mutable_data(), dtype_of(array), layout_of(array)};
}

inline View view(std::optional<py::array>& array) {
  return array ? view(*array) : View{};
}

inline OnError on_error_of(const std::string& errors) {
  if (errors == "raise") return OnError::raise;
  if (errors == "raise_after") return OnError::raise_after;
  return OnError::nan;
}

// Calls without the GIL, unless the work is smaller than letting it go.
template <class F>
void without_gil(const Layout& work, F&& call) {
  if (work.size() < 4096) {
    call();
  } else {
    const py::gil_scoped_release release;
    call();
  }
}

}  // namespace isokern::python
