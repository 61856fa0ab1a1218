# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Plans of rotary embeddings, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isokern import _core

PairLayout = Literal["half", "interleaved"]
_LAYOUTS = ("half", "interleaved")


@dataclass(frozen=True, eq=False)
class RopePlan:
    """A rotary embedding as data.

    Parameters
    ----------
    inv_freq : array_like of float, shape (P,)
        Radians per unit of position for each of the P pairs.
    axis : array_like of int, shape (P,), optional
        Which axis of a token's position each pair follows; all follow axis 0 by default.
    layout : {"half", "interleaved"}
        Pair j is made of coordinates (j, j + P), or of (2j, 2j + 1).
    rotary_offset : int
        The first coordinate that takes part; the P pairs are the 2P coordinates from there.
    rotary_dim : int
        2P; 0 stands for it, anything else is checked.
    attention_factor : float
        Multiplies cosines and sines.
    softmax_scale : float
        Multiplies the attention's own scale; carried for the caller, not applied here.

    Attributes
    ----------
    n_axes : int
        How many numbers a position has.

    Examples
    --------
    >>> from isokern import rope
    >>> rope.RopePlan([1.0, 0.01]).rotary_dim
    4
    """

    inv_freq: NDArray[np.float64]
    axis: NDArray[np.int8] | None = None
    layout: PairLayout = "half"
    rotary_offset: int = 0
    rotary_dim: int = 0
    attention_factor: float = 1.0
    softmax_scale: float = 1.0
    n_axes: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inv_freq = np.array(self.inv_freq, dtype=np.float64)
        pairs = inv_freq.size
        if inv_freq.ndim != 1 or pairs == 0 or not (np.abs(inv_freq) <= 2.0**53).all():
            raise ValueError(
                f"rope.RopePlan: inv_freq has shape {inv_freq.shape}, "
                "expected (P,) with finite values of at most 2^53, P at least 1"
            )
        axis = np.array(np.zeros(pairs, np.int8) if self.axis is None else self.axis)
        if (
            axis.shape != (pairs,)
            or axis.dtype.kind not in "iu"
            or not (axis >= 0).all()
            or axis.max() > 127
        ):
            raise ValueError(
                f"rope.RopePlan: axis has shape {axis.shape} and dtype {axis.dtype}, "
                f"expected ({pairs},) with integers from 0 to 127"
            )
        _check_layout("rope.RopePlan", self.layout)
        if self.rotary_dim not in (0, 2 * pairs):
            raise ValueError(
                f"rope.RopePlan: rotary_dim is {self.rotary_dim!r}, expected {2 * pairs}"
            )
        offset = self.rotary_offset
        if not isinstance(offset, (int, np.integer)) or not 0 <= offset < 2**31:
            raise ValueError(f"rope.RopePlan: rotary_offset is {offset!r}, expected 0 or more")
        for name in ("attention_factor", "softmax_scale"):
            _check_number("rope.RopePlan", name, getattr(self, name))
        axis = axis.astype(np.int8)
        inv_freq.flags.writeable = axis.flags.writeable = False
        values = {
            "inv_freq": inv_freq,
            "axis": axis,
            "rotary_dim": 2 * pairs,
            "n_axes": int(axis.max()) + 1,
            "compiled": _core.RopePlan(
                inv_freq.tolist(),
                axis.tolist(),
                self.layout == "interleaved",
                int(offset),
                float(self.attention_factor),
            ),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def _compiled(self) -> _core.RopePlan:
        """The plan as the library takes it: not a field, as it follows from the fields."""
        compiled: _core.RopePlan = self.__dict__["compiled"]
        return compiled

    def _key(self) -> tuple[Any, ...]:
        axis = b"" if self.axis is None else self.axis.tobytes()
        factors = (self.attention_factor, self.softmax_scale)
        return (self.inv_freq.tobytes(), axis, self.layout, self.rotary_offset, *factors)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, RopePlan) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.inv_freq, self.axis, self.layout, self.rotary_offset, self.rotary_dim)
        return RopePlan, (*fields, self.attention_factor, self.softmax_scale)


def _check_layout(function: str, layout: str) -> None:
    if layout not in _LAYOUTS:
        raise ValueError(f"{function}: layout is {layout!r}, expected 'half' or 'interleaved'")


def _check_width(
    function: str, name: str, value: Any, multiple: int, limit: int | None = None
) -> int:
    allowed = f"a positive multiple of {multiple}" + ("" if limit is None else f" up to {limit}")
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{function}: {name} is {value!r}, expected {allowed}")
    width = int(value)
    if width < 1 or width % multiple or (limit is not None and width > limit):
        raise ValueError(f"{function}: {name} is {width}, expected {allowed}")
    return width


def _check_number(function: str, name: str, value: Any) -> float:
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        raise TypeError(f"{function}: {name} is {value!r}, expected a number")
    if not np.isfinite(value):
        raise ValueError(f"{function}: {name} is {value}, expected a finite number")
    return float(value)


def _check_base(function: str, base: float) -> float:
    value = _check_number(function, "base", base)
    if value <= 0:
        raise ValueError(f"{function}: base is {base}, expected a positive finite number")
    return value


def plan(
    dim: int, *, base: float = 10000.0, layout: PairLayout = "half", rotary_dim: int | None = None
) -> RopePlan:
    r"""Plan the embedding of one-dimensional positions.

    Pair j turns by :math:`p\, b^{-2j/D}` at position p, with base b and D = `rotary_dim`.

    Parameters
    ----------
    dim : int
        Width of a head; even where `rotary_dim` is not given.
    base : float
        The base of the geometric series of frequencies.
    layout : {"half", "interleaved"}
        Pairs (j, j + D/2), as in GPT-NeoX and LLaMA's ported weights, or (2j, 2j + 1), as in the
        paper.
    rotary_dim : int, optional
        How many leading coordinates are turned; `dim` by default.

    Returns
    -------
    RopePlan

    Raises
    ------
    TypeError, ValueError
        Odd or zero widths, a `rotary_dim` beyond `dim`, a base that is not positive, an unknown
        layout.

    References
    ----------
    J. Su et al., "RoFormer: Enhanced transformer with rotary position embedding", 2021,
    arXiv:2104.09864, eq. 15.

    Examples
    --------
    >>> from isokern import rope
    >>> rope.plan(4).inv_freq
    array([1.  , 0.01])
    """
    _check_layout("rope.plan", layout)
    if rotary_dim is None:
        width = _check_width("rope.plan", "dim", dim, 2)
    else:
        width = _check_width(
            "rope.plan", "rotary_dim", rotary_dim, 2, _check_width("rope.plan", "dim", dim, 1)
        )
    exponents = -2.0 * np.arange(width // 2) / width
    return RopePlan(_check_base("rope.plan", base) ** exponents, layout=layout)


def plan_2d(
    dim: int,
    *,
    base: float = 10000.0,
    layout: PairLayout = "interleaved",
    grouping: Literal["alternate", "split"] = "alternate",
) -> RopePlan:
    r"""Plan the embedding of two-dimensional positions (x, y), as of image patches.

    Both axes have the dim/4 frequencies :math:`b^{-4i/D}`. Differences of positions, in both axes,
    are all that inner products see.

    Parameters
    ----------
    dim : int
        Width of a head; a multiple of 4.
    base : float
        The base of the geometric series of frequencies.
    layout : {"half", "interleaved"}
        Which coordinates form a pair, as in :func:`plan`.
    grouping : {"alternate", "split"}
        "alternate": pairs follow x, y, x, y, ..., so that each block of four coordinates holds both
        axes at one frequency. "split": the first half of the pairs follows x, the second y, as most
        vision models do.

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
    _check_layout("rope.plan_2d", layout)
    pairs = _check_width("rope.plan_2d", "dim", dim, 4) // 2
    index = np.arange(pairs)
    if grouping == "alternate":
        axis, step = index % 2, index // 2
    elif grouping == "split":
        axis, step = index // (pairs // 2), index % (pairs // 2)
    else:
        raise ValueError(f"rope.plan_2d: grouping is {grouping!r}, expected 'alternate' or 'split'")
    return RopePlan(
        _check_base("rope.plan_2d", base) ** (-4.0 * step / dim),
        axis=axis.astype(np.int8),
        layout=layout,
    )
