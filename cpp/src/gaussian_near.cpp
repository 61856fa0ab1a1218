// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "gaussian_near.hpp"

#include <algorithm>
#include <limits>

namespace isokern {
namespace {

using dense::DenseMatrix;
using dense::plus;
using dense::times;
using dense::transposed;

constexpr int kRounds = 5;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

DenseMatrix padded(const DenseMatrix& x, Index columns) {
  DenseMatrix y(x.rows, columns);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.columns; ++j) y(i, j) = x(i, j);
  }
  return y;
}

DenseMatrix lower_part(DenseMatrix x) {
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = i + 1; j < x.columns; ++j) x(i, j) = 0;
  }
  return x;
}

double distance(const DenseMatrix& x, const DenseMatrix& y, const double* variances) {
  double sum = 0;
  for (Index i = 0; i < x.rows; ++i) {
    double row = 0;
    for (Index j = 0; j < x.columns; ++j) row += (x(i, j) - y(i, j)) * (x(i, j) - y(i, j));
    sum += variances == nullptr ? row : row / variances[i];
  }
  return sum;
}

// H F1^T + F2 H^T = F1 F1^T - F2 F2^T for H = F1 - F2.
DenseMatrix of_factors(const DenseMatrix& f1, const DenseMatrix& f2) {
  const DenseMatrix h = plus(f1, f2, -1);
  return plus(times(h, transposed(f1)), times(f2, transposed(h)));
}

// S1 - S2.
DenseMatrix difference(const Pair& pair, const Covariances& one, const Covariances& other,
                       Index item) {
  const Index d = pair.d;
  DenseMatrix c1 = pair.one.matrix(item, pair.batch), c2 = pair.other.matrix(item, pair.batch);
  switch (pair.kind()) {
    case Kind::tril:
      return of_factors(lower_part(c1), lower_part(c2));
    case Kind::factor:
      bring_together(c1, c2, nullptr);
      return of_factors(c1, c2);
    case Kind::precision:
      return times(times(one.matrix(item, pair.batch), plus(c2, c1, -1)),
                   other.matrix(item, pair.batch));
    case Kind::lowrank: {
      DenseMatrix f1(d, c1.columns - 1), f2(d, c2.columns - 1);
      std::vector<double> change, second;
      for (Index i = 0; i < d; ++i) {
        for (Index j = 0; j < f1.columns; ++j) f1(i, j) = c1(i, j);
        for (Index j = 0; j < f2.columns; ++j) f2(i, j) = c2(i, j);
        change.push_back(c1(i, f1.columns) - c2(i, f2.columns));
        second.push_back(c2(i, f2.columns));
      }
      bring_together(f1, f2, second.data());
      DenseMatrix x = of_factors(f1, f2);
      for (Index i = 0; i < d; ++i) x(i, i) += change[static_cast<std::size_t>(i)];
      return x;
    }
    default:
      return plus(c1, c2, -1);
  }
}

// (I - a / 2)^-1 a of a small skew a: no pivot is needed.
DenseMatrix cayley(const DenseMatrix& a) {
  const Index n = a.rows;
  DenseMatrix left(n, n), x = a;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) left(i, j) = (i == j ? 1 : 0) - a(i, j) / 2;
  }
  for (Index k = 0; k < n; ++k) {
    for (Index i = k + 1; i < n; ++i) {
      const double factor = left(i, k) / left(k, k);
      for (Index j = k + 1; j < n; ++j) left(i, j) -= factor * left(k, j);
      for (Index j = 0; j < n; ++j) x(i, j) -= factor * x(k, j);
    }
  }
  for (Index i = n - 1; i >= 0; --i) {
    for (Index k = i + 1; k < n; ++k) {
      for (Index j = 0; j < n; ++j) x(i, j) -= left(i, k) * x(k, j);
    }
    for (Index j = 0; j < n; ++j) x(i, j) /= left(i, i);
  }
  return x;
}

}  // namespace

void bring_together(DenseMatrix& f1, DenseMatrix& f2, const double* variances) {
  const Index width = std::max(f1.columns, f2.columns);
  f1 = padded(f1, width);
  f2 = padded(f2, width);
  DenseMatrix weighted = f2;
  for (Index i = 0; variances != nullptr && i < f2.rows; ++i) {
    for (Index j = 0; j < width; ++j) weighted(i, j) /= variances[i];
  }
  const DenseMatrix turned = times(f1, dense::polar(weighted, f1));
  if (distance(turned, f2, variances) < distance(f1, f2, variances) / 4) f1 = turned;
}

Basis whitened(const Pair& pair, const Covariances& one, const Covariances& other, Index item) {
  Basis basis{{}, other.factor(item, pair.batch), {}};
  const DenseMatrix half = dense::solve(basis.lower, difference(pair, one, other, item));
  const dense::Spectrum found =
      dense::spectrum(dense::symmetrised(dense::solve(basis.lower, transposed(half))));
  basis.vectors = found.vectors;
  const DenseMatrix delta =
      times(transposed(found.vectors), dense::solve(basis.lower, pair.delta(item)));
  for (Index i = 0; i < pair.d; ++i) {
    const double value = found.values[static_cast<std::size_t>(i)];
    basis.coordinates.push_back({delta(i, 0), value, 1 + value, 1});
  }
  return basis;
}

// Q is Cayley's transform of a skew A, a fixed point: the symmetry of (F2 + E)^T F2 Q says
// H A + A H = -(X - X^T) with H = F2^T F2 and X = E^T F2 Q + H (Q - I - A). The value is stationary
// in Q: an error in A enters squared.
double turned_residual(const DenseMatrix& f2, const DenseMatrix& e) {
  const DenseMatrix h = times(transposed(f2), f2), n = times(transposed(e), f2);
  const dense::Spectrum parts = dense::spectrum(h);
  if (!dense::finite(parts.vectors) || !dense::finite(n)) return kNaN;
  const Index r = h.rows;
  const double largest = r > 0 ? *std::max_element(parts.values.begin(), parts.values.end()) : 0;
  DenseMatrix a(r, r), k(r, r);
  double change = 0, size = 0;
  for (int round = 0; round < kRounds; ++round) {
    DenseMatrix x = plus(plus(n, times(n, k)), times(h, times(a, k)), 0.5);
    x = times(transposed(parts.vectors), times(plus(x, transposed(x), -1), parts.vectors));
    for (Index i = 0; i < r; ++i) {
      for (Index j = 0; j < r; ++j) {
        const double sum =
            parts.values[static_cast<std::size_t>(i)] + parts.values[static_cast<std::size_t>(j)];
        if (!(sum > 2e-14 * largest)) return kNaN;
        x(i, j) /= -sum;
      }
    }
    const DenseMatrix before = a;
    x = times(parts.vectors, times(x, transposed(parts.vectors)));
    a = plus(x, transposed(x), -1);
    for (double& value : a.values) value *= 0.5;
    size = dense::squares(a);
    if (!(size < 1)) return kNaN;
    change = dense::squares(plus(a, before, -1));
    k = cayley(a);
  }
  if (!(change <= 1e-14 * size && size < 0.1)) return kNaN;
  return dense::squares(plus(e, times(f2, k), -1));
}

}  // namespace isokern
