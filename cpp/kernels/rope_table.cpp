// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The table of cosines and sines: double throughout, rounded once at the store. A row depends on
// the token's position and the plan alone, so that offsets, explicit positions and any split of the
// tokens give the same bits.
#include "entries.hpp"
#include "sincos.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr int kWidth = kLanes<double>;
using Doubles = Vector<double, kWidth>;

template <class C>
void row(const double* position, const RopeTableRun<C>& run, C* out) noexcept {
  C* cosines = out;
  C* sines = out + run.pairs;
  for (Index pair = 0; pair < run.pairs; pair += kWidth) {
    const int lanes = run.pairs - pair < kWidth ? static_cast<int>(run.pairs - pair) : kWidth;
    double p[kWidth] = {}, q[kWidth] = {};
    bool large = false;
    for (int lane = 0; lane < lanes; ++lane) {
      p[lane] =
          run.axis == nullptr ? position[0] : position[run.axis[pair + lane] * run.axis_stride];
      q[lane] = run.inv_freq[pair + lane];
      large |= !(__builtin_fabs(p[lane] * q[lane]) < kLargestAngle);
    }
    Doubles sine, cosine;
    sincos<kWidth>(reduce<kWidth>(load<Doubles>(p), load<Doubles>(q)), sine, cosine);
    double s[kWidth], c[kWidth];
    store(s, sine);
    store(c, cosine);
    if (__builtin_expect(large, 0)) {
      for (int lane = 0; lane < lanes; ++lane) {
        if (!(__builtin_fabs(p[lane] * q[lane]) < kLargestAngle)) {
          sincos<1>(reduce_large(p[lane], q[lane]), s[lane], c[lane]);
        }
      }
    }
    for (int lane = 0; lane < lanes; ++lane) {
      cosines[pair + lane] = static_cast<C>(run.cos_scale * c[lane]);
      sines[pair + lane] = static_cast<C>(run.sin_scale * s[lane]);
    }
  }
}

}  // namespace

template <class C>
void rope_table(const RopeTableRun<C>& run) noexcept {
  C* out = run.table;
  for (Index token = 0; token < run.count; ++token, out += 2 * run.pairs) {
    if (run.positions == nullptr) {
      const double position = run.start + static_cast<double>(token);
      row(&position, run, out);
    } else {
      row(run.positions + token * run.token_stride, run, out);
    }
  }
}

template void rope_table(const RopeTableRun<float>&) noexcept;
template void rope_table(const RopeTableRun<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
