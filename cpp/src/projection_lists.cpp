// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Sparse maps on dense rows. The nonzeros of some millions of places at a time are drawn and sorted
// into lists, once for all rows; then each thread maps its samples, sixteen at a time, block by
// block of the inputs, so that the inputs of a block lie in its cache.
#include <cmath>

#include "projection.hpp"

namespace isokern {
namespace {

constexpr Index kEntriesAtOnce = Index{1} << 22;
constexpr Index kFew = 8, kManyOutputs = 4096;
constexpr Index kWanted = 16;  // entries an output and block
constexpr Index kSmallest = 1024;

template <class T>
constexpr Index kLargest = sizeof(T) == 4 ? 8192 : 4096;

double per_feature(const MapSpec& map) {
  return map.entries == MapEntries::groups ? static_cast<double>(map.groups)
                                           : static_cast<double>(map.k) * map.threshold / 0x1p31;
}

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

  Draft(const MapSpec& map, Index from, Index features) : first(from), count(features) {
    lists.starts = numbers(map.k + 1);
    const bool groups = map.entries == MapEntries::groups;
    capacity = groups ? features * map.groups : room_for(map, map.k * features, features + 1);
    lists.entries = numbers(capacity);
    if (groups) by_feature = numbers(capacity);
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
    for (Index i = 0; i < capacity; ++i) ++starts[(by_feature[i] >> 1) + 1];
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
      draw(map);
    }
    by_feature.reset();
  }
};

std::vector<Draft> draw_blocks(const MapSpec& map, Index first, Index count, Index block) {
  std::vector<Draft> drafts;
  for (Index at = 0; at < count; at += block)
    drafts.emplace_back(map, first + at, std::min(block, count - at));
  const Index n = static_cast<Index>(drafts.size());
  std::vector<char> drawn(drafts.size());
  const double places = static_cast<double>(count) * (map.entries == MapEntries::iid
                                                          ? static_cast<double>(map.k)
                                                          : static_cast<double>(map.groups));
  parallel_for(n, threads_for(16 * places), [&](Index begin, Index end, int) {
    for (Index i = begin; i < end; ++i) {
      const std::size_t at = static_cast<std::size_t>(i);
      drawn[at] = drafts[at].draw(map) ? 1 : 0;
    }
  });
  for (std::size_t i = 0; i < drafts.size(); ++i) drafts[i].finish(map, drawn[i] != 0);
  return drafts;
}

// Calls body(tile, rows, x, out, next) for groups of up to sixteen rows; next is where the group
// after it begins in x, or null, of next_rows rows.
template <class T, class Body>
void for_samples(const ConstView& x, const View& out, int threads, Index scratch, Body&& body) {
  const RowPairs rows(x, out);
  const Workspace workspace(threads, scratch);
  const Index tiles = (rows.items.size() + kSamples - 1) / kSamples;
  parallel_for(tiles, threads, [&](Index begin, Index end, int thread) {
    const Index last = std::min(end * kSamples, rows.items.size());
    rows.items.for_runs(begin * kSamples, last, [&](Index, Index count, const auto& offsets) {
      const Index x_stride = rows.items.inner_stride(0), out_stride = rows.items.inner_stride(1);
      for (Index row = 0; row < count; row += kSamples) {
        body(Arena(workspace.of<std::byte>(thread)), x.as<T>() + offsets[0] + row * x_stride,
             x_stride, out.as<T>() + offsets[1] + row * out_stride, out_stride,
             std::min<Index>(kSamples, count - row),
             std::min<Index>(kSamples, count - row - kSamples));
      }
      return true;
    });
  });
}

bool streams(const View& out) {
  return out.size() * size_of(out.dtype) >= kStreamBytes;
}

template <class T>
int threads_for_samples(double entries, Index inputs, Index rows) {
  return threads_for((entries + static_cast<double>(inputs)) * static_cast<double>(rows) *
                     static_cast<double>(sizeof(T)));
}

template <class T>
void apply_by_output(const MapSpec& map, const ConstView& x, Index features,
                     const std::vector<Draft>& blocks, bool add, const View& out) {
  const T scale = static_cast<T>(map.scale);
  const Index block = blocks.front().count, first = blocks.front().first;
  double entries = 0;
  for (const Draft& draft : blocks) entries += static_cast<double>(draft.lists.count);
  const Index line = kSamples * static_cast<Index>(sizeof(T));
  const RowPairs pairs(x, out);
  const int threads = threads_for_samples<T>(entries, features, pairs.items.size());
  for_samples<T>(x, out, threads, (map.k + 2 * block) * line + 64,
                 [&](Arena memory, const T* from, Index from_stride, T* to, Index to_stride,
                     Index rows, Index next_rows) {
                   T* const sums = memory.take<T>(map.k * kSamples);
                   T* const tile = memory.take<T>(2 * block * kSamples);
                   const SumsRun<T> ends{sums, to, to_stride, rows, map.k, streams(out)};
                   if (add) projection_kernels<T>().take_sums(ends);
                   for (std::size_t i = 0; i < blocks.size(); ++i) {
                     const Draft& draft = blocks[i];
                     const bool last = i + 1 == blocks.size();
                     const T* ahead = last ? from + kSamples * from_stride
                                           : from + (blocks[i + 1].first - first);
                     if (last && next_rows <= 0) ahead = nullptr;
                     projection_kernels<T>().gather(
                         {from + (draft.first - first), from_stride, rows, draft.count, scale,
                          draft.lists.starts.get(), draft.lists.entries.get(), map.k, ahead,
                          last ? next_rows : rows, sums, tile, i == 0 && !add});
                   }
                   projection_kernels<T>().give_sums(ends);
                 });
}

template <class T>
void apply_by_input(const MapSpec& map, const ConstView& x, Index first, Index features, bool add,
                    const View& out) {
  const Lists lists = lists_by_feature(
      map, first, features,
      threads_for(16.0 * static_cast<double>(features) * static_cast<double>(map.groups)));
  const RowPairs pairs(x, out);
  const int threads =
      threads_for_samples<T>(2.0 * static_cast<double>(lists.count), features, pairs.items.size());
  for_samples<T>(x, out, threads, map.k * kSamples * static_cast<Index>(sizeof(T)) + 64,
                 [&](Arena memory, const T* from, Index from_stride, T* to, Index to_stride,
                     Index rows, Index) {
                   T* const sums = memory.take<T>(map.k * kSamples);
                   const SumsRun<T> ends{sums, to, to_stride, rows, map.k, streams(out)};
                   if (add) {
                     projection_kernels<T>().take_sums(ends);
                   } else {
                     std::fill_n(sums, map.k * kSamples, T(0));
                   }
                   projection_kernels<T>().scatter({from, from_stride, rows, features,
                                                    static_cast<T>(map.scale), lists.entries.get(),
                                                    map.groups, sums});
                   projection_kernels<T>().give_sums(ends);
                 });
}

// Some columns of x.
ConstView columns_of(const ConstView& x, Index first, Index count) {
  ConstView part = x;
  part.shape[x.rank - 1] = count;
  part.data = x.as<char>() + first * size_of(x.dtype);
  return part;
}

}  // namespace

Lists lists_by_row(const MapSpec& map, Index first, Index count, int threads) {
  (void)threads;
  std::vector<Draft> drafts = draw_blocks(map, first, count, count);
  return std::move(drafts.front().lists);
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
  const Lists rows = lists_by_row(map, first, count, threads);
  lists.count = rows.count;
  lists.starts = numbers(count + 1);
  lists.entries = numbers(std::max<Index>(rows.count, 1));
  std::uint32_t* const starts = lists.starts.get();
  std::fill_n(starts, count + 1, 0u);
  for (Index i = 0; i < rows.count; ++i) ++starts[(rows.entries[i] >> 1) + 1];
  for (Index j = 0; j < count; ++j) starts[j + 1] += starts[j];
  for (Index row = 0; row < map.k; ++row) {
    for (Index i = rows.starts[row]; i < static_cast<Index>(rows.starts[row + 1]); ++i) {
      const Nonzero entry = rows.entries[i];
      lists.entries[starts[entry >> 1]++] = static_cast<Nonzero>(2 * row) | (entry & 1);
    }
  }
  for (Index j = count; j > 0; --j) starts[j] = starts[j - 1];
  starts[0] = 0;
  return lists;
}

template <class T>
void apply_lists(const Sketch& sketch, const ConstView& x, const Features& features,
                 const View& out) {
  const MapSpec map = spec_of(sketch);
  const double each = per_feature(map), k = static_cast<double>(map.k);
  // As many features as make the lists of an output long, but lie in a cache.
  Index block = kSmallest;
  while (block < kLargest<T> && static_cast<double>(block) * each < kWanted * k) block *= 2;
  block = std::min(block, features.count);
  // Measured: few entries a feature are added faster where they belong than collected.
  const bool by_output =
      map.entries == MapEntries::iid || (map.groups > kFew && map.k <= kManyOutputs);
  const Index chunk = std::max<Index>(
      block, static_cast<Index>(static_cast<double>(kEntriesAtOnce) / each) / block * block);
  for (Index first = 0; first < features.count; first += chunk) {
    const Index count = std::min(chunk, features.count - first);
    const ConstView part = columns_of(x, first, count);
    const bool add = features.add || first > 0;
    if (by_output) {
      const std::vector<Draft> blocks = draw_blocks(map, features.first + first, count, block);
      apply_by_output<T>(map, part, count, blocks, add, out);
    } else {
      apply_by_input<T>(map, part, features.first + first, count, add, out);
    }
  }
}

template <class T>
void adjoint_lists(const Sketch& sketch, const ConstView& y, const View& out) {
  constexpr Index at_once = 2048;  // outputs
  const MapSpec map = spec_of(sketch);
  const Index line = kSamples * static_cast<Index>(sizeof(T));
  const Index chunk = std::max<Index>(
      at_once, static_cast<Index>(static_cast<double>(kEntriesAtOnce) / per_feature(map)));
  for (Index first = 0; first < map.d; first += chunk) {
    const Index count = std::min(chunk, map.d - first);
    Lists lists = lists_by_feature(map, first, count, threads_for(16.0 * 8.0 * 1024.0));
    if (!lists.starts) {
      lists.starts = numbers(count + 1);
      for (Index j = 0; j <= count; ++j)
        lists.starts[j] = static_cast<std::uint32_t>(j * map.groups);
    }
    const int threads = threads_for_samples<T>(static_cast<double>(lists.count), map.k,
                                               RowPairs(y, out).items.size());
    for_samples<T>(
        y, out, threads, (at_once + 2 * map.k) * line + 64,
        [&](Arena memory, const T* from, Index from_stride, T* to, Index to_stride, Index rows,
            Index) {
          T* const sums = memory.take<T>(at_once * kSamples);
          T* const tile = memory.take<T>(2 * map.k * kSamples);
          for (Index j = 0; j < count; j += at_once) {
            const Index n = std::min(at_once, count - j);
            projection_kernels<T>().gather({from, from_stride, rows, map.k,
                                            static_cast<T>(map.scale), lists.starts.get() + j,
                                            lists.entries.get(), n, nullptr, 0, sums, tile, true});
            projection_kernels<T>().give_sums(
                {sums, to + first + j, to_stride, rows, n, streams(out)});
          }
        });
  }
}

template void apply_lists<float>(const Sketch&, const ConstView&, const Features&, const View&);
template void apply_lists<double>(const Sketch&, const ConstView&, const Features&, const View&);
template void adjoint_lists<float>(const Sketch&, const ConstView&, const View&);
template void adjoint_lists<double>(const Sketch&, const ConstView&, const View&);

}  // namespace isokern
