// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
#include "gaussian_low.hpp"

#include <cmath>
#include <limits>

#include "each_item.hpp"
#include "gaussian_pairs.hpp"

namespace isokern {
namespace {

using dense::DenseMatrix;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

// Rows divided by numbers.
DenseMatrix divided(DenseMatrix x, const std::vector<double>& by) {
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.columns; ++j) x(i, j) /= by[at(i)];
  }
  return x;
}

Parts split(const GivenCovariances& given, const double* own) {
  const Index r = given.columns - 1;
  Parts parts{DenseMatrix(given.d, r), {}};
  for (Index i = 0; i < given.d; ++i, own += r + 1) {
    for (Index j = 0; j < r; ++j) parts.f(i, j) = own[j];
    parts.d.push_back(own[r]);
  }
  return parts;
}

DenseMatrix Low::whiten(const DenseMatrix& x) const {
  const DenseMatrix z = divided(x, root);
  DenseMatrix inside = dense::times(dense::transposed(u), z);
  for (Index k = 0; k < inside.rows; ++k) {
    const double whole = 1 + lam[at(k)];
    for (Index j = 0; j < inside.columns; ++j)
      inside(k, j) *= lam[at(k)] / (whole + std::sqrt(whole));
  }
  return dense::plus(z, dense::times(u, inside), -1);
}

double Low::half_log_det() const {
  double sum = 0;
  for (double value : root) sum += std::log(value);
  for (double value : lam) sum += std::log1p(value) / 2;
  return sum;
}

double Low::inverse_diagonal(Index i) const {
  double sum = 1;
  for (Index k = 0; k < u.columns; ++k) sum -= u(i, k) * u(i, k) * (lam[at(k)] / (1 + lam[at(k)]));
  return sum / (root[at(i)] * root[at(i)]);
}

double Low::square(const DenseMatrix& delta) const {
  return good ? dense::squares(whiten(delta)) : kNaN;
}

Low low(const DenseMatrix& f, const std::vector<double>& d) {
  Low result;
  result.good = dense::finite(f);
  for (double value : d) {
    result.good = result.good && value > 0 && std::isfinite(value);
    result.root.push_back(std::sqrt(value));
  }
  if (!result.good) {
    result.root.assign(d.size(), kNaN);
    result.u = DenseMatrix(f.rows, 0);
    return result;
  }
  dense::Svd parts = dense::svd(divided(f, result.root));
  result.u = std::move(parts.u);
  for (double value : parts.s) result.lam.push_back(value * value);
  return result;
}

std::vector<Low> lows(const char* f, const GivenCovariances& given, OnError on_error) {
  const Layout& batch = given.values.batch;
  std::vector<Low> result(at(batch.size()));
  const double r = static_cast<double>(given.columns);
  each_item(batch.size(), 50 * static_cast<double>(given.d) * r * r, [&](Index item) {
    const Parts parts = split(given, given.values.own(item));
    result[at(item)] = low(parts.f, parts.d);
    if (!result[at(item)].good && on_error != OnError::nan)
      throw_status(f, kIndefiniteFirst, item, batch, given.name, batch);
  });
  return result;
}

Items half_log_dets_of_lowrank(const char* f, const GivenCovariances& given, OnError on_error) {
  Items values(given.values.batch, 1);
  Index item = 0;
  for (const Low& low : lows(f, given, on_error)) *values.own(item++) = low.half_log_det();
  return values;
}

Items squares_in_lowrank(const char* f, const GivenCovariances& given, const Items& delta,
                         OnError on_error, Items& logs) {
  const std::vector<Low> all = lows(f, given, on_error);
  logs = Items(given.values.batch, 1);
  for (std::size_t i = 0; i < all.size(); ++i) logs.values[i] = all[i].half_log_det();
  Items values(delta.batch, 1);
  each_item(delta.batch.size(), 4 * static_cast<double>(given.d * given.columns), [&](Index item) {
    const Low& own = all[at(item_within(item, delta.batch, given.values.batch))];
    *values.own(item) = own.square(DenseMatrix(given.d, 1, delta.own(item)));
  });
  return values;
}

}  // namespace isokern
