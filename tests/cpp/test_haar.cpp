// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Random orthogonal matrices against their definition.
#include "reflectors.hpp"

namespace {

using isokern::ConstView;
using isokern::View;
using test::Array;
using test::Index;
using test::Matrix;
using test::Real;
using test::Reals;

constexpr double budget = 4;

std::vector<double> normals(std::uint64_t seed, std::uint64_t stream, std::uint64_t offset,
                            Index n) {
  std::vector<double> x(test::size(n));
  isokern::random_normals(seed, stream, offset, n, x.data());
  return x;
}

// The matrix of stream number `item` by definition.
template <class T>
Matrix defined(std::uint64_t seed, Index item, Index d, Index k, bool special) {
  Matrix v(d, k);
  Reals tau(test::size(k)), signs(test::size(k));
  bool negative = false;
  for (Index j = 0; j < k; ++j) {
    const std::uint64_t first = static_cast<std::uint64_t>(j * d + j);
    const auto drawn =
        normals(seed, isokern::haar_stream + static_cast<std::uint64_t>(item), first, d - j);
    Matrix x(d - j, 1);
    for (Index i = 0; i < d - j; ++i)
      x(i, 0) = static_cast<Real>(static_cast<T>(drawn[test::size(i)]));
    v(j, j) = 1;
    Real& sign = signs[test::size(j)];
    if (j == d - 1) {
      sign = std::copysign(Real{1}, x(0, 0));
    } else {
      const Real beta = -std::copysign(test::column_norm(x, 0), x(0, 0));
      for (Index i = 1; i < d - j; ++i) v(j + i, j) = x(i, 0) / (x(0, 0) - beta);
      tau[test::size(j)] = (beta - x(0, 0)) / beta;
      sign = std::copysign(Real{1}, beta);
      negative = !negative;
    }
    negative = negative != (sign < 0);
  }
  if (special && k == d && negative) signs[test::size(k - 1)] *= -1;
  Matrix q = test::reflected(v, tau, false, test::identity(d, k));
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j < k; ++j) q(i, j) *= signs[test::size(j)];
  }
  return q;
}

// The determinant, by elimination with pivots.
Real determinant(Matrix a) {
  Real value = 1;
  for (Index j = 0; j < a.rows; ++j) {
    Index pivot = j;
    for (Index i = j; i < a.rows; ++i) {
      if (std::abs(a(i, j)) > std::abs(a(pivot, j))) pivot = i;
    }
    for (Index l = 0; pivot != j && l < a.rows; ++l) std::swap(a(j, l), a(pivot, l));
    value *= pivot == j ? a(j, j) : -a(j, j);
    for (Index i = j + 1; i < a.rows; ++i) {
      const Real factor = a(i, j) / a(j, j);
      for (Index l = j; l < a.rows; ++l) a(i, l) -= factor * a(j, l);
    }
  }
  return value;
}

template <class T>
double gram_error(const Matrix& q) {
  const Matrix gram = test::product(test::transposed(q), q);
  return test::largest_error<T>(gram.data, test::identity(q.columns, q.columns).data, 1);
}

}  // namespace

TEST_CASE_TEMPLATE("matrices agree with their definition", T, float, double) {
  constexpr std::uint64_t seed = 21;
  for (Index d : {1, 2, 3, 7, 8, 9, 24, 33, 64, 65, 66, 97}) {
    std::vector<Index> counts = {0, 1, d / 2, d - 1, d};
    if (d > 64) counts.push_back(64);
    for (Index k : counts) {
      for (bool special : {false, true}) {
        CAPTURE(d);
        CAPTURE(k);
        Array<T> q({2, 2, d, k}, 3);
        isokern::haar(seed, special, q.view());
        CHECK(q.gaps_are_kept());
        for (Index item = 0; item < (d < 30 ? 4 : 1); ++item) {
          const Matrix got = q.item(item), unit = test::identity(d, k);
          const double most = budget * test::terms(d, k);
          const Matrix exact = defined<T>(seed, item, d, k, special);
          CHECK(test::column_error<T>(got, exact, unit) <= most);
          CHECK(gram_error<T>(got) <= most);
          if (k < d) continue;
          const Real value = determinant(got);
          CHECK(std::abs(std::abs(value) - 1) < 1e-3L);
          if (special) CHECK(value > 0);
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("what a matrix depends on", T, float, double) {
  constexpr Index d = 70;
  Array<T> whole({3, d, d}), special({3, d, d}), more({2, 3, d, d}), first({3, d, 20});
  isokern::haar(5, false, whole.view());
  isokern::haar(5, true, special.view());
  isokern::haar(5, false, more.view());
  isokern::haar(5, false, first.view());
  Index wrong = 0, flipped = 0;
  for (Index i = 0; i < whole.elements(); ++i) {
    const Index column = i % d;
    if (whole[i] != more[i]) ++wrong;
    if (column < d - 1 && whole[i] != special[i]) ++wrong;
    if (column == d - 1 && whole[i] != special[i]) ++flipped;
  }
  CHECK(wrong == 0);
  CHECK(flipped % d == 0);
  for (Index item = 0; item < 3; ++item) {
    CHECK(test::column_error<T>(first.item(item), test::first_columns(whole.item(item), 20),
                                test::identity(d, 20)) <= budget * test::terms(d, d));
  }
  // One dimension: a sign.
  Array<T> sign({50, 1, 1});
  isokern::haar(5, false, sign.view());
  const std::vector<T> values = sign.values();
  CHECK(std::count(values.begin(), values.end(), T(1)) > 10);
  CHECK(std::count(values.begin(), values.end(), T(-1)) > 10);
  isokern::haar(5, true, sign.view());
  CHECK(sign.all(T(1)));
}

TEST_CASE_TEMPLATE("the matrix in factors", T, float, double) {
  for (Index d : {1, 2, 7, 24, 65, 130}) {
    for (bool special : {false, true}) {
      for (bool transpose : {false, true}) {
        CAPTURE(d);
        Array<T> q({1, d, d});
        isokern::haar(3, special, q.view());
        const Matrix matrix = transpose ? test::transposed(q.item()) : q.item();
        for (const std::vector<Index>& batch :
             {std::vector<Index>{}, {1}, {7}, {2, 5}, {0}, {50}}) {
          std::vector<Index> shape = batch;
          shape.push_back(d);
          Array<T> x(shape, 3), out(shape, 2);
          x.randomize(1);
          isokern::haar_apply(3, special, transpose, x, out.view());
          CHECK(out.gaps_are_kept());
          Array<T> rows({x.elements() / d, d}), got = rows;
          for (Index i = 0; i < x.elements(); ++i) {
            rows[i] = x[i];
            got[i] = out[i];
          }
          const Matrix columns = test::transposed(rows.item());
          CHECK(test::column_error<T>(test::transposed(got.item()), test::product(matrix, columns),
                                      columns) <= budget * test::terms(d, d));
          isokern::haar_apply(3, special, transpose, x, x.view());  // in place
          CHECK(x.gaps_are_kept());
          CHECK(test::same_bits(x.values(), out.values()));
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("the same bits with one, two and three threads", T, float, double) {
  for (const std::vector<Index>& shape :
       {std::vector<Index>{1, 200, 200}, {1, 150, 70}, {200, 12, 12}, {3, 90, 90}}) {
    test::check_threads([&] {
      Array<T> q(shape);
      isokern::haar(8, true, q.view());
      return q.values();
    });
  }
  for (bool transpose : {false, true}) {
    Array<T> x({77, 150});
    x.randomize(1);
    test::check_threads([&] {
      Array<T> out({77, 150});
      isokern::haar_apply(8, false, transpose, x, out.view());
      return out.values();
    });
  }
}

TEST_CASE("arguments that do not fit") {
  std::vector<double> output(100, 7.0);
  std::vector<float> single(100, 7.0F);
  const std::vector<double> input(100, 1.0);
  double* o = output.data();
  const double* p = input.data();
  CHECK_INVALID(isokern::haar(0, false, {o, {3}}), "haar: ", "out ", "(3,)");
  CHECK_INVALID(isokern::haar(0, false, {o, {3, 4}}), "haar: ", "out ", "(3, 4)");
  CHECK_INVALID(isokern::haar(0, false, {o, {2, 0, 0}}), "haar: ", "out ", "(2, 0, 0)");
  CHECK_INVALID(isokern::haar(0, false, {static_cast<void*>(o), isokern::Dtype::float16, {3, 3}}),
                "haar: ", "out ", "float16");
  isokern::Layout by_column, repeated;
  by_column.append(3, 1);
  by_column.append(3, 3);
  repeated.append(3, 0);
  repeated.append(3, 1);
  CHECK_INVALID(isokern::haar(0, false, {o, by_column}), "haar: ", "out ", "strided");
  CHECK_INVALID(isokern::haar(0, false, {o, repeated}), "haar: ", "out ", "overlaps itself");
  const auto apply = [](const ConstView& x, const View& out) {
    isokern::haar_apply(0, false, false, x, out);
  };
  const char* f = "haar_apply: ";
  CHECK_INVALID(apply({p, {}}, {o, {}}), f, "x ");
  CHECK_INVALID(apply({p, {2, 0}}, {o, {2, 0}}), f, "x ", "(2, 0)");
  CHECK_INVALID(apply({p, {2, 4}}, {o, {4, 2}}), f, "out ", "(4, 2)", "(2, 4)");
  CHECK_INVALID(apply({p, {2, 4}}, {single.data(), {2, 4}}), f, "out ", "float32");
  CHECK_INVALID(apply({o + 1, {2, 4}}, {o, {2, 4}}), f, "out ", "overlaps x");
  CHECK_INVALID(apply({p, by_column}, {o, {3, 3}}), f, "x ", "strided");
  CHECK_INVALID(apply({p, {3, 3}}, {o, repeated}), f, "out ", "overlaps itself");
  CHECK(output == std::vector<double>(100, 7.0));
}
