// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Directional derivatives of products of reflectors.
#include "reflector_walk.hpp"

namespace isokern {
namespace {

template <class T>
void jvp_all(const ReflectorArguments& arguments, const ConstView& x, const ConstView& v_dot,
             const ConstView& tau_dot, const ConstView& x_dot, Side side, bool transpose,
             OnError on_error, const View& y, const View& y_dot) {
  if (y.size() == 0) return;
  const ReflectorKernels<T>& k = reflector_kernels<T>();
  const char* f = arguments.function;
  const Walk<T> walk(arguments, x, side);
  const BlockPlan& plan = walk.plan;
  const Index each = walk.columns_each(x);
  const auto batch_in = [&](const ConstView& view) { return walk.whole(matrix_batch(view), f); };
  const Layout x_batch = batch_in(x), x_dot_batch = batch_in(x_dot);
  const Layout y_batch = batch_in(y), y_dot_batch = batch_in(y_dot);
  const auto outer = [&](const Layout& layout) { return walk.groups.outer(layout); };
  const Batch<8> items(
      outer(walk.groups.batch),
      {outer(arguments.v_in(walk.groups.batch)), outer(arguments.tau_in(walk.groups.batch)),
       outer(batch_in(v_dot)), outer(walk.whole(tau_dot ? batch_of(tau_dot) : Layout{}, f)),
       outer(x_batch), outer(x_dot_batch), outer(y_batch), outer(y_dot_batch)});
  const auto inner_axes = [&](const Layout& layout, const ConstView& view) {
    return walk.groups.inner(layout, each, walk.column_stride(view));
  };
  const Batch<4> columns(walk.groups.inner(walk.groups.batch, each, 0),
                         {inner_axes(x_batch, x), inner_axes(x_dot_batch, x_dot),
                          inner_axes(y_batch, y), inner_axes(y_dot_batch, y_dot)});
  const double flops = 12.0 * static_cast<double>(plan.rows * std::max<Index>(plan.count, 1)) *
                       static_cast<double>(columns.size()) * static_cast<double>(items.size());
  const int threads = threads_for_flops(flops);
  Failures failures(threads);
  const bool transposed = transpose != (side == Side::right);
  const auto at = [](auto* data, Index offset) { return data == nullptr ? data : data + offset; };
  const auto carve = [&](Arena& arena, int inner) {
    struct {
      ProductMemory<T> product;
      ReflectorTangents<T>* tangents;
      T* elements;
      T* scratch;
      Index scratch_stride;
    } memory{ProductMemory<T>(arena, plan, inner, plan.blocks),
             arena.take<ReflectorTangents<T>>(plan.blocks),
             arena.take<T>(plan.blocks * plan.size * (round_up(plan.rows, k.unit) + plan.size + 1)),
             nullptr, 0};
    memory.scratch_stride =
        round_up((2 * round_up(plan.rows, k.unit) + 5 * plan.size) * k.strip_columns,
                 static_cast<Index>(64 / sizeof(T)));
    memory.scratch = arena.take<T>(memory.scratch_stride * inner);
    return memory;
  };
  const Index v_dot_rows = v_dot ? v_dot.strides[v_dot.rank - 2] : 0;
  const Index tau_dot_stride = tau_dot ? tau_dot.strides[tau_dot.rank - 1] : 0;
  const auto run_item = [&](Index item, int inner, int thread, std::byte* bytes) {
    Arena arena(bytes);
    const auto memory = carve(arena, inner);
    Batch<8>::Offsets o;
    items.locate(item, o);
    const T* tau = arguments.tau ? arguments.tau.as<T>() + o[1] : nullptr;
    const T* my_v_dot = v_dot ? v_dot.as<T>() + o[2] : nullptr;
    const T* my_tau_dot = tau_dot ? tau_dot.as<T>() + o[3] : nullptr;
    const Failure failure =
        fill_blocks(plan, memory.product, 0, plan.blocks, inner, true,
                    packer<T>(arguments, plan, arguments.v.as<T>() + o[0], tau));
    if (failure != Failure::none) {
      failures.note(thread, item, {0, failure});
      columns.for_runs(0, columns.size(), [&](Index, Index count, const Index* c) {
        fill_nan(y.as<T>() + o[6] + c[2], plan.rows, walk.row_stride(y), count,
                 columns.inner_stride(2));
        fill_nan(y_dot.as<T>() + o[7] + c[3], plan.rows, walk.row_stride(y_dot), count,
                 columns.inner_stride(3));
        return true;
      });
      return;
    }
    T* next = memory.elements;
    for (Index i = 0; i < plan.blocks; ++i) {
      const ReflectorBlock<T>& block = memory.product.blocks[i];
      ReflectorTangents<T>& tangents = memory.tangents[i];
      tangents.v = next;
      tangents.gram = tangents.v + round_up(block.rows, k.unit) * block.stride;
      tangents.tau = tangents.gram + block.stride * block.stride;
      next = tangents.tau + block.stride;
      k.pack_tangents({block, at(my_v_dot, block.first_row * v_dot_rows + plan.first(i)),
                       at(my_tau_dot, plan.first(i) * tau_dot_stride), v_dot_rows, tau_dot_stride,
                       tau == nullptr, plan.lapack, tangents});
    }
    const Index units = (columns.size() + k.strip_columns - 1) / k.strip_columns;
    parallel_for(units, inner, [&](Index unit, Index last_unit, int part) {
      columns.for_runs(
          unit * k.strip_columns, std::min(columns.size(), last_unit * k.strip_columns),
          [&](Index, Index count, const Index* c) {
            const T* my_x_dot = x_dot ? x_dot.as<T>() + o[5] + c[1] : nullptr;
            k.jvp({memory.product.blocks,
                   memory.tangents,
                   plan.blocks,
                   transposed,
                   {x.as<T>() + o[4] + c[0], walk.row_stride(x), columns.inner_stride(0)},
                   {my_x_dot, walk.row_stride(x_dot), columns.inner_stride(1)},
                   {y.as<T>() + o[6] + c[2], walk.row_stride(y), columns.inner_stride(2)},
                   {y_dot.as<T>() + o[7] + c[3], walk.row_stride(y_dot), columns.inner_stride(3)},
                   plan.rows,
                   count,
                   memory.scratch + part * memory.scratch_stride});
            return true;
          });
    });
  };
  for_items(
      items.size(), threads,
      [&](int inner) {
        Arena arena(nullptr);
        carve(arena, inner);
        return arena.used();
      },
      run_item);
  const RunStatus status = failures.first();
  if (on_error != OnError::nan) arguments.throw_for(status.failure, status.item);
}

}  // namespace

void apply_reflectors_jvp(const ConstView& v, const ConstView& tau, const ConstView& x,
                          const ConstView& v_dot, const ConstView& tau_dot, const ConstView& x_dot,
                          Side side, bool transpose, Storage storage, OnError on_error,
                          const View& y, const View& y_dot) {
  const ReflectorArguments arguments("apply_reflectors_jvp", v, tau, storage);
  const char* f = arguments.function;
  require_matrix(f, {"x", x}, arguments.dtype);
  require_reflected(arguments, x, side);
  const Layout batch = broadcast_shapes(arguments.batch, batch_of_matrix(x), f, "x");
  const Layout shape = with_matrix(batch, x.shape[x.rank - 2], x.shape[x.rank - 1]);
  for (const Named& tangent : {Named{"v_dot", v_dot}, Named{"x_dot", x_dot}}) {
    if (tangent.view) require_matrix(f, tangent, arguments.dtype);
  }
  if (v_dot) require_same_shape(f, {"v_dot", v_dot}, {"v", v});
  if (x_dot) require_same_shape(f, {"x_dot", x_dot}, {"x", x});
  if (tau_dot) {
    require_dtype(f, {"tau_dot", tau_dot}, arguments.dtype);
    require_same_shape(f, {"tau_dot", tau_dot}, {"tau", tau});
  }
  require_shape(f, "y", y, shape, arguments.dtype);
  require_shape(f, "y_dot", y_dot, shape, arguments.dtype);
  require_outputs_apart(
      f, {{"y", y}, {"y_dot", y_dot}},
      {{"v", v}, {"tau", tau}, {"x", x}, {"v_dot", v_dot}, {"x_dot", x_dot}, {"tau_dot", tau_dot}});
  by_dtype(arguments.dtype, [&](auto zero) {
    jvp_all<decltype(zero)>(arguments, x, v_dot, tau_dot, x_dot, side, transpose, on_error, y,
                            y_dot);
  });
}

}  // namespace isokern
