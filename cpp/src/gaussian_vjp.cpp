// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Gradients of the measures of pairs: in S first, the symmetric G with dD = tr(G dS), then in the
// form that was given. No difference of eigenvalues is in a denominator, so that all exist for
// equal arguments.
#include <cmath>
#include <functional>

#include "each_item.hpp"
#include "gaussian.hpp"

namespace isokern {
namespace {

using dense::DenseMatrix;
using dense::plus;
using dense::times;

struct Item {
  DenseMatrix delta, s1, l1, s2, l2;
};

// Gradients in mean1 (that in mean2 is its negative), S1 and S2.
struct Slopes {
  DenseMatrix mean, cov1, cov2;
};

struct Bars {
  const View &mean1, &cov1, &mean2, &cov2;
};

DenseMatrix scaled(DenseMatrix x, double factor) {
  for (double& value : x.values) value *= factor;
  return x;
}

DenseMatrix outer(const DenseMatrix& y) {
  return times(y, dense::transposed(y));
}

void run(const char* f, const ConstView& g, const PairArguments& given, Covariance form,
         OnError on_error, const Bars& bars, const std::function<Slopes(const Item&)>& slope) {
  const Index d = require_pair(f, given, form);
  const Layout batch = batch_of_pairs(f, given, form);
  const Dtype dtype = given.cov1.dtype;
  require_cotangent(f, g, batch, dtype);
  if (static_cast<bool>(bars.mean1) != static_cast<bool>(given.mean1) ||
      static_cast<bool>(bars.mean2) != static_cast<bool>(given.mean2))
    throw invalid_argument(std::string(f) + ": means and their gradients, expected both or none");
  if (given.mean1) {
    require_exact(f, "mean1_bar", bars.mean1, given.mean1, dtype);
    require_exact(f, "mean2_bar", bars.mean2, given.mean2, dtype);
  }
  require_exact(f, "cov1_bar", bars.cov1, given.cov1, dtype);
  require_exact(f, "cov2_bar", bars.cov2, given.cov2, dtype);
  require_outputs_apart(f,
                        {{"mean1_bar", bars.mean1},
                         {"cov1_bar", bars.cov1},
                         {"mean2_bar", bars.mean2},
                         {"cov2_bar", bars.cov2}},
                        {{"g", g},
                         {"mean1", given.mean1},
                         {"cov1", given.cov1},
                         {"mean2", given.mean2},
                         {"cov2", given.cov2}});
  const Covariances one = take_covariances(f, {"cov1", given.cov1}, form, on_error);
  const Covariances other = take_covariances(f, {"cov2", given.cov2}, form, on_error);
  const Items weights(g, 0);
  Items mean1, mean2;
  if (given.mean1) {
    mean1 = Items(given.mean1, 1);
    mean2 = Items(given.mean2, 1);
  }
  Items first(batch, d), second(batch, d), cov1(batch, gradient_size(one, form)),
      cov2(batch, gradient_size(other, form));
  each_item(batch.size(), cubes(20, d), [&](Index i) {
    Item item{DenseMatrix(d, 1), one.matrix(i, batch), one.factor(i, batch), other.matrix(i, batch),
              other.factor(i, batch)};
    if (given.mean1) {
      for (Index k = 0; k < d; ++k)
        item.delta(k, 0) = mean1.at(i, batch)[k] - mean2.at(i, batch)[k];
    }
    const Slopes found = slope(item);
    const double weight = *weights.own(i);
    put(scaled(found.mean, weight), first.own(i));
    put(scaled(found.mean, -weight), second.own(i));
    put(to_form(scaled(found.cov1, weight), one, i, batch, form), cov1.own(i));
    put(to_form(scaled(found.cov2, weight), other, i, batch, form), cov2.own(i));
  });
  if (given.mean1) {
    store_sums(first, 1, bars.mean1);
    store_sums(second, 1, bars.mean2);
  }
  store_sums(cov1, axes_of(form), bars.cov1);
  store_sums(cov2, axes_of(form), bars.cov2);
}

Slopes of_kl(const Item& item) {
  const DenseMatrix p1 = dense::inverse(item.l1), p2 = dense::inverse(item.l2);
  const DenseMatrix y = times(p2, item.delta);
  // (P2 - P2 S1 P2) / 2, which vanishes for equal covariances
  const DenseMatrix second = dense::symmetrised(times(times(p2, plus(item.s2, item.s1, -1)), p2));
  return {y, scaled(plus(p2, p1, -1), 0.5), scaled(plus(second, outer(y), -1), 0.5)};
}

Slopes of_renyi(const Item& item, double alpha) {
  const Index d = item.s1.rows;
  const DenseMatrix p1 = dense::inverse(item.l1), p2 = dense::inverse(item.l2);
  const DenseMatrix change = plus(item.s1, item.s2, -1);
  DenseMatrix lower = plus(item.s2, change, 1 - alpha);
  if (!dense::cholesky(lower)) fill_nan(lower.values.data(), d, d, d);
  const DenseMatrix p = dense::inverse(lower), y = times(p, item.delta), square = outer(y);
  // (P - P1) / 2 = alpha P (S1 - S2) P1 / 2 and its like, without dividing by 1 - alpha
  const DenseMatrix first = dense::symmetrised(times(times(p, change), p1));
  const DenseMatrix second = dense::symmetrised(times(times(p, change), p2));
  return {scaled(y, alpha), scaled(plus(first, square, alpha - 1), alpha / 2),
          scaled(plus(second, square, alpha), -alpha / 2)};
}

Slopes halved(const Slopes& x) {
  return {scaled(x.mean, 0.5), scaled(x.cov1, 0.5), scaled(x.cov2, 0.5)};
}

// G from F1 - F2 Q = G F1.
DenseMatrix from_factor(const DenseMatrix& residual, const DenseMatrix& lower) {
  return dense::symmetrised(
      dense::transposed(dense::solve_transposed(lower, dense::transposed(residual))));
}

Slopes of_wasserstein2(const Item& item) {
  const Index d = item.s1.rows;
  if (!dense::finite(item.l1) || !dense::finite(item.l2)) {
    DenseMatrix none(d, d);
    fill_nan(none.values.data(), d, d, d);
    return {scaled(item.delta, 2), none, none};
  }
  DenseMatrix q = dense::polar(item.l1, item.l2);
  if (item.l1.values == item.l2.values) {
    q = DenseMatrix(d, d);
    for (Index i = 0; i < d; ++i) q(i, i) = 1;
  }
  const DenseMatrix first = plus(item.l1, times(item.l2, q), -1);
  const DenseMatrix second = plus(item.l2, times(item.l1, dense::transposed(q)), -1);
  return {scaled(item.delta, 2), from_factor(first, item.l1), from_factor(second, item.l2)};
}

}  // namespace

void require_cotangent(const char* f, const ConstView& g, const Layout& batch, Dtype dtype) {
  require_dtype(f, {"g", g}, dtype);
  if (g.rank != batch.rank || !std::equal(g.shape, g.shape + g.rank, batch.shape)) {
    throw invalid_argument(std::string(f) + ": g has shape " + shape_text(g) + ", expected " +
                           shape_text(batch));
  }
}

void put(const dense::DenseMatrix& from, double* to) {
  std::copy(from.values.begin(), from.values.end(), to);
}

Index gradient_size(const Covariances& cov, Covariance form) {
  if (form == Covariance::diag) return cov.d;
  return cov.d * (form == Covariance::factor ? cov.columns : cov.d);
}

dense::DenseMatrix to_form(const dense::DenseMatrix& slope, const Covariances& cov, Index item,
                           const Layout& whole, Covariance form) {
  if (form == Covariance::cov) return slope;
  if (form == Covariance::precision) {
    const DenseMatrix s = cov.matrix(item, whole);
    return scaled(dense::symmetrised(times(times(s, slope), s)), -1);
  }
  if (form == Covariance::factor)
    return scaled(times(slope, DenseMatrix(cov.d, cov.columns, cov.factors.at(item, whole))), 2);
  if (form == Covariance::diag) {
    DenseMatrix diagonal(cov.d, 1);
    for (Index i = 0; i < cov.d; ++i) diagonal(i, 0) = slope(i, i);
    return diagonal;
  }
  DenseMatrix result = scaled(times(slope, cov.factor(item, whole)), 2);
  for (Index i = 0; i < result.rows; ++i) {
    for (Index j = i + 1; j < result.columns; ++j) result(i, j) = 0;
  }
  return result;
}

void kl_vjp(const ConstView& g, const ConstView& mean1, const ConstView& cov1,
            const ConstView& mean2, const ConstView& cov2, Covariance form, OnError on_error,
            const View& mean1_bar, const View& cov1_bar, const View& mean2_bar,
            const View& cov2_bar) {
  run("kl_vjp", g, {mean1, cov1, mean2, cov2}, form, on_error,
      {mean1_bar, cov1_bar, mean2_bar, cov2_bar}, of_kl);
}

void bhattacharyya_vjp(const ConstView& g, const ConstView& mean1, const ConstView& cov1,
                       const ConstView& mean2, const ConstView& cov2, Covariance form,
                       OnError on_error, const View& mean1_bar, const View& cov1_bar,
                       const View& mean2_bar, const View& cov2_bar) {
  run("bhattacharyya_vjp", g, {mean1, cov1, mean2, cov2}, form, on_error,
      {mean1_bar, cov1_bar, mean2_bar, cov2_bar},
      [](const Item& item) { return halved(of_renyi(item, 0.5)); });
}

void renyi_vjp(const ConstView& g, const ConstView& mean1, const ConstView& cov1,
               const ConstView& mean2, const ConstView& cov2, double alpha, Covariance form,
               OnError on_error, const View& mean1_bar, const View& cov1_bar, const View& mean2_bar,
               const View& cov2_bar) {
  require_alpha("renyi_vjp", alpha);
  run("renyi_vjp", g, {mean1, cov1, mean2, cov2}, form, on_error,
      {mean1_bar, cov1_bar, mean2_bar, cov2_bar},
      [alpha](const Item& item) { return of_renyi(item, alpha); });
}

void wasserstein2_squared_vjp(const ConstView& g, const ConstView& mean1, const ConstView& cov1,
                              const ConstView& mean2, const ConstView& cov2, Covariance form,
                              OnError on_error, const View& mean1_bar, const View& cov1_bar,
                              const View& mean2_bar, const View& cov2_bar) {
  run("wasserstein2_squared_vjp", g, {mean1, cov1, mean2, cov2}, form, on_error,
      {mean1_bar, cov1_bar, mean2_bar, cov2_bar}, of_wasserstein2);
}

}  // namespace isokern
