// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Products of reflectors against one reflector after the other in long double, with sizes around
// those of tiles, strips and blocks.
#include "reflectors.hpp"

namespace {

using isokern::ConstView;
using isokern::OnError;
using test::Array;
using test::Exact;
using test::Index;
using test::Matrix;
using test::Reals;
using test::Way;
using test::ways;

constexpr double budget = 4;  // errors in eps, lengths of columns and `terms`

struct Shape {
  Index m, k, n;
};
constexpr Shape shapes[] = {
    {1, 1, 1},   {1, 3, 2},   {2, 1, 3},    {3, 2, 4},   {7, 7, 7},    {8, 8, 16},   {9, 8, 24},
    {5, 9, 25},  {16, 16, 8}, {17, 15, 23}, {24, 4, 47}, {31, 33, 48}, {32, 31, 49}, {33, 32, 1},
    {64, 64, 3}, {65, 63, 2}, {63, 65, 12}, {66, 64, 5}, {66, 129, 4}, {40, 128, 1}, {130, 130, 7},
    {4, 0, 3},   {3, 0, 0},   {5, 3, 0},    {0, 2, 3},   {0, 0, 3},    {257, 1, 2},  {96, 17, 73},
};

// The image of x by definition, and the error of another.
Matrix defined(const Way& way, const Matrix& v, const Reals& tau, const Matrix& x) {
  const Exact e(way, v, tau, x);
  return way.columns(test::reflected(e.v, e.tau, way.transposed(), e.x));
}

template <class T>
double map_error(const Way& way, const Matrix& got, const Matrix& exact, const Matrix& x) {
  return test::column_error<T>(way.columns(got), way.columns(exact), way.columns(x));
}

template <class T>
struct Problem {
  Way way;
  Shape shape;
  Array<T> v, tau, x, out;

  // Rows and items that lie apart by `gap`.
  Problem(const Way& w, const Shape& s, Index items, Index gap)
      : way(w),
        shape(s),
        v({items, s.m, s.k}, gap),
        tau({items, s.k}, gap, 1 + gap),
        x(operand(items), gap),
        out(operand(items), gap) {
    v.randomize(1);
    x.randomize(2);
    const Array<T> factors = test::random_factors(v, way.lapack(), 3);
    for (Index i = 0; i < tau.elements(); ++i) tau[i] = factors[i];
    out.fill(T(7));
    if (!way.lapack()) return;
    // What is implied is not read.
    for (Index i = 0; i < v.elements(); ++i) {
      if (i / s.k % s.m <= i % s.k) v[i] = std::numeric_limits<T>::quiet_NaN();
    }
  }

  std::vector<Index> operand(Index items) const {
    if (way.left()) return {items, shape.m, shape.n};
    return {items, shape.n, shape.m};
  }
  ConstView factors() const { return way.given ? tau.view() : ConstView(); }
  void run(OnError on_error = OnError::raise) {
    isokern::apply_reflectors(v, factors(), x, way.side, way.transpose, way.storage, on_error,
                              out.view());
  }
  double error(Index item) const {
    const Matrix exact = defined(way, v.item(item), tau.row(item), x.item(item));
    return map_error<T>(way, out.item(item), exact, x.item(item)) / test::terms(shape.m, shape.k);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("products agree with the definition, in memory of any strides", T, float,
                   double) {
  for (const Shape& shape : shapes) {
    for (const Way& way : ways()) {
      if (way.lapack() && shape.k > shape.m) continue;
      for (Index gap : {0, 5}) {
        CAPTURE(shape.m);
        CAPTURE(shape.k);
        CAPTURE(shape.n);
        CAPTURE(gap);
        const Index items = shape.m * shape.k < 300 ? 3 : 1;
        Problem<T> problem(way, shape, items, gap);
        const Array<T> v = problem.v, tau = problem.tau, x = problem.x;
        problem.run();
        for (Index item = 0; item < items; ++item) CHECK(problem.error(item) <= budget);
        CHECK(problem.out.gaps_are_kept());
        CHECK(test::same_bits(problem.v.memory(), v.memory()));
        CHECK(test::same_bits(problem.tau.memory(), tau.memory()));
        CHECK(test::same_bits(problem.x.memory(), x.memory()));
        // In place, and in one pass: the same bits.
        const std::vector<T> wanted = problem.out.values();
        problem.out.fill(T(7));
        problem.run(OnError::nan);
        CHECK(test::same_bits(problem.out.values(), wanted));
        isokern::apply_reflectors(problem.v, problem.factors(), problem.x, way.side, way.transpose,
                                  way.storage, OnError::raise, problem.x.view());
        CHECK(test::same_bits(problem.x.values(), wanted));
        CHECK(problem.x.gaps_are_kept());
      }
    }
  }
}

TEST_CASE_TEMPLATE("batches broadcast", T, float, double) {
  // Each item of v serves several of x, each of tau several of both, and x is repeated.
  constexpr Index m = 11, k = 6, n = 5, a = 3, c = 4;
  for (const Way& way : ways()) {
    const Index b = way.given ? 2 : 1;
    const bool left = way.left();
    Array<T> v({a, 1, 1, m, k}, 2), tau({b, 1, k}, 1, 3);
    Array<T> x({1, c, left ? m : n, left ? n : m}, 3);
    Array<T> out({a, b, c, left ? m : n, left ? n : m}, 1);
    v.randomize(1);
    x.randomize(2);
    tau.randomize(3);
    for (Index i = 0; i < b * k; ++i) tau[i] = i % 4 == 0 ? T(0) : std::abs(tau[i]) / T(m);
    isokern::apply_reflectors(v, way.given ? tau.view() : ConstView(), x, way.side, way.transpose,
                              way.storage, OnError::raise, out.view());
    for (Index item = 0; item < a * b * c; ++item) {
      const Index i = item / (b * c), j = item / c % b, l = item % c;
      const Matrix exact = defined(way, v.item(i), tau.row(j), x.item(l));
      CHECK(map_error<T>(way, out.item(item), exact, x.item(l)) <= budget * test::terms(m, k));
    }
    CHECK(out.gaps_are_kept());
  }
}

TEST_CASE_TEMPLATE("the scale of a reflector does not matter", T, float, double) {
  constexpr double far = std::is_same_v<T, float> ? 1e18 : 1e150;
  const T ends[] = {T(far),
                    T(1 / far),
                    T(1),
                    std::numeric_limits<T>::max() / 2,
                    std::numeric_limits<T>::min(),
                    std::numeric_limits<T>::denorm_min() * 1024};
  for (const Shape& shape : {Shape{9, 6, 5}, Shape{70, 67, 3}}) {
    for (const Way& way : ways()) {
      if (way.given || way.lapack()) continue;
      Problem<T> problem(way, shape, 1, 0);
      for (Index i = 0; i < problem.v.elements(); ++i) {
        const Index end = i % shape.k % 6;
        problem.v[i] *= ends[end];
      }
      problem.run();
      CHECK(problem.error(0) <= budget);
    }
  }
  // With a factor that fits, also in LAPACK's storage, whose ones are then small.
  for (const Way& way : ways()) {
    if (!way.given) continue;
    Problem<T> problem(way, {40, 9, 6}, 1, 0);
    for (Index i = 0; i < problem.v.elements(); ++i) problem.v[i] *= i % 9 % 2 == 0 ? T(far) : T(1);
    const Array<T> tau = test::random_factors(problem.v, way.lapack(), 5);
    for (Index i = 0; i < tau.elements(); ++i) problem.tau[i] = tau[i];
    problem.run();
    CHECK(problem.error(0) <= budget);
  }
}

TEST_CASE_TEMPLATE("factors of zero keep x, bit by bit", T, float, double) {
  for (const Shape& shape : {Shape{5, 3, 4}, Shape{70, 70, 30}, Shape{8, 70, 2}}) {
    for (const Way& way : ways()) {
      if (!way.given || (way.lapack() && shape.k > shape.m)) continue;
      Problem<T> problem(way, shape, 2, 1);
      problem.tau.fill(T(0));
      problem.run();
      CHECK(test::same_bits(problem.out.values(), problem.x.values()));
    }
  }
}

TEST_CASE_TEMPLATE("what is not finite in x stays in its column or row", T, float, double) {
  for (const Shape& shape : {Shape{5, 3, 9}, Shape{33, 40, 50}, Shape{66, 65, 26}}) {
    for (const Way& way : ways()) {
      if (way.lapack() && shape.k > shape.m) continue;
      Problem<T> problem(way, shape, 2, 1);
      problem.run();
      const std::vector<T> good = problem.out.values();
      const Index bad = shape.n / 2, columns = problem.x.extent(1);
      for (T value : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()}) {
        const Index row = way.left() ? shape.m - 1 : bad;
        const Index column = way.left() ? bad : shape.m - 1;
        problem.x[problem.x.index(1, row, column)] = value;
        problem.run();
        const std::vector<T> got = problem.out.values();
        Index wrong = 0, hit = 0;
        for (Index i = 0; i < problem.out.elements(); ++i) {
          const Index line = way.left() ? i % columns : i / columns % shape.n;
          const bool may = i >= problem.out.index(1, 0, 0) && line == bad;
          if (!may && got[test::size(i)] != good[test::size(i)]) ++wrong;
          if (may && !std::isfinite(got[test::size(i)])) ++hit;
        }
        CHECK(wrong == 0);
        CHECK(hit > 0);
      }
    }
  }
}

TEST_CASE_TEMPLATE("the same bits with one, two and three threads", T, float, double) {
  for (const Way& way : ways()) {
    // One large product; many small ones; columns that make no whole strips.
    for (const Shape& shape : {Shape{130, 100, 200}, Shape{301, 70, 77}}) {
      Problem<T> problem(way, shape, 1, 0);
      test::check_threads([&] {
        problem.run();
        return problem.out.values();
      });
    }
    Problem<T> problem(way, {20, 7, 13}, 150, 1);
    test::check_threads([&] {
      problem.run();
      return problem.out.values();
    });
  }
}
