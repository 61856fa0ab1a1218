// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Products of reflectors: applied, formed, and as compact WY.
#include "reflectors.hpp"

#include "reflector_arguments.hpp"

namespace isokern {
namespace {

// Looks at all reflectors, so that nothing is written when one of them is refused.
template <class T>
void require_reflectors(const ReflectorArguments& arguments) {
  const Layout& shape = arguments.batch;
  const Batch<2> items(shape, {arguments.v_in(shape), arguments.tau_in(shape)});
  const BlockPlan plan(arguments.rows, arguments.count, arguments.lapack(),
                       reflector_kernels<T>().unit);
  const double elements =
      static_cast<double>(items.size()) * static_cast<double>(plan.rows * plan.count) * sizeof(T);
  const int threads = threads_for(elements);
  Failures failures(threads);
  for_items(
      items.size(), threads, [&](int) { return 4 * plan.size * static_cast<Index>(sizeof(T)); },
      [&](Index item, int, int thread, std::byte* bytes) {
        Batch<2>::Offsets at;
        items.locate(item, at);
        const T* tau = arguments.tau ? arguments.tau.as<T>() + at[1] : nullptr;
        for (Index i = 0; i < plan.blocks; ++i) {
          Arena nowhere(nullptr);
          const PackRun<T> run =
              pack_run<T>(arguments, plan, arguments.v.as<T>() + at[0], tau, i,
                          plan.place<T>(nowhere, i), reinterpret_cast<T*>(bytes));
          failures.note(thread, item, {0, reflector_kernels<T>().check_columns(run)});
        }
      });
  const RunStatus status = failures.first();
  arguments.throw_for(status.failure, status.item);
}

// Q applied to x, or to the identity where x is absent.
template <class T>
void apply_all(const ReflectorArguments& arguments, const ConstView& x, Side side, bool transpose,
               OnError on_error, const View& out) {
  if (out.size() == 0) return;
  if (on_error == OnError::raise) require_reflectors<T>(arguments);
  const ReflectorKernels<T>& k = reflector_kernels<T>();
  const BlockPlan plan(arguments.rows, arguments.count, arguments.lapack(), k.unit);
  const ReflectorGroups groups(arguments, out);
  const MatrixSide where{side};
  const int column_axis = where.column_axis(out);
  const Index columns_each = out.shape[column_axis];
  const auto whole = [&](const Layout& layout) {
    return broadcast_to(layout, groups.batch, arguments.function, "x");
  };
  const Layout x_batch = whole(x ? batch_of_matrix(x) : Layout{});
  const Layout out_batch = batch_of_matrix(out);
  const Batch<4> items(
      groups.outer(groups.batch),
      {groups.outer(arguments.v_in(groups.batch)), groups.outer(arguments.tau_in(groups.batch)),
       groups.outer(x_batch), groups.outer(out_batch)});
  const Batch<2> columns(
      groups.inner(groups.batch, columns_each, 0),
      {groups.inner(x_batch, columns_each, x ? x.strides[where.column_axis(x)] : 0),
       groups.inner(out_batch, columns_each, out.strides[column_axis])});
  const double flops = 4.0 * static_cast<double>(plan.rows * std::max<Index>(plan.count, 1)) *
                       static_cast<double>(columns.size()) * static_cast<double>(items.size());
  const int threads = threads_for_flops(flops);
  const bool stream = !(x && same_elements(out, x)) &&
                      out.size() * static_cast<Index>(sizeof(T)) >= 4 * kStreamBytes;
  Failures failures(threads);
  const auto ahead_of = [&](Index item) -> Ahead {
    if (item >= items.size() || columns.size() != columns_each) return {};
    Batch<4>::Offsets at;
    items.locate(item, at);
    return {{span_ahead(arguments.v.as<T>() + at[0], plan.rows, plan.count,
                        arguments.v.strides[arguments.v.rank - 2]),
             span_ahead(x ? x.as<T>() + at[2] : nullptr, plan.rows, columns_each,
                        x ? where.row_stride(x) : 0),
             span_ahead(out.as<T>() + at[3], plan.rows, columns_each, where.row_stride(out))}};
  };
  for_items(
      items.size(), threads, [&](int inner) { return product_bytes<T>(plan, inner); },
      [&](Index item, int inner, int thread, std::byte* bytes) {
        Arena arena(bytes);
        const ProductMemory<T> memory(arena, plan, inner);
        Batch<4>::Offsets at;
        items.locate(item, at);
        const T* tau = arguments.tau ? arguments.tau.as<T>() + at[1] : nullptr;
        const Columns<T> mine{columns,
                              x ? x.as<T>() + at[2] : nullptr,
                              out.as<T>() + at[3],
                              x ? where.row_stride(x) : 0,
                              where.row_stride(out),
                              stream,
                              nullptr,
                              ahead_of(item + 1)};
        const Failure failure =
            apply_product(plan, memory, inner, transpose != (side == Side::right), mine,
                          packer<T>(arguments, plan, arguments.v.as<T>() + at[0], tau));
        if (failure == Failure::none) return;
        failures.note(thread, item, {0, failure});
        columns.for_runs(0, columns.size(), [&](Index, Index count, const Index* offsets) {
          fill_nan(mine.out + offsets[1], plan.rows, mine.out_row_stride, count,
                   columns.inner_stride(1));
          return true;
        });
      });
  const RunStatus status = failures.first();
  if (on_error != OnError::nan) arguments.throw_for(status.failure, status.item);
}

// T of one item, from its only block.
template <class T>
void write_compact(const ReflectorBlock<T>& block, const T* packed, T* out, Index row_stride) {
  for (Index p = 0; p < block.count; ++p) {
    for (Index q = 0; q < block.count; ++q) {
      const double value = static_cast<double>(packed[p * block.stride + q]);
      out[p * row_stride + q] =
          q < p ? T(0) : static_cast<T>(value * block.scale[p] * block.scale[q]);
    }
  }
}

template <class T>
void compact_all(const ReflectorArguments& arguments, OnError on_error, const View& out) {
  if (out.size() == 0) return;
  if (on_error == OnError::raise) require_reflectors<T>(arguments);
  const ReflectorKernels<T>& k = reflector_kernels<T>();
  const BlockPlan plan(arguments.rows, arguments.count, arguments.lapack(), k.unit,
                       std::max<Index>(arguments.count, 1));
  const Batch<3> items(arguments.batch, {arguments.v_in(arguments.batch),
                                         arguments.tau_in(arguments.batch), batch_of_matrix(out)});
  const Index row_stride = out.strides[out.rank - 2];
  const double size = static_cast<double>(plan.count);
  const int threads = threads_for_flops(static_cast<double>(items.size()) * size * size *
                                        (static_cast<double>(plan.rows) + size));
  Failures failures(threads);
  const auto carve = [&](Arena& arena, int inner) {
    struct {
      ProductMemory<T> product;
      T* packed;
    } memory{ProductMemory<T>(arena, plan, inner), arena.take<T>(plan.size * plan.size)};
    return memory;
  };
  for_items(
      items.size(), threads,
      [&](int inner) {
        Arena arena(nullptr);
        carve(arena, inner);
        return arena.used();
      },
      [&](Index item, int inner, int thread, std::byte* bytes) {
        Arena arena(bytes);
        const auto memory = carve(arena, inner);
        Batch<3>::Offsets at;
        items.locate(item, at);
        const T* tau = arguments.tau ? arguments.tau.as<T>() + at[1] : nullptr;
        T* const mine = out.as<T>() + at[2];
        const Failure failure =
            fill_blocks(plan, memory.product, 0, 1, 1, false,
                        packer<T>(arguments, plan, arguments.v.as<T>() + at[0], tau));
        const ReflectorBlock<T>& block = memory.product.blocks[0];
        if (failure != Failure::none) {
          failures.note(thread, item, {0, failure});
          fill_nan(mine, plan.count, row_stride, plan.count);
          return;
        }
        const Index strips = (block.stride + k.strip_columns - 1) / k.strip_columns;
        const auto strip_end = [&](Index strip) {
          return std::min(block.stride, strip * k.strip_columns);
        };
        parallel_for(strips, inner, [&](Index begin, Index end, int) {
          k.gram(block, strip_end(begin), strip_end(end));
        });
        parallel_for(strips, inner, [&](Index begin, Index end, int part) {
          k.compact(block, strip_end(begin), strip_end(end), memory.product.of(part),
                    memory.packed);
        });
        write_compact(block, memory.packed, mine, row_stride);
      });
  const RunStatus status = failures.first();
  if (on_error != OnError::nan) arguments.throw_for(status.failure, status.item);
}

void require_apart(const ReflectorArguments& arguments, const View& out) {
  require_disjoint(out, arguments.v, false, arguments.function, "out", "v");
  if (arguments.tau) require_disjoint(out, arguments.tau, false, arguments.function, "out", "tau");
}

}  // namespace

ReflectorArguments::ReflectorArguments(const char* name, const ConstView& reflectors,
                                       const ConstView& factors, Storage stored)
    : function(name), v(reflectors), tau(factors), storage(stored), dtype(reflectors.dtype) {
  require_float(function, {"v", v});
  require_matrix(function, {"v", v}, dtype);
  rows = v.shape[v.rank - 2];
  count = v.shape[v.rank - 1];
  if (lapack() && count > rows) {
    throw invalid_argument(std::string(function) + ": v has shape " + shape_text(v) +
                           ", expected at most as many reflectors as rows in LAPACK storage");
  }
  if (tau) {
    require_dtype(function, {"tau", tau}, dtype);
    require_extent(function, {"tau", tau}, 1, count, "factors along the last axis, as v columns");
  }
  batch = broadcast_shapes(batch_of_matrix(v), tau ? batch_of(tau) : Layout{}, function, "tau");
}

void ReflectorArguments::throw_for(Failure failure, std::ptrdiff_t item) const {
  const Suspect bad_v =
      tau ? Suspect{"v", batch_of_matrix(v), "is not finite", "finite columns"}
          : Suspect{"v", batch_of_matrix(v), "has a column that is zero or not finite",
                    "finite columns that are not zero"};
  const Suspect bad_tau{"tau", tau ? batch_of(tau) : Layout{}, "is not finite", "finite numbers"};
  throw_failure(function, {item, failure}, batch, bad_v, bad_tau);
}

void apply_reflectors(const ConstView& v, const ConstView& tau, const ConstView& x, Side side,
                      bool transpose, Storage storage, OnError on_error, const View& out) {
  const ReflectorArguments arguments("apply_reflectors", v, tau, storage);
  const char* f = arguments.function;
  require_matrix(f, {"x", x}, arguments.dtype);
  require_reflected(arguments, x, side);
  const Layout batch = broadcast_shapes(arguments.batch, batch_of_matrix(x), f, "x");
  require_shape(f, "out", out, with_matrix(batch, x.shape[x.rank - 2], x.shape[x.rank - 1]),
                arguments.dtype);
  require_apart(arguments, out);
  require_disjoint(out, x, true, f, "out", "x");
  by_dtype(arguments.dtype, [&](auto zero) {
    apply_all<decltype(zero)>(arguments, x, side, transpose, on_error, out);
  });
}

void form_q(const ConstView& v, const ConstView& tau, Storage storage, OnError on_error,
            const View& out) {
  const ReflectorArguments arguments("form_q", v, tau, storage);
  const char* f = arguments.function;
  require_matrix(f, {"out", out}, arguments.dtype);
  const Index columns = out.shape[out.rank - 1];
  if (columns > arguments.rows) {
    throw invalid_argument(std::string(f) + ": out has shape " + shape_text(out) +
                           ", expected at most " + std::to_string(arguments.rows) + " columns");
  }
  require_shape(f, "out", out, with_matrix(arguments.batch, arguments.rows, columns),
                arguments.dtype);
  require_apart(arguments, out);
  by_dtype(arguments.dtype, [&](auto zero) {
    apply_all<decltype(zero)>(arguments, {}, Side::left, false, on_error, out);
  });
}

void compact_wy(const ConstView& v, const ConstView& tau, Storage storage, OnError on_error,
                const View& out) {
  const ReflectorArguments arguments("compact_wy", v, tau, storage);
  const char* f = arguments.function;
  require_shape(f, "out", out, with_matrix(arguments.batch, arguments.count, arguments.count),
                arguments.dtype);
  require_apart(arguments, out);
  by_dtype(arguments.dtype,
           [&](auto zero) { compact_all<decltype(zero)>(arguments, on_error, out); });
}

}  // namespace isokern
