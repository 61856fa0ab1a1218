// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Turning pairs of coordinates. One pass: each element is read once, turned by a table row that
// stays in the cache, and written once; outputs that no cache holds are written past it. Half-split
// pairs are two contiguous streams; interleaved pairs are taken apart and put together in
// registers. 16-bit data is computed in float32 and rounded once.
#include "entries.hpp"
#include "halffloat.hpp"
#include "interleave.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// How far ahead of the loads lines are fetched: the hardware follows streams only to the end of a
// page. Not a whole page, at which the fetched lines would share their low address bits with the
// stores.
constexpr std::uintptr_t kPrefetchBytes = 2048;

template <bool kStream, class V>
ISOKERN_INLINE void put(void* p, const V& v) noexcept {
  if constexpr (kStream) {
    stream(p, v);
  } else {
    store(p, v);
  }
}

template <class V>
struct Turned {
  V first, second;
};

template <class V>
ISOKERN_INLINE Turned<V> turn(const V& first, const V& second, const V& c, const V& s) noexcept {
  return {first * c - second * s, second * c + first * s};
}

template <int N, bool kStream, class T, class C>
ISOKERN_INLINE Index half_pairs(const T* x, T* out, const C* c, const C* s, Index pairs,
                                Index pair) noexcept {
  using V = Vector<C, N>;
  for (; pair + N <= pairs; pair += N) {
    const V first = Element<T>::template get<N>(x + pair);
    const V second = Element<T>::template get<N>(x + pairs + pair);
    if constexpr (N > 1) {
      prefetch(x + pair, kPrefetchBytes);
      prefetch(x + pairs + pair, kPrefetchBytes);
    }
    const auto y = turn(first, second, load<V>(c + pair), load<V>(s + pair));
    put<kStream>(out + pair, Element<T>::template pack<N>(y.first));
    put<kStream>(out + pairs + pair, Element<T>::template pack<N>(y.second));
  }
  return pair;
}

template <int N, bool kStream, class T, class C>
ISOKERN_INLINE Index interleaved_pairs(const T* x, T* out, const C* c, const C* s, Index pairs,
                                       Index pair) noexcept {
  using V = Vector<C, N>;
  for (; pair + N <= pairs; pair += N) {
    const T* in = x + 2 * pair;
    T* to = out + 2 * pair;
    if constexpr (N == 1) {
      const auto y = turn<C>(Element<T>::template get<1>(in), Element<T>::template get<1>(in + 1),
                             c[pair], s[pair]);
      put<false>(to, Element<T>::template pack<1>(y.first));
      put<false>(to + 1, Element<T>::template pack<1>(y.second));
    } else {
      V first, second, low, high;
      unzip<C, N>(Element<T>::template get<N>(in), Element<T>::template get<N>(in + N), first,
                  second);
      prefetch(in, kPrefetchBytes);
      prefetch(in + N, kPrefetchBytes);
      const auto y = turn(first, second, load<V>(c + pair), load<V>(s + pair));
      zip<C, N>(y.first, y.second, low, high);
      put<kStream>(to, Element<T>::template pack<N>(low));
      put<kStream>(to + N, Element<T>::template pack<N>(high));
    }
  }
  return pair;
}

template <bool kInterleaved, int N, bool kStream, class T, class C>
ISOKERN_INLINE Index some_pairs(const T* x, T* out, const C* c, const C* s, Index pairs,
                                Index pair) noexcept {
  if constexpr (kInterleaved) {
    return interleaved_pairs<N, kStream>(x, out, c, s, pairs, pair);
  } else {
    return half_pairs<N, kStream>(x, out, c, s, pairs, pair);
  }
}

template <class T>
ISOKERN_INLINE void copy(const T* x, T* out, Index n) noexcept {
  for (Index i = 0; i < n; ++i) out[i] = x[i];
}

template <bool kInterleaved, bool kStream, class T, class C>
void rows(const RopeRun<T, C>& run) noexcept {
  constexpr int lanes = kLanes<C>;
  const Index pairs = run.pairs;
  const Index behind = run.offset + 2 * pairs;
  const bool in_place = run.x == run.out;
  for (Index i0 = 0; i0 < run.count[0]; ++i0) {
    for (Index i1 = 0; i1 < run.count[1]; ++i1) {
      const T* x = run.x + i0 * run.x_stride[0] + i1 * run.x_stride[1];
      T* out = run.out + i0 * run.out_stride[0] + i1 * run.out_stride[1];
      const Index row = i0 * run.table_stride[0] + i1 * run.table_stride[1];
      const C* c = run.cos + row;
      const C* s = run.sin + row;
      if (!in_place) {
        copy(x, out, run.offset);
        copy(x + behind, out + behind, run.dim - behind);
      }
      Index pair = some_pairs<kInterleaved, lanes, kStream>(x + run.offset, out + run.offset, c, s,
                                                            pairs, 0);
      if (pair < pairs) {  // widths that are not a multiple of the vector
        if constexpr (lanes > 4) {
          pair = some_pairs<kInterleaved, 4, false>(x + run.offset, out + run.offset, c, s, pairs,
                                                    pair);
        }
        some_pairs<kInterleaved, 1, false>(x + run.offset, out + run.offset, c, s, pairs, pair);
      }
    }
  }
  if constexpr (kStream) fence();
}

// Whether every store of every row may be non-temporal.
template <class T, class C>
bool streams(const RopeRun<T, C>& run) noexcept {
  constexpr Index size = sizeof(T);
  return run.stream && can_stream(run.out + run.offset, run.pairs * size) &&
         can_stream(run.out, run.out_stride[0] * size) &&
         can_stream(run.out, run.out_stride[1] * size) && kLanes<C> * size % 16 == 0;
}

template <bool kInterleaved, class T, class C>
void rows_for(const RopeRun<T, C>& run) noexcept {
  if constexpr (kLanes<C> * sizeof(T) % 16 == 0) {
    if (streams(run)) {
      rows<kInterleaved, true>(run);
      return;
    }
  }
  rows<kInterleaved, false>(run);
}

}  // namespace

template <class T>
void rope(const RopeRun<T, typename RopeCompute<T>::type>& run) noexcept {
  if (run.interleaved) {
    rows_for<true>(run);
  } else {
    rows_for<false>(run);
  }
}

template void rope<float>(const RopeRun<float, float>&) noexcept;
template void rope<double>(const RopeRun<double, double>&) noexcept;
template void rope<float16>(const RopeRun<float16, float>&) noexcept;
template void rope<bfloat16>(const RopeRun<bfloat16, float>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
