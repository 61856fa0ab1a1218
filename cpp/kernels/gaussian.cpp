// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Divergences between pairs of normal distributions, a vector's worth of pairs at once.
//
// All but Wasserstein's distance are built from K(Y) = tr Y - ln det(I + Y): with B B^T = B0,
// C = I + E = B^-1 L a lower factor of I + Y, Y = B^-1 (L L^T - B B^T) B^-T,
//   K = sum_(i>j) E_ij^2 + sum_i (E_ii^2 + 2 (E_ii - ln(1 + E_ii))),
// a sum of terms that cannot be negative and vanish for equal matrices. E = B^-1 (L - B) is solved
// for directly. Where K is small and the covariances themselves are given, Y is made from their
// difference, which is exact where they are close, and E from Y without forming I + Y: the error is
// relative to the result, eps times the condition, however small that is.
#include "gaussian.hpp"
#include "entries.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// e - ln(1 + e) for |e| < 0.1 or so, by its series.
ISOKERN_INLINE Lane less_log(const Lane& e) noexcept {
  Lane sum = splat(1.0 / 18);
#pragma GCC unroll 16
  for (int n = 17; n >= 2; --n) sum = 1.0 / n - e * sum;
  return e * e * sum;
}

// What the diagonal of E adds to K: e^2 + 2 (e - ln(1 + e)) each, with and without the logarithms.
struct DiagonalTerms {
  Lane whole{}, without{};

  ISOKERN_INLINE void add(const Lane& e) noexcept {
    without += e * e + 2 * e;
    whole += e * e + 2 * less_log(e);
  }
};

// K for E = base^-1 (other - base); e is scratch.
template <class Meanwhile = Idle>
Lane divergence(const Factor& base, const Factor& other, Index d, Lane* e,
                Meanwhile&& meanwhile = {}) noexcept {
  const Lane below = solve_transposed(
      base.matrix, base.inverse, d,
      [&](Index i, Index j) { return other.matrix[i * d + j] - base.matrix[i * d + j]; }, e,
      meanwhile);
  DiagonalTerms diagonal;
  Product ratios;
  for (Index i = 0; i < d; ++i) {
    diagonal.add(e[i * (d + 1)]);
    ratios.times(other.matrix[i * (d + 1)] * base.inverse[i]);
  }
  const Lane far = below + diagonal.without - 2 * ratios.log();
  return select(far < kSmall, below + diagonal.whole, far);
}

// x becomes base^-1 x base^-T for a symmetric x, given whole.
void congruence(const Factor& base, Index d, Lane* x) noexcept {
  solve_lanes<Fill::full>(base.matrix, base.inverse, d, x, d);
  transpose_in_place(x, d);
  solve_lanes<Fill::full>(base.matrix, base.inverse, d, x, d);
}

// K(factor * x) of a small symmetric x; e: scratch (d, d), inverse: d.
Lane small_divergence(const Lane* x, double factor, Index d, Lane* e, Lane* inverse) noexcept {
  for (Index i = 0; i < d * d; ++i) e[i] = factor * x[i];
  cholesky_lanes<true>(e, d, inverse);
  Lane below{};
  DiagonalTerms diagonal;
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j < i; ++j) below += e[i * d + j] * e[i * d + j];
    diagonal.add(e[i * (d + 1)]);
  }
  return below + diagonal.whole;
}

void kl(const GaussianPairRun& run) noexcept {
  const Index d = run.d;
  Pair pair(run);
  for (int which = 0; which < 2; ++which) {
    pair.take(which);
    pair.factorise(which);
  }
  // Of precisions the roles are exchanged: C = K1^-1 K2.
  const bool precision = run.form == GaussianForm::precision;
  const Factor base = pair.factor(precision ? 0 : 1), other = pair.factor(precision ? 1 : 0);
  Lane* e = pair.matrix(2);
  Lane sum = divergence(base, other, d, e, pair.meanwhile());
  const Mask close = sum < kSmall;
  if (any(close) && run.form != GaussianForm::tril) {
    Lane* x = pair.matrix(3);
    pair.load(precision ? 1 : 0, x);
    pair.load(precision ? 0 : 1, e);
    for (Index i = 0; i < d * d; ++i) x[i] -= e[i];
    mirror_lower(x, d);
    congruence(base, d, x);
    sum = select(close, small_divergence(x, 1, d, e, pair.vector(2)), sum);
  }
  Lane* delta = pair.difference();
  Lane square{};
  if (precision) {
    const Lane* k = pair.matrix(1);
    for (Index j = 0; j < d; ++j) {
      Lane value{};
      for (Index i = j; i < d; ++i) value += k[i * d + j] * delta[i];
      square += value * value;
    }
  } else {
    square = solve_vector(base.matrix, base.inverse, d, delta);
  }
  pair.finish(0.5 * (sum + square));
}

void bhattacharyya(const GaussianPairRun& run) noexcept {
  const Index d = run.d;
  const bool with_logs = run.log1 != nullptr;
  Pair pair(run);
  Lane *one = pair.matrix(0), *other = pair.matrix(1), *mean = pair.matrix(2);
  for (int which = 0; which < 2; ++which) {
    if (with_logs) {
      pair.load(which, pair.matrix(which));
    } else {
      pair.take(which);
    }
  }
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j <= i; ++j)
      mean[i * d + j] = one[i * d + j] + 0.5 * (other[i * d + j] - one[i * d + j]);
  }
  const Factor middle = pair.factor(2);
  const Mask bad = cholesky_lanes<false>(mean, d, middle.inverse, pair.meanwhile());
  Product ratios;
  Lane logs;
  if (with_logs) {
    for (Index i = 0; i < d; ++i) ratios.times(mean[i * d + i]);
    logs = ratios.log();
    for (int lane = 0; lane < kL; ++lane) logs[lane] -= 0.25 * (*run.log1[lane] + *run.log2[lane]);
  } else {
    pair.factorise(0);
    pair.factorise(1);
    const Lane *a = pair.vector(0), *b = pair.vector(1);
    for (Index i = 0; i < d; ++i) ratios.times(mean[i * d + i] * a[i] * (mean[i * d + i] * b[i]));
    logs = 0.5 * ratios.log();
  }
  pair.blame(bad, kIndefiniteFirst);
  // S1 = L (I + X) L^T and S2 = L (I - X) L^T, so that the logarithms are -ln det(I - X X^T) / 4.
  const Mask close = logs < kSmall;
  if (any(close)) {
    Lane *x = pair.matrix(3), *square = pair.matrix(0);
    pair.load(0, x);
    pair.load(1, square);
    for (Index i = 0; i < d * d; ++i) x[i] = 0.5 * (x[i] - square[i]);
    mirror_lower(x, d);
    congruence(middle, d, x);
    product_lanes<Fill::lower>({x, d, 1}, {x, d, 1}, d, square,
                               [](Index, Index) { return Index{0}; });
    for (Index i = 0; i < d * d; ++i) square[i] = -square[i];
    cholesky_lanes<true>(square, d, pair.vector(0));
    Lane sum{};
    for (Index i = 0; i < d; ++i) {
      const Lane e = square[i * d + i];
      sum -= e - less_log(e);
    }
    logs = select(close, 0.5 * sum, logs);
  }
  const Lane square = solve_vector(mean, middle.inverse, d, pair.difference());
  pair.finish(0.125 * square + logs);
}

// D_alpha = [K(S1 | Sa) + alpha / (1 - alpha) K(S2 | Sa) + alpha |La^-1 delta|^2] / 2, Sa = alpha
// S2 + (1 - alpha) S1: no digits are lost near alpha = 1.
void renyi(const GaussianPairRun& run) noexcept {
  const Index d = run.d;
  const double alpha = run.alpha, weight = alpha / (1 - alpha);
  Pair pair(run);
  Lane *one = pair.matrix(0), *other = pair.matrix(1), *mixed = pair.matrix(2), *e = pair.matrix(3);
  for (int which = 0; which < 2; ++which) {
    pair.take(which);
  }
  for (Index i = 0; i < d; ++i) {
    for (Index j = i * d; j <= i * (d + 1); ++j)
      mixed[j] = other[j] + (1 - alpha) * (one[j] - other[j]);
  }
  const Factor middle = pair.factor(2);
  const Mask none = cholesky_lanes<false>(mixed, d, middle.inverse, pair.meanwhile());
  pair.factorise(0);
  pair.factorise(1);
  const Lane k1 = divergence(middle, pair.factor(0), d, e);
  const Lane k2 = divergence(middle, pair.factor(1), d, e);
  Lane sum = k1 + weight * k2;
  const Mask close = (k1 < kSmall) & (k2 < kSmall);
  if (any(close)) {
    // S1 = La (I + alpha X) La^T, S2 = La (I - (1 - alpha) X) La^T
    Lane* x = one;
    pair.load(0, x);
    pair.load(1, other);
    for (Index i = 0; i < d * d; ++i) x[i] -= other[i];
    mirror_lower(x, d);
    congruence(middle, d, x);
    const Lane careful = small_divergence(x, alpha, d, e, pair.vector(0)) +
                         weight * small_divergence(x, alpha - 1, d, e, pair.vector(0));
    sum = select(close, careful, sum);
  }
  Lane* delta = pair.difference();
  Lane infinite = splat(__builtin_inf());
  for (Index i = 0; i < d; ++i) infinite += 0 * delta[i];  // NaN where a mean is not finite
  const Lane square = solve_vector(mixed, middle.inverse, d, delta);
  pair.finish(select(none, infinite, 0.5 * (sum + alpha * square)));
}

}  // namespace

void gaussian_pair(const GaussianPairRun& run) noexcept {
  switch (run.measure) {
    case GaussianMeasure::kl:
      return kl(run);
    case GaussianMeasure::bhattacharyya:
      return bhattacharyya(run);
    case GaussianMeasure::renyi:
      return renyi(run);
    case GaussianMeasure::wasserstein2:
      return gaussian_wasserstein2(run);
  }
}

void gaussian_matrix(const GaussianMatrixRun& run) noexcept {
  const Index d = run.d;
  Lane *a = reinterpret_cast<Lane*>(run.scratch), *b = a + d * d, *inverse = b + d * d;
  const Mask skew = interleave_symmetric(run.x, run.stride, d, run.tolerance, a, inverse);
  const Mask bad = cholesky_lanes<false>(a, d, inverse);
  clear_upper(a, d);
  if (run.result != GaussianMatrix::cholesky) {
    for (Index i = 0; i < d * d; ++i) b[i] = i % (d + 1) == 0 ? splat(1) : Lane{};
    solve_lanes<Fill::lower>(a, inverse, d, b, d);
    if (run.result == GaussianMatrix::inverse) {
      product_lanes<Fill::lower>({b, 1, d}, {b, 1, d}, d, a,
                                 [](Index i, Index j) { return i > j ? i : j; });
      mirror_lower(a, d);
    }
  }
  const Lane* result = run.result == GaussianMatrix::inverse_factor ? b : a;
  separate(result, d, d, run.count, run.out, run.out_stride);
  for (int lane = 0; lane < run.count; ++lane)
    run.status[lane] = static_cast<std::int8_t>(skew[lane]  ? kAsymmetricFirst
                                                : bad[lane] ? kIndefiniteFirst
                                                            : 0);
}

}  // namespace ISOKERN_ISA
}  // namespace isokern
