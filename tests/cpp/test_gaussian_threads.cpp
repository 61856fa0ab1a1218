// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Measures, gradients and maps of batches large enough for several threads: the same bits with any
// number of them, and what is thrown is thrown in all of them alike.
#include "gaussian_forms.hpp"

using isokern::Covariance;
using test::Covs;
using test::Index;
using test::Kind;
using test::Metric;
using test::OnError;

namespace {

using Array = test::Array<double>;

std::vector<double> joined(std::initializer_list<const Array*> arrays) {
  std::vector<double> all;
  for (const Array* x : arrays) {
    const std::vector<double> values = x->values();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace

TEST_CASE("measures of every form: the same bits with any number of threads") {
  const Index n = 150, d = 12;
  const Array m1 = test::vectors(n, d, 1), m2 = test::vectors(n, d, 2);
  for (Kind kind : test::kKinds) {
    const Covs c1 = test::covs(kind, n, d, 3);
    for (const Covs& c2 : {test::covs(kind, n, d, 4), c1.moved(1e-6, 5)}) {
      for (Metric metric : test::kMetrics) {
        CAPTURE(static_cast<int>(kind));
        CAPTURE(static_cast<int>(metric));
        test::check_threads([&] {
          Array out({n});
          test::call(metric, {0.3, 0.4, true}, m1, c1, m2, c2, OnError::raise, out.view());
          return out.values();
        });
      }
    }
  }
}

TEST_CASE("many diagonals: the same bits with any number of threads") {
  const Index n = 20000, d = 12;
  const Array m1 = test::vectors(n, d, 6), m2 = test::vectors(1, d, 7);
  const Covs c1 = test::covs(Kind::diag, 1, d, 8), c2 = test::covs(Kind::diag, n, d, 9);
  for (Metric metric : test::kMetrics) {
    CAPTURE(static_cast<int>(metric));
    test::check_threads([&] {
      Array out({n});
      test::call(metric, {0.3, 0.4, true}, m1, c1, m2, c2, OnError::raise, out.view());
      return out.values();
    });
  }
}

TEST_CASE("gradients and maps: the same bits with any number of threads") {
  const Index n = 120, d = 14;
  const Array m1 = test::vectors(n, d, 11), m2 = test::vectors(n, d, 12),
              s1 = test::covariances(n, d, 13), s2 = test::covariances(n, d, 14);
  Array g({n});
  g.randomize(15);
  const auto pair_gradient = [&](auto function) {
    test::check_threads([&] {
      Array a({n, d}), b({n, d, d}), p({n, d}), q({n, d, d});
      function(g, m1, s1, m2, s2, Covariance::cov, OnError::raise, a.view(), b.view(), p.view(),
               q.view());
      return joined({&a, &b, &p, &q});
    });
  };
  pair_gradient(isokern::kl_vjp);
  pair_gradient(isokern::bhattacharyya_vjp);
  pair_gradient(isokern::wasserstein2_squared_vjp);
  test::check_threads([&] {
    Array a({n, d}), b({n, d}), c({n, d, d}), e({n, d, d}), t({n, d, d}), shift({n, d});
    isokern::log_prob_vjp(g, m1, m2, s1, Covariance::cov, OnError::raise, a.view(), b.view(),
                          c.view());
    isokern::entropy_vjp(g, s1, Covariance::precision, OnError::raise, e.view());
    isokern::monge_map(m1, s1, m2, s2, Covariance::cov, OnError::raise, t.view(), shift.view());
    return joined({&a, &b, &c, &e, &t, &shift});
  });
  test::check_threads([&] {
    Array mean({n, d}), cov({n, d, d}), middle(std::vector<Index>{d}), round({d, d});
    isokern::geodesic(m1, s1, m2, s2, 0.5, Covariance::cov, OnError::raise, mean.view(),
                      cov.view());
    isokern::barycenter(m1, s1, {}, Covariance::cov, 1e-9, 100, middle.view(), round.view());
    return joined({&mean, &cov, &middle, &round});
  });
  // One covariance that serves many points: its rows go over threads.
  const Index many = 4000;
  const Array x = test::vectors(many, d, 16), mean = test::vectors(1, d, 17),
              s = test::covariances(1, d, 18);
  Array weights({many});
  weights.randomize(19);
  test::check_threads([&] {
    Array a({many, d}), b({1, d}), c({1, d, d});
    isokern::log_prob_vjp(weights, x, mean, s, Covariance::tril, OnError::raise, a.view(), b.view(),
                          c.view());
    return joined({&a, &b, &c});
  });
}

TEST_CASE("the first bad item is blamed with any number of threads") {
  const Index n = 200, d = 24;
  Array m = test::vectors(n, d, 21), s = test::covariances(n, d, 22), t({n, d, d}), shift({n, d});
  for (Index item : {70, 130, 199}) {
    for (Index k = 0; k < d * d; ++k) s[item * d * d + k] *= -1;
  }
  t.fill(7);
  for (int threads : {1, 2, 3}) {
    const test::Threads several(threads);
    CHECK(test::contains(
        test::message_of<isokern::numerical_error>([&] {
          isokern::monge_map(m, s, m, s, Covariance::cov, OnError::raise, t.view(), shift.view());
        }),
        "monge_map: cov1 is not positive definite, or not finite, at batch index (70,)"));
    CHECK(t.all(7));
  }
}
