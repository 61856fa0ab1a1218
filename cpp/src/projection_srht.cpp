// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The subsampled Hadamard transform, row by row: signs, transform, and the numbers that were drawn.
#include "projection.hpp"

namespace isokern {
namespace {

constexpr Index kOnePass = 4096;  // numbers that lie in the first cache

// Calls rows(x, x_stride, out, out_stride, count, row, scratch) for runs of rows; row has the
// length of the transform.
template <class T, class Rows>
void for_row_runs(const Sketch& map, const ConstView& x, const View& out, Rows&& rows) {
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
      rows(x.as<T>() + at[0], pairs.items.inner_stride(0), out.as<T>() + at[1],
           pairs.items.inner_stride(1), count, row, scratch);
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
  const bool stream = out.size() * size_of(out.dtype) >= kStreamBytes;
  for_row_runs<T>(map, x, out,
                  [&](const T* from, Index from_stride, T* to, Index to_stride, Index rows, T* row,
                      T* scratch) {
                    if (n <= kOnePass &&
                        projection_kernels<T>().srht_rows({from, to, from_stride, to_stride, rows,
                                                           signs.data(), first, d, n, places.data(),
                                                           k, features.add, stream, row})) {
                      return;
                    }
                    for (Index i = 0; i < rows; ++i, from += from_stride, to += to_stride) {
                      std::fill_n(row, first, T(0));
                      for (Index j = 0; j < d; ++j)
                        row[first + j] = from[j] * signs[static_cast<std::size_t>(j)];
                      std::fill(row + first + d, row + n, T(0));
                      hadamard_in_place(row, n, T(1), scratch);
                      for (Index j = 0; j < k; ++j) {
                        const T value = row[places[static_cast<std::size_t>(j)]];
                        to[j] = features.add ? to[j] + value : value;
                      }
                    }
                  });
}

template <class T>
void adjoint_srht(const Sketch& map, const ConstView& y, const View& out) {
  const Index n = hadamard_size(map), k = map.k(), d = map.d();
  const std::vector<std::uint32_t> places = hadamard_rows_of(map);
  const std::vector<T> signs = hadamard_signs<T>(map, 0, d);  // times the factor
  for_row_runs<T>(map, y, out,
                  [&](const T* from, Index from_stride, T* to, Index to_stride, Index rows, T* row,
                      T* scratch) {
                    for (Index r = 0; r < rows; ++r, from += from_stride, to += to_stride) {
                      std::fill_n(row, n, T(0));
                      for (Index i = 0; i < k; ++i)
                        row[places[static_cast<std::size_t>(i)]] = from[i];
                      hadamard_in_place(row, n, T(1), scratch);
                      for (Index j = 0; j < d; ++j)
                        to[j] = row[j] * signs[static_cast<std::size_t>(j)];
                    }
                  });
}

template void apply_srht<float>(const Sketch&, const ConstView&, const Features&, const View&);
template void apply_srht<double>(const Sketch&, const ConstView&, const Features&, const View&);
template void adjoint_srht<float>(const Sketch&, const ConstView&, const View&);
template void adjoint_srht<double>(const Sketch&, const ConstView&, const View&);

}  // namespace isokern
