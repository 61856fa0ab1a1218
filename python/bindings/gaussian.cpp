// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "isokern/gaussian.hpp"
#include "isokern/spectrum.hpp"

#include "arrays.hpp"

namespace isokern::python {
namespace {

using Optional = std::optional<py::array>;

Covariance form_of(const std::string& form) {
  if (form == "tril") return Covariance::tril;
  if (form == "precision") return Covariance::precision;
  return Covariance::cov;
}

FactorResult result_of(const std::string& result) {
  if (result == "inverse") return FactorResult::inverse;
  if (result == "inverse_factor") return FactorResult::inverse_factor;
  return FactorResult::cholesky;
}

using PairFunction = void (*)(const ConstView&, const ConstView&, const ConstView&,
                              const ConstView&, Covariance, OnError, const View&);

template <PairFunction function>
void pair_(const Optional& mean1, const py::array& cov1, const Optional& mean2,
           const py::array& cov2, const std::string& form, const std::string& errors,
           py::array out) {
  const View y = view(out);
  const ConstView m1 = const_view(mean1), m2 = const_view(mean2);
  const ConstView c1 = const_view(cov1), c2 = const_view(cov2);
  const py::gil_scoped_release release;
  function(m1, c1, m2, c2, form_of(form), on_error_of(errors), y);
}

void kl_pairwise_(const py::array& mean1, const py::array& cov1, const py::array& mean2,
                  const py::array& cov2, const std::string& form, const std::string& method,
                  const std::string& errors, py::array out) {
  const View y = view(out);
  const ConstView m1 = const_view(mean1), m2 = const_view(mean2);
  const ConstView c1 = const_view(cov1), c2 = const_view(cov2);
  const PairwiseMethod how = method == "gemm"    ? PairwiseMethod::product
                             : method == "solve" ? PairwiseMethod::solve
                                                 : PairwiseMethod::automatic;
  const py::gil_scoped_release release;
  kl_pairwise(m1, c1, m2, c2, form_of(form), how, on_error_of(errors), y);
}

void bhattacharyya_pairwise_(const py::array& mean1, const py::array& cov1, const py::array& mean2,
                             const py::array& cov2, const py::array& log_det1,
                             const py::array& log_det2, py::array out) {
  const View y = view(out);
  const ConstView m1 = const_view(mean1), m2 = const_view(mean2);
  const ConstView c1 = const_view(cov1), c2 = const_view(cov2);
  const ConstView l1 = const_view(log_det1), l2 = const_view(log_det2);
  const py::gil_scoped_release release;
  bhattacharyya_pairwise(m1, c1, m2, c2, l1, l2, y);
}

void bhattacharyya_(const Optional& mean1, const py::array& cov1, const Optional& mean2,
                    const py::array& cov2, const Optional& log_det1, const Optional& log_det2,
                    const std::string& errors, py::array out) {
  const View y = view(out);
  const ConstView m1 = const_view(mean1), m2 = const_view(mean2);
  const ConstView c1 = const_view(cov1), c2 = const_view(cov2);
  const ConstView l1 = const_view(log_det1), l2 = const_view(log_det2);
  const py::gil_scoped_release release;
  bhattacharyya(m1, c1, m2, c2, l1, l2, on_error_of(errors), y);
}

void renyi_(const Optional& mean1, const py::array& cov1, const Optional& mean2,
            const py::array& cov2, double alpha, const std::string& errors, py::array out) {
  const View y = view(out);
  const ConstView m1 = const_view(mean1), m2 = const_view(mean2);
  const ConstView c1 = const_view(cov1), c2 = const_view(cov2);
  const py::gil_scoped_release release;
  renyi(m1, c1, m2, c2, alpha, on_error_of(errors), y);
}

void factor_(const py::array& x, const std::string& result, const std::string& errors,
             py::array out) {
  const View y = view(out);
  const ConstView x_view = const_view(x);
  const py::gil_scoped_release release;
  factor(x_view, result_of(result), on_error_of(errors), y);
}

void solve_(const py::array& l, const py::array& b, bool lower, py::array out) {
  const View y = view(out);
  const ConstView l_view = const_view(l), b_view = const_view(b);
  const py::gil_scoped_release release;
  solve_triangular(l_view, b_view, lower, y);
}

void congruence_(const py::array& l, const py::array& s, py::array out) {
  const View y = view(out);
  const ConstView l_view = const_view(l), s_view = const_view(s);
  const py::gil_scoped_release release;
  congruence(l_view, s_view, y);
}

void scatter_(const py::array& x, const Optional& weight, py::array mean, py::array out) {
  const View m = view(mean), y = view(out);
  const ConstView x_view = const_view(x), w = const_view(weight);
  const py::gil_scoped_release release;
  scatter(x_view, w, m, y);
}

void trace_root_(const py::array& a, py::array out) {
  const View y = view(out);
  const ConstView a_view = const_view(a);
  const py::gil_scoped_release release;
  trace_root(a_view, y);
}

}  // namespace

void register_gaussian(py::module_& m) {
  m.def("gaussian_kl", &pair_<&kl>, py::arg("mean1"), py::arg("cov1"), py::arg("mean2"),
        py::arg("cov2"), py::arg("form"), py::arg("errors"), py::arg("out"));
  m.def("gaussian_kl_pairwise", &kl_pairwise_, py::arg("mean1"), py::arg("cov1"), py::arg("mean2"),
        py::arg("cov2"), py::arg("form"), py::arg("method"), py::arg("errors"), py::arg("out"));
  m.def("gaussian_bhattacharyya_pairwise", &bhattacharyya_pairwise_, py::arg("mean1"),
        py::arg("cov1"), py::arg("mean2"), py::arg("cov2"), py::arg("log_det1"),
        py::arg("log_det2"), py::arg("out"));
  m.def("gaussian_kl_terms", &pair_<&kl_terms>, py::arg("mean1"), py::arg("cov1"), py::arg("mean2"),
        py::arg("cov2"), py::arg("form"), py::arg("errors"), py::arg("out"));
  m.def("gaussian_wasserstein2_squared", &pair_<&wasserstein2_squared_definite>, py::arg("mean1"),
        py::arg("cov1"), py::arg("mean2"), py::arg("cov2"), py::arg("form"), py::arg("errors"),
        py::arg("out"));
  m.def("gaussian_bhattacharyya", &bhattacharyya_, py::arg("mean1"), py::arg("cov1"),
        py::arg("mean2"), py::arg("cov2"), py::arg("log_det1"), py::arg("log_det2"),
        py::arg("errors"), py::arg("out"));
  m.def("gaussian_renyi", &renyi_, py::arg("mean1"), py::arg("cov1"), py::arg("mean2"),
        py::arg("cov2"), py::arg("alpha"), py::arg("errors"), py::arg("out"));
  m.def("gaussian_factor", &factor_, py::arg("x"), py::arg("result"), py::arg("errors"),
        py::arg("out"));
  m.def("gaussian_scatter", &scatter_, py::arg("x"), py::arg("weight"), py::arg("mean"),
        py::arg("out"));
  m.def("gaussian_congruence", &congruence_, py::arg("l"), py::arg("s"), py::arg("out"));
  m.def("trace_root", &trace_root_, py::arg("a"), py::arg("out"));
  m.def("solve_triangular", &solve_, py::arg("l"), py::arg("b"), py::arg("lower"), py::arg("out"));
}

}  // namespace isokern::python
