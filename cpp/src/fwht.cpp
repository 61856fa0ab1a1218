// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Walsh-Hadamard transforms along any axis. More than 4096 numbers are a matrix with rows of 4096:
// its rows are transformed first, then its columns, some of which lie in a cache at a time.
#include <cmath>

#include "matrices.hpp"
#include "projection.hpp"

namespace isokern {
namespace {

constexpr Index kOnePass = 4096, kLongest = Index{1} << 24;

// Columns that are transformed together: whole lines, in half of a second cache.
template <class T>
Index columns_at_once(Index n) {
  constexpr Index bytes = Index{512} << 10, line = 64 / static_cast<Index>(sizeof(T));
  return std::max(line,
                  std::min<Index>(bytes / (n * static_cast<Index>(sizeof(T))), 256) / line * line);
}

template <class T>
Index column_scratch(Index n) {
  return n * (columns_at_once<T>(n) + 64) * static_cast<Index>(sizeof(T));
}

// n rows of `columns` numbers, down the columns [begin, end).
template <class T>
struct Block {
  const T* x;
  Index x_stride;
  T* out;
  Index out_stride;
};

template <class T>
void transform_columns(const Block<T>& block, Index n, Index columns, T factor, T* scratch) {
  const Index width = columns_at_once<T>(n);
  for (Index c = 0; c < columns; c += width) {
    projection_kernels<T>().hadamard_columns({block.x + c, block.out + c, block.x_stride,
                                              block.out_stride, n, std::min(width, columns - c),
                                              factor, scratch});
  }
}

template <class T>
void fwht_rows(const ConstView& x, Index n, T factor, const View& out) {
  const RowPairs pairs(x, out);
  const Index items = pairs.items.size();
  const double bytes = 2.0 * static_cast<double>(items) * static_cast<double>(n) * sizeof(T);
  const Index low = std::min(n, kOnePass), high = n / low;
  const Index scratch_bytes = low * static_cast<Index>(sizeof(T)) + 64;
  const bool stream =
      high == 1 && out.data != x.data && out.size() * size_of(out.dtype) >= kStreamBytes;
  // A long row is several short ones for the first pass.
  const int threads = threads_for(bytes);
  const Workspace rows(threads, scratch_bytes);
  parallel_for(items * high, threads, [&](Index begin, Index end, int thread) {
    if (high == 1) {
      pairs.items.for_runs(begin, end, [&](Index, Index count, const auto& at) {
        projection_kernels<T>().hadamard_rows(
            {x.as<T>() + at[0], out.as<T>() + at[1], pairs.items.inner_stride(0),
             pairs.items.inner_stride(1), count, n, factor, stream, rows.of<T>(thread)});
        return true;
      });
      return;
    }
    for (Index i = begin; i < end; ++i) {
      Batch<2>::Offsets at;
      pairs.items.locate(i / high, at);
      const Index first = i % high * low;
      projection_kernels<T>().hadamard_rows({x.as<T>() + at[0] + first, out.as<T>() + at[1] + first,
                                             low, low, 1, low, T(1), false, rows.of<T>(thread)});
    }
  });
  if (high == 1) return;
  const Workspace columns(threads, column_scratch<T>(high));
  const Index width = columns_at_once<T>(high), parts = (low + width - 1) / width;
  parallel_for(items * parts, threads, [&](Index begin, Index end, int thread) {
    for (Index i = begin; i < end; ++i) {
      Batch<2>::Offsets at;
      pairs.items.locate(i / parts, at);
      const Index first = i % parts * width;
      T* const to = out.as<T>() + at[1] + first;
      transform_columns<T>({to, low, to, low}, high, std::min(width, low - first), factor,
                           columns.of<T>(thread));
    }
  });
}

// Along an axis before the last: the last axis is a row of columns.
template <class T>
void fwht_columns(const ConstView& x, int axis, T factor, const View& out) {
  const Index n = x.shape[axis], columns = x.shape[x.rank - 1];
  Layout shape, x_others, out_others;
  for (int i = 0; i + 1 < x.rank; ++i) {
    if (i == axis) continue;
    shape.append(x.shape[i], 0);
    x_others.append(x.shape[i], x.strides[i]);
    out_others.append(x.shape[i], out.strides[i]);
  }
  const Batch<2> items(shape, {x_others, out_others});
  const Index low = std::min(n, kOnePass), high = n / low;
  const Index x_step = x.strides[axis], out_step = out.strides[axis];
  const int threads = threads_for(2.0 * static_cast<double>(x.size()) * sizeof(T));
  const Workspace scratch(threads, std::max(column_scratch<T>(low), column_scratch<T>(high)));
  // Places along the axis that differ by multiples of `step` are transformed together.
  const auto pass = [&](Index length, Index step, bool first, T times) {
    const Index width = columns_at_once<T>(length), parts = (columns + width - 1) / width;
    const Index others = n / length;
    parallel_for(items.size() * others * parts, threads, [&](Index begin, Index end, int thread) {
      for (Index i = begin; i < end; ++i) {
        Batch<2>::Offsets at;
        items.locate(i / (others * parts), at);
        const Index other = i / parts % others, c = i % parts * width;
        const Index place = step == 1 ? other * length : other;
        T* const to = out.as<T>() + at[1] + place * out_step + c;
        const T* from = first ? x.as<T>() + at[0] + place * x_step + c : to;
        transform_columns<T>({from, step * (first ? x_step : out_step), to, step * out_step},
                             length, std::min(width, columns - c), times, scratch.of<T>(thread));
      }
    });
  };
  pass(low, 1, true, high == 1 ? factor : T(1));
  if (high > 1) pass(high, low, false, factor);
}

}  // namespace

Index hadamard_scratch(Index n) {
  const Index low = std::min(n, kOnePass), high = n / low;
  return std::max<Index>(low * 8, high > 1 ? column_scratch<double>(high) : 0) + 64;
}

template <class T>
void hadamard_in_place(T* row, Index n, T factor, T* scratch) {
  const Index low = std::min(n, kOnePass), high = n / low;
  projection_kernels<T>().hadamard_rows(
      {row, row, low, low, high, low, high == 1 ? factor : T(1), false, scratch});
  if (high > 1) transform_columns<T>({row, low, row, low}, high, low, factor, scratch);
}

template void hadamard_in_place(float*, Index, float, float*);
template void hadamard_in_place(double*, Index, double, double*);

void fwht(const ConstView& x, int axis, bool normalize, const View& out) {
  constexpr const char* f = "fwht";
  require_float(f, {"x", x});
  if (x.rank < 1 || axis < 0 || axis >= x.rank) {
    throw invalid_argument("fwht: axis is " + std::to_string(axis) +
                           ", expected an axis of x, which has shape " + shape_text(x));
  }
  const Index n = x.shape[axis];
  if (n < 1 || n > kLongest || (n & (n - 1)) != 0) {
    throw invalid_argument("fwht: x has " + std::to_string(n) + " numbers along axis " +
                           std::to_string(axis) + ", expected a power of two up to 2^24");
  }
  require_dtype(f, {"out", out}, x.dtype);
  bool fits = out.rank == x.rank;
  for (int i = 0; fits && i < x.rank; ++i) fits = out.shape[i] == x.shape[i];
  if (!fits) {
    throw invalid_argument("fwht: out has shape " + shape_text(out) + ", expected " +
                           shape_text(x));
  }
  if (x.size() == 0) return;
  require_rows(f, {"x", x}, x.shape[x.rank - 1], x.dtype);
  require_output(f, "out", out, batch_of(x), x.shape[x.rank - 1], x.dtype);
  require_disjoint(out, x, true, f, "out", "x");
  with_dtype(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T factor = normalize ? static_cast<T>(1 / std::sqrt(static_cast<double>(n))) : T(1);
    if (axis == x.rank - 1) {
      fwht_rows<T>(x, n, factor, out);
    } else {
      fwht_columns<T>(x, axis, factor, out);
    }
  });
}

}  // namespace isokern
