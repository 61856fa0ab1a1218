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
#include "ahead.hpp"
#include "reflectors.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr Index kGroup = 64;  // rows whose products are summed before they join the others

// What reflector j does to the N vectors of columns that begin at `panel`.
template <class T>
struct Step {
  T* panel;  // in the first row that changes
  Index stride, rows;
  const T* v;      // by row
  T* next;         // column j + 1 by row
  Index own_lane;  // where column j + 1 is in the first vector, or -1: `next` is known already
};

// Rows -= v_i w; `products` become those with the next column of all rows but the first.
template <int N, class T>
ISOKERN_INLINE void update(const Step<T>& step, const Vector<T, kLanes<T>> (&w)[N],
                           T* products) noexcept {
  constexpr int lanes = kLanes<T>, chains = 4;
  using V = Vector<T, lanes>;
  const auto change = [&](Index i, V(&sums)[N]) {
    T* at = step.panel + i * step.stride;
    const V factor = broadcast<T, lanes>(step.v[i]);
    V row[N];
#pragma GCC unroll 2
    for (int n = 0; n < N; ++n) {
      row[n] = load<V>(at + n * lanes) - factor * w[n];
      store(at + n * lanes, row[n]);
    }
    if (step.own_lane >= 0) step.next[i] = at[step.own_lane];
    const V next = broadcast<T, lanes>(step.next[i]);
#pragma GCC unroll 2
    for (int n = 0; n < N; ++n) sums[n] += row[n] * next;
  };
  V total[N] = {};
  if (step.rows > 0) {
    V first[N] = {};
    change(0, first);
  }
  for (Index begin = 1; begin < step.rows; begin += kGroup) {
    const Index end = begin + kGroup < step.rows ? begin + kGroup : step.rows;
    V sums[chains][N] = {};
    Index i = begin;
    for (; i + chains <= end; i += chains) {
#pragma GCC unroll 4
      for (int chain = 0; chain < chains; ++chain) change(i + chain, sums[chain]);
    }
    for (; i < end; ++i) change(i, sums[0]);
#pragma GCC unroll 2
    for (int n = 0; n < N; ++n) total[n] += (sums[0][n] + sums[1][n]) + (sums[2][n] + sums[3][n]);
  }
#pragma GCC unroll 2
  for (int n = 0; n < N; ++n) store(products + n * lanes, total[n]);
}

// Calls body(at, N) for the vectors at `first` and on, two at a time where there are two.
template <class T, class Body>
ISOKERN_INLINE void in_pairs(Index first, Index stride, const Body& body) noexcept {
  constexpr int lanes = kLanes<T>;
  Index at = first;
  for (; at + 2 * lanes <= stride; at += 2 * lanes) body(at, Width<2>{});
  if (at < stride) body(at, Width<1>{});
}

// The vector with zeros in its first n lanes.
template <class T>
ISOKERN_INLINE Vector<T, kLanes<T>> without_first(Vector<T, kLanes<T>> value, Index n) noexcept {
  constexpr int lanes = kLanes<T>;
  Vector<T, lanes> lane;
#pragma GCC unroll 16
  for (int l = 0; l < lanes; ++l) lane[l] = static_cast<T>(l);
  return lane < broadcast<T, lanes>(static_cast<T>(n)) ? Vector<T, lanes>{} : value;
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
    in_pairs<T>((j + 1) / kLanes<T> * kLanes<T>, block.stride, [&](Index at, auto width) {
      const Vector<T, kLanes<T>> nothing[decltype(width)::value] = {};
      update(Step<T>{block.v + j * block.stride + at, block.stride, rows, column, column, -1},
             nothing, products + at);
    });
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
    in_pairs<T>(0, stride, [&](Index at, auto width) {
      const V nothing[decltype(width)::value] = {};
      update(Step<T>{block.v + at, stride, rows, column, next, at == 0 ? 0 : -1}, nothing,
             products + at);
    });
  }
  Fetcher fetcher(run.ahead, steps);
  for (Index j = 0; j < steps; ++j) {
    fetcher.done(1);
    T* swap = column;
    column = next;
    next = swap;
    T* pivot = block.v + j * stride;
    const Index below = rows - j - 1;
    // The last pass has multiplied column j with itself, which is as good where T is double.
    const double square =
        sizeof(T) == 8 ? static_cast<double>(products[j]) : square_sum(column + 1, below);
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
    in_pairs<T>(first_vector, stride, [&](Index at, auto width) {
      constexpr int count = decltype(width)::value;
      V w[count];
#pragma GCC unroll 2
      for (int n = 0; n < count; ++n) {
        T* const top = pivot + at + n * lanes;
        w[n] = (load<V>(top) + load<V>(products + at + n * lanes) * factor) * tau;
        if (identity) w[n] = V{};
        if (n == 0 && at <= j) w[n] = without_first<T>(w[n], j + 1 - at);
        store(top, load<V>(top) - w[n]);
      }
      update(Step<T>{pivot + stride + at, stride, below, column + 1, next,
                     at == first_vector ? j + 1 - at : -1},
             w, products + at);
    });
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
