// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Measures of two distributions whose covariances are diagonal: sums over coordinates of terms made
// from the difference of the variances, which vanish for equal ones and keep their relative
// accuracy near there. Any pair becomes diagonal in the basis that makes the second covariance I,
// so that these are the formulas of nearly equal distributions of every form.
#pragma once

#include <cmath>
#include <limits>

#include "dense.hpp"

namespace isokern::terms {

using Index = std::ptrdiff_t;

// Of one coordinate: the difference of the means, that of the variances, and these.
struct Coordinate {
  double delta, excess, one, other;
};

// x - ln(1 + x), without cancelling for small x.
inline double less_log(double x) {
  if (!(std::abs(x) < 0.1)) return x - std::log1p(x);
  double series = 0;
  for (int n = 18; n > 1; --n) series = 1.0 / n - x * series;
  return x * x * series;
}

// excess - ln(ratio) for ratio = 1 + excess, where both are known.
inline double gap(double excess, double ratio) {
  return std::abs(excess) < 0.1 ? less_log(excess) : excess - std::log(ratio);
}

// at(i) is coordinate i of d.
template <class At>
double kl(Index d, const At& at) {
  double sum = 0;
  for (Index i = 0; i < d; ++i) {
    const Coordinate x = at(i);
    sum += gap(x.excess / x.other, x.one / x.other) + x.delta / x.other * x.delta;
  }
  return sum / 2;
}

// Infinite where the mixed covariance is not positive definite.
template <class At>
double renyi(Index d, const At& at, double alpha) {
  double sum = 0, valid = 0;
  bool none = false;
  for (Index i = 0; i < d; ++i) {
    const Coordinate x = at(i);
    const double mixed = x.other + (1 - alpha) * x.excess;
    none = none || mixed <= 0;
    valid += 0 * (x.delta + x.excess);
    const double change = x.excess / mixed;
    sum += gap(alpha * change, x.one / mixed) + alpha * (x.delta / mixed) * x.delta +
           alpha / (1 - alpha) * gap((alpha - 1) * change, x.other / mixed);
  }
  return none ? std::numeric_limits<double>::infinity() + valid : sum / 2;
}

// The variance of the mean g of weight a is s1 s2 / w, w = (1 - a) s2 + a s1.
template <class At>
double geometric_js(Index d, const At& at, double a, bool dual) {
  double sum = 0;
  for (Index i = 0; i < d; ++i) {
    const Coordinate x = at(i);
    const double s1 = x.one, s2 = x.other, b = 1 - a, w = s2 + a * x.excess;
    const double square = x.delta / w * x.delta;
    double first, second;
    if (dual) {
      first = gap(-a * x.excess / w, s2 / w) + a * a * s1 / w * square;
      second = gap(b * x.excess / w, s1 / w) + b * b * s2 / w * square;
    } else {
      first = gap(a * x.excess / s2, w / s2) + a * a * s1 / s2 * square;
      second = gap(-b * x.excess / s1, w / s1) + b * b * s2 / s1 * square;
    }
    sum += b * first + a * second;
  }
  return sum / 2;
}

// The square of Mahalanobis' distance, in the mean of both covariances.
template <class At>
double mahalanobis(Index d, const At& at) {
  double sum = 0;
  for (Index i = 0; i < d; ++i) {
    const Coordinate x = at(i);
    sum += x.delta / (x.other + x.excess / 2) * x.delta;
  }
  return sum;
}

// The squared Wasserstein distance; variances may be 0.
template <class At>
double wasserstein2(Index d, const At& at) {
  double sum = 0;
  for (Index i = 0; i < d; ++i) {
    const Coordinate x = at(i);
    const double total = std::sqrt(x.one) + std::sqrt(x.other);
    const double change = total == 0 ? 0 : x.excess / total;
    sum += x.delta * x.delta + change * change;
  }
  return sum;
}

}  // namespace isokern::terms
