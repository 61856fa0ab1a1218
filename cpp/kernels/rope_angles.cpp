// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Gradients of the rotation in its angles. With y = m R(theta) x and a cotangent g,
//
//   dL/dtheta = g2 y1 - g1 y2,    dL/dlog m = g1 y1 + g2 y2
//
// for each pair. The products are formed and summed in double, over the rows of all heads that
// share an angle.
#include "entries.hpp"
#include "halffloat.hpp"
#include "interleave.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr int kWidth = kLanes<double>;

template <int N>
struct Both {
  Vector<double, N> first, second;
};

// The coordinates of pairs pair ... pair + N - 1 of a row.
template <int N, class T, class C>
ISOKERN_INLINE Both<N> get(const T* row, Index pairs, Index pair, bool interleaved) noexcept {
  const auto doubles = [](const T* p) {
    return convert<double, N>(Element<T>::template get<N>(p));
  };
  if (!interleaved) return {doubles(row + pair), doubles(row + pairs + pair)};
  const T* in = row + 2 * pair;
  if constexpr (N == 1) {
    return {doubles(in), doubles(in + 1)};
  } else {
    Both<N> both;
    unzip<double, N>(doubles(in), doubles(in + N), both.first, both.second);
    return both;
  }
}

}  // namespace

template <class T>
void rope_angles(const RopeAngleRun<T, typename RopeCompute<T>::type>& run) noexcept {
  using C = typename RopeCompute<T>::type;
  for (Index i0 = 0; i0 < run.count[0]; ++i0) {
    for (Index i1 = 0; i1 < run.count[1]; ++i1) {
      const T* x = run.x + run.offset + i0 * run.x_stride[0] + i1 * run.x_stride[1];
      const T* g = run.g + run.offset + i0 * run.g_stride[0] + i1 * run.g_stride[1];
      const Index row = i0 * run.table_stride[0] + i1 * run.table_stride[1];
      const Index sums = i0 * run.sum_stride[0] + i1 * run.sum_stride[1];
      in_pieces<kWidth>(run.pairs, [&](Index pair, auto width) {
        constexpr int n = decltype(width)::value;
        using V = Vector<double, n>;
        const auto a = get<n, T, C>(x, run.pairs, pair, run.interleaved);
        const auto b = get<n, T, C>(g, run.pairs, pair, run.interleaved);
        const V c = convert<double, n>(load<Vector<C, n>>(run.cos + row + pair));
        const V s = convert<double, n>(load<Vector<C, n>>(run.sin + row + pair));
        const V y1 = a.first * c - a.second * s, y2 = a.second * c + a.first * s;
        double* turn = run.turn + sums + pair;
        store(turn, load<V>(turn) + run.turn_sign * (b.second * y1 - b.first * y2));
        if (run.along == nullptr) return;
        double* along = run.along + sums + pair;
        store(along, load<V>(along) + run.along_sign * (b.first * y1 + b.second * y2));
      });
    }
  }
}

template void rope_angles<float>(const RopeAngleRun<float, float>&) noexcept;
template void rope_angles<double>(const RopeAngleRun<double, double>&) noexcept;
template void rope_angles<float16>(const RopeAngleRun<float16, float>&) noexcept;
template void rope_angles<bfloat16>(const RopeAngleRun<bfloat16, float>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
