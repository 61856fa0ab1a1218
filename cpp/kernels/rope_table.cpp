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

// Cosines and sines of positions[axis[j]] * inv_freq[j], for any axes and angles.
void phases_of_axes(const double* positions, Index axis_stride, const std::int8_t* axis,
                    const double* inv_freq, Index pairs, double* cosines, double* sines) noexcept {
  for (Index pair = 0; pair < pairs; pair += kWidth) {
    const int lanes = pairs - pair < kWidth ? static_cast<int>(pairs - pair) : kWidth;
    double p[kWidth] = {}, q[kWidth] = {};
    for (int lane = 0; lane < lanes; ++lane) {
      p[lane] = axis == nullptr ? positions[0] : positions[axis[pair + lane] * axis_stride];
      q[lane] = inv_freq[pair + lane];
    }
    Doubles sine, cosine;
    sincos<kWidth>(reduce<kWidth>(load<Doubles>(p), load<Doubles>(q)), sine, cosine);
    double s[kWidth], c[kWidth];
    store(s, sine);
    store(c, cosine);
    for (int lane = 0; lane < lanes; ++lane) {
      if (!(__builtin_fabs(p[lane] * q[lane]) < kLargestAngle)) {
        sincos<1>(reduce_large(p[lane], q[lane]), s[lane], c[lane]);
      }
      cosines[pair + lane] = c[lane];
      sines[pair + lane] = s[lane];
    }
  }
}

// The same of one position, by whole vectors where no angle is large. largest: of the frequencies.
void phases(double position, double largest, const double* inv_freq, Index pairs, double* cosines,
            double* sines) noexcept {
  Index pair = 0;
  if (__builtin_fabs(position) * largest < kLargestAngle) {
    const Doubles p = broadcast<double, kWidth>(position);
    for (; pair + kWidth <= pairs; pair += kWidth) {
      Doubles sine, cosine;
      sincos<kWidth>(reduce<kWidth>(p, load<Doubles>(inv_freq + pair)), sine, cosine);
      store(cosines + pair, cosine);
      store(sines + pair, sine);
    }
  }
  if (pair < pairs) {
    phases_of_axes(&position, 0, nullptr, inv_freq + pair, pairs - pair, cosines + pair,
                   sines + pair);
  }
}

double largest_of(const double* inv_freq, Index pairs) noexcept {
  double largest = 0;
  for (Index pair = 0; pair < pairs; ++pair) {
    const double magnitude = __builtin_fabs(inv_freq[pair]);
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

void rope_residuals(const double* inv_freq, Index pairs, double* residuals) noexcept {
  const double largest = largest_of(inv_freq, pairs);
  for (int r = 0; r < kResiduals; ++r, residuals += 2 * pairs) {
    phases(r, largest, inv_freq, pairs, residuals, residuals + pairs);
  }
}

template <class C>
void rope_table(const RopeTableRun<C>& run) noexcept {
  C* out = run.table;
  double* const phase = run.scratch;
  const Index pairs = run.pairs;
  const double largest = largest_of(run.inv_freq, pairs);
  double kept = __builtin_nan("");  // the multiple of 64 whose phases are in scratch
  for (Index token = 0; token < run.count; ++token, out += 2 * pairs) {
    const double consecutive = run.start + static_cast<double>(token);
    const double* position =
        run.positions == nullptr ? &consecutive : run.positions + token * run.token_stride;
    const double coarse = kResiduals * __builtin_floor(*position * (1.0 / kResiduals));
    const double residual = *position - coarse;
    if (run.residuals != nullptr && residual == __builtin_floor(residual)) {
      if (coarse != kept) {
        phases(coarse, largest, run.inv_freq, pairs, phase, phase + pairs);
        kept = coarse;
      }
      write_row(run, phase, run.residuals + static_cast<Index>(residual) * 2 * pairs, out);
    } else {
      if (run.axis == nullptr) {
        phases(*position, largest, run.inv_freq, pairs, phase, phase + pairs);
      } else {
        phases_of_axes(position, run.axis_stride, run.axis, run.inv_freq, pairs, phase,
                       phase + pairs);
      }
      kept = __builtin_nan("");
      write_row(run, phase, nullptr, out);
    }
  }
}

template void rope_table(const RopeTableRun<float>&) noexcept;
template void rope_table(const RopeTableRun<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
