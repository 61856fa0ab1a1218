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
constexpr Index kFew = 8, kManyOutputs = 4096;
constexpr Index kWanted = 16;  // entries an output and block
constexpr Index kSmallest = 1024;

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
                   if (add) projection_kernels<T>().take_sums(ends);
                   for (std::size_t i = 0; i < blocks.size(); ++i) {
                     const ListBlock& draft = blocks[i];
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
      const std::vector<ListBlock> blocks = draw_blocks(map, features.first + first, count, block);
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
      lists.starts.reset(new std::uint32_t[static_cast<std::size_t>(count + 1)]);
      for (Index j = 0; j <= count; ++j)
        lists.starts.get()[j] = static_cast<std::uint32_t>(j * map.groups);
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
