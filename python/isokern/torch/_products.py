# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Products of reflectors and QR factors as expressions in torch operations, for derivatives.

Q = H_1 ... H_k = I - V T V^T with T = (I + D U)^-1 D, D = diag(tau), U the part of V^T V above the
diagonal (Joffrin et al., "The UT transform"). No tau is divided by, so that 0 is as good as any
other; and T is part of what is differentiated, without which second derivatives are wrong.
"""

from __future__ import annotations

import torch
from torch import Tensor

from isokern.torch._reflectors import scaled


def _dense(v: Tensor, storage: str) -> Tensor:
    """The reflectors in full: lapack storage implies ones on the diagonal and zeros above it."""
    return v if storage == "dense" else v.tril(-1) + torch.eye(*v.shape[-2:], dtype=v.dtype)


def _with_tau(v: Tensor, tau: Tensor | None) -> tuple[Tensor, Tensor]:
    """Reflectors and factors; by default these make each reflection orthogonal."""
    return v, 2 / (v * v).sum(-2) if tau is None else tau


def _system(v: Tensor, tau: Tensor) -> Tensor:
    """I + D U, upper triangular with a unit diagonal, which `solve_triangular` implies."""
    return tau[..., None] * (v.mT @ v).triu(1)


def _solve(system: Tensor, right: Tensor, *, upper: bool) -> Tensor:
    return torch.linalg.solve_triangular(system, right, upper=upper, unitriangular=True)


def apply(
    v: Tensor, x: Tensor, tau: Tensor | None, side: str, transpose: bool, storage: str
) -> Tensor:
    """Q x, or Q^T x; from the right x Q, or x Q^T."""
    if side == "right":
        return apply(v, x.mT, tau, "left", not transpose, storage).mT
    v = _dense(v, storage)
    if tau is None:
        v = scaled(v.mT).mT
    v, tau = _with_tau(v, tau)
    system, overlaps = _system(v, tau), v.mT @ x
    if transpose:
        return x - v @ (tau[..., None] * _solve(system.mT, overlaps, upper=False))
    return x - v @ _solve(system, tau[..., None] * overlaps, upper=True)


def compact_wy(v: Tensor, tau: Tensor | None, storage: str) -> Tensor:
    """The matrix T."""
    v, tau = _with_tau(_dense(v, storage), tau)
    return _solve(_system(v, tau), torch.diag_embed(tau), upper=True)


def form_q(v: Tensor, tau: Tensor | None, thin: bool, storage: str) -> Tensor:
    """The first columns of Q, or all."""
    m, k = v.shape[-2:]
    columns = torch.eye(m, min(m, k) if thin else m, dtype=v.dtype)
    return apply(v, columns, tau, "left", False, storage)


def qr(x: Tensor, signs: Tensor, mode: str) -> tuple[Tensor, ...]:
    """QR factors with the given signs on the diagonal of R.

    The kernels' signs are those of numbers that may be rounding errors, hence not to be found again
    by another computation.
    """
    q, r = torch.linalg.qr(x, mode="complete" if mode == "complete" else "reduced")
    flips = signs * torch.where(r.detach().diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0)
    p = flips.shape[-1]
    q = torch.cat([q[..., :p] * flips[..., None, :], q[..., p:]], -1)
    r = torch.cat([r[..., :p, :] * flips[..., None], r[..., p:, :]], -2)
    return (r,) if mode == "r" else (q, r)
