// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Householder QR of a panel that lies row by row, vectors across its columns. Reflector j needs the
// products of column j with all later columns, and then changes these; both are done in one pass,
// which applies reflector j to a row and, at once, adds the row's part to the products of column
// j + 1. The signs are LAPACK's: beta = -sign(alpha) |x|, tau = (beta - alpha) / beta.
//
// Columns are scaled by powers of two on entry, so that no square leaves the range, and R's columns
// are scaled back. Lengths are summed in double; products in groups of rows.
#include "reflectors.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr Index kGroup = 64;  // rows whose products are summed before they join the others

// What reflector j does to one vector of columns.
template <class T>
struct Step {
  T* panel;  // the vector's column in the first row that changes
  Index stride, rows;
  const T* v;      // by row
  T* next;         // column j + 1 by row
  Index own_lane;  // where column j + 1 is in this vector, or -1: `next` is known already
};

// Rows -= v_i w; returns the products with the next column of all rows but the first.
template <class T>
ISOKERN_INLINE Vector<T, kLanes<T>> update(const Step<T>& step,
                                           const Vector<T, kLanes<T>>& w) noexcept {
  constexpr int lanes = kLanes<T>, chains = 4;
  using V = Vector<T, lanes>;
  const auto change = [&](Index i) {
    T* at = step.panel + i * step.stride;
    const V row = load<V>(at) - broadcast<T, lanes>(step.v[i]) * w;
    store(at, row);
    if (step.own_lane >= 0) step.next[i] = at[step.own_lane];
    return row * broadcast<T, lanes>(step.next[i]);
  };
  V total = {};
  if (step.rows > 0) change(0);
  for (Index begin = 1; begin < step.rows; begin += kGroup) {
    const Index end = begin + kGroup < step.rows ? begin + kGroup : step.rows;
    V sums[chains] = {};
    Index i = begin;
    for (; i + chains <= end; i += chains) {
#pragma GCC unroll 4
      for (int chain = 0; chain < chains; ++chain) sums[chain] += change(i + chain);
    }
    for (; i < end; ++i) sums[0] += change(i);
    total += (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
  return total;
}

// The sum of squares of x[0 .. n).
template <class T>
ISOKERN_INLINE double square_sum(const T* x, Index n) noexcept {
  constexpr int lanes = kLanes<double>;
  using V = Vector<double, lanes>;
  V total = {};
  double rest = 0;
  Index i = 0;
  while (i + lanes <= n) {
    V sum = {};
    const Index end = i + lanes * 16 < n ? i + lanes * 16 : n;
    for (; i + lanes <= end; i += lanes) {
      const V value = convert<double, lanes>(load<Vector<T, lanes>>(x + i));
      sum += value * value;
    }
    total += sum;
  }
  for (; i < n; ++i) rest += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum<double, lanes>(total) + rest;
}

struct Reflection {
  double beta, tau, inverse;  // v = x * inverse
};

// x = (alpha, rest), whose squares are in range.
ISOKERN_INLINE Reflection reflection(double alpha, double rest_square) noexcept {
  const double length = __builtin_sqrt(alpha * alpha + rest_square);
  const double beta = __builtin_signbit(alpha) ? length : -length;
  return {beta, (beta - alpha) / beta, 1 / (alpha - beta)};
}

template <class T>
ISOKERN_INLINE double largest_magnitude(const T* x, Index n) noexcept {
  double largest = 0;
  for (Index i = 0; i < n; ++i) {
    const double magnitude = __builtin_fabs(static_cast<double>(x[i]));
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

// Copies the panel, each column times a power of two.
template <class T>
void scale_columns(const QrRun<T>& run, T* scale, T* inverse) noexcept {
  const ReflectorBlock<T>& block = run.block;
  constexpr int lanes = kLanes<T>;
  column_maxima(run.x, run.row_stride, block.rows, block.count, T(0), scale, inverse);
  for (Index j = 0; j < block.stride; ++j) {
    const int exponent = j < block.count ? scaling_exponent<T>(static_cast<double>(scale[j])) : 0;
    scale[j] = static_cast<T>(power_of_two(-exponent));
    inverse[j] = static_cast<T>(power_of_two(exponent));
  }
  for (Index i = 0; i < padded<T>(block.rows); ++i) {
    T* to = block.v + i * block.stride;
    const Index used = i < block.rows ? block.count : 0;
    const T* row = run.x + i * run.row_stride;
    in_pieces<lanes>(used, [&](Index j, auto width) {
      using V = Vector<T, decltype(width)::value>;
      store(to + j, load<V>(row + j) * load<V>(scale + j));
    });
    for (Index j = used; j < block.stride; ++j) to[j] = T(0);
  }
}

// Moves R out of the panel, and leaves V there.
template <class T>
void separate(const QrRun<T>& run, const T* inverse) noexcept {
  const ReflectorBlock<T>& block = run.block;
  for (Index i = 0; i < block.rows; ++i) {
    T* to = run.x + i * run.row_stride;
    T* row = block.v + i * block.stride;
    const Index below = i < block.count ? i : block.count;
    for (Index j = 0; j < below; ++j) to[j] = T(0);
    for (Index j = below; j < block.count; ++j) {
      to[j] = row[j] * inverse[j];
      row[j] = j == i ? T(1) : T(0);
    }
  }
}

// Below it the squares of a column, and its products with columns like it, lose digits in T.
template <class T>
constexpr double kTiny = sizeof(T) == 4 ? 1e-30 : 1e-280;

// Where all of the column is that small, it is scaled up, and its products are made again.
template <class T>
Reflection tiny_reflection(const QrRun<T>& run, Index j, T* column, double largest,
                           T* products) noexcept {
  const ReflectorBlock<T>& block = run.block;
  const Index rows = block.rows - j;
  const double alpha = __builtin_fabs(static_cast<double>(column[0]));
  constexpr int small = sizeof(T) == 4 ? -48 : -460;
  int exponent = scaling_exponent<T>(alpha > largest ? alpha : largest);
  if (exponent < small) {
    const T up = static_cast<T>(power_of_two(-exponent));
    for (Index i = 0; i < rows; ++i) column[i] *= up;
    for (Index at = (j + 1) / kLanes<T> * kLanes<T>; at < block.stride; at += kLanes<T>) {
      const Step<T> again{block.v + j * block.stride + at, block.stride, rows, column, column, -1};
      store(products + at, update<T>(again, Vector<T, kLanes<T>>{}));
    }
  } else {
    exponent = 0;
  }
  Reflection h = reflection(static_cast<double>(column[0]), square_sum(column + 1, rows - 1));
  h.beta = __builtin_ldexp(h.beta, exponent);
  return h;
}

}  // namespace

template <class T>
void qr(const QrRun<T>& run) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  const ReflectorBlock<T>& block = run.block;
  const Index rows = block.rows, stride = block.stride;
  T* column = run.scratch;  // the column at hand, then its v
  T* next = column + padded<T>(rows);
  T* products = next + padded<T>(rows);
  T* scale = products + stride;
  T* inverse = scale + stride;
  scale_columns(run, scale, inverse);
  for (Index j = 0; j < stride; ++j) {
    block.tau[j] = T(0);
    block.scale[j] = 1;
    products[j] = T(0);
  }
  const Index steps = block.count < rows ? block.count : rows;
  if (steps > 0) {
    // Reflector -1 is the identity.
    for (Index i = 0; i < rows; ++i) column[i] = T(0);
    for (Index at = 0; at < stride; at += lanes) {
      const Step<T> start{block.v + at, stride, rows, column, next, at == 0 ? 0 : -1};
      store(products + at, update<T>(start, V{}));
    }
  }
  for (Index j = 0; j < steps; ++j) {
    T* swap = column;
    column = next;
    next = swap;
    T* pivot = block.v + j * stride;
    const Index below = rows - j - 1;
    const double square = square_sum(column + 1, below);
    Reflection h{static_cast<double>(column[0]), 0, 0};  // the identity, where nothing is below
    if (!(square < kTiny<T>)) {
      h = reflection(static_cast<double>(column[0]), square);
    } else if (const double largest = largest_magnitude(column + 1, below); largest > 0) {
      h = tiny_reflection(run, j, column, largest, products);
    }
    const bool identity = h.tau == 0;
    const T tau = static_cast<T>(h.tau), factor = static_cast<T>(h.inverse);
    block.tau[j] = tau;
    for (Index i = 1; i <= below && !identity; ++i) column[i] *= factor;
    // Later columns: w = tau (row j + factor * products), and nothing for column j and before.
    const Index first_vector = (j + 1) / lanes * lanes;
    for (Index at = first_vector; at < stride; at += lanes) {
      V w = (load<V>(pivot + at) + load<V>(products + at) * factor) * tau;
      if (at <= j) {
        T numbers[lanes];
        store(numbers, w);
        for (Index l = 0; l <= j - at; ++l) numbers[l] = T(0);
        w = load<V>(numbers);
      }
      if (identity) w = V{};
      store(pivot + at, load<V>(pivot + at) - w);
      const Step<T> step{pivot + stride + at, stride, below,
                         column + 1,          next,   at == first_vector ? j + 1 - at : -1};
      store(products + at, update<T>(step, w));
    }
    pivot[j] = static_cast<T>(h.beta);
    for (Index i = 1; i <= below; ++i) pivot[i * stride + j] = identity ? T(0) : column[i];
  }
  separate(run, inverse);
}

template <class T>
bool copy_finite(const T* from, Index from_stride, Index rows, Index columns, T* to,
                 Index to_stride) noexcept {
  constexpr int lanes = kLanes<T>;
  Vector<T, lanes> poison = {};
  T rest = 0;
  for (Index i = 0; i < rows; ++i) {
    const T* row = from + i * from_stride;
    T* target = to + i * to_stride;
    in_pieces<lanes>(columns, [&](Index j, auto width) {
      using V = Vector<T, decltype(width)::value>;
      const V value = load<V>(row + j);
      store(target + j, value);
      if constexpr (decltype(width)::value == 1) {
        rest += value * T(0);
      } else {
        poison += value * T(0);
      }
    });
  }
  return sum<T, lanes>(poison) + rest == T(0);
}

#define ISOKERN_INSTANTIATE(T)                \
  template void qr(const QrRun<T>&) noexcept; \
  template bool copy_finite(const T*, Index, Index, Index, T*, Index) noexcept;
ISOKERN_INSTANTIATE(float)
ISOKERN_INSTANTIATE(double)
#undef ISOKERN_INSTANTIATE

}  // namespace ISOKERN_ISA
}  // namespace isokern
