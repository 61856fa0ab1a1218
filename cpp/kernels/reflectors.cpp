// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Products of reflectors applied to columns. A strip of columns is packed once, all blocks pass
// over it where it lies in the second cache, and it is written once: the work of a block on m rows,
// 4 m k operations a column, is all matrix products, and the memory sees each matrix twice in all.
#include "reflectors.hpp"
#include "ahead.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// The largest magnitude of each column goes into run.sums. Says whether everything is finite.
template <class T>
bool packed_maxima(const PackRun<T>& run) noexcept {
  const ReflectorBlock<T>& block = run.block;
  T* maxima = run.sums;
  T* poison = maxima + block.stride;
  // In LAPACK storage the first rows are short, and hold a 1 that is not stored.
  const Index short_rows = !run.lapack ? 0 : block.count < block.rows ? block.count : block.rows;
  column_maxima(run.v + short_rows * run.row_stride, run.row_stride, block.rows - short_rows,
                block.count, run.lapack ? T(1) : T(0), maxima, poison);
  for (Index i = 0; i < short_rows; ++i) {
    const T* row = run.v + i * run.row_stride;
    for (Index j = 0; j < i; ++j) take_values(row[j], maxima[j], poison[j]);
  }
  bool finite = true;
  for (Index j = 0; j < block.count; ++j) finite = finite && poison[j] == T(0);
  for (Index j = block.count; j < block.stride; ++j) maxima[j] = T(0);
  return finite;
}

// Writes the scaled columns, and their squared lengths. The squares of some rows are summed before
// they join the others', so that rounding errors grow with the square root of the group and of the
// groups' number.
template <class T>
void scaled_columns(const PackRun<T>& run, const T* scale, double* squares) noexcept {
  constexpr Index group = 16;
  const ReflectorBlock<T>& block = run.block;
  const Index stride = block.stride, count = block.count;
  const Index short_rows = !run.lapack ? 0 : count < block.rows ? count : block.rows;
  for (Index j = 0; j < stride; ++j) squares[j] = 0;
  for (Index i = 0; i < short_rows; ++i) {
    const T* row = run.v + i * run.row_stride;
    T* to = block.v + i * stride;
    for (Index j = 0; j < stride; ++j) {
      to[j] = j < i ? row[j] * scale[j] : j == i ? scale[j] : T(0);
      squares[j] += static_cast<double>(to[j]) * static_cast<double>(to[j]);
    }
  }
  in_pieces<kLanes<double>>(count, [&](Index j, auto width) {
    constexpr int lanes = decltype(width)::value;
    using V = Vector<T, lanes>;
    using Sum = Vector<double, lanes>;
    const V factor = load<V>(scale + j);
    Sum total = load<Sum>(squares + j);
    for (Index i = short_rows; i < block.rows;) {
      const Index end = i + group < block.rows ? i + group : block.rows;
      Sum sum = {};
      for (; i < end; ++i) {
        const V value = load<V>(run.v + i * run.row_stride + j) * factor;
        store(block.v + i * stride + j, value);
        const Sum wide = convert<double, lanes>(value);
        sum += wide * wide;
      }
      total += sum;
    }
    store(squares + j, total);
  });
  for (Index i = short_rows; count < stride && i < block.rows; ++i) {
    for (Index j = count; j < stride; ++j) block.v[i * stride + j] = T(0);
  }
  clear_rows(Panel<T>{block.v, stride}, block.rows, padded<T>(block.rows), stride);
}

template <class T>
ISOKERN_INLINE void multiply_rows(Panel<T> panel, Index rows, const T* signs) noexcept {
  using V = Vector<T, kLanes<T>>;
  for (Index i = 0; i < rows; ++i) {
    for (Index c = 0; c < panel.stride; c += kLanes<T>)
      store(panel.row(i) + c, load<V>(panel.row(i) + c) * broadcast<T, kLanes<T>>(signs[i]));
  }
}

// Columns of D.
template <class T>
ISOKERN_INLINE void load_identity(const ApplyRun<T>& run, const Strip<T>& strip,
                                  Panel<T> x) noexcept {
  clear_rows(x, 0, padded<T>(run.rows), x.stride);
  for (Index c = 0; c < strip.columns; ++c) {
    const Index row = run.first_column + strip.first + c;
    x.row(row)[c] = run.signs != nullptr ? run.signs[row] : T(1);
  }
}

// V^T times columns of D, which are rows of V; false where all of them lie above the block.
template <int Vectors, class T>
ISOKERN_INLINE bool project_identity(const ApplyRun<T>& run, const Strip<T>& strip,
                                     const ReflectorBlock<T>& block, Panel<T> products) noexcept {
  constexpr int lanes = kLanes<T>;
  const Index first = run.first_column + strip.first - block.first_row;
  if (first + strip.columns <= 0) return false;
  const Index count = round_up(block.count, kTileRows);
  if (first >= 0) {
    for (int v = 0; v < Vectors; ++v) {
      load_transposed(block.v + (first + v * lanes) * block.stride, block.stride, count,
                      strip.columns - v * lanes, products.data + v * lanes, products.stride);
    }
  } else {
    clear_rows(products, 0, count, products.stride);
    for (Index c = -first; c < strip.columns; ++c) {
      for (Index p = 0; p < block.count; ++p)
        products.row(p)[c] = block.v[(first + c) * block.stride + p];
    }
  }
  if (run.signs == nullptr) return true;
  const T* signs = run.signs + run.first_column + strip.first;
  for (Index p = 0; p < count; ++p) {
    for (Index c = 0; c < strip.columns; ++c) products.row(p)[c] *= signs[c];
  }
  return true;
}

// D - V A for columns of D: a product that need not read them.
template <int Vectors, class T, class After = Nothing>
ISOKERN_INLINE void subtract_from_identity(const ApplyRun<T>& run, const Strip<T>& strip,
                                           const ReflectorBlock<T>& block, Panel<T> a, Panel<T> x,
                                           After&& after = {}) noexcept {
  using V = Vector<T, kLanes<T>>;
  for (Index i = 0; i < block.count * a.stride; i += kLanes<T>)
    store(a.data + i, -load<V>(a.data + i));
  multiply<Into::assign, Vectors, T>(padded<T>(block.rows), block.count, {block.v, block.stride, 1},
                                     {a.data, a.stride}, {x.row(block.first_row), x.stride}, after);
  clear_rows(x, 0, block.first_row, Vectors * kLanes<T>);
  for (Index c = 0; c < strip.columns; ++c) {
    const Index row = run.first_column + strip.first + c;
    x.row(row)[c] += run.signs != nullptr ? run.signs[row] : T(1);
  }
}

// All blocks on the strip that x holds, or on columns of D. The last block calls during(rows) as it
// goes through x for its products, and after(begin, end, true) when these rows have changed for the
// last time.
template <int Vectors, class T, class During, class After>
ISOKERN_INLINE void apply_blocks(const ApplyRun<T>& run, const Strip<T>& strip, bool identity,
                                 Panel<T> x, T* scratch, During&& during, After&& after) noexcept {
  const Panel<T> products{scratch, x.stride};
  for (Index step = 0; step < run.block_count; ++step) {
    const ReflectorBlock<T>& block = run.blocks[run.transpose ? step : run.block_count - 1 - step];
    const bool last = step + 1 == run.block_count;
    const Panel<T> mine{x.row(block.first_row), x.stride};
    const Panel<T> scaled{products.row(block.stride), x.stride};
    if (identity) {
      if (!project_identity<Vectors, T>(run, strip, block, products)) continue;
      solve<Vectors>(block, run.transpose, products, scaled);
      subtract_from_identity<Vectors, T>(run, strip, block, scaled, x);
      identity = false;
      continue;
    }
    if (last) {
      // As many rows for each tile as make the whole strip.
      const Index share = kDepth * kTileRows / round_up(block.count, kTileRows) + 1;
      project<Vectors, T>(block, block.v, {mine.data, x.stride}, products,
                          [&](Index, Index, bool) { during(share); });
    } else {
      project<Vectors, T>(block, block.v, {mine.data, x.stride}, products);
    }
    solve<Vectors>(block, run.transpose, products, scaled);
    if (!last) {
      subtract<Vectors, T>(block, block.v, {scaled.data, x.stride}, mine);
    } else {
      after(Index{0}, block.first_row, true);
      subtract<Vectors, T>(block, block.v, {scaled.data, x.stride}, mine,
                           [&](Index begin, Index end, bool final) {
                             after(block.first_row + begin, block.first_row + end, final);
                           });
    }
  }
  if (identity) load_identity(run, strip, x);  // no block met these columns
}

// Strips whose rows are contiguous: between the products of a strip the rows of the next come in,
// and its own go out.
template <class T>
void apply_in_turn(const ApplyRun<T>& run) noexcept {
  const Index rows = run.rows, all_rows = padded<T>(rows);
  constexpr Index widest = kTileVectors * kLanes<T>;
  T* current = run.scratch;
  T* other = current + all_rows * widest;
  T* const products = other + all_rows * widest;
  Strips<T> strips(run.columns);
  Strip<T> strip = strips.next();
  Feed<T>(run.x, strip, rows, current).rows(all_rows);
  while (strip.columns > 0) {
    const Strip<T> next = strips.next();
    const bool streaming = run.stream && fills_lines(run.out, strip);
    Feed<T> feed(run.x, next, rows, other);
    with_vectors(strip.vectors, [&](auto vectors) {
      constexpr int width = decltype(vectors)::value;
      const Panel<T> x{current, width * kLanes<T>};
      apply_blocks<width>(
          run, strip, false, x, products, [&](Index count) { feed.rows(count); },
          [&](Index begin, Index end, bool final) {
            if (final)
              store_rows<width>(x, begin, end < rows ? end : rows, strip, run.out, streaming);
          });
    });
    feed.rows(all_rows);
    T* const swap = current;
    current = other;
    other = swap;
    strip = next;
  }
}

// Matrices up to this size stay in the first caches: what reads them twice costs less than what
// packs them.
constexpr Index kDirectBytes = Index{64} << 10;

template <class E, class T>
ISOKERN_INLINE bool small_and_whole(const Matrix<E>& matrix, const ApplyRun<T>& run) noexcept {
  const Index bytes = run.rows * matrix.row_stride * static_cast<Index>(sizeof(E));
  return along_rows(matrix, run.columns) && matrix.row_stride >= 0 && bytes <= kDirectBytes;
}

// Whether one block is to be applied to a small matrix whose rows and columns fill whole tiles, and
// which can therefore stay where it is.
template <class T>
ISOKERN_INLINE bool direct(const ApplyRun<T>& run) noexcept {
  return run.block_count == 1 && run.blocks->first_row == 0 && run.signs == nullptr &&
         run.rows % kTileRows == 0 && run.columns % kLanes<T> == 0 && !run.stream &&
         small_and_whole(run.out, run) && (run.x.data == nullptr || small_and_whole(run.x, run));
}

template <class T>
void apply_direct(const ApplyRun<T>& run) noexcept {
  const ReflectorBlock<T>& block = *run.blocks;
  const bool identity = run.x.data == nullptr;
  const Index products_of_strip = block.stride * run.rows * (identity ? 1 : 2);  // tile by tile
  Fetcher fetcher(run.ahead, products_of_strip / kTileRows * run.columns / kLanes<T>);
  for_strips<T>(run.columns, [&](const Strip<T>& strip, auto vectors) {
    constexpr int width = decltype(vectors)::value;
    const Panel<T> products{run.scratch, width * kLanes<T>};
    const Panel<T> scaled{products.row(block.stride), products.stride};
    const Panel<T> out{run.out.data + strip.first, run.out.row_stride};
    const auto long_tile = [&](Index, Index, bool) { fetcher.done(width * run.rows); };
    const auto short_tile = [&](Index, Index, bool) { fetcher.done(width * block.stride); };
    if (identity) {
      project_identity<width, T>(run, strip, block, products);
      solve<width>(block, run.transpose, products, scaled);
      subtract_from_identity<width, T>(run, strip, block, scaled, out, short_tile);
    } else {
      const Panel<const T> x{run.x.data + strip.first, run.x.row_stride};
      project<width, T>(block, block.v, x, products, long_tile);
      solve<width>(block, run.transpose, products, scaled);
      subtract<width, T>(block, block.v, {scaled.data, scaled.stride}, x, out, short_tile);
    }
  });
}

}  // namespace

template <class T>
Failure check_columns(const PackRun<T>& run) noexcept {
  if (!packed_maxima(run)) return Failure::bad_a;
  for (Index j = 0; j < run.block.count; ++j) {
    if (run.tau == nullptr && run.sums[j] == T(0)) return Failure::bad_a;
    if (run.tau != nullptr && !(run.tau[j * run.tau_stride] * T(0) == T(0))) return Failure::bad_b;
  }
  return Failure::none;
}

template <class T>
Failure pack(const PackRun<T>& run) noexcept {
  const ReflectorBlock<T>& block = run.block;
  const Failure failure = check_columns(run);
  T* scale = run.sums;  // takes the place of the maxima
  for (Index j = 0; j < block.stride; ++j) {
    block.scale[j] = power_of_two(-scaling_exponent<T>(static_cast<double>(scale[j])));
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
      tau = static_cast<double>(run.tau[j * run.tau_stride]) / block.scale[j] / block.scale[j];
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
  const bool identity = run.x.data == nullptr;
  if (direct(run)) {
    apply_direct(run);
  } else if (!identity && run.signs == nullptr && run.block_count > 0 &&
             along_rows(run.x, run.columns) && along_rows(run.out, run.columns)) {
    apply_in_turn(run);
  } else {
    for_strips<T>(run.columns, [&](const Strip<T>& strip, auto vectors) {
      constexpr int width = decltype(vectors)::value;
      const Panel<T> x{run.scratch, width * kLanes<T>};
      if (!identity) {
        load_panel<width>(run.x, strip, run.rows, x);
        if (run.signs != nullptr && !run.transpose) multiply_rows(x, run.rows, run.signs);
      }
      apply_blocks<width>(
          run, strip, identity, x, x.row(padded<T>(run.rows)), [](Index) {}, Nothing{});
      if (run.signs != nullptr && run.transpose) multiply_rows(x, run.rows, run.signs);
      store_panel<width>(x, run.rows, strip, run.out, run.stream);
    });
  }
  if (run.stream) fence();
}

template <class T>
void compact(const ReflectorBlock<T>& block, Index begin, Index end, T* scratch, T* t) noexcept {
  for_strips<T>(end - begin, [&](const Strip<T>& strip, auto vectors) {
    constexpr int width = decltype(vectors)::value;
    const Panel<T> unscaled{scratch, width * kLanes<T>};
    const Index first = begin + strip.first;
    clear_rows(unscaled, 0, block.stride, unscaled.stride);
    for (Index c = 0; c < strip.columns; ++c) unscaled.row(first + c)[c] = T(1);
    solve<width, T>(block, false, unscaled, {t + first, block.stride});
  });
}

#define ISOKERN_INSTANTIATE(T)                                         \
  template Failure check_columns(const PackRun<T>&) noexcept;          \
  template Failure pack(const PackRun<T>&) noexcept;                   \
  template void gram(const ReflectorBlock<T>&, Index, Index) noexcept; \
  template void apply(const ApplyRun<T>&) noexcept;                    \
  template void compact(const ReflectorBlock<T>&, Index, Index, T*, T*) noexcept;
ISOKERN_INSTANTIATE(float)
ISOKERN_INSTANTIATE(double)
#undef ISOKERN_INSTANTIATE

}  // namespace ISOKERN_ISA
}  // namespace isokern
