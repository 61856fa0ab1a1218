# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Rotary positions: prefill, decoding and a picture's grid.

The peers are given their cos and sin tables ready made, in the width that suits each; isokern
makes its own within the call. "a table each" is the case where isokern too is given one, as the
layers of a model share it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from isokern import rope

from ..peers import Peers
from . import Case, Competitor, Mode, aligned_empty, random_array
from . import _rope_peers as forms

__all__ = ["cases"]

Layout = Literal["half", "interleaved"]
LAYOUTS: tuple[Layout, ...] = ("half", "interleaved")


@dataclass(frozen=True)
class _Load:
    """A workload: shape of x, layout, and where its tokens stand."""

    shape: tuple[int, ...]
    layout: Layout
    dtype: str = "float32"
    offsets: str = ""  # "" | "one" | "each": decoding, tokens at a distance from the start
    grid: bool = False
    ready: bool = False  # the table is made before the clock starts

    def arguments(self) -> dict[str, Any]:
        """Return the plan and the positions for isokern."""
        dim, batch = self.shape[-1], self.shape[0]
        if self.grid:
            return {"plan": rope.plan_2d(dim, layout="interleaved"), "positions": self._points()}
        plan = rope.plan(dim, layout=self.layout)
        if self.offsets == "one":
            return {"plan": plan, "offsets": 1234}
        if self.offsets == "each":
            return {"plan": plan, "offsets": 1000 + 17 * np.arange(batch)[:, None]}
        return {"plan": plan}

    def _points(self) -> Any:
        side = round(self.shape[-2] ** 0.5)
        rows, columns = np.divmod(np.arange(side * side), side)
        return np.stack((columns, rows), axis=-1)

    def angles(self) -> Any:
        """Return the angles (..., seq, dim / 2) in double precision, for the peers' tables."""
        known = self.arguments()
        plan = known["plan"]
        if self.grid:
            return known["positions"][:, plan.axis] * plan.inv_freq
        offsets = np.asarray(known.get("offsets", 0))
        return (offsets[..., None] + np.arange(self.shape[-2]))[..., None] * plan.inv_freq


def _bfloat16() -> Any:
    return np.dtype(importlib.import_module("ml_dtypes").bfloat16)


def _setup(load: _Load, peers: Peers) -> list[Competitor]:
    plain = random_array(load.shape, np.float32, seed=0)
    if load.dtype == "bfloat16":
        x = aligned_empty(load.shape, _bfloat16())
        x[...] = plain
    else:
        x = plain.astype(load.dtype, copy=False)

    def fresh() -> Any:
        copy = aligned_empty(x.shape, x.dtype)
        copy[...] = x
        return copy

    known = load.arguments()
    turn, turn_ = rope.apply, rope.apply_
    angles = load.angles()
    if load.ready:
        cos, sin = (part.astype(np.float32) for part in (np.cos(angles), np.sin(angles)))
        turn, turn_ = rope.apply_table, rope.apply_table_
        known = {"cos": cos, "sin": sin, "layout": load.layout}
    tables = forms.Tables.of(angles, load.layout)
    data = forms.Data(x, fresh, tables, load.layout)
    out = aligned_empty(x.shape, x.dtype)
    calls: dict[Mode, Callable[[], Any]] = {
        "new output": partial(turn, x, **known),
        "out=": partial(turn, x, out=out, **known),
        "in place": partial(turn_, fresh(), **known),
    }
    found = [Competitor("isokern", "isokern", mode, call) for mode, call in calls.items()]
    return found + forms.to_output(data, peers) + forms.in_place(data, peers)


def _case(name: str, load: _Load) -> Case:
    size = 2 if load.dtype == "bfloat16" else np.dtype(load.dtype).itemsize
    setup: Callable[[Peers], list[Competitor]] = partial(_setup, load)
    return Case(
        name=name,
        area="rope",
        dtype=load.dtype,
        shape=" x ".join(map(str, load.shape)),
        moved_bytes=2 * size * int(np.prod(load.shape)),
        setup=setup,
    )


def cases(quick: bool) -> list[Case]:
    """Return the cases of the area."""
    prefill = (1, 8, 512, 128) if quick else (8, 32, 2048, 128)
    decode = (8, 32, 1, 128) if quick else (64, 32, 1, 128)
    grid = (1, 8, 24 * 24, 64) if quick else (16, 16, 64 * 64, 64)
    found = [_case(f"prefill, {layout}", _Load(prefill, layout)) for layout in LAYOUTS]
    if importlib.util.find_spec("ml_dtypes") is not None:  # else NumPy has no such type
        found.append(_case("prefill, half", _Load(prefill, "half", dtype="bfloat16")))
    for layout in LAYOUTS:
        for offsets, words in (("one", "one position"), ("each", "a position each")):
            load = _Load(decode, layout, offsets=offsets)
            found.append(_case(f"decode, {layout}, {words}", load))
        load = _Load(decode, layout, offsets="each", ready=True)
        found.append(_case(f"decode, {layout}, a table each", load))
    found.append(_case("grid 2-D", _Load(grid, "interleaved", grid=True)))
    return found
