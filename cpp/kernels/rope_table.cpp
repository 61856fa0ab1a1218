// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The table of cosines and sines: double throughout, rounded once at the store. A row depends on
// the token's position and the plan alone, so that offsets, explicit positions and any split of the
// tokens give the same bits.
//
// For float32 tables of one axis, an integer position is written as 64 k + r: the row of 64 k is
// kept while k stays the same, that of r comes from a table of 64 residual rows, and the token
// costs one complex product a pair. Two roundings of double are far below one of float32; float64
// tables, fractions and several axes take every angle by itself.
#include "entries.hpp"
#include "sincos.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr int kWidth = kLanes<double>;
using Doubles = Vector<double, kWidth>;

// Cosines and sines of p[j] q[j]; no angle exceeds `largest`. Each pair takes the same way whatever
// its neighbours are.
void phases(const double* p, const double* q, Index pairs, double largest, double* cosines,
            double* sines) noexcept {
  Index pair = 0;
  for (; pair + kWidth <= pairs; pair += kWidth) {
    Doubles sine, cosine;
    sincos<kWidth>(reduce<kWidth>(load<Doubles>(p + pair), load<Doubles>(q + pair)), sine, cosine);
    store(cosines + pair, cosine);
    store(sines + pair, sine);
  }
  for (; pair < pairs; ++pair) sincos<1>(reduce<1>(p[pair], q[pair]), sines[pair], cosines[pair]);
  if (largest < kLargestAngle) return;
  for (pair = 0; pair < pairs; ++pair) {
    if (!(__builtin_fabs(p[pair] * q[pair]) < kLargestAngle)) {
      sincos<1>(reduce_large(p[pair], q[pair]), sines[pair], cosines[pair]);
    }
  }
}

// The same of one position.
void phases(double position, double* filled, const double* q, Index pairs, double largest_q,
            double* cosines, double* sines) noexcept {
  for (Index pair = 0; pair < pairs; ++pair) filled[pair] = position;
  phases(filled, q, pairs, __builtin_fabs(position) * largest_q, cosines, sines);
}

double largest_of(const double* values, Index n) noexcept {
  double largest = 0;
  for (Index i = 0; i < n; ++i) {
    const double magnitude = __builtin_fabs(values[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

// One row of the table from cosines and sines, times those of the residual row if there is one.
template <class C>
void write_row(const RopeTableRun<C>& run, const double* phase, const double* residual,
               C* out) noexcept {
  const Index pairs = run.pairs;
  const double *c = phase, *s = phase + pairs, *rc = residual, *rs = residual + pairs;
  const double cos_scale = run.cos_scale, sin_scale = run.sin_scale;
  if (residual == nullptr) {
    for (Index j = 0; j < pairs; ++j) {
      out[j] = static_cast<C>(cos_scale * c[j]);
      out[pairs + j] = static_cast<C>(sin_scale * s[j]);
    }
    return;
  }
  Index j = 0;
  for (; j + kWidth <= pairs; j += kWidth) {
    const Doubles cj = load<Doubles>(c + j), sj = load<Doubles>(s + j);
    const Doubles rcj = load<Doubles>(rc + j), rsj = load<Doubles>(rs + j);
    store(out + j, convert<C, kWidth>(cos_scale * (cj * rcj - sj * rsj)));
    store(out + pairs + j, convert<C, kWidth>(sin_scale * (sj * rcj + cj * rsj)));
  }
  for (; j < pairs; ++j) {
    out[j] = static_cast<C>(cos_scale * (c[j] * rc[j] - s[j] * rs[j]));
    out[pairs + j] = static_cast<C>(sin_scale * (s[j] * rc[j] + c[j] * rs[j]));
  }
}

}  // namespace

void rope_residuals(const double* inv_freq, Index pairs, double* scratch,
                    double* residuals) noexcept {
  const double largest = largest_of(inv_freq, pairs);
  for (int r = 0; r < kResiduals; ++r, residuals += 2 * pairs) {
    phases(r, scratch, inv_freq, pairs, largest, residuals, residuals + pairs);
  }
}

template <class C>
void rope_table(const RopeTableRun<C>& run) noexcept {
  C* out = run.table;
  const Index pairs = run.pairs;
  double* const phase = run.scratch;
  double* const p = phase + 2 * pairs;
  const double largest = largest_of(run.inv_freq, pairs);
  double kept = __builtin_nan("");  // the multiple of 64 whose phases are in scratch
  for (Index token = 0; token < run.count; ++token, out += 2 * pairs) {
    const double consecutive = run.start + static_cast<double>(token);
    const double* position =
        run.positions == nullptr ? &consecutive : run.positions + token * run.token_stride;
    if (run.axis != nullptr) {
      for (Index pair = 0; pair < pairs; ++pair)
        p[pair] = position[run.axis[pair] * run.axis_stride];
      phases(p, run.inv_freq, pairs, largest_of(p, pairs) * largest, phase, phase + pairs);
      write_row(run, phase, nullptr, out);
      continue;
    }
    const double coarse = kResiduals * __builtin_floor(*position * (1.0 / kResiduals));
    const double residual = *position - coarse;
    const bool split = run.residuals != nullptr && residual == __builtin_floor(residual);
    const double base = split ? coarse : *position;
    if (base != kept) {
      phases(base, p, run.inv_freq, pairs, largest, phase, phase + pairs);
      kept = base;
    }
    write_row(run, phase,
              split ? run.residuals + static_cast<Index>(residual) * 2 * pairs : nullptr, out);
  }
}

template void rope_table(const RopeTableRun<float>&) noexcept;
template void rope_table(const RopeTableRun<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
