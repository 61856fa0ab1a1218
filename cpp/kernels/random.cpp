// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Blocks of the generator in sequence. A vector's worth of blocks is made together, word by word,
// so that the rounds run across lanes.
#include "isokern/random.hpp"

#include "entries.hpp"
#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {

void random_blocks(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, Index count,
                   std::uint32_t* out) noexcept {
  constexpr int lanes = kLanes<std::uint32_t>;
  Index block = 0;
  for (; block + lanes <= count; block += lanes) {
    std::uint32_t words[4][lanes];
    for (int lane = 0; lane < lanes; ++lane) {
      const PhiloxBlock made =
          philox_block(seed, stream, first + static_cast<std::uint64_t>(block + lane));
      for (int i = 0; i < 4; ++i) words[i][lane] = made.word[i];
    }
    for (int lane = 0; lane < lanes; ++lane) {
      for (int i = 0; i < 4; ++i) out[4 * (block + lane) + i] = words[i][lane];
    }
  }
  for (; block < count; ++block) {
    store(out + 4 * block, philox_block(seed, stream, first + static_cast<std::uint64_t>(block)));
  }
}

}  // namespace ISOKERN_ISA
}  // namespace isokern
