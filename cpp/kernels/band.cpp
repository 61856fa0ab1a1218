// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Large symmetric matrices in tiles of kBlock x kBlock elements: the steps of their reduction to a
// band (Bischof, Lang and Sun, "A framework for symmetric band reduction", 2000), and functions of
// the band. cpp/src/band.cpp puts the steps together.
#include "entries.hpp"
#include "lanes.hpp"
#include "poles.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr Index kTile = kBandBlock;
constexpr int kVectors = kTile / kL;
static_assert(kTile % kTileRows == 0 && kTile % kL == 0, "tiles have no remainder");

using Block = Panel<double>;

template <Into into>
ISOKERN_INLINE void product(const double* a, bool transposed, const double* b, double* c) noexcept {
  const Left<double> left{a, transposed ? 1 : kTile, transposed ? kTile : 1};
  multiply_wide<into, double>(kTile, kTile, kTile, left, Panel<const double>{b, kTile},
                              Block{c, kTile});
}

// T of I - V T V^T, a product of reflections I - per_h v v^T, from the products of its vectors.
void compact_factor(const double* products, const double* per_h, double* t) noexcept {
  for (Index i = 0; i < kTile * kTile; ++i) t[i] = 0;
  for (Index j = 0; j < kTile; ++j) {
    t[j * kTile + j] = per_h[j];
    for (Index i = 0; i < j; ++i) {
      double sum = 0;
      for (Index l = i; l < j; ++l) sum += t[i * kTile + l] * products[l * kTile + j];
      t[i * kTile + j] = -per_h[j] * sum;
    }
  }
}

}  // namespace

void band_product(BandInto into, const double* a, bool transposed, const double* b,
                  double* c) noexcept {
  switch (into) {
    case BandInto::assign:
      return product<Into::assign>(a, transposed, b, c);
    case BandInto::add:
      return product<Into::add>(a, transposed, b, c);
    case BandInto::subtract:
      return product<Into::subtract>(a, transposed, b, c);
  }
}

void band_transpose(const double* from, double* to) noexcept {
  for (Index j = 0; j < kTile; j += kL)
    load_transposed(from + j * kTile, kTile, kTile, kTile - j, to + j, kTile);
}

// Householder's QR factorisation of (rows, kTile): one pass over the rows for each reflection
// updates them and sums what the next one needs. The vectors are left as they are, without a unit
// in front. Columns so small that their squares vanish are as good as zero.
void band_panel(double* a, Index rows, double* r, double* t, double* scratch) noexcept {
  using V = Lane;
  double* const per_h = scratch + kTile * kTile;
  double *const weight = per_h + kTile, *const inner = weight + kTile;
  const auto row = [&](Index i) { return a + i * kTile; };
  for (Index c = 0; c < kTile; ++c) inner[c] = 0;
  for (Index i = 1; i < rows; ++i) {
    for (Index c = 0; c < kTile; ++c) inner[c] += row(i)[0] * row(i)[c];
  }
  for (Index j = 0; j < kTile; ++j) {
    double* own = row(j);
    const double tail = inner[j], head = own[j];
    for (Index c = 0; c < kTile; ++c) weight[c] = 0;
    per_h[j] = 0;
    double length = head;
    if (tail > 1e-280) {
      const double size = __builtin_sqrt(tail + head * head);
      length = head < 0 ? size : -size;
      const double front = head - length;
      per_h[j] = 1 / (size * (size + __builtin_fabs(head)));
      for (Index c = j + 1; c < kTile; ++c) {
        weight[c] = (front * own[c] + inner[c]) * per_h[j];
        own[c] -= front * weight[c];
      }
      own[j] = front;
    }
    for (Index c = 0; c < kTile; ++c) r[j * kTile + c] = c < j ? 0 : (c == j ? length : own[c]);
    for (Index c = j + 1; c < kTile; ++c) own[c] = 0;  // what V has above its diagonal
    if (j + 1 == kTile) break;
    double* next = row(j + 1);
    for (Index c = j + 1; c < kTile; ++c) next[c] -= next[j] * weight[c];
    const int first = static_cast<int>((j + 1) / kL);
    V weights[kVectors], sums[kVectors] = {};
    for (int v = 0; v < kVectors; ++v) weights[v] = load<V>(weight + v * kL);
    for (Index i = j + 2; i < rows; ++i) {
      double* at = row(i);
      const V factor = splat(at[j]);
      V values[kVectors];
#pragma GCC unroll 24
      for (int v = 0; v < kVectors; ++v) {
        if (v < first) continue;
        values[v] = load<V>(at + v * kL) - factor * weights[v];
        store(at + v * kL, values[v]);
      }
      const V pivot = splat(at[j + 1]);
#pragma GCC unroll 24
      for (int v = 0; v < kVectors; ++v) {
        if (v >= first) sums[v] += pivot * values[v];
      }
    }
    for (int v = 0; v < kVectors; ++v) store(inner + v * kL, sums[v]);
  }
  for (Index i = 0; i < rows; i += kTile) {
    if (i == 0) {
      product<Into::assign>(a, true, a, scratch);
    } else {
      product<Into::add>(row(i), true, row(i), scratch);
    }
  }
  compact_factor(scratch, per_h, t);
}

// What is summed for each lane: tr A (A + s)^-1 = sum of tr C^-1 U over the blocks, C the pivots of
// A + s and U = C - s C', C' = dC/ds; in the lane without a shift tr A^-1 = sum of tr C^-1 C'. With
// C = L L^T, G = L^-1 E^T, K = L^-1 U L^-T the next ones are
//   C = D + s - G^T G, U = D - 2 G^T G + G^T K G or C' = I + G^T K G.
// As many shifts at once as a vector has lanes: the poles of the square root, then none. Returns
// whether all pivots were positive definite.
bool band_traces(BandTraces& run) noexcept {
  constexpr Index d = kTile, size = d * d;
  Lane* const c = reinterpret_cast<Lane*>(run.scratch);
  Lane *const g = c + size, *const k = g + size, *const y = k + size, *const inverse = y + size;
  Lane shift{}, shifted{};
  for (int lane = 0; lane < kL; ++lane) {
    const Index pole = run.group * kL + lane;
    if (pole >= kPoles) break;
    shift[lane] = kRootPoles[pole].s * run.largest;
    shifted[lane] = 1;
  }
  const Lane two = 2 * shifted, plain = 1 - shifted;
  Lane total{};
  for (Index block = 0; block < run.blocks; ++block) {
    const double* own = run.diagonal + block * size;
    for (Index i = 0; i < d; ++i) {
      for (Index j = 0; j < d; ++j) {
        const Index at = i * d + j;
        const Lane value = splat(own[at]);
        const Lane square = block > 0 && j <= i ? c[at] : Lane{};  // G^T G
        Lane u = shifted * value;
        if (i == j) u += plain;
        if (block > 0 && j <= i) u += y[at] - two * square;
        c[at] = i == j ? value + shift - square : value - square;
        k[at] = u;
      }
    }
    if (block > 0) mirror_lower(k, d);
    if (any(cholesky_lanes<false>(c, d, inverse))) return false;
    solve_lanes<Fill::full>(c, inverse, d, k, d);
    transpose_in_place(k, d);
    solve_lanes<Fill::full>(c, inverse, d, k, d);
    for (Index i = 0; i < d; ++i) total += k[i * d + i];
    if (block + 1 == run.blocks) break;
    const double* below = run.below + block * size;
    for (Index i = 0; i < d; ++i) {
      for (Index j = 0; j < d; ++j) g[i * d + j] = splat(j <= i ? below[j * d + i] : 0);
    }
    solve_lanes<Fill::lower>(c, inverse, d, g, d);
    product_lanes<Fill::full>({k, d, 1}, {g, 1, d}, d, c, [](Index, Index j) { return j; });
    product_lanes<Fill::lower>({g, 1, d}, {c, 1, d}, d, y, [](Index i, Index) { return i; });
    product_lanes<Fill::lower>({g, 1, d}, {g, 1, d}, d, c,
                               [](Index i, Index j) { return i > j ? i : j; });
  }
  run.roots = run.inverse = 0;
  for (int lane = 0; lane < kL; ++lane) {
    const Index pole = run.group * kL + lane;
    if (pole < kPoles) run.roots += kRootPoles[pole].c * total[lane];
    if (pole == kPoles) run.inverse = total[lane];
  }
  return true;
}

}  // namespace ISOKERN_ISA
}  // namespace isokern
