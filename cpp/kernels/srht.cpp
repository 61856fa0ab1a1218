// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Subsampled Hadamard transforms of short rows: the signs are applied where the first pass reads
// the row, whose missing numbers cost nothing there, and the numbers that were drawn are taken from
// the scratch of the last one. What the next row needs is fetched in between.
#include "hadamard.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// Lines of the next row, fetched a few at a time: many at once would wait for one another, and the
// work behind them.
template <class T>
struct Ahead {
  const T* from;
  Index left;

  ISOKERN_INLINE void fetch(Index lines) noexcept {
    constexpr Index line = 64 / static_cast<Index>(sizeof(T));
    lines = lines < left ? lines : left;
    for (Index i = 0; i < lines; ++i) prefetch_second(from + i * line);
    from += lines * line;
    left -= lines;
  }
};

// Measured: 4 lines after each step of the first pass, 12 after those of the others.
constexpr Index kFirst = 4, kOthers = 12;

template <class T>
struct Fetching {
  Ahead<T>& ahead;
  ISOKERN_INLINE void operator()(int) const noexcept { ahead.fetch(kOthers); }
};

// The numbers that were drawn, past the caches where they fill whole lines.
template <class T>
ISOKERN_INLINE void sample(const SrhtRun<T>& run, const T* row, T* out) noexcept {
  constexpr Index many = 256;
  constexpr int lanes = kLanes<T>;
  if (run.add) {
    for (Index i = 0; i < run.k; ++i) out[i] += row[run.places[i]];
    return;
  }
  const bool stream = run.stream && kCanStream && reinterpret_cast<std::uintptr_t>(out) % 64 == 0;
  Index i = 0;
  for (; stream && i + many <= run.k; i += many) {
    T some[many];
    for (Index j = 0; j < many; ++j) some[j] = row[run.places[i + j]];
    for (Index j = 0; j < many; j += lanes)
      stream_aligned(out + i + j, load<Vector<T, lanes>>(some + j));
  }
  for (; i < run.k; ++i) out[i] = row[run.places[i]];
}

// The first pass from numbers [first, first + count) of a row, which are x, times signs; the others
// are zero.
template <class T>
ISOKERN_INLINE void signed_pass(const SrhtRun<T>& run, const T* x, T* to,
                                Ahead<T>& ahead) noexcept {
  constexpr int lanes = kLanes<T>;
  constexpr Index width = kRadix * lanes;
  using V = Vector<T, lanes>;
  const Index end = run.first + run.count;
  T some[width];
  for (Index at = 0; at < run.n; at += width) {
    if (at >= end || at + width <= run.first) {
      for (Index i = 0; i < width; ++i) to[at + i] = T(0);
      continue;
    }
    const bool whole = at >= run.first && at + width <= end;
    V v[kRadix];
    if (whole) {
      const Index from = at - run.first;
#pragma GCC unroll 16
      for (int i = 0; i < kRadix; ++i)
        v[i] = load<V>(x + from + i * lanes) * load<V>(run.signs + from + i * lanes);
    } else {
      for (Index i = 0; i < width; ++i) {
        const Index from = at + i - run.first;
        some[i] = from >= 0 && from < run.count ? x[from] * run.signs[from] : T(0);
      }
      for (int i = 0; i < kRadix; ++i) v[i] = load<V>(some + i * lanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kRadix; ++i) lane_stages<T>(v[i], lanes);
    butterfly<kRadix>(v);
#pragma GCC unroll 16
    for (int i = 0; i < kRadix; ++i) store(to + at + i * lanes, v[i]);
    ahead.fetch(kFirst);
  }
}

}  // namespace

template <class T>
bool srht_rows(const SrhtRun<T>& run) noexcept {
  constexpr Index width = kRadix * kLanes<T>, line = 64 / static_cast<Index>(sizeof(T));
  if (run.n < width) return false;
  for (Index row = 0; row < run.rows; ++row) {
    const T* const x = run.x + row * run.x_stride;
    T* const out = run.out + row * run.out_stride;
    Ahead<T> ahead{x + run.x_stride, row + 1 < run.rows ? (run.count + line - 1) / line : 0};
    signed_pass(run, x, run.scratch, ahead);
    if (run.n > width) {
      all_passes<T>({run.scratch, width, run.scratch, width}, run.n / width, width, T(1),
                    run.scratch, Fetching<T>{ahead});
    }
    ahead.fetch(ahead.left);
    sample(run, run.scratch, out);
  }
  if (run.stream) fence();
  return true;
}

template bool srht_rows(const SrhtRun<float>&) noexcept;
template bool srht_rows(const SrhtRun<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
