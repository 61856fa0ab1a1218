// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Factorisations of columns of any scale and of what is not finite; threads; what is refused.
#include "reflectors.hpp"

namespace {

using isokern::ConstView;
using isokern::View;
using test::Array;
using test::Index;
using test::Matrix;
using test::Real;

constexpr double budget = 4;

struct Shape {
  Index m, n;
};

template <class T>
struct Factors {
  Array<T> v, tau, r;
  Index p;

  explicit Factors(const Array<T>& x)
      : v({x.items(), x.extent(2), std::min(x.extent(2), x.extent(1))}),
        tau({x.items(), v.extent(1)}),
        r({x.items(), v.extent(1), x.extent(1)}),
        p(v.extent(1)) {
    isokern::qr_factored(x, v.view(), tau.view(), r.view());
  }
  // Q R, from the factors alone.
  Matrix product(Index item) const {
    Matrix whole(v.extent(2), r.extent(1));
    const Matrix top = r.item(item);
    std::copy(top.data.begin(), top.data.end(), whole.data.begin());
    return test::reflected(v.item(item), tau.row(item), false, whole);
  }
};

// Q^T Q - 1 in eps, Q from the reflectors in long double.
template <class T>
double gram_error(const Factors<T>& f) {
  const Matrix q =
      test::reflected(f.v.item(), f.tau.row(), false, test::identity(f.v.extent(2), f.p));
  const Matrix gram = test::product(test::transposed(q), q);
  return test::largest_error<T>(gram.data, test::identity(f.p, f.p).data, 1);
}

template <class T>
void check_columns(const Array<T>& x) {
  const Factors<T> f(x);
  const Matrix exact = x.item();
  const double most = budget * test::terms(exact.rows, f.p);
  CHECK(test::column_error<T>(f.product(0), exact, exact) <= most);
  CHECK(gram_error(f) <= most);
}

}  // namespace

TEST_CASE_TEMPLATE("a small column beside a large one keeps its digits", T, float, double) {
  constexpr double far = std::is_same_v<T, float> ? 1e18 : 1e150;
  constexpr T most = std::numeric_limits<T>::max(), least = std::numeric_limits<T>::min();
  const std::vector<std::vector<T>> scales = {{T(far), T(1 / far)},
                                              {T(1 / far), T(far), T(1)},
                                              {T(1), T(far), T(far), T(1 / far), T(1 / far)},
                                              {most / 1024, least * 1024},
                                              {most / 1024},
                                              {least * 1024}};
  for (const Shape& shape :
       {Shape{6, 6}, Shape{9, 5}, Shape{5, 9}, Shape{70, 70}, Shape{66, 130}, Shape{130, 67}}) {
    for (const auto& factors : scales) {
      CAPTURE(shape.m);
      CAPTURE(shape.n);
      Array<T> x({1, shape.m, shape.n});
      x.randomize(1);
      for (Index i = 0; i < x.elements(); ++i)
        x[i] *= factors[test::size(i % shape.n) % factors.size()];
      check_columns(x);
      // Powers of two change nothing but the scale, as long as nothing is subnormal.
      const T power = std::is_same_v<T, float> ? T(0x1p-30) : T(0x1p-300);
      if (factors[0] != T(far)) continue;
      x.randomize(1);
      Array<T> scaled = x;
      for (Index i = 0; i < x.elements(); ++i)
        scaled[i] *= i % shape.n % 2 == 0 ? power : 1 / power;
      const Factors<T> one(x), other(scaled);
      CHECK(test::same_bits(one.v.values(), other.v.values()));
      CHECK(test::same_bits(one.tau.values(), other.tau.values()));
    }
  }
}

TEST_CASE_TEMPLATE("subnormal numbers", T, float, double) {
  const T step = std::numeric_limits<T>::denorm_min();
  for (const Shape& shape : {Shape{6, 6}, Shape{40, 33}}) {
    Array<T> x({1, shape.m, shape.n});
    x.randomize(1);
    for (Index i = 0; i < x.elements(); ++i) x[i] = std::round(x[i] * T(1000)) * step;
    const Factors<T> f(x);
    CHECK(gram_error(f) <= budget * test::terms(shape.m, shape.n));
    // Every intermediate result has a rounding of half a step an element.
    const Matrix product = f.product(0), exact = x.item();
    Real worst = 0;
    for (std::size_t i = 0; i < exact.data.size(); ++i)
      worst = std::max(worst, std::abs(product.data[i] - exact.data[i]));
    CHECK(static_cast<double>(worst / static_cast<Real>(step)) <=
          budget * std::sqrt(static_cast<double>(shape.m)));
  }
}

TEST_CASE_TEMPLATE("remainders whose squares vanish", T, float, double) {
  // Column j is 1 above its diagonal and tiny from there on, so that reflector j sees only that.
  for (const T tiny : std::is_same_v<T, float>
                          ? std::vector<T>{T(1e-14), T(1e-17), T(1e-20), T(1e-26), T(1e-36)}
                          : std::vector<T>{T(1e-135), T(1e-145), T(1e-200), T(1e-300)}) {
    for (Index n : {3, 40, 70}) {
      const Index m = n + 2;
      Array<T> x({1, m, n});
      x.randomize(5);
      for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < n; ++j) {
          T& value = x[i * n + j];
          const Index pair = j / 2 * 2;
          // Blocks (2 x 2) below a part that is large, with zeros below them.
          value = i < pair ? value : i < pair + 2 ? value * tiny : T(0);
        }
      }
      const Factors<T> f(x);
      const Matrix r = f.r.item(), exact = x.item();
      double worst = 0;
      for (Index j = 0; j + 1 < n; j += 2) {
        // The block by itself.
        Matrix block(2, 2);
        for (Index i = 0; i < 4; ++i) block(i / 2, i % 2) = exact(j + i / 2, j + i % 2);
        const Real length = test::column_norm(block, 0);
        const Real beta = -std::copysign(length, block(0, 0));
        worst = std::max(worst, static_cast<double>(std::abs(r(j, j) - beta) / length));
        const Real along = test::column_dot(block, 0, block, 1) / beta;
        worst = std::max(worst, static_cast<double>(std::abs(r(j, j + 1) - along) /
                                                    test::column_norm(block, 1)));
      }
      CAPTURE(n);
      CAPTURE(tiny);
      CHECK(worst <= budget * 4 * static_cast<double>(std::numeric_limits<T>::epsilon()));
      CHECK(gram_error(f) <= budget * test::terms(m, n));
    }
  }
  // A head that is all there is, but for digits that do not count.
  const T small = std::is_same_v<T, float> ? T(1e-30) : T(1e-200);
  Array<T> x({1, 3, 2});
  const T values[] = {T(1), T(2), small, T(3), -small, T(4)};
  for (Index i = 0; i < 6; ++i) x[i] = values[i];
  const Factors<T> f(x);
  CHECK(f.tau[0] == T(2));
  CHECK(f.r[0] == T(-1));
  CHECK(f.v[2] == small / 2);
  check_columns(x);
}

TEST_CASE_TEMPLATE("an item that is not finite becomes NaN, alone", T, float, double) {
  for (const Shape& shape : {Shape{3, 5}, Shape{5, 3}, Shape{66, 65}, Shape{8, 8}}) {
    constexpr Index items = 4, bad = 2;
    const Index p = std::min(shape.m, shape.n);
    Array<T> x({items, shape.m, shape.n}, 1);
    x.randomize(1);
    const Factors<T> good(x);
    for (T value : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                    -std::numeric_limits<T>::infinity()}) {
      for (Index where : {Index{0}, shape.m * shape.n - 1}) {
        Array<T> spoilt = x;
        spoilt[bad * shape.m * shape.n + where] = value;
        const Factors<T> f(spoilt);
        Array<T> q({items, shape.m, p}, 3), r({items, p, shape.n}, 3);
        isokern::qr(spoilt, q.view(), r.view());
        Array<T> good_q = q, good_r = r;
        isokern::qr(x, good_q.view(), good_r.view());
        const auto alone = [&](const Array<T>& got, const Array<T>& wanted) {
          for (Index i = 0; i < got.elements(); ++i) {
            const bool hit = i / (got.elements() / items) == bad;
            if (hit ? !std::isnan(got[i]) : got[i] != wanted[i]) return false;
          }
          return true;
        };
        CHECK(alone(f.v, good.v));
        CHECK(alone(f.tau, good.tau));
        CHECK(alone(f.r, good.r));
        CHECK(alone(q, good_q));
        CHECK(alone(r, good_r));
        CHECK(q.gaps_are_kept());
        CHECK(r.gaps_are_kept());
      }
    }
  }
}

TEST_CASE_TEMPLATE("the same bits with one, two and three threads", T, float, double) {
  const auto check = [](Index items, Index m, Index n) {
    Array<T> x({items, m, n});
    x.randomize(1);
    const Index p = std::min(m, n);
    Array<T> q({items, m, m}), r({items, m, n}), thin({items, m, p}), top({items, p, n});
    test::check_threads([&] {
      isokern::qr(x, q.view(), r.view());
      isokern::qr(x, thin.view(), top.view());
      std::vector<T> all = q.values();
      for (const Array<T>* more : {&r, &thin, &top}) {
        const std::vector<T> values = more->values();
        all.insert(all.end(), values.begin(), values.end());
      }
      const Factors<T> f(x);
      for (const Array<T>* more : {&f.v, &f.tau, &f.r}) {
        const std::vector<T> values = more->values();
        all.insert(all.end(), values.begin(), values.end());
      }
      return all;
    });
  };
  check(1, 260, 230);
  check(1, 70, 500);
  check(1, 500, 40);
  check(60, 20, 20);
}

TEST_CASE("arguments that do not fit") {
  std::vector<double> memory(1000, 1.0), output(1000, 7.0);
  std::vector<float> single(1000, 7.0F);
  const double* p = memory.data();
  double *o = output.data(), *second = o + 100, *third = o + 200;
  const ConstView x(p, {5, 3});
  const View q(o, {5, 3}), r(second, {3, 3}), v(o, {5, 3}), tau(third, {3}), none;
  const ConstView half(static_cast<const void*>(p), isokern::Dtype::bfloat16, {5, 3});
  CHECK_INVALID(isokern::qr(half, q, r), "qr: ", "x ", "bfloat16");
  CHECK_INVALID(isokern::qr({p, {5}}, q, r), "qr: ", "x ", "(5,)");
  CHECK_INVALID(isokern::qr(x, q, none), "qr: ", "r ");
  CHECK_INVALID(isokern::qr(x, q, {second, {3, 4}}), "qr: ", "r ", "(3, 4)", "(3, 3)");
  CHECK_INVALID(isokern::qr(x, none, {second, {5, 3}}), "qr: ", "r ", "(5, 3)", "(3, 3)");
  CHECK_INVALID(isokern::qr(x, {o, {5, 5}}, r), "qr: ", "q ", "(5, 5)", "(5, 3)");
  CHECK_INVALID(isokern::qr(x, q, {second, {5, 3}}), "qr: ", "q ", "(5, 3)", "(5, 5)");
  CHECK_INVALID(isokern::qr({p, {2, 5, 3}}, q, {second, {2, 3, 3}}), "qr: ", "q ", "(2, 5, 3)");
  CHECK_INVALID(isokern::qr(x, {single.data(), {5, 3}}, r), "qr: ", "q ", "float32");
  CHECK_INVALID(isokern::qr(x, q, {single.data(), {3, 3}}), "qr: ", "r ", "float32");
  isokern::Layout by_column;
  by_column.append(5, 1);
  by_column.append(3, 5);
  CHECK_INVALID(isokern::qr({p, by_column}, q, r), "qr: ", "x ", "strided");
  CHECK_INVALID(isokern::qr(x, {o, by_column}, r), "qr: ", "q ", "strided");
  CHECK_INVALID(isokern::qr({o + 3, {5, 3}}, q, r), "qr: ", "q ", "overlaps x");
  CHECK_INVALID(isokern::qr(x, q, {o + 9, {3, 3}}), "qr: ", "r ", "overlaps q");
  CHECK_INVALID(isokern::qr({second, {5, 3}}, q, r), "qr: ", "r ", "overlaps x");
  const char* f = "qr_factored: ";
  CHECK_INVALID(isokern::qr_factored(x, {o, {5, 5}}, tau, r), f, "v ", "(5, 5)");
  CHECK_INVALID(isokern::qr_factored(x, v, {third, {5}}, r), f, "tau ", "(5,)", "(3,)");
  CHECK_INVALID(isokern::qr_factored(x, v, none, r), f, "tau ");
  CHECK_INVALID(isokern::qr_factored(x, v, tau, {second, {5, 3}}), f, "r ", "(3, 3)");
  CHECK_INVALID(isokern::qr_factored(x, v, {o + 2, {3}}, r), f, "tau ", "overlaps v");
  CHECK_INVALID(isokern::qr_factored(x, none, tau, r), f, "v ");
  CHECK(output == std::vector<double>(1000, 7.0));
}
