# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Plans of several axes: which axis each pair follows, and how fast it turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from isokern._rope_builders import plan_of, schedule_of
from isokern._rope_plan import (
    MAX_AXES,
    PairLayout,
    RopePlan,
    check_base,
    check_layout,
    check_number,
    check_width,
)

__all__ = ["plan_2d", "plan_axes", "plan_mixed", "plan_mrope"]

Grouping = Literal["alternate", "split", "staggered"]
Arrangement = Literal["contiguous", "interleaved", "spatial_first"]


def plan_axes(
    dim: int,
    axes: int | Sequence[int],
    *,
    base: float = 10000.0,
    layout: PairLayout = "interleaved",
    grouping: Grouping = "alternate",
    scale: float = 1.0,
) -> RopePlan:
    r"""Plan the embedding of positions on several axes, as of images and videos.

    Each of the N axes has dim/(2N) pairs, with the frequencies
    :math:`s\, b^{-2Ni/D},\; i = 0, 1, \ldots` Differences of positions, in all axes, are all that
    inner products see.

    Parameters
    ----------
    dim : int
        Width of a head; a multiple of 2N.
    axes : int or sequence of int
        N, or the width that each axis has: even numbers whose sum is `dim`, one after another in
        the head, each axis with the series of its own width.
    base : float
        The base of the geometric series of frequencies.
    layout : {"half", "interleaved"}
        Which coordinates form a pair, as in :func:`plan`.
    grouping : {"alternate", "split", "staggered"}
        "alternate": pairs follow axis 0, 1, ..., 0, 1, ..., so that each block of 2N coordinates
        holds all axes at one frequency. "split": the first pairs follow axis 0, the next axis 1, as
        most vision models do. "staggered": the same, but axis a takes the frequencies
        :math:`s\, b^{-2(Ni + a)/D}`, as Pixtral does.
    scale : float
        s, which multiplies all frequencies: 2 pi for coordinates between -1 and 1.

    Returns
    -------
    RopePlan
        With N axes: positions have shape (..., seq, N).

    Raises
    ------
    TypeError, ValueError
        Widths that do not divide, a base that is not positive, an unknown layout or grouping.

    References
    ----------
    J. Su, "Transformer upgrade path 4: rotary position embedding in two dimensions", 2021,
    kexue.fm/archives/8397.

    Examples
    --------
    >>> from isokern import rope
    >>> rope.plan_axes(12, 3).axis
    array([0, 1, 2, 0, 1, 2], dtype=int8)
    >>> rope.plan_axes(16, (4, 6, 6)).axis
    array([0, 0, 1, 1, 1, 2, 2, 2], dtype=int8)
    """
    return _plan_axes("rope.plan_axes", dim, axes, base, layout, grouping, scale)


def _plan_axes(
    function: str, dim: Any, axes: Any, base: Any, layout: Any, grouping: Any, scale: Any
) -> RopePlan:
    check_layout(function, layout)
    base, scale = check_base(function, base), check_number(function, "scale", scale)
    if grouping not in ("alternate", "split", "staggered"):
        raise ValueError(
            f"{function}: grouping is {grouping!r}, expected 'alternate', 'split' or 'staggered'"
        )
    if isinstance(axes, (Sequence, np.ndarray)) and not isinstance(axes, str):
        widths = [check_width(function, "axes", width, 2) for width in axes]
        if not widths or len(widths) > MAX_AXES or sum(widths) != dim:
            raise ValueError(
                f"{function}: axes is {tuple(widths)}, expected 1 to {MAX_AXES} widths whose sum "
                f"is dim, {dim}"
            )
        axis = np.repeat(np.arange(len(widths)), np.array(widths) // 2)
        exponents = np.concatenate([-2.0 * np.arange(width // 2) / width for width in widths])
    else:
        count = check_width(function, "axes", axes, 1, MAX_AXES)
        pairs = check_width(function, "dim", dim, 2 * count) // 2
        index = np.arange(pairs)
        if grouping == "alternate":
            axis, step = index % count, index // count
        else:
            axis, step = index // (pairs // count), index % (pairs // count)
        shift = axis if grouping == "staggered" else 0
        exponents = -2.0 * (count * step + shift) / dim
    return RopePlan(scale * base**exponents, axis=axis.astype(np.int8), layout=layout)


def plan_2d(
    dim: int,
    *,
    base: float = 10000.0,
    layout: PairLayout = "interleaved",
    grouping: Grouping = "alternate",
    scale: float = 1.0,
) -> RopePlan:
    r"""Plan the embedding of two-dimensional positions (x, y), as of image patches.

    Both axes have the dim/4 frequencies :math:`b^{-4i/D}`: :func:`plan_axes` with two axes.

    Parameters
    ----------
    dim : int
        Width of a head; a multiple of 4.
    base, layout, grouping, scale
        As in :func:`plan_axes`. "alternate" is the article's block of four coordinates, first pair
        by x, second by y; "split" gives the first half of the pairs to x, the second to y.

    Returns
    -------
    RopePlan
        With two axes: positions have shape (..., seq, 2).

    Raises
    ------
    TypeError, ValueError
        A `dim` that is no multiple of 4, a base that is not positive, an unknown layout or
        grouping.

    References
    ----------
    J. Su, "Transformer upgrade path 4: rotary position embedding in two dimensions", 2021,
    kexue.fm/archives/8397.

    Examples
    --------
    >>> from isokern import rope
    >>> rope.plan_2d(8).axis
    array([0, 1, 0, 1], dtype=int8)
    """
    return _plan_axes("rope.plan_2d", dim, 2, base, layout, grouping, scale)


def plan_mrope(
    dim: int,
    sections: Sequence[int],
    *,
    base: float = 10000.0,
    layout: PairLayout = "half",
    arrangement: Arrangement = "contiguous",
    rotary_dim: int | None = None,
    scaling: Mapping[str, Any] | None = None,
    seq_len: int | None = None,
) -> RopePlan:
    """Plan a multimodal embedding: one series of frequencies shared out among several axes.

    Unlike :func:`plan_axes`, the series does not begin again for each axis, so that a text token,
    whose positions on all axes are equal, is turned as in :func:`plan`.

    Parameters
    ----------
    dim : int
        Width of a head.
    sections : sequence of int
        How many pairs follow each axis; their sum is the number of pairs. The order is that of the
        axes, (t, h, w), but (h, w, t) for "spatial_first".
    base, layout, rotary_dim, scaling, seq_len
        As in :func:`plan`.
    arrangement : {"contiguous", "interleaved", "spatial_first"}
        "contiguous": the first pairs follow axis 0, the next axis 1 (Qwen2-VL; four axes: Hunyuan).
        "interleaved": t, h, w, t, h, w, ... as long as h and w have pairs left, then t (Qwen3-VL).
        "spatial_first": h, w, h, w, ..., then t (ERNIE-4.5-VL).

    Returns
    -------
    RopePlan
        Positions have shape (..., seq, axes) in the order t, h, w in every arrangement.

    Raises
    ------
    TypeError, ValueError
        As :func:`plan`; sections that do not add up to the pairs, or are not three where the
        arrangement wants three.

    References
    ----------
    P. Wang et al., "Qwen2-VL", 2024, arXiv:2409.12191, section 2.1.

    Examples
    --------
    >>> from isokern import rope
    >>> rope.plan_mrope(16, (2, 3, 3)).axis
    array([0, 0, 1, 1, 1, 2, 2, 2], dtype=int8)
    """
    function = "rope.plan_mrope"
    check_layout(function, layout)
    found = schedule_of(function, dim, base, rotary_dim, scaling, seq_len)
    axis = mrope_axis(function, sections, found.inv_freq.size, arrangement)
    return plan_of(function, found, dim, layout, axis=axis)


def mrope_axis(function: str, sections: Any, pairs: int, arrangement: str) -> Any:
    """The axis of each pair."""
    listed = isinstance(sections, (Sequence, np.ndarray)) and not isinstance(sections, str)
    counts = [int(n) for n in sections if hasattr(n, "__index__") and n >= 0] if listed else []
    if not counts or len(counts) != len(sections) or len(counts) > MAX_AXES or sum(counts) != pairs:
        raise ValueError(
            f"{function}: sections is {sections!r}, expected numbers of pairs whose sum is {pairs}"
        )
    if arrangement == "contiguous":
        return np.repeat(np.arange(len(counts)), counts)
    if arrangement not in ("interleaved", "spatial_first"):
        raise ValueError(
            f"{function}: arrangement is {arrangement!r}, expected 'contiguous', 'interleaved' or "
            "'spatial_first'"
        )
    if len(counts) != 3:
        raise ValueError(
            f"{function}: sections is {sections!r}, expected three for arrangement {arrangement!r}"
        )
    index = np.arange(pairs)
    if arrangement == "spatial_first":
        return np.where(index < counts[0] + counts[1], 1 + index % 2, 0)
    turn = index % 3
    return np.where((turn > 0) & (index < 3 * np.array(counts)[turn]), turn, 0)


def plan_mixed(
    dim: int,
    angles: ArrayLike,
    *,
    base: float = 10.0,
    layout: PairLayout = "interleaved",
) -> RopePlan:
    r"""Plan a mixed two-dimensional embedding, a starting point for learned frequencies.

    Pair j of head h turns by :math:`x f^x_{hj} + y f^y_{hj}`. The dim/4 magnitudes
    :math:`b^{-4i/D}` point along `angles[h]` in the first half of the pairs, and at right angles to
    it in the second.

    Parameters
    ----------
    dim : int
        Width of a head; a multiple of 4.
    angles : array_like, shape (heads,)
        A direction for each head, in radians; usually random.
    base : float
        The base of the magnitudes.
    layout : {"half", "interleaved"}
        Which coordinates form a pair, as in :func:`plan`.

    Returns
    -------
    RopePlan
        With `inv_freq` of shape (2, heads, dim/2). Learned frequencies are another
        :class:`RopePlan`, made of their values.

    Raises
    ------
    TypeError, ValueError
        A `dim` that is no multiple of 4, angles that are not finite numbers, a base that is not
        positive.

    References
    ----------
    B. Heo et al., "Rotary position embedding for vision transformer", 2024, arXiv:2403.13298.

    Examples
    --------
    >>> from isokern import rope
    >>> rope.plan_mixed(8, [0.0, 1.0]).inv_freq.shape
    (2, 2, 4)
    """
    function = "rope.plan_mixed"
    check_layout(function, layout)
    width = check_width(function, "dim", dim, 4)
    magnitude = check_base(function, base) ** (-4.0 * np.arange(width // 4) / width)
    turn = np.asarray(angles)
    if turn.dtype.kind not in "iuf":
        raise TypeError(f"{function}: angles has dtype {turn.dtype}, expected real numbers")
    turn = turn.astype(np.float64)
    if turn.ndim != 1 or turn.size == 0 or not np.isfinite(turn).all():
        raise ValueError(
            f"{function}: angles has shape {turn.shape}, expected (heads,) with finite values"
        )
    directions = np.stack([turn, turn + np.pi / 2], axis=1)[..., None]  # heads, 2, 1
    x, y = (magnitude * part(directions) for part in (np.cos, np.sin))
    return RopePlan(np.stack([x, y]).reshape(2, turn.size, width // 2), layout=layout)
