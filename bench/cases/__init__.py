# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: one module an area, each with ``cases(quick)``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ..peers import Peers

__all__ = [
    "AREAS", "TOLERANCES", "Case", "Competitor", "Mode", "aligned_empty", "load", "random_array"
]  # fmt: skip

Mode = Literal["new output", "out=", "in place"]

# A new area adds its word here and a module of that name beside this file.
AREAS = ("orthogonal", "projection", "rope", "gaussian")

# Largest error relative to the largest entry, at which two answers are the same answer.
TOLERANCES = {"float32": 1e-5, "float64": 1e-13, "bfloat16": 1.6e-2, "float16": 2e-3}

_ALIGNMENT = 64


@dataclass(frozen=True)
class Competitor:
    """One way to compute a case.

    ``call`` returns the result; ``result`` turns it into an array where that is not one yet (it is
    not timed). ``counts`` is False for one that is shown but does less than the case asks, and
    ``answers`` for one that has not even an answer to compare: a part of the work, timed beside it.
    """

    name: str
    library: str
    mode: Mode
    call: Callable[[], Any]
    result: Callable[[Any], Any] | None = None
    counts: bool = True
    answers: bool = True


@dataclass(frozen=True)
class Case:
    """One workload. ``setup`` allocates the data and returns everyone's calls.

    Where arithmetic is the limit and not the memory, ``operations`` says how many it takes; they
    are counted alike for everyone, whoever needs more.
    """

    name: str
    area: str
    dtype: str
    shape: str
    moved_bytes: int  # every input read once, every output written once
    setup: Callable[[Peers], list[Competitor]]
    operations: float = 0  # additions and multiplications


def load(area: str, quick: bool) -> list[Case]:
    """Return the cases of an area."""
    module = importlib.import_module(f".{area}", __name__)
    cases: list[Case] = module.cases(quick)
    return cases


def aligned_empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an empty array on a cache-line boundary, so that nobody depends on malloc's luck."""
    kind = np.dtype(dtype)
    count = int(np.prod(shape)) * kind.itemsize
    raw = np.empty(count + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + count].view(kind).reshape(shape)


def random_array(
    shape: tuple[int, ...], dtype: npt.DTypeLike, *, seed: int, unit: bool = False
) -> npt.NDArray[Any]:
    """Return normal numbers, as unit vectors along the last axis where asked."""
    values = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    array = aligned_empty(shape, dtype)
    array[...] = values
    if unit:
        array /= np.linalg.norm(array, axis=-1, keepdims=True)
    return array
