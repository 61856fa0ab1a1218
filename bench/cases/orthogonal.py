# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Reflections and minimal rotations that carry one direction to another; then matrices.

The cases of many reflectors and of factors are in `_reflectors` and `_factors`. Here the peers
compute the textbook expression, which is not accurate near a = -b (rotation) or a = b (reflection);
the data are far from both. The rows "(unit inputs assumed)" leave out the normalisation of a and b:
less work than the case, shown because some users can do without.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from isokern import orthogonal

from ..peers import Peers
from . import Case, Competitor, _factors, _reflectors, aligned_empty, random_array

__all__ = ["cases"]

Function = Callable[..., Any]


def _expressions(kind: str, xp: Any, *, unit: bool) -> Function:
    """Return the natural expression of a map, for NumPy or torch alike."""

    def dot(u: Any, v: Any) -> Any:
        return (u * v).sum(-1)[..., None]

    def normalised(u: Any) -> Any:
        return u if unit else u / xp.sqrt(dot(u, u))

    def rotate(a: Any, b: Any, x: Any) -> Any:
        a, b = normalised(a), normalised(b)
        ax, bx = dot(a, x), dot(b, x)
        return x - (ax + bx) / (1 + dot(a, b)) * (a + b) + 2 * ax * b

    def reflect_to(a: Any, b: Any, x: Any) -> Any:
        w = normalised(a) - normalised(b)
        return x - 2 * dot(w, x) / dot(w, w) * w

    def reflect(v: Any, x: Any) -> Any:
        return x - 2 * dot(v, x) / dot(v, v) * v

    functions: dict[str, Function] = {
        "rotate_between": rotate, "reflect_between": reflect_to, "reflect": reflect
    }  # fmt: skip
    return functions[kind]


def _numpy_out(kind: str) -> Function:
    """Return NumPy's best: row products without temporaries, results into a given array."""

    def dot(u: Any, v: Any) -> Any:
        return np.einsum("...i,...i->...", u, v)[..., None]

    def rotate(a: Any, b: Any, x: Any, out: Any, scratch: Any) -> Any:
        a = a / np.sqrt(dot(a, a))
        b = b / np.sqrt(dot(b, b))
        ax, s = dot(a, x), dot(a, x) + dot(b, x)
        s /= 1 + dot(a, b)
        np.multiply(2 * ax - s, b, out=out)
        out -= np.multiply(s, a, out=scratch)
        out += x
        return out

    def reflect_to(a: Any, b: Any, x: Any, out: Any, scratch: Any) -> Any:
        a = a / np.sqrt(dot(a, a))
        return reflect(a - b / np.sqrt(dot(b, b)), x, out, scratch)

    def reflect(v: Any, x: Any, out: Any, scratch: Any) -> Any:
        np.multiply(2 * dot(v, x) / dot(v, v), v, out=out)
        return np.subtract(x, out, out=out)

    functions: dict[str, Function] = {
        "rotate_between": rotate, "reflect_between": reflect_to, "reflect": reflect
    }  # fmt: skip
    return functions[kind]


def _store(function: Function) -> Function:
    def into(*arguments: Any) -> Any:
        *inputs, out = arguments
        return out.copy_(function(*inputs))

    return into


def _setup(kind: str, rows: int, d: int, dtype: str, pair: bool, peers: Peers) -> list[Competitor]:
    head = (d,) if pair else (rows, d)
    count = 1 if kind == "reflect" else 2
    x = random_array((rows, d), dtype, seed=0)
    vectors = [random_array(head, dtype, seed=1 + i, unit=True) for i in range(count)]
    inputs = [*vectors, x]
    out, mine, scratch = (aligned_empty(x.shape, dtype) for _ in range(3))
    function = getattr(orthogonal, kind)
    found = [
        Competitor("isokern", "isokern", "new output", partial(function, *inputs)),
        Competitor("isokern", "isokern", "out=", partial(function, *inputs, out=mine)),
        Competitor(
            "isokern, errors='nan'",  # one pass: the output need not be protected
            "isokern",
            "out=",
            partial(function, *inputs, out=mine, errors="nan"),
        ),
    ]
    if peers.has("numpy"):
        plain = partial(_expressions(kind, np, unit=False), *inputs)
        best = partial(_numpy_out(kind), *inputs, out, scratch)
        found.append(Competitor("NumPy expression", "numpy", "new output", plain))
        found.append(Competitor("NumPy in steps", "numpy", "out=", best))
    if peers.torch is not None:
        found += _torch(kind, inputs, peers)
    if pair:
        found += _by_products(kind, inputs, peers)
    return found


def _torch(kind: str, inputs: list[Any], peers: Peers) -> list[Competitor]:
    torch = peers.torch
    tensors = [torch.from_numpy(array) for array in inputs]
    found = []
    expression = _expressions(kind, torch, unit=False)
    if peers.has("torch"):
        found.append(
            Competitor("torch eager", "torch", "new output", partial(expression, *tensors))
        )
    if peers.has("torch.compile"):
        unit = kind != "reflect"
        for assumed in (False, True) if unit else (False,):
            name = "torch.compile (unit inputs assumed)" if assumed else "torch.compile"
            expression = _expressions(kind, torch, unit=assumed)
            new = partial(peers.compiled(expression), *tensors)
            out = torch.empty_like(tensors[-1])
            given = partial(peers.compiled(_store(expression)), *tensors, out)
            library, counts = "torch.compile", not assumed
            found.append(Competitor(name, library, "new output", new, counts=counts))
            found.append(Competitor(name, library, "out=", given, counts=counts))
    return found


def _by_products(kind: str, inputs: list[Any], peers: Peers) -> list[Competitor]:
    """One map for many vectors is a matrix product: dense, or two thin ones.

    The dense matrix and the thin factors are made beforehand: generous to the peers.
    """
    a, b, x = (array.astype(np.float64) for array in inputs)
    matrix = np.asarray(_dense(kind, a, b), dtype=inputs[-1].dtype)
    left, right = (factor.astype(inputs[-1].dtype) for factor in _thin(kind, a, b))
    x = inputs[-1]
    found = []
    if peers.has("numpy"):
        out = aligned_empty(x.shape, x.dtype)
        dense = partial(np.matmul, x, matrix.T, out=out)
        found.append(Competitor("NumPy dense matrix (GEMM)", "numpy", "out=", dense))

        def thin() -> Any:
            np.matmul(x @ left, right, out=out)
            return np.add(out, x, out=out)

        found.append(Competitor("NumPy two thin GEMMs", "numpy", "out=", thin))
    if peers.has("torch"):
        torch = peers.torch
        tx, tl, tr, tm = (torch.from_numpy(array) for array in (x, left, right, matrix))
        given = torch.empty_like(tx)
        calls: list[tuple[str, Any, Any]] = [
            (
                "torch dense matrix (GEMM)",
                lambda: tx @ tm.T,
                lambda: torch.matmul(tx, tm.T, out=given),
            ),
            (
                "torch two thin GEMMs",
                lambda: torch.addmm(tx, tx @ tl, tr),
                lambda: torch.addmm(tx, tx @ tl, tr, out=given),
            ),
        ]
        for name, new, into in calls:
            found.append(Competitor(name, "torch", "new output", new))
            found.append(Competitor(name, "torch", "out=", into))
    return found


def _thin(kind: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Return L (d, k) and R (k, d) with T x = x + (x L) R, for unit a and b."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    if kind == "reflect_between":
        w = a - b
        return w[:, None], (-2 / (w @ w) * w)[None, :]
    u = (a + b) / (1 + a @ b)
    return np.stack((a, b), axis=1), np.stack((2 * b - u, -u))


def _dense(kind: str, a: Any, b: Any) -> Any:
    left, right = _thin(kind, a, b)
    return np.eye(len(a)) + (left @ right).T


def cases(quick: bool) -> list[Case]:
    """Return the cases of the area."""
    rows, d = (512, 256) if quick else (4096, 1024)
    found = []
    for kind, pair in (
        ("rotate_between", False),
        ("reflect_between", False),
        ("rotate_between", True),
        ("reflect_between", True),
        ("reflect", False),
    ):
        count = 1 if kind == "reflect" else 2
        for dtype in ("float32", "float64"):
            size = np.dtype(dtype).itemsize
            elements = 2 * rows * d + count * (d if pair else rows * d)
            found.append(
                Case(
                    name=f"{kind}, {'one pair' if pair else 'batched'}",
                    area="orthogonal",
                    dtype=dtype,
                    shape=f"{rows} x {d}",
                    moved_bytes=elements * size,
                    setup=partial(_setup, kind, rows, d, dtype, pair),
                )
            )
    return [*found, *_reflectors.cases(quick), *_factors.cases(quick)]
