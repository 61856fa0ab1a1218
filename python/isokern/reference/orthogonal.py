# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Orthogonal maps that carry one direction to another: the definition.

``H(v) = I - 2 v v^T / |v|^2`` is the reflection along v (Householder 1958). With a and b made unit:

* the reflection ``H(a - b)`` swaps a and b (determinant -1);
* the rotation ``T = H(b) H(a + b) = I - u u^T / (1 + a.b) + 2 b a^T``, u = a + b, carries a to b,
  turns their plane only and leaves what is orthogonal to it alone (determinant +1).

Of two unit vectors the sum and the difference are orthogonal. Where one of them is small it is made
of rounding errors of a and b, and is therefore made orthogonal to the other again, twice ("twice
is enough", Kahan in Parlett, "The symmetric eigenvalue problem", section 6.9); that keeps both
``T a = b`` and ``T^T T = I`` exact for every angle. Where it vanishes, which means that it is no
longer than 4 eps of float64, the map is a convention: the vector h takes its place, which is e_k
made orthogonal to a with k the first index of the smallest ``|a_k|``.
"""

from __future__ import annotations

import numpy as np

from isokern.reference._haar import HAAR_STREAM, HaarRotation, haar
from isokern.reference._qr import qr, qr_vjp
from isokern.reference._reflectors import apply_reflectors, compact_wy, form_q
from isokern.reference._reflectors_vjp import (
    apply_reflectors_jvp,
    apply_reflectors_vjp,
    compact_wy_vjp,
    form_q_vjp,
)
from isokern.reference._tools import (
    Array,
    Errors,
    Like,
    column,
    directions,
    dot,
    finite,
    first,
    householder,
    householder_vjp,
    inputs,
    matrix_inputs,
    mirror,
    sum_to,
    unit,
)

__all__ = [
    "HAAR_STREAM",
    "HaarRotation",
    "apply_reflectors",
    "apply_reflectors_jvp",
    "apply_reflectors_vjp",
    "compact_wy",
    "compact_wy_vjp",
    "form_q",
    "form_q_vjp",
    "haar",
    "qr",
    "qr_vjp",
    "reflect",
    "reflect_between",
    "reflect_between_vjp",
    "reflect_vjp",
    "reflection_matrix",
    "reflection_matrix_vjp",
    "rotate_between",
    "rotate_between_vjp",
    "rotation_matrix",
    "rotation_matrix_vjp",
]


@np.errstate(all="ignore")
def reflect_between(a: Like, b: Like, x: Like, *, errors: Errors = "raise") -> Array:
    """Apply the reflection that swaps a/|a| and b/|b|: ``H(a - b) x``.

    Parameters
    ----------
    a, b, x : array_like, shape (..., d)
        Float32 or float64; leading axes broadcast. `a` and `b` need not be unit.
    errors : {"raise", "nan"}
        What a zero or non-finite `a` or `b` leads to: ValueError, or NaN in that batch entry.

    Returns
    -------
    ndarray, shape (..., d)
        At a = b the reflection is ``H(h)``, which keeps a; it does not exist for d = 1.
    """
    dtype, a, b, x = inputs("reflect_between", a=a, b=b, x=x)
    a, _ = unit("reflect_between", "a", a, errors)
    b, _ = unit("reflect_between", "b", b, errors)
    w, _ = mirror("reflect_between", a, b, -1, errors)
    return householder(w, x).astype(dtype)


@np.errstate(all="ignore")
def rotate_between(
    a: Like,
    b: Like,
    x: Like,
    *,
    transpose: bool = False,
    errors: Errors = "raise",
) -> Array:
    """Apply the smallest rotation that carries a/|a| to b/|b|: ``H(b) H(a + b) x``.

    Parameters and result are those of `reflect_between`; `transpose` applies the rotation back,
    which is that from b to a. At b = -a it is ``H(b) H(h)``, the half-turn in the plane of a and h.
    """
    dtype, a, b, x = inputs("rotate_between", a=a, b=b, x=x)
    a, _ = unit("rotate_between", "a", a, errors)
    b, _ = unit("rotate_between", "b", b, errors)
    if transpose:
        a, b = b, a
    u, _ = mirror("rotate_between", a, b, 1, errors)
    return householder(b, householder(u, x)).astype(dtype)


def reflection_matrix(a: Like, b: Like, *, errors: Errors = "raise") -> Array:
    """Return the matrix of `reflect_between`, shape (..., d, d)."""
    a, b, rows = matrix_inputs("reflection_matrix", a, b, errors)
    return reflect_between(a, b, rows, errors=errors)  # symmetric: rows are columns


def rotation_matrix(a: Like, b: Like, *, errors: Errors = "raise") -> Array:
    """Return the matrix of `rotate_between`, shape (..., d, d).

    Row i of T is ``T^T e_i``.
    """
    a, b, rows = matrix_inputs("rotation_matrix", a, b, errors)
    return rotate_between(a, b, rows, transpose=True, errors=errors)


@np.errstate(all="ignore")
def reflect(v: Like, x: Like, *, tau: Like | None = None, errors: Errors = "raise") -> Array:
    """Apply one elementary reflector: ``x - tau v (v.x)``.

    Parameters
    ----------
    v, x : array_like, shape (..., d)
    tau : array_like, shape (...), optional
        Default ``2 / |v|^2``, which makes the map orthogonal.
    errors : {"raise", "nan"}
        For a zero or non-finite `v` without `tau`, and for a non-finite `tau`.

    Returns
    -------
    ndarray, shape (..., d)
    """
    if tau is None:
        dtype, v, x = inputs("reflect", v=v, x=x)
        v, _ = unit("reflect", "v", v, errors)
        return householder(v, x).astype(dtype)
    dtype, v, x, scale = inputs("reflect", v=v, x=x, tau=column(tau))
    scale = finite("reflect", "tau", scale, errors)
    y: Array = x - scale * v * dot(v, x)
    return y.astype(dtype)


def reflect_between_vjp(
    cotangent: Like, a: Like, b: Like, x: Like, *, errors: Errors = "raise"
) -> tuple[Array, Array, Array]:
    """Gradients of <cotangent, reflect_between(a, b, x)> in a, b and x.

    With w = a - b the map is ``x - tau w (w.x)``, tau = 2/|w|^2, so that the gradient in w is
    ``-tau ((w.x) g + (w.g) x) + tau^2 (w.x) (w.g) w``, that in a the same and in b its negative;
    both are projected to the tangent space, since a and b are made unit first.

    Returns
    -------
    a_bar, b_bar, x_bar : ndarray
        In the shapes of a, b and x. At a = b the gradient does not exist: ValueError, or NaN.
    """
    return _between_vjp("reflect_between_vjp", -1, cotangent, a, b, x, errors)


def rotate_between_vjp(
    cotangent: Like,
    a: Like,
    b: Like,
    x: Like,
    *,
    transpose: bool = False,
    errors: Errors = "raise",
) -> tuple[Array, Array, Array]:
    """Gradients of <cotangent, rotate_between(a, b, x)> in a, b and x.

    The map is ``x - tau u (u.x) + 2 b (a.x)`` with u = a + b, tau = 2/|u|^2. The first part has the
    gradient of a reflection in u (see `reflect_between_vjp`), the second adds ``2 (b.g) x`` in a
    and ``2 (a.x) g`` in b; both are projected to the tangent space. They grow as ``1 / |a + b|``
    and do not exist at b = -a: ValueError, or NaN.
    """
    if transpose:
        directions("rotate_between_vjp", a, b, errors)  # by their own names
        b_bar, a_bar, x_bar = _between_vjp("rotate_between_vjp", 1, cotangent, b, a, x, errors)
        return a_bar, b_bar, x_bar
    return _between_vjp("rotate_between_vjp", 1, cotangent, a, b, x, errors)


def reflection_matrix_vjp(
    cotangent: Like, a: Like, b: Like, *, errors: Errors = "raise"
) -> tuple[Array, Array]:
    """Gradients of <cotangent, reflection_matrix(a, b)> in a and b."""
    a, b, rows = matrix_inputs("reflection_matrix_vjp", a, b, errors)
    a_bar, b_bar, _ = _between_vjp("reflection_matrix_vjp", -1, cotangent, a, b, rows, errors)
    return a_bar[..., 0, :], b_bar[..., 0, :]


def rotation_matrix_vjp(
    cotangent: Like, a: Like, b: Like, *, errors: Errors = "raise"
) -> tuple[Array, Array]:
    """Gradients of <cotangent, rotation_matrix(a, b)> in a and b."""
    a, b, rows = matrix_inputs("rotation_matrix_vjp", a, b, errors)
    b_bar, a_bar, _ = _between_vjp("rotation_matrix_vjp", 1, cotangent, b, a, rows, errors)
    return a_bar[..., 0, :], b_bar[..., 0, :]


@np.errstate(all="ignore")
def reflect_vjp(
    cotangent: Like,
    v: Like,
    x: Like,
    *,
    tau: Like | None = None,
    errors: Errors = "raise",
) -> tuple[Array, ...]:
    """Gradients of <cotangent, reflect(v, x, tau=tau)>.

    ``x_bar = g - tau v (v.g)``, ``tau_bar = -(v.g) (v.x)``,
    ``v_bar = -tau ((v.x) g + (v.g) x)``, and with tau = 2/|v|^2 also ``+ tau^2 (v.x) (v.g) v``.

    Returns
    -------
    (v_bar, x_bar), or (v_bar, x_bar, tau_bar) where tau is given
    """
    if tau is None:
        dtype, g, v, x = inputs("reflect_vjp", cotangent=cotangent, v=v, x=x)
        n, length = unit("reflect_vjp", "v", v, errors)
        v_bar, x_bar = householder_vjp(n, x, g) / length, householder(n, g)
        return sum_to(v_bar, v.shape, dtype), sum_to(x_bar, x.shape, dtype)
    dtype, g, v, x, scale = inputs("reflect_vjp", cotangent=cotangent, v=v, x=x, tau=column(tau))
    scale = finite("reflect_vjp", "tau", scale, errors)
    p, q = dot(v, x), dot(v, g)
    return (
        sum_to(-scale * (p * g + q * x), v.shape, dtype),
        sum_to(g - scale * v * q, x.shape, dtype),
        sum_to(-p * q, scale.shape, dtype)[..., 0],
    )


@np.errstate(all="ignore")
def _between_vjp(
    function: str,
    sign: int,
    cotangent: Like,
    a: Like,
    b: Like,
    x: Like,
    errors: Errors,
) -> tuple[Array, Array, Array]:
    """Gradients of the rotation (sign 1) or the reflection (sign -1) from a to b."""
    dtype, g, a, b, x = inputs(function, cotangent=cotangent, a=a, b=b, x=x)
    unit_a, length_a = unit(function, "a", a, errors)
    unit_b, length_b = unit(function, "b", b, errors)
    v, degenerate = mirror(function, unit_a, unit_b, sign, errors)
    if errors == "raise" and degenerate.any():
        raise ValueError(
            f"{function}: no gradient where b = {'-a' if sign > 0 else 'a'}, batch index "
            f"{first(degenerate[..., 0, 0] if 'matrix' in function else degenerate[..., 0])}"
        )
    v = np.where(degenerate, np.longdouble("nan"), v)
    v_bar = householder_vjp(v, x, g)
    if sign > 0:
        a_bar = v_bar + 2 * dot(unit_b, g) * x
        b_bar = v_bar + 2 * dot(unit_a, x) * g
        x_bar = householder(v, householder(unit_b, g))
    else:
        a_bar, b_bar = v_bar, -v_bar
        x_bar = householder(v, g)
    a_bar = (a_bar - unit_a * dot(unit_a, a_bar)) / length_a
    b_bar = (b_bar - unit_b * dot(unit_b, b_bar)) / length_b
    return (
        sum_to(a_bar, a.shape, dtype),
        sum_to(b_bar, b.shape, dtype),
        sum_to(x_bar, x.shape, dtype),
    )
