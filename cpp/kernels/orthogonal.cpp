// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Rows through the orthogonal maps a -> b, and through single reflections, in one pass over memory.
//
// Both maps differ from the identity in the plane of a and b alone: T x = x + a (maa a.x + mab b.x)
// + b (mba a.x + mbb b.x), so the inner products of a row decide everything, and the row is still
// in the first cache when it is written. The coefficients have 1 + a.b (rotation) or 1 - a.b
// (reflection) in the denominator; from 1/2 up they lose nothing, below, and for lengths at the
// ends of the dtype's range, the row takes the careful road (careful.hpp).
#include "careful.hpp"
#include "safe.hpp"
#include "vectors.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// Keeps the first failure.
void note(RunStatus& status, Index item, Failure failure) noexcept {
  if (failure != Failure::none && status.failure == Failure::none) status = {item, failure};
}

// out = x + alpha a + beta b; beta and b are absent in the form with one vector.
template <bool kStream, class T, class... Terms>
ISOKERN_INLINE void combine(T* out, const T* x, Index d, T alpha, const T* a,
                            Terms... terms) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  Index i = 0;
  for (; i + lanes <= d; i += lanes) {
    V y = load<V>(x + i) + alpha * load<V>(a + i);
    if constexpr (sizeof...(Terms) == 2) {
      const auto add = [&](T beta, const T* b) { y += beta * load<V>(b + i); };
      add(terms...);
    }
    if constexpr (kStream) {
      stream(out + i, y);
    } else {
      store(out + i, y);
    }
  }
  for (; i < d; ++i) {
    T y = x[i] + alpha * a[i];
    if constexpr (sizeof...(Terms) == 2) {
      const auto add = [&](T beta, const T* b) { y += beta * b[i]; };
      add(terms...);
    }
    out[i] = y;
  }
}

// The reflection x - tau length^2 axis (axis.x); the length apart, as its square may be out of
// range.
struct Reflection {
  double* axis = nullptr;
  double tau = 0;
  double length = 1;

  void apply(Column& x) const noexcept {
    const Column n(axis, x.size());
    const double along = n.dot(x) * length;
    if (along != 0) x -= (tau * length) * along * n;
  }
};

// out = second first x, or first x where there is no second. scaled: d.
template <class T>
void reflect_careful(const T* x, Index d, const Reflection& first, const Reflection& second,
                     double* scaled, T* out) noexcept {
  const int exponent = widened_copy(x, d, scaled);
  Column y(scaled, d);
  first.apply(y);
  if (second.axis != nullptr) second.apply(y);
  const double one = __builtin_ldexp(1.0, exponent / 2);
  const double other = __builtin_ldexp(1.0, exponent - exponent / 2);
  for (Index i = 0; i < d; ++i) out[i] = static_cast<T>(scaled[i] * one * other);
}

// The map's coefficients in units of the given a and b.
struct Coefficients {
  double aa, ab, ba, bb;
};

template <class T>
bool coefficients(double a2, double b2, double ab, PlaneMap map, Coefficients& m) noexcept {
  if (!safe_square<T>(a2) || !safe_square<T>(b2)) return false;
  const double lengths = __builtin_sqrt(a2 * b2);
  const double cosine = ab / lengths;
  const double sign = map == PlaneMap::reflection ? -1.0 : 1.0;
  const double denominator = 1.0 + sign * cosine;
  if (!(denominator >= Safe<T>::denominator_min)) return false;
  const double factor = -1.0 / denominator;
  m.aa = factor / a2;
  m.bb = factor / b2;
  m.ab = (sign * factor + (map == PlaneMap::inverse_rotation ? 2.0 : 0.0)) / lengths;
  m.ba = (sign * factor + (map == PlaneMap::rotation ? 2.0 : 0.0)) / lengths;
  return true;
}

// The careful map of one pair, kept for as long as the pair is the same.
template <class T>
class CarefulMap {
 public:
  CarefulMap(const PlaneRun<T>& run) noexcept
      : run_(run), a_(run.scratch), b_(a_ + run.d), axis_(b_ + run.d), scaled_(axis_ + run.d) {}

  void forget() noexcept { built_ = false; }

  Failure apply(const T* a, const T* b, const T* x, T* out) noexcept {
    const bool rotation = run_.map != PlaneMap::reflection;
    if (!built_) {
      plane_ = careful_plane(a, b, run_.d, rotation, a_, b_, axis_);
      built_ = true;
    }
    if (plane_.failure != Failure::none || out == nullptr) return plane_.failure;
    const Reflection along_axis{axis_, 2.0 / Column(axis_, run_.d).squaredNorm()};
    const Reflection along_b{b_, 2.0 / Column(b_, run_.d).squaredNorm()};
    if (run_.map == PlaneMap::reflection) {
      reflect_careful<T>(x, run_.d, along_axis, {}, scaled_, out);
    } else if (run_.map == PlaneMap::rotation) {
      reflect_careful<T>(x, run_.d, along_axis, along_b, scaled_, out);
    } else {
      reflect_careful<T>(x, run_.d, along_b, along_axis, scaled_, out);
    }
    return Failure::none;
  }

 private:
  const PlaneRun<T>& run_;
  double *a_, *b_, *axis_, *scaled_;
  CarefulPlane plane_;
  bool built_ = false;
};

// Failures alone. A row whose square is an ordinary number is neither zero nor infinite nor NaN,
// and needs no closer look; in one dimension the angle decides.
template <class T>
RunStatus check_planes(const PlaneRun<T>& run) noexcept {
  RunStatus status;
  CarefulMap<T> careful(run);
  for (Index item = 0; item < run.count; ++item) {
    const T* a = run.a + item * run.a_stride;
    const T* b = run.b + item * run.b_stride;
    if (run.d > 1 && ordinary(a, run.d) && ordinary(b, run.d)) continue;
    careful.forget();
    note(status, item, careful.apply(a, b, nullptr, nullptr));
  }
  return status;
}

template <bool kStream, class T>
RunStatus plane_rows(const PlaneRun<T>& run) noexcept {
  const bool one_pair = run.a_stride == 0 && run.b_stride == 0;
  const Index d = run.d;
  RunStatus status;
  CarefulMap<T> careful(run);
  double* const wide_a = run.scratch + 4 * d;  // a pair that all rows share is widened once
  double* const wide_b = wide_a + d;
  Coefficients m = {};
  bool fast = false;
  for (Index item = 0; item < run.count; ++item) {
    const T* a = run.a + item * run.a_stride;
    const T* b = run.b + item * run.b_stride;
    const T* x = run.x + item * run.x_stride;
    T* out = run.out + item * run.out_stride;
    double s[5];
    if (!one_pair) {
      inner_products<3>({a, b, x}, d, {{0, 0}, {1, 1}, {0, 1}, {0, 2}, {1, 2}}, s);
      fast = coefficients<T>(s[0], s[1], s[2], run.map, m);
      careful.forget();
    } else {
      if (item == 0) {
        widen(a, d, wide_a);
        widen(b, d, wide_b);
        two_products(wide_a, wide_b, a, d, s[0], s[2]);
        two_products(wide_a, wide_b, b, d, s[2], s[1]);
        fast = coefficients<T>(s[0], s[1], s[2], run.map, m);
      }
      if (fast) two_products(wide_a, wide_b, x, d, s[3], s[4]);
    }
    if (fast) {
      const double alpha = m.aa * s[3] + m.ab * s[4], beta = m.ba * s[3] + m.bb * s[4];
      if (safe_factors<T>({alpha, beta})) {
        combine<kStream>(out, x, d, static_cast<T>(alpha), a, static_cast<T>(beta), b);
        continue;
      }
    }
    const Failure failure = careful.apply(a, b, x, out);
    note(status, item, failure);
    if (failure != Failure::none) fill_nan(out, d);
  }
  if constexpr (kStream) fence();
  return status;
}

// What is wrong with a reflector whose square is no ordinary number, or with its factor.
Failure reflector_failure(bool usable, double square, bool has_tau, double factor) noexcept {
  if (has_tau && !(factor - factor == 0)) return Failure::bad_b;
  const bool zero_is_fine = has_tau && square == 0;
  return usable || zero_is_fine ? Failure::none : Failure::bad_a;
}

template <class T>
RunStatus check_reflectors(const ReflectRun<T>& run) noexcept {
  RunStatus status;
  for (Index item = 0; item < run.count; ++item) {
    const T* v = run.v + item * run.v_stride;
    const double factor =
        run.tau == nullptr ? 0.0 : static_cast<double>(run.tau[item * run.tau_stride]);
    Norm norm = {};
    const bool usable = ordinary(v, run.d) || unit(v, run.d, run.scratch, norm);
    const double square = usable ? 1.0 : Column(run.scratch, run.d).squaredNorm();
    note(status, item, reflector_failure(usable, square, run.tau != nullptr, factor));
  }
  return status;
}

template <bool kStream, class T>
RunStatus reflect_rows(const ReflectRun<T>& run) noexcept {
  const Index d = run.d;
  const bool has_tau = run.tau != nullptr;
  RunStatus status;
  for (Index item = 0; item < run.count; ++item) {
    const T* v = run.v + item * run.v_stride;
    const T* x = run.x + item * run.x_stride;
    T* out = run.out + item * run.out_stride;
    double s[2];
    inner_products<2>({v, x}, d, {{0, 0}, {0, 1}}, s);
    const double factor =
        has_tau ? static_cast<double>(run.tau[item * run.tau_stride]) : 2.0 / s[0];
    const double alpha = -factor * s[1];
    if (safe_square<T>(s[0]) && factor - factor == 0 && safe_factor<T>(alpha)) {
      combine<kStream>(out, x, d, static_cast<T>(alpha), v);
      continue;
    }
    // A vector at the ends of the range, a failure, or NaN in x.
    Norm norm = {};
    const bool usable = unit(v, d, run.scratch, norm);
    const Failure failure = reflector_failure(usable, s[0], has_tau, factor);
    note(status, item, failure);
    if (failure != Failure::none) {
      fill_nan(out, d);
    } else if (!usable) {
      for (Index i = 0; i < d; ++i) out[i] = x[i];
    } else {
      const double length = __builtin_ldexp(norm.length, norm.exponent);
      const double square = Column(run.scratch, d).squaredNorm();
      const Reflection along_v =
          has_tau ? Reflection{run.scratch, factor, length} : Reflection{run.scratch, 2.0 / square};
      reflect_careful<T>(x, d, along_v, {}, run.scratch + d, out);
    }
  }
  if constexpr (kStream) fence();
  return status;
}

template <class T>
bool streams(bool wanted, const T* out, Index d, Index out_stride) noexcept {
  constexpr Index size = sizeof(T);
  return wanted && can_stream(out, d * size) && can_stream(out, out_stride * size);
}

}  // namespace

template <class T>
RunStatus plane(const PlaneRun<T>& run) noexcept {
  if (run.out == nullptr) return check_planes(run);
  return streams(run.stream, run.out, run.d, run.out_stride) ? plane_rows<true>(run)
                                                             : plane_rows<false>(run);
}

template <class T>
RunStatus reflect(const ReflectRun<T>& run) noexcept {
  if (run.out == nullptr) return check_reflectors(run);
  return streams(run.stream, run.out, run.d, run.out_stride) ? reflect_rows<true>(run)
                                                             : reflect_rows<false>(run);
}

template RunStatus plane(const PlaneRun<float>&) noexcept;
template RunStatus plane(const PlaneRun<double>&) noexcept;
template RunStatus reflect(const ReflectRun<float>&) noexcept;
template RunStatus reflect(const ReflectRun<double>&) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
