// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Sparse maps on rows of sparse matrices: a row of sums lies in the first cache, and the entries of
// each nonzero's feature are added to it, in the order of the nonzeros. Few nonzeros make a whole
// row of results, so that writing it is much of the work. Several rows are written past the caches
// at once: until such stores are done, loads that agree with them in the lower bits of the address
// wait.
//
// This file is compiled without fused operations, as projection_lists.cpp.
#include "entries.hpp"
#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

template <std::size_t Size>
struct UnsignedOfSize {
  using type = std::uint32_t;
};
template <>
struct UnsignedOfSize<8> {
  using type = std::uint64_t;
};

// The sign of an entry flips that of the value.
template <class T>
ISOKERN_INLINE T signed_by(Nonzero entry, T value) noexcept {
  using Bits = typename UnsignedOfSize<sizeof(T)>::type;
  constexpr int top = 8 * static_cast<int>(sizeof(T)) - 1;
  return bit_cast<T>(bit_cast<Bits>(value) ^ static_cast<Bits>(static_cast<Bits>(entry) << top));
}

constexpr Index kSome = 16;  // nonzeros at a time

template <class T>
ISOKERN_INLINE void add_entries(const Nonzero* entries, Index n, T value, T* sums) noexcept {
  for (Index i = 0; i < n; ++i) sums[entries[i] >> 1] += signed_by(entries[i], value);
}

// Places and signed terms of nonzeros whose features have one entry each.
template <class T, class I>
ISOKERN_INLINE void find_single(const SparseRowsRun<T, I>& run, Index at, Index n,
                                std::uint32_t* places, T* terms) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(I) == 4 && sizeof(T) == 4) {
    if (n == kSome) {
      using Words = Vector<std::uint32_t, kSome>;
      const Words entries = bit_cast<Words>(
          _mm512_i32gather_epi32(_mm512_loadu_si512(run.indices + at), run.entries, 4));
      const auto values = load<Vector<T, kSome>>(run.values + at) * run.scale;
      store(places, entries >> 1);
      store(terms, bit_cast<Words>(values) ^ entries << 31);
      return;
    }
  }
#endif
  for (Index i = 0; i < n; ++i) {
    const Nonzero entry = run.entries[run.indices[at + i]];
    places[i] = entry >> 1;
    terms[i] = signed_by(entry, run.values[at + i] * run.scale);
  }
}

// Up to kSome nonzeros whose features have S entries each; S = 0: run.s.
template <int S, class T, class I>
ISOKERN_INLINE void add_some(const SparseRowsRun<T, I>& run, Index at, Index n, T* sums) noexcept {
  if constexpr (S == 1) {
    std::uint32_t places[kSome];
    T terms[kSome];
    find_single(run, at, n, places, terms);
    if (n == kSome) {
#pragma GCC unroll 16
      for (Index i = 0; i < kSome; ++i) sums[places[i]] += terms[i];
    } else {
      for (Index i = 0; i < n; ++i) sums[places[i]] += terms[i];
    }
  } else {
    const Index s = S > 0 ? S : run.s;
    for (Index i = at; i < at + n; ++i) {
      const T value = run.values[i] * run.scale;
      const Index j = static_cast<Index>(run.indices[i]);
      if (S > 0 || run.starts_of == nullptr) {
        add_entries(run.entries + j * s, s, value, sums);
      } else {
        add_entries(run.entries + run.starts_of[j], run.starts_of[j + 1] - run.starts_of[j], value,
                    sums);
      }
    }
  }
}

template <int S, class T, class I>
ISOKERN_INLINE void add_row(const SparseRowsRun<T, I>& run, Index row, T* sums) noexcept {
  const Index end = static_cast<Index>(run.starts[row + 1]);
  Index at = static_cast<Index>(run.starts[row]);
  for (; at + kSome <= end; at += kSome) add_some<S>(run, at, kSome, sums);
  add_some<S>(run, at, end - at, sums);
}

// n numbers past the caches, line by line: non-temporal stores pay only where they fill whole lines
// one after another.
template <class T>
ISOKERN_INLINE void stream_out(const T* from, Index n, T* to) noexcept {
  constexpr int lanes = kLanes<T>;
  const std::uintptr_t past = reinterpret_cast<std::uintptr_t>(to) % 64;
  const Index head = static_cast<Index>((64 - past) % 64 / sizeof(T));
  Index i = 0;
  for (; i < head && i < n; ++i) to[i] = from[i];
  for (; i + lanes <= n; i += lanes) stream_aligned(to + i, load<Vector<T, lanes>>(from + i));
  for (; i < n; ++i) to[i] = from[i];
}

template <int S, class T, class I>
void all_rows(const SparseRowsRun<T, I>& run) noexcept {
  const Index k = run.k;
  const bool whole = reinterpret_cast<std::uintptr_t>(run.out) % sizeof(T) == 0;
  const bool stream = run.stream && kCanStream && whole;
  const Index most = stream && run.out_stride == k ? run.together : 1;
  for (Index first = 0; first < run.rows; first += most) {
    const Index rows = run.rows - first < most ? run.rows - first : most;
    T* const out = run.out + first * run.out_stride;
    const Index n = rows * k;
    for (Index i = 0; i < n; ++i) run.sums[i] = run.add ? out[i] : T(0);
    for (Index row = 0; row < rows; ++row) add_row<S>(run, first + row, run.sums + row * k);
    if (stream) {
      stream_out(run.sums, n, out);
    } else {
      for (Index i = 0; i < n; ++i) out[i] = run.sums[i];
    }
  }
  if (stream) fence();
}

}  // namespace

template <class T, class I>
void sparse_rows(const SparseRowsRun<T, I>& run) noexcept {
  switch (run.starts_of == nullptr ? run.s : 0) {
    case 1:
      return all_rows<1>(run);
    case 2:
      return all_rows<2>(run);
    case 3:
      return all_rows<3>(run);
    case 4:
      return all_rows<4>(run);
    case 8:
      return all_rows<8>(run);
    default:
      return all_rows<0>(run);
  }
}

template void sparse_rows(const SparseRowsRun<float, std::int32_t>&) noexcept;
template void sparse_rows(const SparseRowsRun<float, std::int64_t>&) noexcept;
template void sparse_rows(const SparseRowsRun<double, std::int32_t>&) noexcept;
template void sparse_rows(const SparseRowsRun<double, std::int64_t>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
