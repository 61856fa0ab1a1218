// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Sparse maps. Sixteen samples are transposed in registers, so that an input of all of them is one
// line of memory, and an entry of the map one addition of lines. The line is kept with both signs:
// an entry is then an address, and neither a sign nor a factor is applied in the inner loop. Where
// outputs have many entries each their sums stay in registers (gather); where they have few, inputs
// do, and sums lie in the cache (scatter).
//
// Every sum takes its terms +-(c x_j) in the order of the inputs, one after another, in either
// form, and this file is compiled without fused operations: the results are the same bits on every
// instruction set, and however the inputs are cut into blocks.
#include "entries.hpp"
#include "panels.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

template <class T>
constexpr int kParts = kSamples / kLanes<T> < 1 ? 1 : kSamples / kLanes<T>;

template <class T>
constexpr Index kAhead = 2048 / static_cast<Index>(sizeof(T));  // numbers of a row

// Lines of inputs: +c x at 2 j, -c x at 2 j + 1. What lies `ahead` of x in place of it is fetched.
template <class T>
ISOKERN_INLINE void load_lines(const T* x, Index x_stride, Index rows, Index inputs, T scale,
                               T* tile, const T* ahead) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  Index j = 0;
  for (; j + lanes <= inputs; j += lanes) {
#pragma GCC unroll 4
    for (int part = 0; part < kParts<T>; ++part) {
      V block[lanes];
#pragma GCC unroll 16
      for (int r = 0; r < lanes; ++r) {
        const Index row = part * lanes + r;
        if (row < rows) prefetch_second(ahead + row * x_stride + j);
        block[r] = row < rows ? load<V>(x + row * x_stride + j) : V{};
      }
      transpose<lanes>(block);
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) {
        const V value = block[i] * scale;
        T* to = tile + 2 * (j + i) * kSamples + part * lanes;
        store(to, value);
        store(to + kSamples, -value);
      }
    }
  }
  for (; j < inputs; ++j) {
    for (Index row = 0; row < kSamples; ++row) {
      const T value = row < rows ? x[row * x_stride + j] * scale : T(0);
      tile[2 * j * kSamples + row] = value;
      tile[(2 * j + 1) * kSamples + row] = -value;
    }
  }
}

template <class T>
ISOKERN_INLINE void add_line(Vector<T, kLanes<T>> (&sums)[kParts<T>], const T* line) noexcept {
#pragma GCC unroll 8
  for (int part = 0; part < kParts<T>; ++part)
    sums[part] += load<Vector<T, kLanes<T>>>(line + part * kLanes<T>);
}

template <class T>
ISOKERN_INLINE void load_line(Vector<T, kLanes<T>> (&sums)[kParts<T>], const T* line) noexcept {
#pragma GCC unroll 8
  for (int part = 0; part < kParts<T>; ++part)
    sums[part] = load<Vector<T, kLanes<T>>>(line + part * kLanes<T>);
}

template <class T>
ISOKERN_INLINE void store_line(const Vector<T, kLanes<T>> (&sums)[kParts<T>], T* line) noexcept {
#pragma GCC unroll 8
  for (int part = 0; part < kParts<T>; ++part) store(line + part * kLanes<T>, sums[part]);
}

// One input, with both signs from `line` on, for one of its outputs.
template <class T>
ISOKERN_INLINE void add_to_output(Nonzero entry, const T* line, T* all_sums) noexcept {
  T* const to = all_sums + static_cast<Index>(entry >> 1) * kSamples;
  Vector<T, kLanes<T>> sums[kParts<T>];
  load_line<T>(sums, to);
  add_line<T>(sums, line + static_cast<Index>(entry & 1) * kSamples);
  store_line<T>(sums, to);
}

// Outputs that have `length` entries each, L if that is not 0: no branch in their sums depends on
// what was drawn. Returns what follows them.
template <int L, class T>
ISOKERN_INLINE const std::uint32_t* add_lists(const std::uint32_t* list, Index outputs,
                                              Index length, const T* tile, T* all_sums) noexcept {
  for (Index o = 0; o < outputs; ++o) {
    T* const to = all_sums + static_cast<Index>(*list++) * kSamples;
    Vector<T, kLanes<T>> sums[kParts<T>];
    load_line<T>(sums, to);
    const std::uint32_t* const end = list + (L > 0 ? L : length);
    if constexpr (L > 0) {
#pragma GCC unroll 8
      for (int i = 0; i < L; ++i) add_line<T>(sums, tile + static_cast<Index>(list[i]) * kSamples);
    } else {
      for (; list + 4 <= end; list += 4) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i)
          add_line<T>(sums, tile + static_cast<Index>(list[i]) * kSamples);
      }
      for (; list < end; ++list) add_line<T>(sums, tile + static_cast<Index>(*list) * kSamples);
    }
    list = end;
    store_line<T>(sums, to);
  }
  return list;
}

}  // namespace

template <class T>
void gather(const GatherRun<T>& run) noexcept {
  load_lines(run.x, run.x_stride, run.rows, run.inputs, run.scale, run.tile, run.ahead);
  const std::uint32_t* list = run.lists;
  for (Index outputs = *list; outputs > 0; outputs = *list) {
    const Index length = list[1];
    list += 2;
    const auto add = [&](auto count) {
      list = add_lists<decltype(count)::value, T>(list, outputs, length, run.tile, run.sums);
    };
    switch (length) {
      case 1:
        add(Width<1>{});
        break;
      case 2:
        add(Width<2>{});
        break;
      case 3:
        add(Width<3>{});
        break;
      case 4:
        add(Width<4>{});
        break;
      case 5:
        add(Width<5>{});
        break;
      case 6:
        add(Width<6>{});
        break;
      case 7:
        add(Width<7>{});
        break;
      case 8:
        add(Width<8>{});
        break;
      default:
        add(Width<0>{});
    }
  }
}

template <class T>
void scatter(const ScatterRun<T>& run) noexcept {
  constexpr Index some = 16;
  alignas(64) T lines[2 * some * kSamples];
  for (Index j = 0; j < run.inputs; j += some) {
    const Index n = run.inputs - j < some ? run.inputs - j : some;
    // At the end of the rows, the beginning of the next.
    const Index next = j + kAhead<T>;
    const T* const ahead =
        run.x + (next < run.inputs ? next : kSamples * run.x_stride + next - run.inputs);
    load_lines(run.x + j, run.x_stride, run.rows, n, run.scale, lines, ahead);
    const Nonzero* entry = run.entries + j * run.s;
    for (Index i = 0; i < n; ++i) {
      const T* const line = lines + 2 * i * kSamples;
      Index b = 0;
      for (; b + 4 <= run.s; b += 4, entry += 4) {
#pragma GCC unroll 4
        for (int e = 0; e < 4; ++e) add_to_output(entry[e], line, run.sums);
      }
      for (; b < run.s; ++b, ++entry) add_to_output(*entry, line, run.sums);
    }
  }
}

template <class T>
void take_sums(const SumsRun<T>& run) noexcept {
  for (int part = 0; part < kParts<T>; ++part) {
    const Index row = part * kLanes<T>;
    load_transposed(run.out + row * run.out_stride, run.out_stride, run.outputs,
                    run.rows > row ? run.rows - row : 0, run.sums + row, kSamples);
  }
}

template <class T>
void give_sums(const SumsRun<T>& run) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  // Non-temporal stores pay only where they fill whole lines.
  const std::uintptr_t step = static_cast<std::uintptr_t>(run.out_stride) * sizeof(T);
  const bool streaming =
      run.stream && kCanStream && (reinterpret_cast<std::uintptr_t>(run.out) | step) % 64 == 0;
  for (int part = 0; part < kParts<T>; ++part) {
    const Index first = part * lanes;
    const Index rows = run.rows - first < lanes ? run.rows - first : lanes;
    T* const out = run.out + first * run.out_stride;
    const T* const sums = run.sums + first;
    if (!streaming || rows < lanes) {
      store_transposed(sums, kSamples, run.outputs, rows, out, run.out_stride);
      continue;
    }
    Index o = 0;
    for (; o + lanes <= run.outputs; o += lanes) {
      V block[lanes];
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) block[i] = load<V>(sums + (o + i) * kSamples);
      transpose<lanes>(block);
#pragma GCC unroll 16
      for (int r = 0; r < lanes; ++r) stream(out + r * run.out_stride + o, block[r]);
    }
    for (; o < run.outputs; ++o) {
      for (Index r = 0; r < rows; ++r) out[r * run.out_stride + o] = sums[o * kSamples + r];
    }
  }
  if (streaming) fence();
}

template void gather(const GatherRun<float>&) noexcept;
template void gather(const GatherRun<double>&) noexcept;
template void scatter(const ScatterRun<float>&) noexcept;
template void scatter(const ScatterRun<double>&) noexcept;
template void take_sums(const SumsRun<float>&) noexcept;
template void take_sums(const SumsRun<double>&) noexcept;
template void give_sums(const SumsRun<float>&) noexcept;
template void give_sums(const SumsRun<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
