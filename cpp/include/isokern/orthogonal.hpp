// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Orthogonal maps that carry one unit vector to another, and single Householder reflections,
// applied in O(d) a vector.
//
// Every argument has shape (..., d); the batch axes "..." broadcast as in NumPy. float32 or
// float64, one dtype a call; the last axis must be contiguous, the others may have any stride.
// `out` has the broadcast shape; it may be exactly x, and must otherwise overlap no input. A zero
// or non-finite vector throws invalid_argument and nothing has been written (with OnError::nan: NaN
// for that item). NaN in x gives NaN in that item alone. Results do not depend on the number of
// threads.
#pragma once

#include <cstdint>

#include "config.hpp"
#include "error.hpp"
#include "views.hpp"

namespace isokern {

/// out = H x with the reflection H = I - w w^T / (1 - a.b), w = a - b, that swaps a/|a| and b/|b|;
/// det H = -1. At a = b it is the reflection along the documented unit vector h orthogonal to a (it
/// keeps a): h is e_k made orthogonal to a, k the index of the smallest |a_k|. For d = 1 that does
/// not exist: numerical_error.
ISOKERN_API void reflect_between(const ConstView& a, const ConstView& b, const ConstView& x,
                                 OnError on_error, const View& out);

/// out = T x with the rotation T = I - u u^T / (1 + a.b) + 2 b a^T, u = a + b, that turns a/|a|
/// into b/|b| in their plane and leaves the complement alone; T^T x if `transpose`. At b = -a it
/// turns by pi in the plane of a and h (see above).
ISOKERN_API void rotate_between(const ConstView& a, const ConstView& b, const ConstView& x,
                                bool transpose, OnError on_error, const View& out);

/// The same maps as matrices: out has shape (..., d, d).
ISOKERN_API void reflection_matrix(const ConstView& a, const ConstView& b, OnError on_error,
                                   const View& out);
ISOKERN_API void rotation_matrix(const ConstView& a, const ConstView& b, OnError on_error,
                                 const View& out);

/// out = x - tau v (v.x). tau has shape (...) and any strides; without it tau = 2 / |v|^2, the
/// Householder reflection.
ISOKERN_API void reflect(const ConstView& v, const ConstView& tau, const ConstView& x,
                         OnError on_error, const View& out);

/// Vector-Jacobian products. With y = f(a, b, x) and the cotangent g of y's shape: the gradients of
/// <g, y>. a_bar and b_bar have the batch shape that a and b have together (d last), x_bar that of
/// all arguments; sums over axes in which a or b was broadcast against x are made here, in an order
/// that depends on shapes and strides alone. The gradient does not exist where the map is chosen by
/// convention (b = -a for the rotation, a = b for the reflection): numerical_error; near there it
/// grows as the inverse of the distance. No output may overlap anything. A gradient is one pass:
/// OnError::raise acts as raise_after.
ISOKERN_API void reflect_between_vjp(const ConstView& g, const ConstView& a, const ConstView& b,
                                     const ConstView& x, OnError on_error, const View& a_bar,
                                     const View& b_bar, const View& x_bar);
ISOKERN_API void rotate_between_vjp(const ConstView& g, const ConstView& a, const ConstView& b,
                                    const ConstView& x, bool transpose, OnError on_error,
                                    const View& a_bar, const View& b_bar, const View& x_bar);
ISOKERN_API void reflection_matrix_vjp(const ConstView& g, const ConstView& a, const ConstView& b,
                                       OnError on_error, const View& a_bar, const View& b_bar);
ISOKERN_API void rotation_matrix_vjp(const ConstView& g, const ConstView& a, const ConstView& b,
                                     OnError on_error, const View& a_bar, const View& b_bar);

/// v_bar and tau_bar have the batch shape of v and tau together. Without tau, tau_bar is absent
/// too.
ISOKERN_API void reflect_vjp(const ConstView& g, const ConstView& v, const ConstView& tau,
                             const ConstView& x, OnError on_error, const View& v_bar,
                             const View& tau_bar, const View& x_bar);

// ---- Products of reflectors
//
// Q = H_1 H_2 ... H_k with H_i = I - tau_i v_i v_i^T; the columns of v (..., m, k) are the v_i. tau
// has shape (..., k) and any strides; without it tau_i = 2 / |v_i|^2, for which Q is orthogonal.
// tau_i = 0 gives H_i = I. Columns may have any scale. v and tau are never written. A column that
// is not finite, or zero where tau is absent, throws invalid_argument, as a tau that is not finite
// does (with OnError::nan: NaN for that item). Work: 4 m k operations for every column that Q is
// applied to, as matrix products of blocks of reflectors; reflectors that several items of the
// batch share are prepared once.

/// Which side of x the product stands on.
enum class Side { left, right };

/// How v holds reflectors. In LAPACK's way v_ii = 1 and v_ji = 0 for j < i, whatever the array has
/// there; k is at most m then.
enum class Storage { dense, lapack };

/// left: out = Q x (Q^T x if `transpose`) for x (..., m, n). right: out = x Q (x Q^T) for x (...,
/// n, m). NaN stays in its column (left) or row (right).
ISOKERN_API void apply_reflectors(const ConstView& v, const ConstView& tau, const ConstView& x,
                                  Side side, bool transpose, Storage storage, OnError on_error,
                                  const View& out);

/// The upper triangular T (..., k, k) of the compact WY form Q = I - V T V^T. Where no tau_i is 0,
/// T^-1 = diag(1 / tau) + the part of V^T V above its diagonal.
ISOKERN_API void compact_wy(const ConstView& v, const ConstView& tau, Storage storage,
                            OnError on_error, const View& out);

/// The first columns of Q: out has shape (..., m, c), c at most m.
ISOKERN_API void form_q(const ConstView& v, const ConstView& tau, Storage storage, OnError on_error,
                        const View& out);

/// Gradients of <g, y> for y = apply_reflectors(v, tau, x, ...): matrix products only, 10 m k
/// operations a column. v_bar (..., m, k) and tau_bar (..., k) have the batch shape that v and tau
/// have together, x_bar (which may be absent) has that of all arguments; sums over axes in which v
/// was broadcast are made here, in an order that depends on shapes alone. Without tau, tau_bar is
/// absent too, and tau's dependence on v is part of v_bar. In LAPACK storage v_bar is zero on and
/// above the diagonal. One pass: OnError::raise acts as raise_after.
ISOKERN_API void apply_reflectors_vjp(const ConstView& g, const ConstView& v, const ConstView& tau,
                                      const ConstView& x, Side side, bool transpose,
                                      Storage storage, OnError on_error, const View& v_bar,
                                      const View& tau_bar, const View& x_bar);

/// y = apply_reflectors(v, tau, x, ...) and its derivative y_dot in the direction of the tangents,
/// which have the shapes of their arguments; an absent one is zero. The triangular factor is
/// differentiated too.
ISOKERN_API void apply_reflectors_jvp(const ConstView& v, const ConstView& tau, const ConstView& x,
                                      const ConstView& v_dot, const ConstView& tau_dot,
                                      const ConstView& x_dot, Side side, bool transpose,
                                      Storage storage, OnError on_error, const View& y,
                                      const View& y_dot);

// ---- Factorisation

/// x = q r for x (..., m, n), by Householder reflectors with LAPACK's signs (geqrf); with p =
/// min(m, n), q (..., m, p) has orthonormal columns and r (..., p, n) is upper triangular. r of
/// shape (..., m, n) beside q (..., m, m) is the complete factorisation; without q only r is made.
/// An item that is not finite becomes NaN.
ISOKERN_API void qr(const ConstView& x, const View& q, const View& r);

/// The same with q as a product of reflectors: v (..., m, p) has ones on its diagonal and zeros
/// above, tau (..., p); both go into the functions above, in either storage.
ISOKERN_API void qr_factored(const ConstView& x, const View& v, const View& tau, const View& r);

// ---- Random orthogonal matrices

/// The stream of the first matrix that `haar` draws; the next follow.
inline constexpr std::uint64_t haar_stream = std::uint64_t{1} << 48;

/// Matrices (..., d, k) with the Haar distribution: on the orthogonal group for k = d (on its
/// connected component, determinant 1, if `special`), on the Stiefel manifold for k < d, where they
/// are the first columns of those for k = d. Matrix s of the batch, in row-major order, is a
/// function of the seed, s and d: for j = 0, ..., k - 1 it takes the normal numbers j d + j, ..., j
/// d + d - 1 of stream haar_stream + s.
ISOKERN_API void haar(std::uint64_t seed, bool special, const View& out);

/// out = Q x (Q^T x if `transpose`) for vectors x (..., d), with the first matrix Q that `haar`
/// would draw. Q is never held: 64 d numbers of it at a time are drawn again, d^2 / 2 in all. out
/// may be exactly x.
ISOKERN_API void haar_apply(std::uint64_t seed, bool special, bool transpose, const ConstView& x,
                            const View& out);

}  // namespace isokern
