// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Divergences of covariances F F^T + diag(D) in O(d r^2).
//
// Divergences of nearly equal distributions come from H = F1 - F2 and x = D1 - D2 alone, see
// `near`: their error is relative to the result.
#include <algorithm>
#include <cmath>
#include <limits>

#include "each_item.hpp"
#include "gaussian_low.hpp"
#include "gaussian_near.hpp"
#include "gaussian_pairs.hpp"

namespace isokern {
namespace {

using dense::DenseMatrix;
using dense::plus;
using dense::times;
using dense::transposed;
using Numbers = std::vector<double>;

constexpr double kSmall = 0.1;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

DenseMatrix beside(const DenseMatrix& x, const DenseMatrix& y, double factor) {
  DenseMatrix z(x.rows, x.columns + y.columns);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.columns; ++j) z(i, j) = x(i, j);
    for (Index j = 0; j < y.columns; ++j) z(i, x.columns + j) = factor * y(i, j);
  }
  return z;
}

// S1 - S2 = diag(x) + H F1^T + F2 H^T, where F1 was turned to F2; both of the same width.
struct Difference {
  Numbers x;
  DenseMatrix h, f1, f2;
  Numbers d1, d2;

  // How large the terms of `near` are: it loses digits where that is above 1. Equal covariances may
  // be split into F and D in many ways.
  double size() const {
    double sum = 0;
    for (Index i = 0; i < h.rows; ++i) {
      const double least = std::min(d1[at(i)], d2[at(i)]), change = x[at(i)] / least;
      for (Index j = 0; j < h.columns; ++j) sum += h(i, j) * h(i, j) / least;
      sum += change * change;
    }
    return sum;
  }

  // Da and G of T = diag(Da) + G G^T, where alpha S2 + (1 - alpha) S1 = T + alpha (1 - alpha) H
  // H^T.
  Parts base(double beta) const {
    Parts result{plus(f2, h, beta), d2};
    for (std::size_t i = 0; i < x.size(); ++i) result.d[i] += beta * x[i];
    return result;
  }
};

Difference difference(const Pair& pair, Index item) {
  Parts one = split(pair.one, pair.one.values.at(item, pair.batch));
  Parts other = split(pair.other, pair.other.values.at(item, pair.batch));
  Difference t{{}, {}, std::move(one.f), std::move(other.f), std::move(one.d), std::move(other.d)};
  bring_together(t.f1, t.f2, t.d2.data());
  t.h = plus(t.f1, t.f2, -1);
  for (std::size_t i = 0; i < t.d1.size(); ++i) t.x.push_back(t.d1[i] - t.d2[i]);
  return t;
}

// tr y - ln det(I + y) of a small symmetric matrix.
double gaps(const DenseMatrix& y) {
  double sum = 0;
  for (double value : dense::spectrum(dense::symmetrised(y)).values)
    sum += terms::gap(value, 1 + value);
  return sum;
}

// x diag(weights) y^T
DenseMatrix inner(const DenseMatrix& x, const Numbers& weights, const DenseMatrix& y) {
  DenseMatrix turned = transposed(y);
  for (Index i = 0; i < turned.rows; ++i) {
    for (Index j = 0; j < turned.columns; ++j) turned(i, j) *= weights[at(i)];
  }
  return times(x, turned);
}

// K(S1 | Sa) + alpha / (1 - alpha) K(S2 | Sa), Sa = alpha S2 + (1 - alpha) S1; alpha 1: KL's. The
// determinants of T (see Difference), S1 and S2 differ by those of r x r matrices
// M = I + F^T D^-1 F, whose first order in H and x cancels; what is left, in closed form, is of the
// second order term by term.
double near(const Difference& t, double alpha) {
  const double beta = 1 - alpha, weight = beta != 0 ? alpha / beta : 0;
  const Parts base = t.base(beta);
  const Low whole = low(base.f, base.d);
  if (!whole.good) return kNaN;
  const Index d = base.f.rows, r = base.f.columns;
  double total = 0;
  Numbers each, own1, own2;
  for (std::size_t i = 0; i < base.d.size(); ++i) {
    const double x = t.x[i] / base.d[i];
    total += terms::gap(alpha * x, t.d1[i] / base.d[i]) +
             weight * terms::gap(-beta * x, t.d2[i] / base.d[i]);
    each.push_back(1 / base.d[i]);
    own1.push_back(x / t.d1[i]);
    own2.push_back(x / t.d2[i]);
  }
  DenseMatrix lower = times(transposed(base.f), divided(base.f, base.d));
  for (Index k = 0; k < r; ++k) lower(k, k) += 1;
  if (!dense::cholesky(lower)) return kNaN;
  const auto half = [&](const DenseMatrix& f) { return dense::solve(lower, transposed(f)); };
  const DenseMatrix g = half(base.f), h = half(t.h), f1 = half(t.f1), f2 = half(t.f2);  // r x d
  DenseMatrix both = inner(g, each, h);
  both = plus(both, transposed(both));
  const DenseMatrix square = inner(h, each, h);
  const DenseMatrix first = plus(plus(both, square, alpha), inner(f1, own1, f1), -1);
  DenseMatrix scaled = first;
  for (double& value : scaled.values) value *= alpha;
  total += gaps(scaled);
  if (weight != 0) {
    scaled = plus(plus(inner(f2, own2, f2), square, beta), both, -1);
    for (double& value : scaled.values) value *= beta;
    total += weight * gaps(scaled);
  }
  double rest = 0;
  for (Index i = 0; i < d; ++i) {
    double hh = 0, hf = 0, ff = 0;
    for (Index k = 0; k < r; ++k) {
      hh += h(k, i) * h(k, i);
      hf += h(k, i) * f2(k, i);
      ff += f2(k, i) * f2(k, i);
    }
    const double da = base.d[at(i)], x = t.x[at(i)] / da;
    rest +=
        hh / da + x * x * (da / t.d1[at(i)]) * ff / t.d2[at(i)] - x / t.d1[at(i)] * (2 * hf + hh);
  }
  const DenseMatrix white = whole.whiten(t.h);
  double last = 0;
  if (beta != 0) {
    for (double value : dense::spectrum(times(transposed(white), white)).values)
      last += std::log1p(alpha * beta * value) / beta;
  } else {
    last = dense::squares(white);
  }
  return total + last - alpha * rest;
}

// Of alpha S2 + (1 - alpha) S1; not good where that is not positive definite.
Low mixed(const Difference& t, double alpha) {
  const double beta = 1 - alpha;
  const Parts base = t.base(beta);
  if (beta >= 0) return low(beside(base.f, t.h, std::sqrt(alpha * beta)), base.d);
  // Where Da is not positive a column of its own makes up for it. A covariance that is positive
  // definite has no more of these than F2 has columns.
  Low result;
  std::vector<Index> negative;
  for (Index i = 0; i < base.f.rows; ++i) {
    const double own = base.d[at(i)];
    if (!(own > 0)) negative.push_back(i);
    result.root.push_back(std::sqrt(own > 0 ? own : alpha * t.d2[at(i)]));
  }
  DenseMatrix lost(base.f.rows, static_cast<Index>(negative.size()));
  for (Index k = 0; k < lost.columns; ++k) {
    const Index i = negative[at(k)];
    lost(i, k) = std::sqrt(alpha * t.d2[at(i)] - base.d[at(i)]);
  }
  const DenseMatrix whole =
      divided(beside(beside(base.f, t.h, std::sqrt(-alpha * beta)), lost, 1), result.root);
  result.good = lost.columns <= t.f2.columns && dense::finite(whole);
  if (!result.good) return result;
  const dense::Svd parts = dense::svd(whole);
  DenseMatrix left = parts.v;  // J V s
  for (Index k = 0; k < left.rows; ++k) {
    for (Index j = 0; j < left.columns; ++j)
      left(k, j) *= (k < base.f.columns ? 1 : -1) * parts.s[at(j)];
  }
  DenseMatrix core = times(transposed(parts.v), left);
  for (Index k = 0; k < core.rows; ++k) {
    for (Index j = 0; j < core.columns; ++j) core(k, j) *= parts.s[at(k)];
  }
  dense::Spectrum found = dense::spectrum(dense::symmetrised(core));
  result.u = times(parts.u, found.vectors);
  result.lam = std::move(found.values);
  for (double value : result.lam) result.good = result.good && value > -1;
  return result;
}

double item_flops(const Pair& pair) {
  const double r = static_cast<double>(pair.one.columns + pair.other.columns);
  return 100 * static_cast<double>(pair.d) * r * r;
}

}  // namespace

Items kl_of_lowrank(const Pair& pair) {
  const std::vector<Low> ones = lows(pair.f, pair.one, pair.on_error);
  const std::vector<Low> others = lows(pair.f, pair.other, pair.on_error);
  Items values(pair.batch, 1);
  each_item(pair.batch.size(), item_flops(pair), [&](Index item) {
    const Low& one = ones[at(item_within(item, pair.batch, pair.one.values.batch))];
    const Low& other = others[at(item_within(item, pair.batch, pair.other.values.batch))];
    double value = kNaN;
    if (one.good && other.good) {
      const Parts first = split(pair.one, pair.one.values.at(item, pair.batch));
      value = dense::squares(other.whiten(first.f)) - static_cast<double>(pair.d);
      for (Index i = 0; i < pair.d; ++i) value += first.d[at(i)] * other.inverse_diagonal(i);
      value -= 2 * (one.half_log_det() - other.half_log_det());
      if (std::abs(value) < kSmall) {
        const Difference t = difference(pair, item);
        if (t.size() < 1) value = near(t, 1);
      }
      value = std::max(value, 0.0);
    }
    *values.own(item) = (value + other.square(pair.delta(item))) / 2;
  });
  return values;
}

Items renyi_of_lowrank(const Pair& pair, double alpha) {
  const std::vector<Low> ones = lows(pair.f, pair.one, pair.on_error);
  const std::vector<Low> others = lows(pair.f, pair.other, pair.on_error);
  Items values(pair.batch, 1);
  each_item(pair.batch.size(), 4 * item_flops(pair), [&](Index item) {
    const Low& one = ones[at(item_within(item, pair.batch, pair.one.values.batch))];
    const Low& other = others[at(item_within(item, pair.batch, pair.other.values.batch))];
    double* const to = values.own(item);
    *to = kNaN;
    if (!one.good || !other.good) return;
    const DenseMatrix delta = pair.delta(item);
    if (!dense::finite(delta)) return;
    const Difference t = difference(pair, item);
    const Low middle = mixed(t, alpha);
    if (!middle.good) {
      *to = std::numeric_limits<double>::infinity();
      return;
    }
    double value =
        2 / (1 - alpha) *
        (middle.half_log_det() - (1 - alpha) * one.half_log_det() - alpha * other.half_log_det());
    // Against what the plain difference loses.
    bool close = (std::abs(value) < kSmall || std::abs(1 - alpha) < 1e-4) &&
                 t.size() < std::max(1.0, 1 / std::abs(1 - alpha));
    for (double x : t.base(1 - alpha).d) close = close && x > 0;
    if (close) value = near(t, alpha);
    *to = (std::max(value, 0.0) + alpha * middle.square(delta)) / 2;
  });
  return values;
}

Items mahalanobis_of_lowrank(const Pair& pair) {
  lows(pair.f, pair.one, pair.on_error);
  lows(pair.f, pair.other, pair.on_error);
  Items values(pair.batch, 1);
  each_item(pair.batch.size(), item_flops(pair), [&](Index item) {
    *values.own(item) = mixed(difference(pair, item), 0.5).square(pair.delta(item));
  });
  return values;
}

}  // namespace isokern
