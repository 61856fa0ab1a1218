// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The extension module. Python code has decided dtypes and copies (isokern/_arrays.py); here arrays
// become views, the GIL is released and the library is called.
#include "arrays.hpp"
#include "isokern/error.hpp"

namespace isokern::python {
namespace {

void translate(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const numerical_error& failure) {
    const py::object kind = py::module_::import("numpy.linalg").attr("LinAlgError");
    py::set_error(kind, failure.what());
  }
}

}  // namespace

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() = "Private: the compiled library behind isokern.";
  py::register_exception_translator(translate);
  register_runtime(m);
  register_outputs(m);
  register_random(m);
  register_gaussian(m);
  register_orthogonal(m);
  register_reflectors(m);
  register_projection(m);
  register_rope(m);
}

}  // namespace isokern::python
