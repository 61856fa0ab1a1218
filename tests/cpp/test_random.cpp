// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Philox4x32-10: published answers, streams cut anywhere, any number of threads.
#include "support.hpp"

namespace {

using isokern::PhiloxBlock;
using test::Index;
using Words = std::vector<std::uint32_t>;

// The vectors that Random123 publishes for philox4x32 with ten rounds.
struct Known {
  PhiloxBlock counter;
  std::uint32_t key[2];
  PhiloxBlock answer;
};
constexpr Known known[] = {
    {{{0, 0, 0, 0}}, {0, 0}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
    {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}},
     {0xffffffff, 0xffffffff},
     {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
    {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
     {0xa4093822, 0x299f31d0},
     {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
};

constexpr std::uint64_t seed = 0xA4093822'299F31D0, stream = 0x243F6A88'85A308D3;

std::uint32_t word_by_definition(std::uint64_t index) {
  return isokern::philox_block(seed, stream, index / 4).word[index % 4];
}

Words draw(std::uint64_t offset, Index n) {
  Words out(test::size(n));
  isokern::random_bits(seed, stream, offset, n, out.data());
  return out;
}

}  // namespace

TEST_CASE("published answers") {
  for (const Known& vector : known) {
    const PhiloxBlock got = isokern::philox4x32(vector.counter, vector.key[0], vector.key[1]);
    for (int i = 0; i < 4; ++i) CHECK(got.word[i] == vector.answer.word[i]);
  }
  static_assert(isokern::philox4x32(known[0].counter, 0, 0).word[0] == 0x6627e8d5,
                "a constant expression");
}

TEST_CASE("the counter is (block, stream), the key is the seed, low words first") {
  const PhiloxBlock got =
      isokern::philox_block(0x299f31d0'a4093822, 0x03707344'13198a2e, 0x85a308d3'243f6a88);
  for (int i = 0; i < 4; ++i) CHECK(got.word[i] == known[2].answer.word[i]);
}

TEST_CASE("a stream begins at any offset and has any length") {
  constexpr std::uint32_t guard = 0xDEADBEEF;
  for (std::uint64_t offset :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{30},
        4 * ((std::uint64_t{1} << 32) - 5) + 1, (std::uint64_t{1} << 62) + 3}) {
    for (Index n : {0, 1, 2, 3, 4, 5, 7, 31, 64, 129, 1001}) {
      CAPTURE(offset);
      CAPTURE(n);
      Words out(test::size(n + 2), guard);
      isokern::random_bits(seed, stream, offset, n, out.data() + 1);
      CHECK(out.front() == guard);
      CHECK(out.back() == guard);
      Index wrong = 0;
      for (Index i = 0; i < n; ++i) {
        const std::uint64_t index = offset + static_cast<std::uint64_t>(i);
        if (out[test::size(i + 1)] != word_by_definition(index)) ++wrong;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("the same bits with one, two and three threads") {
  test::check_threads([] { return draw(5, 1'000'003); });
}

TEST_CASE("pieces make up the whole") {
  const Words whole = draw(5, 300'000);
  for (Index cut : {1, 6, 1000, 150'001}) {
    Words pieces = draw(5, cut);
    const Words rest = draw(5 + static_cast<std::uint64_t>(cut), 300'000 - cut);
    pieces.insert(pieces.end(), rest.begin(), rest.end());
    CHECK(test::same_bits(pieces, whole));
  }
}
