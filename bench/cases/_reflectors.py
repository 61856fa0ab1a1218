# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Products of many reflectors: applied, formed, and differentiated.

The reflectors are those of a QR factorisation, zero above a diagonal of ones, so that the functions
of LAPACK can take part; isokern is told nothing of it (``storage="dense"``).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from isokern import orthogonal

from ..peers import Peers
from . import Case, Competitor, aligned_empty, random_array
from . import _reflector_peers as forms

__all__ = ["cases"]

Shape = tuple[int, ...]


def _reflectors(shape: Shape, dtype: str) -> Any:
    v, _, _ = orthogonal.qr(random_array(shape, dtype, seed=1), mode="factored")
    array = aligned_empty(shape, dtype)
    array[...] = v
    return array


def _apply(v_shape: Shape, x_shape: Shape, dtype: str, peers: Peers) -> list[Competitor]:
    v, x = _reflectors(v_shape, dtype), random_array(x_shape, dtype, seed=0)
    out = aligned_empty(x.shape, dtype)
    function = partial(orthogonal.apply_reflectors, v, x)
    return [
        Competitor("isokern", "isokern", "new output", function),
        Competitor("isokern", "isokern", "out=", partial(function, out=out)),
        *forms.applied(forms.Data(v, x), peers),
    ]


def _form(v_shape: Shape, _: Shape, dtype: str, peers: Peers) -> list[Competitor]:
    v = _reflectors(v_shape, dtype)
    out = aligned_empty((*v_shape[:-1], v_shape[-2]), dtype)
    function = partial(orthogonal.form_q, v, thin=False)
    return [
        Competitor("isokern", "isokern", "new output", function),
        Competitor("isokern", "isokern", "out=", partial(function, out=out)),
        *forms.formed(forms.Data(v), peers),
    ]


def _gradient(v_shape: Shape, x_shape: Shape, dtype: str, peers: Peers) -> list[Competitor]:
    v, x = _reflectors(v_shape, dtype), random_array(x_shape, dtype, seed=0)
    g = random_array(x_shape, dtype, seed=2)
    function = partial(orthogonal.apply_reflectors_vjp, g, v, x)
    scales = [np.max(np.abs(gradient)) for gradient in function()]

    def result(gradients: Any) -> Any:
        """Return both gradients in one array, each on its own scale."""
        parts = zip(gradients, scales, strict=True)
        return np.concatenate([np.ravel(np.asarray(part)) / scale for part, scale in parts])

    forward = partial(orthogonal.apply_reflectors, v, x)
    alone = "isokern, the map alone"
    return [
        Competitor("isokern", "isokern", "new output", function, result),
        *forms.gradients(forms.Data(v, x, g), peers, result),
        Competitor(alone, "isokern", "new output", forward, counts=False, answers=False),
    ]


def cases(quick: bool) -> list[Case]:
    """Return the cases; a multiplication by Q takes 4 m k operations a column, its gradient 10."""
    (m, k, n), (count, d, few) = ((256, 16, 512), (32, 32, 8)) if quick else (
        (1024, 64, 4096), (256, 64, 16)
    )  # fmt: skip
    found = []

    def add(name: str, setup: Any, dtype: str, v: Shape, x: Shape, moved: Any, work: float) -> None:
        found.append(
            Case(
                name=name,
                area="orthogonal",
                dtype=dtype,
                shape=" x ".join(map(str, x)),
                moved_bytes=np.dtype(dtype).itemsize * int(moved),
                setup=partial(setup, v, x, dtype),
                operations=work,
            )
        )

    for dtype in ("float32", "float64"):
        add(
            f"apply_reflectors, {k} of {m}", _apply, dtype, (m, k), (m, n),
            2 * m * n + m * k, 4 * m * k * n,
        )  # fmt: skip
    for dtype in ("float32", "float64"):
        add(
            f"apply_reflectors, {count} x {few} of {d}", _apply, dtype, (count, d, few),
            (count, d, d), count * (2 * d * d + d * few), 4 * count * d * few * d,
        )  # fmt: skip
    for dtype in ("float32", "float64"):
        add(
            f"form_q, {count} x {few} of {d}", _form, dtype, (count, d, few),
            (count, d, d), count * (d * d + d * few), 2 * count * d * few * (d + few),
        )  # fmt: skip
    add(
        f"apply_reflectors_vjp, {k} of {m}", _gradient, "float32", (m, k), (m, n),
        3 * m * n + 2 * m * k, 10 * m * k * n,
    )  # fmt: skip
    return found
