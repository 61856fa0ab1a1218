// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Products of reflectors applied to columns. A strip of columns is packed once, all blocks pass
// over it where it lies in the second cache, and it is written once: the work of a block on m rows,
// 4 m k operations a column, is all matrix products, and the memory sees each matrix twice in all.
#include "reflectors.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

template <class T>
struct Exponents;
template <>
struct Exponents<float> {
  static constexpr int limit = 120;
};
template <>
struct Exponents<double> {
  static constexpr int limit = 1000;
};

// Columns of row i of a block that are stored, not implied.
template <class T>
ISOKERN_INLINE Index stored(const PackRun<T>& run, Index i) noexcept {
  return run.lapack && i < run.block.count ? i : run.block.count;
}

// The largest magnitude of each column in run.sums, and whether everything is finite.
template <class T>
bool column_maxima(const PackRun<T>& run) noexcept {
  constexpr int lanes = kLanes<T>;
  T* maxima = run.sums;
  T* poison = maxima + run.block.stride;
  for (Index j = 0; j < run.block.stride; ++j) {
    maxima[j] = run.lapack && j < run.block.count ? T(1) : T(0);
    poison[j] = T(0);
  }
  for (Index i = 0; i < run.block.rows; ++i) {
    const T* row = run.v + i * run.row_stride;
    in_pieces<lanes>(stored(run, i), [&](Index j, auto width) {
      using V = Vector<T, decltype(width)::value>;
      const V value = load<V>(row + j), known = load<V>(maxima + j);
      const V magnitude = value < T(0) ? -value : value;
      store(maxima + j, magnitude > known ? magnitude : known);
      store(poison + j, load<V>(poison + j) + value * T(0));  // NaN where a value is not finite
    });
  }
  for (Index j = 0; j < run.block.count; ++j) {
    if (!(poison[j] == T(0))) return false;
  }
  return true;
}

// Writes the scaled columns, and their squared lengths in two levels, so that rounding errors stay
// small: rows of a short group in T's widest sensible type, groups in double.
template <class T>
void scaled_columns(const PackRun<T>& run, const T* scale, double* squares) noexcept {
  constexpr int lanes = kLanes<T>;
  constexpr Index group = 16;
  const ReflectorBlock<T>& block = run.block;
  T* sums = run.sums + 2 * block.stride;
  for (Index j = 0; j < block.stride; ++j) squares[j] = 0;
  const Index rows = padded<T>(block.rows);
  for (Index begin = 0; begin < rows; begin += group) {
    const Index end = begin + group < rows ? begin + group : rows;
    for (Index j = 0; j < block.stride; ++j) sums[j] = T(0);
    for (Index i = begin; i < end; ++i) {
      T* to = block.v + i * block.stride;
      const Index used = i < block.rows ? stored(run, i) : 0;
      const T* row = run.v + i * run.row_stride;
      in_pieces<lanes>(used, [&](Index j, auto width) {
        using V = Vector<T, decltype(width)::value>;
        const V value = load<V>(row + j) * load<V>(scale + j);
        store(to + j, value);
        store(sums + j, load<V>(sums + j) + value * value);
      });
      for (Index j = used; j < block.stride; ++j) to[j] = T(0);
      if (run.lapack && i < block.count) {
        to[i] = scale[i];
        sums[i] += scale[i] * scale[i];
      }
    }
    for (Index j = 0; j < block.stride; ++j) squares[j] += static_cast<double>(sums[j]);
  }
}

template <class T>
ISOKERN_INLINE void multiply_rows(Panel<T> panel, Index rows, const T* signs) noexcept {
  using V = Vector<T, kLanes<T>>;
  for (Index i = 0; i < rows; ++i) {
    for (Index c = 0; c < panel.stride; c += kLanes<T>)
      store(panel.row(i) + c, load<V>(panel.row(i) + c) * broadcast<T, kLanes<T>>(signs[i]));
  }
}

template <int Vectors, class T>
void apply_strip(const ApplyRun<T>& run, Index column, Index columns) noexcept {
  constexpr Index stride = Vectors * kLanes<T>;
  const Panel<T> x{run.scratch, stride};
  const Index rows = padded<T>(run.rows);
  bool identity = run.x.data == nullptr;
  if (identity) {
    clear_rows(x, 0, rows, stride);
    for (Index c = 0; c < columns; ++c) {
      const Index row = run.first_column + column + c;
      x.row(row)[c] = run.signs != nullptr ? run.signs[row] : T(1);
    }
  } else {
    load_panel<Vectors>(run.x, column, run.rows, columns, x);
    clear_rows(x, run.rows, rows, stride);
    if (run.signs != nullptr && !run.transpose) multiply_rows(x, run.rows, run.signs);
  }
  const Panel<T> products{x.row(rows), stride};
  for (Index step = 0; step < run.block_count; ++step) {
    const ReflectorBlock<T>& block = run.blocks[run.transpose ? step : run.block_count - 1 - step];
    const Panel<T> mine{x.row(block.first_row), stride};
    const Panel<T> scaled{products.row(block.stride), stride};
    if (identity) {
      // V^T e_c is a row of V; zero above the block's rows.
      const Index first = run.first_column + column - block.first_row;
      if (first + columns <= 0) continue;
      const Index above = first < 0 ? -first : 0;
      clear_rows(products, 0, block.stride, stride);
      for (Index p = 0; p < block.count; ++p) {
        for (Index c = above; c < columns; ++c)
          products.row(p)[c] = block.v[(first + c) * block.stride + p] * mine.row(first + c)[c];
      }
      identity = false;
    } else {
      project<Vectors, T>(block, block.v, {mine.data, stride}, products);
    }
    solve<Vectors>(block, run.transpose, products, scaled);
    subtract<Vectors, T>(block, block.v, {scaled.data, stride}, mine);
  }
  if (run.signs != nullptr && run.transpose) multiply_rows(x, run.rows, run.signs);
  store_panel<Vectors>(x, run.rows, columns, run.out, column, run.stream);
}

}  // namespace

template <class T>
Failure pack(const PackRun<T>& run) noexcept {
  const ReflectorBlock<T>& block = run.block;
  const bool finite = column_maxima(run);
  T* scale = run.sums;  // takes the place of the maxima
  Failure failure = finite ? Failure::none : Failure::bad_a;
  for (Index j = 0; j < block.stride; ++j) {
    int exponent = 0;
    if (j < block.count && scale[j] > T(0)) {
      __builtin_frexp(static_cast<double>(scale[j]), &exponent);
    } else if (j < block.count && run.tau == nullptr) {
      failure = Failure::bad_a;
    }
    constexpr int limit = Exponents<T>::limit;
    exponent = exponent > limit ? limit : exponent < -limit ? -limit : exponent;
    block.scale[j] = __builtin_ldexp(1.0, -exponent);
    scale[j] = static_cast<T>(block.scale[j]);
  }
  // The squared lengths take the place of the Gram matrix for a moment.
  double* squares = reinterpret_cast<double*>(block.gram);
  scaled_columns(run, scale, squares);
  for (Index j = 0; j < block.stride; ++j) {
    double tau = 0;
    if (j < block.count && run.tau == nullptr) {
      tau = squares[j] > 0 ? 2 / squares[j] : 0;
    } else if (j < block.count) {
      const T given = run.tau[j * run.tau_stride];
      if (!(given * T(0) == T(0)) && failure == Failure::none) failure = Failure::bad_b;
      tau = static_cast<double>(given) / block.scale[j] / block.scale[j];
    }
    block.tau[j] = static_cast<T>(tau);
  }
  return failure;
}

template <class T>
void gram(const ReflectorBlock<T>& block, Index begin, Index end) noexcept {
  multiply_wide<Into::assign, T>(round_up(end < block.count ? end : block.count, kTileRows),
                                 end - begin, block.rows, {block.v, 1, block.stride},
                                 {block.v + begin, block.stride},
                                 {block.gram + begin, block.stride});
}

template <class T>
void apply(const ApplyRun<T>& run) noexcept {
  for_strips<T>(run.columns, [&](Index first, Index columns, auto vectors) {
    apply_strip<decltype(vectors)::value>(run, first, columns);
  });
}

template <class T>
void compact(const ReflectorBlock<T>& block, Index begin, Index end, T* scratch, T* t) noexcept {
  for_strips<T>(end - begin, [&](Index first, Index columns, auto vectors) {
    constexpr int width = decltype(vectors)::value;
    const Panel<T> unscaled{scratch, width * kLanes<T>};
    clear_rows(unscaled, 0, block.stride, unscaled.stride);
    for (Index c = 0; c < columns; ++c) unscaled.row(begin + first + c)[c] = T(1);
    solve<width, T>(block, false, unscaled, {t + begin + first, block.stride});
  });
}

#define ISOKERN_INSTANTIATE(T)                                         \
  template Failure pack(const PackRun<T>&) noexcept;                   \
  template void gram(const ReflectorBlock<T>&, Index, Index) noexcept; \
  template void apply(const ApplyRun<T>&) noexcept;                    \
  template void compact(const ReflectorBlock<T>&, Index, Index, T*, T*) noexcept;
ISOKERN_INSTANTIATE(float)
ISOKERN_INSTANTIATE(double)
#undef ISOKERN_INSTANTIATE

}  // namespace ISOKERN_ISA
}  // namespace isokern
