// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Every measure of every form against its definition, at equal and at nearly equal distributions.
#include "gaussian_forms.hpp"

using test::Covs;
using test::Index;
using test::Kind;
using test::Metric;
using test::MetricOptions;
using test::OnError;
using test::Real;

namespace {

using Array = test::Array<double>;

std::vector<MetricOptions> options_of(Metric metric) {
  if (metric == Metric::renyi) return {{0.3}, {0.999999}, {1.1}};
  if (metric == Metric::geometric_js)
    return {{0, 0.5, false}, {0, 0.2, true}, {0, 0.0, false}, {0, 1.0, true}};
  return {{}};
}

// With gaps between them.
Array vectors(Index items, Index d, std::uint64_t stream) {
  Array x({items, d}, 1);
  x.randomize(stream);
  return x;
}

}  // namespace

TEST_CASE("measures of every form are what they are defined to be") {
  for (Index d : {1, 2, 5, 9}) {
    const Index n = 6;
    const Array m1 = vectors(n, d, 1), m2 = vectors(n, d, 2);
    for (Kind kind : test::kKinds) {
      const Covs c1 = test::covs(kind, n, d, 3), c2 = test::covs(kind, n, d, 4, 3);
      for (Metric metric : test::kMetrics) {
        for (const MetricOptions& options : options_of(metric)) {
          CAPTURE(d);
          CAPTURE(static_cast<int>(kind));
          CAPTURE(static_cast<int>(metric));
          CAPTURE(options.alpha);
          Array out({n}, 2);
          test::call(metric, options, m1, c1, m2, c2, OnError::raise, out.view());
          CHECK(out.gaps_are_kept());
          for (Index i = 0; i < n; ++i) {
            const Real wanted = test::definition(metric, options, test::difference(m1, i, m2, i),
                                                 c1.matrix(i), c2.matrix(i));
            if (std::isnan(wanted)) {  // a mixture that is not positive definite
              CHECK(std::isinf(out[i]));
            } else {
              CHECK(static_cast<Real>(out[i]) ==
                    doctest::Approx(static_cast<double>(wanted)).epsilon(1e-9));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("equal distributions have no distance at all") {
  const Index n = 4, d = 5;
  const Array m = vectors(n, d, 11);
  for (Kind kind : test::kKinds) {
    const Covs c = test::covs(kind, n, d, 13);
    for (Metric metric : test::kMetrics) {
      if (metric == Metric::cross_entropy) continue;
      for (const MetricOptions& options : options_of(metric)) {
        CAPTURE(static_cast<int>(kind));
        CAPTURE(static_cast<int>(metric));
        Array out({n});
        out.fill(1);
        test::call(metric, options, m, c, m, c, OnError::raise, out.view());
        CHECK(out.all(0));
      }
    }
  }
}

TEST_CASE("nearly equal distributions keep their digits") {
  const Index n = 3, d = 5;
  const Array m1 = vectors(n, d, 21), u = vectors(n, d, 22);
  for (double step : {1e-3, 1e-6}) {
    Array m2 = m1;
    for (Index i = 0; i < m2.elements(); ++i) m2[i] += step * u[i];
    for (Kind kind : test::kKinds) {
      const Covs c1 = test::covs(kind, n, d, 23), c2 = c1.moved(step, 24);
      for (Metric metric : test::kMetrics) {
        for (const MetricOptions& options : options_of(metric)) {
          CAPTURE(step);
          CAPTURE(static_cast<int>(kind));
          CAPTURE(static_cast<int>(metric));
          CAPTURE(options.alpha);
          if (std::abs(options.alpha - 1) < 1e-3) continue;          // the definition cancels
          if (options.weight == 0 || options.weight == 1) continue;  // it is 0
          Array out({n});
          test::call(metric, options, m1, c1, m2, c2, OnError::raise, out.view());
          for (Index i = 0; i < n; ++i) {
            const Real wanted = test::definition(metric, options, test::difference(m1, i, m2, i),
                                                 c1.matrix(i), c2.matrix(i));
            // Long double itself loses digits here.
            CHECK(test::close(static_cast<Real>(out[i]), wanted, step < 1e-4 ? 1e-5L : 1e-9L));
          }
        }
      }
    }
  }
}

TEST_CASE("far below where a difference of traces ends, distances follow the square of the step") {
  const Index n = 2, d = 4;
  for (Kind kind : test::kKinds) {
    const Covs c = test::covs(kind, n, d, 31);
    for (Metric metric : {Metric::kl, Metric::bhattacharyya, Metric::renyi, Metric::geometric_js,
                          Metric::wasserstein2_squared}) {
      CAPTURE(static_cast<int>(kind));
      CAPTURE(static_cast<int>(metric));
      Array large({n}), small({n});
      const MetricOptions options{0.3, 0.5, false};
      // Powers of two times the same change: without means it is that of the covariances alone.
      test::call(metric, options, {}, c, {}, c.moved(0x1p-20, 32), OnError::raise, large.view());
      test::call(metric, options, {}, c, {}, c.moved(0x1p-30, 32), OnError::raise, small.view());
      for (Index i = 0; i < n; ++i)
        CHECK(large[i] / small[i] == doctest::Approx(0x1p20).epsilon(1e-4));
    }
  }
}

TEST_CASE("all pairs of every metric are its pairs") {
  const Index n = 3, m = 2, d = 4;
  const Array m1 = vectors(n, d, 41), m2 = vectors(m, d, 42);
  for (Kind kind : test::kKinds) {
    const Covs c1 = test::covs(kind, n, d, 43), c2 = test::covs(kind, m, d, 44);
    for (Metric metric : test::kMetrics) {
      CAPTURE(static_cast<int>(kind));
      CAPTURE(static_cast<int>(metric));
      const MetricOptions options{0.4, 0.3, true};
      Array out({n, m}, 2);
      test::call_pairwise(metric, options, m1, c1, m2, c2, OnError::raise, out.view());
      CHECK(out.gaps_are_kept());
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < m; ++j) {
          const Real wanted = test::definition(metric, options, test::difference(m1, i, m2, j),
                                               c1.matrix(i), c2.matrix(j));
          CHECK(out[i * m + j] == doctest::Approx(static_cast<double>(wanted)).epsilon(1e-9));
        }
      }
      // A set and one near it
      Array near({n, n});
      const Covs c3 = c1.moved(0x1p-24, 45);
      test::call_pairwise(metric, options, m1, c1, m1, c3, OnError::raise, near.view());
      Array pairs({n});
      test::call(metric, options, m1, c1, m1, c3, OnError::raise, pairs.view());
      for (Index i = 0; i < n; ++i)
        CHECK(test::close(static_cast<Real>(near[i * n + i]), static_cast<Real>(pairs[i]), 1e-6L));
    }
  }
}

TEST_CASE("Mahalanobis' distance in one covariance") {
  const Index n = 5, d = 4;
  const Array m1 = vectors(n, d, 51), m2 = vectors(1, d, 52);
  for (Kind kind : test::kKinds) {
    const Covs c = test::covs(kind, 1, d, 53);
    Array out({n}), square({n});
    if (kind == Kind::lowrank) {
      isokern::mahalanobis(m1, c.pair(), m2, {}, OnError::raise, out.view());
      isokern::mahalanobis_squared(m1, c.pair(), m2, {}, OnError::raise, square.view());
    } else {
      const auto form = test::form_of(kind);
      isokern::mahalanobis(m1, c.view(), m2, {}, form, OnError::raise, out.view());
      isokern::mahalanobis_squared(m1, c.view(), m2, {}, form, OnError::raise, square.view());
    }
    for (Index i = 0; i < n; ++i) {
      const Real wanted =
          test::squares(test::solve(test::cholesky(c.matrix(0)), test::difference(m1, i, m2, 0)));
      CHECK(square[i] == doctest::Approx(static_cast<double>(wanted)).epsilon(1e-10));
      CHECK(out[i] == doctest::Approx(static_cast<double>(std::sqrt(wanted))).epsilon(1e-10));
    }
  }
}

TEST_CASE("entropy and log-density of the other forms") {
  const Index n = 2, d = 4;
  const Array x = vectors(3, d, 61), mean = vectors(n, d, 62);
  for (Kind kind : {Kind::factor, Kind::diag, Kind::lowrank}) {
    const Covs c = test::covs(kind, n, d, 63);
    Array values({n}), logs({3, n});
    const isokern::ConstView all = x;
    isokern::ConstView points = all;  // (3, 1, d)
    points = isokern::ConstView(all.data, all.dtype, {});
    points.append(3, all.strides[0]);
    points.append(1, 0);
    points.append(d, 1);
    if (kind == Kind::lowrank) {
      isokern::entropy(c.pair(), OnError::raise, values.view());
      isokern::log_prob(points, mean, c.pair(), OnError::raise, logs.view());
    } else {
      isokern::entropy(c.view(), test::form_of(kind), OnError::raise, values.view());
      isokern::log_prob(points, mean, c.view(), test::form_of(kind), OnError::raise, logs.view());
    }
    for (Index i = 0; i < n; ++i) {
      const Real half = test::half_log_det(c.matrix(i)), size = static_cast<Real>(d);
      CHECK(values[i] ==
            doctest::Approx(static_cast<double>(size * (1 + test::kLog2Pi) / 2 + half)));
      for (Index k = 0; k < 3; ++k) {
        const Real square = test::squares(
            test::solve(test::cholesky(c.matrix(i)), test::difference(x, k, mean, i)));
        CHECK(logs[k * n + i] ==
              doctest::Approx(static_cast<double>(-(size * test::kLog2Pi + square) / 2 - half)));
      }
    }
  }
}
