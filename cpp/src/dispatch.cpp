// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Chooses the instruction set, once. Detection asks for everything that the compiler flag of a set
// licenses.
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "isokern/runtime.hpp"
#include "table.hpp"

namespace isokern {
namespace base {
extern const KernelTable table;
}
#ifdef ISOKERN_X86_VARIANTS
namespace v3 {
extern const KernelTable table;
}
namespace v4 {
extern const KernelTable table;
}
#endif

namespace {

Isa widest() noexcept {
#ifdef ISOKERN_X86_VARIANTS
  __builtin_cpu_init();
#if defined(__clang__)  // older releases do not know the levels by name
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
#else
  const bool v3 = __builtin_cpu_supports("x86-64-v3");
  const bool v4 = __builtin_cpu_supports("x86-64-v4");
#endif
  if (v4) return Isa::v4;
  if (v3) return Isa::v3;
#endif
  return Isa::base;
}

Isa choose() noexcept {
  const Isa best = widest();
  if (const char* asked = std::getenv("ISOKERN_ISA")) {
    for (Isa isa : {Isa::base, Isa::v3, Isa::v4}) {
      if (isa < best && std::strcmp(asked, isa_name(isa)) == 0) return isa;
    }
  }
  return best;
}

}  // namespace

Isa active_isa() noexcept {
  static const Isa isa = choose();
  return isa;
}

const char* isa_name(Isa isa) noexcept {
  switch (isa) {
    case Isa::v3:
      return "v3";
    case Isa::v4:
      return "v4";
    default:
      return "base";
  }
}

const char* built_isas() noexcept {
#ifdef ISOKERN_X86_VARIANTS
  return "base v3 v4";
#else
  return "base";
#endif
}

const KernelTable& kernels() noexcept {
#ifdef ISOKERN_X86_VARIANTS
  switch (active_isa()) {
    case Isa::v4:
      return v4::table;
    case Isa::v3:
      return v3::table;
    default:
      break;
  }
#endif
  return base::table;
}

}  // namespace isokern
