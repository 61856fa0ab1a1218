// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Matrices in long double, and arrays of any strides that show what was written outside of them.
#pragma once

#include "support.hpp"

namespace test {

/// A matrix in long double, row by row.
struct Matrix {
  Index rows = 0, columns = 0;
  Reals data;

  Matrix() = default;
  Matrix(Index m, Index n) : rows(m), columns(n), data(size(m * n)) {}
  Real& operator()(Index i, Index j) { return data[size(i * columns + j)]; }
  Real operator()(Index i, Index j) const { return data[size(i * columns + j)]; }
};

inline Matrix identity(Index m, Index n) {
  Matrix x(m, n);
  for (Index i = 0; i < std::min(m, n); ++i) x(i, i) = 1;
  return x;
}

inline Matrix transposed(const Matrix& x) {
  Matrix y(x.columns, x.rows);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.columns; ++j) y(j, i) = x(i, j);
  }
  return y;
}

inline Matrix first_columns(const Matrix& x, Index n) {
  Matrix y(x.rows, n);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < n; ++j) y(i, j) = x(i, j);
  }
  return y;
}

inline Matrix product(const Matrix& x, const Matrix& y) {
  Matrix z(x.rows, y.columns);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index l = 0; l < x.columns; ++l) {
      for (Index j = 0; j < y.columns; ++j) z(i, j) += x(i, l) * y(l, j);
    }
  }
  return z;
}

inline Real column_dot(const Matrix& x, Index i, const Matrix& y, Index j) {
  Real sum = 0;
  for (Index row = 0; row < x.rows; ++row) sum += x(row, i) * y(row, j);
  return sum;
}

inline Real column_norm(const Matrix& x, Index j) {
  Real largest = 0, sum = 0;
  for (Index row = 0; row < x.rows; ++row) largest = std::max(largest, std::abs(x(row, j)));
  for (Index row = 0; largest > 0 && row < x.rows; ++row)
    sum += (x(row, j) / largest) * (x(row, j) / largest);
  return largest * std::sqrt(sum);
}

/// The largest error in a column, in eps of T and the length of the column of `scale`. Where that
/// is zero, so must the column be.
template <class T>
double column_error(const Matrix& actual, const Matrix& exact, const Matrix& scale) {
  double worst = 0;
  if (actual.rows != exact.rows || actual.columns != exact.columns)
    return std::numeric_limits<double>::infinity();
  for (Index j = 0; j < exact.columns; ++j) {
    const Real length = column_norm(scale, j);
    for (Index i = 0; i < exact.rows; ++i) {
      const Real difference = std::abs(actual(i, j) - exact(i, j));
      if (difference == 0) continue;
      const double relative = static_cast<double>(difference / length) /
                              static_cast<double>(std::numeric_limits<T>::epsilon());
      if (!(relative <= worst)) worst = relative;
      if (std::isnan(relative)) return std::numeric_limits<double>::infinity();
    }
  }
  return worst;
}

/// The largest |got - exact|, in eps of T and `scale`.
template <class T>
double largest_error(const Reals& got, const Reals& exact, Real scale) {
  Real worst = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const Real difference = std::abs(got[i] - exact[i]);
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, difference);
  }
  return worst == 0 ? 0
                    : static_cast<double>(worst / scale) /
                          static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// An array of any number of axes in exactly as much memory as it reaches over. Rows lie `gap`
/// further apart than they are long, and so do items; the last axis has stride `step`. What lies
/// between the elements is NaN.
template <class T>
class Array {
 public:
  explicit Array(const std::vector<Index>& shape, Index gap = 0, Index step = 1) {
    std::vector<Index> strides(shape.size());
    Index stride = step, last = 0;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      strides[axis] = stride;
      last += std::max<Index>(shape[axis] - 1, 0) * stride;
      stride = stride * std::max<Index>(shape[axis], 1) + gap;
    }
    for (std::size_t axis = 0; axis < shape.size(); ++axis)
      layout_.append(shape[axis], strides[axis]);
    memory_.assign(size(layout_.size() == 0 ? 0 : last + 1), kGap);
  }

  isokern::View view() { return {memory_.data(), layout_}; }
  isokern::ConstView view() const { return {memory_.data(), layout_}; }
  operator isokern::ConstView() const { return view(); }
  Index elements() const { return layout_.size(); }

  /// Element number i, counted row by row.
  T& operator[](Index i) { return memory_[size(offset(i))]; }
  T operator[](Index i) const { return memory_[size(offset(i))]; }

  Array& fill(T value) {
    for (Index i = 0; i < elements(); ++i) (*this)[i] = value;
    return *this;
  }
  Array& randomize(std::uint64_t stream) {
    const std::vector<T> numbers = uniform<T>(elements(), stream);
    for (Index i = 0; i < elements(); ++i) (*this)[i] = numbers[size(i)];
    return *this;
  }

  /// All axes but the last two.
  Index items() const {
    Index n = 1;
    for (int axis = 0; axis < layout_.rank - 2; ++axis) n *= layout_.shape[axis];
    return n;
  }
  Index extent(int from_end) const { return layout_.shape[layout_.rank - from_end]; }

  /// Element of item number `item`.
  Index index(Index item, Index row, Index column) const {
    return (item * extent(2) + row) * extent(1) + column;
  }
  Matrix item(Index number = 0) const {
    Matrix x(extent(2), extent(1));
    for (Index i = 0; i < x.rows; ++i) {
      for (Index j = 0; j < x.columns; ++j)
        x(i, j) = static_cast<Real>((*this)[index(number, i, j)]);
    }
    return x;
  }
  /// Row number `number`, for arrays of vectors.
  Reals row(Index number = 0) const {
    Reals x(size(extent(1)));
    for (Index j = 0; j < extent(1); ++j)
      x[size(j)] = static_cast<Real>((*this)[number * extent(1) + j]);
    return x;
  }
  std::vector<T> values() const {
    std::vector<T> x(size(elements()));
    for (Index i = 0; i < elements(); ++i) x[size(i)] = (*this)[i];
    return x;
  }
  bool all(T value) const {
    for (Index i = 0; i < elements(); ++i) {
      if ((*this)[i] != value) return false;
    }
    return true;
  }

  /// Whether everything between the elements is still what it was.
  bool gaps_are_kept() const {
    Array other = *this;
    other.fill(kGap);
    return std::all_of(other.memory_.begin(), other.memory_.end(),
                       [](T value) { return std::isnan(value); });
  }
  /// The whole memory, to see whether anything changed.
  const std::vector<T>& memory() const { return memory_; }

 private:
  static constexpr T kGap = std::numeric_limits<T>::quiet_NaN();

  Index offset(Index i) const {
    Index at = 0;
    for (int axis = layout_.rank - 1; axis >= 0; --axis) {
      at += i % layout_.shape[axis] * layout_.strides[axis];
      i /= layout_.shape[axis];
    }
    return at;
  }

  isokern::Layout layout_;
  std::vector<T> memory_;
};

}  // namespace test
