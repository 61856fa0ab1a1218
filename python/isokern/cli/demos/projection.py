# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random maps to fewer dimensions, and what is left of distances and neighbours."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isokern import projection, reference
from isokern.cli._console import has
from isokern.cli.demos import BLUE, GREY, RED, Data, Report, compare, styled

__all__ = ["run"]

Array = npt.NDArray[Any]

_SHOWN = ("queen", "paris", "violin", "seven", "physics")
_NEAR = 10
_QUERIES = 300
_DIMENSIONS = (8, 16, 32, 64, 128, 256)
_CURVES = (("sparse_jl", BLUE), ("srht", RED), ("gaussian", GREY))


def _unit(x: Array) -> Array:
    lengths = np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    return np.ascontiguousarray(x / lengths, dtype=np.float32)


def _map(kind: str, x: Array, k: int, seed: int = 1) -> Array:
    sketch = projection.Sketch(kind, x.shape[1], k, seed=seed, dtype=x.dtype)
    return np.asarray(sketch.apply(x))


def _nearest(x: Array, queries: Array, count: int) -> Array:
    """Return the rows nearest to some of them, without these, nearest first."""
    squares = np.einsum("ij,ij->i", x, x)
    distances = squares - 2 * (x[queries] @ x.T)
    distances[np.arange(len(queries)), queries] = np.inf
    near = np.argpartition(distances, count, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(distances, near, axis=1), axis=1)
    return np.asarray(np.take_along_axis(near, order, axis=1))


def _kept(before: Array, after: Array) -> float:
    """Return what share of the neighbours before are neighbours after."""
    pairs = zip(before, after, strict=True)
    return float(np.mean([np.isin(old, new).mean() for old, new in pairs]))


def _distortion(report: Report, what: str, x: Array, y: Array) -> projection.Distortion:
    """Add rows on distances, and return what they are made of."""
    found = projection.distortion(x, y, guarantee="distance")
    held = "held" if found.held else "not held"
    promise = f"; promised {found.eps:.3f}, {held}" if found.eps == found.eps else ""
    low, high = found.quantiles[0.05], found.quantiles[0.95]
    which = "all" if found.complete else "a sample of"
    report.kept += [
        (what, f"distances, {which} {len(found.errors):,} pairs, 90% off by",
         f"{low:+.3f} to {high:+.3f}"),
        ("", f"the largest error{promise}", f"{found.largest:.3f}"),
    ]  # fmt: skip
    return found


def _digits(data: Data, report: Report) -> projection.Distortion:
    x = np.ascontiguousarray(data.digits, dtype=np.float32)
    y = _map("sparse_jl", x, 32)
    found = _distortion(report, "digits, 64 to 32 dimensions", x, y)
    every = np.arange(len(x))
    for name, rows in (("before", x), ("after", y)):
        right = np.mean(data.labels[_nearest(rows, every, 1)[:, 0]] == data.labels)
        label = f"images whose nearest neighbour shows the same digit, {name}"
        report.kept.append(("", label, f"{right:.1%}"))
    return found


def _words(
    data: Data, report: Report
) -> tuple[projection.Distortion | None, dict[str, list[float]]]:
    if data.words is None:
        return None, {}
    x = _unit(data.words)
    y = _map("sparse_jl", x, 128)
    what = f"words, {x.shape[1]} to 128 dimensions"
    found = _distortion(report, what, x, y)
    queries = np.random.default_rng(0).choice(len(x), _QUERIES, replace=False)
    before = _nearest(x, queries, _NEAR)
    curves: dict[str, list[float]] = {}
    for kind, _ in _CURVES:
        curves[kind] = [
            _kept(before, _nearest(_map(kind, x, k), queries, _NEAR)) for k in _DIMENSIONS
        ]
    share = curves["sparse_jl"][_DIMENSIONS.index(128)]
    report.kept.append(
        ("", f"of the {_NEAR} nearest of {len(x):,} words, still among them", f"{share:.0%}")
    )
    nearest = _nearest(x, queries, 1)
    again = _nearest(y, queries, _NEAR)
    first = float(np.mean(np.any(again == nearest, axis=1)))
    report.kept.append(("", f"nearest word among the {_NEAR} nearest", f"{first:.0%}"))
    names = list(data.vocabulary)
    rows = {row: name for name, row in data.vocabulary.items()}
    shown = [word for word in _SHOWN if word in data.vocabulary]
    if names and shown:
        chosen = np.array([data.vocabulary[word] for word in shown])
        lists = [_nearest(points, chosen, 4) for points in (x, y)]
        for word, old, new in zip(shown, *lists, strict=True):
            texts = [", ".join(rows.get(int(row), "?") for row in near) for near in (old, new)]
            report.notes.append(f"near {word}: {texts[0]}; after: {texts[1]}")
    return found, curves


def _errors(x: Array, report: Report) -> None:
    part = x[:500]
    for kind in ("sparse_jl", "srht", "gaussian"):
        arguments = (kind, x.shape[1], 32)
        exact = reference.projection.Sketch(*arguments, seed=1, dtype=np.float64).apply(
            part.astype(np.float64)
        )
        error = np.max(np.linalg.norm(_map(kind, part, 32) - exact, axis=1))
        error /= np.max(np.linalg.norm(part, axis=1))
        row = (f"Sketch({kind!r}).apply", f"{len(part):,}", f"{error:.1e} of the length")
        report.errors.append(row)


def _times(x: Array, what: str, report: Report) -> None:
    k = min(128, x.shape[1])
    sketch = projection.Sketch("sparse_jl", x.shape[1], k, seed=1, dtype=np.float32)
    dense = projection.Sketch("gaussian", x.shape[1], k, seed=1, dtype=np.float32).matrix().T
    dense = np.ascontiguousarray(dense)
    calls: dict[str, Any] = {
        "isokern": lambda: sketch.apply(x),
        "NumPy, a stored dense map": lambda: x @ dense,
    }
    if has("sklearn"):
        library: Any = importlib.import_module("sklearn.random_projection")
        theirs = library.SparseRandomProjection(k, density=8 / k, random_state=1).fit(x)
        calls["scikit-learn, as sparse"] = lambda: theirs.transform(x)
    report.times += compare(f"sparse_jl, {what}, {x.shape[1]} to {k} dimensions", calls, rounds=5)


@styled
def _draw(
    plt: Any, found: list[tuple[str, projection.Distortion]], curves: dict[str, list[float]],
    path: Path,
) -> Path:  # fmt: skip
    count = len(found) + bool(curves)
    figure, grid = plt.subplots(
        1, count, figsize=(4.9 * count, 4.2), layout="constrained", squeeze=False
    )
    for axes, (name, report) in zip(grid[0], found, strict=False):
        report.plot(axes)
        axes.set_title(f"{name}, {report.d} to {report.k} dimensions:\nwhat became of distances")
    if curves:
        axes = grid[0][-1]
        for kind, colour in _CURVES:
            axes.plot(_DIMENSIONS, curves[kind], "o-", color=colour, label=kind)
        axes.set_xscale("log", base=2)
        axes.set_xticks(_DIMENSIONS, [str(k) for k in _DIMENSIONS])
        axes.set(xlabel=f"dimensions left of {found[-1][1].d}", ylim=(0, 1))
        axes.set_title(f"Words: share of the {_NEAR} nearest\nthat stay among the {_NEAR} nearest")
        axes.legend(loc="upper left")
    figure.savefig(path)
    plt.close(figure)
    return path


def run(data: Data, folder: Path) -> Report:
    """Show the area at work."""
    report = Report("Random projections: fewer dimensions, distances nearly as they were")
    if not has("scipy"):
        report.notes.append('what was promised needs SciPy: pip install "isokern[scipy]"')
        return report
    pictures = [("digits", _digits(data, report))]
    words, curves = _words(data, report)
    x = np.ascontiguousarray(data.digits, dtype=np.float32)
    if words is not None and data.words is not None:
        pictures.append(("words", words))
        x = _unit(data.words)
    what = f"{len(x):,} " + ("digits" if words is None else "words")
    _errors(x, report)
    _times(x, what, report)
    report.kept.append(
        ("theory", "dimensions for 1,000,000 points within 10%, failure 1%",
         f"{projection.min_dim(10**6, 0.1, delta=0.01, guarantee='distance'):,}")
    )  # fmt: skip
    report.pictures.append(_draw(pictures, curves, folder / "projection-kept.png"))
    return report
