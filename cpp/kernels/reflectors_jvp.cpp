// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The directional derivative of a product of reflectors. Y = X - V B and B = D b, b = A - U B, A =
// V^T X, so that dY = dX - dV B - V dB, dB = dD b + D db, db = dA - dU B - U dB: T is
// differentiated with everything else.
#include "reflectors.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

template <int Vectors, class T>
void jvp_strip(const ReflectorJvpRun<T>& run, Index column, Index columns) noexcept {
  constexpr Index width = Vectors * kLanes<T>;
  using V = Vector<T, kLanes<T>>;
  const Index rows = padded<T>(run.rows);
  const Panel<T> x{run.scratch, width}, x_dot{x.row(rows), width};
  load_panel<Vectors>(run.x, column, run.rows, columns, x);
  clear_rows(x, run.rows, rows, width);
  if (run.x_dot.data != nullptr) load_panel<Vectors>(run.x_dot, column, run.rows, columns, x_dot);
  clear_rows(x_dot, run.x_dot.data != nullptr ? run.rows : 0, rows, width);
  for (Index step = 0; step < run.block_count; ++step) {
    const Index index = run.transpose ? step : run.block_count - 1 - step;
    const ReflectorBlock<T>& block = run.blocks[index];
    const ReflectorTangents<T>& tangents = run.tangents[index];
    const Index count = round_up(block.count, kTileRows);
    const Panel<T> b{x_dot.row(rows), width}, scaled_b{b.row(block.stride), width};
    const Panel<T> b_dot{scaled_b.row(block.stride), width};
    const Panel<T> scaled_b_dot{b_dot.row(block.stride), width};
    const Panel<T> offset{scaled_b_dot.row(block.stride), width};
    const Panel<T> my_x{x.row(block.first_row), width}, my_dot{x_dot.row(block.first_row), width};

    project<Vectors, T>(block, block.v, {my_x.data, width}, b);
    solve<Vectors>(block, run.transpose, b, scaled_b);

    project<Vectors, T>(block, block.v, {my_dot.data, width}, b_dot);
    multiply<Into::add, Vectors, T>(count, block.rows, {tangents.v, 1, block.stride},
                                    {my_x.data, width}, b_dot);
    // dU is zero on and below the diagonal.
    const Left<T> couplings = run.transpose ? Left<T>{tangents.gram, 1, block.stride}
                                            : Left<T>{tangents.gram, block.stride, 1};
    multiply<Into::subtract, Vectors, T>(count, block.count, couplings, {scaled_b.data, width},
                                         b_dot);
    for (Index p = 0; p < count; ++p) {
      const V tau_dot = broadcast<T, kLanes<T>>(tangents.tau[p]);
      for (Index c = 0; c < width; c += kLanes<T>)
        store(offset.row(p) + c, tau_dot * load<V>(b.row(p) + c));
    }
    solve<Vectors>(block, run.transpose, b_dot, scaled_b_dot, offset.data);

    subtract<Vectors, T>(block, block.v, {scaled_b_dot.data, width}, my_dot);
    subtract<Vectors, T>(block, tangents.v, {scaled_b.data, width}, my_dot);
    subtract<Vectors, T>(block, block.v, {scaled_b.data, width}, my_x);
  }
  store_panel<Vectors>(x, run.rows, columns, run.y, column, false);
  store_panel<Vectors>(x_dot, run.rows, columns, run.y_dot, column, false);
}

}  // namespace

template <class T>
void pack_tangents(const PackTangentRun<T>& run) noexcept {
  const ReflectorBlock<T>& block = run.block;
  const ReflectorTangents<T>& to = run.tangents;
  const Index stride = block.stride;
  for (Index i = 0; i < padded<T>(block.rows); ++i) {
    const Index used = run.v_dot == nullptr || i >= block.rows ? 0
                       : run.lapack && i < block.count         ? i
                                                               : block.count;
    for (Index j = 0; j < used; ++j) {
      to.v[i * stride + j] =
          static_cast<T>(static_cast<double>(run.v_dot[i * run.row_stride + j]) * block.scale[j]);
    }
    for (Index j = used; j < stride; ++j) to.v[i * stride + j] = T(0);
  }
  multiply_wide<Into::assign, T>(round_up(block.count, kTileRows), stride, block.rows,
                                 {to.v, 1, stride}, {block.v, stride}, {to.gram, stride});
  for (Index p = 0; p < stride; ++p) {
    // Half of d |v|^2, before it is overwritten.
    const double v_dot_v = p < block.count ? static_cast<double>(to.gram[p * stride + p]) : 0;
    const double tau = static_cast<double>(block.tau[p]);
    double tau_dot = run.tau_follows ? -tau * tau * v_dot_v : 0;
    if (run.tau_dot != nullptr && p < block.count) {
      tau_dot =
          static_cast<double>(run.tau_dot[p * run.tau_stride]) / block.scale[p] / block.scale[p];
    }
    to.tau[p] = static_cast<T>(tau_dot);
  }
  for (Index p = 0; p < stride; ++p) {
    for (Index q = p + 1; q < stride; ++q) {
      const bool inside = q < block.count;
      to.gram[p * stride + q] = inside ? to.gram[p * stride + q] + to.gram[q * stride + p] : T(0);
    }
  }
  for (Index p = 0; p < stride; ++p) {
    for (Index q = 0; q <= p; ++q) to.gram[p * stride + q] = T(0);
  }
}

template <class T>
void reflectors_jvp(const ReflectorJvpRun<T>& run) noexcept {
  for_strips<T>(run.columns, [&](Index first, Index columns, auto vectors) {
    jvp_strip<decltype(vectors)::value>(run, first, columns);
  });
}

#define ISOKERN_INSTANTIATE(T)                                    \
  template void pack_tangents(const PackTangentRun<T>&) noexcept; \
  template void reflectors_jvp(const ReflectorJvpRun<T>&) noexcept;
ISOKERN_INSTANTIATE(float)
ISOKERN_INSTANTIATE(double)
#undef ISOKERN_INSTANTIATE

}  // namespace ISOKERN_ISA
}  // namespace isokern
