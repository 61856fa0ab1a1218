// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// A vector's worth of pairs of normal distributions, and the scratch to work on them.
#pragma once

#include "ahead.hpp"
#include "lanes.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// Below it a divergence is made from the difference of the covariances.
constexpr double kSmall = 1e-2;

struct Factor {
  Lane* matrix;
  Lane* inverse;  // of its diagonal
};

// The arguments of a pair, and scratch: four matrices and eight vectors.
class Pair {
 public:
  explicit Pair(const GaussianPairRun& run) noexcept
      : d_(run.d),
        scratch_(reinterpret_cast<Lane*>(run.scratch)),
        run_(run),
        fetcher_(run.ahead, 3 * tile_work(run.d)) {}

  Lane* matrix(int i) const noexcept { return scratch_ + i * d_ * d_; }
  Lane* vector(int i) const noexcept { return scratch_ + 4 * d_ * d_ + i * d_; }
  Factor factor(int i) const noexcept { return {matrix(i), vector(i)}; }

  // As given, whole.
  void load(int which, Lane* to) const noexcept {
    interleave(given(which), stride(which), d_, d_, to);
  }

  // Into the matrix: of what is symmetric the lower triangle, checked.
  void take(int which) noexcept {
    if (run_.form == GaussianForm::tril) return load(which, matrix(which));
    blame(interleave_symmetric(given(which), stride(which), d_, run_.tolerance, matrix(which),
                               vector(which)),
          kAsymmetricFirst + which);
  }

  // Where a covariance is wrong, and what is: the first fault that is found stays.
  void blame(const Mask& bad, int status) noexcept {
    for (int lane = 0; lane < kL; ++lane) {
      if (bad[lane] && status_[lane] == 0) status_[lane] = static_cast<std::int8_t>(status);
    }
  }

  // The matrix becomes its factor.
  void factorise(int which) noexcept {
    const Factor own = factor(which);
    if (run_.form == GaussianForm::tril) {
      Mask bad{};
      for (Index i = 0; i < d_; ++i) {
        const Lane length = own.matrix[i * d_ + i];
        bad |= ~(length > 0) | (length > 0x1p1000);
        Lane rest{};
        for (Index j = 0; j < i; ++j) rest += 0 * own.matrix[i * d_ + j];
        bad |= ~(rest == 0);  // NaN and infinity below the diagonal
        own.inverse[i] = 1 / length;
      }
      blame(bad, kIndefiniteFirst + which);
    } else {
      blame(cholesky_lanes<false>(own.matrix, d_, own.inverse, meanwhile()),
            kIndefiniteFirst + which);
    }
  }

  // mean1 - mean2; zero where no means are given.
  Lane* difference() const noexcept {
    Lane *delta = vector(6), *other = vector(7);
    if (run_.mean1[0] == nullptr) {
      for (Index i = 0; i < d_; ++i) delta[i] = Lane{};
      return delta;
    }
    interleave(run_.mean1, 0, 1, d_, delta);
    interleave(run_.mean2, 0, 1, d_, other);
    for (Index i = 0; i < d_; ++i) delta[i] -= other[i];
    return delta;
  }

  void finish(const Lane& value) const noexcept {
    store(run_.value, value);
    for (int lane = 0; lane < kL; ++lane) run_.status[lane] = status_[lane];
  }

  // For factorisations: fetches what comes next.
  struct Meanwhile {
    Fetcher& fetcher;
    ISOKERN_INLINE void operator()(Index work) const noexcept { fetcher.done(work); }
  };
  Meanwhile meanwhile() noexcept { return {fetcher_}; }

  bool failed(int lane) const noexcept { return status_[lane] != 0; }

 private:
  const double* const* given(int which) const noexcept {
    return which == 0 ? run_.cov1 : run_.cov2;
  }
  Index stride(int which) const noexcept { return which == 0 ? run_.stride1 : run_.stride2; }

  Index d_;
  Lane* scratch_;
  const GaussianPairRun& run_;
  Fetcher fetcher_;
  std::int8_t status_[kL] = {};
};

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
