// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "dense.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace isokern::dense {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();
constexpr int kSweeps = 60;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// Rotates rows p and q of x and v until rows p and q of x are orthogonal.
bool rotate(DenseMatrix& x, DenseMatrix& v, Index p, Index q) {
  double a = 0, b = 0, c = 0;
  for (Index i = 0; i < x.columns; ++i) {
    a += x(p, i) * x(p, i);
    b += x(q, i) * x(q, i);
    c += x(p, i) * x(q, i);
  }
  if (!(std::abs(c) > kEps * std::sqrt(a) * std::sqrt(b))) return false;
  const double zeta = (b - a) / (2 * c);
  const double t = (zeta < 0 ? -1 : 1) / (std::abs(zeta) + std::hypot(1.0, zeta));
  const double cosine = 1 / std::hypot(1.0, t), sine = cosine * t;
  for (DenseMatrix* m : {&x, &v}) {
    for (Index i = 0; i < m->columns; ++i) {
      const double one = (*m)(p, i), other = (*m)(q, i);
      (*m)(p, i) = cosine * one - sine * other;
      (*m)(q, i) = sine * one + cosine * other;
    }
  }
  return true;
}

// Row j becomes a unit vector orthogonal to those before it.
void complete(DenseMatrix& rows, Index j) {
  double best = -1;
  std::vector<double> chosen(at(rows.columns));
  for (Index k = 0; k < rows.columns; ++k) {
    double used = 0;
    for (Index i = 0; i < j; ++i) used += rows(i, k) * rows(i, k);
    if (1 - used > best) {
      best = 1 - used;
      std::fill(chosen.begin(), chosen.end(), 0.0);
      chosen[at(k)] = 1;
    }
  }
  for (int round = 0; round < 2; ++round) {
    for (Index i = 0; i < j; ++i) {
      double dot = 0;
      for (Index k = 0; k < rows.columns; ++k) dot += rows(i, k) * chosen[at(k)];
      for (Index k = 0; k < rows.columns; ++k) chosen[at(k)] -= dot * rows(i, k);
    }
  }
  double length = 0;
  for (double value : chosen) length += value * value;
  for (Index k = 0; k < rows.columns; ++k) rows(j, k) = chosen[at(k)] / std::sqrt(length);
}

Svd not_found(const DenseMatrix& x) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Index n = std::min(x.rows, x.columns);
  Svd none{DenseMatrix(x.rows, n), DenseMatrix(x.columns, n), std::vector<double>(at(n), nan)};
  for (DenseMatrix* m : {&none.u, &none.v}) m->values.assign(m->values.size(), nan);
  return none;
}

}  // namespace

DenseMatrix transposed(const DenseMatrix& x) {
  DenseMatrix y(x.columns, x.rows);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.columns; ++j) y(j, i) = x(i, j);
  }
  return y;
}

DenseMatrix times(const DenseMatrix& x, const DenseMatrix& y) {
  DenseMatrix z(x.rows, y.columns);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index k = 0; k < x.columns; ++k) {
      const double factor = x(i, k);
      for (Index j = 0; j < y.columns; ++j) z(i, j) += factor * y(k, j);
    }
  }
  return z;
}

DenseMatrix plus(const DenseMatrix& x, const DenseMatrix& y, double factor) {
  DenseMatrix z = x;
  for (std::size_t i = 0; i < z.values.size(); ++i) z.values[i] += factor * y.values[i];
  return z;
}

double squares(const DenseMatrix& x) {
  double sum = 0;
  for (double value : x.values) sum += value * value;
  return sum;
}

bool finite(const DenseMatrix& x) {
  return std::all_of(x.values.begin(), x.values.end(),
                     [](double value) { return std::isfinite(value); });
}

DenseMatrix symmetrised(const DenseMatrix& x) {
  DenseMatrix y(x.rows, x.columns);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.columns; ++j) y(i, j) = 0.5 * (x(i, j) + x(j, i));
  }
  return y;
}

bool cholesky(DenseMatrix& x) {
  const Index d = x.rows;
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j <= i; ++j) {
      double sum = x(i, j);
      for (Index k = 0; k < j; ++k) sum -= x(i, k) * x(j, k);
      if (i == j) {
        if (!(sum > 0) || !std::isfinite(sum)) return false;
        x(i, i) = std::sqrt(sum);
      } else {
        x(i, j) = sum / x(j, j);
      }
    }
    for (Index j = i + 1; j < d; ++j) x(i, j) = 0;
  }
  return finite(x);
}

DenseMatrix solve(const DenseMatrix& lower, DenseMatrix b) {
  for (Index i = 0; i < lower.rows; ++i) {
    for (Index k = 0; k < i; ++k) {
      const double factor = lower(i, k);
      for (Index j = 0; j < b.columns; ++j) b(i, j) -= factor * b(k, j);
    }
    for (Index j = 0; j < b.columns; ++j) b(i, j) /= lower(i, i);
  }
  return b;
}

DenseMatrix solve_transposed(const DenseMatrix& lower, DenseMatrix b) {
  for (Index i = lower.rows - 1; i >= 0; --i) {
    for (Index k = i + 1; k < lower.rows; ++k) {
      const double factor = lower(k, i);
      for (Index j = 0; j < b.columns; ++j) b(i, j) -= factor * b(k, j);
    }
    for (Index j = 0; j < b.columns; ++j) b(i, j) /= lower(i, i);
  }
  return b;
}

DenseMatrix inverse(const DenseMatrix& lower) {
  DenseMatrix one(lower.rows, lower.rows);
  for (Index i = 0; i < lower.rows; ++i) one(i, i) = 1;
  return symmetrised(solve_transposed(lower, solve(lower, std::move(one))));
}

Svd svd(const DenseMatrix& x) {
  if (x.columns > x.rows) {
    Svd turned = svd(transposed(x));
    std::swap(turned.u, turned.v);
    return turned;
  }
  if (!finite(x)) return not_found(x);
  const Index n = x.columns;
  DenseMatrix rows = transposed(x), v(n, n);  // what follows works on rows, which are contiguous
  double largest = 0;
  for (double value : x.values) largest = std::max(largest, std::abs(value));
  int exponent = 0;
  std::frexp(largest, &exponent);
  if (std::abs(exponent) < 400) {
    exponent = 0;
  } else {  // squares would leave the range of numbers
    for (double& value : rows.values) value = std::ldexp(value, -exponent);
  }
  for (Index i = 0; i < n; ++i) v(i, i) = 1;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool turned = false;
    for (Index p = 0; p < n; ++p) {
      for (Index q = p + 1; q < n; ++q) turned = rotate(rows, v, p, q) || turned;
    }
    if (!turned) break;
  }
  std::vector<std::pair<double, Index>> order;
  for (Index i = 0; i < n; ++i) {
    double sum = 0;
    for (Index j = 0; j < rows.columns; ++j) sum += rows(i, j) * rows(i, j);
    order.emplace_back(-std::sqrt(sum), i);
  }
  std::sort(order.begin(), order.end());
  Svd result{DenseMatrix(n, rows.columns), DenseMatrix(n, n), {}};
  for (Index i = 0; i < n; ++i) {
    const Index from = order[at(i)].second;
    const double size = -order[at(i)].first;
    result.s.push_back(std::ldexp(size, exponent));
    for (Index j = 0; j < n; ++j) result.v(i, j) = v(from, j);
    if (size > -static_cast<double>(n) * kEps * order.front().first) {
      for (Index j = 0; j < rows.columns; ++j) result.u(i, j) = rows(from, j) / size;
    } else {
      complete(result.u, i);
    }
  }
  result.u = transposed(result.u);
  result.v = transposed(result.v);
  return result;
}

DenseMatrix polar(const DenseMatrix& f1, const DenseMatrix& f2) {
  const Svd parts = svd(times(transposed(f1), f2));
  return times(parts.v, transposed(parts.u));
}

bool semidefinite_factor(const DenseMatrix& s, DenseMatrix& factor) {
  if (!finite(s)) return false;
  factor = s;
  if (cholesky(factor)) {
    double least = factor(0, 0), most = least;
    for (Index i = 1; i < s.rows; ++i) {
      least = std::min(least, factor(i, i));
      most = std::max(most, factor(i, i));
    }
    if (least > 1e-6 * most) return true;
  }
  Svd parts = svd(s);
  const double tolerance =
      10 * static_cast<double>(s.rows) * kEps * (parts.s.empty() ? 0 : parts.s.front());
  for (Index j = 0; j < s.rows; ++j) {
    double dot = 0;  // the sign of the eigenvalue, or less where one of each sign are mixed
    for (Index i = 0; i < s.rows; ++i) dot += parts.u(i, j) * parts.v(i, j);
    const double size = parts.s[at(j)];
    if (size * (1 - dot) > tolerance) return false;
    const double root = dot > 0 ? std::sqrt(size) : 0;
    for (Index i = 0; i < s.rows; ++i) factor(i, j) = parts.v(i, j) * root;
  }
  return true;
}

}  // namespace isokern::dense
