// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Wasserstein's distance of normal distributions from factors of their covariances.
#include "entries.hpp"
#include "gaussian.hpp"
#include "spectrum.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// |L1 - L2 Q|^2 with the polar factor Q = V U^T of M = L1^T L2 = U S V^T: a sum of squares. one,
// other: the factors; m: M, used up; v (d, d) and row (d): scratch.
Lane residual(const Lane* one, const Lane* other, Index d, Lane* m, Lane* v, Lane* row) noexcept {
  transpose_in_place(m, d);  // its rows are now M's columns
  for (Index i = 0; i < d * d; ++i) v[i] = i % (d + 1) == 0 ? splat(1) : Lane{};
  orthogonalise_rows(m, v, d);
  for (Index k = 0; k < d; ++k) {
    Lane square{};
    for (Index j = 0; j < d; ++j) square += m[k * d + j] * m[k * d + j];
    const Lane inverse = 1 / root(square);
    for (Index j = 0; j < d; ++j) m[k * d + j] *= inverse;
  }
  // Row i of L2 Q is (row i of L2 V) U^T.
  Lane total{};
  for (Index i = 0; i < d; ++i) {
    for (Index k = 0; k < d; ++k) {
      Lane sum{};
      for (Index l = 0; l <= i; ++l) sum += other[i * d + l] * v[k * d + l];
      row[k] = sum;
    }
    for (Index j = 0; j < d; ++j) {
      Lane difference = one[i * d + j];
      for (Index k = 0; k < d; ++k) difference -= row[k] * m[k * d + j];
      total += difference * difference;
    }
  }
  return total;
}

}  // namespace

// W2^2 = |delta|^2 + tr S1 + tr S2 - 2 sum of the singular values of M = L1^T L2, which are the
// roots of the eigenvalues of M M^T where these are far from rounding errors and the sum does not
// cancel; otherwise as a sum of squares, from Jacobi's singular vectors. Where the condition is
// moderate the sum is found without the eigenvalues, at a fraction of their cost.
void gaussian_wasserstein2(const GaussianPairRun& run) noexcept {
  const Index d = run.d;
  Pair pair(run);
  Lane *one = pair.matrix(0), *other = pair.matrix(1), *m = pair.matrix(2), *a = pair.matrix(3);
  for (int which = 0; which < 2; ++which) {
    pair.take(which);
  }
  Mask same = one[0] == other[0];
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j <= i; ++j) same &= one[i * d + j] == other[i * d + j];
  }
  Lane traces{};
  for (int which = 0; which < 2; ++which) {
    pair.factorise(which);
    clear_upper(pair.matrix(which), d);
    for (Index i = 0; i < d; ++i) {
      for (Index j = 0; j <= i; ++j)
        traces += pair.matrix(which)[i * d + j] * pair.matrix(which)[i * d + j];
    }
  }
  // A power of two near the root of the traces is taken out of the factors: M M^T does not
  // overflow.
  const Mask exponent = (((bit_cast<Mask>(traces) >> 52) & 2047) - 1023) >> 1;
  const Lane shrink = bit_cast<Lane>((1023 - exponent) << 52);
  const Lane grow = bit_cast<Lane>((1023 + exponent) << 52);
  for (Index i = 0; i < d * d; ++i) {
    one[i] *= shrink;
    other[i] *= shrink;
  }
  traces *= shrink * shrink;
  const auto later = [](Index i, Index j) { return i > j ? i : j; };
  product_lanes<Fill::full>({one, 1, d}, {other, 1, d}, d, m, later);
  product_lanes<Fill::lower>({m, d, 1}, {m, d, 1}, d, a, [](Index, Index) { return Index{0}; });
  Lane *values = pair.vector(2), *squares = pair.vector(3);
  tridiagonal(a, d, values, squares, pair.vector(4));
  Mask failed{};
  for (int lane = 0; lane < kL; ++lane) failed[lane] = pair.failed(lane) ? -1 : 0;
  Lane sum;
  const Mask rough = sum_of_roots(values, squares, d, sum) & ~failed;
  Mask doubtful{};
  if (any(rough)) {
    doubtful = eigenvalues(values, squares, d);
    Lane least = values[0], largest = values[0], total{};
    for (Index i = 0; i < d; ++i) {
      least = select(values[i] < least, values[i], least);
      largest = larger(values[i], largest);
      total += root(larger(values[i], Lane{}));
    }
    sum = select(rough, total, sum);
    doubtful = rough & (doubtful | ~(least > 1e-6 * largest));
  }
  Lane distance = traces - 2 * sum;
  doubtful = (doubtful | ~(distance > 1e-3 * traces)) & ~same & ~failed;
  if (any(doubtful)) distance = select(doubtful, residual(one, other, d, m, a, squares), distance);
  distance *= grow * grow;
  const Lane* delta = pair.difference();
  Lane square{};
  for (Index i = 0; i < d; ++i) square += delta[i] * delta[i];
  pair.finish(square + select(same, Lane{}, distance));
}

}  // namespace ISOKERN_ISA
}  // namespace isokern
