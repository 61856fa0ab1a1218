# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The measures between normals as expressions in torch operations, on covariances."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LOG_2PI = math.log(2 * math.pi)


def covariance(value: Tensor, form: str) -> Tensor:
    """S from one of its forms, a symmetric function of a symmetric argument."""
    if form == "cov":
        return (value + value.mT) / 2
    if form == "tril":
        return value.tril() @ value.tril().mT
    if form == "factor":
        return value @ value.mT
    if form == "diag":
        return torch.diag_embed(value)
    return torch.linalg.inv((value + value.mT) / 2)


def lowrank(f: Tensor, d: Tensor) -> Tensor:
    """F F^T + diag(D)."""
    return f @ f.mT + torch.diag_embed(d)


def _logs(lower: Tensor) -> Tensor:
    return lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _square(lower: Tensor, delta: Tensor) -> Tensor:
    z = torch.linalg.solve_triangular(lower, delta[..., None], upper=False)
    return (z * z).sum((-2, -1))


def kl(mean1: Tensor, s1: Tensor, mean2: Tensor, s2: Tensor) -> Tensor:
    """(tr S2^-1 S1 - d + ln det S2 - ln det S1 + delta^T S2^-1 delta) / 2."""
    l1, l2 = torch.linalg.cholesky(s1), torch.linalg.cholesky(s2)
    c = torch.linalg.solve_triangular(l2, l1, upper=False)
    traces = (c * c).sum((-2, -1)) - s1.shape[-1]
    return (traces + _square(l2, mean1 - mean2)) / 2 + _logs(l2) - _logs(l1)


def jeffreys(mean1: Tensor, s1: Tensor, mean2: Tensor, s2: Tensor) -> Tensor:
    """KL(1 | 2) + KL(2 | 1)."""
    return kl(mean1, s1, mean2, s2) + kl(mean2, s2, mean1, s1)


def renyi(mean1: Tensor, s1: Tensor, mean2: Tensor, s2: Tensor, alpha: float) -> Tensor:
    """Renyi's divergence."""
    l1, l2 = torch.linalg.cholesky(s1), torch.linalg.cholesky(s2)
    lower = torch.linalg.cholesky(alpha * s2 + (1 - alpha) * s1)
    logs = _logs(lower) - (1 - alpha) * _logs(l1) - alpha * _logs(l2)
    return alpha / 2 * _square(lower, mean1 - mean2) - logs / (alpha - 1)


def bhattacharyya(mean1: Tensor, s1: Tensor, mean2: Tensor, s2: Tensor) -> Tensor:
    """Half of Renyi's divergence of order 1/2."""
    return renyi(mean1, s1, mean2, s2, 0.5) / 2


def hellinger(
    mean1: Tensor, s1: Tensor, mean2: Tensor, s2: Tensor, squared: bool = False
) -> Tensor:
    """sqrt(1 - exp(-B))."""
    square = -torch.expm1(-bhattacharyya(mean1, s1, mean2, s2))
    return square if squared else square.sqrt()


def geometric_js(
    mean1: Tensor, s1: Tensor, mean2: Tensor, s2: Tensor, weight: float = 0.5, dual: bool = False
) -> Tensor:
    """Both divergences from, or to, the geometric mean."""
    p1, p2 = torch.linalg.inv(s1), torch.linalg.inv(s2)
    mixed = torch.linalg.inv((1 - weight) * p1 + weight * p2)
    mixed = (mixed + mixed.mT) / 2
    pull = (1 - weight) * p1 @ mean1[..., None] + weight * p2 @ mean2[..., None]
    middle = (mixed @ pull)[..., 0]
    if dual:
        parts = kl(middle, mixed, mean1, s1), kl(middle, mixed, mean2, s2)
    else:
        parts = kl(mean1, s1, middle, mixed), kl(mean2, s2, middle, mixed)
    return (1 - weight) * parts[0] + weight * parts[1]


def wasserstein2(
    mean1: Tensor, s1: Tensor, mean2: Tensor, s2: Tensor, squared: bool = False
) -> Tensor:
    """By the singular values of L1^T L2."""
    l1, l2 = torch.linalg.cholesky(s1), torch.linalg.cholesky(s2)
    cross = torch.linalg.svdvals(l1.mT @ l2).sum(-1)
    traces = (l1 * l1).sum((-2, -1)) + (l2 * l2).sum((-2, -1))
    square = ((mean1 - mean2) ** 2).sum(-1) + traces - 2 * cross
    return square if squared else square.sqrt()


def mahalanobis(
    mean1: Tensor, s1: Tensor, mean2: Tensor, s2: Tensor, squared: bool = False
) -> Tensor:
    """In the mean of both covariances."""
    square = _square(torch.linalg.cholesky((s1 + s2) / 2), mean1 - mean2)
    return square if squared else square.sqrt()


def entropy(s: Tensor) -> Tensor:
    """(d (1 + ln 2 pi) + ln det S) / 2."""
    return s.shape[-1] * (1 + _LOG_2PI) / 2 + _logs(torch.linalg.cholesky(s))


def cross_entropy(mean1: Tensor, s1: Tensor, mean2: Tensor, s2: Tensor) -> Tensor:
    """Entropy of the first plus KL(1 | 2)."""
    return entropy(s1) + kl(mean1, s1, mean2, s2)


def log_prob(x: Tensor, mean: Tensor, s: Tensor) -> Tensor:
    """-(d ln 2 pi + |L^-1 (x - m)|^2) / 2 - ln det L."""
    lower = torch.linalg.cholesky(s)
    return -(s.shape[-1] * _LOG_2PI + _square(lower, x - mean)) / 2 - _logs(lower)
