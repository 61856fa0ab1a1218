// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Turning pairs of coordinates. One pass: each element is read once, turned by a table row that
// stays in the cache, and written once; outputs that no cache holds are written past it. Half-split
// pairs are two contiguous streams; interleaved pairs are taken apart and put together in
// registers. 16-bit data is computed in float32 and rounded once.
#include <type_traits>

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

#if defined(__AVX512F__)
// bfloat16 by words that hold two of them, which spares the widening and narrowing of lanes: the
// even coordinates are the lower halves of the words, the odd ones the upper.
using Floats = Vector<float, 16>;
using Words = Vector<std::uint32_t, 16>;

ISOKERN_INLINE Floats even_of(const Words& words) noexcept {
  return bit_cast<Floats>(words << 16);
}
ISOKERN_INLINE Floats odd_of(const Words& words) noexcept {
  return bit_cast<Floats>(words & 0xFFFF0000u);
}

// Rounded to bfloat16 in the upper halves, as narrow_bf16 does it; what is below is left.
template <bool kNans>
ISOKERN_INLINE Words round_upper(const Floats& x) noexcept {
  const Words bits = bit_cast<Words>(x);
  const Words rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
  if constexpr (!kNans) return rounded;
  return x != x ? bits | 0x400000u : rounded;
}

template <bool kNans>
ISOKERN_INLINE Words words_of(const Floats& even, const Floats& odd) noexcept {
  return (round_upper<kNans>(even) >> 16) | (round_upper<kNans>(odd) & 0xFFFF0000u);
}

ISOKERN_INLINE bool any_nan(const Turned<Floats>& y) noexcept {
  return _mm512_cmp_ps_mask(bit_cast<__m512>(y.first), bit_cast<__m512>(y.second), _CMP_UNORD_Q) !=
         0;
}

template <bool kStream>
ISOKERN_INLINE Index half_words(const bfloat16* x, bfloat16* out, const float* c, const float* s,
                                Index pairs, Index pair) noexcept {
  for (; pair + 32 <= pairs; pair += 32) {
    const Words x1 = load<Words>(x + pair), x2 = load<Words>(x + pairs + pair);
    prefetch(x + pair, kPrefetchBytes);
    prefetch(x + pairs + pair, kPrefetchBytes);
    Floats c_even, c_odd, s_even, s_odd;
    unzip<float, 16>(load<Floats>(c + pair), load<Floats>(c + pair + 16), c_even, c_odd);
    unzip<float, 16>(load<Floats>(s + pair), load<Floats>(s + pair + 16), s_even, s_odd);
    const auto even = turn(even_of(x1), even_of(x2), c_even, s_even);
    const auto odd = turn(odd_of(x1), odd_of(x2), c_odd, s_odd);
    if (__builtin_expect(any_nan(even) | any_nan(odd), 0)) {
      put<kStream>(out + pair, words_of<true>(even.first, odd.first));
      put<kStream>(out + pairs + pair, words_of<true>(even.second, odd.second));
    } else {
      put<kStream>(out + pair, words_of<false>(even.first, odd.first));
      put<kStream>(out + pairs + pair, words_of<false>(even.second, odd.second));
    }
  }
  return pair;
}

template <bool kStream>
ISOKERN_INLINE Index interleaved_words(const bfloat16* x, bfloat16* out, const float* c,
                                       const float* s, Index pairs, Index pair) noexcept {
  for (; pair + 16 <= pairs; pair += 16) {
    const Words both = load<Words>(x + 2 * pair);
    prefetch(x + 2 * pair, kPrefetchBytes);
    const auto y =
        turn(even_of(both), odd_of(both), load<Floats>(c + pair), load<Floats>(s + pair));
    if (__builtin_expect(any_nan(y), 0)) {
      put<kStream>(out + 2 * pair, words_of<true>(y.first, y.second));
    } else {
      put<kStream>(out + 2 * pair, words_of<false>(y.first, y.second));
    }
  }
  return pair;
}
#endif

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
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, bfloat16> && N == 16) {
    pair = kInterleaved ? interleaved_words<kStream>(x, out, c, s, pairs, pair)
                        : half_words<kStream>(x, out, c, s, pairs, pair);
  }
#endif
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
