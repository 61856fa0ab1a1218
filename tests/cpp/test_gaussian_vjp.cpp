// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Gradients of the measures of normals against central differences.
#include <functional>

#include "gaussians.hpp"

using isokern::ConstView;
using isokern::Covariance;
using isokern::OnError;
using isokern::View;
using test::Index;

namespace {

using Array = test::Array<double>;

constexpr Covariance kForms[] = {Covariance::cov, Covariance::tril, Covariance::precision};

struct Measure {
  const char* name;
  std::function<void(const ConstView&, const ConstView&, const ConstView&, const ConstView&,
                     Covariance, const View&)>
      value;
  std::function<void(const ConstView&, const ConstView&, const ConstView&, const ConstView&,
                     const ConstView&, Covariance, const View&, const View&, const View&,
                     const View&)>
      gradient;
};

std::vector<Measure> measures() {
  const auto raise = OnError::raise;
  return {
      {"kl",
       [=](auto& m, auto& c, auto& n, auto& e, Covariance form, auto& out) {
         isokern::kl(m, c, n, e, form, raise, out);
       },
       [=](auto& g, auto& m, auto& c, auto& n, auto& e, Covariance form, auto& a, auto& b, auto& p,
           auto& q) { isokern::kl_vjp(g, m, c, n, e, form, raise, a, b, p, q); }},
      {"bhattacharyya",
       [=](auto& m, auto& c, auto& n, auto& e, Covariance form, auto& out) {
         isokern::bhattacharyya(m, c, n, e, form, raise, out);
       },
       [=](auto& g, auto& m, auto& c, auto& n, auto& e, Covariance form, auto& a, auto& b, auto& p,
           auto& q) { isokern::bhattacharyya_vjp(g, m, c, n, e, form, raise, a, b, p, q); }},
      {"renyi",
       [=](auto& m, auto& c, auto& n, auto& e, Covariance form, auto& out) {
         isokern::renyi(m, c, n, e, 0.7, form, raise, out);
       },
       [=](auto& g, auto& m, auto& c, auto& n, auto& e, Covariance form, auto& a, auto& b, auto& p,
           auto& q) { isokern::renyi_vjp(g, m, c, n, e, 0.7, form, raise, a, b, p, q); }},
      {"wasserstein2_squared",
       [=](auto& m, auto& c, auto& n, auto& e, Covariance form, auto& out) {
         if (form != Covariance::precision)
           return isokern::wasserstein2_squared(m, c, n, e, form, raise, out);
         // That of precisions is that of their inverses.
         const auto inverse = [&](const ConstView& x) {
           Array result({x.shape[0], x.shape[1], x.shape[2]});
           isokern::factor(x, isokern::FactorResult::inverse, raise, result.view());
           return result;
         };
         isokern::wasserstein2_squared(m, inverse(c), n, inverse(e), Covariance::cov, raise, out);
       },
       [=](auto& g, auto& m, auto& c, auto& n, auto& e, Covariance form, auto& a, auto& b, auto& p,
           auto& q) { isokern::wasserstein2_squared_vjp(g, m, c, n, e, form, raise, a, b, p, q); }},
  };
}

// A direction that keeps a matrix symmetric, or lower triangular.
Array direction(const Array& like, Covariance form, std::uint64_t stream) {
  Array u = like;
  u.randomize(stream);
  for (Index item = 0; item < like.items(); ++item) {
    for (Index i = 0; i < like.extent(1); ++i) {
      for (Index j = 0; j < i; ++j)
        u[u.index(item, j, i)] = form == Covariance::tril ? 0 : u[u.index(item, i, j)];
    }
  }
  return u;
}

Array moved(const Array& x, const Array& u, double step) {
  Array y = x;
  for (Index i = 0; i < x.elements(); ++i) y[i] += step * u[i];
  return y;
}

double dot(const Array& x, const Array& y) {
  double sum = 0;
  for (Index i = 0; i < x.elements(); ++i) sum += x[i] * y[i];
  return sum;
}

}  // namespace

TEST_CASE("gradients of pairs, of which the second is shared") {
  const Index n = 3, d = 4;
  const Array s1 = test::covariances(n, d, 11), s2 = test::covariances(1, d, 12);
  Array m1({n, d}, 1), m2({1, d}), g({n}, 2), u1({n, d}), u2({1, d});
  m1.randomize(13);
  m2.randomize(14);
  g.randomize(15);
  u1.randomize(16);
  u2.randomize(17);
  for (const Measure& measure : measures()) {
    for (Covariance form : kForms) {
      CAPTURE(measure.name);
      const Array c1 = test::in_form(s1, form), c2 = test::in_form(s2, form);
      const Array v1 = direction(c1, form, 18), v2 = direction(c2, form, 19);
      Array a({n, d}, 1), b({n, d, d}, 2), p({1, d}), q({1, d, d});
      measure.gradient(g.view(), m1, c1, m2, c2, form, a.view(), b.view(), p.view(), q.view());
      CHECK(a.gaps_are_kept());
      CHECK(b.gaps_are_kept());
      const double slope = dot(a, u1) + dot(b, v1) + dot(p, u2) + dot(q, v2);
      const double step = 1e-5;
      double ends[2];
      for (int side = 0; side < 2; ++side) {
        const double h = side == 0 ? step : -step;
        Array out({n});
        measure.value(moved(m1, u1, h), moved(c1, v1, h), moved(m2, u2, h), moved(c2, v2, h), form,
                      out.view());
        ends[side] = dot(out, g);
      }
      CHECK(slope == doctest::Approx((ends[0] - ends[1]) / (2 * step)).epsilon(1e-6));
      for (Index i = 0; i < d; ++i) {
        for (Index j = 0; j < i; ++j) {
          if (form == Covariance::tril) {
            CHECK(q[q.index(0, j, i)] == 0);
          } else {
            CHECK(q[q.index(0, j, i)] == doctest::Approx(q[q.index(0, i, j)]));
          }
        }
      }
      // At equal arguments, without means
      Array e({n, d, d}), zero({n, d, d});
      measure.gradient(g.view(), {}, c1, {}, c1, form, {}, e.view(), {}, zero.view());
      for (Index i = 0; i < e.elements(); ++i) CHECK(std::abs(e[i]) < 1e-12);
    }
  }
}

TEST_CASE("gradients of one distribution") {
  const Index n = 5, d = 3;
  const Array s = test::covariances(1, d, 21);
  Array x({n, d}, 1), mean({1, d}), g({n}), u({n, d}), v({1, d}), one(std::vector<Index>{1});
  x.randomize(22);
  mean.randomize(23);
  g.randomize(24);
  u.randomize(25);
  v.randomize(26);
  one.fill(1);
  for (Covariance form : kForms) {
    const Array c = test::in_form(s, form), w = direction(c, form, 27);
    Array a({n, d}), b({1, d}), e({1, d, d}), h({1, d, d}, 1);
    isokern::log_prob_vjp(g, x, mean, c, form, OnError::raise, a.view(), b.view(), e.view());
    isokern::entropy_vjp(one, c, form, OnError::raise, h.view());
    CHECK(h.gaps_are_kept());
    double logs[2], entropies[2];
    const double step = 1e-5;
    for (int side = 0; side < 2; ++side) {
      const double t = side == 0 ? step : -step;
      Array out({n}), value(std::vector<Index>{1});
      isokern::log_prob(moved(x, u, t), moved(mean, v, t), moved(c, w, t), form, OnError::raise,
                        out.view());
      isokern::entropy(moved(c, w, t), form, OnError::raise, value.view());
      logs[side] = dot(out, g);
      entropies[side] = value[0];
    }
    CHECK(dot(a, u) + dot(b, v) + dot(e, w) ==
          doctest::Approx((logs[0] - logs[1]) / (2 * step)).epsilon(1e-6));
    CHECK(dot(h, w) == doctest::Approx((entropies[0] - entropies[1]) / (2 * step)).epsilon(1e-6));
  }
}

TEST_CASE("what gradients refuse") {
  const Index d = 3;
  Array s = test::covariances(2, d, 31);
  Array m({2, d}), g({2}), a({2, d}), b({2, d, d}), p({2, d}), q({2, d, d}), small({1, d, d});
  g.fill(1);
  b.fill(7);
  CHECK_INVALID(isokern::kl_vjp(m.view(), m, s, m, s, Covariance::cov, OnError::raise, a.view(),
                                b.view(), p.view(), q.view()),
                "kl_vjp: g has shape (2, 3), expected (2,)");
  CHECK_INVALID(isokern::kl_vjp(g, m, s, m, s, Covariance::cov, OnError::raise, a.view(), b.view(),
                                p.view(), small.view()),
                "kl_vjp: cov2_bar has shape (1, 3, 3), expected (2, 3, 3)");
  CHECK_INVALID(isokern::kl_vjp(g, m, s, m, s, Covariance::cov, OnError::raise, a.view(), s.view(),
                                p.view(), q.view()),
                "cov1_bar overlaps cov1");
  CHECK_INVALID(isokern::kl_vjp(g, {}, s, {}, s, Covariance::cov, OnError::raise, a.view(),
                                b.view(), p.view(), q.view()),
                "expected both or none");
  CHECK_INVALID(isokern::renyi_vjp(g, m, s, m, s, -1, Covariance::cov, OnError::raise, a.view(),
                                   b.view(), p.view(), q.view()),
                "renyi_vjp: alpha is -1");
  for (Index k = 0; k < d * d; ++k) s[d * d + k] *= -1;
  CHECK(
      test::contains(test::message_of<isokern::numerical_error>([&] {
                       isokern::kl_vjp(g, m, s, m, s, Covariance::cov, OnError::raise, a.view(),
                                       b.view(), p.view(), q.view());
                     }),
                     "kl_vjp: cov1 is not positive definite, or not finite, at batch index (1,)"));
  CHECK(b.all(7));
  isokern::wasserstein2_squared_vjp(g, m, s, m, s, Covariance::cov, OnError::nan, a.view(),
                                    b.view(), p.view(), q.view());
  CHECK(b[0] == 0);
  CHECK(std::isnan(b[d * d]));
}
