# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Rotary position embedding: inner products that depend on relative positions alone.

Each pair of coordinates of a token's vector is turned by the angle position times frequency. A
:class:`RopePlan` is the embedding as data: frequencies, the axis of position that each pair
follows, and which coordinates form a pair. Angles are reduced in double-double precision and
cosines and sines are rounded once, so that a float32 vector at position 10^6 carries no more error
than its own rounding.

======================  ===========================================================
plans                   :func:`plan`, :func:`plan_2d`, :func:`plan_axes`,
                        :func:`plan_mrope`, :func:`plan_mixed`,
                        :func:`plan_from_config`
turning                 :func:`apply`, :func:`apply_`, :func:`rerotate`
gradients               :func:`vjp`, :func:`angle_vjp`
cosines and sines       :func:`table`, :func:`apply_table`,
                        :func:`apply_table_`, :func:`table_vjp`
weights                 :func:`permute_layout`
======================  ===========================================================
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _core
from isokern._arrays import Array, bits
from isokern._rope_axes import plan_2d, plan_axes, plan_mixed, plan_mrope
from isokern._rope_builders import plan
from isokern._rope_calls import (
    ArithmeticOfAngles,
    check_plan,
    find,
    is_float32,
    named,
    rotate,
    take_sequences,
)
from isokern._rope_config import plan_from_config
from isokern._rope_layout import permute_layout, rerotate
from isokern._rope_plan import RopePlan
from isokern._rope_tables import apply_table, apply_table_, table, table_vjp

__all__ = [
    "RopePlan",
    "angle_vjp",
    "apply",
    "apply_",
    "apply_table",
    "apply_table_",
    "permute_layout",
    "plan",
    "plan_2d",
    "plan_axes",
    "plan_from_config",
    "plan_mixed",
    "plan_mrope",
    "rerotate",
    "table",
    "table_vjp",
    "vjp",
]


def apply(
    q: Any,
    k: Any = None,
    *,
    plan: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    cu_seqlens: Any = None,
    seq_axis: int = -2,
    angles: ArithmeticOfAngles = "exact",
    inverse: bool = False,
    out: Any = None,
) -> Any:
    r"""Turn queries, or queries and keys, to their positions.

    Each pair :math:`(x_1, x_2)` becomes :math:`m (x_1 c - x_2 s,\; x_2 c + x_1 s)` with the cosine
    c and the sine s of position times frequency, and m the plan's attention factor. Coordinates
    outside the rotary slice are copied.

    Parameters
    ----------
    q : array_like, shape (..., seq, dim)
        float32, float64, float16 or bfloat16. 16-bit data is computed in float32 and rounded once.
    k : array_like, shape (..., seq, dim), optional
        Turned by the same table of cosines and sines. Its number of heads may be another, as in
        grouped attention.
    plan : RopePlan
        The embedding.
    positions : array_like, shape (seq,) or (..., seq), optional
        Integers or float64, finite, at most 2^53; negative and fractional ones are right. Batch
        axes broadcast against those of `q` (all axes but the sequence and the last) as in NumPy:
        for `q` of shape (batch, heads, seq, dim) and a row of positions for each sequence it is
        (batch, 1, seq). Plans of several axes want one more axis, last.
    offsets : int or array_like of int, optional
        Instead of `positions`: where sequences start, position = offset + 0, 1, 2, ...; batch axes
        broadcast as above. Without either, positions are 0, 1, 2, ...
    cu_seqlens : array_like of int, shape (n + 1,), optional
        The bounds, 0 first, of n sequences packed one after another along the axis of the tokens:
        each starts at position 0, or at its own entry of `offsets`.
    seq_axis : int
        The axis of `q` and `k` along which tokens follow one another.
    angles : {"exact", "float32"}
        "float32" rounds positions, frequencies and their products to float32, as other libraries
        do. Far from the origin such angles are wrong, but equal to theirs.
    inverse : bool
        Undo the embedding: angles negated, and 1/m for m.
    out : ndarray or pair of ndarray, optional
        Where the result goes: exact shape and dtype. It may be the input itself and must otherwise
        not overlap it.

    Returns
    -------
    ndarray or pair of ndarray
        Of the shape and dtype of `q`; a pair where `k` is given.

    Raises
    ------
    TypeError
        Unknown or mixed dtypes, positions in less than float64.
    ValueError
        Shapes that do not fit, a rotary slice beyond the last axis, positions that are not finite
        or beyond 2^53, overlap. No output is touched then.

    References
    ----------
    J. Su et al., "RoFormer: Enhanced transformer with rotary position embedding", 2021,
    arXiv:2104.09864, eq. 34.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import rope
    >>> plan = rope.plan(2)
    >>> q = np.array([[1.0, 0.0], [1.0, 0.0]])
    >>> rope.apply(q, plan=plan).round(4)
    array([[1.    , 0.    ],
           [0.5403, 0.8415]])
    """
    values = named(q, k)
    where = (positions, offsets, cu_seqlens)
    return rotate("rope.apply", values, plan, where, seq_axis, angles, inverse=inverse, out=out)


def apply_(
    q: Any,
    k: Any = None,
    *,
    plan: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    cu_seqlens: Any = None,
    seq_axis: int = -2,
    angles: ArithmeticOfAngles = "exact",
    inverse: bool = False,
) -> Any:
    """Turn queries, or queries and keys, in place.

    Parameters
    ----------
    q, k : ndarray, shape (..., seq, dim)
        As in :func:`apply`; writable, the last axis contiguous, no element twice in memory. Other
        strides are free.
    plan, positions, offsets, cu_seqlens, seq_axis, angles, inverse
        As in :func:`apply`.

    Returns
    -------
    ndarray or pair of ndarray
        What was given.

    Raises
    ------
    TypeError, ValueError
        As :func:`apply`; nothing has changed then.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import rope
    >>> q = np.ones((3, 4))
    >>> rope.apply_(q, plan=rope.plan(4)) is q
    True
    """
    values = named(q, k)
    where = (positions, offsets, cu_seqlens)
    return rotate("rope.apply_", values, plan, where, seq_axis, angles, inverse=inverse, out=values)


def vjp(
    cotangent_q: Any,
    cotangent_k: Any = None,
    *,
    plan: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    cu_seqlens: Any = None,
    seq_axis: int = -2,
    angles: ArithmeticOfAngles = "exact",
    inverse: bool = False,
    out: Any = None,
) -> Any:
    """Pull cotangents of :func:`apply` back to `q` and `k`: the rotation by the negated angles.

    Parameters
    ----------
    cotangent_q, cotangent_k : array_like, shape (..., seq, dim)
        Gradients of a scalar in the results.
    plan, positions, offsets, cu_seqlens, seq_axis, angles, inverse
        As in the call of :func:`apply`.
    out : ndarray or pair of ndarray, optional
        As in :func:`apply`; it may be the cotangent itself.

    Returns
    -------
    ndarray or pair of ndarray
        The gradients in `q` and `k`.

    Raises
    ------
    TypeError, ValueError
        As :func:`apply`.
    """
    values = named(cotangent_q, cotangent_k, "cotangent_")
    where = (positions, offsets, cu_seqlens)
    mode = {"inverse": inverse, "transpose": True}
    return rotate("rope.vjp", values, plan, where, seq_axis, angles, **mode, out=out)


def angle_vjp(
    cotangent_q: Any,
    cotangent_k: Any = None,
    *,
    q: Any,
    k: Any = None,
    plan: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    cu_seqlens: Any = None,
    seq_axis: int = -2,
    angles: ArithmeticOfAngles = "exact",
    inverse: bool = False,
) -> tuple[Array, Array]:
    r"""Pull cotangents of :func:`apply` back to the plan's frequencies and to the positions.

    A pair's angle has the gradient :math:`g_2 y_1 - g_1 y_2` with y the turned pair; times the
    position, summed over tokens and heads, it is that of the frequency, and times the frequency,
    summed over pairs and heads, that of the position.

    Parameters
    ----------
    cotangent_q, cotangent_k : array_like, shape (..., seq, dim)
        Gradients of a scalar in the results of :func:`apply`.
    q, k : array_like, shape (..., seq, dim)
        What was turned, of the same shapes and dtype.
    plan, positions, offsets, cu_seqlens, seq_axis, angles, inverse
        As in the call of :func:`apply`.

    Returns
    -------
    inv_freq_bar : ndarray of float64
        Of the shape of `plan.inv_freq`.
    positions_bar : ndarray of float64
        Of the shape of `positions`; where they were not given, (seq,), or that of the offsets and
        one axis more. An offset's gradient is the sum over its tokens.

    Raises
    ------
    TypeError, ValueError
        As :func:`apply`; shapes of q and its cotangent that differ.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import rope
    >>> q, g = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    >>> rope.angle_vjp(g, q=q, plan=rope.RopePlan([0.5]), positions=[0.0])
    (array([0.]), array([0.5]))
    """
    function = "rope.angle_vjp"
    plan = check_plan(function, plan)
    values = {"q": q, "cotangent_q": cotangent_q}
    if (k is None) != (cotangent_k is None):
        absent = "k" if k is None else "cotangent_k"
        raise ValueError(f"{function}: {absent} is missing, expected both or none of k's arrays")
    if k is not None:
        values |= {"k": k, "cotangent_k": cotangent_k}
    slices = plan.rotary_dim, plan.rotary_offset
    arrays, tokens, batch = take_sequences(function, values, seq_axis, *slices)
    for x, g in ((0, 1), (2, 3))[: len(arrays) // 2]:
        if arrays[x].shape != arrays[g].shape:
            raise ValueError(
                f"{function}: {list(values)[g]} has shape {arrays[g].shape}, expected "
                f"{arrays[x].shape}"
            )
    where = find(function, plan, tokens, batch, positions, offsets, cu_seqlens)
    inv_freq_bar, positions_bar = np.zeros(plan.inv_freq.size), np.zeros(where.shape)
    x_q, g_q = bits(arrays[0]), bits(arrays[1])
    x_k, g_k = (None, None) if k is None else (bits(arrays[2]), bits(arrays[3]))
    kind = (is_float32(function, angles), bool(inverse), int(seq_axis))
    bars = (inv_freq_bar, positions_bar)
    _core.rope_angle_vjp(plan._compiled, *where.arguments(), *kind, g_q, x_q, g_k, x_k, *bars)
    return inv_freq_bar.reshape(plan.inv_freq.shape), positions_bar
