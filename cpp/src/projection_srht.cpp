// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The subsampled Hadamard transform, row by row in the first cache: signs, transform, and the
// numbers that were drawn.
#include "projection.hpp"

namespace isokern {

namespace {

// Calls body(x, out, row, scratch) for all rows; row has the length of the transform.
template <class T, class Body>
void for_rows(const Sketch& map, const ConstView& x, const View& out, Body&& body) {
  const RowPairs pairs(x, out);
  const Index n = hadamard_size(map), items = pairs.items.size();
  const int threads =
      threads_for(3.0 * static_cast<double>(n) * static_cast<double>(items) * sizeof(T));
  const Index row_bytes = round_up(n * static_cast<Index>(sizeof(T)), 64) + 64;
  const Workspace workspace(threads, row_bytes + hadamard_scratch(n));
  parallel_for(items, threads, [&](Index begin, Index end, int thread) {
    Arena memory(workspace.of<std::byte>(thread));
    T* const row = memory.take<T>(n);
    T* const scratch = memory.take<T>(0);
    pairs.items.for_runs(begin, end, [&](Index, Index count, const auto& at) {
      for (Index i = 0; i < count; ++i) {
        body(x.as<T>() + at[0] + i * pairs.items.inner_stride(0),
             out.as<T>() + at[1] + i * pairs.items.inner_stride(1), row, scratch);
      }
      return true;
    });
  });
}

}  // namespace

template <class T>
void apply_srht(const Sketch& map, const ConstView& x, const Features& features, const View& out) {
  const Index n = hadamard_size(map), k = map.k(), first = features.first, d = features.count;
  const std::vector<std::uint32_t> places = hadamard_rows_of(map);
  const std::vector<T> signs = hadamard_signs<T>(map, first, d);
  for_rows<T>(map, x, out, [&](const T* from, T* to, T* row, T* scratch) {
    std::fill_n(row, first, T(0));
    for (Index j = 0; j < d; ++j) row[first + j] = from[j] * signs[static_cast<std::size_t>(j)];
    std::fill(row + first + d, row + n, T(0));
    hadamard_in_place(row, n, T(1), scratch);
    if (features.add) {
      for (Index i = 0; i < k; ++i) to[i] += row[places[static_cast<std::size_t>(i)]];
    } else {
      for (Index i = 0; i < k; ++i) to[i] = row[places[static_cast<std::size_t>(i)]];
    }
  });
}

template <class T>
void adjoint_srht(const Sketch& map, const ConstView& y, const View& out) {
  const Index n = hadamard_size(map), k = map.k(), d = map.d();
  const std::vector<std::uint32_t> places = hadamard_rows_of(map);
  const std::vector<T> signs = hadamard_signs<T>(map, 0, d);  // times the factor
  for_rows<T>(map, y, out, [&](const T* from, T* to, T* row, T* scratch) {
    std::fill_n(row, n, T(0));
    for (Index i = 0; i < k; ++i) row[places[static_cast<std::size_t>(i)]] = from[i];
    hadamard_in_place(row, n, T(1), scratch);
    for (Index j = 0; j < d; ++j) to[j] = row[j] * signs[static_cast<std::size_t>(j)];
  });
}

template void apply_srht<float>(const Sketch&, const ConstView&, const Features&, const View&);
template void apply_srht<double>(const Sketch&, const ConstView&, const Features&, const View&);
template void adjoint_srht<float>(const Sketch&, const ConstView&, const View&);
template void adjoint_srht<double>(const Sketch&, const ConstView&, const View&);

}  // namespace isokern
