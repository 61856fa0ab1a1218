// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "isokern/orthogonal.hpp"

namespace isokern::python {
namespace {

using Optional = std::optional<py::array>;

Side side_of(bool right) {
  return right ? Side::right : Side::left;
}

Storage storage_of(bool lapack) {
  return lapack ? Storage::lapack : Storage::dense;
}

void apply_reflectors_(const py::array& v, const Optional& tau, const py::array& x, bool right,
                       bool transpose, bool lapack, const std::string& errors, py::array out) {
  const View y = view(out);
  without_gil(y, [&, v_view = const_view(v), tau_view = const_view(tau), x_view = const_view(x)] {
    apply_reflectors(v_view, tau_view, x_view, side_of(right), transpose, storage_of(lapack),
                     on_error_of(errors), y);
  });
}

template <auto function>
void form_(const py::array& v, const Optional& tau, bool lapack, const std::string& errors,
           py::array out) {
  const View y = view(out);
  without_gil(y, [&, v_view = const_view(v), tau_view = const_view(tau)] {
    function(v_view, tau_view, storage_of(lapack), on_error_of(errors), y);
  });
}

void apply_reflectors_vjp_(const py::array& g, const py::array& v, const Optional& tau,
                           const py::array& x, bool right, bool transpose, bool lapack,
                           const std::string& errors, py::array v_bar, Optional tau_bar,
                           Optional x_bar) {
  const View v_out = view(v_bar), tau_out = view(tau_bar), x_out = view(x_bar);
  without_gil(layout_of(x), [&, g_view = const_view(g), v_view = const_view(v),
                             tau_view = const_view(tau), x_view = const_view(x)] {
    apply_reflectors_vjp(g_view, v_view, tau_view, x_view, side_of(right), transpose,
                         storage_of(lapack), on_error_of(errors), v_out, tau_out, x_out);
  });
}

void apply_reflectors_jvp_(const py::array& v, const Optional& tau, const py::array& x,
                           const Optional& v_dot, const Optional& tau_dot, const Optional& x_dot,
                           bool right, bool transpose, bool lapack, const std::string& errors,
                           py::array y, py::array y_dot) {
  const View y_out = view(y), dot_out = view(y_dot);
  without_gil(y_out, [&, v_view = const_view(v), tau_view = const_view(tau), x_view = const_view(x),
                      v_tangent = const_view(v_dot), tau_tangent = const_view(tau_dot),
                      x_tangent = const_view(x_dot)] {
    apply_reflectors_jvp(v_view, tau_view, x_view, v_tangent, tau_tangent, x_tangent,
                         side_of(right), transpose, storage_of(lapack), on_error_of(errors), y_out,
                         dot_out);
  });
}

void qr_(const py::array& x, Optional q, py::array r) {
  const View q_out = view(q), r_out = view(r);
  without_gil(layout_of(x), [&, x_view = const_view(x)] { qr(x_view, q_out, r_out); });
}

void qr_factored_(const py::array& x, py::array v, py::array tau, py::array r) {
  const View v_out = view(v), tau_out = view(tau), r_out = view(r);
  without_gil(layout_of(x),
              [&, x_view = const_view(x)] { qr_factored(x_view, v_out, tau_out, r_out); });
}

void haar_(std::uint64_t seed, bool special, py::array out) {
  const View q = view(out);
  without_gil(q, [&] { haar(seed, special, q); });
}

void haar_apply_(std::uint64_t seed, bool special, bool transpose, const py::array& x,
                 py::array out) {
  const View y = view(out);
  const ConstView vectors = const_view(x);
  const py::gil_scoped_release release;  // the reflectors are work, however small x is
  haar_apply(seed, special, transpose, vectors, y);
}

}  // namespace

void register_reflectors(py::module_& m) {
  m.def("apply_reflectors", apply_reflectors_, py::arg("v"), py::arg("tau"), py::arg("x"),
        py::arg("right"), py::arg("transpose"), py::arg("lapack"), py::arg("errors"),
        py::arg("out"));
  m.def("form_q", form_<form_q>, py::arg("v"), py::arg("tau"), py::arg("lapack"), py::arg("errors"),
        py::arg("out"));
  m.def("compact_wy", form_<compact_wy>, py::arg("v"), py::arg("tau"), py::arg("lapack"),
        py::arg("errors"), py::arg("out"));
  m.def("apply_reflectors_vjp", apply_reflectors_vjp_, py::arg("cotangent"), py::arg("v"),
        py::arg("tau"), py::arg("x"), py::arg("right"), py::arg("transpose"), py::arg("lapack"),
        py::arg("errors"), py::arg("v_bar"), py::arg("tau_bar"), py::arg("x_bar"));
  m.def("apply_reflectors_jvp", apply_reflectors_jvp_, py::arg("v"), py::arg("tau"), py::arg("x"),
        py::arg("v_dot"), py::arg("tau_dot"), py::arg("x_dot"), py::arg("right"),
        py::arg("transpose"), py::arg("lapack"), py::arg("errors"), py::arg("y"), py::arg("y_dot"));
  m.def("qr", qr_, py::arg("x"), py::arg("q"), py::arg("r"));
  m.def("qr_factored", qr_factored_, py::arg("x"), py::arg("v"), py::arg("tau"), py::arg("r"));
  m.def("haar", haar_, py::arg("seed"), py::arg("special"), py::arg("out"));
  m.def("haar_apply", haar_apply_, py::arg("seed"), py::arg("special"), py::arg("transpose"),
        py::arg("x"), py::arg("out"));
}

}  // namespace isokern::python
