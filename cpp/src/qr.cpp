// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Householder QR: a panel of columns is factored in one thread, and its reflectors are applied to
// the columns right of it as one block (Bischof, Van Loan, "The WY representation for products of
// Householder matrices", 1987). Q is formed from the same blocks.
#include "reflector_arguments.hpp"

namespace isokern {
namespace {

// Matrices whose rows are so short are one panel.
template <class T>
constexpr Index kWholePanel = 128 / static_cast<Index>(sizeof(T));

// Columns of a panel, by measurement: short columns of float64 are factored faster in narrow
// panels, long ones are read less often in wide ones.
template <class T>
Index panel_columns(Index rows, Index columns) {
  if (columns <= kWholePanel<T>) return kWholePanel<T>;
  return sizeof(T) == 8 && rows <= 256 ? 16 : 32;
}

struct QrOutputs {
  View q, r, v, tau;  // some of them absent
};

// Where one item's outputs are.
template <class T>
struct QrItem {
  const T* x;
  T *q, *r, *v, *tau;
};

template <class T>
struct QrMemory {
  ProductMemory<T> product;
  T* work;
  Index stride;

  // work: the matrix that becomes R, where r itself is not as large.
  QrMemory(Arena& arena, const BlockPlan& plan, Index columns, bool with_work, int threads)
      : product(arena, plan, threads, plan.blocks),
        work(with_work ? arena.take<T>(plan.rows * round_up(columns, plan.unit)) : nullptr),
        stride(round_up(columns, plan.unit)) {}
};

// What panel i of some fetches of the next item.
inline Ahead part_of(const Ahead& ahead, Index i, Index panels) {
  Ahead part;
  for (int s = 0; s < Ahead::kSpans; ++s) {
    const Index begin = ahead.spans[s].bytes * i / panels;
    const Index end = ahead.spans[s].bytes * (i + 1) / panels;
    part.spans[s] = {static_cast<const std::byte*>(ahead.spans[s].data) + begin, end - begin};
  }
  return part;
}

inline Index row_stride(const Layout& layout) {
  return layout.rank < 2 ? 0 : layout.strides[layout.rank - 2];
}

// Applies the block's transpose to the columns right of its panel.
template <class T>
void update_columns(const ReflectorBlock<T>& block, const ProductMemory<T>& memory, T* right,
                    Index stride, Index columns, int threads) {
  const ReflectorKernels<T>& k = reflector_kernels<T>();
  ReflectorBlock<T> own = block;
  own.first_row = 0;
  const Index units = (columns + k.strip_columns - 1) / k.strip_columns;
  parallel_for(units, threads, [&](Index begin, Index end, int thread) {
    const Index first = begin * k.strip_columns;
    const Index count = std::min(columns, end * k.strip_columns) - first;
    T* const start = right + first;
    k.apply({&own,
             1,
             true,
             nullptr,
             {start, stride, 1},
             {start, stride, 1},
             block.rows,
             count,
             0,
             false,
             memory.of(thread),
             {}});
  });
}

template <class T>
void write_q(const BlockPlan& plan, const ProductMemory<T>& memory, T* q, const Layout& layout,
             int threads) {
  const ReflectorKernels<T>& k = reflector_kernels<T>();
  const Index columns = layout.shape[layout.rank - 1];
  const Index units = (columns + k.strip_columns - 1) / k.strip_columns;
  parallel_for(units, threads, [&](Index begin, Index end, int thread) {
    const Index first = begin * k.strip_columns;
    const Index count = std::min(columns, end * k.strip_columns) - first;
    k.apply({memory.blocks,
             plan.blocks,
             false,
             nullptr,
             {nullptr, 0, 0},
             {q + first, row_stride(layout), 1},
             plan.rows,
             count,
             first,
             false,
             memory.of(thread),
             {}});
  });
}

template <class T>
void write_factors(const BlockPlan& plan, const ProductMemory<T>& memory, T* v,
                   const Layout& layout, T* tau, Index tau_stride) {
  for (Index i = 0; i < plan.blocks; ++i) {
    const ReflectorBlock<T>& block = memory.blocks[i];
    T* const start = v + plan.first(i);
    for (Index row = 0; row < block.first_row; ++row)
      std::fill_n(start + row * row_stride(layout), block.count, T(0));
    for (Index row = 0; row < block.rows; ++row) {
      std::copy_n(block.v + row * block.stride, block.count,
                  start + (block.first_row + row) * row_stride(layout));
    }
    for (Index j = 0; j < block.count; ++j) tau[(plan.first(i) + j) * tau_stride] = block.tau[j];
  }
}

template <class T>
void factor(const ConstView& x, const BlockPlan& plan, const QrOutputs& out, const QrItem<T>& at,
            QrMemory<T>& memory, const Ahead& ahead, int threads) {
  const ReflectorKernels<T>& k = reflector_kernels<T>();
  const Index rows = plan.rows, columns = x.shape[x.rank - 1];
  T* const work = memory.work != nullptr ? memory.work : at.r;
  const Index stride = memory.work != nullptr ? memory.stride : row_stride(out.r);
  if (!k.copy_finite(at.x, row_stride(x), rows, columns, work, stride)) {
    const auto spoil = [](T* data, const Layout& matrix) {
      fill_nan(data, matrix.shape[matrix.rank - 2], row_stride(matrix),
               matrix.shape[matrix.rank - 1]);
    };
    if (out.q) spoil(at.q, out.q);
    if (out.v) spoil(at.v, out.v);
    if (out.tau) fill_nan(at.tau, 1, 0, plan.count, out.tau.strides[out.tau.rank - 1]);
    spoil(at.r, out.r);
    return;
  }
  for (Index i = 0; i < plan.blocks; ++i) {
    ReflectorBlock<T>& block = memory.product.blocks[i] = memory.product.place(plan, i, i);
    T* const corner = work + block.first_row * stride + plan.first(i);
    k.qr({corner, stride, block, memory.product.of(0), part_of(ahead, i, plan.blocks)});
    const Index right = columns - plan.first(i) - block.count;
    if (right > 0 || out.q) k.gram(block, 0, block.stride);
    if (right > 0)
      update_columns(block, memory.product, corner + block.count, stride, right, threads);
  }
  if (out.q) write_q(plan, memory.product, at.q, out.q, threads);
  if (out.v) {
    write_factors(plan, memory.product, at.v, out.v, at.tau, out.tau.strides[out.tau.rank - 1]);
  }
  if (work == at.r) return;
  for (Index row = 0; row < out.r.shape[out.r.rank - 2]; ++row)
    std::copy_n(work + row * stride, columns, at.r + row * row_stride(out.r));
}

template <class T>
void factor_all(const ConstView& x, const QrOutputs& out) {
  const Index rows = x.shape[x.rank - 2], columns = x.shape[x.rank - 1];
  const Index count = std::min(rows, columns);
  const Layout batch = batch_of_matrix(x);
  const BlockPlan plan(rows, count, true, reflector_kernels<T>().unit,
                       panel_columns<T>(rows, columns));
  const bool with_work = out.r.shape[out.r.rank - 2] < rows;
  const auto batch_in = [&](const View& view, int axes) {
    return view ? leading_axes(view, view.rank - axes) : broadcast_to({}, batch, "qr", "x");
  };
  const Batch<5> items(batch, {batch, batch_in(out.q, 2), batch_in(out.r, 2), batch_in(out.v, 2),
                               batch_in(out.tau, 1)});
  const double flops = 4.0 * static_cast<double>(count) * static_cast<double>(rows) *
                       static_cast<double>(columns) * static_cast<double>(items.size());
  const int threads = threads_for_flops(4 * flops);  // a panel is far from the peak
  const auto at = [](auto* data, Index offset) { return data == nullptr ? data : data + offset; };
  const auto place = [&](Index item) -> QrItem<T> {
    Batch<5>::Offsets o;
    items.locate(item, o);
    return {x.as<T>() + o[0], at(out.q.as<T>(), o[1]), at(out.r.as<T>(), o[2]),
            at(out.v.as<T>(), o[3]), at(out.tau.as<T>(), o[4])};
  };
  const auto ahead_of = [&](Index item) -> Ahead {
    if (item >= items.size()) return {};
    const QrItem<T> next = place(item);
    const auto span = [](const T* data, const Layout& matrix) {
      return data == nullptr ? Span{}
                             : span_ahead(data, matrix.shape[matrix.rank - 2],
                                          matrix.shape[matrix.rank - 1], row_stride(matrix));
    };
    return {
        {span(next.x, x), span(next.r, out.r), out.q ? span(next.q, out.q) : span(next.v, out.v)}};
  };
  for_items(
      items.size(), threads,
      [&](int inner) {
        Arena arena(nullptr);
        const QrMemory<T> counted(arena, plan, columns, with_work, inner);
        return arena.used();
      },
      [&](Index item, int inner, int, std::byte* bytes) {
        Arena arena(bytes);
        QrMemory<T> memory(arena, plan, columns, with_work, inner);
        factor<T>(x, plan, out, place(item), memory, ahead_of(item + 1), inner);
      });
}

// With m x n matrices: what the outputs must be.
void factor_any(const char* f, const ConstView& x, const QrOutputs& out, bool factored) {
  require_float(f, {"x", x});
  require_matrix(f, {"x", x}, x.dtype);
  const Index m = x.shape[x.rank - 2], n = x.shape[x.rank - 1], p = std::min(m, n);
  const Layout batch = batch_of_matrix(x);
  require_matrix(f, {"r", out.r}, x.dtype);
  const Index r_rows = out.r.shape[out.r.rank - 2];
  const bool complete = out.q && r_rows == m;
  require_shape(f, "r", out.r, with_matrix(batch, complete ? m : p, n), x.dtype);
  if (out.q) require_shape(f, "q", out.q, with_matrix(batch, m, complete ? m : p), x.dtype);
  if (factored) {
    require_shape(f, "v", out.v, with_matrix(batch, m, p), x.dtype);
    Layout factors = batch;
    factors.append(p, 0);
    require_shape(f, "tau", out.tau, factors, x.dtype);
  }
  require_outputs_apart(f, {{"q", out.q}, {"r", out.r}, {"v", out.v}, {"tau", out.tau}},
                        {{"x", x}});
  by_dtype(x.dtype, [&](auto zero) { factor_all<decltype(zero)>(x, out); });
}

}  // namespace

void qr(const ConstView& x, const View& q, const View& r) {
  factor_any("qr", x, {q, r, {}, {}}, false);
}

void qr_factored(const ConstView& x, const View& v, const View& tau, const View& r) {
  factor_any("qr_factored", x, {{}, r, v, tau}, true);
}

}  // namespace isokern
