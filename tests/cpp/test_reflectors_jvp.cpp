// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Directional derivatives of products of reflectors; what gradients and tangents have in common:
// threads, scales, what is not finite, and what is refused.
#include "reflectors.hpp"

namespace {

using isokern::ConstView;
using isokern::OnError;
using isokern::Side;
using isokern::Storage;
using isokern::View;
using test::Array;
using test::Exact;
using test::Index;
using test::Matrix;
using test::Real;
using test::Reals;
using test::Way;
using test::ways;

constexpr double budget = 4;

struct Shape {
  Index m, k, n;
};
constexpr Shape shapes[] = {{1, 1, 1},    {1, 3, 2},    {5, 3, 4},   {8, 9, 25},  {16, 15, 47},
                            {33, 32, 3},  {31, 33, 49}, {64, 64, 5}, {66, 65, 4}, {40, 70, 6},
                            {70, 130, 3}, {4, 0, 3},    {5, 3, 0},   {98, 67, 17}};

template <class T>
struct Problem {
  Way way;
  Shape shape;
  Array<T> v, tau, x, v_dot, tau_dot, x_dot, y, y_dot;

  Problem(const Way& w, const Shape& s, Index items, Index gap)
      : way(w),
        shape(s),
        v({items, s.m, s.k}, gap),
        tau(test::random_factors(v.randomize(1), w.lapack(), 3, 1 + gap)),
        x(operand(items), gap),
        v_dot({items, s.m, s.k}, gap),
        tau_dot({items, s.k}, 0, 1 + gap),
        x_dot(operand(items), gap),
        y(operand(items), gap),
        y_dot(operand(items), gap) {
    x.randomize(2);
    v_dot.randomize(4);
    tau_dot.randomize(5);
    x_dot.randomize(6);
  }
  std::vector<Index> operand(Index items) const {
    if (way.left()) return {items, shape.m, shape.n};
    return {items, shape.n, shape.m};
  }
  ConstView factors() const { return way.given ? tau.view() : ConstView(); }

  // Bits of `absent` leave tangents out: 1 of v, 2 of tau, 4 of x.
  void run(int absent, OnError on_error = OnError::raise) {
    isokern::apply_reflectors_jvp(v, factors(), x, (absent & 1) != 0 ? ConstView() : v_dot.view(),
                                  !way.given || (absent & 2) != 0 ? ConstView() : tau_dot.view(),
                                  (absent & 4) != 0 ? ConstView() : x_dot.view(), way.side,
                                  way.transpose, way.storage, on_error, y.view(), y_dot.view());
  }
  double error(Index item, int absent) const {
    const Exact e(way, v.item(item), tau.row(item), x.item(item));
    const Matrix none(shape.m, shape.k), still(e.x.rows, e.x.columns);
    const Matrix moves = (absent & 1) != 0 ? none : v_dot.item(item);
    const Reals turns = (absent & 2) != 0 ? Reals(test::size(shape.k)) : tau_dot.row(item);
    const Matrix shifts = (absent & 4) != 0 ? still : way.columns(x_dot.item(item));
    const Matrix exact = test::tangent(e, moves, turns, shifts);
    // What is added up: |x_dot| + |x| sum over reflectors of (4 |v_dot| / |v| + |tau_dot| |v|^2).
    Real growth = 0;
    for (Index i = 0; i < shape.k; ++i) {
      const Real length = test::column_norm(e.v, i);
      growth += 4 * test::column_norm(moves, i) / length;
      if (way.given) growth += std::abs(turns[test::size(i)]) * length * length;
    }
    Matrix scale(1, e.x.columns);
    for (Index j = 0; j < e.x.columns; ++j)
      scale(0, j) = test::column_norm(shifts, j) + growth * test::column_norm(e.x, j);
    const Matrix image = test::reflected(e.v, e.tau, way.transposed(), e.x);
    return std::max(test::column_error<T>(way.columns(y.item(item)), image, e.x),
                    test::column_error<T>(way.columns(y_dot.item(item)), exact, scale)) /
           test::terms(shape.m, shape.k);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("tangents agree with the definition", T, float, double) {
  for (const Shape& shape : shapes) {
    for (const Way& way : ways()) {
      if (way.lapack() && shape.k > shape.m) continue;
      CAPTURE(shape.m);
      CAPTURE(shape.k);
      CAPTURE(shape.n);
      const Index items = shape.m < 10 ? 3 : 1;
      for (int absent : {0, 1, 2, 4, 7}) {
        Problem<T> problem(way, shape, items, absent == 0 ? 3 : 0);
        problem.run(absent);
        for (Index item = 0; item < items; ++item) CHECK(problem.error(item, absent) <= budget);
        CHECK(problem.y.gaps_are_kept());
        CHECK(problem.y_dot.gaps_are_kept());
      }
    }
  }
}

TEST_CASE_TEMPLATE("gradients are the transpose of tangents, at any scale", T, float, double) {
  constexpr double far = std::is_same_v<T, float> ? 1e12 : 1e120;
  constexpr Index k = 67;
  for (const Way& way : ways()) {
    Problem<T> p(way, {70, k, 5}, 1, 0);
    // v, v_dot: columns of very different length.
    for (Index i = 0; i < p.v.elements() && !way.lapack(); ++i) {
      const T factor = i % k % 3 == 0 ? T(far) : i % k % 3 == 1 ? T(1 / far) : T(1);
      p.v[i] *= factor;
      p.v_dot[i] *= factor;
    }
    const Array<T> tau = test::random_factors(p.v, way.lapack(), 3);
    for (Index i = 0; i < tau.elements(); ++i) {
      p.tau[i] = tau[i];
      p.tau_dot[i] *= tau[i];
    }
    p.run(0);
    Array<T> g(p.operand(1)), x_bar(p.operand(1)), v_bar({1, 70, k}), tau_bar({1, k});
    g.randomize(9);
    isokern::apply_reflectors_vjp(g, p.v, p.factors(), p.x, way.side, way.transpose, way.storage,
                                  OnError::raise, v_bar.view(), way.given ? tau_bar.view() : View(),
                                  x_bar.view());
    Real one = 0, other = 0, scale = 0;
    const auto add = [&](Real& sum, const Array<T>& a, const Array<T>& b) {
      for (Index i = 0; i < a.elements(); ++i) {
        const Real term = static_cast<Real>(a[i]) * static_cast<Real>(b[i]);
        sum += term;
        scale += std::abs(term);
      }
    };
    add(one, g, p.y_dot);
    add(other, v_bar, p.v_dot);
    add(other, x_bar, p.x_dot);
    if (way.given) add(other, tau_bar, p.tau_dot);
    CHECK(static_cast<double>(std::abs(one - other) / scale) <=
          20 * static_cast<double>(std::numeric_limits<T>::epsilon()));
  }
}

TEST_CASE_TEMPLATE("what is not finite in g, x or x_dot stays in its column or row", T, float,
                   double) {
  constexpr Index m = 66, k = 65, n = 31, bad = 13;
  for (const Way& way : ways()) {
    Problem<T> p(way, {m, k, n}, 1, 0);
    Array<T> g(p.operand(1)), x_bar(p.operand(1)), v_bar({1, m, k}), tau_bar({1, k});
    g.randomize(9);
    const auto vjp = [&] {
      isokern::apply_reflectors_vjp(g, p.v, p.factors(), p.x, way.side, way.transpose, way.storage,
                                    OnError::raise, v_bar.view(),
                                    way.given ? tau_bar.view() : View(), x_bar.view());
    };
    vjp();
    p.run(0);
    const std::vector<T> of_x = x_bar.values(), y = p.y.values(), y_dot = p.y_dot.values();
    const auto elsewhere = [&](const Array<T>& got, const std::vector<T>& wanted) {
      Index wrong = 0, hit = 0;
      for (Index i = 0; i < got.elements(); ++i) {
        const bool may = (way.left() ? i % n : i / m) == bad;
        if (!may && got[i] != wanted[test::size(i)]) ++wrong;
        if (may && std::isnan(got[i])) ++hit;
      }
      return wrong == 0 && hit > 0;
    };
    const Index at = way.left() ? (m - 1) * n + bad : bad * m + m - 1;
    g[at] = std::numeric_limits<T>::quiet_NaN();
    vjp();
    CHECK(elsewhere(x_bar, of_x));
    p.x_dot[at] = std::numeric_limits<T>::quiet_NaN();
    p.run(0);
    CHECK(elsewhere(p.y_dot, y_dot));
    CHECK(test::same_bits(p.y.values(), y));
    p.x[at] = std::numeric_limits<T>::quiet_NaN();
    p.run(4);
    CHECK(elsewhere(p.y, y));
  }
}

TEST_CASE_TEMPLATE("the same bits with one, two and three threads", T, float, double) {
  for (const Way& way : ways()) {
    if (way.lapack() == way.given) continue;
    // Chunks of columns with sums of their own; many items.
    for (Index items : {1, 40}) {
      const Shape shape = items == 1 ? Shape{150, 100, 230} : Shape{20, 9, 35};
      Problem<T> p(way, shape, items, 0);
      Array<T> g(p.operand(items)), x_bar(p.operand(items));
      Array<T> v_bar({items, shape.m, shape.k}), tau_bar({items, shape.k});
      g.randomize(9);
      test::check_threads([&] {
        isokern::apply_reflectors_vjp(g, p.v, p.factors(), p.x, way.side, way.transpose,
                                      way.storage, OnError::raise, v_bar.view(),
                                      way.given ? tau_bar.view() : View(), x_bar.view());
        p.run(0);
        std::vector<T> all = v_bar.values();
        for (const Array<T>* more : {&x_bar, &tau_bar, &p.y, &p.y_dot}) {
          if (more == &tau_bar && !way.given) continue;
          const std::vector<T> values = more->values();
          all.insert(all.end(), values.begin(), values.end());
        }
        return all;
      });
    }
  }
}
