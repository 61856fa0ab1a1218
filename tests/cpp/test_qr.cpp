// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Factorisations: residuals of any matrix, the factors themselves where these are well determined,
// the signs, and matrices at the ends of the range.
#include "reflectors.hpp"

namespace {

using isokern::ConstView;
using isokern::OnError;
using isokern::Side;
using isokern::Storage;
using isokern::View;
using test::Array;
using test::Index;
using test::Matrix;
using test::Real;
using test::Reals;

constexpr double budget = 4;  // errors in eps, lengths of columns and `terms`

struct Shape {
  Index m, n;
};
constexpr Shape shapes[] = {{1, 1},   {1, 5},   {5, 1},   {2, 2},   {7, 8},   {8, 7},   {9, 9},
                            {16, 24}, {31, 32}, {32, 31}, {33, 33}, {63, 64}, {64, 63}, {64, 64},
                            {65, 64}, {65, 65}, {64, 66}, {97, 66}, {66, 97}, {96, 96}, {130, 129},
                            {200, 3}, {3, 200}, {0, 4},   {4, 0},   {0, 0},   {150, 33}};

// All that can be asked for.
template <class T>
struct Factors {
  Array<T> q, r;                 // reduced
  Array<T> whole_q, whole_r;     // complete
  Array<T> only_r, v, tau, v_r;  // r alone; factored
  Index m, n, p;

  Factors(const Array<T>& x, Index gap)
      : q({x.items(), x.extent(2), std::min(x.extent(2), x.extent(1))}, gap),
        r({x.items(), q.extent(1), x.extent(1)}, gap),
        whole_q({x.items(), x.extent(2), x.extent(2)}, gap),
        whole_r({x.items(), x.extent(2), x.extent(1)}, gap),
        only_r(r),
        v(q),
        tau({x.items(), q.extent(1)}, gap),
        v_r(r),
        m(x.extent(2)),
        n(x.extent(1)),
        p(q.extent(1)) {
    isokern::qr(x, q.view(), r.view());
    isokern::qr(x, whole_q.view(), whole_r.view());
    isokern::qr(x, {}, only_r.view());
    isokern::qr_factored(x, v.view(), tau.view(), v_r.view());
  }

  bool gaps_are_kept() const {
    for (const Array<T>* one : {&q, &r, &whole_q, &whole_r, &only_r, &v, &tau, &v_r}) {
      if (!one->gaps_are_kept()) return false;
    }
    return true;
  }
};

double gram_error(const Matrix& q, double eps) {
  double worst = 0;
  for (Index i = 0; i < q.columns; ++i) {
    for (Index j = i; j < q.columns; ++j) {
      const Real off = test::column_dot(q, i, q, j) - (i == j ? 1 : 0);
      worst = std::max(worst, static_cast<double>(std::abs(off)) / eps);
      if (std::isnan(off)) return std::numeric_limits<double>::infinity();
    }
  }
  return worst;
}

// Whatever the matrix is: q r = x, q^T q = 1, zeros where they belong, one r in all forms.
template <class T>
void check_residuals(const Array<T>& x, const Factors<T>& f, Index item) {
  const Matrix exact = x.item(item), r = f.r.item(item), q = f.q.item(item);
  const double most = budget * test::terms(f.m, f.p);
  CHECK(test::column_error<T>(test::product(q, r), exact, exact) <= most);
  const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
  CHECK(gram_error(f.whole_q.item(item), eps) <= most);
  // The first columns of the complete factor are the reduced one.
  CHECK(test::first_columns(f.whole_q.item(item), f.p).data == q.data);
  const Matrix whole_r = f.whole_r.item(item), v = f.v.item(item);
  CHECK(f.only_r.item(item).data == r.data);
  CHECK(f.v_r.item(item).data == r.data);
  Index wrong = 0;
  for (Index i = 0; i < f.m; ++i) {
    for (Index j = 0; j < f.n; ++j) {
      const Real wanted = i < f.p ? r(i, j) : 0;
      if (j < i && wanted != 0) ++wrong;
      if (whole_r(i, j) != wanted) ++wrong;
    }
    for (Index j = i; j < f.p; ++j) {
      if (v(i, j) != (i == j ? 1 : 0)) ++wrong;
    }
  }
  CHECK(wrong == 0);
  // The factored form is a product of reflectors in either storage.
  const Reals tau = f.tau.row(item);
  CHECK(test::column_error<T>(test::reflected(v, tau, false, whole_r), exact, exact) <= most);
  Array<T> back({f.m, f.n});
  for (Storage storage : {Storage::dense, Storage::lapack}) {
    for (Index i = 0; i < back.elements(); ++i) back[i] = f.whole_r[item * f.m * f.n + i];
    const Index count = f.p;
    Array<T> one({f.m, count}), factors({count});
    for (Index i = 0; i < one.elements(); ++i) one[i] = f.v[item * f.m * count + i];
    for (Index i = 0; i < count; ++i) factors[i] = f.tau[item * count + i];
    isokern::apply_reflectors(one, factors, back, Side::left, false, storage, OnError::raise,
                              back.view());
    CHECK(test::column_error<T>(back.item(), exact, exact) <= most);
  }
}

struct Exact {
  Matrix v, r;
  Reals tau;
};

// Householder's method with the signs of LAPACK.
Exact factorised(const Matrix& x) {
  const Index p = std::min(x.rows, x.columns);
  Exact e{Matrix(x.rows, p), x, Reals(test::size(p))};
  for (Index j = 0; j < p; ++j) {
    const Real alpha = e.r(j, j);
    Real below = 0;
    for (Index i = j + 1; i < x.rows; ++i) below = std::max(below, std::abs(e.r(i, j)));
    e.v(j, j) = 1;
    if (below == 0) continue;
    Matrix tail(x.rows - j, 1);
    for (Index i = j; i < x.rows; ++i) tail(i - j, 0) = e.r(i, j);
    const Real beta = -std::copysign(test::column_norm(tail, 0), alpha);
    for (Index i = j + 1; i < x.rows; ++i) e.v(i, j) = e.r(i, j) / (alpha - beta);
    e.tau[test::size(j)] = (beta - alpha) / beta;
    test::reflect(e.v, j, e.tau[test::size(j)], e.r);
    e.r(j, j) = beta;
    for (Index i = j + 1; i < x.rows; ++i) e.r(i, j) = 0;
  }
  return e;
}

}  // namespace

TEST_CASE_TEMPLATE("factors of any shape, in memory of any strides", T, float, double) {
  for (const Shape& shape : shapes) {
    for (Index gap : {0, 5}) {
      CAPTURE(shape.m);
      CAPTURE(shape.n);
      const Index items = shape.m * shape.n < 300 ? 3 : 1;
      Array<T> x({items, shape.m, shape.n}, gap);
      x.randomize(1);
      const Array<T> before = x;
      const Factors<T> f(x, gap);
      CHECK(test::same_bits(x.memory(), before.memory()));
      CHECK(f.gaps_are_kept());
      for (Index item = 0; item < items; ++item) check_residuals(x, f, item);
    }
  }
}

TEST_CASE_TEMPLATE("factors and signs are those of the definition", T, float, double) {
  for (const Shape& shape : shapes) {
    CAPTURE(shape.m);
    CAPTURE(shape.n);
    // A large diagonal of both signs: the columns are far from dependent.
    Array<T> x({1, shape.m, shape.n});
    x.randomize(2);
    const double size = std::sqrt(static_cast<double>(std::max(shape.m, shape.n)));
    for (Index i = 0; i < std::min(shape.m, shape.n); ++i)
      x[i * shape.n + i] += static_cast<T>(i % 3 == 1 ? -3 * size : 3 * size);
    const Factors<T> f(x, 0);
    const Exact e = factorised(x.item());
    const double most = 2 * budget * test::terms(f.m, f.p);
    CHECK(test::column_error<T>(f.v.item(), e.v, e.v) <= most);
    CHECK(test::largest_error<T>(f.tau.row(), e.tau, 1) <= most);
    CHECK(test::column_error<T>(f.whole_r.item(), e.r, x.item()) <= most);
    Index wrong = 0;
    for (Index j = 0; j < f.p; ++j) {
      const Real got = f.tau[j];
      if (got != 0 && !(got >= 1 && got <= 2)) ++wrong;
      if ((got == 0) != (e.tau[test::size(j)] == 0)) ++wrong;
      if (std::signbit(f.r[j * f.n + j]) != std::signbit(e.r(j, j))) ++wrong;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE_TEMPLATE("what is triangular stays: no reflectors", T, float, double) {
  for (const Shape& shape : shapes) {
    Array<T> x({1, shape.m, shape.n});
    x.randomize(3);
    for (Index i = 0; i < x.elements(); ++i) {
      if (i % shape.n < i / shape.n) x[i] = T(0);
      if (i % shape.n % 7 == 3) x[i] = T(0);  // zero columns
    }
    const Factors<T> f(x, 0);
    CHECK(f.whole_q.item().data == test::identity(f.m, f.m).data);
    CHECK(f.whole_r.item().data == x.item().data);
    CHECK(f.tau.all(T(0)));
    CHECK(f.v.item().data == test::identity(f.m, f.p).data);
  }
}

TEST_CASE_TEMPLATE("dependent columns", T, float, double) {
  for (const Shape& shape : {Shape{9, 9}, Shape{70, 70}, Shape{130, 100}}) {
    Array<T> x({1, shape.m, shape.n});
    x.randomize(4);
    for (Index i = 0; i < x.elements(); ++i) {
      const Index column = i % shape.n;
      if (column % 3 == 2) x[i] = x[i - 1];
      if (column % 5 == 4) x[i] = T(0);
    }
    check_residuals(x, Factors<T>(x, 0), 0);
  }
}
