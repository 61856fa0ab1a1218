# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""From one embedding to another: cached keys, and weights for another layout of pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern._arrays import Array, as_ndarray
from isokern._rope_calls import ArithmeticOfAngles, check_plan, rotate
from isokern._rope_plan import PairLayout, RopePlan, check_layout, check_number, check_width

__all__ = ["permute_layout", "rerotate"]


def _general(plan: RopePlan) -> tuple[Array, Array]:
    """Frequencies (terms, heads, P) and axes (terms, P)."""
    assert plan.axis is not None
    if plan.inv_freq.ndim == 3:
        return plan.inv_freq, plan.axis
    return plan.inv_freq[None, None], plan.axis[None]


def _between(function: str, old: RopePlan, new: RopePlan) -> RopePlan:
    """The plan that brings a key turned by `old` to where `new` would have turned it.

    Angles are sums of two terms, position times new and position times negated old frequency, so
    that their difference is never rounded.
    """
    (fast, axis), (slow, other) = _general(new), _general(old)
    for name in ("rotary_dim", "layout", "rotary_offset"):
        if getattr(old, name) != getattr(new, name):
            raise ValueError(
                f"{function}: new has {name} {getattr(new, name)!r}, expected that of old, "
                f"{getattr(old, name)!r}"
            )
    if old.n_axes != new.n_axes or fast.shape[1] != slow.shape[1]:
        raise ValueError(
            f"{function}: new has {new.n_axes} axes and {fast.shape[1]} heads, expected those of "
            f"old, {old.n_axes} and {slow.shape[1]}"
        )
    if old.attention_factor == 0:
        raise ValueError(f"{function}: old has attention_factor 0, expected one with an inverse")
    log_scale = None
    if old.log_scale is not None or new.log_scale is not None:
        both = old.log_scale is not None and new.log_scale is not None
        if both and old.centre != new.centre:
            raise ValueError(
                f"{function}: new has centre {new.centre}, expected that of old, {old.centre}"
            )
        pairs = old.rotary_dim // 2
        before, after = (
            np.zeros(pairs) if plan.log_scale is None else plan.log_scale for plan in (old, new)
        )
        log_scale = before - after  # of keys, the inverse of queries
    return RopePlan(
        np.concatenate([fast, -slow]),
        axis=np.concatenate([axis, other]),
        layout=new.layout,
        rotary_offset=new.rotary_offset,
        attention_factor=check_number(
            function, "attention_factor", new.attention_factor / old.attention_factor
        ),
        log_scale=log_scale,
        centre=old.centre if new.log_scale is None else new.centre,
    )


def rerotate(
    k: Any,
    *,
    old: RopePlan,
    new: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    cu_seqlens: Any = None,
    seq_axis: int = -2,
    angles: ArithmeticOfAngles = "exact",
    out: Any = None,
) -> Any:
    """Bring keys that were turned by one plan to where another would have turned them.

    As when a dynamic schedule changes its base, or LongRoPE its factors, while keys are cached: the
    angle is position times the difference of the frequencies, which is never rounded itself, and
    the factor the quotient of the attention factors. One rotation, not two.

    Parameters
    ----------
    k : array_like, shape (..., seq, dim)
        Turned keys, of any of the four dtypes.
    old, new : RopePlan
        Of the same width, layout, axes and heads.
    positions, offsets, cu_seqlens, seq_axis, angles
        As in :func:`apply`: where the keys are.
    out : ndarray, optional
        As in :func:`apply`; it may be `k` itself.

    Returns
    -------
    ndarray
        Of the shape and dtype of `k`.

    Raises
    ------
    TypeError, ValueError
        As :func:`apply`; plans that do not go together.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import rope
    >>> old, new, k = rope.plan(4), rope.plan(4, base=5e5), np.ones((3, 4))
    >>> moved = rope.rerotate(rope.apply(k, plan=old), old=old, new=new)
    >>> np.allclose(moved, rope.apply(k, plan=new), atol=1e-15)
    True
    """
    function = "rope.rerotate"
    plan = _between(function, check_plan(function, old, "old"), check_plan(function, new, "new"))
    where = (positions, offsets, cu_seqlens)
    return rotate(function, {"k": k}, plan, where, seq_axis, angles, inverse=False, out=out)


def permute_layout(
    w: Any,
    *,
    source: PairLayout,
    target: PairLayout,
    n_heads: int,
    rotary_dim: int | None = None,
    rotary_offset: int = 0,
) -> Array:
    """Reorder the rows of a projection so that its output has another layout of pairs.

    The scores of attention stay the same where queries and keys are both permuted.

    Parameters
    ----------
    w : array_like, shape (n_heads * dim, ...)
        Rows that make up the heads: the weight of a query or key projection, its bias, or, with
        `n_heads` 1, the weight of a norm that all heads share. Of any dtype.
    source, target : {"half", "interleaved"}
        The layout that the rows have, and the one that they get.
    n_heads : int
        How many heads the rows make up: that of the keys for keys, in grouped attention.
    rotary_dim, rotary_offset : int, optional
        The slice of each head that is turned; the whole head by default.

    Returns
    -------
    ndarray
        A new array of the shape and dtype of `w`.

    Raises
    ------
    TypeError, ValueError
        Unknown layouts, rows that do not divide into heads, a slice that is odd or beyond the head.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import rope
    >>> rope.permute_layout(np.arange(8), source="interleaved", target="half", n_heads=2)
    array([0, 2, 1, 3, 4, 6, 5, 7])
    """
    function = "rope.permute_layout"
    for layout in (source, target):
        check_layout(function, layout)
    array = as_ndarray(function, "w", w)
    if array.ndim == 0:
        raise ValueError(f"{function}: w has no axes, expected (n_heads * dim, ...)")
    heads = check_width(function, "n_heads", n_heads, 1)
    rows = array.shape[0]
    if rows % heads or rows == 0:
        raise ValueError(
            f"{function}: w has shape {array.shape}, expected rows for n_heads, {heads}, heads"
        )
    dim = rows // heads
    offset = 0 if rotary_offset == 0 else check_width(function, "rotary_offset", rotary_offset, 1)
    if rotary_dim is None:
        rotary_dim = dim - offset
    width = check_width(function, "rotary_dim", rotary_dim, 2, dim - offset)
    order = np.arange(rows).reshape(heads, dim)
    turned = order[:, offset : offset + width].copy()
    if source != target:
        split = (width // 2, 2) if source == "interleaved" else (2, width // 2)
        turned = turned.reshape(heads, *split).swapaxes(1, 2).reshape(heads, width)
    order[:, offset : offset + width] = turned
    return np.take(array, order.ravel(), axis=0)
