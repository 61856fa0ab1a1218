// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Normal numbers: known ones, which are the same bits on every instruction set, their definition,
// streams cut anywhere.
#include "support.hpp"

namespace {

using test::Index;
using test::Real;

std::vector<double> normals(std::uint64_t seed, std::uint64_t stream, std::uint64_t offset,
                            Index n) {
  std::vector<double> x(test::size(n));
  isokern::random_normals(seed, stream, offset, n, x.data());
  return x;
}

struct Known {
  std::uint64_t seed, stream, offset;
  std::vector<double> numbers;
};

}  // namespace

TEST_CASE("known normal numbers, bit by bit") {
  // Within 2 units in the last place of sqrt(-2 ln(1 - u)) (cos, sin)(2 pi t) in many digits.
  const Known known[] = {
      {0,
       0,
       0,
       {-0x1.9ffd9aa3bc9b8p+0, -0x1.44b28888d8c8ep+0, 0x1.d85c966f9a5f3p-1, 0x1.c085bbe7cc12p-3,
        -0x1.e97e1a57636ccp-4, 0x1.bd00a70b7399p-1}},
      {0x12345678'9ABCDEF0,
       7,
       1,
       {-0x1.19fc3a2abd252p-1, -0x1.0290911ca9493p-1, -0x1.b84c2a8a57936p-2, -0x1.ba6bb166df35ap-1,
        -0x1.f2b3f0ab8cdd5p-2}},
      {~std::uint64_t{0},
       ~std::uint64_t{0},
       ~std::uint64_t{0} / 2,
       {0x1.a7ee98a39ae0bp-1, 0x1.d9be6d1a29eecp-1, -0x1.84ddd834a7b21p-6, -0x1.e5cc6062dbaep-7}},
      {42,
       isokern::haar_stream,
       0,
       {0x1.25ea46893fb6ep+0, -0x1.0636c41bce298p-2, 0x1.8b2ebaf934e37p+1, 0x1.6eb02404cae2dp-4}},
      {1,
       2,
       (std::uint64_t{1} << 33) + 1,
       {0x1.ac8e71db7c42cp-2, -0x1.bd0e7c7cb0ec2p-1, -0x1.8a97a3ed8ba33p-2, 0x1.43979a4965922p-6}},
  };
  for (const Known& one : known) {
    const Index n = static_cast<Index>(one.numbers.size());
    CHECK(test::same_bits(normals(one.seed, one.stream, one.offset, n), one.numbers));
  }
  // One number for many of them.
  std::uint64_t digest = 0;
  for (double x : normals(3, 5, 0, 100'000)) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    digest = digest * 6364136223846793005u + bits;
  }
  CHECK(digest == 11573665902705856629u);
}

TEST_CASE("normal numbers agree with their definition") {
  constexpr Index n = 20'000;
  constexpr std::uint64_t seed = 9, stream = 3;
  const auto got = normals(seed, stream, 0, n);
  double worst = 0;
  Real sums[4] = {};
  for (Index i = 0; i < n; ++i) {
    const auto block = isokern::philox_block(seed, stream, static_cast<std::uint64_t>(i / 2));
    const auto fraction = [&](int word) {
      const std::uint64_t bits = block.word[word] | std::uint64_t{block.word[word + 1]} << 32;
      return static_cast<Real>(bits >> 12) * 0x1p-52L;
    };
    const Real radius = std::sqrt(-2 * std::log1p(-fraction(0)));
    // Quarters of a turn are taken off exactly: close to them one of both numbers vanishes.
    const Real turn = fraction(2), quarters = std::nearbyint(4 * turn);
    const Real angle = 8 * std::atan(Real{1}) * (turn - quarters / 4);
    const int phase = (static_cast<int>(quarters) + (i % 2 == 0 ? 1 : 0)) % 4;
    const Real of_phase[] = {std::sin(angle), std::cos(angle), -std::sin(angle), -std::cos(angle)};
    const Real exact = radius * of_phase[phase];
    const Real difference = std::abs(static_cast<Real>(got[test::size(i)]) - exact);
    worst = std::max(worst, static_cast<double>(difference / std::abs(exact)));
    Real power = 1;
    for (Real& sum : sums) sum += power *= exact;
  }
  CHECK(worst <= 4 * std::numeric_limits<double>::epsilon());
  // Moments 0, 1, 0, 3 with standard deviations 1, sqrt 2, sqrt 15, sqrt 96.
  const Real expected[] = {0, 1, 0, 3}, spread[] = {1, 1.5L, 4, 10};
  for (int i = 0; i < 4; ++i)
    CHECK(std::abs(sums[i] / n - expected[i]) < 5 * spread[i] / std::sqrt(Real{n}));
}

TEST_CASE("normal numbers begin anywhere, in any number of threads") {
  const auto whole = normals(4, 5, 0, 3000);
  for (Index offset : {0, 1, 2, 63, 64, 65, 1000, 2001}) {
    for (Index n : {0, 1, 2, 3, 63, 64, 65, 66, 500}) {
      std::vector<double> out(test::size(n + 2), 7.0);
      isokern::random_normals(4, 5, static_cast<std::uint64_t>(offset), n, out.data() + 1);
      CHECK(out.front() == 7.0);
      CHECK(out.back() == 7.0);
      CHECK(std::equal(out.begin() + 1, out.end() - 1, whole.begin() + offset));
    }
  }
  test::check_threads([] { return normals(4, 5, 3, 500'001); });
}
