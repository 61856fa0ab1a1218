// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "isokern/rope.hpp"

#include "arrays.hpp"

namespace isokern::python {
namespace {

using Optional = std::optional<py::array>;

RopeMode mode_of(bool inverse, bool transpose) {
  if (inverse) return transpose ? RopeMode::inverse_transpose : RopeMode::inverse;
  return transpose ? RopeMode::transpose : RopeMode::forward;
}

// The plan, as Python code hands it over once.
RopePlan make_plan(const std::vector<double>& inv_freq, const std::vector<int>& axis,
                   bool interleaved, std::ptrdiff_t rotary_offset, double attention_factor) {
  RopePlan plan;
  plan.inv_freq = inv_freq;
  for (int number : axis) plan.axis.push_back(static_cast<std::int8_t>(number));
  plan.layout = interleaved ? PairLayout::interleaved : PairLayout::half;
  plan.rotary_offset = rotary_offset;
  plan.attention_factor = attention_factor;
  return plan;
}

void apply(const RopePlan& plan, const Optional& positions, std::int64_t start, bool inverse,
           bool transpose, int seq_axis, const py::array& q, const Optional& k, py::array q_out,
           Optional k_out) {
  const RopeMode mode = mode_of(inverse, transpose);
  const RopePositions where{start, const_view(positions)};
  const ConstView q_view = const_view(q), k_view = const_view(k);
  const View q_to = view(q_out), k_to = view(k_out);
  without_gil(q_view, [&] {
    if (k_view) {
      rope_apply(plan, where, mode, seq_axis, q_view, k_view, q_to, k_to);
    } else {
      rope_apply(plan, where, mode, seq_axis, q_view, q_to);
    }
  });
}

}  // namespace

void register_rope(py::module_& m) {
  py::class_<RopePlan>(m, "RopePlan")
      .def(py::init(&make_plan), py::arg("inv_freq"), py::arg("axis"), py::arg("interleaved"),
           py::arg("rotary_offset"), py::arg("attention_factor"));
  m.def("rope_apply", &apply, py::arg("plan"), py::arg("positions"), py::arg("start"),
        py::arg("inverse"), py::arg("transpose"), py::arg("seq_axis"), py::arg("q"), py::arg("k"),
        py::arg("q_out"), py::arg("k_out"));
}

}  // namespace isokern::python
