# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Maps that carry one direction to another and keep every length and angle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isokern import orthogonal, reference
from isokern.cli.demos import BLUE, GREY, RED, Data, Report, compare, styled, torch
from isokern.cli.demos import _alignment as alignment
from isokern.cli.demos import _training as training
from isokern.cli.demos._measures import angles_kept, cosines, lengths, sample

__all__ = ["run"]

Array = npt.NDArray[Any]

# The direction is made from the first list alone; the second list is only looked at.
_MADE_FROM = (
    ("man", "woman"), ("he", "she"), ("boy", "girl"), ("father", "mother"),
    ("his", "her"), ("himself", "herself"), ("male", "female"),
)  # fmt: skip
_SHOWN = (
    ("king", "queen"), ("prince", "princess"), ("actor", "actress"), ("uncle", "aunt"),
    ("brother", "sister"), ("husband", "wife"), ("nephew", "niece"), ("duke", "duchess"),
    ("hero", "heroine"), ("grandfather", "grandmother"),
)  # fmt: skip


def _landed(a: Array, b: Array, x: Array) -> float:
    """Return how far the image x of a ends from the direction of b."""
    return float(np.max(np.abs(x / np.linalg.norm(a) - b / np.linalg.norm(b))))


def _error(kind: str, a: Array, b: Array, x: Array, y: Array) -> tuple[str, str, str]:
    expected = getattr(reference.orthogonal, kind)(a, b, x)
    error = np.max(np.linalg.norm(y - expected, axis=1) / lengths(x))
    return kind, f"{len(x):,}", f"{error:.1e} of the length"


def _expression(a: Array, b: Array, x: Array) -> Array:
    """Return the rotation as one would write it with NumPy."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    ax, bx = (x @ a)[:, None], (x @ b)[:, None]
    result: Array = x - (ax + bx) / (1 + a @ b) * (a + b) + 2 * ax * b
    return result


def _times(what: str, a: Array, b: Array, x: Array) -> list[tuple[str, str, str, str]]:
    calls: dict[str, Any] = {
        "isokern": lambda: orthogonal.rotate_between(a, b, x),
        "NumPy": lambda: _expression(a, b, x),
    }
    library = torch()
    if library is not None:
        ta, tb, tx = (library.from_numpy(np.ascontiguousarray(part)) for part in (a, b, x))

        def by_torch() -> Any:
            ua, ub = ta / ta.norm(), tb / tb.norm()
            ax, bx = (tx @ ua)[:, None], (tx @ ub)[:, None]
            return tx - (ax + bx) / (1 + ua @ ub) * (ua + ub) + 2 * ax * ub

        calls["torch"] = by_torch
    return compare(what, calls)


@styled
def _draw_digits(
    plt: Any, rows: Sequence[tuple[str, Array]], titles: Sequence[str], path: Path
) -> Path:
    figure, grid = plt.subplots(
        len(rows), len(titles), figsize=(1.22 * len(titles), 1.1 * len(rows) + 0.9),
        layout="constrained",
    )  # fmt: skip
    for level, (line, (name, images)) in enumerate(zip(grid, rows, strict=True)):
        for axes, image, title in zip(line, images, titles, strict=True):
            axes.imshow(image.reshape(8, 8), cmap="RdBu_r", vmin=-16, vmax=16)
            axes.set(xticks=[], yticks=[])
            axes.grid(False)
            axes.spines[:].set_visible(False)
            if level == 0:
                axes.set_title(title, fontsize=10, loc="center")
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", labelpad=10)
    figure.suptitle(
        "Two maps that carry the mean 0 onto the direction of the mean 1, "
        "applied to other images\nred: ink, blue: less than none; every length and angle is kept",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    figure.savefig(path)
    plt.close(figure)
    return path


def _digits(data: Data, folder: Path, report: Report) -> None:
    x = data.digits
    a, b = (x[data.labels == label].mean(axis=0, dtype=np.float64) for label in (0, 1))
    a, b = a.astype(np.float32), b.astype(np.float32)
    shown = np.array([a, b, *(x[np.flatnonzero(data.labels == n)[3]] for n in (0, 0, 1, 2, 3, 7))])
    shown[3] = x[np.flatnonzero(data.labels == 0)[20]]
    rows = [("before", shown)]
    for kind, name in (("reflect_between", "reflected"), ("rotate_between", "rotated")):
        function = getattr(orthogonal, kind)
        y = function(a, b, x)
        report.kept += angles_kept(f"digits, {kind}", x, y)
        distance = _landed(a, b, function(a, b, a))
        report.kept.append(
            ("", "mean 0 lands on the direction of mean 1, off by", f"{distance:.1e}")
        )
        report.errors.append(_error(kind, a, b, x, y))
        rows.append((name, function(a, b, shown)))
    titles = ["mean 0", "mean 1", "a 0", "another 0", "a 1", "a 2", "a 3", "a 7"]
    report.pictures.append(_draw_digits(rows, titles, folder / "orthogonal-digits.png"))


@styled
def _draw_words(
    plt: Any, before: Array, after: Array, names: Sequence[tuple[str, str]], points: Array,
    path: Path,
) -> Path:  # fmt: skip
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 4.8), layout="constrained", gridspec_kw={"width_ratios": (1.35, 1)}
    )
    levels = range(len(names))
    left.hlines(levels, points[:, 0], points[:, 1], color="#cccccc", linewidth=2, zorder=1)
    left.scatter(points[:, 0], levels, color=BLUE, s=42, zorder=2)
    left.scatter(points[:, 1], levels, color=RED, s=42, zorder=2)
    low, high = points.min(), points.max()
    for level, (first, second) in zip(levels, names, strict=True):
        leftmost, rightmost = sorted(((points[level, 0], first), (points[level, 1], second)))
        for (at, word), sign, side in ((leftmost, -1, "right"), (rightmost, 1, "left")):
            left.annotate(
                word, (at, level), (7 * sign, 0), textcoords="offset points", ha=side, va="center"
            )
    left.axvline(0, color=GREY, linewidth=1)
    margin = 0.35 * (high - low)
    left.set_xlim(low - margin, high + margin)
    left.set_ylim(len(names) - 0.5, -0.5)
    left.set_yticks([])
    left.spines["left"].set_visible(False)
    left.set_xlabel("first coordinate after the rotation, less the mean of all words")
    left.set_title(
        "The rotation puts man-to-woman on the first axis;\nthese words had no part in it"
    )
    right.plot([-1, 1], [-1, 1], color=GREY, linewidth=1, zorder=1)
    right.scatter(before, after, s=2, color=BLUE, alpha=0.35, linewidths=0, zorder=2)
    ends = before.min() - 0.03, before.max() + 0.03
    right.set(xlim=ends, ylim=ends, aspect="equal")
    right.set_xlabel("cosine of two words before")
    right.set_ylabel("cosine after")
    worst = np.max(np.abs(before - after))
    right.set_title(f"{len(before):,} pairs keep their angle:\nlargest change {worst:.0e}")
    figure.savefig(path)
    plt.close(figure)
    return path


def _words(data: Data, folder: Path, report: Report) -> None:
    table, rows = data.words, data.vocabulary
    if table is None:
        return
    known = [[(rows[m], rows[w]) for m, w in pairs if m in rows and w in rows]
             for pairs in (_MADE_FROM, _SHOWN)]  # fmt: skip
    made, shown = (np.array(pairs) for pairs in known)
    if not len(made) or not len(shown):
        return
    a = (table[made[:, 1]] - table[made[:, 0]]).mean(axis=0)
    b = np.zeros_like(a)
    b[0] = 1
    turned = orthogonal.rotate_between(a, b, table)
    report.kept += angles_kept("words, rotate_between", table, turned)
    distance = _landed(a, b, orthogonal.rotate_between(a, b, a))
    report.kept.append(("", "man-to-woman lands on the first axis, off by", f"{distance:.1e}"))
    correct = np.mean(turned[shown[:, 1], 0] > turned[shown[:, 0], 0])
    label = f"of {len(shown)} other pairs, ordered by that axis alone"
    report.kept.append(("", label, f"{correct:.0%}"))
    part = sample(table)
    mapped = orthogonal.rotate_between(a, b, part)
    kind, count, error = _error("rotate_between", a, b, part, mapped)
    report.errors.append((f"{kind}, words", count, error))
    what = f"rotate_between, {len(table):,} words of dimension {table.shape[1]}"
    report.times += _times(what, a, b, table)
    upper = np.triu_indices(200, 1)
    chosen = np.random.default_rng(0).choice(len(table), 200, replace=False)
    before, after = (cosines(vectors[chosen])[upper] for vectors in (table, turned))
    names = [pair for pair in _SHOWN if pair[0] in rows and pair[1] in rows]
    points = turned[shown, 0] - turned[:, 0].mean()
    path = folder / "orthogonal-words.png"
    report.pictures.append(_draw_words(before, after, names, points, path))


def run(data: Data, folder: Path) -> Report:
    """Show the area at work."""
    report = Report("Orthogonal maps: one direction goes to another, lengths and angles stay")
    _digits(data, folder, report)
    _words(data, folder, report)
    if not report.times:
        a, b = data.digits[0], data.digits[1]
        many = np.tile(data.digits, (20, 1))
        report.times += _times(f"rotate_between, {len(many):,} images", a, b, many)
    alignment.show(data, folder, report)
    training.show(data, folder, report)
    return report
