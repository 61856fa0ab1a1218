// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Dense maps: products with panels of the map that were made a moment ago. Sums of kTerms terms
// each are added to the output one after another, so that a cut of the inputs at a multiple of
// kTerms changes no bit.
#include "entries.hpp"
#include "panels.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr Index kTerms = 128;

// Groups of kTileRows rows, transposed, so that a step of the product reads neighbours, and a tile
// nothing but what it needs.
template <class T>
ISOKERN_INLINE void pack_rows(const PanelProductRun<T>& run, T* x) noexcept {
  constexpr int lanes = kLanes<T>, together = lanes < kTileRows ? lanes : kTileRows;
  using V = Vector<T, lanes>;
  const auto place = [&](Index row, Index l) {
    return x + row / kTileRows * kTileRows * run.depth + l * kTileRows + row % kTileRows;
  };
  for (Index row = 0; row < round_up(run.rows, kUnit<T>); row += lanes) {
    const T* const from = run.x + row * run.x_stride;
    const Index left = run.rows - row;
    Index i = 0;
    for (; i + lanes <= run.depth; i += lanes) {
      V block[lanes];
#pragma GCC unroll 16
      for (int r = 0; r < lanes; ++r)
        block[r] = r < left ? load<V>(from + r * run.x_stride + i) : V{};
      transpose<lanes>(block);
#pragma GCC unroll 16
      for (int l = 0; l < lanes; ++l) {
        T numbers[lanes];
        store(numbers, block[l]);
#pragma GCC unroll 4
        for (int part = 0; part < lanes; part += together)
          __builtin_memcpy(place(row + part, i + l), numbers + part, together * sizeof(T));
      }
    }
    for (; i < run.depth; ++i) {
      for (Index r = 0; r < lanes; ++r)
        *place(row + r, i) = r < left ? from[r * run.x_stride + i] : T(0);
    }
  }
}

}  // namespace

template <class T>
void panel_product(const PanelProductRun<T>& run) noexcept {
  constexpr Index width = kTileVectors * kLanes<T>;
  const Index padded = round_up(run.rows, kUnit<T>);
  T* const x = run.scratch;
  T* const c = x + padded * run.depth;
  pack_rows(run, x);
  const T* panel = run.panels;
  for (Index column = 0; column < run.columns; column += width, panel += run.depth * width) {
    const Index n = run.columns - column < width ? run.columns - column : width;
    // Tiles that lie in the output whole begin and end there, the others in scratch.
    const Index whole = n == width ? run.rows / kTileRows * kTileRows : 0;
    for (Index row = whole; row < padded; ++row) {
      const T* from = run.out + row * run.out_stride + column;
      const Index known = run.add && row < run.rows ? n : 0;
      for (Index i = 0; i < known; ++i) c[row * width + i] = from[i];
      for (Index i = known; i < width; ++i) c[row * width + i] = T(0);
    }
    for (Index l = 0; l < run.depth; l += kTerms) {
      const Index terms = run.depth - l < kTerms ? run.depth - l : kTerms;
      for (Index row = 0; row < padded; row += kTileRows) {
        const T* const left = x + row * run.depth + l * kTileRows;
        T* const sums = c + row * width;
        T* const out = run.out + row * run.out_stride + column;
        const bool first = row < whole && l == 0, last = row < whole && l + terms == run.depth;
        const T* const from = first ? out : sums;
        const Index from_stride = first ? run.out_stride : width;
        T* const to = last ? out : sums;
        const Index to_stride = last ? run.out_stride : width;
        const T* const right = panel + l * width;
        if (first && !run.add) {
          tile<T, kTileVectors, Into::assign>(left, 1, kTileRows, right, width, terms, from,
                                              from_stride, to, to_stride);
        } else {
          tile<T, kTileVectors, Into::add>(left, 1, kTileRows, right, width, terms, from,
                                           from_stride, to, to_stride);
        }
      }
    }
    for (Index row = whole; row < run.rows; ++row) {
      T* to = run.out + row * run.out_stride + column;
      for (Index i = 0; i < n; ++i) to[i] = c[row * width + i];
    }
  }
}

template <class T>
void add_multiple(T a, const T* x, Index n, T* y) noexcept {
  for (Index i = 0; i < n; ++i) y[i] += a * x[i];
}

template void panel_product(const PanelProductRun<float>&) noexcept;
template void panel_product(const PanelProductRun<double>&) noexcept;
template void add_multiple(float, const float*, Index, float*) noexcept;
template void add_multiple(double, const double*, Index, double*) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
