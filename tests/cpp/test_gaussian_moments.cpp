// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Moments in pieces against those of the whole, and Frechet's distance in closed form.
#include "gaussians.hpp"

using isokern::ConstView;
using isokern::Moments;
using isokern::Weights;
using test::Index;

namespace {

using Array = test::Array<double>;

ConstView rows(const Array& x, Index begin, Index end) {
  ConstView part = x.view();
  part.shape[0] = end - begin;
  part.data = part.as<double>() + begin * part.strides[0];
  return part;
}

}  // namespace

TEST_CASE("pieces make the whole") {
  const Index n = 50, d = 3;
  Array x({n, d}, 2), w({n}), mean({d}), cov({d, d}, 1), other({d, d});
  x.randomize(11);
  w.randomize(12);
  for (Index i = 0; i < n; ++i) w[i] = std::abs(w[i]);
  for (Index i = 0; i < x.elements(); ++i) x[i] += 1e8;
  Moments whole(d), first(d), second(d);
  whole.update(x, w);
  first.update(rows(x, 0, 20), rows(w, 0, 20));
  second.update(rows(x, 20, 21), rows(w, 20, 21));
  second.update(rows(x, 21, n), rows(w, 21, n));
  second.update(rows(x, 0, 0), rows(w, 0, 0));
  first.merge(second);
  CHECK(first.count() == n);
  CHECK(first.weight() == doctest::Approx(whole.weight()));
  double total = 0, squares = 0;
  for (Index i = 0; i < n; ++i) {
    total += w[i];
    squares += w[i] * w[i];
  }
  whole.mean(mean.view());
  for (Weights kind : {Weights::frequency, Weights::reliability}) {
    const double lost = kind == Weights::frequency ? 0.5 : 0.5 * squares / total;
    whole.cov(0.5, kind, cov.view());
    first.cov(0.5, kind, other.view());
    CHECK(cov.gaps_are_kept());
    for (Index j = 0; j < d; ++j) {
      for (Index k = 0; k < d; ++k) {
        double sum = 0;
        for (Index i = 0; i < n; ++i)
          sum += w[i] * (x[i * d + j] - mean[j]) * (x[i * d + k] - mean[k]);
        CHECK(std::abs(cov[j * d + k] - sum / (total - lost)) < 1e-7);
        CHECK(std::abs(other[j * d + k] - cov[j * d + k]) < 1e-7);
      }
    }
  }
  test::Array<float> narrow({n, d}), rounded({d, d});
  for (Index i = 0; i < narrow.elements(); ++i) narrow[i] = static_cast<float>(x[i] - 1e8);
  Moments floats(d);
  floats.update(narrow, {});
  floats.cov(1, Weights::frequency, rounded.view());
  CHECK(rounded[0] > 0);
}

TEST_CASE("the scatter of many rows") {
  const Index n = 5003, d = 53;
  Array x({n, d}, 1), mean({d}), scatter({d, d}, 2), w({n});
  x.randomize(13);
  w.randomize(14);
  test::Array<float> narrow({n, d});
  for (Index i = 0; i < n; ++i) {
    w[i] = i % 7 == 0 ? 0 : std::abs(w[i]) * 1e-30;
    for (Index j = 0; j < d; ++j) {
      // An offset, and a drift.
      double& value = x[i * d + j];
      value += 1000 + static_cast<double>(i) / 100;
      narrow[i * d + j] = static_cast<float>(value);
      value = static_cast<double>(narrow[i * d + j]);
    }
  }
  const std::vector<double> v = x.values();
  const auto at = [](Index i) { return static_cast<std::size_t>(i); };
  for (const bool weighted : {false, true}) {
    const ConstView weights = weighted ? ConstView(w) : ConstView();
    double total = 0;
    std::vector<double> centre(at(d)), exact(at(d * d));
    const auto weight = [&](Index i) { return weighted ? w[i] : 1.0; };
    for (Index i = 0; i < n; ++i) {
      total += weight(i);
      for (Index j = 0; j < d; ++j) centre[at(j)] += weight(i) * (v[at(i * d + j)] - 1000);
    }
    for (double& value : centre) value = value / total + 1000;
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < d; ++j) {
        const double own = weight(i) * (v[at(i * d + j)] - centre[at(j)]);
        for (Index k = 0; k < d; ++k)
          exact[at(j * d + k)] += own * (v[at(i * d + k)] - centre[at(k)]);
      }
    }
    const auto error = [&](const ConstView& rows) {
      isokern::scatter(rows, weights, mean.view(), scatter.view());
      CHECK(scatter.gaps_are_kept());
      double worst = 0;
      for (Index j = 0; j < d; ++j) {
        CHECK(std::abs(mean[j] - centre[at(j)]) < 1e-6);
        for (Index k = 0; k < d; ++k) {
          const double found = scatter[j * d + k];
          CHECK(found == scatter[k * d + j]);
          worst = std::max(worst, std::abs(found - exact[at(j * d + k)]) / exact[0]);
        }
      }
      return worst;
    };
    CHECK(error(x) < 1e-13);
    CHECK(error(narrow) < 3e-6);
    // Products that float does not hold.
    test::Array<float> scaled = narrow;
    for (Index i = 0; i < scaled.elements(); ++i) scaled[i] *= 0x1p70F;
    isokern::scatter(scaled, weights, mean.view(), scatter.view());
    CHECK(scatter[0] == doctest::Approx(exact[0] * 0x1p140).epsilon(1e-12));
  }
  test::check_threads([&] {
    isokern::scatter(narrow, w, mean.view(), scatter.view());
    return scatter.values();
  });
  w.fill(0);
  CHECK_INVALID(isokern::scatter(x, w, mean.view(), scatter.view()), "no positive number");
  CHECK_INVALID(isokern::scatter(rows(x, 0, 0), {}, mean.view(), scatter.view()),
                "scatter: x has shape (0, 53), expected (n, d)");
}

TEST_CASE("what moments refuse") {
  Moments moments(2), other(3);
  Array x({4, 3}), w({4}), cov({2, 2}), mean({2}), y({4, 2});
  w.fill(1);
  y.fill(0);
  moments.mean(mean.view());
  CHECK(std::isnan(mean[0]));
  CHECK_INVALID(Moments(0), "Moments: d is 0");
  CHECK_INVALID(moments.update(x), "Moments.update: x has shape (4, 3), expected (n, 2)");
  CHECK_INVALID(moments.update(y, x), "Moments.update: weight has shape (4, 3), expected (4,)");
  w[1] = -1;
  CHECK_INVALID(moments.update(y, w), "weight is negative");
  CHECK_INVALID(moments.merge(other), "Moments.merge: other has d = 3, expected 2");
  CHECK_INVALID(moments.cov(1, Weights::frequency, cov.view()), "too little for ddof");
  CHECK_INVALID(moments.cov(0, Weights::frequency, mean.view()), "out has shape (2,)");
}

TEST_CASE("Frechet's distance") {
  Array x({2, 1}), y({2, 1});
  x[0] = 0;
  x[1] = 2;
  y[0] = 3;
  y[1] = 7;
  const double root = std::sqrt(2.0) - std::sqrt(8.0);
  CHECK(isokern::frechet_distance(x, y) == doctest::Approx(16 + root * root));
  CHECK(isokern::frechet_distance(x, y, 0) == doctest::Approx(16 + root * root / 2));
  for (Index n : {5, 40}) {  // fewer and more vectors than dimensions
    Array a({n, 8}, 1), b({n, 8}), c({8, n});
    a.randomize(21);
    b.randomize(22);
    CHECK(isokern::frechet_distance(a, a) == 0);
    const double value = isokern::frechet_distance(a, b);
    CHECK(value == doctest::Approx(isokern::frechet_distance(b, a)).epsilon(1e-10));
    Moments one(8), other(8);
    one.update(a);
    other.update(b);
    CHECK(value == doctest::Approx(isokern::frechet_distance(one, other)).epsilon(1e-6));
    Array near = a;
    for (Index i = 0; i < near.elements(); ++i) near[i] = a[i] * (1 + 1e-7) + 1;
    CHECK(isokern::frechet_distance(a, near) == doctest::Approx(8).epsilon(1e-5));
  }
  Array empty({0, 1}), wide({3, 2});
  wide.fill(0);
  CHECK_INVALID(isokern::frechet_distance(empty, y), "frechet_distance: x has 0 vectors");
  CHECK_INVALID(isokern::frechet_distance(empty, y, -1), "frechet_distance: x has 0 vectors");
  CHECK_INVALID(isokern::frechet_distance(x, wide), "y has d = 2, expected 1 as x");
  y[0] = std::numeric_limits<double>::infinity();
  CHECK_INVALID(isokern::frechet_distance(x, y), "frechet_distance: y is not finite");
}
