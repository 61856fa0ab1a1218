// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// What the sources of random maps share: the map as kernels take it, arguments that were checked,
// and the parts that make up Sketch.
#pragma once

#include <memory>
#include <vector>

#include "isokern/projection.hpp"
#include "parallel.hpp"
#include "reflectors.hpp"
#include "rows.hpp"
#include "table.hpp"

namespace isokern {

// Columns first, first + 1, ... of the map are applied to rows of x; `add`: on top of out.
struct Features {
  Index first, count;
  bool add;
};

// Rows of x and out side by side.
struct RowPairs {
  Batch<2> items;
  RowPairs(const ConstView& x, const View& out)
      : items(batch_of(out), {batch_of(x), batch_of(out)}) {}
};

inline bool is_sparse(SketchKind kind) {
  return kind == SketchKind::sparse_jl || kind == SketchKind::count_sketch ||
         kind == SketchKind::achlioptas || kind == SketchKind::very_sparse;
}

MapSpec spec_of(const Sketch& map);

// The length of the transform of srht, the rows that were drawn, and the signs of features, times
// the factor.
Index hadamard_size(const Sketch& map);
std::vector<std::uint32_t> hadamard_rows_of(const Sketch& map);
template <class T>
std::vector<T> hadamard_signs(const Sketch& map, Index first, Index count);

// Entries (row, first), ... of any kind, for many rows.
template <class T>
class EntrySource {
 public:
  explicit EntrySource(const Sketch& map);
  void row(Index row, Index first, Index count, T* out) const noexcept;

 private:
  const Sketch& map_;
  MapSpec spec_;
  std::vector<std::uint32_t> hadamard_;
  std::vector<T> signs_;  // of srht
  std::vector<T> haar_;   // (d, k)
};

// Lists of the nonzeros of a sparse map, by output (starts: outputs + 1) or in equal numbers.
struct Lists {
  std::unique_ptr<std::uint32_t[]> starts;
  std::unique_ptr<Nonzero[]> entries;
  Index count = 0;
};
struct ListBlock {
  Index first, count;  // features
  Lists lists;
  std::unique_ptr<std::uint32_t[]> by_length;  // as kernels gather
};
// By row, of features first, ..., first + count - 1, cut into blocks, where they are numbered from
// 0; `sorted`: by length in place of by row.
std::vector<ListBlock> draw_blocks(const MapSpec& map, Index first, Index count, Index block,
                                   bool sorted);
// Lists of outputs, of up to `longest` entries each, in the order that kernels gather them.
// Scratch: longest + 1.
Index by_length_size(Index entries, Index outputs);
void by_length(const std::uint32_t* starts, const Nonzero* entries, Index outputs, Index longest,
               std::uint32_t* scratch, std::uint32_t* out) noexcept;
Lists lists_by_row(const MapSpec& map, Index first, Index count);
// By feature, rows ascending; `starts` only where features differ in number.
Lists lists_by_feature(const MapSpec& map, Index first, Index count, int threads);

template <class T>
void apply_lists(const Sketch& map, const ConstView& x, const Features& features, const View& out);
template <class T>
void adjoint_lists(const Sketch& map, const ConstView& y, const View& out);
template <class T>
void apply_panels(const Sketch& map, const ConstView& x, const Features& features, const View& out);
template <class T>
void adjoint_panels(const Sketch& map, const ConstView& y, const View& out);
template <class T>
void apply_srht(const Sketch& map, const ConstView& x, const Features& features, const View& out);
template <class T>
void adjoint_srht(const Sketch& map, const ConstView& y, const View& out);
// One row in scratch of the size of the transform, in place.
template <class T>
void hadamard_in_place(T* row, Index n, T factor, T* scratch);
// Scratch of it.
Index hadamard_scratch(Index n);
template <class T>
void apply_sparse(const Sketch& map, const SparseView& x, const Features& features,
                  const View& out);

// Calls call(float{}) or call(double{}).
template <class Call>
void with_dtype(Dtype dtype, Call&& call) {
  if (dtype == Dtype::float32) {
    call(float{});
  } else {
    call(double{});
  }
}

}  // namespace isokern
