// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Maps on sparse matrices. A sparse map takes a row at a time, whose sums lie in the first cache,
// and adds the entries of each nonzero's feature; a dense map takes a feature at a time, whose
// entries are made once for all rows; srht fills in a row at a time.
#include <algorithm>

#include "projection.hpp"

namespace isokern {
namespace {

constexpr Index kTable = Index{1} << 26;  // entries held at a time
constexpr Index kFeatures = 256;          // of a dense map, at a time
constexpr Index kTogether = 32 << 10;     // bytes of rows written at once

// A matrix in compressed lines: rows or columns.
template <class T, class I>
struct Lines {
  std::vector<I> starts, indices;
  std::vector<T> values;
};

template <class T, class I>
struct Compressed {
  const T* values;
  const I* indices;
  const I* starts;
  Index lines, extent;  // indices are below extent

  explicit Compressed(const SparseView& x)
      : values(x.values.as<T>()),
        indices(static_cast<const I*>(x.indices)),
        starts(static_cast<const I*>(x.starts)),
        lines(x.by_column ? x.columns : x.rows),
        extent(x.by_column ? x.rows : x.columns) {}
  Compressed(const Lines<T, I>& from, Index other)
      : values(from.values.data()),
        indices(from.indices.data()),
        starts(from.starts.data()),
        lines(static_cast<Index>(from.starts.size()) - 1),
        extent(other) {}
};

// Lines [begin, end) turned: rows become columns, in the order of the lines, which are numbered
// from 0.
template <class T, class I>
Lines<T, I> turned(const Compressed<T, I>& x, Index begin, Index end) {
  Lines<T, I> result;
  const Index first = static_cast<Index>(x.starts[begin]), last = static_cast<Index>(x.starts[end]);
  result.starts.assign(static_cast<std::size_t>(x.extent) + 1, I(0));
  result.indices.resize(static_cast<std::size_t>(last - first));
  result.values.resize(static_cast<std::size_t>(last - first));
  I* const starts = result.starts.data();
  for (Index at = first; at < last; ++at) ++starts[x.indices[at] + 1];
  for (Index i = 0; i < x.extent; ++i) starts[i + 1] += starts[i];
  for (Index line = begin; line < end; ++line) {
    for (I at = x.starts[line]; at < x.starts[line + 1]; ++at) {
      const std::size_t to = static_cast<std::size_t>(starts[x.indices[at]]++);
      result.indices[to] = static_cast<I>(line - begin);
      result.values[to] = x.values[at];
    }
  }
  for (Index i = x.extent; i > 0; --i) starts[i] = starts[i - 1];
  starts[0] = 0;
  return result;
}

template <class T, class I>
void run_rows(const SparseRowsRun<T, I>& run) {
  if constexpr (sizeof(I) == 4) {
    projection_kernels<T>().sparse_rows_i32(run);
  } else {
    projection_kernels<T>().sparse_rows_i64(run);
  }
}

// Rows times a table of the entries of each feature.
template <class T, class I>
void apply_table(const Sketch& map, const Compressed<T, I>& x, const Lists& lists, bool add,
                 const View& out) {
  const Index nonzeros = static_cast<Index>(x.starts[x.lines]), k = map.k();
  const double bytes = 8.0 * static_cast<double>(nonzeros) * static_cast<double>(lists.count) /
                           static_cast<double>(std::max<Index>(x.extent, 1)) +
                       static_cast<double>(out.size()) * sizeof(T);
  const int threads = threads_for(bytes);
  const Index together = std::max<Index>(1, kTogether / (k * static_cast<Index>(sizeof(T))));
  const Workspace rows(threads, together * k * static_cast<Index>(sizeof(T)));
  const bool stream = out.size() * size_of(out.dtype) >= kStreamBytes;
  parallel_for(x.lines, threads, [&](Index begin, Index end, int thread) {
    run_rows<T, I>({x.values, x.indices, x.starts + begin, end - begin, static_cast<T>(map.scale()),
                    lists.entries.get(), lists.starts.get(), std::max<Index>(map.s(), 1), k,
                    out.as<T>() + begin * out.strides[0], out.strides[0], add, stream, together,
                    rows.of<T>(thread)});
  });
}

// Far more features than nonzeros: the entries of those that occur.
template <class T, class I>
void apply_few(const Sketch& map, const Compressed<T, I>& x, const Features& features,
               const View& out) {
  const std::size_t n = static_cast<std::size_t>(x.starts[x.lines]);
  std::vector<I> present(x.indices, x.indices + n), renamed(n);
  std::sort(present.begin(), present.end());
  present.erase(std::unique(present.begin(), present.end()), present.end());
  for (std::size_t i = 0; i < n; ++i) {
    renamed[i] = static_cast<I>(std::lower_bound(present.begin(), present.end(), x.indices[i]) -
                                present.begin());
  }
  const MapSpec spec = spec_of(map);
  Lists lists;
  lists.count = static_cast<Index>(present.size()) * spec.groups;
  lists.entries.reset(new Nonzero[static_cast<std::size_t>(std::max<Index>(lists.count, 1))]);
  for (std::size_t i = 0; i < present.size(); ++i) {
    Nonzero* const to = lists.entries.get() + static_cast<Index>(i) * spec.groups;
    for (Index group = 0; group < spec.groups; group += 4) {
      kernels().maps.group_nonzeros(spec, group, features.first + static_cast<Index>(present[i]), 1,
                                    to + group);
    }
  }
  Compressed<T, I> named = x;
  named.indices = renamed.data();
  named.extent = static_cast<Index>(present.size());
  apply_table(map, named, lists, features.add, out);
}

template <class T, class I>
void apply_sparse_map(const Sketch& map, const Compressed<T, I>& x, const Features& features,
                      const View& out) {
  const MapSpec spec = spec_of(map);
  const bool groups = spec.entries == MapEntries::groups;
  if (groups && static_cast<Index>(x.starts[x.lines]) < features.count / 4) {
    apply_few(map, x, features, out);
    return;
  }
  const double each =
      groups ? static_cast<double>(spec.groups) : static_cast<double>(spec.k) * map.density();
  const double total = static_cast<double>(features.count) * each;
  const auto lists = [&](Index first, Index count) {
    return lists_by_feature(spec, features.first + first, count, threads_for(8 * total));
  };
  if (total <= static_cast<double>(kTable)) {
    apply_table(map, x, lists(0, features.count), features.add, out);
    return;
  }
  // Some columns at a time, which make matrices of their own.
  const Lines<T, I> by_column = turned(x, 0, x.lines);
  const Compressed<T, I> columns(by_column, x.lines);
  const Index chunk = std::max<Index>(1, static_cast<Index>(static_cast<double>(kTable) / each));
  for (Index first = 0; first < features.count; first += chunk) {
    const Index count = std::min(chunk, features.count - first);
    const Lines<T, I> part = turned(columns, first, first + count);
    apply_table(map, Compressed<T, I>(part, count), lists(first, count), features.add || first > 0,
                out);
  }
}

// x by column. The threads share the outputs.
template <class T, class I>
void apply_dense_map(const Sketch& map, const Compressed<T, I>& x, const Features& features,
                     const View& out) {
  const EntrySource<T> source(map);
  const Index k = map.k();
  const double entries = 40.0 * static_cast<double>(k) * static_cast<double>(features.count);
  const double products = 2.0 * static_cast<double>(k) * static_cast<double>(x.starts[x.lines]);
  const int threads = threads_for_flops(entries + products);
  const Index parts = std::min<Index>(k, threads), most = (k + parts - 1) / parts;
  const Workspace panels(threads, (kFeatures * most + kFeatures) * static_cast<Index>(sizeof(T)));
  parallel_for(parts, threads, [&](Index begin, Index end, int thread) {
    T* const panel = panels.of<T>(thread);
    T* const entries_of_row = panel + kFeatures * most;
    for (Index part = begin; part < end; ++part) {
      const Index from = part * k / parts, n = (part + 1) * k / parts - from;
      if (!features.add) {
        for (Index row = 0; row < x.extent; ++row)
          std::fill_n(out.as<T>() + row * out.strides[0] + from, n, T(0));
      }
      for (Index first = 0; first < x.lines; first += kFeatures) {
        const Index count = std::min(kFeatures, x.lines - first);
        if (x.starts[first] == x.starts[first + count]) continue;
        for (Index i = 0; i < n; ++i) {
          source.row(from + i, features.first + first, count, entries_of_row);
          for (Index j = 0; j < count; ++j) panel[j * n + i] = entries_of_row[j];
        }
        for (Index j = 0; j < count; ++j) {
          for (I at = x.starts[first + j]; at < x.starts[first + j + 1]; ++at) {
            projection_kernels<T>().add_multiple(
                x.values[at], panel + j * n, n,
                out.as<T>() + static_cast<Index>(x.indices[at]) * out.strides[0] + from);
          }
        }
      }
    }
  });
}

template <class T, class I>
void apply_srht_rows(const Sketch& map, const Compressed<T, I>& x, const Features& features,
                     const View& out) {
  const Index rows =
      std::max<Index>(1, std::min<Index>(64, (Index{1} << 22) / std::max<Index>(1, x.extent)));
  std::vector<T> dense(static_cast<std::size_t>(rows * x.extent));
  for (Index first = 0; first < x.lines; first += rows) {
    const Index count = std::min(rows, x.lines - first);
    std::fill_n(dense.begin(), count * x.extent, T(0));
    for (Index row = 0; row < count; ++row) {
      for (I at = x.starts[first + row]; at < x.starts[first + row + 1]; ++at)
        dense[static_cast<std::size_t>(row * x.extent + x.indices[at])] += x.values[at];
    }
    View part = out;
    part.shape[0] = count;
    part.data = out.as<T>() + first * out.strides[0];
    apply_srht<T>(map, ConstView(dense.data(), {count, x.extent}), features, part);
  }
}

template <class T, class I>
void apply_compressed(const Sketch& map, const SparseView& x, const Features& features,
                      const View& out) {
  const bool by_column = !is_sparse(map.kind()) && map.kind() != SketchKind::srht;
  Lines<T, I> other;
  Compressed<T, I> given(x);
  if (by_column != x.by_column) {
    other = turned(given, 0, given.lines);
    given = Compressed<T, I>(other, given.lines);
  }
  if (by_column) {
    apply_dense_map(map, given, features, out);
  } else if (is_sparse(map.kind())) {
    apply_sparse_map(map, given, features, out);
  } else {
    apply_srht_rows(map, given, features, out);
  }
}

}  // namespace

template <class T>
void apply_sparse(const Sketch& map, const SparseView& x, const Features& features,
                  const View& out) {
  if (x.wide) {
    apply_compressed<T, std::int64_t>(map, x, features, out);
  } else {
    apply_compressed<T, std::int32_t>(map, x, features, out);
  }
}

template void apply_sparse<float>(const Sketch&, const SparseView&, const Features&, const View&);
template void apply_sparse<double>(const Sketch&, const SparseView&, const Features&, const View&);

}  // namespace isokern
