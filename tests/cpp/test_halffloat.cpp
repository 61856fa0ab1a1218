// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The 16-bit types against their definition: every pattern widened, and narrowing at every number,
// at every midpoint between neighbours and next to it.
#include "support.hpp"

namespace {

using isokern::bfloat16;
using isokern::float16;
using test::Index;

// Sign, exponent and fraction of a 16-bit type, read by arithmetic alone.
struct Format {
  int fraction_bits, bias;
};
template <class T>
constexpr Format format = {};
template <>
constexpr Format format<float16> = {10, 15};
template <>
constexpr Format format<bfloat16> = {7, 127};

template <class T>
bool is_nan(std::uint16_t bits) {
  constexpr int infinity = 0x7FFF >> format<T>.fraction_bits << format<T>.fraction_bits;
  return (bits & 0x7FFF) > infinity;
}

// The value of a pattern; what would follow the largest finite number stands at infinity's place.
template <class T>
double value_of(std::uint16_t bits) {
  constexpr Format f = format<T>;
  const int magnitude = bits & 0x7FFF, exponent = magnitude >> f.fraction_bits;
  const int fraction = magnitude & ((1 << f.fraction_bits) - 1);
  const int significand = exponent > 0 ? fraction + (1 << f.fraction_bits) : fraction;
  const double value = std::ldexp(significand, std::max(exponent, 1) - f.bias - f.fraction_bits);
  return bits & 0x8000 ? -value : value;
}

template <class T>
std::vector<std::uint16_t> narrow(const std::vector<float>& x) {
  std::vector<T> out(x.size());
  const Index n = static_cast<Index>(x.size());
  if constexpr (std::is_same_v<T, float16>) {
    isokern::to_float16(x.data(), n, out.data());
  } else {
    isokern::to_bfloat16(x.data(), n, out.data());
  }
  std::vector<std::uint16_t> bits;
  for (T half : out) bits.push_back(half.bits);
  return bits;
}

template <class T>
std::vector<T> all_patterns() {
  std::vector<T> patterns;
  for (int bits = 0; bits < 0x10000; ++bits) patterns.push_back({static_cast<std::uint16_t>(bits)});
  return patterns;
}

}  // namespace

TEST_CASE_TEMPLATE("every pattern is widened exactly", T, float16, bfloat16) {
  const auto patterns = all_patterns<T>();
  std::vector<float> wide(patterns.size());
  isokern::to_float32(patterns.data(), static_cast<Index>(patterns.size()), wide.data());
  int wrong = 0;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const std::uint16_t bits = patterns[i].bits;
    const bool infinite = (bits & 0x7FFF) == 0x7FFF >> format<T>.fraction_bits
                                                           << format<T>.fraction_bits;
    const bool right = is_nan<T>(bits) ? std::isnan(wide[i])
                       : infinite      ? std::isinf(wide[i])
                                       : static_cast<double>(wide[i]) == value_of<T>(bits);
    if (!right || std::signbit(wide[i]) != ((bits & 0x8000) != 0)) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("narrowing rounds to nearest, ties to even", T, float16, bfloat16) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  constexpr int infinity = 0x7FFF >> format<T>.fraction_bits << format<T>.fraction_bits;
  std::vector<float> x;
  std::vector<std::uint16_t> wanted;
  for (int sign : {0, 0x8000}) {
    for (int bits = 0; bits < infinity; ++bits) {
      const auto low = static_cast<std::uint16_t>(sign | bits);
      const auto high = static_cast<std::uint16_t>(low + 1);  // infinity after the last
      const double middle = (value_of<T>(low) + value_of<T>(high)) / 2;
      const auto tie = static_cast<float>(middle);       // exact: float32 has the bits
      if (static_cast<double>(tie) != middle) continue;  // but below its smallest subnormal
      x.push_back(static_cast<float>(value_of<T>(low)));
      wanted.push_back(low);
      x.push_back(std::nextafter(tie, 0.0f));
      wanted.push_back(low);
      x.push_back(tie);
      wanted.push_back(bits % 2 == 0 ? low : high);
      x.push_back(std::nextafter(tie, sign ? -inf : inf));
      wanted.push_back(high);
    }
    x.push_back(sign ? -inf : inf);
    wanted.push_back(static_cast<std::uint16_t>(sign | infinity));
  }
  const auto got = narrow<T>(x);
  int wrong = 0;
  for (std::size_t i = 0; i < x.size(); ++i) wrong += got[i] != wanted[i];
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("a NaN stays a NaN, and becomes quiet", T, float16, bfloat16) {
  std::vector<float> x;
  for (std::uint32_t bits : {0x7FC00000u, 0x7F800001u, 0xFFFFFFFFu, 0xFF800001u, 0x7FBFFFFFu}) {
    float nan;
    std::memcpy(&nan, &bits, sizeof nan);
    x.push_back(nan);
  }
  x.resize(40, x[1]);  // whole vectors of them, and a remainder
  for (std::uint16_t bits : narrow<T>(x)) {
    CHECK(is_nan<T>(bits));
    CHECK((bits & (1 << (format<T>.fraction_bits - 1))) != 0);
  }
}

TEST_CASE_TEMPLATE("any length, nothing beside it", T, float16, bfloat16) {
  constexpr std::uint16_t guard = 0x1234;
  const auto x = test::uniform<float>(100, 3);
  const auto wanted = narrow<T>(x);
  for (Index n = 0; n < 70; ++n) {
    std::vector<T> out(test::size(n + 2), T{guard});
    if constexpr (std::is_same_v<T, float16>) {
      isokern::to_float16(x.data(), n, out.data() + 1);
    } else {
      isokern::to_bfloat16(x.data(), n, out.data() + 1);
    }
    CHECK(out.front().bits == guard);
    CHECK(out.back().bits == guard);
    Index wrong = 0;
    for (Index i = 0; i < n; ++i) wrong += out[test::size(i + 1)].bits != wanted[test::size(i)];
    CHECK(wrong == 0);
  }
}

TEST_CASE("the same bits with one, two and three threads") {
  const auto x = test::uniform<float>(1'000'001, 4);
  test::check_threads([&] { return narrow<float16>(x); });
  test::check_threads([&] { return narrow<bfloat16>(x); });
}
