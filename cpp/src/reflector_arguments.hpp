// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The arguments of functions on products of reflectors: v (..., m, k), tau (..., k), and x whose
// rows (left) or columns (right) meet them.
#pragma once

#include "groups.hpp"
#include "isokern/orthogonal.hpp"
#include "matrices.hpp"
#include "reflectors.hpp"

namespace isokern {

struct ReflectorArguments {
  const char* function;
  ConstView v, tau;
  Storage storage;
  Dtype dtype;
  Index rows, count;
  Layout batch;  // of v and tau together

  ReflectorArguments(const char* name, const ConstView& reflectors, const ConstView& factors,
                     Storage stored);

  bool lapack() const noexcept { return storage == Storage::lapack; }

  // The batch axes of v and tau, broadcast to a shape.
  Layout v_in(const Layout& shape) const {
    return broadcast_to(batch_of_matrix(v), shape, function, "v");
  }
  Layout tau_in(const Layout& shape) const {
    return broadcast_to(tau ? batch_of(tau) : Layout{}, shape, function, "tau");
  }

  // Throws what item `item` of `batch` was refused for.
  void throw_for(Failure failure, std::ptrdiff_t item) const;
};

// Calls with a zero of the type.
template <class F>
void by_dtype(Dtype dtype, F&& call) {
  if (dtype == Dtype::float32) {
    call(float{});
  } else {
    call(double{});
  }
}

// x has as many rows (left) or columns (right) as v has rows.
inline void require_reflected(const ReflectorArguments& arguments, const ConstView& x, Side side) {
  require_extent(arguments.function, {"x", x}, side == Side::left ? 2 : 1, arguments.rows,
                 side == Side::left ? "rows, as v" : "columns, as v has rows");
}

// How block i of the reflectors at v is packed.
template <class T>
PackRun<T> pack_run(const ReflectorArguments& arguments, const BlockPlan& plan, const T* v,
                    const T* tau, Index i, const ReflectorBlock<T>& block, T* scratch) {
  const Index row_stride = arguments.v.strides[arguments.v.rank - 2];
  const Index tau_stride = arguments.tau ? arguments.tau.strides[arguments.tau.rank - 1] : 0;
  return {v + block.first_row * row_stride + plan.first(i),
          row_stride,
          tau == nullptr ? nullptr : tau + plan.first(i) * tau_stride,
          tau_stride,
          plan.lapack,
          scratch,
          block};
}

// Packs the blocks of the reflectors at v, as fill_blocks wants it.
template <class T>
auto packer(const ReflectorArguments& arguments, const BlockPlan& plan, const T* v, const T* tau) {
  return [=, &arguments, &plan](Index i, const ReflectorBlock<T>& block, T* scratch) {
    return reflector_kernels<T>().pack(pack_run(arguments, plan, v, tau, i, block, scratch));
  };
}

// Where the columns lie that Q meets: those of x from the left; from the right, its rows, to which
// the transposed map applies.
struct MatrixSide {
  Side side;

  Index rows(const Layout& x) const { return x.shape[x.rank - (side == Side::left ? 2 : 1)]; }
  Index row_stride(const Layout& x) const {
    return x.strides[x.rank - (side == Side::left ? 2 : 1)];
  }
  int column_axis(const Layout& x) const { return x.rank - (side == Side::left ? 1 : 2); }
};

// The items of a batch, grouped by their reflectors. A group's columns are the columns of all its
// items.
struct ReflectorGroups {
  Layout batch;  // of everything
  Groups groups;

  ReflectorGroups(const ReflectorArguments& arguments, const Layout& x)
      : batch(broadcast_shapes(arguments.batch, batch_of_matrix(x), arguments.function, "x")),
        groups(batch, arguments.batch) {}

  // The axes along which the reflectors change.
  Layout outer(const Layout& layout) const { return groups.choose(layout, false); }

  // The others, and the columns of x.
  Layout inner(const Layout& layout, Index columns, Index stride) const {
    Layout chosen = groups.choose(layout, true);
    chosen.append(columns, stride);
    return chosen;
  }
};

}  // namespace isokern
