# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Plans of rotary embeddings, as data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isokern import _core

PairLayout = Literal["half", "interleaved"]
MAX_AXES = 128
_LAYOUTS = ("half", "interleaved")


@dataclass(frozen=True, eq=False)
class RopePlan:
    """A rotary embedding as data.

    Parameters
    ----------
    inv_freq : array_like of float, shape (P,) or (terms, heads, P)
        Radians per unit of position for each of the P pairs. Of the second shape, the embedding is
        mixed: an angle is the sum of several terms, position times frequency, and each head (the
        last batch axis of `q`) has frequencies of its own; one head stands for all.
    axis : array_like of int, shape (P,) or (terms, P), optional
        Which axis of a token's position each pair follows. By default all follow axis 0, and of
        several terms each its own: term 0 axis 0, term 1 axis 1, ...
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
    log_scale : array_like of float, shape (P,), optional
        xPos: queries are also multiplied by exp(log_scale (p - centre)) at position p, keys by its
        inverse.
    centre : float
        The position at which these factors are 1.

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
    log_scale: NDArray[np.float64] | None = None
    centre: float = 0.0
    n_axes: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inv_freq = np.array(self.inv_freq, dtype=np.float64)
        fits = inv_freq.ndim == 1 or (inv_freq.ndim == 3 and inv_freq.shape[0] <= MAX_AXES)
        if not fits or inv_freq.size == 0 or not (np.abs(inv_freq) <= 2.0**53).all():
            raise ValueError(
                f"rope.RopePlan: inv_freq has shape {inv_freq.shape}, "
                "expected (P,) or (terms, heads, P) with finite values of at most 2^53, "
                "P at least 1"
            )
        pairs = inv_freq.shape[-1]
        mixed = inv_freq.ndim == 3
        axis = self._checked_axis((inv_freq.shape[0], pairs) if mixed else (pairs,))
        log_scale = self._checked_log_scale(pairs)
        check_layout("rope.RopePlan", self.layout)
        if self.rotary_dim not in (0, 2 * pairs):
            raise ValueError(
                f"rope.RopePlan: rotary_dim is {self.rotary_dim!r}, expected {2 * pairs}"
            )
        offset = self.rotary_offset
        if not isinstance(offset, (int, np.integer)) or not 0 <= offset < 2**31:
            raise ValueError(f"rope.RopePlan: rotary_offset is {offset!r}, expected 0 or more")
        for name in ("attention_factor", "softmax_scale", "centre"):
            check_number("rope.RopePlan", name, getattr(self, name))
        n_axes = int(axis.max()) + 1
        for array in (inv_freq, axis, log_scale):
            if array is not None:
                array.flags.writeable = False
        values = {
            "inv_freq": inv_freq,
            "axis": axis,
            "log_scale": log_scale,
            "rotary_dim": 2 * pairs,
            "n_axes": n_axes,
            "compiled": _core.RopePlan(
                inv_freq.ravel().tolist(),
                axis.ravel().tolist(),
                self.layout == "interleaved",
                int(offset),
                float(self.attention_factor),
                inv_freq.shape[0] if mixed else 1,
                inv_freq.shape[1] if mixed else 1,
                [] if log_scale is None else log_scale.tolist(),
                float(self.centre),
            ),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _checked_axis(self, shape: tuple[int, ...]) -> NDArray[np.int8]:
        if self.axis is None:
            terms = np.arange(shape[0])[:, None] if len(shape) == 2 else 0
            return np.broadcast_to(terms, shape).astype(np.int8)
        axis = np.array(self.axis)
        if (
            axis.shape != shape
            or axis.dtype.kind not in "iu"
            or not ((axis >= 0) & (axis < MAX_AXES)).all()
        ):
            raise ValueError(
                f"rope.RopePlan: axis has shape {axis.shape} and dtype {axis.dtype}, "
                f"expected {shape} with integers from 0 to {MAX_AXES - 1}"
            )
        return axis.astype(np.int8)

    def _checked_log_scale(self, pairs: int) -> NDArray[np.float64] | None:
        if self.log_scale is None:
            return None
        log_scale = np.array(self.log_scale, dtype=np.float64)
        if log_scale.shape != (pairs,) or not np.isfinite(log_scale).all():
            raise ValueError(
                f"rope.RopePlan: log_scale has shape {log_scale.shape}, "
                f"expected ({pairs},) with finite values"
            )
        return log_scale

    @property
    def _compiled(self) -> _core.RopePlan:
        """The plan as the library takes it: not a field, as it follows from the fields."""
        compiled: _core.RopePlan = self.__dict__["compiled"]
        return compiled

    def for_keys(self) -> RopePlan:
        """The plan that turns keys where they come alone.

        Keys and queries differ in xPos only, by the sign of `log_scale`; in a call of both, keys
        are treated as such by themselves.
        """
        if self.log_scale is None:
            return self
        return dataclasses.replace(self, log_scale=-self.log_scale)

    def _key(self) -> tuple[Any, ...]:
        arrays = (self.inv_freq, self.axis, self.log_scale)
        stored = tuple(None if array is None else array.tobytes() for array in arrays)
        factors = (self.attention_factor, self.softmax_scale, self.centre)
        return (self.inv_freq.shape, *stored, self.layout, self.rotary_offset, *factors)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, RopePlan) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.inv_freq, self.axis, self.layout, self.rotary_offset, self.rotary_dim)
        factors = (self.attention_factor, self.softmax_scale, self.log_scale, self.centre)
        return RopePlan, (*fields, *factors)


def check_layout(function: str, layout: str) -> None:
    if layout not in _LAYOUTS:
        raise ValueError(f"{function}: layout is {layout!r}, expected 'half' or 'interleaved'")


def check_width(
    function: str, name: str, value: Any, multiple: int, limit: int | None = None
) -> int:
    allowed = f"a positive multiple of {multiple}" + ("" if limit is None else f" up to {limit}")
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{function}: {name} is {value!r}, expected {allowed}")
    width = int(value)
    if width < 1 or width % multiple or (limit is not None and width > limit):
        raise ValueError(f"{function}: {name} is {width}, expected {allowed}")
    return width


def check_number(function: str, name: str, value: Any) -> float:
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        raise TypeError(f"{function}: {name} is {value!r}, expected a number")
    if not np.isfinite(value):
        raise ValueError(f"{function}: {name} is {value}, expected a finite number")
    return float(value)


def check_base(function: str, base: float) -> float:
    value = check_number(function, "base", base)
    if value <= 0:
        raise ValueError(f"{function}: base is {base}, expected a positive finite number")
    return value
