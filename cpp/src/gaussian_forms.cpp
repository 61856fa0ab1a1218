// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The forms of a covariance: intake, S and a factor of each. What is a factor already is never
// squared on the way to its triangle.
#include "gaussian_forms.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "each_item.hpp"
#include "isokern/orthogonal.hpp"

namespace isokern {
namespace {

using dense::DenseMatrix;

// What is not finite is not for this check to refuse.
bool symmetric(const double* s, Index d) {
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j < i; ++j) {
      const double scale = std::abs(s[i * (d + 1)]) + std::abs(s[j * (d + 1)]);
      if (std::abs(s[i * d + j] - s[j * d + i]) > kAsymmetry * scale) return false;
    }
  }
  return true;
}

// Of L, of which what lies above the diagonal is ignored.
bool take_tril(const double* given, Index d, bool singular, DenseMatrix& lower) {
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j <= i; ++j) lower(i, j) = given[i * d + j];
    if (!singular && !(lower(i, i) > 0)) return false;
  }
  return dense::finite(lower);
}

// With the order of the coordinates reversed P = U U^T, and S = U^-T U^-1.
bool take_precision(const double* given, Index d, DenseMatrix& lower) {
  DenseMatrix root(d, d), one(d, d);
  for (Index i = 0; i < d; ++i) {
    one(i, i) = 1;
    for (Index j = 0; j < d; ++j) root(i, j) = given[(d - 1 - i) * d + d - 1 - j];
  }
  if (!dense::cholesky(root)) return false;
  const DenseMatrix inverse = dense::solve(root, std::move(one));
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j <= i; ++j) lower(i, j) = inverse(d - 1 - j, d - 1 - i);
  }
  return dense::finite(lower);
}

DenseMatrix square_of(const DenseMatrix& factor) {
  return dense::times(factor, dense::transposed(factor));
}

// S and its factor, or what is wrong with them; the triangle of a factor was made before.
int take_item(const GivenCovariances& given, const double* own, bool singular, DenseMatrix& s,
              DenseMatrix& lower) {
  const Index d = given.d;
  bool good = true;
  switch (given.kind) {
    case Kind::cov:
      if (!symmetric(own, d)) return kAsymmetricFirst;
      lower = s = DenseMatrix(d, d, own);
      good = singular ? dense::semidefinite_factor(s, lower) : dense::cholesky(lower);
      break;
    case Kind::precision:
      if (!symmetric(own, d)) return kAsymmetricFirst;
      good = take_precision(own, d, lower);
      s = square_of(lower);
      break;
    case Kind::tril:
      good = take_tril(own, d, singular, lower);
      s = square_of(lower);
      break;
    case Kind::diag:
      for (Index i = 0; i < d; ++i) {
        good = good && std::isfinite(own[i]) && (singular ? own[i] >= 0 : own[i] > 0);
        s(i, i) = own[i];
        lower(i, i) = std::sqrt(own[i]);
      }
      break;
    case Kind::lowrank:
    case Kind::factor: {
      const Index r = given.columns - (given.kind == Kind::lowrank ? 1 : 0);
      for (Index i = 0; i < d; ++i) {
        for (Index j = 0; j < d; ++j) {
          for (Index k = 0; k < r; ++k)
            s(i, j) += own[i * given.columns + k] * own[j * given.columns + k];
        }
        if (r < given.columns) s(i, i) += own[i * given.columns + r];
      }
      good = dense::finite(lower) && (singular || full_rank(lower.values.data(), d));
      break;
    }
  }
  return good ? 0 : kIndefiniteFirst;
}

Layout joined(Layout batch, const Layout& tail) {
  for (int axis = 0; axis < tail.rank; ++axis) batch.append(tail.shape[axis], 0);
  Index stride = 1;
  for (int axis = batch.rank - 1; axis >= 0; --axis) {
    batch.strides[axis] = stride;
    stride *= batch.shape[axis];
  }
  return batch;
}

}  // namespace

ConstView view_of(const Items& items, const Layout& tail) {
  return {items.data(), joined(items.batch, tail)};
}

Kind kind_of(const char* f, Covariance form) {
  switch (form) {
    case Covariance::cov:
      return Kind::cov;
    case Covariance::tril:
      return Kind::tril;
    case Covariance::precision:
      return Kind::precision;
    case Covariance::factor:
      return Kind::factor;
    case Covariance::diag:
      return Kind::diag;
  }
  throw invalid_argument(std::string(f) + ": form is none that there is");
}

GivenCovariances take_given(const char* f, const Named& argument, Covariance form) {
  const ConstView& view = argument.view;
  const Index columns = form == Covariance::diag ? 1 : view.shape[view.rank - 1];
  const Index d = view.shape[view.rank - (form == Covariance::diag ? 1 : 2)];
  return {argument.name, kind_of(f, form), d, columns, Items::borrowed(view, axes_of(form))};
}

GivenCovariances take_given(const char* f, const char* name, const LowRankDiagonal& cov) {
  const std::string factor_name = std::string("the factor of ") + name;
  const std::string diagonal_name = std::string("the diagonal of ") + name;
  const Named factor{factor_name.c_str(), cov.factor};
  const Index d = dimension_of(f, factor, Covariance::factor);
  require_rows(f, {diagonal_name.c_str(), cov.diagonal}, d, cov.factor.dtype);
  const Layout batch = broadcast_shapes(batch_of_matrix(cov.factor), batch_of(cov.diagonal), f,
                                        diagonal_name.c_str());
  const Index r = cov.factor.shape[cov.factor.rank - 1];
  const Items factors(cov.factor, 2), diagonals(cov.diagonal, 1);
  GivenCovariances given{name, Kind::lowrank, d, r + 1, Items(batch, d * (r + 1))};
  for (Index item = 0; item < batch.size(); ++item) {
    const double *from = factors.at(item, batch), *last = diagonals.at(item, batch);
    double* to = given.values.own(item);
    for (Index i = 0; i < d; ++i, to += r + 1) {
      std::copy(from + i * r, from + (i + 1) * r, to);
      to[r] = last[i];
    }
  }
  return given;
}

Items triangles(const Items& factors, Index d, Index columns) {
  const Index count = factors.batch.size(), rows = std::max(d, columns);
  Items lower(factors.batch, d * d);
  if (count == 0) return lower;
  std::vector<double> turned(static_cast<std::size_t>(count * rows * d));
  for (Index item = 0; item < count; ++item) {
    for (Index i = 0; i < d; ++i) {
      for (Index k = 0; k < columns; ++k)
        turned[static_cast<std::size_t>((item * rows + k) * d + i)] =
            factors.own(item)[i * columns + k];
    }
  }
  std::vector<double> upper(static_cast<std::size_t>(count * d * d));
  qr(ConstView(turned.data(), {count, rows, d}), {}, View(upper.data(), {count, d, d}));
  for (Index item = 0; item < count; ++item) {
    const double* const r = upper.data() + item * d * d;
    for (Index j = 0; j < d; ++j) {
      const double sign = r[j * d + j] < 0 ? -1 : 1;
      for (Index i = 0; i < d; ++i) lower.own(item)[i * d + j] = i < j ? 0 : sign * r[j * d + i];
      if (std::isnan(r[j * d + j])) lower.own(item)[j * d + j] = r[j * d + j];
    }
  }
  return lower;
}

bool full_rank(const double* triangle, Index d) {
  double largest = 0, least = std::numeric_limits<double>::infinity();
  for (Index i = 0; i < d; ++i) {
    largest = std::max(largest, triangle[i * (d + 1)]);
    least = std::min(least, triangle[i * (d + 1)]);
  }
  return least > static_cast<double>(d) * std::numeric_limits<double>::epsilon() * largest;
}

Items wide_factors(const GivenCovariances& lowrank) {
  const Index d = lowrank.d, r = lowrank.columns - 1;
  Items wide(lowrank.values.batch, d * (r + d));
  for (Index item = 0; item < wide.batch.size(); ++item) {
    const double* const from = lowrank.values.own(item);
    double* const to = wide.own(item);
    bool good = true;
    for (Index i = 0; i < d * (r + 1); ++i) good = good && std::isfinite(from[i]);
    for (Index i = 0; i < d; ++i) {
      std::copy(from + i * (r + 1), from + i * (r + 1) + r, to + i * (r + d));
      to[i * (r + d) + r + i] = std::sqrt(from[i * (r + 1) + r]);
      good = good && from[i * (r + 1) + r] >= 0;
    }
    if (!good) fill_nan(to, d, r + d, r + d);
  }
  return wide;
}

Covariances factorised(const char* f, const GivenCovariances& given, OnError on_error,
                       bool singular) {
  const Index d = given.d;
  const Layout batch = given.values.batch;
  Covariances result{d, Items(batch, d * d), Items(batch, d * d)};
  if (given.kind == Kind::factor) {
    result.factors = given.values;
    result.columns = given.columns;
    result.lower = triangles(given.values, d, given.columns);
  } else if (given.kind == Kind::lowrank) {
    result.lower = triangles(wide_factors(given), d, given.columns - 1 + d);
  }
  // Where the kernel works in the same way whatever the number of items.
  const bool by_kernel =
      given.kind == Kind::cov && !singular && batch.size() > 0 && (d <= 48 || d > 128);
  if (by_kernel) {
    const ConstView all = view_of(given.values, {d, d});
    factor(all, FactorResult::cholesky, OnError::nan, View(result.lower.own(0), all));
  }
  each_item(batch.size(), cubes(by_kernel ? 0.1 : 4, d), [&](Index item) {
    if (by_kernel && !std::isnan(*result.lower.own(item))) {
      const double* const own = given.values.own(item);
      std::copy(own, own + d * d, result.s.own(item));
      return;
    }
    DenseMatrix s(d, d), lower(d, d, result.lower.own(item));
    const int status = take_item(given, given.values.own(item), singular, s, lower);
    if (status != 0) {
      if (on_error != OnError::nan) throw_status(f, status, item, batch, given.name, batch);
      fill_nan(s.values.data(), d, d, d);
      fill_nan(lower.values.data(), d, d, d);
    }
    put(s, result.s.own(item));
    put(lower, result.lower.own(item));
  });
  return result;
}

Covariances take_covariances(const char* f, const Named& argument, Covariance form,
                             OnError on_error, bool singular) {
  return factorised(f, take_given(f, argument, form), on_error, singular);
}

void check_variances(const char* f, GivenCovariances& given, OnError on_error, bool singular) {
  const Layout batch = given.values.batch;
  for (Index item = 0; item < batch.size(); ++item) {
    const double* const own = std::as_const(given.values).own(item);
    const bool good = std::all_of(own, own + given.d, [singular](double x) {
      return std::isfinite(x) && (singular ? x >= 0 : x > 0);
    });
    if (good) continue;
    if (on_error != OnError::nan) throw_status(f, kIndefiniteFirst, item, batch, given.name, batch);
    given.values.make_owned();
    fill_nan(given.values.own(item), 1, given.d, given.d);
  }
}

}  // namespace isokern
