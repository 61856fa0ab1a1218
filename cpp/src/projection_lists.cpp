// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Sparse maps on dense rows. The nonzeros of some millions of places at a time are drawn and sorted
// into lists, once for all rows; then each thread maps its samples, sixteen at a time, block by
// block of the inputs, so that the inputs of a block lie in its cache.
#include "projection.hpp"

namespace isokern {
namespace {

constexpr Index kEntriesAtOnce = Index{1} << 22;
constexpr Index kFew = 4, kManyOutputs = 4096;

template <class T>
constexpr Index kLargest = sizeof(T) == 4 ? 8192 : 4096;

double per_feature(const MapSpec& map) {
  return map.entries == MapEntries::groups ? static_cast<double>(map.groups)
                                           : static_cast<double>(map.k) * map.threshold / 0x1p31;
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
void start_sums(const SumsRun<T>& run, bool add) {
  if (add) {
    projection_kernels<T>().take_sums(run);
  } else {
    std::fill_n(run.sums, run.outputs * kSamples, T(0));
  }
}

template <class T>
void apply_by_output(const MapSpec& map, const ConstView& x, Index features,
                     const std::vector<ListBlock>& blocks, bool add, const View& out) {
  const T scale = static_cast<T>(map.scale);
  const Index block = blocks.front().count, first = blocks.front().first;
  double entries = 0;
  for (const ListBlock& draft : blocks) entries += static_cast<double>(draft.lists.count);
  const Index line = kSamples * static_cast<Index>(sizeof(T));
  const RowPairs pairs(x, out);
  const int threads = threads_for_samples<T>(entries, features, pairs.items.size());
  for_samples<T>(x, out, threads, (map.k + 2 * block) * line + 64,
                 [&](Arena memory, const T* from, Index from_stride, T* to, Index to_stride,
                     Index rows, Index next_rows) {
                   T* const sums = memory.take<T>(map.k * kSamples);
                   T* const tile = memory.take<T>(2 * block * kSamples);
                   const SumsRun<T> ends{sums, to, to_stride, rows, map.k, streams(out)};
                   start_sums(ends, add);
                   for (std::size_t i = 0; i < blocks.size(); ++i) {
                     const ListBlock& draft = blocks[i];
                     const T* const x_block = from + (draft.first - first);
                     const T* ahead = x_block;
                     if (i + 1 < blocks.size()) {
                       ahead = from + (blocks[i + 1].first - first);
                     } else if (next_rows > 0) {
                       ahead = from + kSamples * from_stride;
                     }
                     projection_kernels<T>().gather({x_block, from_stride, rows, draft.count, scale,
                                                     draft.by_length.get(), ahead, sums, tile});
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
                   start_sums(ends, add);
                   projection_kernels<T>().scatter({from, from_stride, rows, features,
                                                    static_cast<T>(map.scale), lists.entries.get(),
                                                    map.groups, sums});
                   projection_kernels<T>().give_sums(ends);
                 });
}

// Features at a time: as many as make the lists of an output long, while the sums lie in the first
// cache, or else in the second. Lists are indexed by 32 bits.
template <class T>
Index block_of(const MapSpec& map, Index features) {
  const double each = per_feature(map), k = static_cast<double>(map.k);
  const Index line = kSamples * static_cast<Index>(sizeof(T));
  const bool near = map.k * line <= Index{32} << 10;
  Index block = (near ? Index{16} << 10 : Index{64} << 10) / line;
  while (block < kLargest<T> && static_cast<double>(block) * each < (near ? 4 : 8) * k) block *= 2;
  const double most = std::max(1.0, static_cast<double>(kEntriesAtOnce) / each);
  return std::min({block, features, most < 1e9 ? static_cast<Index>(most) : features});
}

// Some columns of x.
ConstView columns_of(const ConstView& x, Index first, Index count) {
  ConstView part = x;
  part.shape[x.rank - 1] = count;
  part.data = x.as<char>() + first * size_of(x.dtype);
  return part;
}

}  // namespace

template <class T>
void apply_lists(const Sketch& sketch, const ConstView& x, const Features& features,
                 const View& out) {
  const MapSpec map = spec_of(sketch);
  const double each = per_feature(map);
  const Index block = block_of<T>(map, features.count);
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
      const std::vector<ListBlock> blocks =
          draw_blocks(map, features.first + first, count, block, true);
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
      1, static_cast<Index>(static_cast<double>(kEntriesAtOnce) / per_feature(map)));
  for (Index first = 0; first < map.d; first += chunk) {
    const Index count = std::min(chunk, map.d - first);
    const Lists lists = lists_by_feature(map, first, count, threads_for(16.0 * 8.0 * 1024.0));
    const auto begin_of = [&](Index j) {
      return lists.starts ? static_cast<Index>(lists.starts.get()[j]) : j * map.groups;
    };
    std::vector<std::vector<std::uint32_t>> sorted;
    std::vector<std::uint32_t> scratch(static_cast<std::size_t>(map.k + 1)), starts;
    for (Index j = 0; j < count; j += at_once) {
      const Index n = std::min(at_once, count - j), begin = begin_of(j);
      starts.resize(static_cast<std::size_t>(n + 1));
      for (Index i = 0; i <= n; ++i)
        starts[static_cast<std::size_t>(i)] = static_cast<std::uint32_t>(begin_of(j + i) - begin);
      sorted.emplace_back(static_cast<std::size_t>(by_length_size(begin_of(j + n) - begin, n)));
      by_length(starts.data(), lists.entries.get() + begin, n, map.k, scratch.data(),
                sorted.back().data());
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
            const SumsRun<T> ends{sums, to + first + j, to_stride, rows, n, streams(out)};
            start_sums(ends, false);
            projection_kernels<T>().gather(
                {from, from_stride, rows, map.k, static_cast<T>(map.scale),
                 sorted[static_cast<std::size_t>(j / at_once)].data(), from, sums, tile});
            projection_kernels<T>().give_sums(ends);
          }
        });
  }
}

template void apply_lists<float>(const Sketch&, const ConstView&, const Features&, const View&);
template void apply_lists<double>(const Sketch&, const ConstView&, const Features&, const View&);
template void adjoint_lists<float>(const Sketch&, const ConstView&, const View&);
template void adjoint_lists<double>(const Sketch&, const ConstView&, const View&);

}  // namespace isokern
