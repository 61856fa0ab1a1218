# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The forms in which products of reflectors are written with NumPy, SciPy and torch.

All start from the reflectors v alone, as isokern does: the triangular factor of compact WY, or the
factors tau of LAPACK's functions, are made within the call.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..peers import Peers
from . import Competitor, aligned_empty

__all__ = ["Data", "applied", "formed", "gradients"]

Function = Callable[..., Any]


@dataclass(frozen=True)
class Data:
    """Reflectors (..., m, k), zero above their diagonal of ones, so that LAPACK can take them.

    ``x`` (..., m, n) is what they are applied to, where they are, and ``cotangent`` what is
    pulled back, where something is.
    """

    v: Any
    x: Any = None
    cotangent: Any = None

    @property
    def single(self) -> bool:
        """Say whether this is one product and no batch."""
        return bool(self.v.ndim == 2)


class _Torch:
    """Compact WY and its rivals in torch operations."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch

    def tau(self, v: Any) -> Any:
        return 2 / (v * v).sum(-2)

    def inverse(self, v: Any) -> Any:
        """Return the inverse of T."""
        gram = v.mT @ v
        return gram.triu(1) + self.torch.diag_embed(gram.diagonal(dim1=-2, dim2=-1) / 2)

    def factor(self, v: Any) -> Any:
        """Return V T, by the one triangular solve that is cheapest."""
        inverse = self.inverse(v)
        return self.torch.linalg.solve_triangular(inverse, v, upper=True, left=False)

    def _less(self, x: Any, left: Any, right: Any, out: Any) -> Any:
        function = self.torch.addmm if left.ndim == 2 else self.torch.baddbmm
        return function(x, left, right, alpha=-1, out=out)

    def apply(self, v: Any, x: Any, out: Any = None) -> Any:
        return self._less(x, self.factor(v), v.mT @ x, out)

    def form(self, v: Any, out: Any = None) -> Any:
        identity = self.torch.eye(v.shape[-2], dtype=v.dtype)
        return self._less(identity, self.factor(v), v.mT, out)

    def apply_late(self, v: Any, x: Any) -> Any:
        """Solve for T V^T x, with as many right-hand sides as x has columns."""
        inverse = self.inverse(v)
        return x - v @ self.torch.linalg.solve_triangular(inverse, v.mT @ x, upper=True)

    def loop(self, v: Any, x: Any, out: Any) -> Any:
        out.copy_(x)
        for index in range(v.shape[1] - 1, -1, -1):
            u = v[:, index]
            out.addr_(u, (u @ out) * (2 / (u @ u)), alpha=-1)
        return out


def _numpy_factor(v: Any) -> Any:
    """Return V T."""
    gram = np.swapaxes(v, -1, -2) @ v
    inverse, index = np.triu(gram), np.arange(v.shape[-1])
    inverse[..., index, index] /= 2
    return v @ np.linalg.inv(inverse)


def _numpy(data: Data) -> list[Competitor]:
    v, x, turned = data.v, data.x, np.swapaxes(data.v, -1, -2)
    given = aligned_empty(x.shape, x.dtype)

    def into() -> Any:
        np.matmul(_numpy_factor(v), turned @ x, out=given)
        return np.subtract(x, given, out=given)

    name = "NumPy WY, two GEMMs" if data.single else "NumPy WY, batched matmul"
    return [
        Competitor(name, "numpy", "new output", lambda: x - _numpy_factor(v) @ (turned @ x)),
        Competitor(name, "numpy", "out=", into),
    ]


def _numpy_formed(data: Data) -> list[Competitor]:
    v, turned = data.v, np.swapaxes(data.v, -1, -2)
    identity = np.eye(v.shape[-2], dtype=v.dtype)
    given = aligned_empty((*v.shape[:-1], v.shape[-2]), v.dtype)

    def into() -> Any:
        np.matmul(_numpy_factor(v), turned, out=given)
        return np.subtract(identity, given, out=given)

    name = "NumPy WY, batched matmul"
    return [
        Competitor(name, "numpy", "new output", lambda: identity - _numpy_factor(v) @ turned),
        Competitor(name, "numpy", "out=", into),
    ]


def _scipy(data: Data) -> Competitor:
    """LAPACK from the right on the transposes, which it sees without copies."""
    v, x = data.v, data.x
    lapack = importlib.import_module("scipy.linalg.lapack")
    (ormqr,) = lapack.get_lapack_funcs(("ormqr",), (v, x))
    _, work, _ = ormqr("R", "T", v, np.ones_like(v[0]), x.T, -1)
    size = int(work[0])

    def call() -> Any:
        tau = 2 / np.einsum("ij,ij->j", v, v)
        return ormqr("R", "T", v, tau, x.T, size)[0].T

    return Competitor("SciPy LAPACK ormqr", "scipy", "new output", call)


def applied(data: Data, peers: Peers) -> list[Competitor]:
    """Return the ways to compute Q x."""
    found = _numpy(data) if peers.has("numpy") else []
    if peers.has("scipy") and data.single:
        found.append(_scipy(data))
    if peers.torch is None:
        return found
    torch, forms = peers.torch, _Torch(peers.torch)
    v, x = torch.from_numpy(data.v), torch.from_numpy(data.x)
    given, other = torch.empty_like(x), torch.empty_like(x)

    def add(name: str, library: str, mode: Any, call: Function) -> None:
        found.append(Competitor(name, library, mode, call))

    name = "torch WY, two GEMMs" if data.single else "torch WY, bmm"
    if peers.has("torch"):
        add(name, "torch", "new output", partial(forms.apply, v, x))
        add(name, "torch", "out=", partial(forms.apply, v, x, given))
        add("torch.ormqr", "torch", "new output", lambda: torch.ormqr(v, forms.tau(v), x))
        if data.single:
            add("torch, a loop", "torch", "out=", partial(forms.loop, v, x, other))
    if peers.has("torch.compile") and not data.single:
        compiled = peers.compiled(forms.apply)
        add(f"torch.compile {name[6:]}", "torch.compile", "new output", partial(compiled, v, x))
    return found


def formed(data: Data, peers: Peers) -> list[Competitor]:
    """Return the ways to form Q with all its columns."""
    found = _numpy_formed(data) if peers.has("numpy") else []
    if peers.torch is None:
        return found
    torch, forms = peers.torch, _Torch(peers.torch)
    v, (*batch, m, k) = torch.from_numpy(data.v), data.v.shape
    given = torch.empty(*batch, m, m, dtype=v.dtype)
    # As many columns come out as go in: zeros stand for those beyond k, given beforehand.
    padded = torch.cat((v, torch.zeros(*batch, m, m - k, dtype=v.dtype)), -1)

    def by_lapack() -> Any:
        return torch.linalg.householder_product(padded, forms.tau(v))

    if peers.has("torch"):
        found += [
            Competitor("torch WY, bmm", "torch", "new output", partial(forms.form, v)),
            Competitor("torch WY, bmm", "torch", "out=", partial(forms.form, v, given)),
            Competitor("torch householder_product", "torch", "new output", by_lapack),
        ]
    if peers.has("torch.compile"):
        call = partial(peers.compiled(forms.form), v)
        found.append(Competitor("torch.compile WY, bmm", "torch.compile", "new output", call))
    return found


def gradients(data: Data, peers: Peers, result: Function) -> list[Competitor]:
    """Return the ways to pull a cotangent back: torch's, whose forward pass is not timed.

    ``result`` makes one array of the gradients in v and x.
    """
    found: list[Competitor] = []
    if not peers.has("torch"):
        return found
    torch, forms = peers.torch, _Torch(peers.torch)
    g = torch.from_numpy(data.cotangent)
    v, x = (torch.from_numpy(array).requires_grad_() for array in (data.v, data.x))
    names: dict[str, Function] = {
        "torch autograd, WY": forms.apply,
        "torch autograd, WY solved late": forms.apply_late,
    }
    for name, form in names.items():
        with torch.enable_grad():
            y = form(v, x)
        call = partial(torch.autograd.grad, y, (v, x), g, retain_graph=True)
        found.append(Competitor(name, "torch", "new output", call, result))
    forward = partial(forms.apply, v.detach(), x.detach())
    name = "torch, the map alone"
    found.append(Competitor(name, "torch", "new output", forward, counts=False, answers=False))
    return found
