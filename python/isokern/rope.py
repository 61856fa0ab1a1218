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
from isokern._arrays import (
    MAX_RANK,
    Array,
    as_ndarray,
    bits,
    broadcast_batch,
    empty,
    take_alike,
    take_output,
)
from isokern._rope_plan import RopePlan, plan, plan_2d

__all__ = ["RopePlan", "apply", "apply_", "plan", "plan_2d", "vjp"]

_MAX_POSITION = 1 << 53


def _largest(array: Array) -> int:
    """The largest absolute value of an array of integers."""
    return max(abs(int(array.min())), abs(int(array.max()))) if array.size else 0


def _take_positions(function: str, positions: Any, tokens: int, n_axes: int) -> Array:
    array = as_ndarray(function, "positions", positions)
    wanted = (tokens,) if n_axes == 1 else (tokens, n_axes)
    if array.shape[-len(wanted) :] != wanted or array.ndim > MAX_RANK:
        text = ", ".join(map(str, wanted))
        raise ValueError(f"{function}: positions has shape {array.shape}, expected (..., {text})")
    if array.dtype.kind in "iu":
        if array.dtype.itemsize == 8 and _largest(array) > _MAX_POSITION:
            raise ValueError(
                f"{function}: positions reach {_largest(array)}, expected at most 2^53"
            )
    elif array.dtype.newbyteorder("=") != np.float64:
        raise TypeError(
            f"{function}: positions has dtype {array.dtype}, expected integers or float64"
        )
    if array.dtype != np.float64 or not array.flags.aligned:  # byte order is part of the dtype
        array = array.astype(np.float64)
    return array


def _where(
    function: str, positions: Any, offsets: Any, plan: RopePlan, tokens: int, batch: tuple[int, ...]
) -> tuple[Array | None, int]:
    """Positions as an array, or as the first of consecutive ones."""
    if positions is not None:
        if offsets is not None:
            raise ValueError(
                f"{function}: both positions and offsets are given, expected one of them"
            )
        return _take_positions(function, positions, tokens, plan.n_axes), 0
    if offsets is None:
        return None, 0
    if plan.n_axes > 1:
        raise ValueError(
            f"{function}: offsets are given for a plan of {plan.n_axes} axes, expected positions"
        )
    if type(offsets) is int and abs(offsets) <= _MAX_POSITION >> 1:  # the usual case, at once
        return None, offsets
    array = as_ndarray(function, "offsets", offsets)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{function}: offsets has dtype {array.dtype}, expected integers")
    last = int(array.max(initial=0)) + max(tokens - 1, 0)
    if last > _MAX_POSITION or int(array.min(initial=0)) < -_MAX_POSITION:
        raise ValueError(f"{function}: offsets reach beyond 2^53, expected positions within")
    if array.ndim == 0:
        return None, int(array)
    if (
        len(array.shape) > len(batch)
        or broadcast_batch(function, offsets=array.shape, q=batch) != batch
    ):
        raise ValueError(
            f"{function}: offsets has shape {array.shape}, expected one that broadcasts to {batch}"
        )
    return array[..., None].astype(np.float64) + np.arange(tokens, dtype=np.float64), 0


def _sequence(function: str, name: str, array: Array, seq_axis: Any) -> tuple[int, tuple[int, ...]]:
    """The number of tokens, and the batch axes: all but those of the tokens and their vectors."""
    if type(seq_axis) is not int and (
        isinstance(seq_axis, bool) or not hasattr(seq_axis, "__index__")
    ):
        raise TypeError(f"{function}: seq_axis is {seq_axis!r}, expected an integer")
    axis = seq_axis + array.ndim if seq_axis < 0 else seq_axis
    if not 0 <= axis < array.ndim - 1:
        raise ValueError(
            f"{function}: seq_axis is {seq_axis} for {name} of shape {array.shape}, "
            "expected an axis other than the last"
        )
    return int(array.shape[axis]), array.shape[:axis] + array.shape[axis + 1 : -1]


def _take_sequences(
    function: str, values: dict[str, Any], seq_axis: Any
) -> tuple[list[Array], int, tuple[int, ...]]:
    """Arrays of one dtype with as many tokens; the batch axes are those of the first."""
    arrays = take_alike(function, half=True, **values)
    first, *others = values
    tokens, batch = _sequence(function, first, arrays[0], seq_axis)
    for name, array in zip(others, arrays[1:], strict=True):
        if _sequence(function, name, array, seq_axis)[0] != tokens:
            raise ValueError(
                f"{function}: {name} has shape {array.shape}, "
                f"expected {tokens} tokens along axis {seq_axis}, as {first} has"
            )
    return arrays, tokens, batch


def _targets(function: str, values: dict[str, Any], arrays: list[Array], out: Any) -> list[Array]:
    """The outputs: fresh, given, or the inputs themselves."""
    if out is None:
        return [empty(array.shape, array.dtype) for array in arrays]
    if out is values:
        given = list(values.items())
    elif len(arrays) == 1:
        given = [("out", out)]
    elif isinstance(out, (tuple, list)) and len(out) == 2:
        given = [("out[0]", out[0]), ("out[1]", out[1])]
    else:
        raise TypeError(f"{function}: out is a {type(out).__name__}, expected a pair of arrays")
    return [
        take_output(function, name, target, array.shape, array.dtype)
        for (name, target), array in zip(given, arrays, strict=True)
    ]


def _rotate(
    function: str,
    values: dict[str, Any],
    plan: Any,
    positions: Any,
    offsets: Any,
    seq_axis: Any,
    *,
    inverse: bool,
    transpose: bool = False,
    out: Any = None,
) -> Any:
    """Turn one or two arrays; `out` may be `values` itself."""
    if not isinstance(plan, RopePlan):
        raise TypeError(f"{function}: plan is a {type(plan).__name__}, expected a RopePlan")
    arrays, tokens, batch = _take_sequences(function, values, seq_axis)
    last = plan.rotary_offset + plan.rotary_dim
    for name, array in zip(values, arrays, strict=True):
        if array.shape[-1] < last:
            raise ValueError(
                f"{function}: {name} has shape {array.shape}, expected a last axis of at least "
                f"{last} for the plan's rotary slice"
            )
    where, start = _where(function, positions, offsets, plan, tokens, batch)
    targets = _targets(function, values, arrays, out)
    mode = (bool(inverse), transpose, int(seq_axis))
    q, q_out = bits(arrays[0]), bits(targets[0])
    k, k_out = (None, None) if len(arrays) == 1 else (bits(arrays[1]), bits(targets[1]))
    _core.rope_apply(plan._compiled, where, start, *mode, q, k, q_out, k_out)
    if out is values:
        targets = list(values.values())
    elif out is not None:
        return out
    return targets[0] if len(targets) == 1 else tuple(targets)


def _named(q: Any, k: Any, prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}q": q} if k is None else {f"{prefix}q": q, f"{prefix}k": k}


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
    values = _named(q, k)
    where = (plan, positions, offsets, seq_axis)
    return _rotate("rope.apply", values, *where, inverse=inverse, out=out)


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
    values = _named(q, k)
    where = (plan, positions, offsets, seq_axis)
    return _rotate("rope.apply_", values, *where, inverse=inverse, out=values)


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
    values = _named(cotangent_q, cotangent_k, "cotangent_")
    where = (plan, positions, offsets, seq_axis)
    return _rotate("rope.vjp", values, *where, inverse=inverse, transpose=True, out=out)
