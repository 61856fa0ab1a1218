# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""How others compute divergences between normals: the best that we know for each library."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

import numpy as np

from ..peers import Peers

__all__ = ["one", "pairs", "pairwise"]

Calls = list[tuple[str, str, Any]]


def _torch_normals(torch: Any, m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    normal = partial(torch.distributions.MultivariateNormal, validate_args=False)
    return torch.distributions.kl_divergence(normal(m1, s1), normal(m2, s2))


def _kl_numpy(m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    l1, l2 = np.linalg.cholesky(s1), np.linalg.cholesky(s2)
    c = np.linalg.solve(l2, np.concatenate([l1, (m1 - m2)[..., None]], axis=-1))
    logs = [np.log(np.diagonal(x, axis1=-2, axis2=-1)).sum(-1) for x in (l1, l2)]
    return (np.sum(c * c, axis=(-2, -1)) - s1.shape[-1]) / 2 + logs[1] - logs[0]


def _kl_scipy(m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    linalg = importlib.import_module("scipy.linalg")
    out = np.empty(len(m1))
    for i in range(len(m1)):
        l1 = linalg.cholesky(s1[i], lower=True, check_finite=False)
        l2 = linalg.cholesky(s2[i], lower=True, check_finite=False)
        b = np.column_stack([l1, m1[i] - m2[i]])
        c = linalg.solve_triangular(l2, b, lower=True, check_finite=False)
        logs = np.log(np.diagonal(l2) / np.diagonal(l1)).sum()
        out[i] = (np.vdot(c, c) - len(l1)) / 2 + logs
    return out


def _bhattacharyya_numpy(m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    logs = []
    mean = (s1 + s2) / 2
    for s in (mean, s1, s2):
        lower = np.linalg.cholesky(s)
        logs.append(np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum(-1))
    delta = m1 - m2
    y = np.linalg.solve(mean, delta[..., None])[..., 0]
    return np.sum(delta * y, axis=-1) / 8 + logs[0] - (logs[1] + logs[2]) / 2


def _w2_numpy(m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    lower = np.linalg.cholesky(s1)
    values = np.linalg.eigvalsh(np.swapaxes(lower, -1, -2) @ s2 @ lower)
    traces = np.trace(s1, axis1=-2, axis2=-1) + np.trace(s2, axis1=-2, axis2=-1)
    return np.sqrt(np.sum((m1 - m2) ** 2, axis=-1) + traces - 2 * np.sqrt(values).sum(axis=-1))


def _kl_product(torch: Any, m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    """One product of packed covariances and precisions."""
    d = m1.shape[1]
    l1, l2 = torch.linalg.cholesky(s1), torch.linalg.cholesky(s2)
    p2 = torch.cholesky_inverse(l2)
    row, column = torch.tril_indices(d, d)
    second = (s1 + m1[:, :, None] * m1[:, None, :])[:, row, column]
    packed = p2[:, row, column] * torch.where(row == column, 1.0, 2.0).to(s1.dtype)
    turned = (p2 @ m2[..., None])[..., 0]
    logs = [x.diagonal(dim1=-2, dim2=-1).log().sum(-1) for x in (l1, l2)]
    value = (second @ packed.T) / 2 - m1 @ turned.T
    return value + ((turned * m2).sum(-1) - d) / 2 + logs[1] - logs[0][:, None]


def _bhattacharyya_rows(torch: Any, m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    def logs(s: Any) -> Any:
        lower = torch.linalg.cholesky(s)
        return lower, lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    own, others = logs(s1)[1], logs(s2)[1]
    rows = []
    for i in range(0, len(m1), 8):
        lower, middle = logs((s1[i : i + 8, None] + s2) / 2)
        delta = (m1[i : i + 8, None] - m2)[..., None]
        z = torch.linalg.solve_triangular(lower, delta, upper=False)
        rows.append((z * z).sum((-2, -1)) / 8 + middle - (own[i : i + 8, None] + others) / 2)
    return torch.cat(rows)


def _w2_rows(m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    return np.stack([_w2_numpy(m1[i], s1[i], m2, s2) for i in range(len(m1))])


def pairwise(metric: str, given: tuple[Any, ...], peers: Peers) -> Calls:
    """All pairs of two sets."""
    calls: Calls = []
    if peers.has("torch"):
        torch = peers.torch
        tensors = [torch.from_numpy(x) for x in given]
        if metric == "kl":
            product = partial(_kl_product, torch, *tensors)
            calls.append(("torch, one product of packed forms", "torch", product))
        if metric == "bhattacharyya":
            rows = partial(_bhattacharyya_rows, torch, *tensors)
            calls.append(("torch, 8 rows at a time", "torch", rows))
    if metric == "wasserstein2":
        rows = partial(_w2_rows, *given)
        calls.append(("NumPy cholesky, eigvalsh, by rows", "numpy", rows))
    return calls


def pairs(metric: str, given: tuple[Any, ...], peers: Peers) -> Calls:
    """Many pairs."""
    numpy = {"kl": _kl_numpy, "bhattacharyya": _bhattacharyya_numpy, "wasserstein2": _w2_numpy}
    calls: Calls = [("NumPy batched", "numpy", partial(numpy[metric], *given))]
    if metric == "kl":
        calls.append(("SciPy, pair by pair", "scipy", partial(_kl_scipy, *given)))
        if peers.has("torch"):
            tensors = [peers.torch.from_numpy(x) for x in given]
            normals = partial(_torch_normals, peers.torch, *tensors)
            calls.append(("torch.distributions", "torch", normals))
    return calls


def _frechet_scipy(m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    linalg = importlib.import_module("scipy.linalg")
    lower = linalg.cholesky(s1, lower=True, check_finite=False)
    values = linalg.eigvalsh(lower.T @ s2 @ lower, check_finite=False)
    cross = np.sqrt(np.maximum(values, 0)).sum()
    return float(np.sum((m1 - m2) ** 2) + np.trace(s1) + np.trace(s2) - 2 * cross)


def one(metric: str, given: tuple[Any, ...], peers: Peers) -> Calls:
    """One large pair."""
    if metric == "frechet":
        return [("SciPy cholesky, eigvalsh", "scipy", partial(_frechet_scipy, *given))]
    calls: Calls = []
    if peers.has("torch"):
        tensors = [peers.torch.from_numpy(x) for x in given]
        normals = partial(_torch_normals, peers.torch, *tensors)
        calls.append(("torch.distributions", "torch", normals))
    if peers.has("scipy"):
        sets = [x[None] for x in given]
        calls.append(("SciPy", "scipy", lambda: _kl_scipy(*sets)[0]))
    return calls
