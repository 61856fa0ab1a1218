// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Forms of covariances: singular ones, gradients and maps.
#include "gaussian_forms.hpp"

using isokern::ConstView;
using isokern::Covariance;
using test::contains;
using test::Covs;
using test::Index;
using test::Kind;
using test::LowRankDiagonal;
using test::Matrix;
using test::message_of;
using test::Metric;
using test::OnError;
using test::Real;

namespace {

using Array = test::Array<double>;

double dot(const Array& x, const Array& y) {
  double sum = 0;
  for (Index i = 0; i < x.elements(); ++i) sum += x[i] * y[i];
  return sum;
}

}  // namespace

TEST_CASE("singular covariances have Wasserstein distances in every form") {
  // diag(4, 0) and diag(1, 9): 1 + 9
  Array cov1({1, 2, 2}), cov2({1, 2, 2}), out(std::vector<Index>{1});
  for (Array* x : {&cov1, &cov2}) x->fill(0);
  cov1[0] = 4;
  cov2[0] = 1;
  cov2[3] = 9;
  isokern::wasserstein2_squared({}, cov1, {}, cov2, Covariance::cov, OnError::raise, out.view());
  CHECK(out[0] == doctest::Approx(10));
  isokern::wasserstein2_squared({}, cov1, {}, cov1, Covariance::cov, OnError::raise, out.view());
  CHECK(out[0] == 0);
  Array root1({1, 2, 2}), root2({1, 2, 2}), factor({1, 2, 1});
  for (Array* x : {&root1, &root2, &factor}) x->fill(0);
  root1[0] = factor[0] = 2;
  root2[0] = 1;
  root2[3] = 3;
  isokern::wasserstein2_squared({}, root1, {}, root2, Covariance::tril, OnError::raise, out.view());
  CHECK(out[0] == doctest::Approx(10));
  isokern::wasserstein2_squared({}, factor, {}, root2, Covariance::factor, OnError::raise,
                                out.view());
  CHECK(out[0] == doctest::Approx(10));
  Array diag1({1, 2}), diag2({1, 2});
  for (Array* x : {&diag1, &diag2}) x->fill(0);
  diag1[0] = 4;
  diag2[0] = 1;
  diag2[1] = 9;
  isokern::wasserstein2({}, diag1, {}, diag2, Covariance::diag, OnError::raise, out.view());
  CHECK(out[0] == doctest::Approx(std::sqrt(10.0)));
  Array nothing({1, 2, 0});
  const LowRankDiagonal low1{nothing, diag1}, low2{nothing, diag2};
  isokern::wasserstein2_squared({}, low1, {}, low2, OnError::raise, out.view());
  CHECK(out[0] == doctest::Approx(10));
  isokern::pairwise(Metric::wasserstein2_squared, diag1, cov1, diag1, cov2, Covariance::cov,
                    OnError::raise, Array({1, 1}).view());
  // An indefinite one has none.
  cov1[3] = -1;
  CHECK(contains(message_of<isokern::numerical_error>([&] {
                   isokern::wasserstein2_squared({}, cov1, {}, cov2, Covariance::cov,
                                                 OnError::raise, out.view());
                 }),
                 "wasserstein2_squared: cov1 is not positive definite, or not finite, at batch "
                 "index (0,)"));
  isokern::wasserstein2_squared({}, cov1, {}, cov2, Covariance::cov, OnError::nan, out.view());
  CHECK(std::isnan(out[0]));
}

TEST_CASE("the divergence of singular factors is that on their support, or infinite") {
  const Index n = 3, d = 4;
  Array f1({n, d, 2}), f2({n, d, 2}), turn({2, 2}), m1({n, d}), m2({n, d}), out({n});
  f1.fill(0);
  m2.fill(0);
  f2.randomize(11);
  turn.randomize(12);
  for (Index item = 0; item < n; ++item) {
    for (Index i = 0; i < d; ++i) {  // F1 = F2 A spans what F2 spans
      for (Index j = 0; j < 2; ++j) {
        for (Index k = 0; k < 2; ++k)
          f1[f1.index(item, i, j)] += f2[f2.index(item, i, k)] * turn[k * 2 + j];
      }
      m1[item * d + i] = f2[f2.index(item, i, 0)];
    }
  }
  m1[d] += 1;                  // the second mean leaves the subspace
  f1[f1.index(2, 0, 0)] += 1;  // and so does the third factor
  isokern::kl(m1, f1, m2, f2, Covariance::factor, OnError::raise, out.view());
  // In the coordinates of F2: N(e1, A A^T) from N(0, I)
  Matrix a(2, 2), one(2, 1);
  for (Index i = 0; i < 4; ++i) a.data[test::size(i)] = static_cast<Real>(turn[i]);
  one(0, 0) = 1;
  const Real wanted = test::kl(one, test::product(a, test::transposed(a)), test::identity(2, 2));
  CHECK(out[0] == doctest::Approx(static_cast<double>(wanted)).epsilon(1e-9));
  CHECK(std::isinf(out[1]));
  CHECK(std::isinf(out[2]));
  isokern::kl(m1, f2, m1, f2, Covariance::factor, OnError::raise, out.view());
  for (Index i = 0; i < n; ++i) CHECK(std::abs(out[i]) < 1e-14);
  CHECK(contains(message_of<isokern::numerical_error>(
                     [&] { isokern::entropy(f1, Covariance::factor, OnError::raise, out.view()); }),
                 "entropy: cov is not positive definite, or not finite, at batch index (0,)"));
}

TEST_CASE("gradients of factors and diagonals") {
  const Index n = 3, d = 4;
  const Array m1 = test::vectors(n, d, 21), m2 = test::vectors(1, d, 22),
              g = test::vectors(1, n, 23);
  const ConstView weights(&g.memory()[0], isokern::Layout{n});
  for (Kind kind : {Kind::factor, Kind::diag}) {
    const Covs c1 = test::covs(kind, n, d, 24), c2 = test::covs(kind, 1, d, 25);
    const Covariance form = test::form_of(kind);
    Array u1 = c1.given, u2 = c2.given;
    u1.randomize(26);
    u2.randomize(27);
    for (Metric metric :
         {Metric::kl, Metric::bhattacharyya, Metric::renyi, Metric::wasserstein2_squared}) {
      CAPTURE(static_cast<int>(kind));
      CAPTURE(static_cast<int>(metric));
      Array a = m1, p = m2, b = c1.given, q = c2.given;
      const auto run = [&](auto function, auto... alpha) {
        function(weights, m1, c1.view(), m2, c2.view(), alpha..., form, OnError::raise, a.view(),
                 b.view(), p.view(), q.view());
      };
      if (metric == Metric::kl) run(isokern::kl_vjp);
      if (metric == Metric::bhattacharyya) run(isokern::bhattacharyya_vjp);
      if (metric == Metric::renyi) run(isokern::renyi_vjp, 0.3);
      if (metric == Metric::wasserstein2_squared) run(isokern::wasserstein2_squared_vjp);
      CHECK(b.gaps_are_kept());
      double ends[2];
      const double step = 1e-5;
      for (int side = 0; side < 2; ++side) {
        Covs e1 = c1, e2 = c2;
        const double h = side == 0 ? step : -step;
        for (Index i = 0; i < u1.elements(); ++i) e1.given[i] += h * u1[i];
        for (Index i = 0; i < u2.elements(); ++i) e2.given[i] += h * u2[i];
        Array out({n});
        test::call(metric, {0.3, 0.5, false}, m1, e1, m2, e2, OnError::raise, out.view());
        ends[side] = 0;
        for (Index i = 0; i < n; ++i) ends[side] += out[i] * g[i];
      }
      CHECK(dot(b, u1) + dot(q, u2) ==
            doctest::Approx((ends[0] - ends[1]) / (2 * step)).epsilon(1e-6));
    }
    // Of one distribution
    Array x_bar({n, d}), mean_bar({1, d}), bar = c2.given, slope = c2.given;
    isokern::log_prob_vjp(weights, m1, m2, c2.view(), form, OnError::raise, x_bar.view(),
                          mean_bar.view(), bar.view());
    Array unit(std::vector<Index>{1});
    unit[0] = 1;
    isokern::entropy_vjp(unit, c2.view(), form, OnError::raise, slope.view());
    double logs[2], entropies[2];
    for (int side = 0; side < 2; ++side) {
      Covs e = c2;
      for (Index i = 0; i < u2.elements(); ++i) e.given[i] += (side == 0 ? 1e-5 : -1e-5) * u2[i];
      Array out({n}), value(std::vector<Index>{1});
      isokern::log_prob(m1, m2, e.view(), form, OnError::raise, out.view());
      isokern::entropy(e.view(), form, OnError::raise, value.view());
      logs[side] = 0;
      for (Index i = 0; i < n; ++i) logs[side] += out[i] * g[i];
      entropies[side] = value[0];
    }
    CHECK(dot(bar, u2) == doctest::Approx((logs[0] - logs[1]) / 2e-5).epsilon(1e-6));
    CHECK(dot(slope, u2) == doctest::Approx((entropies[0] - entropies[1]) / 2e-5).epsilon(1e-6));
  }
}

TEST_CASE("maps, paths and middles of factors and diagonals are those of their covariances") {
  const Index n = 3, d = 3;
  const Array m1 = test::vectors(n, d, 31), m2 = test::vectors(n, d, 32);
  for (Kind kind : {Kind::factor, Kind::diag}) {
    const Covs c1 = test::covs(kind, n, d, 33), c2 = test::covs(kind, n, d, 34);
    Array s1({n, d, d}), s2({n, d, d});
    for (Index k = 0; k < n * d * d; ++k) {
      s1[k] = static_cast<double>(c1.matrix(k / (d * d)).data[test::size(k % (d * d))]);
      s2[k] = static_cast<double>(c2.matrix(k / (d * d)).data[test::size(k % (d * d))]);
    }
    Array got({n, d, d}), wanted({n, d, d}), shift({n, d}), other({n, d});
    const auto check = [&] {
      for (Index i = 0; i < got.elements(); ++i)
        CHECK(got[i] == doctest::Approx(wanted[i]).epsilon(1e-9));
      for (Index i = 0; i < shift.elements(); ++i)
        CHECK(shift[i] == doctest::Approx(other[i]).epsilon(1e-9));
    };
    const Covariance form = test::form_of(kind);
    isokern::monge_map(m1, c1.view(), m2, c2.view(), form, OnError::raise, got.view(),
                       shift.view());
    isokern::monge_map(m1, s1, m2, s2, Covariance::cov, OnError::raise, wanted.view(),
                       other.view());
    check();
    isokern::geodesic(m1, c1.view(), m2, c2.view(), 0.3, form, OnError::raise, shift.view(),
                      got.view());
    isokern::geodesic(m1, s1, m2, s2, 0.3, Covariance::cov, OnError::raise, other.view(),
                      wanted.view());
    check();
    Array a({d, d}), b({d, d}), p(std::vector<Index>{d}), q(std::vector<Index>{d});
    isokern::barycenter(m1, c1.view(), {}, form, 1e-13, 1000, p.view(), a.view());
    isokern::barycenter(m1, s1, {}, Covariance::cov, 1e-13, 1000, q.view(), b.view());
    for (Index i = 0; i < d * d; ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-9));
  }
}

TEST_CASE("a map between large factors, whose products leave the range of numbers when squared") {
  const Index d = 3;
  const Array m = test::vectors(1, d, 41);
  const Covs c1 = test::covs(Kind::tril, 1, d, 42), c2 = test::covs(Kind::tril, 1, d, 43);
  Array large1 = c1.given, large2 = c2.given, t({1, d, d}), wanted({1, d, d}), shift({1, d});
  isokern::monge_map(m, c1.view(), m, c2.view(), Covariance::tril, OnError::raise, wanted.view(),
                     shift.view());
  for (double scale : {0x1p400, 0x1p-400}) {
    for (Index i = 0; i < d * d; ++i) {
      large1[i] = c1.given[i] * scale;
      large2[i] = c2.given[i] * scale;
    }
    isokern::monge_map(m, large1, m, large2, Covariance::tril, OnError::raise, t.view(),
                       shift.view());
    for (Index i = 0; i < d * d; ++i) CHECK(t[i] == doctest::Approx(wanted[i]).epsilon(1e-12));
  }
  for (Index i = 0; i < d * d; ++i) large1[i] = large2[i] = c1.given[i] * 0x1p700;
  isokern::monge_map(m, large1, m, large2, Covariance::tril, OnError::nan, t.view(), shift.view());
  CHECK(std::isnan(t[0]));  // their products are not finite
}
