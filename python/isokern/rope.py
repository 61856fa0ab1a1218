# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Rotary position embedding: inner products that depend on relative positions alone.

Each pair of coordinates of a token's vector is turned by the angle position times frequency. A
:class:`RopePlan` is the embedding as data: frequencies, the axis of position that each pair
follows, and which coordinates form a pair. Angles are reduced in double-double precision and
cosines and sines are rounded once, so that a float32 vector at position 10^6 carries no more error
than its own rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _core
from isokern._arrays import REAL_OR_HALF, Array, as_ndarray, bits, empty, take, take_output
from isokern._rope_plan import RopePlan, plan, plan_2d

__all__ = ["RopePlan", "apply", "apply_", "plan", "plan_2d", "vjp"]

_MAX_POSITION = 1 << 53


def _integers(array: Array) -> bool:
    return array.dtype.kind in "iu"


def _take_positions(function: str, positions: Any) -> Array:
    array = as_ndarray(function, "positions", positions)
    if _integers(array):
        if array.dtype.itemsize == 8 and array.size:
            largest = max(abs(int(array.min())), abs(int(array.max())))
            if largest > _MAX_POSITION:
                raise ValueError(f"{function}: positions reach {largest}, expected at most 2^53")
    elif array.dtype != np.float64:
        raise TypeError(
            f"{function}: positions has dtype {array.dtype}, expected integers or float64"
        )
    if array.dtype != np.float64 or not array.dtype.isnative or not array.flags.aligned:
        array = array.astype(np.dtype(np.float64))
    return array


def _where(
    function: str, positions: Any, offsets: Any, plan: RopePlan, tokens: int
) -> tuple[Array | None, int]:
    """Positions as an array, or as the first of consecutive ones."""
    if positions is not None:
        if offsets is not None:
            raise ValueError(
                f"{function}: both positions and offsets are given, expected one of them"
            )
        return _take_positions(function, positions), 0
    if offsets is None:
        return None, 0
    if plan.n_axes > 1:
        raise ValueError(
            f"{function}: offsets are given for a plan of {plan.n_axes} axes, expected positions"
        )
    array = as_ndarray(function, "offsets", offsets)
    if not _integers(array):
        raise TypeError(f"{function}: offsets has dtype {array.dtype}, expected integers")
    if array.size and max(abs(int(array.min())), abs(int(array.max()))) > _MAX_POSITION - tokens:
        raise ValueError(f"{function}: offsets reach beyond 2^53, expected positions within")
    if array.ndim == 0:
        return None, int(array)
    return array[..., None].astype(np.float64) + np.arange(tokens, dtype=np.float64), 0


def _rotate(
    function: str,
    q: Any,
    k: Any,
    plan: Any,
    positions: Any,
    offsets: Any,
    seq_axis: int,
    inverse: bool,
    transpose: bool,
    out: Any,
    names: tuple[str, str] = ("q", "k"),
) -> Any:
    if not isinstance(plan, RopePlan):
        raise TypeError(f"{function}: plan is a {type(plan).__name__}, expected a RopePlan")
    first = take(function, names[0], q, REAL_OR_HALF)
    second = None if k is None else take(function, names[1], k, REAL_OR_HALF)
    if second is not None and second.dtype != first.dtype:
        raise TypeError(
            f"{function}: {names[1]} has dtype {second.dtype}, expected {first.dtype} as {names[0]}"
        )
    tokens = _tokens(function, names[0], first, seq_axis)
    if second is not None and _tokens(function, names[1], second, seq_axis) != tokens:
        raise ValueError(
            f"{function}: {names[1]} has shape {second.shape}, "
            f"expected the {tokens} tokens of {names[0]} along axis {seq_axis}"
        )
    where, start = _where(function, positions, offsets, plan, tokens)
    if (
        out is not None
        and second is not None
        and not (isinstance(out, (tuple, list)) and len(out) == 2)
    ):
        raise TypeError(
            f"{function}: out is a {type(out).__name__}, expected a pair of arrays, "
            f"as {names[1]} is given"
        )
    given = (None, None) if out is None else (out if second is not None else (out, None))
    q_out = _target(function, "out" if second is None else "out[0]", given[0], first)
    k_out = None if second is None else _target(function, "out[1]", given[1], second)
    _core.rope_apply(
        plan._compiled,  # type: ignore[attr-defined]
        where,
        start,
        bool(inverse),
        transpose,
        seq_axis,
        bits(first),
        None if second is None else bits(second),
        bits(q_out),
        None if k_out is None else bits(k_out),
    )
    if out is not None:
        return out
    return q_out if k_out is None else (q_out, k_out)


def _tokens(function: str, name: str, array: Array, seq_axis: int) -> int:
    if isinstance(seq_axis, bool) or not hasattr(seq_axis, "__index__"):
        raise TypeError(f"{function}: seq_axis is {seq_axis!r}, expected an integer")
    axis = seq_axis + array.ndim if seq_axis < 0 else seq_axis
    if not 0 <= axis < array.ndim - 1:
        raise ValueError(
            f"{function}: seq_axis is {seq_axis} for {name} of shape {array.shape}, "
            "expected an axis other than the last"
        )
    return int(array.shape[axis])


def _target(function: str, name: str, out: Any, like: Array) -> Array:
    return (
        empty(like.shape, like.dtype)
        if out is None
        else take_output(function, name, out, like.shape, like.dtype)
    )


def apply(
    q: Any,
    k: Any = None,
    *,
    plan: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    seq_axis: int = -2,
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
    seq_axis : int
        The axis of `q` and `k` along which tokens follow one another.
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
    return _rotate("apply", q, k, plan, positions, offsets, seq_axis, inverse, False, out)


def apply_(
    q: Any,
    k: Any = None,
    *,
    plan: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    seq_axis: int = -2,
    inverse: bool = False,
) -> Any:
    """Turn queries, or queries and keys, in place.

    Parameters
    ----------
    q, k : ndarray, shape (..., seq, dim)
        As in :func:`apply`; writable, the last axis contiguous, no element twice in memory. Other
        strides are free.
    plan, positions, offsets, seq_axis, inverse
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
    out = q if k is None else (q, k)
    return _rotate("apply_", q, k, plan, positions, offsets, seq_axis, inverse, False, out)


def vjp(
    cotangent_q: Any,
    cotangent_k: Any = None,
    *,
    plan: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    seq_axis: int = -2,
    inverse: bool = False,
    out: Any = None,
) -> Any:
    """Pull cotangents of :func:`apply` back to `q` and `k`: the rotation by the negated angles.

    Parameters
    ----------
    cotangent_q, cotangent_k : array_like, shape (..., seq, dim)
        Gradients of a scalar in the results.
    plan, positions, offsets, seq_axis, inverse
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
    names = ("cotangent_q", "cotangent_k")
    return _rotate(
        "vjp",
        cotangent_q,
        cotangent_k,
        plan,
        positions,
        offsets,
        seq_axis,
        inverse,
        True,
        out,
        names,
    )
