// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Entries of random maps from the counter-based generator. Every entry is a function of the seed
// and its place: where it lies in the generator's streams is said in isokern/projection.hpp. Random
// words are made for some hundred places at once, so that the generator runs across lanes.
//
// This file is compiled without fused operations, so that entries are the same on every set.
#include "entries.hpp"
#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr Index kBlocks = 128;  // of the generator, at a time

ISOKERN_INLINE Index smaller(Index a, Index b) noexcept {
  return a < b ? a : b;
}

// Calls body(words, place, n) for words first, first + 1, ... of a stream, n of them at a time.
template <class Body>
ISOKERN_INLINE void for_words(std::uint64_t seed, std::uint64_t stream, Index first, Index count,
                              Body&& body) noexcept {
  std::uint32_t words[4 * kBlocks];
  Index done = 0;
  while (done < count) {
    const Index place = first + done, skip = place % 4;
    const Index n = smaller(4 * kBlocks - skip, count - done);
    random_blocks(seed, stream, static_cast<std::uint64_t>(place / 4), (skip + n + 3) / 4, words);
    body(words + skip, done, n);
    done += n;
  }
}

ISOKERN_INLINE std::uint64_t stream_of(std::uint64_t base, Index row) noexcept {
  return base + static_cast<std::uint64_t>(row);
}

// Row of a group that a word chooses.
ISOKERN_INLINE std::uint32_t choose(std::uint32_t word, std::uint32_t size) noexcept {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(word >> 1) * size) >> 31);
}

template <class T>
void group_row(const MapSpec& map, Index row, Index first, Index count, T value, T* out) noexcept {
  // The group of a row: the last that begins at or before it.
  const Index group = ((row + 1) * map.groups - 1) / map.k;
  const Index begin = group * map.k / map.groups;
  const std::uint32_t size = static_cast<std::uint32_t>((group + 1) * map.k / map.groups - begin);
  const std::uint32_t wanted = static_cast<std::uint32_t>(row - begin);
  const std::uint64_t stream = stream_of(map.stream, group / 4);
  std::uint32_t words[4 * kBlocks];
  for (Index done = 0; done < count; done += kBlocks) {
    const Index n = smaller(kBlocks, count - done);
    random_blocks(map.seed, stream, static_cast<std::uint64_t>(first + done), n, words);
    for (Index j = 0; j < n; ++j) {
      const std::uint32_t word = words[4 * j + group % 4];
      out[done + j] = choose(word, size) != wanted ? T(0) : word % 2 == 1 ? -value : value;
    }
  }
}

}  // namespace

Index row_nonzeros(const MapSpec& map, Index row, Index first, Index count, Nonzero* out) noexcept {
  Nonzero* end = out;
  for_words(map.seed, stream_of(map.stream, row), first, count,
            [&](const std::uint32_t* words, Index place, Index n) {
              for (Index j = 0; j < n; ++j) {
                // Written always, kept if it counts: no branch to guess wrong.
                *end = static_cast<Nonzero>(2 * (place + j)) | (words[j] & 1);
                end += (words[j] >> 1) < map.threshold ? 1 : 0;
              }
            });
  return end - out;
}

void group_nonzeros(const MapSpec& map, Index group, Index first, Index count,
                    Nonzero* out) noexcept {
  // Four groups share the words of a block.
  const Index groups = smaller(4, map.groups - group);
  std::uint32_t starts[5];
  for (Index b = 0; b <= groups; ++b)
    starts[b] = static_cast<std::uint32_t>((group + b) * map.k / map.groups);
  std::uint32_t words[4 * kBlocks];
  for (Index done = 0; done < count; done += kBlocks) {
    const Index n = smaller(kBlocks, count - done);
    random_blocks(map.seed, stream_of(map.stream, group / 4),
                  static_cast<std::uint64_t>(first + done), n, words);
    for (Index j = 0; j < n; ++j) {
      Nonzero* to = out + (done + j) * map.groups;
      for (Index b = 0; b < groups; ++b) {
        const std::uint32_t word = words[4 * j + b];
        to[b] = 2 * (starts[b] + choose(word, starts[b + 1] - starts[b])) | (word & 1);
      }
    }
  }
}

template <class T>
void map_entries(const MapSpec& map, Index row, Index first, Index count, T* out) noexcept {
  const T value = static_cast<T>(map.scale);
  switch (map.entries) {
    case MapEntries::groups:
      group_row(map, row, first, count, value, out);
      return;
    case MapEntries::iid:
      for_words(map.seed, stream_of(map.stream, row), first, count,
                [&](const std::uint32_t* words, Index place, Index n) {
                  for (Index j = 0; j < n; ++j) {
                    const bool inside = (words[j] >> 1) < map.threshold;
                    const T signed_value = words[j] % 2 == 1 ? -value : value;
                    out[place + j] = inside ? signed_value : T(0);
                  }
                });
      return;
    case MapEntries::signs: {
      const Index word = first / 32, skip = first % 32;
      for_words(map.seed, stream_of(map.stream, row), word, (skip + count + 31) / 32,
                [&](const std::uint32_t* words, Index place, Index n) {
                  const Index begin = 32 * place - skip;
                  for (Index i = 0; i < n; ++i) {
                    const Index from = begin + 32 * i;
                    const Index low = from < 0 ? -from : 0, high = smaller(32, count - from);
                    for (Index bit = low; bit < high; ++bit)
                      out[from + bit] = (words[i] >> bit & 1) != 0 ? -value : value;
                  }
                });
      return;
    }
    case MapEntries::normals: {
      double numbers[512];
      for (Index done = 0; done < count; done += 512) {
        const Index n = smaller(512, count - done);
        normals(map.seed, stream_of(map.stream, row), static_cast<std::uint64_t>(first + done), n,
                numbers);
        for (Index j = 0; j < n; ++j) out[done + j] = static_cast<T>(numbers[j] * map.scale);
      }
      return;
    }
  }
}

template void map_entries(const MapSpec&, Index, Index, Index, float*) noexcept;
template void map_entries(const MapSpec&, Index, Index, Index, double*) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
