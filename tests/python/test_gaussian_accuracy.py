# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Errors against 50 digits, as the table of docs/gaussian.md has them; -s prints it."""

import numpy as np
import pytest

from isokern import gaussian

mpmath = pytest.importorskip("mpmath")

D, PAIRS = 6, 3
STEPS = (None, 1e-3, 1e-6, 1e-10)
BUDGET = 1e-11  # for independent distributions it is eps times the condition that counts


def with_condition(rng, condition):
    q = np.linalg.qr(rng.normal(size=(D, D)))[0]
    s = (q * np.logspace(0, -np.log10(condition), D)) @ q.T
    return (s + s.T) / 2


def pairs(rng, condition, step):
    for _ in range(PAIRS):
        m1, s1 = rng.normal(size=D), with_condition(rng, condition)
        if step is None:
            yield m1, s1, rng.normal(size=D), with_condition(rng, condition)
        else:
            root = np.linalg.cholesky(s1)
            x = rng.normal(size=(D, D))
            s2 = s1 + step * root @ (x + x.T) @ root.T / 4
            yield m1, s1, m1 + step * root @ rng.normal(size=D), (s2 + s2.T) / 2


def exact(m1, s1, m2, s2):
    """KL, Bhattacharyya's distance and W2, in as many digits as mpmath is set to."""
    mp = mpmath.mp
    a, b = (mp.matrix(s.tolist()) for s in (s1, s2))
    delta = mp.matrix(m1.tolist()) - mp.matrix(m2.tolist())
    logs = [mp.log(mp.det(s)) for s in (a, b, (a + b) / 2)]
    p2, middle = b**-1, ((a + b) / 2) ** -1
    trace = sum((p2 * a)[i, i] for i in range(D))
    kl = (trace - D + logs[1] - logs[0] + (delta.T * p2 * delta)[0]) / 2
    bhattacharyya = (delta.T * middle * delta)[0] / 8 + (logs[2] - (logs[0] + logs[1]) / 2) / 2
    lower = mp.cholesky(a)
    values = mp.eigsy(lower.T * b * lower, eigvals_only=True)
    square = (delta.T * delta)[0] + sum(a[i, i] + b[i, i] for i in range(D))
    square -= 2 * sum(mp.sqrt(value) for value in values)
    return kl, bhattacharyya, mp.sqrt(square)


def relative(got, wanted):
    return float(abs(mpmath.mpf(float(got)) - wanted) / wanted)


def torch_kl(torch, m1, s1, m2, s2):
    normal = torch.distributions.MultivariateNormal
    p, q = (normal(torch.tensor(m), torch.tensor(s)) for m, s in ((m1, s1), (m2, s2)))
    return torch.distributions.kl_divergence(p, q).item()


@pytest.mark.parametrize("condition", [1e1, 1e4, 1e8])
def test_errors_against_fifty_digits(condition, rng):
    try:
        import torch
    except ImportError:
        torch = None
    for step in STEPS:
        worst = np.zeros(4)
        with mpmath.workdps(60):
            for given in pairs(rng, condition, step):
                wanted = exact(*given)
                got = [
                    getattr(gaussian, name)(*given)
                    for name in ("kl", "bhattacharyya", "wasserstein2")
                ]
                errors = [relative(g, w) for g, w in zip(got, wanted, strict=True)]
                other = relative(torch_kl(torch, *given), wanted[0]) if torch else np.nan
                worst = np.maximum(worst, [*errors, other])
        name = "far" if step is None else f"{step:.0e}"
        print(f"| {condition:.0e} | {name} | " + " | ".join(f"{e:.0e}" for e in worst) + " |")
        conditioned = 2e-16 * condition * 100
        assert worst[0] <= max(BUDGET, conditioned)
        assert worst[1] <= max(BUDGET, conditioned)
        assert worst[2] <= BUDGET
