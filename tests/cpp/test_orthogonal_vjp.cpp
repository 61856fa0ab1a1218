// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Gradients of the orthogonal maps against central differences of their formulas in long double.
#include <functional>

#include "support.hpp"

namespace {

using isokern::ConstView;
using isokern::OnError;
using isokern::View;
using test::Index;
using test::Real;
using test::Reals;

// The maps as the formulas of orthogonal.hpp say.
Reals reflection(const Reals& first, const Reals& second, const Reals& x) {
  const Reals a = test::unit(first), b = test::unit(second);
  const Real factor = (test::dot(a, x) - test::dot(b, x)) / (1 - test::dot(a, b));
  Reals y = x;
  for (std::size_t i = 0; i < x.size(); ++i) y[i] -= factor * (a[i] - b[i]);
  return y;
}

Reals rotation(const Reals& first, const Reals& second, const Reals& x) {
  const Reals a = test::unit(first), b = test::unit(second);
  const Real factor = (test::dot(a, x) + test::dot(b, x)) / (1 + test::dot(a, b));
  Reals y = x;
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] += 2 * test::dot(a, x) * b[i] - factor * (a[i] + b[i]);
  return y;
}

Reals reflector(const Reals& v, const Reals& tau, const Reals& x) {
  const Real factor = tau.empty() ? 2 / test::dot(v, v) : tau[0];
  Reals y = x;
  for (std::size_t i = 0; i < x.size(); ++i) y[i] -= factor * test::dot(v, x) * v[i];
  return y;
}

using Map = std::function<Reals(const Reals&, const Reals&, const Reals&)>;

// The gradient of <g, f(p, q, x)> in the argument `which`, by differences.
Reals gradient(const Map& f, const Reals& g, const Reals& p, const Reals& q, const Reals& x,
               int which) {
  const Real step = 1e-5L;
  Reals arguments[] = {p, q, x};
  Reals& moved = arguments[which];
  Reals result;
  for (Real& coordinate : moved) {
    const Real kept = coordinate;
    const auto value = [&](Real at) {
      coordinate = at;
      return test::dot(g, f(arguments[0], arguments[1], arguments[2]));
    };
    const Real far = value(kept + 2 * step) - value(kept - 2 * step);
    const Real near = value(kept + step) - value(kept - step);
    result.push_back((8 * near - far) / (12 * step));  // of fourth order
    coordinate = kept;
  }
  return result;
}

template <class T>
double tolerance() {
  return std::is_same_v<T, float> ? 30 : 3e4;  // in eps; the differences themselves reach 1e-12
}

}  // namespace

TEST_CASE_TEMPLATE("gradients of the maps a -> b, summed over rows that share a pair", T, float,
                   double) {
  for (Index d : {2, 3, 8, 21}) {
    constexpr Index pairs = 2, rows = 3;
    const auto a = test::uniform<T>(pairs * d, 6), b = test::uniform<T>(pairs * d, 7);
    const auto x = test::uniform<T>(pairs * rows * d, 3), g = test::uniform<T>(pairs * rows * d, 4);
    for (bool rotates : {false, true}) {
      CAPTURE(d);
      CAPTURE(rotates);
      std::vector<T> a_bar(a.size()), b_bar(b.size()), x_bar(x.size());
      const ConstView va(a.data(), {pairs, 1, d}), vb(b.data(), {pairs, 1, d});
      const ConstView vx(x.data(), {pairs, rows, d}), vg(g.data(), {pairs, rows, d});
      const View to_a(a_bar.data(), {pairs, 1, d}), to_b(b_bar.data(), {pairs, 1, d});
      const View to_x(x_bar.data(), {pairs, rows, d});
      if (rotates) {
        isokern::rotate_between_vjp(vg, va, vb, vx, false, OnError::raise, to_a, to_b, to_x);
      } else {
        isokern::reflect_between_vjp(vg, va, vb, vx, OnError::raise, to_a, to_b, to_x);
      }
      const Map map = rotates ? Map(rotation) : Map(reflection);
      for (Index pair = 0; pair < pairs; ++pair) {
        const Reals ra = test::reals(a.data() + pair * d, d),
                    rb = test::reals(b.data() + pair * d, d);
        Reals sum_a(test::size(d)), sum_b(test::size(d));
        Real scale_a = 0, scale_b = 0;
        for (Index row = 0; row < rows; ++row) {
          const Index at = (pair * rows + row) * d;
          const Reals rx = test::reals(x.data() + at, d), rg = test::reals(g.data() + at, d);
          const Reals one_a = gradient(map, rg, ra, rb, rx, 0);
          const Reals one_b = gradient(map, rg, ra, rb, rx, 1);
          for (Index i = 0; i < d; ++i) {
            sum_a[test::size(i)] += one_a[test::size(i)];
            sum_b[test::size(i)] += one_b[test::size(i)];
          }
          scale_a += test::norm(rg) * test::norm(rx) / test::norm(ra) + test::norm(one_a);
          scale_b += test::norm(rg) * test::norm(rx) / test::norm(rb) + test::norm(one_b);
          CHECK(test::error(x_bar.data() + at, gradient(map, rg, ra, rb, rx, 2), test::norm(rg)) <=
                tolerance<T>());
        }
        CHECK(test::error(a_bar.data() + pair * d, sum_a, scale_a) <= tolerance<T>());
        CHECK(test::error(b_bar.data() + pair * d, sum_b, scale_b) <= tolerance<T>());
      }
    }
  }
}

TEST_CASE("the gradient of the transposed rotation is that of the rotation b -> a") {
  constexpr Index n = 4, d = 9;
  const auto a = test::uniform<double>(n * d, 1), b = test::uniform<double>(n * d, 2);
  const auto x = test::uniform<double>(n * d, 3), g = test::uniform<double>(n * d, 4);
  const ConstView va(a.data(), {n, d}), vb(b.data(), {n, d}), vx(x.data(), {n, d});
  const ConstView vg(g.data(), {n, d});
  std::vector<double> bars[6];
  for (auto& bar : bars) bar.resize(a.size());
  const auto to = [&](int i) { return View(bars[i].data(), {n, d}); };
  isokern::rotate_between_vjp(vg, va, vb, vx, true, OnError::raise, to(0), to(1), to(2));
  isokern::rotate_between_vjp(vg, vb, va, vx, false, OnError::raise, to(4), to(3), to(5));
  for (int i : {0, 1, 2})
    CHECK(test::error(bars[i].data(), test::reals(bars[i + 3].data(), n * d), 10) <= 30);
}

TEST_CASE("the gradient of a matrix is that of its rows together") {
  constexpr Index d = 6;
  const auto a = test::uniform<double>(d, 1), b = test::uniform<double>(d, 2);
  const auto g = test::uniform<double>(d * d, 3);
  std::vector<double> identity(test::size(d * d)), transposed(g);
  for (Index i = 0; i < d; ++i) {
    identity[test::size(i * d + i)] = 1;
    for (Index j = 0; j < d; ++j) transposed[test::size(i * d + j)] = g[test::size(j * d + i)];
  }
  // Column j of the matrix is the map of e_j; the cotangent of that column is column j of g.
  std::vector<double> got_a(a.size()), got_b(a.size()), a_bar(a.size()), b_bar(a.size());
  std::vector<double> x_bar(g.size());
  const ConstView va(a.data(), {d}), vb(b.data(), {d}), columns(transposed.data(), {d, d});
  for (bool rotates : {false, true}) {
    const View to_a(got_a.data(), {d}), to_b(got_b.data(), {d}), to_x(x_bar.data(), {d, d});
    const View sum_a(a_bar.data(), {d}), sum_b(b_bar.data(), {d});
    const ConstView units(identity.data(), {d, d}), vg(g.data(), {d, d});
    if (rotates) {
      isokern::rotation_matrix_vjp(vg, va, vb, OnError::raise, to_a, to_b);
      isokern::rotate_between_vjp(columns, va, vb, units, false, OnError::raise, sum_a, sum_b,
                                  to_x);
    } else {
      isokern::reflection_matrix_vjp(vg, va, vb, OnError::raise, to_a, to_b);
      isokern::reflect_between_vjp(columns, va, vb, units, OnError::raise, sum_a, sum_b, to_x);
    }
    CHECK(test::error(got_a.data(), test::reals(a_bar.data(), d), 10) <= 30);
    CHECK(test::error(got_b.data(), test::reals(b_bar.data(), d), 10) <= 30);
  }
}

TEST_CASE_TEMPLATE("gradients of one reflector", T, float, double) {
  for (Index d : {1, 2, 13}) {
    const auto v = test::uniform<T>(d, 5), x = test::uniform<T>(d, 2), g = test::uniform<T>(d, 3);
    const auto tau = test::uniform<T>(1, 4);
    const Reals rv = test::reals(v.data(), d), rx = test::reals(x.data(), d);
    const Reals rg = test::reals(g.data(), d);
    const Real scale = test::norm(rx) * test::norm(rg) * (4 / test::norm(rv) + test::norm(rv));
    for (bool given : {false, true}) {
      CAPTURE(d);
      CAPTURE(given);
      std::vector<T> v_bar(v.size()), x_bar(x.size()), tau_bar(1);
      const Reals factor = given ? test::reals(tau.data(), 1) : Reals();
      isokern::reflect_vjp({g.data(), {d}}, {v.data(), {d}},
                           given ? ConstView(tau.data(), {}) : ConstView(), {x.data(), {d}},
                           OnError::raise, {v_bar.data(), {d}},
                           given ? View(tau_bar.data(), {}) : View(), {x_bar.data(), {d}});
      CHECK(test::error(v_bar.data(), gradient(reflector, rg, rv, factor, rx, 0), scale) <=
            tolerance<T>());
      CHECK(test::error(x_bar.data(), gradient(reflector, rg, rv, factor, rx, 2),
                        test::norm(rg) * (1 + test::dot(rv, rv))) <= tolerance<T>());
      if (given) {
        CHECK(test::error(tau_bar.data(), {-test::dot(rg, rv) * test::dot(rv, rx)},
                          test::norm(rg) * test::norm(rx) * test::dot(rv, rv)) <= tolerance<T>());
      }
    }
  }
}

TEST_CASE("no gradient where the map is chosen by convention") {
  constexpr Index n = 3, d = 4;
  const auto a = test::uniform<double>(n * d, 1), x = test::uniform<double>(n * d, 3);
  auto b = test::uniform<double>(n * d, 2);
  for (Index i = 0; i < d; ++i) b[test::size(d + i)] = -a[test::size(d + i)];
  std::vector<double> bars[3] = {a, a, a};
  const auto to = [&](int i) { return View(bars[i].data(), {n, d}); };
  const ConstView va(a.data(), {n, d}), vb(b.data(), {n, d}), vx(x.data(), {n, d});
  try {
    isokern::rotate_between_vjp(vx, va, vb, vx, false, OnError::raise, to(0), to(1), to(2));
    FAIL("no exception");
  } catch (const isokern::numerical_error& error) {
    CHECK(error.item() == 1);
  }
  isokern::rotate_between_vjp(vx, va, vb, vx, false, OnError::nan, to(0), to(1), to(2));
  for (const auto& bar : {bars[0], bars[1]}) {
    for (Index i = 0; i < n * d; ++i) CHECK(std::isnan(bar[test::size(i)]) == (i / d == 1));
  }
}

TEST_CASE_TEMPLATE("the same bits with one, two and three threads", T, float, double) {
  constexpr Index n = 30'000, d = 40;
  const auto a = test::uniform<T>(d, 1), b = test::uniform<T>(d, 2);
  const auto x = test::uniform<T>(n * d, 3), g = test::uniform<T>(n * d, 4);
  test::check_threads([&] {
    std::vector<T> result(test::size(2 * d + n * d));
    T* to = result.data();
    isokern::rotate_between_vjp({g.data(), {n, d}}, {a.data(), {d}}, {b.data(), {d}},
                                {x.data(), {n, d}}, false, OnError::raise, {to, {d}}, {to + d, {d}},
                                {to + 2 * d, {n, d}});
    return result;
  });
}
