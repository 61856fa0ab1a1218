// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Optimal transport between normals, against what defines it and against diagonals.
#include "gaussians.hpp"

using isokern::Covariance;
using isokern::OnError;
using test::close;
using test::Index;
using test::Matrix;
using test::Real;

namespace {

using Array = test::Array<double>;

constexpr Covariance kForms[] = {Covariance::cov, Covariance::tril, Covariance::precision};

void check_equal(const Matrix& got, const Matrix& wanted, Real tolerance) {
  REQUIRE(got.data.size() == wanted.data.size());
  for (std::size_t i = 0; i < got.data.size(); ++i)
    CHECK(std::abs(got.data[i] - wanted.data[i]) <= tolerance);
}

Matrix projector(Index d) {
  Matrix x(d, d);
  x(0, 0) = 1;
  return x;
}

}  // namespace

TEST_CASE("the map carries one covariance to the other") {
  for (Index d : {1, 2, 5}) {
    const Array s1 = test::covariances(3, d, 11), s2 = test::covariances(3, d, 12);
    Array m1({3, d}), m2({3, d}), t({3, d, d}, 1), shift({3, d}, 2), middle({3, d}),
        half({3, d, d});
    m1.randomize(13);
    m2.randomize(14);
    for (Covariance form : kForms) {
      const Array c1 = test::in_form(s1, form), c2 = test::in_form(s2, form);
      isokern::monge_map(m1, c1, m2, c2, form, OnError::raise, t.view(), shift.view());
      CHECK(t.gaps_are_kept());
      CHECK(shift.gaps_are_kept());
      isokern::geodesic(m1, c1, m2, c2, 0.25, form, OnError::raise, middle.view(), half.view());
      for (Index item = 0; item < 3; ++item) {
        const Matrix map = t.item(item);
        check_equal(test::transposed(map), map, 1e-11L);
        check_equal(test::product(test::product(map, s1.item(item)), map), s2.item(item), 1e-10L);
        for (Index i = 0; i < d; ++i) {
          Real image = shift.row(item)[test::size(i)];
          for (Index j = 0; j < d; ++j) image += map(i, j) * m1.row(item)[test::size(j)];
          CHECK(std::abs(image - m2.row(item)[test::size(i)]) < 1e-11L);
        }
        Matrix part = map;  // (1 - t) I + t T carries the first to the geodesic
        for (Index i = 0; i < d; ++i) {
          for (Index j = 0; j < d; ++j) part(i, j) = 0.25L * map(i, j) + (i == j ? 0.75L : 0.0L);
        }
        check_equal(half.item(item), test::product(test::product(part, s1.item(item)), part),
                    1e-10L);
      }
    }
    for (double end : {0.0, 1.0}) {
      isokern::geodesic(m1, s1, m2, s2, end, Covariance::cov, OnError::raise, middle.view(),
                        half.view());
      for (Index item = 0; item < 3; ++item)
        check_equal(half.item(item), (end == 0 ? s1 : s2).item(item), 1e-11L);
    }
  }
}

TEST_CASE("singular covariances") {
  const Index d = 3;
  Array s1({1, d, d}), s2 = test::covariances(1, d, 21), m({1, d}), t({1, d, d}), shift({1, d});
  s1.fill(0);
  m.fill(1);
  s1[0] = 4;
  isokern::monge_map(m, s1, m, s2, Covariance::cov, OnError::raise, t.view(), shift.view());
  const Matrix map = t.item(), p = projector(d);
  check_equal(test::transposed(map), map, 1e-12L);
  CHECK(std::abs(map(1, 1)) + std::abs(map(1, 2)) + std::abs(map(2, 2)) < 1e-12L);
  Array mean({1, d}), cov({1, d, d});
  isokern::geodesic(m, s1, m, s2, 1.0, Covariance::cov, OnError::raise, mean.view(), cov.view());
  check_equal(cov.item(), s2.item(), 1e-12L);
  Array bad({1, d, d});
  bad.fill(0);
  bad[1] = bad[3] = 1;
  CHECK(test::contains(test::message_of<isokern::numerical_error>([&] {
                         isokern::monge_map(m, bad, m, s2, Covariance::cov, OnError::raise,
                                            t.view(), shift.view());
                       }),
                       "monge_map: cov1 is not positive definite"));
  isokern::monge_map(m, bad, m, s2, Covariance::cov, OnError::nan, t.view(), shift.view());
  CHECK(std::isnan(t[0]));
}

TEST_CASE("barycentres of diagonals, of one, and of singular ones") {
  const Index n = 3, d = 4;
  Array means({n, d}), covs({n, d, d}), weights({n}, 1), mean({d}), cov({d, d}, 1);
  means.randomize(31);
  covs.fill(0);
  for (Index item = 0; item < n; ++item) {
    weights[item] = 3e307 * static_cast<double>(item + 1);
    for (Index i = 0; i < d; ++i)  // the last coordinate has no variance
      covs[covs.index(item, i, i)] = i == d - 1 ? 0 : static_cast<double>((item + 1) * (i + 1));
  }
  isokern::barycenter(means, covs, weights, Covariance::cov, 1e-13, 1000, mean.view(), cov.view());
  CHECK(cov.gaps_are_kept());
  for (Index i = 0; i < d; ++i) {
    double root = 0, centre = 0;
    for (Index item = 0; item < n; ++item) {
      root += static_cast<double>(item + 1) / 6 * std::sqrt(covs[covs.index(item, i, i)]);
      centre += static_cast<double>(item + 1) / 6 * means[item * d + i];
    }
    CHECK(cov[i * d + i] == doctest::Approx(root * root).epsilon(1e-10));
    CHECK(mean[i] == doctest::Approx(centre));
  }
  const Array s = test::covariances(1, d, 32);
  Array same({2, d, d}), twice({2, d});
  twice.fill(0);
  for (Index i = 0; i < same.elements(); ++i) same[i] = s[i % (d * d)];
  isokern::barycenter(twice, same, {}, Covariance::cov, 1e-12, 100, mean.view(), cov.view());
  check_equal(cov.item(), s.item(), 1e-11L);
  CHECK_INVALID(
      isokern::barycenter(means, s, {}, Covariance::cov, 1e-12, 100, mean.view(), cov.view()),
      "barycenter: means and covs have shapes (3, 4) and (1, 4, 4)");
  weights[0] = -1;
  CHECK_INVALID(isokern::barycenter(means, covs, weights, Covariance::cov, 1e-12, 100, mean.view(),
                                    cov.view()),
                "barycenter: weights are negative");
  const Array two = test::covariances(n, d, 33);
  CHECK(test::contains(test::message_of<isokern::numerical_error>([&] {
                         isokern::barycenter(means, two, {}, Covariance::cov, 0, 1, mean.view(),
                                             cov.view());
                       }),
                       "no convergence within max_iter = 1"));
  CHECK_INVALID(isokern::geodesic(means, two, means, two, 1.5, Covariance::cov, OnError::raise,
                                  means.view(), covs.view()),
                "geodesic: where is 1.5");
}
