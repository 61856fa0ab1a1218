# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The demonstrations, one module an area, each with ``run(data, folder) -> Report``."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isokern.cli._console import has
from isokern.cli.demos import _embeddings

__all__ = ["BLUE", "GREY", "RED", "Data", "Report", "compare", "load", "load_data", "styled"]

Array = npt.NDArray[Any]

BLUE, RED, GREY = "#2a6f97", "#bc4749", "#8d99ae"

_STYLE = {
    "figure.dpi": 150,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Data:
    """The data that all areas work on.

    ``digits`` are 1797 images of 8 x 8 pixels as rows of 64, ``labels`` the digits they show.
    ``words`` is a table of word vectors, ``vocabulary`` the row of each word; both may be missing.
    """

    digits: Array
    labels: Array
    words: Array | None
    vocabulary: Mapping[str, int]
    notes: Sequence[str]


@dataclass
class Report:
    """What an area has to tell: rows for the tables, sentences, and the pictures that it wrote."""

    heading: str
    kept: list[tuple[str, str, str]] = field(default_factory=list)
    errors: list[tuple[str, str, str]] = field(default_factory=list)
    times: list[tuple[str, str, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)


def load(area: str) -> Any:
    """Return the module of an area."""
    return importlib.import_module(f"{__name__}.{area}")


def load_data() -> Data:
    """Read the digits, and the word vectors where they are installed."""
    bunch: Any = importlib.import_module("sklearn.datasets").load_digits()
    digits = np.asarray(bunch.data, dtype=np.float32)
    notes = [f"digits: {len(digits)} images of 8 x 8 pixels (scikit-learn)"]
    words, vocabulary, note = _embeddings.read()
    notes.append(note)
    return Data(digits, np.asarray(bunch.target), words, vocabulary, notes)


def compare(
    what: str, calls: Mapping[str, Callable[[], Any]], *, rounds: int = 9
) -> list[tuple[str, str, str, str]]:
    """Time calls in turn and return rows for the table; the first is isokern's.

    The best of several rounds is told: a glance, not a benchmark (that is ``isokern bench``).
    """
    best = dict.fromkeys(calls, float("inf"))
    for turn in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn:  # the first round warms up
                best[name] = min(best[name], time.perf_counter() - start)
    first = next(iter(calls))
    rows = []
    for name, seconds in best.items():
        ratio = seconds / best[first]
        words = "" if name == first else f"{ratio:.1f}x as fast"
        rows.append((what if name == first else "", name, f"{1e3 * seconds:.3g}", words))
    return rows


def torch() -> Any:
    """Return torch where it is installed, else None."""
    return importlib.import_module("torch") if has("torch") else None


def styled(function: Callable[..., Path]) -> Callable[..., Path]:
    """Run a drawing function off screen, in the style of all pictures."""

    def drawn(*arguments: Any, **options: Any) -> Path:
        matplotlib: Any = importlib.import_module("matplotlib")
        matplotlib.use("Agg")
        with matplotlib.rc_context(_STYLE):
            return function(importlib.import_module("matplotlib.pyplot"), *arguments, **options)

    return drawn
