// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Divergences of normals against naive loops in long double, and what lies below them.
#include "gaussians.hpp"

using isokern::ConstView;
using isokern::Covariance;
using isokern::FactorResult;
using isokern::OnError;
using test::cholesky;
using test::close;
using test::covariances;
using test::half_log_det;
using test::Index;
using test::Matrix;
using test::Real;
using test::solve;
using test::squares;

namespace {

using Array = test::Array<double>;

struct Given {
  Array mean1, cov1, mean2, cov2, out;

  Given(Index items, Index d)
      : mean1({items, d}, 1),
        cov1(covariances(items, d, 11)),
        mean2({items, d}),
        cov2(covariances(items, d, 12)),
        out({items}) {
    mean1.randomize(13);
    mean2.randomize(14);
  }
  Matrix delta(Index item) const {
    const Index d = mean1.extent(1);
    Matrix x(d, 1);
    for (Index i = 0; i < d; ++i)
      x(i, 0) = mean1.row(item)[test::size(i)] - mean2.row(item)[test::size(i)];
    return x;
  }
};

Real kl(const Given& given, Index item) {
  const Matrix s1 = given.cov1.item(item), s2 = given.cov2.item(item), l2 = cholesky(s2);
  const Real trace = squares(solve(l2, cholesky(s1)));
  return (trace - static_cast<Real>(s1.rows) + squares(solve(l2, given.delta(item)))) / 2 +
         half_log_det(s2) - half_log_det(s1);
}

Real renyi(const Given& given, Index item, Real alpha) {
  const Matrix s1 = given.cov1.item(item), s2 = given.cov2.item(item);
  Matrix mixed = s1;
  for (std::size_t i = 0; i < mixed.data.size(); ++i)
    mixed.data[i] = alpha * s2.data[i] + (1 - alpha) * s1.data[i];
  const Real logs = half_log_det(mixed) - (1 - alpha) * half_log_det(s1) - alpha * half_log_det(s2);
  return alpha / 2 * squares(solve(cholesky(mixed), given.delta(item))) - logs / (alpha - 1);
}

}  // namespace

TEST_CASE("divergences agree with their formulas") {
  for (Index d : {1, 2, 3, 5, 6, 7, 12, 13, 33}) {
    CAPTURE(d);
    Given given(11, d);
    const ConstView m1 = given.mean1, s1 = given.cov1, m2 = given.mean2, s2 = given.cov2;
    isokern::kl(m1, s1, m2, s2, Covariance::cov, OnError::raise, given.out.view());
    for (Index i = 0; i < 11; ++i) CHECK(close(static_cast<Real>(given.out[i]), kl(given, i)));
    isokern::bhattacharyya(m1, s1, m2, s2, {}, {}, OnError::raise, given.out.view());
    for (Index i = 0; i < 11; ++i)
      CHECK(close(static_cast<Real>(given.out[i]), renyi(given, i, 0.5L) / 2, 1e-11L));
    isokern::renyi(m1, s1, m2, s2, 0.3, OnError::raise, given.out.view());
    for (Index i = 0; i < 11; ++i)
      CHECK(
          close(static_cast<Real>(given.out[i]), renyi(given, i, static_cast<Real>(0.3)), 1e-11L));
    // With the means equal the distances of a covariance to its multiple c S are those of roots.
    Array scaled = given.cov1;
    for (Index i = 0; i < scaled.elements(); ++i) scaled[i] *= 4;
    isokern::wasserstein2_squared({}, s1, {}, scaled, Covariance::cov, OnError::raise,
                                  given.out.view());
    for (Index i = 0; i < 11; ++i) {
      Real trace = 0;
      for (Index j = 0; j < d; ++j) trace += given.cov1.item(i)(j, j);
      CHECK(close(static_cast<Real>(given.out[i]), trace));
    }
    for (auto form : {Covariance::cov, Covariance::tril}) {
      isokern::wasserstein2_squared(m1, s1, m1, s1, form, OnError::raise_after, given.out.view());
      CHECK(given.out.all(0));
    }
    isokern::kl(m1, s1, m1, s1, Covariance::precision, OnError::raise, given.out.view());
    CHECK(given.out.all(0));
  }
}

TEST_CASE("factors, their inverses and solves") {
  for (Index d : {1, 4, 7, 24, 25, 50, 64, 131}) {
    for (Index items : {1, 9}) {
      if (d > 60 && items > 1) continue;
      CAPTURE(d);
      const Array s = covariances(items, d, 21);
      Array l({items, d, d}, 5), inverse({items, d, d}), p({items, d, d}), x({items, d, 10}, 2);
      isokern::factor(s, FactorResult::cholesky, OnError::raise, l.view());
      isokern::factor(s, FactorResult::inverse_factor, OnError::raise, inverse.view());
      isokern::factor(s, FactorResult::inverse, OnError::raise, p.view());
      Array b({items, d, 10}, 1);
      b.randomize(22);
      isokern::solve_triangular(l, b, false, x.view());
      CHECK(l.gaps_are_kept());
      CHECK(x.gaps_are_kept());
      for (Index item = 0; item < items; ++item) {
        const Matrix exact = cholesky(s.item(item)), one = test::identity(d, d);
        CHECK(test::column_error<double>(l.item(item), exact, s.item(item)) < 1000);
        const Matrix half = solve(exact, one);
        CHECK(test::largest_error<double>(inverse.item(item).data, half.data, 1) < 1e4);
        const Matrix whole = test::product(test::transposed(half), half);
        CHECK(test::largest_error<double>(p.item(item).data, whole.data, 1) < 1e5);
        const Matrix back = test::product(exact, x.item(item));
        CHECK(test::largest_error<double>(back.data, b.item(item).data, 1) < 1000);
      }
      Array lower = l, e({items, d, d});
      isokern::solve_triangular(l, lower, true, e.view());
      for (Index i = 0; i < d; ++i) CHECK(e.item()(i, i) == doctest::Approx(1));
    }
  }
}

TEST_CASE("a congruence") {
  for (Index d : {1, 13, 97, 200}) {
    CAPTURE(d);
    const Array s = covariances(2, d, 31), l = test::in_form(s, Covariance::tril);
    const auto one = [&](const Array& x, Index number) {
      const ConstView all = x;
      isokern::Layout matrix;
      for (int axis : {1, 2}) matrix.append(all.shape[axis], all.strides[axis]);
      return ConstView(all.as<double>() + number * all.strides[0], matrix);
    };
    Array out({d, d}, 3);
    isokern::congruence(one(l, 0), one(s, 1), out.view());
    CHECK(out.gaps_are_kept());
    const Matrix lower = l.item(0);
    const Matrix exact = test::product(test::transposed(lower), test::product(s.item(1), lower));
    CHECK(test::largest_error<double>(out.item().data, exact.data, 1) < 1000);
    CHECK_INVALID(isokern::congruence(l, one(s, 1), out.view()), "l has shape (2, ",
                  "expected one matrix");
  }
}

TEST_CASE("terms of large divergences") {
  for (Index d : {1, 13, 97, 200}) {
    CAPTURE(d);
    Given given(2, d);
    Array terms({2, 2}), tril({2, 2});
    isokern::kl_terms(given.mean1, given.cov1, given.mean2, given.cov2, Covariance::cov,
                      OnError::raise, terms.view());
    isokern::kl_terms(given.mean1, test::in_form(given.cov1, Covariance::tril), given.mean2,
                      test::in_form(given.cov2, Covariance::tril), Covariance::tril, OnError::raise,
                      tril.view());
    for (Index i = 0; i < 2; ++i) {
      CHECK(close(static_cast<Real>(terms[2 * i] + terms[2 * i + 1]) / 2, kl(given, i)));
      CHECK(tril[2 * i] == doctest::Approx(terms[2 * i]).epsilon(1e-12));
      CHECK(tril[2 * i + 1] == doctest::Approx(terms[2 * i + 1]).epsilon(1e-12));
    }
    isokern::kl_terms({}, given.cov1, {}, given.cov1, Covariance::cov, OnError::raise, tril.view());
    CHECK(tril.all(0));
    terms.fill(7);
    for (Index i = 0; i < d; ++i) given.cov2[given.cov2.index(1, i, i)] *= -1;
    const auto call = [&](OnError on_error) {
      isokern::kl_terms(given.mean1, given.cov1, given.mean2, given.cov2, Covariance::cov, on_error,
                        terms.view());
    };
    CHECK(test::contains(
        test::message_of<isokern::numerical_error>([&] { call(OnError::raise); }),
        "kl_terms: cov2 is not positive definite, or not finite, at batch index (1,)"));
    CHECK(terms.all(7));
    call(OnError::nan);
    CHECK(terms[0] > 0);
    CHECK(std::isnan(terms[2]));
    if (d == 1) continue;
    given.cov1[given.cov1.index(1, d - 1, 0)] += 1;
    CHECK_INVALID(call(OnError::raise), "kl_terms: cov1 is not symmetric", "(1,)");
  }
}

TEST_CASE("the same bits with any number of threads") {
  Given large(1, 400);
  Array terms({1, 2});
  test::check_threads([&] {
    isokern::kl_terms(large.mean1, large.cov1, large.mean2, large.cov2, Covariance::cov,
                      OnError::raise, terms.view());
    return terms.values();
  });
  const Array wide = covariances(1, 400, 6);
  Array root({1, 400, 400}), solved({1, 400, 400});
  isokern::factor(wide, FactorResult::cholesky, OnError::raise, root.view());
  test::check_threads([&] {
    isokern::solve_triangular(root, wide, false, solved.view());
    return solved.values();
  });
  Given given(70, 40);
  test::check_threads([&] {
    isokern::kl(given.mean1, given.cov1, given.mean2, given.cov2, Covariance::cov, OnError::raise,
                given.out.view());
    return given.out.values();
  });
  const Array s = covariances(1, 700, 5);
  Array l({1, 700, 700});
  test::check_threads([&] {
    isokern::factor(s, FactorResult::cholesky, OnError::raise, l.view());
    return l.values();
  });
}

TEST_CASE("bad arguments are named, and nothing is written") {
  Given given(4, 3);
  given.out.fill(7);
  const auto call = [&](OnError on_error) {
    isokern::kl(given.mean1, given.cov1, given.mean2, given.cov2, Covariance::cov, on_error,
                given.out.view());
  };
  for (Index i = 0; i < 9; ++i) given.cov2[given.cov2.index(2, 0, i)] *= -1;
  CHECK(test::contains(test::message_of<isokern::numerical_error>([&] { call(OnError::raise); }),
                       "kl: cov2 is not positive definite, or not finite, at batch index (2,)"));
  CHECK(given.out.all(7));
  call(OnError::nan);
  CHECK(std::isnan(given.out[2]));
  CHECK(given.out[1] > 0);
  given.cov1[given.cov1.index(1, 0, 2)] += 1;
  CHECK_INVALID(call(OnError::raise), "kl: cov1 is not symmetric", "(1,)");
  Array wrong({4, 3, 2}), small({3});
  CHECK_INVALID(isokern::kl(given.mean1, given.cov1, given.mean2, wrong, Covariance::cov,
                            OnError::nan, given.out.view()),
                "kl: cov2 has shape (4, 3, 2), expected (..., 3, 3)");
  CHECK_INVALID(isokern::kl(given.mean1, given.cov1, {}, given.cov2, Covariance::cov, OnError::nan,
                            given.out.view()),
                "one mean is absent");
  CHECK_INVALID(isokern::kl(given.mean1, given.cov1, given.mean2, given.cov2, Covariance::cov,
                            OnError::nan, small.view()),
                "out has shape (3,), expected (4,)");
  CHECK_INVALID(isokern::renyi(given.mean1, given.cov1, given.mean2, given.cov2, 1.0, OnError::nan,
                               given.out.view()),
                "renyi: alpha is 1");
  CHECK_INVALID(
      isokern::factor(given.cov1, FactorResult::cholesky, OnError::nan, given.cov1.view()),
      "out overlaps x");
}
