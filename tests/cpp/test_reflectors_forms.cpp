// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Products of reflectors as matrices, Q and the triangular factor T; products that are made in
// several groups of blocks.
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

constexpr double budget = 4;

struct Shape {
  Index m, k;
};
constexpr Shape shapes[] = {{1, 1},   {1, 4},   {3, 2},   {8, 8},   {9, 7},   {6, 13}, {16, 17},
                            {33, 32}, {64, 64}, {65, 63}, {30, 66}, {66, 65}, {5, 0},  {0, 0},
                            {70, 48}, {49, 47}, {25, 24}, {98, 70}, {66, 130}};

// T by its recursion: t_i = -tau_i T (V^T v_i), t_ii = tau_i.
Matrix triangle(const Matrix& v, const Reals& tau) {
  Matrix t(v.columns, v.columns);
  for (Index i = 0; i < v.columns; ++i) {
    const Real factor = tau[test::size(i)];
    t(i, i) = factor;
    for (Index p = 0; p < i; ++p) {
      for (Index q = p; q < i; ++q) t(p, i) -= factor * t(p, q) * test::column_dot(v, q, v, i);
    }
  }
  return t;
}

template <class T>
struct Reflectors {
  Storage storage;
  bool given;
  Array<T> v, tau;

  Reflectors(Storage stored, bool with_tau, Index items, const Shape& shape, Index gap)
      : storage(stored),
        given(with_tau),
        v({items, shape.m, shape.k}, gap),
        tau(test::random_factors(v.randomize(11), stored == Storage::lapack, 12, 1 + gap)) {}

  ConstView factors() const { return given ? tau.view() : ConstView(); }
  Matrix full(Index item) const {
    return storage == Storage::lapack ? test::implied(v.item(item)) : v.item(item);
  }
  Reals exact_factors(Index item) const {
    return given ? tau.row(item) : test::own_factors(full(item));
  }
};

template <class T, class Body>
void for_reflectors(const Shape& shape, Index items, Body&& body) {
  for (Storage storage : {Storage::dense, Storage::lapack}) {
    if (storage == Storage::lapack && shape.k > shape.m) continue;
    for (bool given : {false, true}) {
      CAPTURE(shape.m);
      CAPTURE(shape.k);
      CAPTURE(given);
      body(Reflectors<T>(storage, given, items, shape, 3));
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("the first columns of Q", T, float, double) {
  for (const Shape& shape : shapes) {
    const Index m = shape.m;
    for_reflectors<T>(shape, 2, [&](const Reflectors<T>& r) {
      const auto exact = [&](Index item) {
        return test::reflected(r.full(item), r.exact_factors(item), false, test::identity(m, m));
      };
      const Matrix whole[] = {exact(0), exact(1)};
      for (Index columns : {Index{0}, Index{1}, m / 2, std::min(m, shape.k), m - 1, m}) {
        if (columns < 0 || columns > m) continue;
        Array<T> q({2, m, columns}, 2);
        isokern::form_q(r.v, r.factors(), r.storage, OnError::raise, q.view());
        const Matrix unit = test::identity(m, columns);
        for (Index item : {0, 1}) {
          const Matrix first = test::first_columns(whole[item], columns);
          CHECK(test::column_error<T>(q.item(item), first, unit) <=
                budget * test::terms(m, shape.k));
        }
        CHECK(q.gaps_are_kept());
      }
    });
  }
}

TEST_CASE_TEMPLATE("the triangular factor", T, float, double) {
  for (const Shape& shape : shapes) {
    const Index k = shape.k;
    for_reflectors<T>(shape, 2, [&](const Reflectors<T>& r) {
      Array<T> t({2, k, k}, 2);
      isokern::compact_wy(r.v, r.factors(), r.storage, OnError::raise, t.view());
      CHECK(t.gaps_are_kept());
      for (Index item : {0, 1}) {
        const Matrix v = r.full(item), got = t.item(item);
        const Reals tau = r.exact_factors(item);
        const Matrix exact = triangle(v, tau);
        // Errors in units of 1 / (|v_p| |v_q|), the size of what is added up.
        Real worst = 0;
        Index wrong = 0;
        for (Index p = 0; p < k; ++p) {
          for (Index q = 0; q < k; ++q) {
            const Real unit = test::column_norm(v, p) * test::column_norm(v, q);
            worst = std::max(worst, std::abs(got(p, q) - exact(p, q)) * unit);
            const bool zero = q < p || tau[test::size(p)] == 0 || tau[test::size(q)] == 0;
            if (zero && got(p, q) != 0) ++wrong;
          }
        }
        CHECK(wrong == 0);
        CHECK(static_cast<double>(worst) <=
              budget * test::terms(shape.m, k) *
                  static_cast<double>(std::numeric_limits<T>::epsilon()));
      }
    });
  }
}

TEST_CASE_TEMPLATE("no dimensions at all", T, float, double) {
  // T is the diagonal of the factors; without these there is no reflector of length zero.
  Array<T> v({0, 3}), tau({3}), t({3, 3});
  tau.randomize(1);
  isokern::compact_wy(v, tau, Storage::dense, OnError::raise, t.view());
  for (Index i = 0; i < 9; ++i) CHECK(t[i] == (i % 4 == 0 ? tau[i / 3] : T(0)));
  CHECK_INVALID(isokern::compact_wy(v, {}, Storage::dense, OnError::raise, t.view()), "compact_wy",
                "v ", "zero");
}

TEST_CASE_TEMPLATE("products in several groups of blocks", T, float, double) {
  // More than is held at a time: 8 MB of packed blocks. x is zero below the columns of Q in use.
  constexpr Index m = 34'400 / static_cast<Index>(sizeof(T)), k = 300, columns = 330, n = 3;
  Array<T> v({m, k}), x({m, n}), y({m, n}), back({m, n});
  Array<T> unit({m, columns}), q({m, columns}), other({m, columns});
  v.randomize(1);
  x.randomize(2);
  for (Index i = 0; i < v.elements(); ++i) v[i] /= T(16);
  for (Index i = columns * n; i < x.elements(); ++i) x[i] = T(0);
  unit.fill(T(0));
  for (Index i = 0; i < columns; ++i) unit[i * columns + i] = T(1);
  for (Storage storage : {Storage::dense, Storage::lapack}) {
    const auto apply = [&](const ConstView& from, bool transpose, const View& to) {
      isokern::apply_reflectors(v, {}, from, Side::left, transpose, storage, OnError::raise, to);
    };
    isokern::form_q(v, {}, storage, OnError::raise, q.view());
    apply(unit, false, other.view());
    CHECK(test::column_error<T>(q.item(), other.item(), unit.item()) <= budget * test::terms(m, k));
    apply(x, false, y.view());
    apply(y, true, back.view());
    CHECK(test::column_error<T>(back.item(), x.item(), x.item()) <= budget * test::terms(m, k));
    Matrix first(columns, n);
    std::copy_n(x.item().data.begin(), first.data.size(), first.data.begin());
    const Matrix product = test::product(q.item(), first);
    CHECK(test::column_error<T>(y.item(), product, x.item()) <= budget * test::terms(m, k));
    test::check_threads([&] {
      apply(x, false, back.view());
      return back.values();
    });
    if (storage == Storage::lapack) {
      test::check_threads([&] {
        isokern::form_q(v, {}, storage, OnError::raise, q.view());
        return q.values();
      });
    }
  }
}

TEST_CASE_TEMPLATE("forms have the same bits with one, two and three threads", T, float, double) {
  for_reflectors<T>({200, 150}, 1, [](const Reflectors<T>& r) {
    test::check_threads([&] {
      Array<T> q({1, 200, 170}), t({1, 150, 150});
      isokern::form_q(r.v, r.factors(), r.storage, OnError::raise, q.view());
      isokern::compact_wy(r.v, r.factors(), r.storage, OnError::raise, t.view());
      std::vector<T> both = q.values(), more = t.values();
      both.insert(both.end(), more.begin(), more.end());
      return both;
    });
  });
}
