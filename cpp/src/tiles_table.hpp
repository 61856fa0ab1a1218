// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The kernels on tiles of one large matrix (see kernels/tiles.cpp). The part of U = L^T in a tile
// begins at (row, column) and has rows x columns numbers, whole strips; beyond the matrix, of size
// n, U is the identity.
#pragma once

#include "orthogonal_table.hpp"

namespace isokern {

inline constexpr Index kTileSize = 96;

// U from the lower triangle of a matrix. Where `diagonal` has the absolute values on the matrix's
// diagonal, the answer says whether the upper triangle agrees with the lower one.
struct TileLoad {
  const double* x;
  Index stride, n;
  Index row, column, rows, columns;
  const double* diagonal;
  double tolerance;
  double* tile;
};

// L from the tile, and zeros in its place above the diagonal.
struct TileStore {
  double* out;
  Index stride, n;
  Index row, column, rows, columns;
  double* tile;
};

// At most kTileSize rows and columns of a matrix, to or from a tile.
template <class E>
struct TileColumns {
  E* x;
  Index stride, rows, columns;
  double* tile;
};

// C - left^T right for tiles of `depth` rows; `upper`: of a symmetric C, the strips above
// the diagonal; `lower_right`: right is lower triangular.
struct TileProduct {
  const double *left, *right;
  Index depth, rows, columns;
  bool upper, lower_right;
  double* c;
  const double *next_left, *next_right;  // tiles that are fetched meanwhile
};

struct TileKernels {
  Index width, unit;  // of a strip, and of the rows that are solved for
  bool (*load)(const TileLoad&) noexcept;
  void (*store)(const TileStore&) noexcept;
  void (*take_columns)(const TileColumns<const double>&) noexcept;
  void (*give_columns)(const TileColumns<double>&) noexcept;
  void (*subtract)(const TileProduct&) noexcept;
  void (*solve)(const double* corner, Index rows, Index columns, bool lower, double* c) noexcept;
  bool (*factor)(double* c, Index rows) noexcept;
  void (*turn_difference)(double* to, const double* minus, Index rows, Index columns,
                          bool diagonal) noexcept;
  double (*squares)(const double* tile, Index rows, Index columns, bool lower) noexcept;
};

}  // namespace isokern
