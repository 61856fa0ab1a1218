// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "isokern/rope.hpp"

#include <algorithm>
#include <utility>

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
                   bool interleaved, std::ptrdiff_t rotary_offset, double attention_factor,
                   std::ptrdiff_t terms, std::ptrdiff_t heads, const std::vector<double>& log_scale,
                   double centre) {
  RopePlan plan;
  plan.inv_freq = inv_freq;
  for (int number : axis) plan.axis.push_back(static_cast<std::int8_t>(number));
  plan.layout = interleaved ? PairLayout::interleaved : PairLayout::half;
  plan.rotary_offset = rotary_offset;
  plan.attention_factor = attention_factor;
  plan.terms = terms;
  plan.heads = heads;
  plan.log_scale = log_scale;
  plan.centre = centre;
  return plan;
}

// Positions of a call: consecutive ones from `start`, or an array of all or of the first ones.
RopePositions positions_of(const Optional& positions, bool consecutive, std::int64_t start,
                           bool float32_angles) {
  RopePositions where;
  where.start = start;
  (consecutive ? where.starts : where.positions) = const_view(positions);
  where.angles = float32_angles ? RopeAngles::float32 : RopeAngles::exact;
  return where;
}

void apply(const RopePlan& plan, const Optional& positions, bool consecutive, std::int64_t start,
           bool float32_angles, bool inverse, bool transpose, int seq_axis, const py::array& q,
           const Optional& k, py::array q_out, Optional k_out) {
  const RopeMode mode = mode_of(inverse, transpose);
  const RopePositions where = positions_of(positions, consecutive, start, float32_angles);
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

void apply_table(const py::array& cos, const py::array& sin, const Optional& rows, bool interleaved,
                 std::ptrdiff_t rotary_offset, bool transpose, int seq_axis, const py::array& q,
                 const Optional& k, py::array q_out, Optional k_out) {
  const RopeTable table{const_view(cos), const_view(sin), const_view(rows),
                        interleaved ? PairLayout::interleaved : PairLayout::half, rotary_offset};
  const ConstView q_view = const_view(q), k_view = const_view(k);
  const View q_to = view(q_out), k_to = view(k_out);
  without_gil(q_view, [&] {
    if (k_view) {
      rope_apply_table(table, transpose, seq_axis, q_view, k_view, q_to, k_to);
    } else {
      rope_apply_table(table, transpose, seq_axis, q_view, q_to);
    }
  });
}

void table(const RopePlan& plan, const Optional& positions, bool float32_angles, py::array out) {
  const RopePositions where = positions_of(positions, false, 0, float32_angles);
  const View to = view(out);
  without_gil(to, [&] { rope_table(plan, where, to); });
}

void angle_vjp(const RopePlan& plan, const Optional& positions, bool consecutive,
               std::int64_t start, bool float32_angles, bool inverse, int seq_axis,
               const py::array& g_q, const py::array& q, const Optional& g_k, const Optional& k,
               py::array inv_freq_bar, py::array positions_bar) {
  const RopePositions where = positions_of(positions, consecutive, start, float32_angles);
  const ConstView g_q_view = const_view(g_q), q_view = const_view(q);
  const ConstView g_k_view = const_view(g_k), k_view = const_view(k);
  const View frequencies = view(inv_freq_bar), bars = view(positions_bar);
  without_gil(q_view, [&] {
    rope_angle_vjp(plan, where, inverse ? RopeMode::inverse : RopeMode::forward, seq_axis, g_q_view,
                   q_view, g_k_view, k_view, frequencies, bars);
  });
}

// Integers as doubles, and the largest magnitude, by which one sees whether they are exact.
std::pair<py::array_t<double>, std::uint64_t> doubles(
    const py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>& from) {
  py::array_t<double> to(std::vector<py::ssize_t>(from.shape(), from.shape() + from.ndim()));
  std::uint64_t largest = 0;
  for (py::ssize_t i = 0; i < from.size(); ++i) {
    const std::int64_t value = from.data()[i];
    const auto bits = static_cast<std::uint64_t>(value);
    largest = std::max(largest, value < 0 ? ~bits + 1 : bits);
    to.mutable_data()[i] = static_cast<double>(value);
  }
  return {std::move(to), largest};
}

py::array_t<double> ragged_positions(const std::vector<std::int64_t>& cu_seqlens,
                                     const std::vector<double>& starts) {
  const std::vector<double> positions = rope_ragged_positions(cu_seqlens, starts);
  return py::array_t<double>(static_cast<py::ssize_t>(positions.size()), positions.data());
}

}  // namespace

void register_rope(py::module_& m) {
  py::class_<RopePlan>(m, "RopePlan")
      .def(py::init(&make_plan), py::arg("inv_freq"), py::arg("axis"), py::arg("interleaved"),
           py::arg("rotary_offset"), py::arg("attention_factor"), py::arg("terms"),
           py::arg("heads"), py::arg("log_scale"), py::arg("centre"));
  m.def("rope_apply", &apply, py::arg("plan"), py::arg("positions"), py::arg("consecutive"),
        py::arg("start"), py::arg("float32_angles"), py::arg("inverse"), py::arg("transpose"),
        py::arg("seq_axis"), py::arg("q"), py::arg("k"), py::arg("q_out"), py::arg("k_out"));
  m.def("rope_apply_table", &apply_table, py::arg("cos"), py::arg("sin"), py::arg("rows"),
        py::arg("interleaved"), py::arg("rotary_offset"), py::arg("transpose"), py::arg("seq_axis"),
        py::arg("q"), py::arg("k"), py::arg("q_out"), py::arg("k_out"));
  m.def("rope_table", &table, py::arg("plan"), py::arg("positions"), py::arg("float32_angles"),
        py::arg("out"));
  m.def("rope_angle_vjp", &angle_vjp, py::arg("plan"), py::arg("positions"), py::arg("consecutive"),
        py::arg("start"), py::arg("float32_angles"), py::arg("inverse"), py::arg("seq_axis"),
        py::arg("cotangent_q"), py::arg("q"), py::arg("cotangent_k"), py::arg("k"),
        py::arg("inv_freq_bar"), py::arg("positions_bar"));
  m.def("doubles", &doubles, py::arg("integers"));
  m.def("rope_ragged_positions", &ragged_positions, py::arg("cu_seqlens"), py::arg("starts"));
}

}  // namespace isokern::python
