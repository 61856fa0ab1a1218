// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Philox4x32-10, a counter-based generator (Salmon, Moraes, Dror, Shaw: "Parallel random numbers:
// as easy as 1, 2, 3", SC 2011). A block of four words is a function of a counter and a key alone,
// so that any number of a random array can be made anywhere, in any order and in any thread, and is
// the same in every language. The block function needs no library to link.
//
// Convention of this library: the key is the seed, the counter is (block, stream), both of 64 bits,
// low word first. Word i of stream s is word i mod 4 of block i div 4.
#pragma once

#include <cstddef>
#include <cstdint>

#include "config.hpp"

namespace isokern {

struct PhiloxBlock {
  std::uint32_t word[4];
};

/// Ten rounds on a counter of four words under a key of two.
ISOKERN_INLINE constexpr PhiloxBlock philox4x32(PhiloxBlock counter, std::uint32_t key0,
                                                std::uint32_t key1) noexcept {
  std::uint32_t x0 = counter.word[0], x1 = counter.word[1];
  std::uint32_t x2 = counter.word[2], x3 = counter.word[3];
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * x0;
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * x2;
    x0 = static_cast<std::uint32_t>(product1 >> 32) ^ x1 ^ key0;
    x1 = static_cast<std::uint32_t>(product1);
    x2 = static_cast<std::uint32_t>(product0 >> 32) ^ x3 ^ key1;
    x3 = static_cast<std::uint32_t>(product0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{x0, x1, x2, x3}};
}

/// Block `block` of stream `stream` under `seed`.
ISOKERN_INLINE constexpr PhiloxBlock philox_block(std::uint64_t seed, std::uint64_t stream,
                                                  std::uint64_t block) noexcept {
  return philox4x32(
      {{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
        static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)}},
      static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
}

/// Words offset, offset + 1, ..., offset + n - 1 of a stream, by all threads: out[0..n).
ISOKERN_API void random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t offset,
                             std::ptrdiff_t n, std::uint32_t* out);

/// Normal numbers offset, ..., offset + n - 1 of a stream, by all threads: out[0..n). Block b makes
/// numbers 2 b and 2 b + 1: with u and t the upper 52 bits of its two pairs of words as fractions,
/// r = sqrt(-2 ln(1 - u)), they are r cos(2 pi t) and r sin(2 pi t). Every bit is the same on every
/// instruction set.
ISOKERN_API void random_normals(std::uint64_t seed, std::uint64_t stream, std::uint64_t offset,
                                std::ptrdiff_t n, double* out);

}  // namespace isokern
