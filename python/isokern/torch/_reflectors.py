# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The maps of :mod:`isokern.orthogonal` as expressions in torch operations, for derivatives.

They are asked in float64 and for derivatives alone, which must be exact where the kernels are: no
branch that is not taken may put NaN into a gradient, and where a vector is pure cancellation its
direction is restored as the kernels do it (`isokern.reference.orthogonal` says why).
"""

from __future__ import annotations

import torch
from torch import Tensor

_CONVENTIONAL = 4 * torch.finfo(torch.float64).eps


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return (left * right).sum(-1, keepdim=True)


def scaled(v: Tensor) -> Tensor:
    """`v` divided by a constant, so that its square is within range."""
    return v / v.detach().abs().amax(-1, keepdim=True)


def _unit(v: Tensor) -> Tensor:
    v = scaled(v)
    return v / torch.linalg.vector_norm(v, dim=-1, keepdim=True)


def _mirror(v: Tensor, x: Tensor) -> Tensor:
    return x - v * (2 * _dot(v, x) / _dot(v, v))


def between(sign: int, a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """The rotation (sign 1) that carries a to b, or the reflection (sign -1) that swaps them.

    Where the map is a matter of convention it has no derivative, and this is NaN.
    """
    a, b = _unit(a), _unit(b)
    u, w = a + sign * b, a - sign * b
    short = sign * _dot(a, b).detach() < 0
    square = torch.where(short, _dot(w, w), 1.0)
    for _ in range(2):  # u and w are orthogonal: this changes rounding errors alone
        u = u - w * (torch.where(short, _dot(w, u), 0.0) / square)
    length = torch.linalg.vector_norm(u.detach(), dim=-1, keepdim=True)
    u = u * torch.where(length > _CONVENTIONAL, 1.0, torch.nan)
    y = _mirror(u, x)
    return _mirror(b, y) if sign > 0 else y


def between_matrix(sign: int, a: Tensor, b: Tensor) -> Tensor:
    """The matrix of `between`: row i of it is what its transpose makes of e_i."""
    rows = torch.eye(a.shape[-1], dtype=a.dtype)
    return between(sign, b[..., None, :], a[..., None, :], rows)


def reflect(v: Tensor, x: Tensor, tau: Tensor | float | None = None) -> Tensor:
    """One reflector applied to each vector."""
    if tau is None:
        return _mirror(scaled(v), x)
    return x - torch.as_tensor(tau, dtype=v.dtype)[..., None] * v * _dot(v, x)
