// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Eigenvalues and singular values of a vector's worth of matrices (see lanes.hpp).
//
// Eigenvalues of symmetric matrices: reduction to tridiagonal form by Householder reflections, then
// QL sweeps with Wilkinson's shift on the squares of the off-diagonal (Reinsch, "A stable, rational
// QR algorithm for the computation of the eigenvalues of an Hermitian, tridiagonal matrix", 1971;
// the form of Pal, Walker and Kahan); the sum of their roots also without them. Lanes that have
// converged are left alone, so that no lane's numbers depend on the others.
//
// Singular vectors: one-sided Jacobi (Hestenes 1958), which finds small singular values, too, to
// the accuracy that the columns determine.
#pragma once

#include "lanes.hpp"
#include "poles.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// p = A v for a symmetric A of which the lower triangle is read.
ISOKERN_INLINE void symmetric_times(const Lane* a, Index stride, Index n, const Lane* v,
                                    Lane* p) noexcept {
  for (Index i = 0; i < n; ++i) p[i] = Lane{};
  Index i = 0;
  for (; i + 4 <= n; i += 4) {
    const Lane* rows[4];
    Lane sums[4] = {}, factors[4];
    for (int r = 0; r < 4; ++r) {
      rows[r] = a + (i + r) * stride;
      factors[r] = v[i + r];
    }
    for (Index j = 0; j < i; ++j) {
      const Lane value = v[j];
      Lane column = p[j];
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) {
        const Lane element = rows[r][j];
        sums[r] += element * value;
        column += element * factors[r];
      }
      p[j] = column;
    }
    for (int r = 0; r < 4; ++r) {
      for (int c = 0; c < r; ++c) {
        sums[r] += rows[r][i + c] * factors[c];
        sums[c] += rows[r][i + c] * factors[r];
      }
      sums[r] += rows[r][i + r] * factors[r];
    }
    for (int r = 0; r < 4; ++r) p[i + r] += sums[r];
  }
  for (; i < n; ++i) {
    const Lane* row = a + i * stride;
    Lane sum = row[i] * v[i];
    for (Index j = 0; j < i; ++j) {
      sum += row[j] * v[j];
      p[j] += row[j] * v[i];
    }
    p[i] += sum;
  }
}

// A -= v w^T + w v^T, the lower triangle.
ISOKERN_INLINE void rank_two(Lane* a, Index stride, Index n, const Lane* v,
                             const Lane* w) noexcept {
  Index i = 0;
  for (; i + 4 <= n; i += 4) {
    Lane vi[4], wi[4];
    Lane* rows[4];
    for (int r = 0; r < 4; ++r) {
      vi[r] = v[i + r];
      wi[r] = w[i + r];
      rows[r] = a + (i + r) * stride;
    }
    for (Index j = 0; j < i + 4; ++j) {
      const Lane vj = v[j], wj = w[j];
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) rows[r][j] -= vi[r] * wj + wi[r] * vj;
    }
  }
  for (; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) a[i * stride + j] -= v[i] * w[j] + w[i] * v[j];
  }
}

// The lower triangle of `a` is used up; diagonal (d) and squares of the off-diagonal (d). scratch:
// 2 d. The last row and column are eliminated first, so that what remains stays in its corner.
void tridiagonal(Lane* a, Index d, Lane* diagonal, Lane* squares, Lane* scratch) noexcept {
  Lane *v = scratch, *w = scratch + d;
  for (Index n = d - 1; n >= 1; --n) {
    const Lane* row = a + n * d;  // the vector to be reflected: row n left of the diagonal
    diagonal[n] = row[n];
    Lane largest{}, tail{};
    for (Index j = 0; j < n; ++j) largest = larger(largest, absolute(row[j]));
    const Mask zero = ~(largest > 0);
    const Lane scale = select(zero, splat(1), largest), per_scale = 1 / scale;
    for (Index j = 0; j < n; ++j) v[j] = row[j] * per_scale;
    for (Index j = 0; j + 1 < n; ++j) tail += v[j] * v[j];
    const Lane head = v[n - 1], square = tail + head * head, length = root(square);
    squares[n - 1] = square * scale * scale;
    if (n == 1) break;
    const Mask done = ~(tail > 0);  // tridiagonal already
    v[n - 1] = head + select(head < 0, -length, length);
    // H = I - v v^T / h, h = |v|^2 / 2
    const Lane h = select(done, splat(1), square + absolute(head) * length);
    const Lane per_h = select(done, Lane{}, 1 / h);
    symmetric_times(a, d, n, v, w);
    Lane inner{};
    for (Index j = 0; j < n; ++j) {
      w[j] *= per_h;
      inner += w[j] * v[j];
    }
    inner *= per_h * 0.5;
    for (Index j = 0; j < n; ++j) w[j] -= inner * v[j];
    rank_two(a, d, n, v, w);
  }
  diagonal[0] = a[0];
  squares[d - 1] = Lane{};
}

// Eigenvalues, in no order, from the diagonal and the squares of the off-diagonal. Returns the
// lanes that did not converge.
Mask eigenvalues(Lane* x, Lane* squares, Index d) noexcept {
  constexpr double tiny = 0x1p-104;
  constexpr int most = 40;
  Mask failed{};
  for (Index l = 0; l + 1 < d; ++l) {
    for (int sweep = 0;; ++sweep) {
      const Mask active =
          (squares[l] > tiny * absolute(x[l] * x[l + 1])) & (squares[l] > 0x1p-1000);
      if (!any(active)) break;
      if (sweep == most) {
        failed |= active;
        break;
      }
      const Lane off = root(squares[l]), start = x[l];
      const Lane half = (x[l + 1] - start) / (2 * select(active, off, splat(1)));
      const Lane length = root(half * half + 1);
      const Lane shift = start - off / (half + select(half < 0, -length, length));
      Lane c = splat(1), s{}, gamma = x[d - 1] - shift, p = gamma * gamma;
      for (Index i = d - 2; i >= l; --i) {
        const Lane square = squares[i], r = p + square;
        if (i != d - 2) squares[i + 1] = select(active, s * r, squares[i + 1]);
        const Lane before = c, gamma_before = gamma, alpha = x[i];
        const Mask nothing = r == 0;
        const Lane per_r = 1 / select(nothing, splat(1), r);
        c = select(nothing, splat(1), p * per_r);
        s = square * per_r;
        gamma = c * (alpha - shift) - s * gamma_before;
        x[i + 1] = select(active, gamma_before + (alpha - gamma), x[i + 1]);
        const Mask flat = c == 0;
        p = select(flat, before * square, gamma * gamma / select(flat, splat(1), c));
      }
      squares[l] = select(active, s * p, squares[l]);
      x[l] = select(active, shift + gamma, x[l]);
    }
  }
  return failed;
}

constexpr int kPolesAtOnce = 4;

// The sum of the square roots of the eigenvalues of positive definite tridiagonal matrices, without
// the eigenvalues: tr T (T + s)^-1 for all poles, by the recurrence for the pivots q of T + s and
// that for u = q - s dq/ds. Returns the lanes whose condition is, or may be, too large for it.
Mask sum_of_roots(const Lane* diagonal, const Lane* squares, Index d, Lane& result) noexcept {
  Lane largest{}, below{}, inverse{}, slope{}, trace{};
  Mask bad{};
  for (Index i = 0; i < d; ++i) {
    const Lane square = i > 0 ? squares[i - 1] : Lane{};
    const Lane above = i + 1 < d ? root(squares[i]) : Lane{};
    largest = larger(diagonal[i] + above + below, largest);
    below = above;
    const Lane ratio = square * inverse, pivot = diagonal[i] - ratio;
    bad |= ~(pivot > 0);
    slope = 1 + ratio * inverse * slope;
    inverse = 1 / pivot;
    trace += slope * inverse;
  }
  bad |= ~(trace * largest * kLeastRoot < 1);  // 1 / trace is below the least eigenvalue
  Lane sum{};
  for (int first = 0; first < kPoles; first += kPolesAtOnce) {
    Lane shift[kPolesAtOnce], q[kPolesAtOnce], u[kPolesAtOnce] = {}, total[kPolesAtOnce] = {};
    for (int k = 0; k < kPolesAtOnce; ++k) {
      shift[k] = kRootPoles[first + k].s * largest;
      q[k] = splat(0);
    }
    for (Index i = 0; i < d; ++i) {
      const Lane square = i > 0 ? squares[i - 1] : Lane{}, own = diagonal[i];
#pragma GCC unroll 4
      for (int k = 0; k < kPolesAtOnce; ++k) {
        const Lane ratio = square * q[k];  // q: the inverse of the pivot before
        u[k] = (own - 2 * ratio) + ratio * q[k] * u[k];
        q[k] = 1 / (own + shift[k] - ratio);
        total[k] += u[k] * q[k];
      }
    }
    for (int k = 0; k < kPolesAtOnce; ++k) sum += kRootPoles[first + k].c * total[k];
  }
  result = sum * root(largest);
  return bad;
}

// Rows of g, (d, d), are made orthogonal by rotations, which v, where it is given, goes through
// too: G = S U^T and V^T for G^T V = U S. Returns the lanes that did not converge.
Mask orthogonalise_rows(Lane* g, Lane* v, Index d) noexcept {
  constexpr double enough = 0x1p-104;
  constexpr int most = 40;
  for (int sweep = 0; sweep < most; ++sweep) {
    Mask moved{};
    for (Index p = 0; p + 1 < d; ++p) {
      for (Index q = p + 1; q < d; ++q) {
        Lane *one = g + p * d, *other = g + q * d;
        Lane alpha{}, beta{}, gamma{};
        for (Index k = 0; k < d; ++k) {
          alpha += one[k] * one[k];
          beta += other[k] * other[k];
          gamma += one[k] * other[k];
        }
        const Mask turn = (gamma * gamma > enough * alpha * beta) & (absolute(gamma) > 0);
        if (!any(turn)) continue;
        moved |= turn;
        const Lane zeta = (beta - alpha) / (2 * select(turn, gamma, splat(1)));
        const Lane size = absolute(zeta) + root(1 + zeta * zeta);
        const Lane t = select(turn, select(zeta < 0, -1 / size, 1 / size), Lane{});
        const Lane c = 1 / root(1 + t * t), s = c * t;
        const auto rotate = [&](Lane* x, Lane* y) {
          for (Index k = 0; k < d; ++k) {
            const Lane xk = x[k], yk = y[k];
            x[k] = c * xk - s * yk;
            y[k] = s * xk + c * yk;
          }
        };
        rotate(one, other);
        if (v != nullptr) rotate(v + p * d, v + q * d);
      }
    }
    if (!any(moved)) return moved;
    if (sweep + 1 == most) return moved;
  }
  return Mask{};
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
