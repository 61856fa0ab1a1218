# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Two sets of vectors, one turned so that its principal axes come to lie on the other's.

With principal axes A and B, both (d, k), QR gives A = Q_A R_A with R_A a diagonal of signs, and B
alike. The map Q_B S Q_A^T, where S repairs the signs, takes each column of A to the one of B. It is
one product of reflectors: those of Q_B, one for each -1 of S, those of Q_A in reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isokern import orthogonal, reference
from isokern.cli.demos import BLUE, GREY, Data, Report, compare, styled, torch
from isokern.cli.demos._measures import distances, distances_kept, lengths, sample

__all__ = ["show"]

Array = npt.NDArray[Any]

_AXES = 8


@dataclass(frozen=True)
class _Sets:
    """What is turned, and what it is turned to, in one dimension d."""

    names: tuple[str, str]
    x: Array
    goal: Array

    @classmethod
    def of(cls, data: Data) -> _Sets:
        """Return words and digits; without words, two halves of the digits.

        The digits get zeros for further coordinates: lengths and distances do not notice.
        """
        if data.words is None:
            low = data.labels < 5
            return cls(("digits 0-4", "digits 5-9"), data.digits[low], data.digits[~low])
        goal = np.zeros((len(data.digits), data.words.shape[1]), np.float32)
        goal[:, : data.digits.shape[1]] = data.digits
        return cls(("words", "digits"), data.words, goal)


def _axes(x: Array) -> Array:
    """Return the first principal axes as columns."""
    centred = x.astype(np.float64)
    centred -= centred.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    found: Array = vectors[:, : -_AXES - 1 : -1].astype(np.float32)
    return found


def _reflectors(a: Array, b: Array) -> tuple[Array, Array]:
    """Return the reflectors, and their factors, of the map that takes the columns of a to b's."""
    v, tau, signs = [], [], np.ones(a.shape[1], np.float32)
    for axes in (b, a):
        vectors, factors, r = orthogonal.qr(axes, mode="factored")
        v.append(vectors)
        tau.append(factors)
        signs *= np.sign(np.diagonal(r))
    flips = np.eye(*a.shape, dtype=np.float32)[:, signs < 0]
    twos = np.full(flips.shape[1], 2, np.float32)
    return (
        np.concatenate([v[0], flips, v[1][:, ::-1]], axis=1),
        np.concatenate([tau[0], twos, tau[1][::-1]]),
    )


def _times(v: Array, tau: Array, x: Array) -> list[tuple[str, str, str, str]]:
    """Return the product against the matrix that it is, and against two thin ones, ready made."""
    x = np.tile(x, (max(1, 30_000 // len(x)), 1))  # few vectors are over before a clock can tell
    identity = np.eye(len(v), dtype=v.dtype)
    matrix = np.ascontiguousarray(orthogonal.apply_reflectors(v, identity, tau=tau).T)
    thin = orthogonal.compact_wy(v, tau=tau).T @ v.T
    calls: dict[str, Any] = {
        "isokern": lambda: orthogonal.apply_reflectors(v, x, tau=tau, side="right", transpose=True),
        "NumPy, matrix d x d": lambda: x @ matrix,
        "NumPy, two thin ones": lambda: x - (x @ v) @ thin,
    }
    library = torch()
    if library is not None:
        tv, tt, tx = (library.from_numpy(np.ascontiguousarray(part)) for part in (v, thin, x))
        calls["torch, two thin ones"] = lambda: library.addmm(tx, tx @ tv, tt, alpha=-1)
    return compare(f"apply_reflectors, {v.shape[1]} of them, {len(x):,} vectors", calls)


@styled
def _draw(
    plt: Any, names: tuple[str, str], before: Array, after: Array, kept: tuple[Array, Array],
    path: Path,
) -> Path:  # fmt: skip
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(12, 4.2), layout="constrained", gridspec_kw={"width_ratios": (1, 1, 1.15)}
    )
    for axes, cosines, title in ((left, before, "before"), (middle, after, "after")):
        image = axes.imshow(np.abs(cosines), cmap="Blues", vmin=0, vmax=1)
        axes.set_title(f"|cosine| of principal axes, {title}")
        axes.set(xticks=range(_AXES), yticks=range(_AXES))
        axes.set_xticklabels(range(1, _AXES + 1))
        axes.set_yticklabels(range(1, _AXES + 1))
        axes.grid(False)
        axes.set_xlabel(names[1])
    left.set_ylabel(names[0])
    figure.colorbar(image, ax=(left, middle), shrink=0.7, location="bottom", aspect=40)
    x, y = kept
    right.plot([0, x.max()], [0, x.max()], color=GREY, linewidth=1, zorder=1)
    right.scatter(x, y, s=2, color=BLUE, alpha=0.3, linewidths=0, zorder=2)
    right.set(aspect="equal", xlim=(0, None), ylim=(0, None))
    right.set_xlabel(f"distance of two {names[0]} before")
    right.set_ylabel("distance after")
    worst = np.max(np.abs(y / x - 1))
    right.set_title(f"{len(x):,} pairs keep their distance:\nlargest relative change {worst:.0e}")
    figure.savefig(path)
    plt.close(figure)
    return path


def show(data: Data, folder: Path, report: Report) -> None:
    """Turn one set to the other: one axis by a rotation, eight by a product of reflectors."""
    sets = _Sets.of(data)
    what, x = " to ".join(sets.names), sets.x
    a, b = _axes(x), _axes(sets.goal)
    before = np.abs(a.T @ b)

    turned = orthogonal.rotate_between(a[:, 0], b[:, 0], x)
    cosine = abs(float(_axes(turned)[:, 0] @ b[:, 0]))
    report.kept += distances_kept(f"{what}, rotate_between", x, turned)
    text = f"first principal axes: cosine {before[0, 0]:.2f} before, after 1 less"
    report.kept.append(("", text, f"{max(1 - cosine, 0):.1e}"))

    v, tau = _reflectors(a, b)
    turned = orthogonal.apply_reflectors(v, x, tau=tau, side="right", transpose=True)
    after = np.abs(_axes(turned).T @ b)
    report.kept += distances_kept(f"{what}, apply_reflectors", x, turned)
    text = f"{_AXES} principal axes: cosines up to {np.max(np.diagonal(before)):.2f}"
    worst = max(1 - float(np.min(np.diagonal(after))), 0)
    report.kept.append(("", f"{text} before, after 1 less", f"{worst:.1e}"))

    part = sample(x)
    image = orthogonal.apply_reflectors(v, part, tau=tau, side="right", transpose=True)
    options: Any = {"tau": tau, "side": "right", "transpose": True}
    expected = reference.orthogonal.apply_reflectors(v, part, **options)
    error = np.max(np.linalg.norm(image - expected, axis=1) / lengths(part))
    kind = f"apply_reflectors, {v.shape[1]} of them"
    report.errors.append((kind, f"{len(part):,}", f"{error:.1e} of the length"))
    report.times += _times(v, tau, x)

    chosen = np.random.default_rng(0).choice(len(x), 200, replace=False)
    kept = distances(x[chosen]), distances(turned[chosen])
    report.pictures.append(_draw(sets.names, before, after, kept, folder / "orthogonal-axes.png"))
