// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Small dense linear algebra on as many matrices at once as a vector has lanes: element (i, j) of
// all of them is one vector, so that no operation crosses lanes and a lane's numbers do not depend
// on its neighbours. Work is cut into tiles of kTileI x kTileJ elements that stay in registers
// while the inner dimension runs; the kTileI rows stay in the first cache, for d up to about 64,
// while all tiles of the other operand stream by. Factorisations are left-looking: an element is
// written once.
#pragma once

#include "panels.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr int kL = kLanes<double>;
using Lane = Vector<double, kL>;
using Mask = Vector<std::int64_t, kL>;  // -1: yes, 0: no

constexpr int kTileI = 6;
constexpr int kTileJ = kVectorBytes == 64 ? 4 : 2;  // what the registers of the set hold

ISOKERN_INLINE Lane splat(double value) noexcept {
  return broadcast<double, kL>(value);
}

ISOKERN_INLINE Lane select(const Mask& mask, const Lane& yes, const Lane& no) noexcept {
  const Mask a = bit_cast<Mask>(yes), b = bit_cast<Mask>(no);
  return bit_cast<Lane>((a & mask) | (b & ~mask));
}

ISOKERN_INLINE bool any(const Mask& mask) noexcept {
  std::int64_t bits = 0;
  for (int lane = 0; lane < kL; ++lane) bits |= mask[lane];
  return bits != 0;
}

ISOKERN_INLINE Lane absolute(const Lane& x) noexcept {
  return bit_cast<Lane>(bit_cast<Mask>(x) & (Mask{} + INT64_MAX));
}

ISOKERN_INLINE Lane larger(const Lane& x, const Lane& y) noexcept {
  return select(x > y, x, y);
}

ISOKERN_INLINE Lane root(const Lane& x) noexcept {
  Lane y;
  for (int lane = 0; lane < kL; ++lane) y[lane] = __builtin_sqrt(x[lane]);
  return y;
}

ISOKERN_INLINE Lane logarithm(const Lane& x) noexcept {
  Lane y;
  for (int lane = 0; lane < kL; ++lane) y[lane] = __builtin_log(x[lane]);
  return y;
}

// A product of many positive numbers, as a fraction in [1, 2) and an exponent: one logarithm in the
// end, and no overflow.
struct Product {
  Lane fraction = splat(1), exponent = {};

  ISOKERN_INLINE void times(const Lane& x) noexcept {
    const Lane all = fraction * x;
    const Mask bits = bit_cast<Mask>(all);
    const Mask power = ((bits >> 52) & 2047) - 1023;
    exponent += convert<double, kL>(power);
    fraction = bit_cast<Lane>((bits & ((std::int64_t{1} << 52) - 1)) | (std::int64_t{1023} << 52));
    fraction = select(power == 1024, all, fraction);  // NaN and infinity stay
    fraction = select(all > 0, fraction, all);        // and so do zero and negative numbers
  }
  ISOKERN_INLINE Lane log() const noexcept {
    return logarithm(fraction) + exponent * 0x1.62e42fefa39efp-1;
  }
};

// Element (r, l) of a tile's operand is data[r * across + l * along].
struct Operand {
  const Lane* data;
  Index across, along;
};

// total[r][c] = sum over l < depth of a(r, l) b(c, l).
template <int R, int C>
ISOKERN_INLINE void tile_sums(const Operand& a, const Operand& b, Index depth,
                              Lane (&total)[R][C]) noexcept {
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) total[r][c] = Lane{};
  }
  const Lane *left = a.data, *right = b.data;
  for (Index l = 0; l < depth; ++l) {
    Lane values[C];
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) values[c] = right[c * b.across];
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      const Lane factor = left[r * a.across];
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) total[r][c] += factor * values[c];
    }
    left += a.along;
    right += b.along;
  }
}

// The same to sums[r * kTileJ + c].
template <int R, int C>
__attribute__((noinline)) void tile_products(const Operand& a, const Operand& b, Index depth,
                                             Lane* sums) noexcept {
  Lane total[R][C];
  tile_sums(a, b, depth, total);
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) sums[r * kTileJ + c] = total[r][c];
  }
}

template <int R>
ISOKERN_INLINE void tile_columns(int columns, const Operand& a, const Operand& b, Index depth,
                                 Lane* sums) noexcept {
  if (columns == kTileJ) return tile_products<R, kTileJ>(a, b, depth, sums);
  if constexpr (kTileJ == 4) {
    if (columns == 3) return tile_products<R, 3>(a, b, depth, sums);
    if (columns == 2) return tile_products<R, 2>(a, b, depth, sums);
  }
  tile_products<R, 1>(a, b, depth, sums);
}

ISOKERN_INLINE void products(int rows, int columns, const Operand& a, const Operand& b, Index depth,
                             Lane* sums) noexcept {
  switch (rows) {
    case 6:
      return tile_columns<6>(columns, a, b, depth, sums);
    case 5:
      return tile_columns<5>(columns, a, b, depth, sums);
    case 4:
      return tile_columns<4>(columns, a, b, depth, sums);
    case 3:
      return tile_columns<3>(columns, a, b, depth, sums);
    case 2:
      return tile_columns<2>(columns, a, b, depth, sums);
    default:
      return tile_columns<1>(columns, a, b, depth, sums);
  }
}

struct Idle {
  ISOKERN_INLINE void operator()(Index) const noexcept {}
};

// What a factorisation or solve says to its `meanwhile`, all in all: the depth of its tiles.
ISOKERN_INLINE Index tile_work(Index d) noexcept {
  return d * d * d / (6 * kTileI * kTileJ);
}

ISOKERN_INLINE int clip(Index left, int size) noexcept {
  return left < size ? static_cast<int>(left) : size;
}

// The first kL matrices at items[...], interleaved: to[i * columns + j].
ISOKERN_INLINE void interleave(const double* const* items, Index row_stride, Index rows,
                               Index columns, Lane* to) noexcept {
  for (Index i = 0; i < rows; ++i) {
    Index j = 0;
    for (; j + kL <= columns; j += kL) {
      Lane block[kL];
#pragma GCC unroll 8
      for (int lane = 0; lane < kL; ++lane)
        block[lane] = load<Lane>(items[lane] + i * row_stride + j);
      transpose<kL>(block);
#pragma GCC unroll 8
      for (int l = 0; l < kL; ++l) to[i * columns + j + l] = block[l];
    }
    for (; j < columns; ++j) {
      for (int lane = 0; lane < kL; ++lane)
        to[i * columns + j][lane] = items[lane][i * row_stride + j];
    }
  }
}

// Back again, the first `count` of them.
ISOKERN_INLINE void separate(const Lane* from, Index rows, Index columns, int count,
                             double* const* items, Index row_stride) noexcept {
  for (Index i = 0; i < rows; ++i) {
    Index j = 0;
    for (; j + kL <= columns; j += kL) {
      Lane block[kL];
#pragma GCC unroll 8
      for (int l = 0; l < kL; ++l) block[l] = from[i * columns + j + l];
      transpose<kL>(block);
      for (int lane = 0; lane < count; ++lane) store(items[lane] + i * row_stride + j, block[lane]);
    }
    for (; j < columns; ++j) {
      for (int lane = 0; lane < count; ++lane)
        items[lane][i * row_stride + j] = from[i * columns + j][lane];
    }
  }
}

// The lower triangles of the first kL matrices at items[...], interleaved: to[i * d + j], j <= i.
// Returns the lanes whose matrices differ from their transposes by more than `tolerance` times
// their diagonal. What is not finite above the diagonal becomes NaN below it, where factorisations
// see it. diagonal: d, written.
ISOKERN_INLINE Mask interleave_symmetric(const double* const* items, Index row_stride, Index d,
                                         double tolerance, Lane* to, Lane* diagonal) noexcept {
  for (Index i = 0; i < d; ++i) {
    Lane own;
    for (int lane = 0; lane < kL; ++lane) own[lane] = items[lane][i * (row_stride + 1)];
    to[i * (d + 1)] = own;
    diagonal[i] = absolute(own);
  }
  Mask bad{};
  const auto check = [&](Index i, Index j, const Lane& below, const Lane& above) {
    bad |= absolute(below - above) > tolerance * (diagonal[i] + diagonal[j]);
    to[i * d + j] = below + above * 0;
  };
  // Blocks of whole lines of the cache: the rows of a column lie in few of its sets, and nothing
  // stays there for a second visit.
  constexpr int block = 8;
  const auto line = [&](Index row, Index column, Lane* values) {
#pragma GCC unroll 8
    for (int part = 0; part < block; part += kL) {
      Lane rows[kL];
#pragma GCC unroll 8
      for (int lane = 0; lane < kL; ++lane)
        rows[lane] = load<Lane>(items[lane] + row * row_stride + column + part);
      transpose<kL>(rows);
#pragma GCC unroll 8
      for (int l = 0; l < kL; ++l) values[part + l] = rows[l];
    }
  };
  Index whole = 0;  // rows of whole blocks
  for (; whole + block <= d; whole += block) {
    for (Index column = 0; column <= whole; column += block) {
      Lane above[block][block], below[block];
      for (int r = 0; r < block; ++r) line(column + r, whole, above[r]);
      for (int r = 0; r < block; ++r) {
        line(whole + r, column, below);
        const int end = column < whole ? block : r;
        for (int c = 0; c < end; ++c) check(whole + r, column + c, below[c], above[c][r]);
      }
    }
  }
  for (Index i = whole; i < d; ++i) {
    for (Index j = 0; j < i; ++j) {
      Lane below, above;
      for (int lane = 0; lane < kL; ++lane) {
        below[lane] = items[lane][i * row_stride + j];
        above[lane] = items[lane][j * row_stride + i];
      }
      check(i, j, below, above);
    }
  }
  return bad;
}

// A whole tile of the factor left of its diagonal, rows from i and columns from j.
ISOKERN_INLINE void cholesky_tile(Lane* a, Index d, const Lane* inverse, Index i,
                                  Index j) noexcept {
  Lane sums[kTileI][kTileJ];
  tile_sums({a + i * d, d, 1}, {a + j * d, d, 1}, j, sums);
  const Lane* triangle = a + j * (d + 1);
#pragma GCC unroll 6
  for (int r = 0; r < kTileI; ++r) {
    Lane* row = a + (i + r) * d + j;
#pragma GCC unroll 4
    for (int c = 0; c < kTileJ; ++c) {
      Lane value = row[c] - sums[r][c];
#pragma GCC unroll 4
      for (int l = 0; l < c; ++l) value -= sums[r][l] * triangle[c * d + l];
      sums[r][c] = value * inverse[j + c];
      row[c] = sums[r][c];
    }
  }
}

// The lower factor of a, or, with less_identity, E with (I + E)(I + E)^T = I + a: however small a
// is, E has its relative accuracy. In place, below and on the diagonal; inverse: 1 / L_ii, or
// 1 / (1 + E_ii). Returns the lanes that are not positive definite.
//
// meanwhile(work) follows every tile; all in all the work of a call is about tile_work(d).
template <bool less_identity, class Meanwhile = Idle>
Mask cholesky_lanes(Lane* a, Index d, Lane* inverse, Meanwhile&& meanwhile = {}) noexcept {
  Mask bad{};
  for (Index i = 0; i < d; i += kTileI) {
    const int rows = clip(d - i, kTileI);
    for (Index j = 0; j < i + rows; j += kTileJ) {
      const int columns = clip(i + rows - j, kTileJ);
      if (rows == kTileI && j + kTileJ <= i) {
        cholesky_tile(a, d, inverse, i, j);
        meanwhile(j);
        continue;
      }
      Lane sums[kTileI * kTileJ];
      products(rows, columns, {a + i * d, d, 1}, {a + j * d, d, 1}, j, sums);
      for (int r = 0; r < rows; ++r) {
        Lane* row = a + (i + r) * d + j;
        for (int c = 0; c < columns && j + c <= i + r; ++c) {
          Lane value = row[c] - sums[r * kTileJ + c];
          for (int l = 0; l < c; ++l) value -= row[l] * a[(j + c) * d + j + l];
          if (j + c < i + r) {
            row[c] = value * inverse[j + c];
          } else {
            const Lane pivot = less_identity ? value + 1 : value;
            bad |= ~(pivot > 0) | (pivot > 0x1p1022);
            const Lane length = root(pivot);
            row[c] = less_identity ? value / (1 + length) : length;
            inverse[j + c] = 1 / length;
          }
        }
      }
    }
  }
  return bad;
}

enum class Fill { full, lower };

// b becomes L^-1 b; b is (d, columns), or lower triangular with zeros above its diagonal.
template <Fill fill>
void solve_lanes(const Lane* l, const Lane* inverse, Index d, Lane* b, Index columns) noexcept {
  for (Index i = 0; i < d; i += kTileI) {
    const int rows = clip(d - i, kTileI);
    const Index end = fill == Fill::lower && i + rows < columns ? i + rows : columns;
    for (Index j = 0; j < end; j += kTileJ) {
      const int width = clip(end - j, kTileJ);
      const Index first = fill == Fill::lower ? (j < i ? j : i) : 0;
      Lane sums[kTileI * kTileJ];
      products(rows, width, {l + i * d + first, d, 1}, {b + first * columns + j, 1, columns},
               i - first, sums);
      for (int r = 0; r < rows; ++r) {
        Lane* row = b + (i + r) * columns + j;
        for (int c = 0; c < width; ++c) {
          Lane value = row[c] - sums[r * kTileJ + c];
          for (int k = 0; k < r; ++k)
            value -= l[(i + r) * d + i + k] * b[(i + k) * columns + j + c];
          row[c] = value * inverse[i + r];
        }
      }
    }
  }
}

// A whole tile of X below its diagonal, rows from i and columns from j (see solve_transposed);
// returns the sum of its squares.
template <class Right>
ISOKERN_INLINE Lane solution_tile(const Lane* l, const Lane* inverse, Index d, Right&& b, Lane* x,
                                  Index i, Index j) noexcept {
  Lane sums[kTileI][kTileJ];
  tile_sums({l + i * d + j, d, 1}, {x + j * d + j, d, 1}, i - j, sums);
  const Lane* triangle = l + i * (d + 1);
  Lane squares[kTileJ] = {};
#pragma GCC unroll 6
  for (int r = 0; r < kTileI; ++r) {
#pragma GCC unroll 4
    for (int c = 0; c < kTileJ; ++c) {
      Lane value = b(i + r, j + c) - sums[r][c];
#pragma GCC unroll 6
      for (int k = 0; k < r; ++k) value -= triangle[r * d + k] * sums[k][c];
      sums[r][c] = value * inverse[i + r];
      x[(j + c) * d + i + r] = sums[r][c];
      squares[c] += sums[r][c] * sums[r][c];
    }
  }
  Lane total = squares[0];
#pragma GCC unroll 4
  for (int c = 1; c < kTileJ; ++c) total += squares[c];
  return total;
}

// X = L^-1 B for a lower triangular B of elements b(i, j), j <= i. Element (i, j) of X goes to
// x[j * d + i]: what is summed over lies side by side. Returns the sum of the squares below the
// diagonal.
template <class Right, class Meanwhile = Idle>
ISOKERN_INLINE Lane solve_transposed(const Lane* l, const Lane* inverse, Index d, Right&& b,
                                     Lane* x, Meanwhile&& meanwhile = {}) noexcept {
  Lane squares{};
  for (Index j = 0; j < d; ++j) {
    for (Index i = j / kTileJ * kTileJ; i < j; ++i) x[j * d + i] = Lane{};
  }
  for (Index i = 0; i < d; i += kTileI) {
    const int rows = clip(d - i, kTileI);
    for (Index j = 0; j < i + rows; j += kTileJ) {
      if (rows == kTileI && j + kTileJ <= i) {
        squares += solution_tile(l, inverse, d, b, x, i, j);
        meanwhile(i - j);
        continue;
      }
      const int columns = clip(i + rows - j, kTileJ);
      const Index first = j < i ? j : i;
      Lane sums[kTileI * kTileJ];
      products(rows, columns, {l + i * d + first, d, 1}, {x + j * d + first, d, 1}, i - first,
               sums);
      for (int c = 0; c < columns; ++c) {
        Lane* column = x + (j + c) * d + i;
        const int top = j + c > i ? static_cast<int>(j + c - i) : 0;
        for (int r = top; r < rows; ++r) {
          Lane value = b(i + r, j + c) - sums[r * kTileJ + c];
          for (int k = top; k < r; ++k) value -= l[(i + r) * d + i + k] * column[k];
          column[r] = value * inverse[i + r];
          if (j + c < i + r) squares += column[r] * column[r];
        }
      }
    }
  }
  return squares;
}

ISOKERN_INLINE void clear_upper(Lane* a, Index d) noexcept {
  for (Index i = 0; i < d; ++i) {
    for (Index j = i + 1; j < d; ++j) a[i * d + j] = Lane{};
  }
}

// The upper triangle becomes the transpose of the lower one.
ISOKERN_INLINE void mirror_lower(Lane* a, Index d) noexcept {
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j < i; ++j) a[j * d + i] = a[i * d + j];
  }
}

ISOKERN_INLINE void transpose_in_place(Lane* a, Index d) noexcept {
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j < i; ++j) {
      const Lane kept = a[i * d + j];
      a[i * d + j] = a[j * d + i];
      a[j * d + i] = kept;
    }
  }
}

// out(i, j) = sum over l of a(i, l) b(j, l), for l from start(i, j), the first of their tile.
template <Fill fill, class Start>
void product_lanes(const Operand& a, const Operand& b, Index d, Lane* out, Start&& start) noexcept {
  for (Index i = 0; i < d; i += kTileI) {
    const int rows = clip(d - i, kTileI);
    const Index end = fill == Fill::lower ? i + rows : d;
    for (Index j = 0; j < end; j += kTileJ) {
      const int columns = clip(d - j, kTileJ);
      const Index first = start(i, j);
      Lane sums[kTileI * kTileJ];
      products(rows, columns, {a.data + i * a.across + first * a.along, a.across, a.along},
               {b.data + j * b.across + first * b.along, b.across, b.along}, d - first, sums);
      for (int r = 0; r < rows; ++r) {
        for (int c = 0; c < columns; ++c) out[(i + r) * d + j + c] = sums[r * kTileJ + c];
      }
    }
  }
}

// |L^-1 x|^2; x becomes L^-1 x.
ISOKERN_INLINE Lane solve_vector(const Lane* l, const Lane* inverse, Index d, Lane* x) noexcept {
  Lane square{};
  for (Index i = 0; i < d; ++i) {
    Lane even = x[i], odd{};
    Index k = 0;
    for (; k + 2 <= i; k += 2) {
      even -= l[i * d + k] * x[k];
      odd -= l[i * d + k + 1] * x[k + 1];
    }
    if (k < i) even -= l[i * d + k] * x[k];
    x[i] = (even + odd) * inverse[i];
    square += x[i] * x[i];
  }
  return square;
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
