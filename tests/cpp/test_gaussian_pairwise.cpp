// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// All pairs: KL by its methods, a product of packed sets, solves, and both; Bhattacharyya's
// distance.
#include <isokern/gaussian.hpp>

#include "gaussians.hpp"

using isokern::Covariance;
using isokern::OnError;
using isokern::PairwiseMethod;
using test::Index;
using test::Real;

namespace {

using Array = test::Array<double>;

constexpr Covariance kForms[] = {Covariance::cov, Covariance::tril, Covariance::precision};

struct Sets {
  Array mean1, cov1, mean2, cov2;

  Sets(Index n, Index m, Index d, Covariance form)
      : mean1({n, d}, 1),
        cov1(test::in_form(test::covariances(n, d, 1), form)),
        mean2({m, d}),
        cov2(test::in_form(test::covariances(m, d, 2), form)) {
    mean1.randomize(3);
    mean2.randomize(4);
  }

  void make_equal(Index i, Index j, Index d) {
    for (Index k = 0; k < d; ++k) mean2[j * d + k] = mean1[i * d + k];
    for (Index k = 0; k < d * d; ++k) cov2[j * d * d + k] = cov1[i * d * d + k];
  }

  std::vector<double> kl(Covariance form, PairwiseMethod method, OnError on_error = OnError::raise,
                         Index gap = 0) const {
    Array out({mean1.extent(2), mean2.extent(2)}, gap);
    isokern::kl_pairwise(mean1, cov1, mean2, cov2, form, method, on_error, out.view());
    CHECK(out.gaps_are_kept());
    return out.values();
  }
};

}  // namespace

TEST_CASE("the product is as good as the solves") {
  for (Covariance form : kForms) {
    for (Index d : {1, 3, 8, 17, 32}) {
      for (Index n : {1, 5, 70}) {
        for (Index m : {1, 13, 131}) {
          if (d > 8 && n * m > 1000) continue;
          CAPTURE(d);
          CAPTURE(n);
          CAPTURE(m);
          Sets sets(n, m, d, form);
          sets.make_equal(n - 1, m / 2, d);
          const auto solved = sets.kl(form, PairwiseMethod::solve);
          const auto product = sets.kl(form, PairwiseMethod::product);
          const auto both = sets.kl(form, PairwiseMethod::automatic, OnError::raise, 3);
          const std::size_t equal = static_cast<std::size_t>((n - 1) * m + m / 2);
          CHECK(solved[equal] == 0);
          CHECK(both[equal] == 0);
          for (std::size_t i = 0; i < solved.size(); ++i) {
            const Real exact = static_cast<Real>(solved[i]);
            CHECK(test::close(static_cast<Real>(both[i]), exact, 1e-9L));
            CHECK(std::abs(static_cast<Real>(product[i]) - exact) < 1e-9L * (1 + exact));
          }
        }
      }
    }
  }
}

TEST_CASE("all pairs: the same bits with any number of threads") {
  for (Covariance form : kForms) {
    Sets sets(100, 200, 16, form);
    sets.make_equal(7, 9, 16);
    for (auto method :
         {PairwiseMethod::automatic, PairwiseMethod::product, PairwiseMethod::solve}) {
      test::check_threads([&] { return sets.kl(form, method); });
    }
  }
}

TEST_CASE("a bad covariance of a set spoils its row or column alone") {
  const Index n = 9, m = 30, d = 6;
  for (Covariance form : kForms) {
    Sets sets(n, m, d, form);
    const auto good = sets.kl(form, PairwiseMethod::automatic);
    for (Index k = 0; k < d * d; ++k) sets.cov1[4 * d * d + k] *= -1;
    sets.cov2[21 * d * d + d] = std::nan("");
    if (form != Covariance::tril) sets.cov2[22 * d * d + d] += 1;  // no longer symmetric
    for (auto method :
         {PairwiseMethod::automatic, PairwiseMethod::product, PairwiseMethod::solve}) {
      const auto found = sets.kl(form, method, OnError::nan);
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < m; ++j) {
          const auto at = static_cast<std::size_t>(i * m + j);
          if (i == 4 || j == 21 || (j == 22 && form != Covariance::tril)) {
            CHECK(std::isnan(found[at]));
          } else {
            CHECK(found[at] == doctest::Approx(good[at]).epsilon(1e-9));
          }
        }
      }
      CHECK(test::contains(
          test::message_of<isokern::numerical_error>([&] { sets.kl(form, method); }),
          "pairwise: cov1 is not positive definite, or not finite, at batch index (4,)"));
    }
  }
}

TEST_CASE("a mean far from all others, and sets without items") {
  Sets sets(4, 5, 3, Covariance::cov);
  const auto near = sets.kl(Covariance::cov, PairwiseMethod::automatic);
  for (const double far : {1e200, std::numeric_limits<double>::infinity()}) {
    sets.mean1[0] = far;
    const auto found = sets.kl(Covariance::cov, PairwiseMethod::automatic);
    for (std::size_t i = 5; i < found.size(); ++i)
      CHECK(found[i] == doctest::Approx(near[i]).epsilon(1e-9));
  }
  for (const auto& [n, m] : {std::pair<Index, Index>{0, 5}, {4, 0}, {0, 0}}) {
    Sets none(n, m, 3, Covariance::cov);
    CHECK(none.kl(Covariance::cov, PairwiseMethod::automatic).empty());
  }
}

TEST_CASE("Bhattacharyya's distance with known determinants") {
  const Index n = 5, m = 13;
  for (Index d : {1, 4, 9, 33}) {
    CAPTURE(d);
    Sets sets(n, m, d, Covariance::cov);
    sets.make_equal(3, 6, d);
    for (Index k = 0; k < d * d; ++k) sets.cov2[8 * d * d + k] = sets.cov1[2 * d * d + k];
    for (Index k = 0; k < d; ++k) sets.cov2[(8 * d + k) * d + k] *= 1 + 1e-7;
    Array log1({n}), log2({m}), out({n, m}, 2), one({n, m});
    for (Index i = 0; i < n; ++i)
      log1[i] = static_cast<double>(2 * test::half_log_det(sets.cov1.item(i)));
    for (Index j = 0; j < m; ++j)
      log2[j] = static_cast<double>(2 * test::half_log_det(sets.cov2.item(j)));
    log2[10] = std::nan("");
    isokern::bhattacharyya_pairwise(sets.mean1, sets.cov1, sets.mean2, sets.cov2, log1, log2,
                                    out.view());
    CHECK(out.gaps_are_kept());
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < m; ++j) {
        Array a({1, d}), b({1, d}), p({1, d, d}), q({1, d, d}), exact(std::vector<Index>{1});
        for (Index k = 0; k < d; ++k) {
          a[k] = sets.mean1[i * d + k];
          b[k] = sets.mean2[j * d + k];
        }
        for (Index k = 0; k < d * d; ++k) {
          p[k] = sets.cov1[i * d * d + k];
          q[k] = sets.cov2[j * d * d + k];
        }
        isokern::bhattacharyya(a, p, b, q, Covariance::cov, OnError::raise, exact.view());
        if (j == 10) {
          CHECK(std::isnan(out[i * m + j]));
        } else {
          CHECK(test::close(static_cast<Real>(out[i * m + j]), static_cast<Real>(exact[0]), 1e-9L));
        }
      }
    }
    CHECK(out[3 * m + 6] == 0);
    test::check_threads([&] {
      isokern::bhattacharyya_pairwise(sets.mean1, sets.cov1, sets.mean2, sets.cov2, log1, log2,
                                      one.view());
      return one.values();
    });
    CHECK_INVALID(isokern::bhattacharyya_pairwise(sets.mean1, sets.cov1, sets.mean2, sets.cov2,
                                                  log2, log2, out.view()),
                  "pairwise: log_det1 has shape (13,), expected (5,)");
  }
}
