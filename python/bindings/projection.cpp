// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "isokern/projection.hpp"

#include <tuple>

#include "arrays.hpp"

namespace isokern::python {
namespace {

using Indices = py::array_t<std::int64_t, py::array::c_style>;

// In the order of SketchKind.
constexpr const char* kKinds[] = {"sparse_jl",  "count_sketch", "achlioptas", "very_sparse",
                                  "rademacher", "gaussian",     "srht",       "haar"};

Sketch make(const std::string& kind, std::ptrdiff_t d, std::ptrdiff_t k, std::uint64_t seed,
            std::ptrdiff_t s, double density) {
  int index = 0;
  for (const char* name : kKinds) {
    if (kind == name) return {static_cast<SketchKind>(index), d, k, {seed, s, density}};
    ++index;
  }
  throw py::value_error("Sketch: kind is '" + kind + "'");
}

SparseView sparse_view(bool by_column, std::ptrdiff_t rows, std::ptrdiff_t columns,
                       const py::array& values, const py::array& indices, const py::array& starts) {
  SparseView view;
  view.by_column = by_column;
  view.rows = rows;
  view.columns = columns;
  view.values = const_view(values);
  view.wide = indices.itemsize() == 8;
  view.indices = indices.data();
  view.starts = starts.data();
  const std::ptrdiff_t lines = by_column ? columns : rows;
  if (indices.itemsize() != starts.itemsize() || indices.size() != values.size() ||
      starts.size() != lines + 1) {
    throw py::value_error("a sparse matrix with indptr of " + std::to_string(starts.size()) +
                          " and " + std::to_string(indices.size()) + " indices of " +
                          std::to_string(values.size()) + " values, expected indptr of " +
                          std::to_string(lines + 1) + " and as many indices as values");
  }
  return view;
}

void apply_(const Sketch& map, const py::array& x, py::array out) {
  const View y = view(out);
  const ConstView from = const_view(x);
  without_gil(from.size() > y.size() ? static_cast<const Layout&>(from) : y,
              [&] { map.apply(from, y); });
}

void adjoint_(const Sketch& map, const py::array& y, py::array out) {
  const View x = view(out);
  without_gil(x, [&, from = const_view(y)] { map.adjoint(from, x); });
}

void accumulate_(const Sketch& map, const py::array& x, std::ptrdiff_t start, py::array out) {
  const View y = view(out);
  without_gil(y, [&, from = const_view(x)] { map.accumulate(from, start, y); });
}

// start < 0: apply
void sparse_(const Sketch& map, bool by_column, std::ptrdiff_t rows, std::ptrdiff_t columns,
             const py::array& values, const py::array& indices, const py::array& starts,
             std::ptrdiff_t start, py::array out) {
  const View y = view(out);
  const SparseView x = sparse_view(by_column, rows, columns, values, indices, starts);
  without_gil(y, [&] {
    if (start < 0) {
      map.apply(x, y);
    } else {
      map.accumulate(x, start, y);
    }
  });
}

void sketch_matrix_(const Sketch& map, const Indices& rows, const Indices& columns, py::array out) {
  const View y = view(out);
  const std::vector<std::ptrdiff_t> i(rows.data(), rows.data() + rows.size());
  const std::vector<std::ptrdiff_t> j(columns.data(), columns.data() + columns.size());
  if (y.rank != 2 || rows.size() != y.shape[0] || columns.size() != y.shape[1])
    throw py::value_error("matrix: out has another shape than rows and cols ask for");
  without_gil(y, [&] { map.matrix(i.data(), j.data(), y); });
}

std::tuple<py::array, Indices, Indices> to_csr_(const Sketch& map, bool single) {
  const std::ptrdiff_t n = map.nonzeros();
  Indices starts(map.k() + 1), indices(n);
  py::array values(single ? py::dtype::of<float>() : py::dtype::of<double>(),
                   std::vector<py::ssize_t>{n});
  map.to_csr(starts.mutable_data(), indices.mutable_data(), view(values));
  return {values, indices, starts};
}

void fwht_(const py::array& x, int axis, bool normalize, py::array out) {
  const View y = view(out);
  without_gil(y, [&, from = const_view(x)] { fwht(from, axis, normalize, y); });
}

}  // namespace

void register_projection(py::module_& m) {
  py::class_<Sketch>(m, "Sketch")
      .def(py::init(&make), py::arg("kind"), py::arg("d"), py::arg("k"), py::arg("seed"),
           py::arg("s"), py::arg("density"))
      .def_property_readonly("s", &Sketch::s)
      .def_property_readonly("density", &Sketch::density)
      .def_property_readonly("scale", &Sketch::scale)
      .def("apply", &apply_, py::arg("x"), py::arg("out"))
      .def("adjoint", &adjoint_, py::arg("y"), py::arg("out"))
      .def("accumulate", &accumulate_, py::arg("x"), py::arg("start"), py::arg("out"))
      .def("sparse", &sparse_, py::arg("by_column"), py::arg("rows"), py::arg("columns"),
           py::arg("values"), py::arg("indices"), py::arg("starts"), py::arg("start"),
           py::arg("out"))
      .def("matrix", &sketch_matrix_, py::arg("rows").noconvert(), py::arg("columns").noconvert(),
           py::arg("out"))
      .def("to_csr", &to_csr_, py::arg("single"));
  m.def("fwht", &fwht_, py::arg("x"), py::arg("axis"), py::arg("normalize"), py::arg("out"));
}

}  // namespace isokern::python
