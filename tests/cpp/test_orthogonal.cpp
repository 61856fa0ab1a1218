// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The orthogonal maps against their formulas in long double, at every angle, and their failures.
#include "support.hpp"

namespace {

using isokern::ConstView;
using isokern::OnError;
using isokern::View;
using test::Index;
using test::Real;
using test::Reals;

// x - 2 v (v.x) / |v|^2
Reals reflected(const Reals& v, Reals x) {
  const Real factor = 2 * test::dot(v, x) / test::dot(v, v);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] -= factor * v[i];
  return x;
}

Reals combined(const Reals& a, Real factor, const Reals& b) {
  Reals sum = a;
  for (std::size_t i = 0; i < a.size(); ++i) sum[i] += factor * b[i];
  return sum;
}

// The unit vector e_k made orthogonal to the unit vector a, k the index of the smallest |a_k|.
Reals orthogonal_to(const Reals& a) {
  const auto smaller = [](Real x, Real y) { return std::abs(x) < std::abs(y); };
  Reals h(a.size());
  h[test::size(std::min_element(a.begin(), a.end(), smaller) - a.begin())] = 1;
  return test::unit(combined(h, -test::dot(a, h), a));
}

// The reflection H(a - b); the rotation H(b) H(a + b), or its transpose H(a + b) H(b).
enum class Map { reflection, rotation, transposed };

Reals mapped(Map map, const Reals& first, const Reals& second, const Reals& x) {
  const Reals a = test::unit(first), b = test::unit(second);
  Reals v = combined(a, map == Map::reflection ? -1 : 1, b);
  if (test::norm(v) == 0) v = orthogonal_to(a);
  if (map == Map::reflection) return reflected(v, x);
  return map == Map::rotation ? reflected(b, reflected(v, x)) : reflected(v, reflected(b, x));
}

template <class T>
std::vector<T> call(Map map, const std::vector<T>& a, const std::vector<T>& b,
                    const std::vector<T>& x, Index d) {
  const Index n = static_cast<Index>(x.size()) / d, pairs = static_cast<Index>(a.size()) / d;
  std::vector<T> out(x.size());
  const ConstView va(a.data(), {pairs, d}), vb(b.data(), {pairs, d}), vx(x.data(), {n, d});
  const View to(out.data(), {n, d});
  if (map == Map::reflection) {
    isokern::reflect_between(va, vb, vx, OnError::raise, to);
  } else {
    isokern::rotate_between(va, vb, vx, map == Map::transposed, OnError::raise, to);
  }
  return out;
}

constexpr Map maps[] = {Map::reflection, Map::rotation, Map::transposed};
constexpr double budget = 8;  // errors in eps |x|

}  // namespace

TEST_CASE_TEMPLATE("rows agree with the definition", T, float, double) {
  for (Index d : {2, 3, 7, 16, 33, 384, 1000}) {
    constexpr Index n = 5;
    const auto a = test::uniform<T>(n * d, 1), b = test::uniform<T>(n * d, 2);
    const auto x = test::uniform<T>(n * d, 3);
    for (Map map : maps) {
      const auto y = call(map, a, b, x, d);
      for (Index row = 0; row < n; ++row) {
        CAPTURE(d);
        CAPTURE(row);
        const auto at = [&](const std::vector<T>& rows) { return rows.data() + row * d; };
        const Reals ra = test::reals(at(a), d), rb = test::reals(at(b), d);
        const Reals rx = test::reals(at(x), d);
        // The map itself is conditioned as 1 / |a -+ b|.
        const Reals gap = combined(test::unit(ra), map == Map::reflection ? -1 : 1, test::unit(rb));
        const Real condition = std::max<Real>(1, 1 / test::norm(gap));
        CHECK(test::error(at(y), mapped(map, ra, rb, rx), test::norm(rx) * condition) <= budget);
      }
    }
  }
}

TEST_CASE_TEMPLATE("every angle: a goes to b, lengths stay", T, float, double) {
  for (Index d : {2, 3, 32, 257}) {
    const Reals a = test::unit(test::reals(test::uniform<double>(d, 1).data(), d));
    const Reals h = orthogonal_to(a);
    for (double gap : {1.0, 1e-2, 1e-4, 1e-8, 1e-16, 1e-30, 0.0}) {
      for (double sign : {1.0, -1.0}) {
        CAPTURE(d);
        CAPTURE(gap);
        CAPTURE(sign);
        std::vector<T> from(test::size(d)), to(test::size(d));
        for (Index i = 0; i < d; ++i) {
          const std::size_t at = test::size(i);
          from[at] = static_cast<T>(a[at]);
          to[at] = static_cast<T>(Real{sign} * static_cast<Real>(from[at]) + Real{gap} * h[at]);
        }
        const Reals target = test::unit(test::reals(to.data(), d));
        const Real length = test::norm(test::reals(from.data(), d));
        const auto x = test::uniform<T>(d, 3);
        for (Map map : {Map::reflection, Map::rotation}) {
          // At a = b the reflection keeps a, at b = -a the rotation turns it by pi: a goes to b.
          Reals wanted = target;
          for (Real& value : wanted) value *= length;
          CHECK(test::error(call(map, from, to, from, d).data(), wanted, length) <= budget);
          const auto y = call(map, from, to, x, d);
          const Real before = test::norm(test::reals(x.data(), d));
          const Real after = test::norm(test::reals(y.data(), d));
          CHECK(static_cast<double>(std::abs(after - before) / before) <=
                budget * static_cast<double>(std::numeric_limits<T>::epsilon()));
        }
        if (gap == 0) {
          for (Map map : maps) {
            const Reals exact = mapped(map, test::reals(from.data(), d), test::reals(to.data(), d),
                                       test::reals(x.data(), d));
            CHECK(test::error(call(map, from, to, x, d).data(), exact,
                              test::norm(test::reals(x.data(), d))) <= budget);
          }
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("matrices are the maps of the unit vectors", T, float, double) {
  for (Index d : {2, 5, 17, 64}) {
    constexpr Index n = 3;
    const auto a = test::uniform<T>(n * d, 1), b = test::uniform<T>(n * d, 2);
    for (Map map : {Map::reflection, Map::rotation}) {
      std::vector<T> matrix(test::size(n * d * d));
      const auto make =
          map == Map::reflection ? isokern::reflection_matrix : isokern::rotation_matrix;
      make({a.data(), {n, d}}, {b.data(), {n, d}}, OnError::raise, {matrix.data(), {n, d, d}});
      for (Index row = 0; row < n; ++row) {
        const Reals ra = test::reals(a.data() + row * d, d),
                    rb = test::reals(b.data() + row * d, d);
        Reals exact(test::size(d * d));
        for (Index j = 0; j < d; ++j) {
          Reals unit(test::size(d));
          unit[test::size(j)] = 1;
          const Reals column = mapped(map, ra, rb, unit);
          for (Index i = 0; i < d; ++i) exact[test::size(i * d + j)] = column[test::size(i)];
        }
        CHECK(test::error(matrix.data() + row * d * d, exact) <= budget);
      }
    }
  }
}

TEST_CASE_TEMPLATE("one reflector, with its factor and with its own", T, float, double) {
  for (Index d : {1, 2, 9, 64, 333}) {
    constexpr Index n = 4;
    const auto v = test::uniform<T>(n * d, 1), x = test::uniform<T>(n * d, 2);
    const auto tau = test::uniform<T>(n, 3);
    std::vector<T> y(test::size(n * d));
    for (bool given : {false, true}) {
      isokern::reflect({v.data(), {n, d}}, given ? ConstView(tau.data(), {n}) : ConstView(),
                       {x.data(), {n, d}}, OnError::raise, {y.data(), {n, d}});
      for (Index row = 0; row < n; ++row) {
        const Reals rv = test::reals(v.data() + row * d, d),
                    rx = test::reals(x.data() + row * d, d);
        const Real factor = given ? static_cast<Real>(tau[test::size(row)]) : 2 / test::dot(rv, rv);
        const Real scale = 1 + std::abs(factor) * test::dot(rv, rv);
        CHECK(test::error(y.data() + row * d, combined(rx, -factor * test::dot(rv, rx), rv),
                          test::norm(rx) * scale) <= budget);
      }
    }
  }
}

TEST_CASE_TEMPLATE("a bad vector: nothing is written, or NaN for its row alone", T, float, double) {
  constexpr Index n = 6, d = 5, bad = 3;
  const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
  const auto b = test::uniform<T>(n * d, 2), x = test::uniform<T>(n * d, 3);
  const auto good = call(Map::rotation, test::uniform<T>(n * d, 1), b, x, d);
  for (T value : {T(0), nan, inf}) {
    auto a = test::uniform<T>(n * d, 1);
    for (Index i = 0; i < d; ++i) a[test::size(bad * d + i)] = value;
    std::vector<T> out(test::size(n * d), T(7));
    const ConstView va(a.data(), {n, d}), vb(b.data(), {n, d}), vx(x.data(), {n, d});
    const View to(out.data(), {n, d});
    CHECK_INVALID(isokern::rotate_between(va, vb, vx, false, OnError::raise, to), "rotate_between",
                  "a ", "(3,)");
    CHECK_INVALID(isokern::reflect_between(vb, va, vx, OnError::raise, to), "reflect_between", "b ",
                  "(3,)");
    CHECK_INVALID(isokern::reflect(va, {}, vx, OnError::raise, to), "reflect", "v ", "(3,)");
    CHECK(std::all_of(out.begin(), out.end(), [](T y) { return y == T(7); }));
    isokern::rotate_between(va, vb, vx, false, OnError::nan, to);
    for (Index i = 0; i < n * d; ++i) {
      const T y = out[test::size(i)];
      CHECK((i / d == bad ? std::isnan(y) : y == good[test::size(i)]));
    }
  }
}

TEST_CASE("one dimension has one map a sign") {
  const double one = 1, minus = -1, x = 3;
  double y = 7;
  const ConstView v1(&one, {1}), v2(&minus, {1}), vx(&x, {1});
  CHECK_THROWS_AS(isokern::rotate_between(v1, v2, vx, false, OnError::raise, {&y, {1}}),
                  isokern::numerical_error);
  CHECK_THROWS_AS(isokern::reflect_between(v1, v1, vx, OnError::raise, {&y, {1}}),
                  isokern::numerical_error);
  CHECK(y == 7);
  isokern::reflect_between(v1, v2, vx, OnError::raise, {&y, {1}});
  CHECK(y == -3);
}

TEST_CASE_TEMPLATE("the same bits with one, two and three threads", T, float, double) {
  constexpr Index n = 20'000, d = 48;
  const auto a = test::uniform<T>(n * d, 1), b = test::uniform<T>(n * d, 2);
  const auto x = test::uniform<T>(n * d, 3);
  for (Map map : maps) test::check_threads([&] { return call(map, a, b, x, d); });
}
