// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Gradients of products of reflectors. Columns are cut into chunks by their number alone; each
// chunk has sums of its own, which are added in order, so that gradients do not depend on threads.
#include "reflector_walk.hpp"

namespace isokern {
namespace {

// Chunks of columns with sums of their own.
template <class T>
Index chunks_of(const BlockPlan& plan, Index columns) {
  const ReflectorKernels<T>& k = reflector_kernels<T>();
  const Index units = (columns + k.strip_columns - 1) / k.strip_columns;
  const double flops = 10.0 * static_cast<double>(plan.rows) * static_cast<double>(plan.count) *
                       static_cast<double>(columns);
  if (flops < 3e7) return 1;  // a millisecond
  const Index limit = plan.rows * plan.count > (Index{1} << 22) ? 4 : 16;
  return std::clamp<Index>(units, 1, limit);
}

template <class T>
struct VjpMemory {
  ProductMemory<T> product;
  Index chunks, chunk_elements;
  ReflectorSums<T>* sums;  // (chunks, blocks)
  T* sum_elements;
  T* scratch;
  Index scratch_stride;

  VjpMemory(Arena& arena, const BlockPlan& plan, Index columns, int threads)
      : product(arena, plan, threads, plan.blocks), chunks(chunks_of<T>(plan, columns)) {
    const ReflectorKernels<T>& k = reflector_kernels<T>();
    sums = arena.take<ReflectorSums<T>>(chunks * plan.blocks);
    Arena one(nullptr);
    for (Index i = 0; i < plan.blocks; ++i) place(one, plan, i);
    chunk_elements = one.used() / static_cast<Index>(sizeof(T));
    sum_elements = arena.take<T>(chunks * chunk_elements);
    const Index padded = round_up(plan.rows, k.unit);
    const Index kept = std::max<Index>(plan.blocks, 1);
    scratch_stride = round_up(((1 + kept) * padded + (4 + 2 * kept) * plan.size) * k.strip_columns,
                              static_cast<Index>(64 / sizeof(T)));
    scratch = arena.take<T>(scratch_stride * threads);
  }

  static ReflectorSums<T> place(Arena& arena, const BlockPlan& plan, Index block) {
    const Index stride = round_up(plan.columns(block), plan.unit);
    const Index rows = round_up(plan.rows - plan.first_row(block), plan.unit);
    ReflectorSums<T> placed;
    placed.v = arena.take<T>(rows * stride);
    placed.gram = arena.take<T>(stride * stride);
    placed.tau = arena.take<double>(stride);
    return placed;
  }
};

// Adds the sums of later chunks to those of the first.
template <class T>
void add_chunks(const BlockPlan& plan, const VjpMemory<T>& memory, int threads) {
  for (Index block = 0; block < plan.blocks; ++block) {
    const Index stride = round_up(plan.columns(block), plan.unit);
    const Index rows = round_up(plan.rows - plan.first_row(block), plan.unit);
    const ReflectorSums<T>& total = memory.sums[block];
    for (Index chunk = 1; chunk < memory.chunks; ++chunk) {
      const ReflectorSums<T>& part = memory.sums[chunk * plan.blocks + block];
      parallel_for(rows, threads, [&](Index begin, Index end, int) {
        for (Index i = begin * stride; i < end * stride; ++i) total.v[i] += part.v[i];
      });
      for (Index i = 0; i < stride * stride; ++i) total.gram[i] += part.gram[i];
      for (Index i = 0; i < stride; ++i) total.tau[i] += part.tau[i];
    }
  }
}

template <class T>
void zero_rows(T* out, const Layout& layout) {
  const Layout batch = batch_of(layout);
  const Batch<1> rows(batch, {batch});
  rows.for_runs(0, rows.size(), [&](Index, Index count, const Index* offsets) {
    for (Index row = 0; row < count; ++row)
      std::fill_n(out + offsets[0] + row * rows.inner_stride(0), layout.shape[layout.rank - 1],
                  T(0));
    return true;
  });
}

template <class T>
void vjp_all(const ReflectorArguments& arguments, const ConstView& g, const ConstView& x, Side side,
             bool transpose, OnError on_error, const View& v_bar, const View& tau_bar,
             const View& x_bar) {
  if (arguments.rows == 0) {
    if (tau_bar) zero_rows(tau_bar.as<T>(), tau_bar);
    return;
  }
  const ReflectorKernels<T>& k = reflector_kernels<T>();
  const char* f = arguments.function;
  const Walk<T> walk(arguments, x, side);
  const BlockPlan& plan = walk.plan;
  const Index each = walk.columns_each(x);
  const auto batch_in = [&](const ConstView& view) { return walk.whole(matrix_batch(view), f); };
  const Layout g_batch = batch_in(g), x_batch = batch_in(x), x_bar_batch = batch_in(x_bar);
  const Layout v_bar_batch = walk.whole(batch_of_matrix(v_bar), f);
  const Layout tau_bar_batch = walk.whole(tau_bar ? batch_of(tau_bar) : Layout{}, f);
  const auto outer = [&](const Layout& layout) { return walk.groups.outer(layout); };
  const Batch<7> items(outer(walk.groups.batch),
                       {outer(arguments.v_in(walk.groups.batch)),
                        outer(arguments.tau_in(walk.groups.batch)), outer(g_batch), outer(x_batch),
                        outer(x_bar_batch), outer(v_bar_batch), outer(tau_bar_batch)});
  const auto inner_axes = [&](const Layout& layout, const ConstView& view) {
    return walk.groups.inner(layout, each, walk.column_stride(view));
  };
  const Batch<3> columns(
      walk.groups.inner(walk.groups.batch, each, 0),
      {inner_axes(g_batch, g), inner_axes(x_batch, x), inner_axes(x_bar_batch, x_bar)});
  const double flops = 10.0 * static_cast<double>(plan.rows * std::max<Index>(plan.count, 1)) *
                       static_cast<double>(columns.size()) * static_cast<double>(items.size());
  const int threads = threads_for_flops(flops);
  const bool stream = x_bar.size() * static_cast<Index>(sizeof(T)) >= 4 * kStreamBytes;
  Failures failures(threads);
  const bool transposed = transpose != (side == Side::right);
  const Index v_bar_rows = v_bar.strides[v_bar.rank - 2];
  const Index tau_bar_stride = tau_bar ? tau_bar.strides[tau_bar.rank - 1] : 0;
  const auto at = [](auto* data, Index offset) { return data == nullptr ? data : data + offset; };

  const auto run_item = [&](Index item, int inner, int thread, std::byte* bytes) {
    Arena arena(bytes);
    VjpMemory<T> memory(arena, plan, columns.size(), inner);
    Batch<7>::Offsets o;
    items.locate(item, o);
    const T* tau = arguments.tau ? arguments.tau.as<T>() + o[1] : nullptr;
    T* const my_v_bar = v_bar.as<T>() + o[5];
    T* const my_tau_bar = tau_bar ? tau_bar.as<T>() + o[6] : nullptr;
    T* const my_x_bar = at(x_bar.as<T>(), o[4]);
    const Failure failure =
        fill_blocks(plan, memory.product, 0, plan.blocks, inner, true,
                    packer<T>(arguments, plan, arguments.v.as<T>() + o[0], tau));
    if (failure != Failure::none) {
      failures.note(thread, item, {0, failure});
      fill_nan(my_v_bar, plan.rows, v_bar_rows, plan.count, 1);
      if (my_tau_bar != nullptr) fill_nan(my_tau_bar, 1, 0, plan.count, tau_bar_stride);
      columns.for_runs(0, my_x_bar == nullptr ? 0 : columns.size(),
                       [&](Index, Index count, const Index* c) {
                         fill_nan(my_x_bar + c[2], plan.rows, walk.row_stride(x_bar), count,
                                  columns.inner_stride(2));
                         return true;
                       });
      return;
    }
    parallel_for(memory.chunks, inner, [&](Index begin, Index end, int part) {
      for (Index chunk = begin; chunk < end; ++chunk) {
        T* const elements = memory.sum_elements + chunk * memory.chunk_elements;
        std::fill_n(elements, memory.chunk_elements, T(0));
        Arena sums(reinterpret_cast<std::byte*>(elements));
        for (Index i = 0; i < plan.blocks; ++i)
          memory.sums[chunk * plan.blocks + i] = VjpMemory<T>::place(sums, plan, i);
        const Index units = (columns.size() + k.strip_columns - 1) / k.strip_columns;
        const Index first = units * chunk / memory.chunks * k.strip_columns;
        const Index last =
            std::min(columns.size(), units * (chunk + 1) / memory.chunks * k.strip_columns);
        columns.for_runs(first, last, [&](Index, Index count, const Index* c) {
          k.vjp({memory.product.blocks, memory.sums + chunk * plan.blocks, plan.blocks, transposed,
                 Matrix<const T>{g.as<T>() + o[2] + c[0], walk.row_stride(g),
                                 columns.inner_stride(0)},
                 Matrix<const T>{x.as<T>() + o[3] + c[1], walk.row_stride(x),
                                 columns.inner_stride(1)},
                 Matrix<T>{at(my_x_bar, c[2]), walk.row_stride(x_bar), columns.inner_stride(2)},
                 plan.rows, count, stream, memory.scratch + part * memory.scratch_stride});
          return true;
        });
      }
    });
    add_chunks(plan, memory, inner);
    for (Index i = 0; i < plan.blocks; ++i) {
      const ReflectorBlock<T>& block = memory.product.blocks[i];
      for (Index row = 0; row < block.first_row; ++row)
        std::fill_n(my_v_bar + row * v_bar_rows + plan.first(i), block.count, T(0));
      k.finish_vjp({block, memory.sums[i], plan.lapack,
                    my_v_bar + block.first_row * v_bar_rows + plan.first(i), v_bar_rows,
                    at(my_tau_bar, plan.first(i) * tau_bar_stride), tau_bar_stride});
    }
  };
  for_items(
      items.size(), threads,
      [&](int inner) {
        Arena arena(nullptr);
        const VjpMemory<T> counted(arena, plan, columns.size(), inner);
        return arena.used();
      },
      run_item);
  const RunStatus status = failures.first();
  if (on_error != OnError::nan) arguments.throw_for(status.failure, status.item);
}

}  // namespace

void apply_reflectors_vjp(const ConstView& g, const ConstView& v, const ConstView& tau,
                          const ConstView& x, Side side, bool transpose, Storage storage,
                          OnError on_error, const View& v_bar, const View& tau_bar,
                          const View& x_bar) {
  const ReflectorArguments arguments("apply_reflectors_vjp", v, tau, storage);
  const char* f = arguments.function;
  require_matrix(f, {"x", x}, arguments.dtype);
  require_matrix(f, {"cotangent", g}, arguments.dtype);
  require_reflected(arguments, x, side);
  const Layout batch = broadcast_shapes(arguments.batch, batch_of_matrix(x), f, "x");
  const Layout shape = with_matrix(batch, x.shape[x.rank - 2], x.shape[x.rank - 1]);
  broadcast_to(g, shape, f, "cotangent");
  require_shape(f, "v_bar", v_bar, with_matrix(arguments.batch, arguments.rows, arguments.count),
                arguments.dtype);
  if (static_cast<bool>(tau) != static_cast<bool>(tau_bar)) {
    throw invalid_argument(std::string(f) + ": tau_bar is " + (tau_bar ? "given" : "absent") +
                           " while tau is " + (tau ? "given" : "absent") +
                           ", expected both or neither");
  }
  if (tau_bar) {
    Layout tau_shape = arguments.batch;
    tau_shape.append(arguments.count, 0);
    require_shape(f, "tau_bar", tau_bar, tau_shape, arguments.dtype);
  }
  if (x_bar) require_shape(f, "x_bar", x_bar, shape, arguments.dtype);
  require_outputs_apart(f, {{"v_bar", v_bar}, {"tau_bar", tau_bar}, {"x_bar", x_bar}},
                        {{"cotangent", g}, {"v", v}, {"tau", tau}, {"x", x}});
  by_dtype(arguments.dtype, [&](auto zero) {
    vjp_all<decltype(zero)>(arguments, g, x, side, transpose, on_error, v_bar, tau_bar, x_bar);
  });
}

}  // namespace isokern
