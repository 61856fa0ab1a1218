# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Divergences between normals: all pairs of two sets, many pairs, and one large pair.

Covariances are those of twice as many normal vectors as dimensions, of condition 30 or so, for
which all peers are accurate. Peers start from covariances, as isokern does.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from isokern import gaussian

from ..peers import Peers
from . import Case, Competitor
from . import _gaussian_peers as other

__all__ = ["cases"]


def _normals(seed: int, n: int, d: int) -> tuple[Any, Any]:
    """Return means (n, d) and covariances (n, d, d)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d, 2 * d))
    return rng.standard_normal((n, d)), x @ np.swapaxes(x, 1, 2) / (2 * d)


def _arguments(n: int, m: int, d: int) -> tuple[Any, ...]:
    return (*_normals(0, n, d), *_normals(1, m, d))


def _competitors(own: Any, peers: Peers, others: list[tuple[str, str, Any]]) -> list[Competitor]:
    found = [Competitor("isokern", "isokern", "new output", own)]
    for name, library, call in others:
        if peers.has(library):
            found.append(Competitor(name, library, "new output", call))
    return found


def _pairwise(metric: str, n: int, d: int, peers: Peers) -> list[Competitor]:
    given = _arguments(n, n, d)
    own = partial(gaussian.pairwise, metric, *given)
    return _competitors(own, peers, other.pairwise(metric, given, peers))


def _pairs(metric: str, n: int, d: int, peers: Peers) -> list[Competitor]:
    given = _arguments(n, n, d)
    own = partial(getattr(gaussian, metric), *given)
    return _competitors(own, peers, other.pairs(metric, given, peers))


def _one(metric: str, d: int, peers: Peers) -> list[Competitor]:
    m1, s1, m2, s2 = (value[0] for value in _arguments(1, 1, d))
    own = partial(getattr(gaussian, metric), m1, s1, m2, s2)
    return _competitors(own, peers, other.one(metric, (m1, s1, m2, s2), peers))


def _frechet(d: int, peers: Peers) -> list[Competitor]:
    moments = []
    for seed in (0, 1):
        x = np.random.default_rng(seed).standard_normal((2 * d, d))
        moments.append(gaussian.Moments(d).update(x))
    given = (moments[0].mean, moments[0].cov(), moments[1].mean, moments[1].cov())
    own = partial(gaussian.frechet_distance, *moments)
    return _competitors(own, peers, other.one("frechet", given, peers))


def _moments(n: int, d: int, peers: Peers) -> list[Competitor]:
    x = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)

    def own() -> Any:
        return gaussian.Moments(d).update(x).cov().astype(np.float32)

    def product() -> Any:
        return x.T @ x / np.float32(n - 1)

    def centred() -> Any:
        mean = x.mean(axis=0)
        return x.T @ x / np.float32(n - 1) - np.outer(mean, mean)

    found = [Competitor("isokern", "isokern", "new output", own)]
    if peers.has("numpy"):
        found.append(Competitor("NumPy product, means", "numpy", "new output", centred))
        name = "NumPy product alone"
        found.append(Competitor(name, "numpy", "new output", product, counts=False, answers=False))
        cov = partial(np.cov, x, rowvar=False, dtype=np.float32)
        found.append(Competitor("numpy.cov", "numpy", "new output", cov))
    return found


def cases(quick: bool) -> list[Case]:
    """Return the cases; operations are those of the factorisations and solves."""
    n, d, many, size, large, rows = (
        (16, 8, 64, 16, 64, 1000) if quick else (256, 32, 4096, 64, 2048, 1_000_000)
    )
    found = []

    def add(name: str, shape: str, setup: Any, moved: int, operations: float) -> None:
        dtype = "float32" if name == "moments" else "float64"
        found.append(Case(name, "gaussian", dtype, shape, moved, setup, operations))

    flops = {"kl": 1.0, "bhattacharyya": 1.0, "wasserstein2": 3.7}
    for metric, count in flops.items():
        operations = n * n * d**2 if metric == "kl" else n * n * d**3 * (count - 2 / 3)
        add(f"{metric}, all pairs", f"{n} x {n}, d = {d}", partial(_pairwise, metric, n, d),
            8 * n * (2 * d * d + n), operations)  # fmt: skip
    for metric, count in flops.items():
        add(f"{metric}, pairs", f"{many}, d = {size}", partial(_pairs, metric, many, size),
            16 * many * size * size, many * size**3 * count)  # fmt: skip
    add("kl, one pair", f"d = {large}", partial(_one, "kl", large), 16 * large**2, large**3)
    add("frechet_distance", f"d = {large}", partial(_frechet, large), 16 * large**2, 4 * large**3)
    add("moments", f"{rows} x 256", partial(_moments, rows, 256), 1024 * rows, 2 * 256**2 * rows)
    return found
