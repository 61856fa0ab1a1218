// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// KL for all pairs of two sets as one product. With P2 = S2^-1,
//   2 KL(1 | 2) = <S1 + m1 m1^T, P2> - 2 <m1, P2 m2> + <m2, P2 m2> - d + ln det S2 - ln det S1:
// each distribution becomes a column of numbers, of which a pair's divergence is the inner product.
// Columns are packed side by side in panels, as matrices lie in lanes already.
#include "entries.hpp"
#include "gaussian.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// The numbers of a panel, one after another.
class Column {
 public:
  explicit Column(const GaussianPackRun& run) noexcept
      : at_(run.panel), stride_(run.panel_stride) {}
  ISOKERN_INLINE void put(const Lane& value) noexcept {
    store(at_, value);
    at_ += stride_;
  }

 private:
  double* at_;
  Index stride_;
};

// Half of the logarithm of the determinant of L L^T.
Lane half_log_det(const Lane* lower, Index d) noexcept {
  Product pivots;
  for (Index i = 0; i < d; ++i) pivots.times(lower[i * (d + 1)]);
  return pivots.log();
}

Mask bad_factor(const Lane* lower, Lane* inverse, Index d) noexcept {
  Mask bad{};
  for (Index i = 0; i < d; ++i) {
    const Lane length = lower[i * (d + 1)];
    bad |= ~(length > 0);
    for (Index j = 0; j <= i; ++j) bad |= ~(absolute(lower[i * d + j]) < 0x1p1000);
    inverse[i] = 1 / length;
  }
  return bad;
}

// a becomes (L L^T)^-1, its lower triangle; b: scratch.
void invert(Lane* a, const Lane* inverse, Index d, Lane* b) noexcept {
  for (Index i = 0; i < d * d; ++i) b[i] = i % (d + 1) == 0 ? splat(1) : Lane{};
  solve_lanes<Fill::lower>(a, inverse, d, b, d);
  product_lanes<Fill::lower>({b, 1, d}, {b, 1, d}, d, a,
                             [](Index i, Index j) { return i > j ? i : j; });
}

void put_first(const GaussianPackRun& run, const Lane* s, const Lane* mean,
               const Lane& half_log) noexcept {
  const Index d = run.d;
  Column column(run);
  Lane square{};
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const Lane value = s[i * d + j] + mean[i] * mean[j];
      square += value * value;
      column.put(value);
    }
  }
  for (Index i = 0; i < d; ++i) column.put(mean[i]);
  column.put(splat(1));
  column.put(-half_log);
  store(run.size, root(square));
}

void put_second(const GaussianPackRun& run, Lane* p, const Lane* mean,
                const Lane& half_log) noexcept {
  const Index d = run.d;
  mirror_lower(p, d);
  Column column(run);
  Lane square{};
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const Lane value = j < i ? p[i * d + j] : 0.5 * p[i * d + j];
      square += 4 * (value * value);
      column.put(value);
    }
  }
  Lane moment{};
  for (Index i = 0; i < d; ++i) {
    Lane turned{};
    for (Index j = 0; j < d; ++j) turned += p[i * d + j] * mean[j];
    moment += turned * mean[i];
    column.put(-turned);
  }
  column.put(0.5 * moment - 0.5 * static_cast<double>(d) + half_log);
  column.put(splat(1));
  store(run.size, root(square));
}

}  // namespace

void gaussian_pack(const GaussianPackRun& run) noexcept {
  const Index d = run.d;
  Lane *a = reinterpret_cast<Lane*>(run.scratch), *b = a + d * d;
  Lane *inverse = b + d * d, *mean = inverse + d;
  const bool first = run.side == GaussianSide::first;
  interleave(run.mean, 0, 1, d, mean);
  for (Index i = 0; i < d; ++i) mean[i] -= run.centre[i];
  Mask skew{}, bad{};
  if (run.form == GaussianForm::tril) {
    interleave(run.cov, run.stride, d, d, a);
    bad = bad_factor(a, inverse, d);
    clear_upper(a, d);
  } else {
    skew = interleave_symmetric(run.cov, run.stride, d, run.tolerance, a, inverse);
    for (Index i = 0; i < d; ++i) {
      for (Index j = i * d; j <= i * (d + 1); ++j) b[j] = a[j];
    }
    bad = cholesky_lanes<false>(a, d, inverse);
  }
  // a: a factor of what was given; b: that itself, but for factors.
  Lane half_log = half_log_det(a, d);
  Lane* given = b;
  if (run.form == GaussianForm::precision) {
    half_log = -half_log;
    if (first) {
      invert(a, inverse, d, b);
      given = a;
    }
  } else if (!first) {
    invert(a, inverse, d, b);
    given = a;
  } else if (run.form == GaussianForm::tril) {
    product_lanes<Fill::lower>({a, d, 1}, {a, d, 1}, d, b, [](Index, Index) { return Index{0}; });
  }
  if (first) {
    put_first(run, given, mean, half_log);
  } else {
    put_second(run, given, mean, half_log);
  }
  for (int lane = 0; lane < kL; ++lane) {
    run.status[lane] = static_cast<std::int8_t>(skew[lane]  ? kAsymmetricFirst
                                                : bad[lane] ? kIndefiniteFirst
                                                            : 0);
  }
}

// Row tiles of the left panels times column panels of the right ones: c has the tiles' rows, and a
// stride of all columns. Parts of the depth go one after another, so that the tiles' numbers stay
// in a near cache while all columns pass.
void gaussian_product(const double* left, Index tiles, const double* right, Index panels,
                      Index depth, double* c) noexcept {
  constexpr Index width = kTileVectors * kL;
  const Index stride = panels * width;
  for (Index from = 0; from < depth; from += kDepth) {
    const Index part = depth - from < kDepth ? depth - from : kDepth;
    for (Index panel = 0; panel < panels; ++panel) {
      const double* columns = right + (panel * depth + from) * width;
      for (Index t = 0; t < tiles; ++t) {
        const double* rows = left + (t * depth + from) * kTileRows;
        double* to = c + t * kTileRows * stride + panel * width;
        const auto pass = [&](auto* kernel) {
          kernel(rows, 1, kTileRows, columns, width, part, to, stride, to, stride);
        };
        if (from == 0) {
          pass(tile<double, kTileVectors, Into::assign>);
        } else {
          pass(tile<double, kTileVectors, Into::add>);
        }
      }
    }
  }
}

// The factor of a mean is all that a pair costs: triangles come packed, and the logarithms are
// known.
void gaussian_bhattacharyya_row(const GaussianRowRun& run) noexcept {
  const Index d = run.d, numbers = (d * (d + 1) / 2 + d) * kL;
  Lane *mean = reinterpret_cast<Lane*>(run.scratch), *inverse = mean + d * d, *delta = inverse + d;
  for (Index group = 0; group < run.groups; ++group) {
    const double* from = run.packed + group * numbers;
    for (Index i = 0; i < d; ++i) {
      const double* own = run.cov + i * run.stride;
      for (Index j = 0; j <= i; ++j, from += kL)
        mean[i * d + j] = 0.5 * splat(own[j]) + load<Lane>(from);
    }
    for (Index i = 0; i < d; ++i, from += kL) delta[i] = splat(run.mean[i]) - load<Lane>(from);
    const Mask bad = cholesky_lanes<false>(mean, d, inverse);
    const Lane logs = half_log_det(mean, d) -
                      0.25 * (splat(*run.log_det) + load<Lane>(run.log_dets + group * kL));
    const Lane square = solve_vector(mean, inverse, d, delta);
    const Mask good = (logs >= kSmall) & ~bad;
    store(run.value + group * kL, select(good, 0.125 * square + logs, splat(__builtin_nan(""))));
  }
}

}  // namespace ISOKERN_ISA
}  // namespace isokern
