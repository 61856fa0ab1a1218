// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Derivatives of products of reflectors against those of one reflector after the other in long
// double, and these against differences.
#include "reflectors.hpp"

namespace {

using isokern::ConstView;
using isokern::OnError;
using isokern::View;
using test::Array;
using test::Exact;
using test::Gradients;
using test::Index;
using test::Matrix;
using test::Real;
using test::Reals;
using test::Way;
using test::ways;

constexpr double budget = 4;  // errors in eps, `terms`, and the sizes of what is added up

struct Shape {
  Index m, k, n;
};
constexpr Shape shapes[] = {{1, 1, 1},   {1, 3, 2},   {2, 1, 3},    {5, 3, 4},   {7, 7, 24},
                            {8, 9, 25},  {9, 16, 8},  {16, 15, 47}, {33, 32, 3}, {31, 33, 49},
                            {64, 64, 5}, {65, 63, 2}, {66, 65, 4},  {40, 70, 6}, {70, 130, 3},
                            {4, 0, 3},   {5, 3, 0},   {0, 2, 3},    {98, 67, 17}};

template <class T>
struct Problem {
  Way way;
  Shape shape;
  Array<T> v, tau, x, g, v_bar, tau_bar, x_bar;

  Problem(const Way& w, const Shape& s, Index items, Index gap)
      : way(w),
        shape(s),
        v({items, s.m, s.k}, gap),
        tau(test::random_factors(v.randomize(1), w.lapack(), 3, 1 + gap)),
        x(operand(items), gap),
        g(operand(items), gap),
        v_bar({items, s.m, s.k}, gap),
        tau_bar({items, s.k}, gap),
        x_bar(operand(items), gap) {
    x.randomize(2);
    g.randomize(4);
  }
  std::vector<Index> operand(Index items) const {
    if (way.left()) return {items, shape.m, shape.n};
    return {items, shape.n, shape.m};
  }
  ConstView factors() const { return way.given ? tau.view() : ConstView(); }
  void vjp(OnError on_error = OnError::raise, bool with_x_bar = true) {
    isokern::apply_reflectors_vjp(g, v, factors(), x, way.side, way.transpose, way.storage,
                                  on_error, v_bar.view(), way.given ? tau_bar.view() : View(),
                                  with_x_bar ? x_bar.view() : View());
  }
  Exact exact(Index item) const { return {way, v.item(item), tau.row(item), x.item(item)}; }
};

// The lengths |g| |x|, summed over columns; of the shortest and the longest reflector.
struct Sizes {
  Real total = 0, shortest = 1e300L, longest = 0;

  Sizes(const Exact& e, const Matrix& g) {
    for (Index j = 0; j < g.columns; ++j)
      total += test::column_norm(g, j) * test::column_norm(e.x, j);
    for (Index i = 0; i < e.v.columns; ++i) {
      shortest = std::min(shortest, test::column_norm(e.v, i));
      longest = std::max(longest, test::column_norm(e.v, i));
    }
  }
};

}  // namespace

TEST_CASE("the definitions agree with differences, and with each other") {
  for (const Way& way : ways()) {
    const Shape shape{6, 4, 3};
    Problem<double> problem(way, shape, 1, 0);
    Exact e = problem.exact(0);
    const Matrix g = way.columns(problem.g.item());
    const auto value = [&] {
      const Reals factors = way.given ? e.tau : test::own_factors(e.v);
      return test::dot(g.data, test::reflected(e.v, factors, way.transposed(), e.x).data);
    };
    const auto slope = [&](Real& at) {
      const Real kept = at, step = 1e-4L;
      const auto difference = [&](Real h) {
        at = kept + h;
        const Real up = value();
        at = kept - h;
        const Real down = value();
        at = kept;
        return up - down;
      };
      return (8 * difference(step) - difference(2 * step)) / (12 * step);
    };
    const Gradients bar = test::gradients(e, g);
    const Matrix& x_bar = bar.x;
    const auto near = [](Real one, Real other) { return std::abs(one - other) < 1e-11L; };
    for (Index i = 0; i < shape.m; ++i) {
      for (Index j = 0; j < shape.k; ++j) {
        if (e.stored(i, j)) CHECK(near(slope(e.v(i, j)), bar.v(i, j)));
        if (!e.stored(i, j)) CHECK(bar.v(i, j) == 0);
      }
      for (Index j = 0; j < shape.n; ++j) CHECK(near(slope(e.x(i, j)), x_bar(i, j)));
    }
    for (Index j = 0; way.given && j < shape.k; ++j)
      CHECK(near(slope(e.tau[test::size(j)]), bar.tau[test::size(j)]));
    // <g, y_dot> is what the gradients say.
    Problem<double> dots(way, shape, 1, 0);
    dots.v.randomize(7);
    dots.x.randomize(8);
    dots.tau.randomize(9);
    const Matrix v_dot = dots.v.item(), x_dot = way.columns(dots.x.item());
    const Reals tau_dot = dots.tau.row();
    const Matrix y_dot = test::tangent(e, v_dot, tau_dot, x_dot);
    Real wanted = test::dot(bar.v.data, v_dot.data) + test::dot(x_bar.data, x_dot.data);
    if (way.given) wanted += test::dot(bar.tau, tau_dot);
    CHECK(near(test::dot(g.data, y_dot.data), wanted));
  }
}

TEST_CASE_TEMPLATE("gradients agree with the definition", T, float, double) {
  for (const Shape& shape : shapes) {
    for (const Way& way : ways()) {
      if (way.lapack() && shape.k > shape.m) continue;
      for (Index gap : {0, 3}) {
        CAPTURE(shape.m);
        CAPTURE(shape.k);
        CAPTURE(shape.n);
        const Index items = shape.m < 10 ? 3 : 1;
        Problem<T> problem(way, shape, items, gap);
        problem.vjp();
        const double most = budget * test::terms(shape.m, shape.k);
        for (Index item = 0; item < items; ++item) {
          const Exact e = problem.exact(item);
          const Matrix g = way.columns(problem.g.item(item));
          const Gradients bar = test::gradients(e, g);
          const Sizes sizes(e, g);
          CHECK(test::largest_error<T>(problem.v_bar.item(item).data, bar.v.data,
                                       sizes.total / sizes.shortest) <= most);
          CHECK(test::column_error<T>(way.columns(problem.x_bar.item(item)), bar.x, g) <= most);
          if (way.given) {
            const Real scale = sizes.total * sizes.longest * sizes.longest;
            CHECK(test::largest_error<T>(problem.tau_bar.row(item), bar.tau, scale) <= most);
          }
        }
        CHECK(problem.v_bar.gaps_are_kept());
        CHECK(problem.tau_bar.gaps_are_kept());
        CHECK(problem.x_bar.gaps_are_kept());
        // Without the gradient in x, the others have the same bits.
        const std::vector<T> wanted = problem.v_bar.values(), of_x = problem.x_bar.values();
        problem.vjp(OnError::nan, false);
        CHECK(test::same_bits(problem.v_bar.values(), wanted));
        CHECK(test::same_bits(problem.x_bar.values(), of_x));
      }
    }
  }
}

TEST_CASE_TEMPLATE("gradients are summed over what reflectors were broadcast to", T, float,
                   double) {
  constexpr Index m = 9, k = 5, n = 4, a = 2, c = 3;
  for (const Way& way : ways()) {
    const Index b = way.given ? 2 : 1;
    const Index rows = way.left() ? m : n, columns = way.left() ? n : m;
    Array<T> v({a, 1, 1, m, k}, 2), tau({b, 1, k}, 1, 3), x({1, c, rows, columns}, 3);
    Array<T> g({a, b, c, rows, columns}, 1), x_bar({a, b, c, rows, columns}, 2);
    Array<T> v_bar({a, b, 1, m, k}, 2), tau_bar({a, b, 1, k}, 1);
    v.randomize(1);
    x.randomize(2);
    g.randomize(3);
    tau.randomize(4);
    for (Index i = 0; i < b * k; ++i) tau[i] = i % 4 == 0 ? T(0) : std::abs(tau[i]) / T(m);
    isokern::apply_reflectors_vjp(g, v, way.given ? tau.view() : ConstView(), x, way.side,
                                  way.transpose, way.storage, OnError::raise, v_bar.view(),
                                  way.given ? tau_bar.view() : View(), x_bar.view());
    const double most = budget * test::terms(m, k);
    for (Index item = 0; item < a * b; ++item) {
      Matrix v_sum(m, k);
      Reals tau_sum(test::size(k));
      Real v_scale = 0, tau_scale = 0;
      for (Index l = 0; l < c; ++l) {
        const Exact e(way, v.item(item / b), tau.row(item % b), x.item(l));
        const Matrix one = way.columns(g.item(item * c + l));
        const Gradients bar = test::gradients(e, one);
        for (std::size_t i = 0; i < v_sum.data.size(); ++i) v_sum.data[i] += bar.v.data[i];
        for (std::size_t i = 0; i < tau_sum.size(); ++i) tau_sum[i] += bar.tau[i];
        const Sizes sizes(e, one);
        v_scale += sizes.total / sizes.shortest;
        tau_scale += sizes.total * sizes.longest * sizes.longest;
        CHECK(test::column_error<T>(way.columns(x_bar.item(item * c + l)), bar.x, one) <= most);
      }
      CHECK(test::largest_error<T>(v_bar.item(item).data, v_sum.data, v_scale) <= most);
      if (way.given) CHECK(test::largest_error<T>(tau_bar.row(item), tau_sum, tau_scale) <= most);
    }
    CHECK(v_bar.gaps_are_kept());
    CHECK(x_bar.gaps_are_kept());
  }
}
