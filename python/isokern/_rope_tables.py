# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Tables of cosines and sines: made once for many layers, or by somebody else."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _core
from isokern._arrays import Array, empty, is_bfloat16, take
from isokern._rope_calls import (
    ArithmeticOfAngles,
    check_plan,
    is_float32,
    named,
    operands,
    results,
    take_positions,
    take_rows,
    take_sequences,
    targets,
)
from isokern._rope_plan import PairLayout, RopePlan, check_layout, check_width

__all__ = ["apply_table", "apply_table_", "table", "table_vjp"]

_SINGLE, _WIDE = np.dtype(np.float32), np.dtype(np.float64)


def table(
    plan: RopePlan,
    positions: Any,
    *,
    dtype: Any = np.float32,
    angles: ArithmeticOfAngles = "exact",
) -> tuple[Array, Array]:
    """Cosines and sines of a plan's angles, times its attention factor.

    What :func:`apply` makes within each call; the layers of a model can share one by
    :func:`apply_table`, with the same bits.

    Parameters
    ----------
    plan : RopePlan
        The embedding; not with xPos, where queries and keys have tables of their own.
    positions : int, or array_like of int or float64, shape (..., seq) or (..., seq, axes)
        As in :func:`apply`; a number n stands for 0, 1, ..., n - 1.
    dtype : dtype
        float32, for data of float32, float16 and bfloat16, or float64.
    angles : {"exact", "float32"}
        As in :func:`apply`.

    Returns
    -------
    cos, sin : ndarray, shape (..., seq, P)
        The two halves of the rows of one array. For mixed plans of several heads (..., heads, seq,
        P), the batch axes of the positions broadcast with the heads.

    Raises
    ------
    TypeError, ValueError
        As :func:`apply`.

    Examples
    --------
    >>> from isokern import rope
    >>> cos, sin = rope.table(rope.plan(2), 3)
    >>> sin.round(4).ravel()
    array([0.    , 0.8415, 0.9093], dtype=float32)
    """
    function = "rope.table"
    plan = check_plan(function, plan)
    if plan.log_scale is not None:
        raise ValueError(
            f"{function}: plan has log_scale, expected a plan with one table for queries and keys"
        )
    wanted = np.dtype(dtype)
    if wanted not in (np.float32, np.float64):
        raise TypeError(f"{function}: dtype is {wanted}, expected float32 or float64")
    where: Array | None = None
    batch: tuple[int, ...] = ()
    if hasattr(positions, "__index__") and not isinstance(positions, np.ndarray):
        tokens = check_width(function, "positions", positions, 1) if positions != 0 else 0
    else:
        where = take_positions(function, positions, None, plan.n_axes)
        shape = where.shape if plan.n_axes == 1 else where.shape[:-1]
        batch, tokens = shape[:-1], shape[-1]
    if plan.inv_freq.ndim == 3 and plan.inv_freq.shape[1] > 1:
        heads = (plan.inv_freq.shape[1],)
        try:
            batch = np.broadcast_shapes(batch, heads)
        except ValueError:
            raise ValueError(
                f"{function}: positions has batch axes {batch}, expected some that broadcast with "
                f"the plan's {heads[0]} heads"
            ) from None
    out = empty((*batch, tokens, plan.rotary_dim), wanted)
    _core.rope_table(plan._compiled, where, is_float32(function, angles), out)
    pairs = plan.rotary_dim // 2
    return out[..., :pairs], out[..., pairs:]


def _take_table(function: str, name: str, value: Any, pairs: int, layout: str, wide: bool) -> Array:
    """One half of a table, P wide, in the dtype that the kernels want."""
    wanted = _WIDE if wide else _SINGLE
    if (  # the usual case, at once
        type(value) is np.ndarray
        and value.dtype is wanted
        and value.ndim > 1
        and value.shape[-1] == pairs
        and value.strides[-1] == wanted.itemsize
        and value.flags.aligned
    ):
        return value
    array = take(function, name, value, half=True)
    if array.ndim < 2 or array.shape[-1] not in (pairs, 2 * pairs):
        raise ValueError(
            f"{function}: {name} has shape {array.shape}, expected (..., {pairs}) or "
            f"(..., {2 * pairs}) for {2 * pairs} rotary coordinates"
        )
    if array.shape[-1] == 2 * pairs:
        if layout == "half":
            one, other = array[..., :pairs], array[..., pairs:]
        else:
            one, other = array[..., ::2], array[..., 1::2]
        if not np.array_equal(one, other, equal_nan=not is_bfloat16(array.dtype)):
            raise ValueError(
                f"{function}: {name} of width {2 * pairs} has two numbers for a pair of layout "
                f"{layout!r}, expected each twice, or a table of width {pairs}"
            )
        array = one
    if array.dtype != wanted or array.strides[-1] != array.itemsize:
        array = np.ascontiguousarray(array.astype(wanted))
    return array


def _turn(
    function: str,
    values: dict[str, Any],
    tables: tuple[Any, Any],
    shape: tuple[Any, Any, Any],
    where: tuple[Any, Any],
    seq_axis: Any,
    *,
    inverse: bool,
    transpose: bool = False,
    out: Any = None,
) -> Any:
    layout, rotary_dim, rotary_offset = shape
    check_layout(function, layout)
    last = None if rotary_dim is None else check_width(function, "rotary_dim", rotary_dim, 2)
    if not hasattr(rotary_offset, "__index__") or rotary_offset < 0:
        raise ValueError(f"{function}: rotary_offset is {rotary_offset!r}, expected 0 or more")
    arrays, tokens, _ = take_sequences(function, values, seq_axis, last or 0, int(rotary_offset))
    if last is None:
        last = check_width(function, "dim", arrays[0].shape[-1] - rotary_offset, 2)
    wide = arrays[0].dtype == np.float64
    cos, sin = (
        _take_table(function, name, value, last // 2, layout, wide)
        for name, value in zip(("cos", "sin"), tables, strict=True)
    )
    rows = take_rows(function, *where, tokens)
    if rows is not None and cos.ndim != 2:
        raise ValueError(
            f"{function}: cos has shape {cos.shape}, expected (n, {last // 2}), rows to be picked "
            "by position"
        )
    if inverse:
        cos, sin = _inverse(function, cos, sin)
    outputs = targets(function, values, arrays, out)
    kind = (layout == "interleaved", int(rotary_offset), transpose != bool(inverse))
    x, to = operands(arrays), operands(outputs)
    _core.rope_apply_table(cos, sin, rows, *kind, int(seq_axis), x[0], x[1], to[0], to[1])
    return results(values, outputs, out)


def _inverse(function: str, cos: Array, sin: Array) -> tuple[Array, Array]:
    """The table by whose transpose the rotation is undone: both by their square's sum."""
    if cos.shape != sin.shape:
        raise ValueError(
            f"{function}: cos has shape {cos.shape} and sin {sin.shape}, expected one shape"
        )
    square = cos.astype(np.float64) ** 2 + sin.astype(np.float64) ** 2
    if not (square > 0).all():
        raise ValueError(f"{function}: cos and sin are both zero somewhere, expected an inverse")
    return (cos / square).astype(cos.dtype), (sin / square).astype(sin.dtype)


def apply_table(
    q: Any,
    k: Any = None,
    *,
    cos: Any,
    sin: Any,
    layout: PairLayout = "half",
    rotary_dim: int | None = None,
    rotary_offset: int = 0,
    positions: Any = None,
    offsets: Any = None,
    seq_axis: int = -2,
    inverse: bool = False,
    out: Any = None,
) -> Any:
    """Turn queries, or queries and keys, by given cosines and sines.

    Parameters
    ----------
    q, k : array_like, shape (..., seq, dim)
        As in :func:`apply`.
    cos, sin : array_like, shape (..., seq, P) or (..., seq, 2P)
        Of any of the four dtypes, whatever factor they carry included. Batch axes broadcast against
        those of `q`: (batch, 1, seq, P) for `q` of shape (batch, heads, seq, dim). P numbers a
        token, as in ONNX and by :func:`table`; of 2P each must be there twice, in both halves for
        layout "half", as in Hugging Face's, and side by side for "interleaved". With `positions`,
        (n, P) or (n, 2P).
    layout : {"half", "interleaved"}
        Which coordinates form a pair, as in :func:`plan`.
    rotary_dim, rotary_offset : int, optional
        The slice of coordinates that takes part; all of them by default.
    positions : array_like of int, shape (seq,) or (..., seq), optional
        Which row of the table each token takes; all are checked before any is used.
    offsets : int or array_like of int, optional
        The same for consecutive rows, by their first.
    seq_axis, out
        As in :func:`apply`.
    inverse : bool
        Undo it.

    Returns
    -------
    ndarray or pair of ndarray
        Of the shape and dtype of `q`; a pair where `k` is given.

    Raises
    ------
    TypeError, ValueError
        As :func:`apply`; tables of another width or length, positions beyond the table. No output
        is touched then.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import rope
    >>> plan, q = rope.plan(4), np.ones((3, 4), np.float32)
    >>> cos, sin = rope.table(plan, 100)
    >>> y = rope.apply_table(q, cos=cos, sin=sin, offsets=7)
    >>> np.array_equal(y, rope.apply(q, plan=plan, offsets=7))
    True
    """
    values, shape = named(q, k), (layout, rotary_dim, rotary_offset)
    where = (positions, offsets)
    return _turn(
        "rope.apply_table", values, (cos, sin), shape, where, seq_axis, inverse=inverse, out=out
    )


def apply_table_(
    q: Any,
    k: Any = None,
    *,
    cos: Any,
    sin: Any,
    layout: PairLayout = "half",
    rotary_dim: int | None = None,
    rotary_offset: int = 0,
    positions: Any = None,
    offsets: Any = None,
    seq_axis: int = -2,
    inverse: bool = False,
) -> Any:
    """Turn in place by given cosines and sines.

    Parameters
    ----------
    q, k : ndarray, shape (..., seq, dim)
        As in :func:`apply_`.
    cos, sin, layout, rotary_dim, rotary_offset, positions, offsets, seq_axis, inverse
        As in :func:`apply_table`.

    Returns
    -------
    ndarray or pair of ndarray
        What was given.

    Raises
    ------
    TypeError, ValueError
        As :func:`apply_table`; nothing has changed then.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import rope
    >>> cos, sin = rope.table(rope.plan(4), 3)
    >>> q = np.ones((3, 4), np.float32)
    >>> rope.apply_table_(q, cos=cos, sin=sin) is q
    True
    """
    values, shape = named(q, k), (layout, rotary_dim, rotary_offset)
    where = (positions, offsets)
    return _turn(
        "rope.apply_table_", values, (cos, sin), shape, where, seq_axis, inverse=inverse, out=values
    )


def table_vjp(
    cotangent_q: Any,
    cotangent_k: Any = None,
    *,
    cos: Any,
    sin: Any,
    layout: PairLayout = "half",
    rotary_dim: int | None = None,
    rotary_offset: int = 0,
    positions: Any = None,
    offsets: Any = None,
    seq_axis: int = -2,
    inverse: bool = False,
    out: Any = None,
) -> Any:
    """Pull cotangents of :func:`apply_table` back to `q` and `k`.

    Parameters
    ----------
    cotangent_q, cotangent_k : array_like, shape (..., seq, dim)
        Gradients of a scalar in the results.
    cos, sin, layout, rotary_dim, rotary_offset, positions, offsets, seq_axis, inverse
        As in the call of :func:`apply_table`.
    out : ndarray or pair of ndarray, optional
        As in :func:`apply`.

    Returns
    -------
    ndarray or pair of ndarray
        The gradients in `q` and `k`.

    Raises
    ------
    TypeError, ValueError
        As :func:`apply_table`.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import rope
    >>> g = np.array([[0.0, 1.0]])
    >>> rope.table_vjp(g, cos=np.array([[0.0]]), sin=np.array([[1.0]]))
    array([[1., 0.]])
    """
    values = named(cotangent_q, cotangent_k, "cotangent_")
    shape, where = (layout, rotary_dim, rotary_offset), (positions, offsets)
    mode = {"inverse": inverse, "transpose": True}
    return _turn("rope.table_vjp", values, (cos, sin), shape, where, seq_axis, **mode, out=out)
