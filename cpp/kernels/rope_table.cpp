// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The table of cosines and sines: double throughout, rounded once at the store. A row depends on
// the token's position and the plan alone, so that offsets, explicit positions and any split of the
// tokens give the same bits.
//
// For float32 tables of one axis an integer position is written as 64 k + r. The row of 64 k is
// kept while k stays the same, that of r comes from a table of 64 rows, and the token costs one
// complex product a pair. Where k is below 4096, its row is itself a product of two rows of such
// tables. Three roundings of double are far below one of float32; float64 tables, fractions, and
// angles of several terms or axes are taken one by one.
#include "entries.hpp"
#include "sincos.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr int kWidth = kLanes<double>;
using Doubles = Vector<double, kWidth>;

// The angles of one token: positions p (terms x pairs) at frequencies q.
struct Angles {
  const double* p;
  const double* q;
  Index pairs, terms, term_stride;
  bool float32;

  template <int N>
  ISOKERN_INLINE Pair<Vector<double, N>> at(Index pair) const noexcept {
    using V = Vector<double, N>;
    using Floats = Vector<float, N>;
    if (float32) {
      Floats sum{};
      for (Index term = 0; term < terms; ++term) {
        const Floats a = convert<float, N>(load<V>(p + term * pairs + pair));
        const Floats b = convert<float, N>(load<V>(q + term * term_stride + pair));
        const Floats product = rounded<N>(a, b);
        sum = term == 0 ? product : sum + product;
      }
      return {convert<double, N>(sum), V{}};
    }
    auto sum = exact_product<N>(load<V>(p + pair), load<V>(q + pair));
    for (Index term = 1; term < terms; ++term) {
      const auto next = exact_product<N>(load<V>(p + term * pairs + pair),
                                         load<V>(q + term * term_stride + pair));
      const auto high = exact_sum<V>(sum.high, next.high);
      sum = exact_sum<V>(high.high, high.low + (sum.low + next.low));
    }
    return sum;
  }

 private:
  // A product that no addition is fused with: by way of double, where it is exact.
  template <int N>
  static ISOKERN_INLINE Vector<float, N> rounded(const Vector<float, N>& a,
                                                 const Vector<float, N>& b) noexcept {
    return convert<float, N>(convert<double, N>(a) * convert<double, N>(b));
  }
};

// Cosines and sines; no angle exceeds `largest`. Each pair takes the same way whatever its
// neighbours are.
void phases(const Angles& angles, double largest, double* cosines, double* sines) noexcept {
  in_pieces<kWidth>(angles.pairs, [&](Index pair, auto width) {
    constexpr int n = decltype(width)::value;
    Vector<double, n> sine, cosine;
    sincos<n>(reduce<n>(angles.at<n>(pair)), sine, cosine);
    store(cosines + pair, cosine);
    store(sines + pair, sine);
  });
  if (largest < kLargestAngle) return;
  for (Index pair = 0; pair < angles.pairs; ++pair) {
    const auto angle = angles.at<1>(pair);
    if (!(__builtin_fabs(angle.high) < kLargestAngle))
      sincos<1>(reduce_large(angle), sines[pair], cosines[pair]);
  }
}

void fill(double* values, Index n, double value) noexcept {
  for (Index i = 0; i < n; ++i) values[i] = value;
}

double largest_of(const double* values, Index n) noexcept {
  double largest = 0;
  for (Index i = 0; i < n; ++i) {
    const double magnitude = __builtin_fabs(values[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

// One row of the table.
template <class C>
void write_row(const RopeTableRun<C>& run, const double* phase, C* out) noexcept {
  const Index pairs = run.pairs;
  const double *c = phase, *s = phase + pairs;
  for (Index j = 0; j < pairs; ++j) {
    out[j] = static_cast<C>(run.cos_scale * c[j]);
    out[pairs + j] = static_cast<C>(run.sin_scale * s[j]);
  }
}

// The row of a sum of two angles.
template <class C>
ISOKERN_INLINE void write_product(const double* one, const double* other, double cos_scale,
                                  double sin_scale, Index pairs, C* out) noexcept {
  in_pieces<kWidth>(pairs, [&](Index j, auto width) {
    constexpr int n = decltype(width)::value;
    using V = Vector<double, n>;
    const V c = load<V>(one + j), s = load<V>(one + pairs + j);
    const V rc = load<V>(other + j), rs = load<V>(other + pairs + j);
    store(out + j, convert<C, n>(cos_scale * (c * rc - s * rs)));
    store(out + pairs + j, convert<C, n>(sin_scale * (s * rc + c * rs)));
  });
}

// What one token's angles are made of, gathered in scratch.
template <class C>
class Tokens {
 public:
  explicit Tokens(const RopeTableRun<C>& run) noexcept
      : run_(run), phase_(run.scratch), p_(run.scratch + 2 * run.pairs) {}

  // Every angle by itself.
  void single(const double* position, C* out) noexcept {
    const Index pairs = run_.pairs, size = run_.terms * pairs;
    double largest = __builtin_fabs(*position);
    if (run_.axis == nullptr) {
      fill(p_, size, *position);
    } else {
      for (Index i = 0; i < size; ++i) p_[i] = position[run_.axis[i] * run_.axis_stride];
      largest = largest_of(p_, size);
    }
    phases({p_, run_.inv_freq, pairs, run_.terms, run_.term_stride, run_.float32_angles},
           largest * steepest(), phase_, phase_ + pairs);
    if (run_.log_scale != nullptr) {
      for (Index j = 0; j < pairs; ++j) {
        const double exponent = run_.log_sign * run_.log_scale[j] * (p_[j] - run_.centre);
        const double growth = __builtin_exp(exponent);
        phase_[j] *= growth;
        phase_[pairs + j] *= growth;
      }
    }
    write_row(run_, phase_, out);
  }

  // An integer position of a plan of one axis, by its digits.
  void by_digits(double position, C* out) noexcept {
    const Index pairs = run_.pairs;
    const double coarse = kLevelRows * __builtin_floor(position * (1.0 / kLevelRows));
    if (coarse != kept_) {
      row_ = coarse_row(coarse);
      kept_ = coarse;
    }
    const double* fine = run_.levels + static_cast<Index>(position - coarse) * 2 * pairs;
    write_product(row_, fine, run_.cos_scale, run_.sin_scale, pairs, out);
  }

 private:
  // The largest frequency, times the number of terms; few tokens ask for it.
  double steepest() noexcept {
    if (steepest_ < 0) {
      steepest_ = 0;
      for (Index term = 0; term < run_.terms; ++term) {
        const double in_term = largest_of(run_.inv_freq + term * run_.term_stride, run_.pairs);
        steepest_ = in_term > steepest_ ? in_term : steepest_;
      }
      steepest_ *= static_cast<double>(run_.terms);
    }
    return steepest_;
  }

  const double* coarse_row(double coarse) noexcept {
    constexpr double reach = static_cast<double>(kLevelRows) * kLevelRows * kLevelRows;
    static_assert(kLevels == 3, "two digits above the last");
    const Index pairs = run_.pairs;
    if (!(coarse >= 0 && coarse < reach)) {
      fill(p_, pairs, coarse);
      phases({p_, run_.inv_freq, pairs, 1, 0, false}, __builtin_fabs(coarse) * steepest(), phase_,
             phase_ + pairs);
      return phase_;
    }
    const Index digits = static_cast<Index>(coarse) / kLevelRows;
    const double* low = run_.levels + (kLevelRows + digits % kLevelRows) * 2 * pairs;
    const double* high = run_.levels + (2 * kLevelRows + digits / kLevelRows) * 2 * pairs;
    if (digits < kLevelRows) return low;  // the other factor is one
    if (digits % kLevelRows == 0) return high;
    write_product(high, low, 1.0, 1.0, pairs, phase_);
    return phase_;
  }

  const RopeTableRun<C>& run_;
  double* const phase_;
  double* const p_;
  double steepest_ = -1;             // not known yet
  double kept_ = __builtin_nan("");  // the multiple of 64 whose row is row_
  const double* row_ = nullptr;
};

}  // namespace

void rope_levels(const double* inv_freq, Index pairs, double* scratch, double* levels) noexcept {
  const double largest = largest_of(inv_freq, pairs);
  double step = 1;
  for (int level = 0; level < kLevels; ++level, step *= kLevelRows) {
    for (int digit = 0; digit < kLevelRows; ++digit, levels += 2 * pairs) {
      fill(scratch, pairs, digit * step);
      phases({scratch, inv_freq, pairs, 1, 0, false}, digit * step * largest, levels,
             levels + pairs);
    }
  }
}

template <class C>
void rope_table(const RopeTableRun<C>& run) noexcept {
  Tokens<C> tokens(run);
  C* out = run.table;
  for (Index token = 0; token < run.count; ++token, out += run.row_stride) {
    const double consecutive = run.start + static_cast<double>(token);
    const double* position =
        run.positions == nullptr ? &consecutive : run.positions + token * run.token_stride;
    if (run.levels != nullptr && *position == __builtin_floor(*position)) {
      tokens.by_digits(*position, out);
    } else {
      tokens.single(position, out);
    }
  }
}

template void rope_table(const RopeTableRun<float>&) noexcept;
template void rope_table(const RopeTableRun<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
