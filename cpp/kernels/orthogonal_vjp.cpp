// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Gradients of the maps a -> b and of single reflections, for the rows of one pair. Everything is
// linear in g, x, a and b with a few inner products as coefficients. A row with a pair of its own
// takes one pass over the given vectors where that is accurate (safe.hpp); otherwise, and for rows
// that share their pair, it is computed in double from the vectors of careful.hpp. With unit a, b;
// u = a + b, c = 1 + a.b = |u|^2 / 2, p = u.x, q = u.g, the rotation y = x - u p / c + 2 b (a.x)
// has
//   x_bar = g - u q / c + 2 a (b.g)
//   a_bar = -(g p + x q) / c + (p q / c^2) b + 2 (b.g) x
//   b_bar = -(g p + x q) / c + (p q / c^2) a + 2 (a.x) g
// and the reflection y = x - v (v.x) / k, v = a - b, k = 1 - a.b = |v|^2 / 2, p = v.x, q = v.g,
//   x_bar = g - v q / k
//   a_bar = -(g p + x q) / k - (p q / k^2) b,   b_bar = (g p + x q) / k - (p q / k^2) a.
// As a and b are normalised inside, their gradients are projected to the tangent space and divided
// by the length.
#include "careful.hpp"
#include "safe.hpp"
#include "vectors.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// From the gradient in the unit vector to that in the vector given.
void through_norm(Column& bar, const Column& unit_vector, const Norm& norm) noexcept {
  bar -= unit_vector * unit_vector.dot(bar);
  bar *= 1.0 / norm.length;
  if (norm.exponent != 0) {
    bar *= __builtin_ldexp(1.0, -norm.exponent / 2);
    bar *= __builtin_ldexp(1.0, -norm.exponent - -norm.exponent / 2);
  }
}

// x_bar, a_bar and b_bar of one row in one pass, if that is accurate; x_bar may be null.
template <class T>
bool plane_row(const T* a, const T* b, const T* g, const T* x, Index d, double sign, T* x_bar,
               T* a_bar, T* b_bar) noexcept {
  double s[7];
  inner_products<4>({a, b, x, g}, d, {{0, 0}, {1, 1}, {0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}}, s);
  if (!safe_square<T>(s[0]) || !safe_square<T>(s[1])) return false;
  const double per_a = 1.0 / __builtin_sqrt(s[0]), per_b = 1.0 / __builtin_sqrt(s[1]);
  const double cosine = s[2] * per_a * per_b;
  const double denominator = 1.0 + sign * cosine;
  if (!(denominator >= Safe<T>::denominator_min)) return false;
  const double ax = s[3] * per_a, bx = s[4] * per_b, ag = s[5] * per_a, bg = s[6] * per_b;
  const double p = (ax + sign * bx) / denominator, q = (ag + sign * bg) / denominator;
  const double cross = sign * p * q;
  const double twice = sign > 0 ? 2.0 : 0.0;
  // In the unit vectors: a_bar = ax_ x + ag_ g + cross b, b_bar = bx_ x + bg_ g + cross a, then the
  // tangent space.
  const double ax_ = twice * bg - q, ag_ = -p, bx_ = -sign * q, bg_ = twice * ax - sign * p;
  const double along_a = ax_ * ax + ag_ * ag + cross * cosine;
  const double along_b = bx_ * bx + bg_ * bg + cross * cosine;
  const double f[10] = {
      ax_ * per_a, bx_ * per_b,  // x_bar - g: of a, b
      ax_ * per_a, ag_ * per_a, -along_a * per_a * per_a, cross * per_a * per_b,  // of x, g, a, b
      bx_ * per_b, bg_ * per_b, cross * per_a * per_b,    -along_b * per_b * per_b};
  if (!safe_factors<T>(f)) return false;
  T c[10];
  for (int i = 0; i < 10; ++i) c[i] = static_cast<T>(f[i]);
  const auto piece = [&](Index i, auto width) {
    constexpr int N = decltype(width)::value;
    using V = Vector<T, N>;
    const V av = load<V>(a + i), bv = load<V>(b + i), gv = load<V>(g + i), xv = load<V>(x + i);
    if (x_bar != nullptr) store(x_bar + i, V(gv + c[0] * av + c[1] * bv));
    store(a_bar + i, V(c[2] * xv + c[3] * gv + (c[4] * av + c[5] * bv)));
    store(b_bar + i, V(c[6] * xv + c[7] * gv + (c[8] * av + c[9] * bv)));
  };
  in_pieces<kLanes<T>>(d, piece);
  return true;
}

template <class T>
bool reflect_row(const T* v, const T* tau, const T* g, const T* x, Index d, T* x_bar, T* v_bar,
                 T* tau_bar) noexcept {
  double s[3];
  inner_products<3>({v, x, g}, d, {{0, 0}, {0, 1}, {0, 2}}, s);
  const double factor = tau == nullptr ? 2.0 / s[0] : static_cast<double>(*tau);
  const double f[4] = {-factor * s[2], -factor * s[1],
                       -factor * s[2],  // x_bar - g: of v; v_bar: of g, x, v
                       tau == nullptr ? factor * factor * s[1] * s[2] : 0.0};
  if (!safe_square<T>(s[0]) || !(factor - factor == 0) || !safe_factors<T>(f)) return false;
  T c[4];
  for (int i = 0; i < 4; ++i) c[i] = static_cast<T>(f[i]);
  const auto piece = [&](Index i, auto width) {
    constexpr int N = decltype(width)::value;
    using V = Vector<T, N>;
    const V vv = load<V>(v + i), gv = load<V>(g + i), xv = load<V>(x + i);
    if (x_bar != nullptr) store(x_bar + i, V(gv + c[0] * vv));
    store(v_bar + i, V(c[1] * gv + c[2] * xv + c[3] * vv));
  };
  in_pieces<kLanes<T>>(d, piece);
  if (tau_bar != nullptr) *tau_bar = static_cast<T>(-s[1] * s[2]);
  return true;
}

// Failures, and the sums of a single row, where they are wanted: the second part of the sums has
// `width` doubles.
template <class T>
RunStatus finish(const VjpRun<T>& run, Index width, Failure failure) noexcept {
  if (failure != Failure::none) {
    fill_nan(run.pair_bar, run.d + width);
    if (run.x_bar != nullptr) {
      for (Index row = 0; row < run.count; ++row)
        fill_nan(run.x_bar + row * run.x_bar_stride, run.d);
    }
  }
  if (run.first_bar != nullptr) narrow(run.pair_bar, run.d, run.first_bar);
  if (run.second_bar != nullptr) narrow(run.pair_bar + run.d, width, run.second_bar);
  return {0, failure};
}

}  // namespace

template <class T>
RunStatus plane_vjp(const VjpRun<T>& run) noexcept {
  const Index d = run.d;
  // The inverse is the rotation from b to a.
  const bool exchange = run.map == PlaneMap::inverse_rotation;
  const bool rotation = run.map != PlaneMap::reflection;
  const T* a_row = exchange ? run.second : run.first;
  const T* b_row = exchange ? run.first : run.second;
  double* s = run.scratch;
  if (run.first_bar != nullptr && plane_row<T>(a_row, b_row, run.g, run.x, d, rotation ? 1.0 : -1.0,
                                               run.x_bar, exchange ? run.second_bar : run.first_bar,
                                               exchange ? run.first_bar : run.second_bar)) {
    return {};
  }
  CarefulPlane plane = careful_plane(a_row, b_row, d, rotation, s, s + d, s + 2 * d);
  if (plane.failure == Failure::none && plane.conventional) plane.failure = Failure::no_gradient;
  if (plane.failure != Failure::none) {
    Failure failure = plane.failure;
    if (exchange && failure == Failure::bad_a) {
      failure = Failure::bad_b;
    } else if (exchange && failure == Failure::bad_b) {
      failure = Failure::bad_a;
    }
    return finish(run, d, failure);
  }
  const Column a(s, d), b(s + d, d), u(s + 2 * d, d);
  Column g(s + 3 * d, d), x(s + 4 * d, d);
  Column a_bar(run.pair_bar + (exchange ? d : 0), d), b_bar(run.pair_bar + (exchange ? 0 : d), d);
  a_bar.setZero();
  b_bar.setZero();
  const double denominator = 0.5 * u.squaredNorm();
  const double sign = rotation ? 1.0 : -1.0;
  double cross = 0;
  for (Index row = 0; row < run.count; ++row) {
    widen(run.g + row * run.g_stride, d, g.data());
    widen(run.x + row * run.x_stride, d, x.data());
    const double p = u.dot(x) / denominator, q = u.dot(g) / denominator;
    const double bg = rotation ? 2 * b.dot(g) : 0.0, ax = rotation ? 2 * a.dot(x) : 0.0;
    a_bar += (bg - q) * x - p * g;
    b_bar += (ax - sign * p) * g - (sign * q) * x;
    cross += sign * p * q;
    if (run.x_bar != nullptr) {
      g += bg * a - q * u;
      narrow(g.data(), d, run.x_bar + row * run.x_bar_stride);
    }
  }
  a_bar += cross * b;
  b_bar += cross * a;
  through_norm(a_bar, a, plane.norm_a);
  through_norm(b_bar, b, plane.norm_b);
  return finish(run, d, Failure::none);
}

// v_bar = -tau ((v.x) g + (v.g) x), tau_bar = -(v.g) (v.x), x_bar = g - tau v (v.g); with tau = 2 /
// |v|^2 the dependence of tau adds tau^2 (v.g) (v.x) v to v_bar. In terms of the unit vector n
// along v nothing over- or underflows.
template <class T>
RunStatus reflect_vjp(const VjpRun<T>& run) noexcept {
  const Index d = run.d;
  if (run.first_bar != nullptr && reflect_row<T>(run.first, run.second, run.g, run.x, d, run.x_bar,
                                                 run.first_bar, run.second_bar)) {
    return {};
  }
  Norm norm = {};
  Column n(run.scratch, d), g(run.scratch + d, d), x(run.scratch + 2 * d, d),
      v_bar(run.pair_bar, d);
  Failure failure = Failure::none;
  if (!unit(run.first, d, n.data(), norm)) {
    bool zero = run.second != nullptr;
    for (Index i = 0; i < d; ++i) zero = zero && run.first[i] == 0;
    if (!zero) failure = Failure::bad_a;
    n.setZero();
  }
  const double tau = run.second == nullptr ? 0.0 : static_cast<double>(*run.second);
  if (!(tau - tau == 0)) failure = Failure::bad_b;
  if (failure != Failure::none) {
    return finish(run, 1, failure);
  }
  const double length = __builtin_ldexp(norm.length, norm.exponent);
  const bool given = run.second != nullptr;
  const double along = 2.0 / n.squaredNorm();  // where tau follows v
  v_bar.setZero();
  double square = 0;
  for (Index row = 0; row < run.count; ++row) {
    widen(run.g + row * run.g_stride, d, g.data());
    widen(run.x + row * run.x_stride, d, x.data());
    const double nx = n.dot(x), ng = n.dot(g);
    v_bar += nx * g + ng * x;
    square += nx * ng;
    if (run.x_bar != nullptr) {
      const double along_g = ng * length;
      if (!given) {
        g -= (along * ng) * n;
      } else if (along_g != 0) {  // tau may be infinite in units of the length
        g -= (tau * length) * along_g * n;
      }
      narrow(g.data(), d, run.x_bar + row * run.x_bar_stride);
    }
  }
  if (given) {
    v_bar *= -tau;
    v_bar *= length;
  } else {
    v_bar = (along / length) * (along * square * n - v_bar);
  }
  run.pair_bar[d] = -(length * square) * length;
  return finish(run, 1, Failure::none);
}

template RunStatus plane_vjp(const VjpRun<float>&) noexcept;
template RunStatus plane_vjp(const VjpRun<double>&) noexcept;
template RunStatus reflect_vjp(const VjpRun<float>&) noexcept;
template RunStatus reflect_vjp(const VjpRun<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
