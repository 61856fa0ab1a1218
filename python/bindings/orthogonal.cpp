// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "isokern/orthogonal.hpp"

#include "arrays.hpp"

namespace isokern::python {
namespace {

using Optional = std::optional<py::array>;

void reflect_between_(const py::array& a, const py::array& b, const py::array& x,
                      const std::string& errors, py::array out) {
  const View y = view(out);
  without_gil(y, [&, a_view = const_view(a), b_view = const_view(b), x_view = const_view(x)] {
    reflect_between(a_view, b_view, x_view, on_error_of(errors), y);
  });
}

void rotate_between_(const py::array& a, const py::array& b, const py::array& x, bool transpose,
                     const std::string& errors, py::array out) {
  const View y = view(out);
  without_gil(y, [&, a_view = const_view(a), b_view = const_view(b), x_view = const_view(x)] {
    rotate_between(a_view, b_view, x_view, transpose, on_error_of(errors), y);
  });
}

template <auto function>
void matrix_(const py::array& a, const py::array& b, const std::string& errors, py::array out) {
  const View y = view(out);
  without_gil(y, [&, a_view = const_view(a), b_view = const_view(b)] {
    function(a_view, b_view, on_error_of(errors), y);
  });
}

void reflect_(const py::array& v, const Optional& tau, const py::array& x,
              const std::string& errors, py::array out) {
  const View y = view(out);
  without_gil(y, [&, v_view = const_view(v), tau_view = const_view(tau), x_view = const_view(x)] {
    reflect(v_view, tau_view, x_view, on_error_of(errors), y);
  });
}

void reflect_between_vjp_(const py::array& g, const py::array& a, const py::array& b,
                          const py::array& x, const std::string& errors, py::array a_bar,
                          py::array b_bar, py::array x_bar) {
  const View a_out = view(a_bar), b_out = view(b_bar), x_out = view(x_bar);
  without_gil(x_out, [&, g_view = const_view(g), a_view = const_view(a), b_view = const_view(b),
                      x_view = const_view(x)] {
    reflect_between_vjp(g_view, a_view, b_view, x_view, on_error_of(errors), a_out, b_out, x_out);
  });
}

void rotate_between_vjp_(const py::array& g, const py::array& a, const py::array& b,
                         const py::array& x, bool transpose, const std::string& errors,
                         py::array a_bar, py::array b_bar, py::array x_bar) {
  const View a_out = view(a_bar), b_out = view(b_bar), x_out = view(x_bar);
  without_gil(x_out, [&, g_view = const_view(g), a_view = const_view(a), b_view = const_view(b),
                      x_view = const_view(x)] {
    rotate_between_vjp(g_view, a_view, b_view, x_view, transpose, on_error_of(errors), a_out, b_out,
                       x_out);
  });
}

template <auto function>
void matrix_vjp_(const py::array& g, const py::array& a, const py::array& b,
                 const std::string& errors, py::array a_bar, py::array b_bar) {
  const View a_out = view(a_bar), b_out = view(b_bar);
  const ConstView g_view = const_view(g);
  without_gil(g_view, [&, a_view = const_view(a), b_view = const_view(b)] {
    function(g_view, a_view, b_view, on_error_of(errors), a_out, b_out);
  });
}

void reflect_vjp_(const py::array& g, const py::array& v, const Optional& tau, const py::array& x,
                  const std::string& errors, py::array v_bar, Optional tau_bar, py::array x_bar) {
  const View v_out = view(v_bar), tau_out = view(tau_bar), x_out = view(x_bar);
  without_gil(x_out, [&, g_view = const_view(g), v_view = const_view(v), tau_view = const_view(tau),
                      x_view = const_view(x)] {
    reflect_vjp(g_view, v_view, tau_view, x_view, on_error_of(errors), v_out, tau_out, x_out);
  });
}

}  // namespace

void register_orthogonal(py::module_& m) {
  m.def("reflect_between", &reflect_between_, py::arg("a"), py::arg("b"), py::arg("x"),
        py::arg("errors"), py::arg("out"));
  m.def("rotate_between", &rotate_between_, py::arg("a"), py::arg("b"), py::arg("x"),
        py::arg("transpose"), py::arg("errors"), py::arg("out"));
  m.def("reflection_matrix", &matrix_<&reflection_matrix>, py::arg("a"), py::arg("b"),
        py::arg("errors"), py::arg("out"));
  m.def("rotation_matrix", &matrix_<&rotation_matrix>, py::arg("a"), py::arg("b"),
        py::arg("errors"), py::arg("out"));
  m.def("reflect", &reflect_, py::arg("v"), py::arg("tau"), py::arg("x"), py::arg("errors"),
        py::arg("out"));
  m.def("reflect_between_vjp", &reflect_between_vjp_, py::arg("cotangent"), py::arg("a"),
        py::arg("b"), py::arg("x"), py::arg("errors"), py::arg("a_bar"), py::arg("b_bar"),
        py::arg("x_bar"));
  m.def("rotate_between_vjp", &rotate_between_vjp_, py::arg("cotangent"), py::arg("a"),
        py::arg("b"), py::arg("x"), py::arg("transpose"), py::arg("errors"), py::arg("a_bar"),
        py::arg("b_bar"), py::arg("x_bar"));
  m.def("reflection_matrix_vjp", &matrix_vjp_<&reflection_matrix_vjp>, py::arg("cotangent"),
        py::arg("a"), py::arg("b"), py::arg("errors"), py::arg("a_bar"), py::arg("b_bar"));
  m.def("rotation_matrix_vjp", &matrix_vjp_<&rotation_matrix_vjp>, py::arg("cotangent"),
        py::arg("a"), py::arg("b"), py::arg("errors"), py::arg("a_bar"), py::arg("b_bar"));
  m.def("reflect_vjp", &reflect_vjp_, py::arg("cotangent"), py::arg("v"), py::arg("tau"),
        py::arg("x"), py::arg("errors"), py::arg("v_bar"), py::arg("tau_bar"), py::arg("x_bar"));
}

}  // namespace isokern::python
