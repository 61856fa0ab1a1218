// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Traces of roots and inverses, of matrices whose eigenvalues are known.
#include "support.hpp"

using isokern::ConstView;
using isokern::View;
using test::Index;

namespace {

// H D H with a reflection H and the eigenvalues 1 + i / 2.
std::vector<double> reflected(Index d) {
  const std::vector<double> v = test::uniform<double>(d, 11);
  double square = 0;
  for (double x : v) square += x * x;
  std::vector<double> a(test::size(d * d));
  const auto value = [](Index i) { return 1 + static_cast<double>(i) / 2; };
  double middle = 0;  // v^T D v
  for (Index i = 0; i < d; ++i) middle += v[test::size(i)] * v[test::size(i)] * value(i);
  const double tau = 2 / square;
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j < d; ++j) {
      const double outer = v[test::size(i)] * v[test::size(j)];
      a[test::size(i * d + j)] =
          (i == j ? value(i) : 0) + outer * (tau * tau * middle - tau * (value(i) + value(j)));
    }
  }
  return a;
}

}  // namespace

TEST_CASE("the traces are sums over the eigenvalues") {
  for (Index d : {1, 5, 48, 100, 130}) {
    const std::vector<double> a = reflected(d);
    double found[2] = {}, root = 0, inverse = 0;
    isokern::trace_root(ConstView(a.data(), {d, d}), View(found, {2}));
    for (Index i = 0; i < d; ++i) {
      root += std::sqrt(1 + static_cast<double>(i) / 2);
      inverse += 1 / (1 + static_cast<double>(i) / 2);
    }
    CHECK(std::abs(found[0] / root - 1) < 1e-12);
    CHECK(std::abs(found[1] / inverse - 1) < 1e-12);
  }
}

TEST_CASE("a matrix that is not positive definite has no traces") {
  std::vector<double> a = reflected(60);
  a[0] = -1;
  double found[2] = {};
  isokern::trace_root(ConstView(a.data(), {60, 60}), View(found, {2}));
  CHECK(std::isnan(found[0]));
  a[0] = std::numeric_limits<double>::infinity();
  isokern::trace_root(ConstView(a.data(), {60, 60}), View(found, {2}));
  CHECK(std::isnan(found[0]));
}

TEST_CASE("matrices must be square, and outputs apart") {
  std::vector<double> a = reflected(6);
  double found[2] = {};
  CHECK_THROWS_AS(isokern::trace_root(ConstView(a.data(), {6, 5}), View(found, {2})),
                  isokern::invalid_argument);
  CHECK_THROWS_AS(isokern::trace_root(ConstView(a.data(), {6, 6}), View(found, {1})),
                  isokern::invalid_argument);
  CHECK_THROWS_AS(isokern::trace_root(ConstView(a.data(), {6, 6}), View(a.data(), {2})),
                  isokern::invalid_argument);
}
