// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Entropy and log-density, all pairs of two sets, and every function in float.
#include "gaussians.hpp"

using isokern::ConstView;
using isokern::Covariance;
using isokern::Metric;
using isokern::OnError;
using test::close;
using test::covariances;
using test::Index;
using test::Matrix;
using test::Real;

namespace {

using Array = test::Array<double>;
using Floats = test::Array<float>;

constexpr Covariance kForms[] = {Covariance::cov, Covariance::tril, Covariance::precision};
const Real kLog2Pi = std::log(2 * std::acos(-1.0L));

Floats narrowed(const Array& x, const std::vector<Index>& shape) {
  Floats y(shape, 1);
  for (Index i = 0; i < x.elements(); ++i) y[i] = static_cast<float>(x[i]);
  return y;
}

}  // namespace

TEST_CASE("entropy and log-density") {
  for (Index d : {1, 3, 8}) {
    const Array s = covariances(4, d, 31);
    Array x({6, 1, d}, 2), mean({4, d}), logs({6, 4}), values({4});
    x.randomize(32);
    mean.randomize(33);
    for (Covariance form : kForms) {
      const Array given = test::in_form(s, form);
      isokern::entropy(given, form, OnError::raise, values.view());
      isokern::log_prob(x, mean, given, form, OnError::raise, logs.view());
      for (Index item = 0; item < 4; ++item) {
        const Matrix cov = s.item(item);
        const Real half = test::half_log_det(cov), size = static_cast<Real>(d);
        CHECK(close(static_cast<Real>(values[item]), size * (1 + kLog2Pi) / 2 + half, 1e-11L));
        for (Index point = 0; point < 6; ++point) {
          Matrix delta(d, 1);
          for (Index i = 0; i < d; ++i)
            delta(i, 0) =
                static_cast<Real>(x[point * d + i]) - static_cast<Real>(mean[item * d + i]);
          const Real square = test::squares(test::solve(test::cholesky(cov), delta));
          CHECK(close(static_cast<Real>(logs[point * 4 + item]),
                      -(size * kLog2Pi + square) / 2 - half, 1e-11L));
        }
      }
    }
  }
}

TEST_CASE("all pairs are the pairs") {
  const Index n = 4, m = 3, d = 5;
  const Array s1 = covariances(n, d, 41), s2 = covariances(m, d, 42);
  Array mean1({n, d}, 1), mean2({m, d}), all({n, m}, 2), one(std::vector<Index>{1});
  mean1.randomize(43);
  mean2.randomize(44);
  for (Covariance form : kForms) {
    const Array c1 = test::in_form(s1, form), c2 = test::in_form(s2, form);
    for (Metric metric : {Metric::kl, Metric::bhattacharyya, Metric::wasserstein2_squared}) {
      isokern::pairwise(metric, mean1, c1, mean2, c2, form, OnError::raise, all.view());
      CHECK(all.gaps_are_kept());
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < m; ++j) {
          Array a({1, d}), b({1, d}), p({1, d, d}), q({1, d, d});
          for (Index k = 0; k < d; ++k) {
            a[k] = mean1[i * d + k];
            b[k] = mean2[j * d + k];
          }
          for (Index k = 0; k < d * d; ++k) {
            p[k] = s1[i * d * d + k];
            q[k] = s2[j * d * d + k];
          }
          if (metric == Metric::kl) {
            isokern::kl(a, p, b, q, Covariance::cov, OnError::raise, one.view());
          } else if (metric == Metric::bhattacharyya) {
            isokern::bhattacharyya(a, p, b, q, Covariance::cov, OnError::raise, one.view());
          } else {
            isokern::wasserstein2_squared(a, p, b, q, Covariance::cov, OnError::raise, one.view());
          }
          CHECK(close(static_cast<Real>(all[i * m + j]), static_cast<Real>(one[0]), 1e-10L));
        }
      }
    }
  }
  Array bad = s2;
  for (Index k = 0; k < d * d; ++k) bad[2 * d * d + k] *= -1;
  all.fill(7);
  CHECK(test::contains(
      test::message_of<isokern::numerical_error>([&] {
        isokern::pairwise(Metric::kl, mean1, s1, mean2, bad, Covariance::cov, OnError::raise,
                          all.view());
      }),
      "pairwise: cov2 is not positive definite, or not finite, at batch index (2,)"));
  CHECK(all.all(7));
  isokern::pairwise(Metric::bhattacharyya, mean1, s1, mean2, bad, Covariance::cov, OnError::nan,
                    all.view());
  for (Index i = 0; i < n; ++i) {
    CHECK(std::isnan(all[i * m + 2]));
    CHECK(all[i * m + 1] > 0);
  }
  CHECK_INVALID(isokern::pairwise(Metric::kl, mean1, s2, mean2, s2, Covariance::cov, OnError::raise,
                                  all.view()),
                "pairwise: mean1 and cov1 have shapes (4, 5) and (3, 5, 5)");
}

TEST_CASE("other forms of Renyi's divergence, and its infinity") {
  const Index d = 4;
  const Array s1 = covariances(3, d, 51), s2 = covariances(3, d, 52);
  Array mean1({3, d}), mean2({3, d}), whole({3}), other({3});
  mean1.randomize(53);
  mean2.fill(0);
  isokern::renyi(mean1, s1, mean2, s2, 0.4, OnError::raise, whole.view());
  for (Covariance form : kForms) {
    isokern::renyi(mean1, test::in_form(s1, form), mean2, test::in_form(s2, form), 0.4, form,
                   OnError::raise, other.view());
    for (Index i = 0; i < 3; ++i)
      CHECK(close(static_cast<Real>(other[i]), static_cast<Real>(whole[i]), 1e-10L));
  }
  Array far = s2;
  for (Index i = 0; i < far.elements(); ++i) far[i] = s1[i] * 0.01;
  mean1[d] = std::numeric_limits<double>::quiet_NaN();
  isokern::renyi(mean1, s1, mean2, far, 3.0, OnError::raise, other.view());
  CHECK(std::isinf(other[0]));
  CHECK(std::isnan(other[1]));
}

TEST_CASE("float is computed in double and rounded") {
  const Index d = 4;
  const Array s1 = covariances(3, d, 61), s2 = covariances(3, d, 62);
  Array m1({3, d}), m2({3, d});
  m1.randomize(63);
  m2.randomize(64);
  const Floats c1 = narrowed(s1, {3, d, d}), c2 = narrowed(s2, {3, d, d}),
               mean1 = narrowed(m1, {3, d}), mean2 = narrowed(m2, {3, d});
  Floats out({3}, 1), factors({3, d, d}, 2), solved({3, d, d});
  Array exact({3}), wide({3, d, d});
  const auto check = [&] {
    CHECK(out.gaps_are_kept());
    for (Index i = 0; i < 3; ++i)
      CHECK(close(static_cast<Real>(out[i]), static_cast<Real>(exact[i]), 1e-4L));
  };
  isokern::kl(mean1, c1, mean2, c2, Covariance::cov, OnError::raise, out.view());
  isokern::kl(m1, s1, m2, s2, Covariance::cov, OnError::raise, exact.view());
  check();
  isokern::bhattacharyya(mean1, c1, mean2, c2, {}, {}, OnError::raise, out.view());
  isokern::bhattacharyya(m1, s1, m2, s2, {}, {}, OnError::raise, exact.view());
  check();
  isokern::wasserstein2_squared({}, c1, {}, c2, Covariance::cov, OnError::raise, out.view());
  isokern::wasserstein2_squared({}, s1, {}, s2, Covariance::cov, OnError::raise, exact.view());
  check();
  isokern::entropy(c1, Covariance::cov, OnError::raise, out.view());
  isokern::entropy(s1, Covariance::cov, OnError::raise, exact.view());
  for (Index i = 0; i < 3; ++i) CHECK(std::abs(static_cast<double>(out[i]) - exact[i]) < 1e-4);
  isokern::factor(c1, isokern::FactorResult::cholesky, OnError::raise, factors.view());
  isokern::factor(s1, isokern::FactorResult::cholesky, OnError::raise, wide.view());
  CHECK(factors.gaps_are_kept());
  for (Index i = 0; i < wide.elements(); ++i)
    CHECK(std::abs(static_cast<double>(factors[i]) - wide[i]) < 1e-5);
  isokern::solve_triangular(factors, factors, true, solved.view());
  for (Index i = 0; i < d; ++i) CHECK(solved[solved.index(1, i, i)] == doctest::Approx(1));
  CHECK_INVALID(isokern::kl(m1, c1, m2, c2, Covariance::cov, OnError::raise, out.view()),
                "kl: mean1 has dtype float64, expected float32");
}

TEST_CASE("what is not finite is refused in every form") {
  const Index d = 3;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Array lower = test::in_form(covariances(2, d, 71), Covariance::tril), out({2});
  lower[lower.index(1, 2, 0)] = nan;
  CHECK(test::contains(test::message_of<isokern::numerical_error>([&] {
                         isokern::kl({}, lower, {}, lower, Covariance::tril, OnError::raise,
                                     out.view());
                       }),
                       "kl: cov1 is not positive definite, or not finite, at batch index (1,)"));
  isokern::kl({}, lower, {}, lower, Covariance::tril, OnError::nan, out.view());
  CHECK(std::isnan(out[1]));
  CHECK(out[0] == 0);
  lower[lower.index(1, 2, 0)] = 0;
  lower[lower.index(1, 0, 2)] = nan;  // above the diagonal, where nobody looks
  isokern::kl({}, lower, {}, lower, Covariance::tril, OnError::raise, out.view());
  CHECK(out.all(0));
  isokern::entropy(lower, Covariance::tril, OnError::raise, out.view());
  lower[lower.index(0, 1, 1)] = -1;
  CHECK(
      test::contains(test::message_of<isokern::numerical_error>([&] {
                       isokern::entropy(lower, Covariance::tril, OnError::raise, out.view());
                     }),
                     "entropy: cov is not positive definite, or not finite, at batch index (0,)"));
}
