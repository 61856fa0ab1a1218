// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The construction of the maps a -> b that is accurate at every angle and every scale, in double,
// with vectors in scratch. The fast roads of orthogonal.cpp come here for the rows that they can't
// do to full accuracy.
//
// Both maps are products of reflections H(v) = I - 2 v v^T / |v|^2. With unit a, b and u = a + b:
// the rotation is H(b) H(u), since H(u) a = -b. With v = a - b: the reflection is H(v). Where u (or
// v) is short it is pure cancellation: its direction is known to |u| eps only. What must hold
// exactly is that it is orthogonal to w = a - b (or a + b), as it is in exact arithmetic, for then
// H(u) maps a to -b to full accuracy; so w is projected out, twice. Where u vanishes the plane is
// free, and h = e_k made orthogonal to a is taken, k the index of the smallest |a_k|.
#pragma once

#include "isa.hpp"

#include <Eigen/Core>

#include "entries.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

using Column = Eigen::Map<Eigen::VectorXd>;
constexpr double kEpsilon = 0x1p-52;

// to = from 2^exponent, in two steps, as 2^exponent alone may be out of range.
template <class T>
void scaled_copy(const T* from, Index d, int exponent, double* to) noexcept {
  const double one = __builtin_ldexp(1.0, exponent / 2);
  const double other = __builtin_ldexp(1.0, exponent - exponent / 2);
  for (Index i = 0; i < d; ++i) to[i] = static_cast<double>(from[i]) * one * other;
}

// The binary exponent of the largest element: the row times its inverse power lies in [1/2, 1).
// False for a row that is zero or not finite.
template <class T>
bool row_exponent(const T* row, Index d, int& exponent) noexcept {
  T largest = 0, poison = 0;
  for (Index i = 0; i < d; ++i) {
    const T magnitude = row[i] < 0 ? -row[i] : row[i];
    largest = magnitude > largest ? magnitude : largest;
    poison += row[i] * T(0);  // NaN as soon as an element is not finite
  }
  exponent = 0;
  if (!(poison == 0) || largest == 0) return false;
  __builtin_frexp(static_cast<double>(largest), &exponent);
  return true;
}

// The row in double, times 2^-exponent where its square would over- or underflow; otherwise, and
// for a row that is zero or not finite, the exponent is 0.
template <class T>
int widened_copy(const T* row, Index d, double* to) noexcept {
  for (Index i = 0; i < d; ++i) to[i] = static_cast<double>(row[i]);
  const double square = Column(to, d).squaredNorm();
  int exponent = 0;
  if (!(square >= 0x1p-800 && square <= 0x1p800) && row_exponent(row, d, exponent)) {
    scaled_copy(row, d, -exponent, to);
  }
  return exponent;
}

// The unit vector along `row`, whose length is length 2^exponent; false for a row that is zero or
// not finite.
struct Norm {
  double length;
  int exponent;
};
template <class T>
bool unit(const T* row, Index d, double* to, Norm& norm) noexcept {
  norm.exponent = widened_copy(row, d, to);
  Column column(to, d);
  norm.length = column.norm();
  const bool usable = norm.length > 0 && norm.length - norm.length == 0;
  if (usable) column *= 1.0 / norm.length;
  return usable;
}

// x <- x - w (w.x) / (w.w), w = a - sign b.
void project_out(Column& x, const Column& a, const Column& b, double sign) noexcept {
  const double overlap = a.dot(x) - sign * b.dot(x);
  const double square = (a - sign * b).squaredNorm();
  x -= (overlap / square) * (a - sign * b);
}

// The map of unit vectors a, b: H(axis), for rotations followed by H(b).
struct CarefulPlane {
  Failure failure = Failure::none;
  bool conventional = false;  // the angle where the map is a matter of convention
  Norm norm_a = {}, norm_b = {};
};

// unit_a, unit_b, axis: d each, written.
template <class T>
CarefulPlane careful_plane(const T* a_row, const T* b_row, Index d, bool rotation, double* unit_a,
                           double* unit_b, double* axis) noexcept {
  CarefulPlane plane;
  if (!unit(a_row, d, unit_a, plane.norm_a)) {
    plane.failure = Failure::bad_a;
    return plane;
  }
  if (!unit(b_row, d, unit_b, plane.norm_b)) {
    plane.failure = Failure::bad_b;
    return plane;
  }
  const Column a(unit_a, d), b(unit_b, d);
  Column u(axis, d);
  const double sign = rotation ? 1.0 : -1.0;
  u = a + sign * b;
  if (sign * a.dot(b) < 0) {
    project_out(u, a, b, sign);
    project_out(u, a, b, sign);
  }
  if (u.norm() <= 4 * kEpsilon) {
    plane.conventional = true;
    if (d == 1) {
      plane.failure = Failure::no_map;
      return plane;
    }
    Index smallest = 0;
    a.cwiseAbs().minCoeff(&smallest);
    u = -a[smallest] * a;
    u[smallest] += 1;
    project_out(u, a, b, sign);
    project_out(u, a, b, sign);
  }
  return plane;
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
