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

}  // namespace isokern
