// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Triangular solves and Cholesky factorisation of one matrix, in strips of columns.
//
// The lower factor L is packed in groups of kTileRows rows, each group column by column, so that a
// product streams it; the strip of right-hand sides (a panel of up to kTileVectors vectors) stays
// in the second cache. Row after row group: subtract the product with what is solved already, then
// solve a triangle of kTileRows rows. Padding has ones on the diagonal.
//
// A strip of the Cholesky factor U = L^T is such a solve with the columns of A as right-hand sides,
// down to the diagonal, where a small triangle is factored.
#include "entries.hpp"
#include "panels.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr Index kRows = kTileRows;

// Where group g of a packed factor begins: its rows have kRows (g + 1) elements.
ISOKERN_INLINE constexpr Index group_offset(Index g) noexcept {
  return kRows * kRows * (g * (g + 1) / 2);
}

template <int Vectors>
void solve_groups(const double* packed, Index from, Index to, Index first,
                  Panel<double> strip) noexcept {
  constexpr int lanes = kLanes<double>;
  using V = Vector<double, lanes>;
  for (Index g = from; g < to; ++g) {
    const double* rows = packed + group_offset(g) + kRows * first;
    const Index depth = kRows * g - first;
    double* at = strip.row(kRows * g);
    multiply<Into::subtract, Vectors, double>(kRows, depth, {rows, 1, kRows},
                                              Panel<const double>{strip.row(first), strip.stride},
                                              Panel<double>{at, strip.stride});
    const double* corner = rows + kRows * depth;  // element (row, column) at column kRows + row
    for (int r = 0; r < kRows; ++r) {
      V values[Vectors];
      for (int v = 0; v < Vectors; ++v) values[v] = load<V>(at + r * strip.stride + v * lanes);
      for (int l = 0; l < r; ++l) {
        const V factor = broadcast<double, lanes>(corner[l * kRows + r]);
        for (int v = 0; v < Vectors; ++v)
          values[v] -= factor * load<V>(at + l * strip.stride + v * lanes);
      }
      const V inverse = broadcast<double, lanes>(1 / corner[r * kRows + r]);
      for (int v = 0; v < Vectors; ++v)
        store(at + r * strip.stride + v * lanes, values[v] * inverse);
    }
  }
}

}  // namespace

Index packed_size(Index n) noexcept {
  return group_offset((n + kRows - 1) / kRows);
}

void pack_lower(const double* l, Index row_stride, Index n, double* packed) noexcept {
  const Index groups = (n + kRows - 1) / kRows;
  for (Index g = 0; g < groups; ++g) {
    double* to = packed + group_offset(g);
    for (Index k = 0; k < kRows * (g + 1); ++k) {
      for (Index r = 0; r < kRows; ++r) {
        const Index row = kRows * g + r;
        to[k * kRows + r] = row < n ? (k <= row ? l[row * row_stride + k] : 0) : (k == row ? 1 : 0);
      }
    }
  }
}

void unpack_lower(const double* packed, Index n, double* l, Index row_stride) noexcept {
  for (Index row = 0; row < n; ++row) {
    const double* from = packed + group_offset(row / kRows) + row % kRows;
    for (Index k = 0; k <= row; ++k) l[row * row_stride + k] = from[k * kRows];
    for (Index k = row + 1; k < n; ++k) l[row * row_stride + k] = 0;
  }
}

void solve_strip(const SolveRun& run) noexcept {
  const Index first = run.first / kRows * kRows;
  with_vectors((run.columns + kLanes<double> - 1) / kLanes<double>, [&](auto vectors) {
    constexpr int width = decltype(vectors)::value;
    const Panel<double> strip{run.strip, width * kLanes<double>};
    const Strip<double> whole{0, run.columns, width};
    if (run.b.data != nullptr) load_panel<width>(run.b, whole, run.n, strip);
    solve_groups<width>(run.packed,
                        run.from / kRows > first / kRows ? run.from / kRows : first / kRows,
                        (run.to + kRows - 1) / kRows, first, strip);
    if (run.out.data != nullptr) store_panel<width>(strip, run.n, whole, run.out, false);
  });
}

// The strip holds the columns of A, solved for the rows above `row`. Packs these rows of L and the
// triangle below; false where it is not positive definite.
bool factor_strip(double* strip_data, Index row, Index columns, double* packed) noexcept {
  bool good = true;
  with_vectors((columns + kLanes<double> - 1) / kLanes<double>, [&](auto vectors) {
    constexpr int width = decltype(vectors)::value;
    const Panel<double> strip{strip_data, width * kLanes<double>};
    const Index padded = round_up(columns, kRows);
    double* corner = strip.row(row);
    multiply<Into::subtract, width, double>(padded, row, {strip.data, 1, strip.stride},
                                            Panel<const double>{strip.data, strip.stride},
                                            Panel<double>{corner, strip.stride});
    // U of the corner, row by row.
    for (Index i = 0; i < columns; ++i) {
      double* own = corner + i * strip.stride;
      for (Index l = 0; l < i; ++l) {
        const double* above = corner + l * strip.stride;
        const double factor = above[i];
        for (Index j = i; j < columns; ++j) own[j] -= factor * above[j];
      }
      const double pivot = own[i];
      if (!(pivot > 0) || pivot > 1e300) good = false;
      const double length = __builtin_sqrt(pivot);
      own[i] = length;
      for (Index j = i + 1; j < columns; ++j) own[j] /= length;
    }
    for (Index c = 0; c < padded; c += kRows) {
      double* to = packed + group_offset((row + c) / kRows);
      for (Index k = 0; k < row + c + kRows; ++k) {
        for (Index r = 0; r < kRows; ++r) {
          const Index j = c + r;  // a row of L, a column of the strip
          const bool inside = j < columns && k <= row + j;
          to[k * kRows + r] = inside ? strip.row(k)[j] : (k == row + j ? 1 : 0);
        }
      }
    }
  });
  return good;
}

}  // namespace ISOKERN_ISA
}  // namespace isokern
