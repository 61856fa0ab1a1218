# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The forms in which rotary positions are written with NumPy and torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..peers import Peers
from . import Competitor, aligned_empty

__all__ = ["Data", "Tables", "in_place", "to_output"]


@dataclass(frozen=True)
class Tables:
    """The tables, rounded once from double: halves, full width, and complex."""

    cos: Any  # (..., seq, P)
    sin: Any
    full_cos: Any  # (..., seq, 2P), in the order of the layout
    full_sin: Any
    turn: Any  # cos + i sin

    @classmethod
    def of(cls, angles: Any, layout: str) -> Tables:
        """Make all of them from the angles."""
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        if layout == "half":
            full = [np.concatenate((half, half), axis=-1) for half in (cos, sin)]
        else:
            full = [np.repeat(half, 2, axis=-1) for half in (cos, sin)]
        turn = np.empty(cos.shape, np.complex64)
        turn.real, turn.imag = cos, sin
        return cls(cos, sin, full[0], full[1], turn)


@dataclass(frozen=True)
class Data:
    """What every form starts from."""

    x: Any
    fresh: Callable[[], Any]  # a copy of x to work on in place
    tables: Tables
    layout: str

    @property
    def bfloat16(self) -> bool:
        """Say whether the data are bfloat16, which torch sees through uint16."""
        return bool(self.x.dtype.itemsize == 2)

    def tensor(self, peers: Peers, array: Any) -> Any:
        """Return an array as a tensor on the same memory."""
        torch = peers.torch
        if array.dtype.itemsize == 2:
            return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
        return torch.from_numpy(array)


def _halves(x: Any, layout: str) -> tuple[Any, Any]:
    if layout == "half":
        width = x.shape[-1] // 2
        return x[..., :width], x[..., width:]
    return x[..., 0::2], x[..., 1::2]


def _join(torch: Any, first: Any, second: Any, layout: str) -> Any:
    if layout == "half":
        return torch.cat((first, second), -1)
    return torch.stack((first, second), -1).flatten(-2)


def _plain(torch: Any, layout: str) -> Callable[..., Any]:
    """Return split + cat (half) or split + stack (interleaved), with half-width tables."""

    def function(x: Any, cos: Any, sin: Any) -> Any:
        first, second = _halves(x, layout)
        turned = _join(torch, first * cos - second * sin, second * cos + first * sin, layout)
        return turned.to(x.dtype)

    return function


def _rotate_half(torch: Any, layout: str) -> Callable[..., Any]:
    """Return the form of the model libraries: x cos + rotate_half(x) sin, full tables."""

    def function(x: Any, cos: Any, sin: Any) -> Any:
        first, second = _halves(x, layout)
        return (x * cos + _join(torch, -second, first, layout) * sin).to(x.dtype)

    return function


def _by_parts(layout: str) -> Callable[..., Any]:
    """Return four passes into a given tensor, without temporaries."""

    def function(torch: Any, x: Any, cos: Any, sin: Any, out: Any) -> Any:
        (first, second), (low, high) = _halves(x, layout), _halves(out, layout)
        torch.mul(first, cos, out=low).addcmul_(second, sin, value=-1)
        torch.mul(second, cos, out=high).addcmul_(first, sin)
        return out

    return function


def _on_itself(layout: str) -> Callable[..., Any]:
    """Return the rotation of x in its own memory, half by half."""

    def function(x: Any, cos: Any, sin: Any) -> Any:
        first, second = _halves(x, layout)
        turned = first * cos - second * sin
        second.copy_(second * cos + first * sin)
        first.copy_(turned)
        return x

    return function


def _numpy_steps(layout: str) -> Callable[..., Any]:
    def function(x: Any, cos: Any, sin: Any, out: Any, scratch: Any) -> Any:
        (first, second), (low, high) = _halves(x, layout), _halves(out, layout)
        if out is x:
            turned = first * cos
            turned -= np.multiply(second, sin, out=scratch)
            np.multiply(first, sin, out=scratch)
            np.multiply(second, cos, out=high)
            high += scratch
            low[...] = turned
            return out
        np.multiply(first, cos, out=low)
        low -= np.multiply(second, sin, out=scratch)
        np.multiply(second, cos, out=high)
        high += np.multiply(first, sin, out=scratch)
        return out

    return function


def _pairs(z: Any) -> Any:
    """Return a complex result as the interleaved reals that it is."""
    if isinstance(z, np.ndarray):
        return z.view(np.float32)
    return z.view(z.real.dtype).view(*z.shape[:-1], -1)


def _tables(data: Data, peers: Peers) -> dict[str, tuple[Any, Any]]:
    """Return the half-width tables by the words that are put behind a name."""
    cos, sin = (peers.torch.from_numpy(part) for part in (data.tables.cos, data.tables.sin))
    if not data.bfloat16:
        return {"": (cos, sin)}
    low = peers.torch.bfloat16
    return {", float32 tables": (cos, sin), ", bfloat16 tables": (cos.to(low), sin.to(low))}


def _numpy(data: Data, *, alone: bool) -> list[Competitor]:
    x = data.fresh() if alone else data.x
    out = x if alone else aligned_empty(x.shape, x.dtype)
    scratch = np.empty_like(_halves(x, data.layout)[0])
    mode: Any = "in place" if alone else "out="
    tables = data.tables
    steps = partial(_numpy_steps(data.layout), x, tables.cos, tables.sin, out, scratch)
    found = [Competitor("NumPy in steps", "numpy", mode, steps)]
    if data.layout == "interleaved":
        x = data.fresh() if alone else data.x
        z = x.view(np.complex64)
        into = z if alone else aligned_empty(z.shape, z.dtype)
        product = partial(np.multiply, z, tables.turn, out=into)
        found.append(Competitor("NumPy complex product", "numpy", mode, product, _pairs))
    return found


def to_output(data: Data, peers: Peers) -> list[Competitor]:
    """Return the forms that leave x alone."""
    found = _numpy(data, alone=False) if peers.has("numpy") and not data.bfloat16 else []
    if peers.torch is None:
        return found
    torch, layout = peers.torch, data.layout
    x = data.tensor(peers, data.x)
    plain = _plain(torch, layout)
    word = "cat" if layout == "half" else "stack"

    def store(x: Any, cos: Any, sin: Any, out: Any) -> Any:
        return out.copy_(plain(x, cos, sin))

    def add(name: str, library: str, mode: Any, call: Any, result: Any = None) -> None:
        found.append(Competitor(name, library, mode, call, result))

    for words, (cos, sin) in _tables(data, peers).items():
        if peers.has("torch.compile"):
            name = f"torch.compile split+{word}{words}"
            add(name, "torch.compile", "new output", partial(peers.compiled(plain), x, cos, sin))
            given = torch.empty_like(x)
            call = partial(peers.compiled(store), x, cos, sin, given)
            add(name, "torch.compile", "out=", call)
        if peers.has("torch"):
            call = partial(plain, x, cos, sin)
            add(f"torch eager split+{word}{words}", "torch", "new output", call)
    if not peers.has("torch"):
        return found
    if not data.bfloat16:
        cos, sin = _tables(data, peers)[""]
        full = [torch.from_numpy(part) for part in (data.tables.full_cos, data.tables.full_sin)]
        call = partial(_rotate_half(torch, layout), x, *full)
        add("torch eager rotate_half", "torch", "new output", call)
        given = torch.empty_like(x)
        call = partial(_by_parts(layout), torch, x, cos, sin, given)
        add("torch eager in four passes", "torch", "out=", call)
    if layout == "interleaved":
        z, turn = torch.from_numpy(data.x.view(np.complex64)), torch.from_numpy(data.tables.turn)
        given = torch.empty_like(z)
        add("torch complex mul", "torch", "new output", partial(torch.mul, z, turn), _pairs)
        call = partial(torch.mul, z, turn, out=given)
        add("torch complex mul", "torch", "out=", call, _pairs)
    return found


def in_place(data: Data, peers: Peers) -> list[Competitor]:
    """Return the forms that overwrite x; each has an x of its own."""
    found = _numpy(data, alone=True) if peers.has("numpy") and not data.bfloat16 else []
    if peers.torch is None:
        return found
    torch, layout = peers.torch, data.layout
    plain = _plain(torch, layout)
    word = "cat" if layout == "half" else "stack"

    def store(x: Any, cos: Any, sin: Any) -> Any:
        return x.copy_(plain(x, cos, sin))

    def add(name: str, library: str, function: Any, *rest: Any, result: Any = None) -> None:
        x = data.tensor(peers, data.fresh())
        found.append(Competitor(name, library, "in place", partial(function, x, *rest), result))

    for words, tables in _tables(data, peers).items():
        if peers.has("torch.compile"):
            name = f"torch.compile split+{word}{words}"
            add(name, "torch.compile", peers.compiled(store), *tables)
            name = f"torch.compile half by half{words}"
            add(name, "torch.compile", peers.compiled(_on_itself(layout)), *tables)
        if peers.has("torch"):
            add(f"torch eager half by half{words}", "torch", _on_itself(layout), *tables)
    if layout == "interleaved" and peers.has("torch"):
        z = torch.from_numpy(data.fresh().view(np.complex64))
        turn = torch.from_numpy(data.tables.turn)
        call = partial(z.mul_, turn)
        found.append(Competitor("torch complex mul_", "torch", "in place", call, _pairs))
    return found
