// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Derivatives of products of reflectors: matrix products only, whatever the number of reflectors.
//
// With Y = X - V B, B = T A, A = V^T X and T^-1 = M = D^-1 + U, U the part of V^T V above its
// diagonal, and the cotangent G of Y, let Z = T^T V^T G. Then the gradients are G - V Z in X,
// -(G B^T + X Z^T) + V (S + S^T) in V, S the part of gM = Z B^T above its diagonal. With B = D b
// and Z = D z (solve has b and z before they are scaled) the gradient in tau is -sum_j z_pj b_pj:
// no division by tau. For Q^T, T and T^T change places, and so do the halves of Z B^T.
//
// The blocks are gone through backwards; what each of them was applied to is kept for the strip of
// columns at hand.
#include "reflectors.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// to (columns, stride) = the transpose of the rows of a panel.
template <int Vectors, class T>
void transposed(Panel<const T> from, Index rows, T* to, Index stride) noexcept {
  for (int v = 0; v < Vectors; ++v) {
    store_transposed(from.data + v * kLanes<T>, from.stride, rows, kLanes<T>,
                     to + v * kLanes<T> * stride, stride);
  }
}

// What a block leaves for the way back.
template <class T>
struct Passed {
  Panel<T> x, b, scaled_b;
};

template <int Vectors, class T>
struct VjpStrip {
  static constexpr Index width = Vectors * kLanes<T>;
  const ReflectorVjpRun<T>& run;
  Index rows = padded<T>(run.rows);
  Index stride = largest_stride();
  Panel<T> g{run.scratch, width};
  Panel<T> z{g.row(rows), width}, scaled_z{z.row(stride), width};
  T* z_columns = scaled_z.row(stride);
  T* b_columns = z_columns + width * stride;
  T* kept = b_columns + width * stride;

  Index largest_stride() const noexcept {
    Index largest = 0;
    for (Index i = 0; i < run.block_count; ++i) {
      if (run.blocks[i].stride > largest) largest = run.blocks[i].stride;
    }
    return largest;
  }

  // Step 0 is what meets X first.
  Index block_at(Index step) const noexcept {
    return run.transpose ? step : run.block_count - 1 - step;
  }

  Passed<T> passed(Index step) const noexcept {
    T* start = kept + step * (rows + 2 * stride) * width;
    return {
        {start, width}, {start + rows * width, width}, {start + (rows + stride) * width, width}};
  }

  void forward() const noexcept {
    for (Index step = 0; step < run.block_count; ++step) {
      const ReflectorBlock<T>& block = run.blocks[block_at(step)];
      const Passed<T> at = passed(step);
      project<Vectors, T>(block, block.v, {at.x.row(block.first_row), width}, at.b);
      solve<Vectors>(block, run.transpose, at.b, at.scaled_b);
      if (step + 1 == run.block_count) return;
      const Panel<T> next = passed(step + 1).x;
      for (Index i = 0; i < rows * width; i += kLanes<T>)
        store(next.data + i, load<Vector<T, kLanes<T>>>(at.x.data + i));
      subtract<Vectors, T>(block, block.v, {at.scaled_b.data, width},
                           {next.row(block.first_row), width});
    }
  }

  void add_sums(const ReflectorBlock<T>& block, const ReflectorSums<T>& sums, Panel<T> my_g,
                const Passed<T>& at) const noexcept {
    const Index count = round_up(block.count, kTileRows);
    clear_rows(scaled_z, count, block.stride, width);
    clear_rows(at.scaled_b, count, block.stride, width);
    transposed<Vectors, T>({scaled_z.data, width}, block.stride, z_columns, block.stride);
    transposed<Vectors, T>({at.scaled_b.data, width}, block.stride, b_columns, block.stride);
    const Panel<const T> z_right{z_columns, block.stride}, b_right{b_columns, block.stride};
    const Panel<T> v_sums{sums.v, block.stride}, gram_sums{sums.gram, block.stride};
    const Index my_rows = padded<T>(block.rows);
    multiply_wide<Into::subtract, T>(my_rows, block.stride, width, {my_g.data, width, 1}, b_right,
                                     v_sums);
    multiply_wide<Into::subtract, T>(my_rows, block.stride, width,
                                     {at.x.row(block.first_row), width, 1}, z_right, v_sums);
    const Panel<T>& left = run.transpose ? at.scaled_b : scaled_z;
    multiply_wide<Into::add, T>(count, block.stride, width, {left.data, width, 1},
                                run.transpose ? z_right : b_right, gram_sums);
    for (Index p = 0; p < block.count; ++p) {
      double sum = 0;
      for (Index c = 0; c < width; ++c)
        sum += static_cast<double>(z.row(p)[c]) * static_cast<double>(at.b.row(p)[c]);
      sums.tau[p] -= sum;
    }
  }

  void backward() const noexcept {
    for (Index step = run.block_count; step-- > 0;) {
      const Index index = block_at(step);
      const ReflectorBlock<T>& block = run.blocks[index];
      const Panel<T> mine{g.row(block.first_row), width};
      project<Vectors, T>(block, block.v, {mine.data, width}, z);
      solve<Vectors>(block, !run.transpose, z, scaled_z);
      add_sums(block, run.sums[index], mine, passed(step));
      if (step > 0 || run.x_bar.data != nullptr)
        subtract<Vectors, T>(block, block.v, {scaled_z.data, width}, mine);
    }
  }

  void operator()(Index column, Index columns) const noexcept {
    const Panel<T> x = passed(0).x;
    load_panel<Vectors>(run.x, column, run.rows, columns, x);
    load_panel<Vectors>(run.g, column, run.rows, columns, g);
    clear_rows(x, run.rows, rows, width);
    clear_rows(g, run.rows, rows, width);
    forward();
    backward();
    if (run.x_bar.data != nullptr)
      store_panel<Vectors>(g, run.rows, columns, run.x_bar, column, false);
  }
};

}  // namespace

template <class T>
void reflectors_vjp(const ReflectorVjpRun<T>& run) noexcept {
  for_strips<T>(run.columns, [&](Index first, Index columns, auto vectors) {
    VjpStrip<decltype(vectors)::value, T>{run}(first, columns);
  });
}

template <class T>
void finish_reflectors_vjp(const ReflectorFinishRun<T>& run) noexcept {
  const ReflectorBlock<T>& block = run.block;
  T* s = run.sums.gram;
  for (Index p = 0; p < block.stride; ++p) {
    for (Index q = 0; q < p; ++q) s[p * block.stride + q] = s[q * block.stride + p];
    s[p * block.stride + p] = T(0);
  }
  // The gradient through tau = 2 / |v|^2, of which d tau = -tau^2 v . dv, is one more diagonal.
  for (Index p = 0; run.tau_bar == nullptr && p < block.count; ++p) {
    const double tau = static_cast<double>(block.tau[p]);
    s[p * block.stride + p] = static_cast<T>(-run.sums.tau[p] * tau * tau);
  }
  multiply_wide<Into::add, T>(padded<T>(block.rows), block.stride, block.count,
                              {block.v, block.stride, 1}, {s, block.stride},
                              {run.sums.v, block.stride});
  for (Index i = 0; i < block.rows; ++i) {
    T* to = run.v_bar + i * run.row_stride;
    const T* from = run.sums.v + i * block.stride;
    const Index used = run.lapack && i < block.count ? i : block.count;
    for (Index j = 0; j < used; ++j)
      to[j] = static_cast<T>(static_cast<double>(from[j]) * block.scale[j]);
    for (Index j = used; j < block.count; ++j) to[j] = T(0);
  }
  for (Index p = 0; run.tau_bar != nullptr && p < block.count; ++p) {
    run.tau_bar[p * run.tau_stride] =
        static_cast<T>(run.sums.tau[p] / block.scale[p] / block.scale[p]);
  }
}

#define ISOKERN_INSTANTIATE(T)                                      \
  template void reflectors_vjp(const ReflectorVjpRun<T>&) noexcept; \
  template void finish_reflectors_vjp(const ReflectorFinishRun<T>&) noexcept;
ISOKERN_INSTANTIATE(float)
ISOKERN_INSTANTIATE(double)
#undef ISOKERN_INSTANTIATE

}  // namespace ISOKERN_ISA
}  // namespace isokern
