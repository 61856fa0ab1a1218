// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Arguments of every measure, in every form: what is refused, broadcast and empty batches, float.
#include "gaussian_forms.hpp"

using isokern::ConstView;
using isokern::Covariance;
using test::contains;
using test::Covs;
using test::Index;
using test::Kind;
using test::LowRankDiagonal;
using test::message_of;
using test::Metric;
using test::OnError;
using test::Real;

namespace {

using Array = test::Array<double>;
using Floats = test::Array<float>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Floats narrowed(const Array& x, const std::vector<Index>& shape) {
  Floats y(shape, 1);
  for (Index i = 0; i < x.elements(); ++i) y[i] = static_cast<float>(x[i]);
  return y;
}

}  // namespace

TEST_CASE("what measures refuse, by name") {
  const Index d = 3;
  const Array m = test::vectors(2, d, 51);
  Array out({2}), s = test::covariances(2, d, 52);
  out.fill(7);
  CHECK_INVALID(
      isokern::geometric_js(m, s, m, s, 1.5, false, Covariance::cov, OnError::raise, out.view()),
      "geometric_js: weight is 1.5", "expected a number from 0 to 1");
  CHECK_INVALID(isokern::pairwise(Metric::renyi, m, s, m, s, Covariance::cov, OnError::raise,
                                  Array({2, 2}).view()),
                "pairwise: alpha is 0");
  CHECK_INVALID(isokern::mahalanobis({}, s, {}, s, Covariance::cov, OnError::raise, out.view()),
                "mahalanobis: mean1 is absent");
  CHECK_INVALID(isokern::jeffreys(m, s, m, {}, Covariance::cov, OnError::raise, out.view()),
                "jeffreys: cov2");
  Array short_factor({2, 2, 5}), diag({2, d}), narrow({2, 2});
  CHECK_INVALID(
      isokern::hellinger(m, s, m, short_factor, Covariance::factor, OnError::raise, out.view()),
      "hellinger: cov2 has shape (2, 2, 5), expected (..., 3, r)");
  CHECK_INVALID(isokern::jeffreys(m, diag, m, narrow, Covariance::diag, OnError::raise, out.view()),
                "jeffreys: cov2 has shape (2, 2), expected (..., 3)");
  CHECK_INVALID(isokern::kl(m, LowRankDiagonal{s, narrow}, m, LowRankDiagonal{s, diag},
                            OnError::raise, out.view()),
                "kl: the diagonal of cov1 has shape (2, 2), expected (..., 3)");
  CHECK_INVALID(isokern::kl(m, LowRankDiagonal{s, diag}, m, LowRankDiagonal{short_factor, diag},
                            OnError::raise, out.view()),
                "kl: the diagonal of cov2 has shape (2, 3), expected (..., 2)");
  CHECK_INVALID(isokern::wasserstein2(m, s, m, s, Covariance::cov, OnError::raise, s.view()),
                "wasserstein2: out has shape (2, 3, 3), expected (2,)");
  CHECK(out.all(7));
  for (Kind kind : test::kKinds) {
    Covs c = test::covs(kind, 2, d, 53), e = c;
    CAPTURE(static_cast<int>(kind));
    (kind == Kind::lowrank
         ? c.diagonal
         : c.given)[kind == Kind::lowrank || kind == Kind::diag ? 2 * d - 1
                                                                : c.given.elements() - 1] = kNaN;
    for (Metric metric : test::kMetrics) {
      CAPTURE(static_cast<int>(metric));
      const test::MetricOptions options{0.4, 0.5, false};
      const std::string text = message_of<isokern::numerical_error>(
          [&] { test::call(metric, options, m, e, m, c, OnError::raise, out.view()); });
      CHECK(contains(text, ": cov2 is not positive definite, or not finite, at batch index (1,)"));
      CHECK(out.all(7));
      Array all({2, 2});
      CHECK(
          contains(message_of<isokern::numerical_error>([&] {
                     test::call_pairwise(metric, options, m, e, m, c, OnError::raise, all.view());
                   }),
                   "pairwise: cov2 is not positive definite, or not finite, at batch index (1,)"));
      Array some({2});
      test::call(metric, options, m, e, m, c, OnError::nan, some.view());
      CHECK(std::isfinite(some[0]));
      CHECK(std::isnan(some[1]));
      test::call_pairwise(metric, options, m, e, m, c, OnError::nan, all.view());
      CHECK(std::isfinite(all[0]));
      CHECK(std::isnan(all[1]));
      CHECK(std::isnan(all[3]));
    }
  }
}

TEST_CASE("batches broadcast, and may be empty") {
  const Index n = 4, d = 3;
  const Array m1 = test::vectors(n, d, 61), m2 = test::vectors(1, d, 62);
  for (Kind kind : test::kKinds) {
    const Covs c1 = test::covs(kind, n, d, 63), c2 = test::covs(kind, 1, d, 64);
    const Covs none = test::covs(kind, 0, d, 65);
    for (Metric metric : test::kMetrics) {
      CAPTURE(static_cast<int>(kind));
      CAPTURE(static_cast<int>(metric));
      const test::MetricOptions options{0.4, 0.5, false};
      Array out({n}), empty(std::vector<Index>{0});
      test::call(metric, options, m1, c1, m2, c2, OnError::raise, out.view());
      const Real wanted = test::definition(metric, options, test::difference(m1, n - 1, m2, 0),
                                           c1.matrix(n - 1), c2.matrix(0));
      CHECK(out[n - 1] == doctest::Approx(static_cast<double>(wanted)).epsilon(1e-9));
      test::call(metric, options, Array({0, d}), none, m2, c2, OnError::raise, empty.view());
      Array no_rows({0, 1});
      test::call_pairwise(metric, options, Array({0, d}), none, m2, c2, OnError::raise,
                          no_rows.view());
    }
  }
}

TEST_CASE("float is computed in double, in every form") {
  const Index n = 3, d = 3;
  const Array m1 = test::vectors(n, d, 71), m2 = test::vectors(n, d, 72);
  const Floats a = narrowed(m1, {n, d}), b = narrowed(m2, {n, d});
  for (Kind kind : test::kKinds) {
    const Covs c1 = test::covs(kind, n, d, 73), c2 = test::covs(kind, n, d, 74);
    std::vector<Index> shape{n, d};
    if (kind != Kind::diag) shape.push_back(c1.given.extent(1));
    const Floats f1 = narrowed(c1.given, shape), f2 = narrowed(c2.given, shape);
    for (Metric metric : test::kMetrics) {
      CAPTURE(static_cast<int>(kind));
      CAPTURE(static_cast<int>(metric));
      const test::MetricOptions options{0.4, 0.5, false};
      Floats out({n}, 1);
      Array exact({n});
      test::call(metric, options, m1, c1, m2, c2, OnError::raise, exact.view());
      if (kind == Kind::lowrank) {
        const Floats d1 = narrowed(c1.diagonal, {n, d}), d2 = narrowed(c2.diagonal, {n, d});
        test::call<LowRankDiagonal>(metric, options, a, {f1, d1}, b, {f2, d2}, OnError::raise,
                                    out.view());
      } else {
        test::call<ConstView>(metric, options, a, f1, b, f2, test::form_of(kind), OnError::raise,
                              out.view());
      }
      for (Index i = 0; i < n; ++i)
        CHECK(static_cast<double>(out[i]) == doctest::Approx(exact[i]).epsilon(1e-4));
    }
  }
}
