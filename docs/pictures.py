# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Draw the pictures of the documentation from the library itself.

Run ``python docs/pictures.py`` with the extras ``demo`` and ``torch`` installed; it writes to
docs/pictures.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import ml_dtypes
import numpy as np

import isokern
from isokern import orthogonal, projection, rope
from isokern.cli.demos import _training, load_data
from isokern.cli.demos import gaussian as normals
from isokern.cli.demos import projection as projected

FOLDER = Path(__file__).parent / "pictures"
BLUE, ORANGE, GREY, GREEN = "#1f5fa8", "#d9822b", "#8a8f98", "#3a8f5c"


def textbook(a, b, x):
    """Apply the rotation as it stands in the books, with 1 + a.b in the denominator."""
    u = a + b
    return x - u * ((u @ x) / (1 + a @ b)) + 2 * b * (a @ x)


def angles(axes, dtype, rng):
    """Show how far T a is from b as the angle approaches pi."""
    d, depths = 64, np.linspace(0, 16, 65)
    errors = {"textbook formula": [], "isokern": []}
    for depth in depths:
        basis = np.linalg.qr(rng.standard_normal((d, 2)))[0].T
        angle = np.pi - 10.0**-depth
        a = basis[0].astype(dtype)
        b = (np.cos(angle) * basis[0] + np.sin(angle) * basis[1]).astype(dtype)
        goal = b.astype(np.float64) / np.linalg.norm(b.astype(np.float64))
        with np.errstate(all="ignore"):
            images = {
                "textbook formula": textbook(a, b, a),
                "isokern": orthogonal.rotate_between(a, b, a),
            }
        for name, image in images.items():
            error = np.linalg.norm(image.astype(np.float64) - goal)
            errors[name].append(min(max(error, 1e-17), 1e3) if np.isfinite(error) else np.nan)
    axes.semilogy(depths, errors["textbook formula"], color=ORANGE, label="textbook formula")
    axes.semilogy(depths, errors["isokern"], color=BLUE, lw=2, label="isokern")
    axes.axhline(np.finfo(dtype).eps, color=GREY, lw=0.8, ls="--", label="eps of the dtype")
    axes.set(title=np.dtype(dtype).name, xlabel="k, at the angle π − 10⁻ᵏ", ylim=(1e-17, 1e1))
    axes.grid(alpha=0.25)


def orthogonal_angles():
    """Draw the error of the minimal rotation near the angle pi."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    rng = np.random.default_rng(3)
    angles(left, np.float32, rng)
    angles(right, np.float64, rng)
    left.set_ylabel("|T a − b|")
    right.legend(frameon=False)
    figure.suptitle("The rotation that turns a into b, as b approaches −a (d = 64)")
    return figure


def orthogonal_training():
    """Draw what becomes of weights in training, with isokern's parametrisation and without."""
    data = load_data()
    curves = [_training.train(data.digits, data.labels, orthogonal=kind) for kind in (True, False)]
    figure = _training.draw(plt, curves, (BLUE, ORANGE))
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.grid(alpha=0.25)
    figure.axes[0].legend(frameon=False, loc="lower right")
    figure.suptitle("Learning the digits with two layers of 64, from the same start")
    return figure


def projection_dimensions():
    """Show how many dimensions n points need, and how many nonzeros a feature."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    n, eps, delta = np.logspace(1, 9, 33).round(), 0.1, 0.01
    for label, colour, how in (
        ("24 ln n / ε²", GREY, {"method": "su"}),
        ("Dasgupta-Gupta", ORANGE, {"method": "dasgupta_gupta"}),
        ("exact, failure 1 %", BLUE, {"delta": delta}),
        ("exact, a map exists", GREEN, {}),
    ):
        left.semilogx(n, projection.min_dim(n, eps, **how), color=colour, label=label)
    plain = projection.min_dim(n, eps, delta=delta, guarantee="distance")
    left.semilogx(n, plain, color=BLUE, ls="--", label="failure 1 %, plain distances")
    left.set(title="Dimensions that keep n points within 10 %", xlabel="points", ylim=(0, 3e4))
    errors = np.linspace(0.05, 0.6, 45)
    for n_points, colour in ((10**2, GREEN), (10**4, BLUE), (10**6, ORANGE)):
        s = [projection.min_sparsity(n_points, error) for error in errors]
        right.semilogy(errors, s, color=colour, label=f"{n_points:,} points")
    right.set(title="Nonzeros a feature for rows of two entries", xlabel="ε")
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.legend(fontsize="small")
    return figure


def seconds(kind, d, k, n):
    """Return the time of one map, by one thread: the best of some."""
    sketch = projection.Sketch(kind, d, k, dtype=np.float32)
    x = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    out = np.empty((n, k), np.float32)
    taken = []
    for _ in range(7):
        start = time.perf_counter()
        sketch.apply(x, out=out)
        taken.append(time.perf_counter() - start)
    return min(taken)


def projection_cost():
    """Time of a map while rows, features or dimensions of the result grow."""
    usual = {"n": 2048, "d": 2048, "k": 256}
    titles = {"n": "rows n", "d": "features d", "k": "dimensions k of the result"}
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharey=True)
    for axis, (name, title) in zip(axes, titles.items(), strict=True):
        sizes = usual[name] * 2 ** np.arange(6) // 4
        for kind, colour in (("sparse_jl", BLUE), ("srht", GREEN), ("gaussian", ORANGE)):
            with isokern.threads(1):
                times = [
                    1e3 * seconds(kind, **{**usual, name: int(size)}) for size in sizes.tolist()
                ]
            axis.loglog(sizes, times, color=colour, marker=".", label=kind)
        axis.loglog(sizes, sizes / sizes[0], color=GREY, linestyle=":", label="proportional")
        others = ", ".join(f"{key} = {value}" for key, value in usual.items() if key != name)
        axis.set(xlabel=title, title=others)
    axes[0].set_ylabel("ms, float32, one thread")
    axes[0].legend(fontsize=8)
    return figure


def precision(positions):
    """Return the largest error of a cosine or sine at each position, for four kinds of angle."""
    plan = rope.plan(128)
    q = np.zeros((positions.size, 128))
    q[:, :64] = 1
    exact = rope.apply(q, plan=plan, positions=positions)

    def worst(cosines, sines):
        turned = np.concatenate([cosines, sines], axis=-1).astype(np.float64)
        return np.abs(turned - exact).max(axis=-1)

    half = ml_dtypes.bfloat16
    frequencies = plan.inv_freq.astype(np.float32)
    single = positions.astype(np.float32)[:, None] * frequencies
    rounded = positions.astype(half).astype(np.float32)[:, None] * frequencies
    ours = rope.apply(q.astype(np.float32), plan=plan, positions=positions)
    return {
        "bfloat16 positions": worst(np.cos(rounded), np.sin(rounded)),
        "float32 angles": worst(np.cos(single), np.sin(single)),
        "bfloat16 tables": worst(exact[:, :64].astype(half), exact[:, 64:].astype(half)),
        "isokern, float32": worst(ours[:, :64], ours[:, 64:]),
    }


def rope_precision():
    """Draw these errors."""
    positions = np.unique(np.round(10.0 ** np.linspace(0, 8, 120)).astype(np.int64))
    figure, axes = plt.subplots(figsize=(7, 4))
    for (name, error), color in zip(
        precision(positions).items(), (GREY, ORANGE, GREEN, BLUE), strict=True
    ):
        axes.loglog(positions, error, label=name, color=color, lw=2 if color == BLUE else 1.2)
    axes.set(
        title="Largest error of a cosine or sine (head width 128, base 10000)",
        xlabel="position",
        ylabel="absolute error",
        ylim=(1e-9, 4),
    )
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, loc="center right")
    return figure


def rope_relative():
    """Draw scores of one query and one key at all pairs of positions: they form diagonals."""
    rng = np.random.default_rng(5)
    plan = rope.plan(64)
    tokens = 96
    q = np.broadcast_to(rng.standard_normal(64), (tokens, 64))
    k = 0.6 * q + 0.4 * np.broadcast_to(rng.standard_normal(64), (tokens, 64))
    near = rope.apply(q, plan=plan) @ rope.apply(k, plan=plan).T
    far = rope.apply(q, plan=plan, offsets=10**6) @ rope.apply(k, plan=plan, offsets=10**6).T
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), width_ratios=(1, 1.3))
    image = left.imshow(near, cmap="viridis")
    left.set(title="q at row, k at column", xlabel="position of k", ylabel="position of q")
    figure.colorbar(image, ax=left, shrink=0.85, label="score")
    distances = np.arange(-tokens + 1, tokens)
    for scores, label, style in (
        (near, "positions from 0", "-"),
        (far, "positions from 1 000 000", ":"),
    ):
        means = [np.diagonal(scores, -distance).mean() for distance in distances]
        right.plot(distances, means, style, color=BLUE if style == "-" else ORANGE, label=label)
    right.set(title="Score by distance", xlabel="position of q − position of k", ylabel="score")
    right.grid(alpha=0.25)
    right.legend(frameon=False)
    figure.suptitle("One query and one key vector at all positions: only the distance matters")
    return figure


def rope_decay():
    """Draw how scores of like vectors fall with distance, for several bases, and with xPos."""
    distances = np.unique(np.round(10.0 ** np.linspace(0, 5, 400)).astype(np.int64))
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8))
    ones = np.ones((distances.size, 128))
    for base, color in ((1e4, BLUE), (5e5, ORANGE), (1e7, GREEN)):
        turned = rope.apply(ones, plan=rope.plan(128, base=base), positions=distances)
        left.semilogx(distances, turned.mean(axis=-1), color=color, label=f"base {base:,.0f}")
    left.set(title="Mean score of equal vectors", xlabel="distance", ylabel="score / |q| |k|")
    plain, xpos = rope.plan(128), rope.plan(128, scaling={"rope_type": "xpos"})
    near = np.arange(0, 4096, 8)
    ones = np.ones((near.size, 128))
    for plan, color, label in ((plain, BLUE, "plain"), (xpos, ORANGE, "xPos")):
        # Queries at the distance, keys at 0: position times growth are both of the query.
        scores = rope.apply(ones, plan=plan, positions=near).mean(axis=-1)
        right.plot(near, scores, color=color, label=label, lw=1)
    right.set(title="The same with xPos, scale base 512", xlabel="distance")
    for axes in (left, right):
        axes.axhline(0, color=GREY, lw=0.8)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    figure.suptitle("Long-range decay (head width 128)")
    return figure


def losses(positions, dtype):
    """Return the largest error of a turned vector, in units of eps and the pair's length."""
    rng = np.random.default_rng(7)
    plan = rope.plan(128)
    x = rng.standard_normal((64, positions.size, 128)).astype(dtype)
    exact = rope.apply(x.astype(np.float64), plan=plan, positions=positions)
    pair = np.tile(np.hypot(exact[..., :64], exact[..., 64:]), 2)
    digits = {"float16": 10, "bfloat16": 7, "float32": 23}[np.dtype(dtype).name]
    ulp = pair * 2.0**-digits  # of a number as large as the pair is long

    def error(y):
        return np.max(np.abs(y.astype(np.float64) - exact) / ulp, axis=(0, 2))

    half = ml_dtypes.bfloat16
    frequencies = plan.inv_freq.astype(np.float32)
    single = positions.astype(np.float32)[:, None] * frequencies
    rounded = positions.astype(half).astype(np.float32)[:, None] * frequencies
    cos, sin = rope.table(plan, positions)

    def by(cos, sin):
        return rope.apply_table(x, cos=cos, sin=sin)

    return {
        "bfloat16 positions": error(by(np.cos(rounded), np.sin(rounded))),
        "float32 angles": error(by(np.cos(single), np.sin(single))),
        "bfloat16 tables": error(by(cos.astype(half), sin.astype(half))),
        "isokern": error(rope.apply(x, plan=plan, positions=positions)),
    }


def main():
    """Draw all pictures."""
    FOLDER.mkdir(exist_ok=True)
    pictures = {
        "orthogonal-angles": orthogonal_angles,
        "orthogonal-training": orthogonal_training,
        "projection-cost": projection_cost,
        "projection-dimensions": projection_dimensions,
        "rope-decay": rope_decay,
        "rope-precision": rope_precision,
        "rope-relative": rope_relative,
    }
    for name, draw in pictures.items():
        figure = draw()
        figure.tight_layout()
        figure.savefig(FOLDER / f"{name}.png", dpi=110)
        plt.close(figure)
    for demonstration in (projected, normals):
        demonstration.run(load_data(), FOLDER)


if __name__ == "__main__":
    if "--table" in sys.argv:
        for label, errors in precision(np.array([2047, 131_071, 1_048_575, 2**24 + 1])).items():
            print(f"| {label} | " + " | ".join(f"{error:.0e}" for error in errors) + " |")
        for kind in (ml_dtypes.bfloat16, np.float16, np.float32):
            for label, errors in losses(
                np.array([2047, 131_071, 1_048_575, 2**24 + 1, 2**31]), kind
            ).items():
                print(
                    f"| {np.dtype(kind).name} | {label} | "
                    + " | ".join(f"{error:.2g}" for error in errors)
                    + " |"
                )
    else:
        main()
