// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "isokern/runtime.hpp"

#include <pybind11/typing.h>

#include "arrays.hpp"

namespace isokern::python {

void register_runtime(py::module_& m) {
  m.attr("__version__") = version();
  m.def("active_isa", [] { return isa_name(active_isa()); });
  m.def("get_num_threads", &get_num_threads);
  m.def("requested_threads", &requested_threads);
  m.def("set_num_threads", &set_num_threads, py::arg("n"));
  m.def("build_info", [] {
    py::typing::Dict<py::str, py::object> info;
    info["version"] = version();
    info["compiler"] = compiler();
    info["eigen"] = eigen_version();
    info["isas"] = py::str(built_isas()).attr("split")();
    return info;
  });
}

}  // namespace isokern::python
