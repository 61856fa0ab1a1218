# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Rotary positions: scores of real vectors that know distances and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isokern import reference, rope
from isokern.cli.demos import BLUE, RED, Data, Report, compare, styled, torch

__all__ = ["run"]

Array = npt.NDArray[Any]

_HEAD = 64
_SENTENCE = (
    "the queen of the north sent her brother to the old king with a letter "
    "and the king sent the letter back to the queen"
)
_SHIFTS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 1_000_000_000)


def _tokens(data: Data) -> tuple[Array, list[str], str]:
    """Return vectors of width _HEAD, a name for each where words are at hand, and what they are."""
    if data.words is None:
        return data.digits[:24], [str(label) for label in data.labels[:24]], "images of digits"
    words = [word for word in _SENTENCE.split() if word in data.vocabulary]
    vectors = data.words[[data.vocabulary[word] for word in words]]
    # As attention does, cut each vector into heads; one head is looked at.
    return vectors[:, :_HEAD], words, "words of a sentence"


def _many(data: Data) -> tuple[Array, str]:
    """Return (heads, tokens, _HEAD) of real vectors, for the clock."""
    if data.words is None:
        return np.tile(data.digits, (12, 1)).reshape(12, -1, _HEAD), "digits"
    count, width = data.words.shape
    heads = width // _HEAD
    cut = data.words[:, : heads * _HEAD].reshape(count, heads, _HEAD)
    return np.ascontiguousarray(cut.transpose(1, 0, 2)), "words"


def _scores(x: Array, plan: Any, positions: Array) -> Array:
    y = rope.apply(x, plan=plan, positions=positions).astype(np.float64)
    result: Array = y @ y.T
    return result


def _float32_scores(x: Array, plan: Any, positions: Array) -> Array:
    """Return the scores with angles in single precision, as much code has them."""
    angles = positions.astype(np.float32)[:, None] * plan.inv_freq.astype(np.float32)
    cos, sin = np.cos(angles), np.sin(angles)
    first, second = np.split(x, 2, axis=1)
    parts = (first * cos - second * sin, second * cos + first * sin)
    y = np.concatenate(parts, axis=1).astype(np.float64)
    result: Array = y @ y.T
    return result


def _reversed(x: Array, plan: Any, positions: Array) -> float:
    """Return the largest relative change after turning forth and back."""
    there = rope.apply(x, plan=plan, positions=positions)
    back = rope.apply(there, plan=plan, positions=positions, inverse=True)
    return float(np.max(np.linalg.norm(back - x, axis=-1) / np.linalg.norm(x, axis=-1)))


@styled
def _draw_scores(
    plt: Any, pair: tuple[Array, Array], shift: int, names: list[str],
    curves: tuple[Array, Array], path: Path,
) -> Path:  # fmt: skip
    figure, grid = plt.subplots(
        1, 3, figsize=(15, 5.0), layout="constrained", gridspec_kw={"width_ratios": (1, 1, 1.05)}
    )
    figure.get_layout_engine().set(w_pad=0.12)
    top = np.max(np.abs(pair[0]))
    titles = ("Scores at the start of a text", f"The same words, {shift:,} places later")
    for axes, scores, title in zip(grid, pair, titles, strict=False):
        axes.imshow(scores, cmap="RdBu_r", vmin=-top, vmax=top)
        axes.set_title(title)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    grid[1].set_yticks([])
    axes = grid[2]
    axes.loglog(_SHIFTS, curves[1], "o-", color=RED, label="angles in single precision")
    axes.loglog(_SHIFTS, curves[0], "o-", color=BLUE, label="isokern")
    axes.set_xlabel("places by which the whole text is moved")
    axes.set_ylabel("largest change of a score, relative")
    axes.set_title("Only the distance counts, at any position")
    axes.legend(loc="upper left")
    axes.set_ylim(top=30 * max(curves[1]))
    figure.savefig(path)
    plt.close(figure)
    return path


def _grid_scores(vector: Array, side: int, centre: tuple[int, int], origin: int) -> Array:
    """Return the score of one vector at `centre` with itself everywhere on a square grid."""
    rows, columns = np.divmod(np.arange(side * side), side)
    positions = origin + np.stack((columns, rows), axis=-1)
    x = np.broadcast_to(vector, (side * side, len(vector)))
    y = rope.apply(x, plan=rope.plan_2d(len(vector)), positions=positions).astype(np.float64)
    middle = y[centre[1] * side + centre[0]]
    result: Array = (y @ middle / (middle @ middle)).reshape(side, side)
    return result


@styled
def _draw_grid(plt: Any, maps: list[tuple[tuple[int, int], Array]], path: Path) -> Path:
    figure, grid = plt.subplots(1, len(maps), figsize=(4.3 * len(maps), 4.3), layout="constrained")
    low = min(scores.min() for _, scores in maps)
    for axes, (centre, scores) in zip(grid, maps, strict=True):
        image = axes.imshow(scores, cmap="magma", vmin=low, vmax=1)
        axes.plot(*centre, "o", markersize=5, color=BLUE, markeredgecolor="white")
        axes.set_title(f"seen from column {centre[0]}, row {centre[1]}")
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.set(xlabel="column", ylabel="row")
    figure.colorbar(image, ax=grid, label="score, as a share of the score at the dot")
    figure.suptitle(
        "Rotary positions on a grid: the score of a vector with itself elsewhere\n"
        "depends on the way from one place to the other, not on the places",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    figure.savefig(path)
    plt.close(figure)
    return path


def _times(data: Data) -> list[tuple[str, str, str, str]]:
    x, what = _many(data)
    plan = rope.plan(_HEAD)
    angles = np.arange(x.shape[1])[:, None] * plan.inv_freq
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    half = _HEAD // 2

    def by_numpy() -> Array:
        first, second = x[..., :half], x[..., half:]
        parts = (first * cos - second * sin, second * cos + first * sin)
        return np.concatenate(parts, axis=-1)

    calls: dict[str, Any] = {"isokern": lambda: rope.apply(x, plan=plan), "NumPy": by_numpy}
    library = torch()
    if library is not None:
        tx, tc, ts = (library.from_numpy(part) for part in (x, cos, sin))

        def by_torch() -> Any:
            first, second = tx[..., :half], tx[..., half:]
            return library.cat((first * tc - second * ts, second * tc + first * ts), -1)

        calls["torch"] = by_torch
    label = f"apply, {x.shape[1]:,} {what} in {len(x)} heads of {_HEAD} (others: tables ready made)"
    return compare(label, calls)


def _errors(data: Data) -> list[tuple[str, str, str]]:
    x = _many(data)[0][0, ::31][:1000]
    rows = []
    for layout in ("half", "interleaved"):
        plan = rope.plan(_HEAD, layout=layout)
        for start in (0, 1_000_000):
            positions = start + np.arange(len(x))
            y = rope.apply(x, plan=plan, positions=positions)
            expected = reference.rope.apply(x, plan=plan, positions=positions)
            error = np.max(np.linalg.norm(y - expected, axis=1) / np.linalg.norm(x, axis=1))
            name = f"apply, {layout}, positions from {start:,}"
            rows.append((name, f"{len(x):,}", f"{error:.1e} of the length"))
    return rows


def run(data: Data, folder: Path) -> Report:
    """Show the area at work."""
    report = Report("Rotary positions: scores depend on the distance of two tokens alone")
    x, names, what = _tokens(data)
    plan = rope.plan(_HEAD)
    here = np.arange(len(x))
    home = _scores(x, plan, here)
    scale = np.max(np.abs(home))
    curves: tuple[list[float], list[float]] = ([], [])
    for shift in _SHIFTS:
        for curve, scores in zip(curves, (_scores, _float32_scores), strict=True):
            curve.append(float(np.max(np.abs(scores(x, plan, here + shift) - home)) / scale))
    shift = 1_000_000
    at = _SHIFTS.index(shift)
    count = f"{len(x)} {what}"
    report.kept += [
        (count, f"all scores after a move by {shift:,} places, change", f"{curves[0][at]:.1e}"),
        ("", "the same with angles in single precision", f"{curves[1][at]:.1e}"),
        ("", f"after a move by {_SHIFTS[-1]:,} places, change", f"{curves[0][-1]:.1e}"),
    ]
    many, kind = _many(data)
    turned = rope.apply(many, plan=plan)
    change = np.max(np.abs(np.linalg.norm(turned, axis=-1) / np.linalg.norm(many, axis=-1) - 1))
    number = many.shape[0] * many.shape[1]
    positions = np.arange(many.shape[1])
    report.kept += [
        (f"{kind}, all heads", f"{number:,} lengths, largest relative change", f"{change:.1e}"),
        ("", "forth and back again, off by", f"{_reversed(many, plan, positions):.1e}"),
    ]
    vector = x[names.index("queen")] if "queen" in names else x[0]
    side = 49
    maps = [(centre, _grid_scores(vector, side, centre, 0)) for centre in ((24, 24), (10, 34))]
    moved = _grid_scores(vector, side, (24, 24), shift)
    report.kept.append(
        (f"2-D, {side} x {side} grid", f"scores after a move by {shift:,} along both axes, change",
         f"{np.max(np.abs(moved - maps[0][1])):.1e}")
    )  # fmt: skip
    report.errors += _errors(data)
    report.times += _times(data)
    pair = home, _scores(x, plan, here + shift)
    lines = np.array(curves[0]), np.array(curves[1])
    report.pictures += [
        _draw_scores(pair, shift, names, lines, folder / "rope-scores.png"),
        _draw_grid(maps, folder / "rope-grid.png"),
    ]
    return report
