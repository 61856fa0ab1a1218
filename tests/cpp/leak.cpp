// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// An object that breaks the rule of cpp/kernels/isa.hpp, so that check_symbols.cmake has something
// to find: the linker would share `leaked` among the instruction sets.
namespace {
[[maybe_unused]] int local() {
  return 1;
}
}  // namespace

template <class T>
T leaked(T x) {
  return x + 1;
}
template int leaked(int);
