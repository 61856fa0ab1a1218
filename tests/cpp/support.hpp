// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests share: inputs that are the same in every run, distances, threads for a scope.
#pragma once

#include <doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "isokern/isokern.hpp"

namespace test {

using Index = std::ptrdiff_t;
using Real = long double;  // what definitions are computed in
using Reals = std::vector<Real>;

constexpr std::size_t size(Index n) {
  return static_cast<std::size_t>(n);
}

/// n numbers, uniform in (-1, 1), of a stream of the library's own generator.
template <class T>
std::vector<T> uniform(Index n, std::uint64_t stream) {
  std::vector<T> x(size(n));
  for (Index i = 0; i < n; ++i) {
    const auto block = isokern::philox_block(1, stream, static_cast<std::uint64_t>(i));
    const double bits = static_cast<double>(block.word[0]) + 0.5;
    x[size(i)] = static_cast<T>(bits * 0x1p-31 - 1.0);
  }
  return x;
}

template <class T>
Reals reals(const T* x, Index n) {
  return Reals(x, x + n);
}

inline Real dot(const Reals& x, const Reals& y) {
  Real sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

inline Real norm(const Reals& x) {
  return std::sqrt(dot(x, x));
}

/// x / |x|
inline Reals unit(Reals x) {
  const Real length = norm(x);
  for (Real& value : x) value /= length;
  return x;
}

/// The largest |actual - exact|, in units of the spacing of T's numbers at `scale`. NaN and
/// infinity, where they are not expected, are infinitely wrong.
template <class T>
double error(const T* actual, const Reals& exact, Real scale = 1) {
  Real largest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const Real difference = std::abs(static_cast<Real>(actual[i]) - exact[i]);
    largest = difference <= largest ? largest : difference;
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
  }
  return static_cast<double>(largest / (scale * std::numeric_limits<T>::epsilon()));
}

/// Equal bit by bit, NaN included.
template <class T>
bool same_bits(const std::vector<T>& one, const std::vector<T>& other) {
  return one.size() == other.size() &&
         (one.empty() || std::memcmp(one.data(), other.data(), one.size() * sizeof(T)) == 0);
}

/// The number of threads, until the end of the scope.
class Threads {
 public:
  explicit Threads(int n) : before_(isokern::get_num_threads()) { isokern::set_num_threads(n); }
  ~Threads() { isokern::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

/// The results of `make` with one, two and three threads are the same bits.
template <class Make>
void check_threads(Make&& make) {
  const Threads one(1);
  const auto wanted = make();
  for (int n : {2, 3}) {
    const Threads several(n);
    CAPTURE(n);
    CHECK(same_bits(make(), wanted));
  }
}

/// The message of the exception E that `call` throws, or "" if it throws none.
template <class E, class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const E& caught) {
    return caught.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Throws invalid_argument with all these parts in its message.
#define CHECK_INVALID(call, ...)                                                                 \
  do {                                                                                           \
    const std::string message = ::test::message_of<::isokern::invalid_argument>([&] { call; });  \
    CAPTURE(message);                                                                            \
    for (const char* part : {__VA_ARGS__}) CHECK_MESSAGE(::test::contains(message, part), part); \
  } while (false)

}  // namespace test
