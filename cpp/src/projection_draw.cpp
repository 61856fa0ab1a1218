// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The nonzeros of sparse maps, drawn and sorted into lists: by output, where the entries of a row
// come together, or by feature.
#include <cmath>

#include "projection.hpp"

namespace isokern {
namespace {

std::unique_ptr<std::uint32_t[]> numbers(Index n) {
  return std::unique_ptr<std::uint32_t[]>(new std::uint32_t[static_cast<std::size_t>(n)]);
}

// All groups of features first, ..., feature by feature.
void draw_groups(const MapSpec& map, Index first, Index count, Nonzero* out) {
  for (Index group = 0; group < map.groups; group += 4)
    kernels().maps.group_nonzeros(map, group, first, count, out + group);
}

// Entries that n iid places will hardly ever exceed; a row needs room for all of its places.
Index room_for(const MapSpec& map, Index n, Index row) {
  const double mean = static_cast<double>(n) * map.threshold / 0x1p31;
  return std::min(n, static_cast<Index>(mean + 40 * std::sqrt(mean))) + row + 64;
}

// What a block of features needs while its lists are made.
struct Draft {
  Index first, count, capacity;
  Lists lists;
  std::unique_ptr<Nonzero[]> by_feature;  // of maps with groups
  std::unique_ptr<std::uint32_t[]> lengths, sorted;

  Draft(const MapSpec& map, Index from, Index features, bool sorting)
      : first(from), count(features) {
    lists.starts = numbers(map.k + 1);
    const bool groups = map.entries == MapEntries::groups;
    capacity = groups ? features * map.groups : room_for(map, map.k * features, features + 1);
    lists.entries = numbers(capacity);
    if (groups) by_feature = numbers(capacity);
    if (!sorting) return;
    lengths = numbers(features + 1);
    sorted = numbers(by_length_size(capacity, map.k));
  }

  // Lists of outputs by the number of their entries.
  void sort(const MapSpec& map) noexcept {
    if (!sorted) return;
    by_length(lists.starts.get(), lists.entries.get(), map.k, count, lengths.get(), sorted.get());
  }

  // False if the room was too small, which has no measurable probability.
  bool draw(const MapSpec& map) noexcept {
    std::uint32_t* const starts = lists.starts.get();
    if (map.entries == MapEntries::iid) {
      Index used = 0;
      for (Index row = 0; row < map.k; ++row) {
        if (used + count + 1 > capacity) return false;
        starts[row] = static_cast<std::uint32_t>(used);
        used += kernels().maps.row_nonzeros(map, row, first, count, lists.entries.get() + used);
      }
      starts[map.k] = static_cast<std::uint32_t>(used);
      lists.count = used;
      return true;
    }
    draw_groups(map, first, count, by_feature.get());
    std::fill_n(starts, map.k + 1, 0u);
    lists.count = capacity;
    for (Index i = 0; i < capacity; ++i) ++starts[(by_feature.get()[i] >> 1) + 1];
    for (Index row = 0; row < map.k; ++row) starts[row + 1] += starts[row];
    // Places move forward while they are filled, and are moved back.
    Nonzero* const entries = lists.entries.get();
    const Nonzero* from = by_feature.get();
    for (Index j = 0; j < count; ++j) {
      for (Index b = 0; b < map.groups; ++b, ++from)
        entries[starts[*from >> 1]++] = static_cast<Nonzero>(2 * j) | (*from & 1);
    }
    for (Index row = map.k; row > 0; --row) starts[row] = starts[row - 1];
    starts[0] = 0;
    return true;
  }

  void finish(const MapSpec& map, bool drawn) {
    if (!drawn) {
      capacity = map.k * count + count + 64;
      lists.entries = numbers(capacity);
      if (sorted) sorted = numbers(by_length_size(capacity, map.k));
      draw(map);
      sort(map);
    }
    by_feature.reset();
    if (!sorted) return;
    lists.starts.reset();
    lists.entries.reset();
  }
};

}  // namespace

Index by_length_size(Index entries, Index outputs) {
  // No more different lengths than have so many entries.
  const Index lengths = static_cast<Index>(std::sqrt(2.0 * static_cast<double>(entries))) + 2;
  return entries + std::min(entries, outputs) + 2 * lengths + 1;
}

void by_length(const std::uint32_t* starts, const Nonzero* entries, Index outputs, Index longest,
               std::uint32_t* places, std::uint32_t* out) noexcept {
  std::fill_n(places, longest + 1, 0u);
  for (Index o = 0; o < outputs; ++o) ++places[starts[o + 1] - starts[o]];
  std::uint32_t at = 0;
  for (Index length = 1; length <= longest; ++length) {
    const std::uint32_t number = places[length];
    if (number == 0) continue;
    out[at] = number;
    out[at + 1] = static_cast<std::uint32_t>(length);
    places[length] = at + 2;
    at += 2 + number * static_cast<std::uint32_t>(length + 1);
  }
  out[at] = 0;
  for (Index o = 0; o < outputs; ++o) {
    const std::uint32_t length = starts[o + 1] - starts[o];
    if (length == 0) continue;
    std::uint32_t* const to = out + places[length];
    to[0] = static_cast<std::uint32_t>(o);
    std::copy_n(entries + starts[o], length, to + 1);
    places[length] += length + 1;
  }
}

std::vector<ListBlock> draw_blocks(const MapSpec& map, Index first, Index count, Index block,
                                   bool sorted) {
  std::vector<Draft> drafts;
  for (Index at = 0; at < count; at += block)
    drafts.emplace_back(map, first + at, std::min(block, count - at), sorted);
  const Index n = static_cast<Index>(drafts.size());
  std::vector<char> drawn(drafts.size());
  const double places = static_cast<double>(count) * (map.entries == MapEntries::iid
                                                          ? static_cast<double>(map.k)
                                                          : static_cast<double>(map.groups));
  parallel_for(n, threads_for(16 * places), [&](Index begin, Index end, int) {
    for (Index i = begin; i < end; ++i) {
      const std::size_t at = static_cast<std::size_t>(i);
      drawn[at] = drafts[at].draw(map) ? 1 : 0;
      if (drawn[at] != 0) drafts[at].sort(map);
    }
  });
  for (std::size_t i = 0; i < drafts.size(); ++i) drafts[i].finish(map, drawn[i] != 0);
  std::vector<ListBlock> blocks;
  for (Draft& draft : drafts)
    blocks.push_back({draft.first, draft.count, std::move(draft.lists), std::move(draft.sorted)});
  return blocks;
}

Lists lists_by_row(const MapSpec& map, Index first, Index count) {
  return std::move(draw_blocks(map, first, count, count, false).front().lists);
}

Lists lists_by_feature(const MapSpec& map, Index first, Index count, int threads) {
  Lists lists;
  if (map.entries == MapEntries::groups) {
    lists.count = count * map.groups;
    lists.entries = numbers(lists.count);
    parallel_for(count, threads, [&](Index begin, Index end, int) {
      draw_groups(map, first + begin, end - begin, lists.entries.get() + begin * map.groups);
    });
    return lists;
  }
  const Lists rows = lists_by_row(map, first, count);
  lists.count = rows.count;
  lists.starts = numbers(count + 1);
  lists.entries = numbers(std::max<Index>(rows.count, 1));
  std::uint32_t* const starts = lists.starts.get();
  std::fill_n(starts, count + 1, 0u);
  for (Index i = 0; i < rows.count; ++i) ++starts[(rows.entries.get()[i] >> 1) + 1];
  for (Index j = 0; j < count; ++j) starts[j + 1] += starts[j];
  for (Index row = 0; row < map.k; ++row) {
    for (Index i = rows.starts.get()[row]; i < static_cast<Index>(rows.starts.get()[row + 1]);
         ++i) {
      const Nonzero entry = rows.entries.get()[i];
      lists.entries[starts[entry >> 1]++] = static_cast<Nonzero>(2 * row) | (entry & 1);
    }
  }
  for (Index j = count; j > 0; --j) starts[j] = starts[j - 1];
  starts[0] = 0;
  return lists;
}

}  // namespace isokern
