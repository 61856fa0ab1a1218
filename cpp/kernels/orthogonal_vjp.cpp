// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Gradients of the maps a -> b and of single reflections, for the rows of one pair. Everything is
// linear in g, x, a and b with a few inner products as coefficients; it is computed in double from
// the vectors of careful.hpp, which are right at every angle, so that there is one road. With unit
// a, b; u = a + b, c = 1 + a.b = |u|^2 / 2, p = u.x, q = u.g, the rotation y = x - u p / c + 2 b
// (a.x) has
//   x_bar = g - u q / c + 2 a (b.g)
//   a_bar = -(g p + x q) / c + (p q / c^2) b + 2 (b.g) x
//   b_bar = -(g p + x q) / c + (p q / c^2) a + 2 (a.x) g
// and the reflection y = x - v (v.x) / k, v = a - b, k = 1 - a.b = |v|^2 / 2, p = v.x, q = v.g,
//   x_bar = g - v q / k
//   a_bar = -(g p + x q) / k - (p q / k^2) b,   b_bar = (g p + x q) / k - (p q / k^2) a.
// As a and b are normalised inside, their gradients are projected to the tangent space and divided
// by the length.
#include "careful.hpp"
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

}  // namespace

template <class T>
RunStatus plane_vjp(const PlaneVjpRun<T>& run) noexcept {
  const Index d = run.d;
  // The inverse is the rotation from b to a.
  const bool exchange = run.map == PlaneMap::inverse_rotation;
  const bool rotation = run.map != PlaneMap::reflection;
  const T* a_row = exchange ? run.b : run.a;
  const T* b_row = exchange ? run.a : run.b;
  double* s = run.scratch;
  CarefulPlane plane = careful_plane(a_row, b_row, d, rotation, s, s + d, s + 2 * d);
  if (plane.failure == Failure::none && plane.conventional) plane.failure = Failure::no_gradient;
  if (plane.failure != Failure::none) {
    fill_nan(run.pair_bar, 2 * d);
    if (run.x_bar != nullptr) {
      for (Index row = 0; row < run.count; ++row) fill_nan(run.x_bar + row * run.x_bar_stride, d);
    }
    Failure failure = plane.failure;
    if (exchange && failure == Failure::bad_a) {
      failure = Failure::bad_b;
    } else if (exchange && failure == Failure::bad_b) {
      failure = Failure::bad_a;
    }
    return {0, failure};
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
  return {};
}

// v_bar = -tau ((v.x) g + (v.g) x), tau_bar = -(v.g) (v.x), x_bar = g - tau v (v.g); with tau = 2 /
// |v|^2 the dependence of tau adds tau^2 (v.g) (v.x) v to v_bar. In terms of the unit vector n
// along v nothing over- or underflows.
template <class T>
RunStatus reflect_vjp(const ReflectVjpRun<T>& run) noexcept {
  const Index d = run.d;
  Norm norm = {};
  Column n(run.scratch, d), g(run.scratch + d, d), x(run.scratch + 2 * d, d),
      v_bar(run.pair_bar, d);
  Failure failure = Failure::none;
  if (!unit(run.v, d, n.data(), norm)) {
    bool zero = run.tau != nullptr;
    for (Index i = 0; i < d; ++i) zero = zero && run.v[i] == 0;
    if (!zero) failure = Failure::bad_a;
    n.setZero();
  }
  const double tau = run.tau == nullptr ? 0.0 : static_cast<double>(*run.tau);
  if (!(tau - tau == 0)) failure = Failure::bad_b;
  if (failure != Failure::none) {
    fill_nan(run.pair_bar, d + 1);
    if (run.x_bar != nullptr) {
      for (Index row = 0; row < run.count; ++row) fill_nan(run.x_bar + row * run.x_bar_stride, d);
    }
    return {0, failure};
  }
  const double length = __builtin_ldexp(norm.length, norm.exponent);
  const bool given = run.tau != nullptr;
  const double along = given ? tau * length * length : 2.0 / n.squaredNorm();
  v_bar.setZero();
  double square = 0;
  for (Index row = 0; row < run.count; ++row) {
    widen(run.g + row * run.g_stride, d, g.data());
    widen(run.x + row * run.x_stride, d, x.data());
    const double nx = n.dot(x), ng = n.dot(g);
    v_bar += nx * g + ng * x;
    square += nx * ng;
    if (run.x_bar != nullptr) {
      g -= (along * ng) * n;
      narrow(g.data(), d, run.x_bar + row * run.x_bar_stride);
    }
  }
  if (given) {
    v_bar *= -tau * length;
  } else {
    v_bar = (along / length) * (along * square * n - v_bar);
  }
  run.pair_bar[d] = -(length * square) * length;
  return {};
}

template RunStatus plane_vjp(const PlaneVjpRun<float>&) noexcept;
template RunStatus plane_vjp(const PlaneVjpRun<double>&) noexcept;
template RunStatus reflect_vjp(const ReflectVjpRun<float>&) noexcept;
template RunStatus reflect_vjp(const ReflectVjpRun<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
