// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The generator and the 16-bit conversions, for tests and for Python code that needs the same bits.
#include "isokern/random.hpp"

#include "arrays.hpp"
#include "isokern/halffloat.hpp"

namespace isokern::python {
namespace {

template <class T>
using Contiguous = py::array_t<T, py::array::c_style>;

Contiguous<std::uint32_t> philox(const Contiguous<std::uint32_t>& counter,
                                 const Contiguous<std::uint32_t>& key) {
  const py::ssize_t n = counter.size() / 4;
  if (counter.size() % 4 != 0 || key.size() != 2 * n) {
    throw py::value_error("philox4x32: expected counter (n, 4) and key (n, 2)");
  }
  Contiguous<std::uint32_t> out(std::vector<py::ssize_t>{n, 4});
  const std::uint32_t *c = counter.data(), *k = key.data();
  std::uint32_t* to = out.mutable_data();
  for (py::ssize_t i = 0; i < n; ++i) {
    const PhiloxBlock block =
        philox4x32({{c[4 * i], c[4 * i + 1], c[4 * i + 2], c[4 * i + 3]}}, k[2 * i], k[2 * i + 1]);
    for (int word = 0; word < 4; ++word) to[4 * i + word] = block.word[word];
  }
  return out;
}

Contiguous<std::uint32_t> bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t offset,
                               py::ssize_t n) {
  if (n < 0) throw py::value_error("random_bits: n is negative, expected 0 or more");
  Contiguous<std::uint32_t> out(n);
  random_bits(seed, stream, offset, n, out.mutable_data());
  return out;
}

Contiguous<double> normals(std::uint64_t seed, std::uint64_t stream, std::uint64_t offset,
                           py::ssize_t n) {
  if (n < 0) throw py::value_error("random_normals: n is negative, expected 0 or more");
  Contiguous<double> out(n);
  random_normals(seed, stream, offset, n, out.mutable_data());
  return out;
}

template <class T>
Contiguous<std::uint16_t> narrow(const Contiguous<float>& x,
                                 void (*convert)(const float*, std::ptrdiff_t, T*)) {
  Contiguous<std::uint16_t> out(x.size());
  convert(x.data(), x.size(), reinterpret_cast<T*>(out.mutable_data()));
  return out;
}

template <class T>
Contiguous<float> widen(const Contiguous<std::uint16_t>& x,
                        void (*convert)(const T*, std::ptrdiff_t, float*)) {
  Contiguous<float> out(x.size());
  convert(reinterpret_cast<const T*>(x.data()), x.size(), out.mutable_data());
  return out;
}

}  // namespace

void register_random(py::module_& m) {
  m.def("philox4x32", &philox, py::arg("counter").noconvert(), py::arg("key").noconvert());
  m.def("random_bits", &bits, py::arg("seed"), py::arg("stream"), py::arg("offset"), py::arg("n"));
  m.def("random_normals", &normals, py::arg("seed"), py::arg("stream"), py::arg("offset"),
        py::arg("n"));
  m.def(
      "float_to_bf16", [](const Contiguous<float>& x) { return narrow<bfloat16>(x, &to_bfloat16); },
      py::arg("x").noconvert());
  m.def(
      "float_to_f16", [](const Contiguous<float>& x) { return narrow<float16>(x, &to_float16); },
      py::arg("x").noconvert());
  m.def(
      "bf16_to_float",
      [](const Contiguous<std::uint16_t>& x) { return widen<bfloat16>(x, &to_float32); },
      py::arg("x").noconvert());
  m.def(
      "f16_to_float",
      [](const Contiguous<std::uint16_t>& x) { return widen<float16>(x, &to_float32); },
      py::arg("x").noconvert());
}

}  // namespace isokern::python
