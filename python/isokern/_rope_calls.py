# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What the rotary functions share: where tokens are, which arrays go in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

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
from isokern._rope_plan import RopePlan

ArithmeticOfAngles = Literal["exact", "float32"]
MAX_POSITION = 1 << 53


def check_plan(function: str, plan: Any, name: str = "plan") -> RopePlan:
    """The plan, if it is one."""
    if not isinstance(plan, RopePlan):
        raise TypeError(f"{function}: {name} is a {type(plan).__name__}, expected a RopePlan")
    return plan


def is_float32(function: str, angles: Any) -> bool:
    """Whether angles are formed as other libraries do."""
    if angles == "exact":
        return False
    if angles == "float32":
        return True
    raise ValueError(f"{function}: angles is {angles!r}, expected 'exact' or 'float32'")


def _doubles(function: str, name: str, array: Array) -> Array:
    """Integers of at most 2^53, or float64, as aligned float64."""
    if array.dtype.kind in "iu":
        if array.dtype.itemsize == 8:
            if array.dtype.kind == "u":
                exact, largest = array.astype(np.float64), int(array.max(initial=0))
            else:
                exact, largest = _core.doubles(array)
            if largest > MAX_POSITION:
                raise ValueError(f"{function}: {name} reach {largest}, expected at most 2^53")
            return exact
    elif array.dtype.newbyteorder("=") != np.float64:
        raise TypeError(f"{function}: {name} has dtype {array.dtype}, expected integers or float64")
    if array.dtype != np.float64 or not array.flags.aligned:  # byte order is part of the dtype
        array = array.astype(np.float64)
    return array


def take_positions(function: str, positions: Any, tokens: int | None, n_axes: int) -> Array:
    """Positions (..., tokens), or (..., tokens, axes), as float64."""
    array = as_ndarray(function, "positions", positions)
    inner = 1 if n_axes == 1 else 2
    given = array.shape[-inner:]
    fits = inner <= array.ndim <= MAX_RANK and given[0] == (given[0] if tokens is None else tokens)
    if not fits or (inner == 2 and given[1] != n_axes):
        length = "seq" if tokens is None else str(tokens)
        text = length if inner == 1 else f"{length}, {n_axes}"
        raise ValueError(f"{function}: positions has shape {array.shape}, expected (..., {text})")
    return _doubles(function, "positions", array)


def take_rows(function: str, positions: Any, offsets: Any, tokens: int) -> Array | None:
    """Which rows of a given table the tokens take: integers, as float64."""
    if positions is None and offsets is None:
        return None
    name = "positions" if offsets is None else "offsets"
    if positions is not None and offsets is not None:
        raise ValueError(f"{function}: both positions and offsets are given, expected one of them")
    array = as_ndarray(function, name, positions if offsets is None else offsets)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{function}: {name} has dtype {array.dtype}, expected integers")
    if offsets is not None:
        return _doubles(function, name, array)[..., None] + np.arange(tokens, dtype=np.float64)
    return take_positions(function, array, tokens, 1)


@dataclass
class Where:
    """The places of a call's tokens, as the library takes them."""

    positions: Array | None = None  # all of them, or where consecutive ones begin
    consecutive: bool = False
    start: int = 0
    shape: tuple[int, ...] = ()  # of all positions, as far as they are given

    def arguments(self) -> tuple[Array | None, bool, int]:
        """Leading arguments of the library's functions."""
        return self.positions, self.consecutive, self.start


def _ragged(function: str, cu_seqlens: Any, offsets: Any, tokens: int) -> Array:
    """Positions of packed sequences."""
    bounds = as_ndarray(function, "cu_seqlens", cu_seqlens)
    if bounds.dtype.kind not in "iu":
        raise TypeError(f"{function}: cu_seqlens has dtype {bounds.dtype}, expected integers")
    if bounds.ndim != 1 or bounds.size == 0 or bounds[0] != 0 or bounds[-1] != tokens:
        raise ValueError(
            f"{function}: cu_seqlens is {bounds.tolist()}, expected bounds from 0 to {tokens}, the "
            "number of tokens"
        )
    if (bounds[1:] < bounds[:-1]).any():
        raise ValueError(f"{function}: cu_seqlens is {bounds.tolist()}, expected bounds in order")
    starts = []
    if offsets is not None:
        array = as_ndarray(function, "offsets", offsets)
        if array.dtype.kind not in "iu":
            raise TypeError(f"{function}: offsets has dtype {array.dtype}, expected integers")
        if array.ndim > 1 or array.shape not in ((), (bounds.size - 1,)):
            raise ValueError(
                f"{function}: offsets has shape {array.shape}, expected ({bounds.size - 1},), one "
                "for each of the packed sequences"
            )
        starts = np.broadcast_to(_doubles(function, "offsets", array), bounds.size - 1).tolist()
    return _core.rope_ragged_positions(bounds.tolist(), starts)


def find(
    function: str,
    plan: RopePlan,
    tokens: int,
    batch: tuple[int, ...],
    positions: Any,
    offsets: Any,
    cu_seqlens: Any,
) -> Where:
    """Read the three ways to say where tokens are."""
    if positions is not None:
        other = "offsets" if offsets is not None else "cu_seqlens"
        if offsets is not None or cu_seqlens is not None:
            raise ValueError(
                f"{function}: both positions and {other} are given, expected one of them"
            )
        array = take_positions(function, positions, tokens, plan.n_axes)
        return Where(array, shape=array.shape)
    if offsets is None and cu_seqlens is None:
        return Where(shape=(tokens,))
    if plan.n_axes > 1:
        name = "offsets" if offsets is not None else "cu_seqlens"
        raise ValueError(
            f"{function}: {name} are given for a plan of {plan.n_axes} axes, expected positions"
        )
    if cu_seqlens is not None:
        return Where(_ragged(function, cu_seqlens, offsets, tokens), shape=(tokens,))
    if type(offsets) is int and abs(offsets) <= MAX_POSITION >> 1:  # the usual case, at once
        return Where(start=offsets, shape=(tokens,))
    array = as_ndarray(function, "offsets", offsets)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{function}: offsets has dtype {array.dtype}, expected integers")
    if array.ndim == 0:
        last = int(array) + max(tokens - 1, 0)
        if last > MAX_POSITION or int(array) < -MAX_POSITION:
            raise ValueError(f"{function}: offsets reach beyond 2^53, expected positions within")
        return Where(start=int(array), shape=(tokens,))
    if (
        len(array.shape) > len(batch)
        or broadcast_batch(function, offsets=array.shape, q=batch) != batch
    ):
        raise ValueError(
            f"{function}: offsets has shape {array.shape}, expected one that broadcasts to {batch}"
        )
    starts = _doubles(function, "offsets", array)
    return Where(starts, consecutive=True, shape=(*array.shape, tokens))


def _sequence(function: str, name: str, array: Array, seq_axis: Any) -> tuple[int, tuple[int, ...]]:
    """The number of tokens, and the batch axes: all but those of the tokens and their vectors."""
    if type(seq_axis) is not int and (
        isinstance(seq_axis, bool) or not hasattr(seq_axis, "__index__")
    ):
        raise TypeError(f"{function}: seq_axis is {seq_axis!r}, expected an integer")
    shape = array.shape
    axis = seq_axis + len(shape) if seq_axis < 0 else seq_axis
    if not 0 <= axis < len(shape) - 1:
        raise ValueError(
            f"{function}: seq_axis is {seq_axis} for {name} of shape {shape}, "
            "expected an axis other than the last"
        )
    return shape[axis], shape[:axis] + shape[axis + 1 : -1]


def take_sequences(
    function: str, values: dict[str, Any], seq_axis: Any, last: int, offset: int = 0
) -> tuple[list[Array], int, tuple[int, ...]]:
    """Arrays of one dtype with as many tokens; the batch axes are those of the first.

    `last` coordinates, from `offset` on, must be there to be turned.
    """
    arrays = take_alike(function, half=True, **values)
    first = next(iter(values))
    tokens, batch = _sequence(function, first, arrays[0], seq_axis)
    for name, array in zip(values, arrays, strict=True):
        if name != first and _sequence(function, name, array, seq_axis)[0] != tokens:
            raise ValueError(
                f"{function}: {name} has shape {array.shape}, "
                f"expected {tokens} tokens along axis {seq_axis}, as {first} has"
            )
        if array.shape[-1] < offset + last:
            raise ValueError(
                f"{function}: {name} has shape {array.shape}, expected a last axis of at least "
                f"{offset + last} for the rotary slice"
            )
    return arrays, tokens, batch


def targets(function: str, values: dict[str, Any], arrays: list[Array], out: Any) -> list[Array]:
    """The outputs: fresh, given, or the inputs themselves."""
    if out is None:
        return [empty(array.shape, array.dtype) for array in arrays]
    if len(arrays) == 1 and out is not values:  # the usual case, at once
        return [take_output(function, "out", out, arrays[0].shape, arrays[0].dtype)]
    if out is values:
        given = list(values.items())
    elif isinstance(out, (tuple, list)) and len(out) == 2:
        given = [("out[0]", out[0]), ("out[1]", out[1])]
    else:
        raise TypeError(f"{function}: out is a {type(out).__name__}, expected a pair of arrays")
    return [
        take_output(function, name, target, array.shape, array.dtype)
        for (name, target), array in zip(given, arrays, strict=True)
    ]


def operands(arrays: list[Array]) -> tuple[Array, Array | None]:
    """Queries, and keys if there are any, as the library takes them."""
    return bits(arrays[0]), None if len(arrays) == 1 else bits(arrays[1])


def results(values: dict[str, Any], outputs: list[Array], out: Any) -> Any:
    """What a function gives back: what was given to write to, or the fresh outputs."""
    if out is values:
        outputs = list(values.values())
    elif out is not None:
        return out
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


def named(q: Any, k: Any, prefix: str = "") -> dict[str, Any]:
    """The arrays of a call by name."""
    return {f"{prefix}q": q} if k is None else {f"{prefix}q": q, f"{prefix}k": k}


def rotate(
    function: str,
    values: dict[str, Any],
    plan: Any,
    where: tuple[Any, Any, Any],
    seq_axis: Any,
    angles: Any,
    *,
    inverse: bool,
    transpose: bool = False,
    out: Any = None,
) -> Any:
    """Turn one or two arrays; `out` may be `values` itself."""
    plan = check_plan(function, plan)
    float32 = is_float32(function, angles)
    slices = plan.rotary_dim, plan.rotary_offset
    arrays, tokens, batch = take_sequences(function, values, seq_axis, *slices)
    places = find(function, plan, tokens, batch, *where).arguments()
    outputs = targets(function, values, arrays, out)
    kind = (float32, bool(inverse), transpose)
    x, to = operands(arrays), operands(outputs)
    _core.rope_apply(plan._compiled, *places, *kind, int(seq_axis), *x, *to)
    return results(values, outputs, out)
