// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The start of every test program. ISOKERN_ISA asks for an instruction set: the program is skipped
// where it cannot be had, and fails where the library runs a wider one than was asked for.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "isokern/runtime.hpp"

int main(int argc, char** argv) {
  using isokern::Isa;
  constexpr int skipped = 77;
  const Isa active = isokern::active_isa();
  std::printf("isokern %s, instruction set %s\n", isokern::version(), isokern::isa_name(active));
  if (const char* asked = std::getenv("ISOKERN_ISA")) {
    for (Isa isa : {Isa::base, Isa::v3, Isa::v4}) {
      if (std::strcmp(asked, isokern::isa_name(isa)) != 0) continue;
      if (active < isa) {
        std::printf("skipped: no %s here\n", asked);
        return skipped;
      }
      if (active > isa) {
        std::printf("failed: %s was asked for\n", asked);
        return 1;
      }
    }
  }
  return doctest::Context(argc, argv).run();
}
