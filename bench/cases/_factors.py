# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""QR factors of many small matrices, and one large random orthogonal matrix.

The matrices to be factored are normal numbers plus a multiple of the identity, which makes their
condition about 3: then two accurate factorisations agree to rounding, signs included, and can be
compared entry by entry. What the numbers are does not change the work.

Random matrices can't be compared so. Orthogonality is: the inner products of every eighth column
with all, in float64.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

import numpy as np

from isokern import orthogonal

from ..peers import Peers
from . import Case, Competitor, random_array

__all__ = ["cases"]


def _qr(count: int, d: int, dtype: str, peers: Peers) -> list[Competitor]:
    x = random_array((count, d, d), dtype, seed=0)
    x += 4 * np.sqrt(d).astype(x.dtype) * np.eye(d, dtype=x.dtype)
    scales = [np.max(np.abs(factor)) for factor in orthogonal.qr(x)]

    def result(factors: Any) -> Any:
        """Return Q and R in one array, each on its own scale."""
        parts = zip(factors, scales, strict=True)
        return np.stack([np.asarray(part) / scale for part, scale in parts])

    found = [Competitor("isokern", "isokern", "new output", partial(orthogonal.qr, x), result)]
    if peers.has("numpy"):
        call = partial(np.linalg.qr, x)
        found.append(Competitor("numpy.linalg.qr", "numpy", "new output", call, result))
    if peers.has("scipy"):
        factor = importlib.import_module("scipy.linalg").qr
        call = partial(factor, x, mode="economic", check_finite=False)
        found.append(Competitor("scipy.linalg.qr", "scipy", "new output", call, result))
    if peers.has("torch"):
        call = partial(peers.torch.linalg.qr, peers.torch.from_numpy(x))
        found.append(Competitor("torch.linalg.qr", "torch", "new output", call, result))
    return found


def _products(q: Any) -> Any:
    """Return the inner products of every eighth column with all."""
    columns = np.asarray(q).astype(np.float64)
    return columns[:, ::8].T @ columns


def _haar(d: int, dtype: str, peers: Peers) -> list[Competitor]:
    kind: Any = np.dtype(dtype).type
    found: list[Competitor] = []

    def add(name: str, library: str, call: Any) -> None:
        found.append(Competitor(name, library, "new output", call, _products))

    add("isokern", "isokern", partial(orthogonal.haar, d, dtype=kind))
    rng = np.random.default_rng(0)
    if peers.has("numpy"):

        def by_numpy() -> Any:
            q, r = np.linalg.qr(rng.standard_normal((d, d), dtype=kind))
            q *= np.sign(r.diagonal())
            return q

        add("NumPy qr, signs", "numpy", by_numpy)
    if peers.has("scipy"):
        group = importlib.import_module("scipy.stats").ortho_group
        add("scipy.stats.ortho_group (float64)", "scipy", partial(group.rvs, d, random_state=rng))
    if peers.has("torch"):
        torch = peers.torch
        tensor = getattr(torch, dtype)

        def by_torch() -> Any:
            factors, tau = torch.geqrf(torch.randn(d, d, dtype=tensor))
            q = torch.linalg.householder_product(factors, tau)
            q *= factors.diagonal().sign()
            return q

        def by_init() -> Any:
            return torch.nn.init.orthogonal_(torch.empty(d, d, dtype=tensor))

        add("torch geqrf, householder_product, signs", "torch", by_torch)
        add("torch.nn.init.orthogonal_", "torch", by_init)
    return found


def cases(quick: bool) -> list[Case]:
    """Return the cases.

    Operations are counted as Q and R by Householder's method take them, 8/3 d^3; for a random
    matrix, which needs no factorisation, as half of it.
    """
    count, sizes, large = (64, (16,), 512) if quick else (4096, (16, 32, 64), 4096)
    found = [
        Case(
            name=f"qr, {count} of {d} x {d}",
            area="orthogonal",
            dtype=dtype,
            shape=f"{count} x {d} x {d}",
            moved_bytes=3 * count * d * d * np.dtype(dtype).itemsize,
            setup=partial(_qr, count, d, dtype),
            operations=8 / 3 * count * d**3,
        )
        for d in sizes
        for dtype in ("float32", "float64")
    ]
    found.append(
        Case(
            name="haar",
            area="orthogonal",
            dtype="float32",
            shape=f"{large} x {large}",
            moved_bytes=large * large * 4,
            setup=partial(_haar, large, "float32"),
            operations=4 / 3 * large**3,
        )
    )
    return found
