# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Nearly equal distributions in every form, against 50 digits of what the arrays hold."""

import numpy as np
import pytest
from gaussians import FORMS, in_form, random_cov

from isokern import gaussian

mpmath = pytest.importorskip("mpmath")

D = 4
NAMES = ("kl", "jeffreys", "bhattacharyya", "hellinger", "renyi", "geometric_js", "wasserstein2")


def matrix(x):
    return mpmath.matrix(np.asarray(x).tolist())


def covariance(x, form):
    if form == "diag":
        return mpmath.diag(x.tolist())
    if form in ("tril", "factor"):
        return matrix(x) * matrix(x).T
    return matrix(x) if form == "cov" else matrix(x) ** -1


def exact(name, m1, s1, m2, s2):
    mp = mpmath.mp
    logs = [mp.log(mp.det(s)) for s in (s1, s2)]

    def kl(delta, a, b, log_a, log_b):
        inverse = b**-1
        trace = sum((inverse * a)[i, i] for i in range(D))
        return (trace - D + log_b - log_a + (delta.T * inverse * delta)[0]) / 2

    delta = matrix(m1) - matrix(m2)
    if name == "kl":
        return kl(delta, s1, s2, *logs)
    if name == "jeffreys":
        return kl(delta, s1, s2, *logs) + kl(delta, s2, s1, *logs[::-1])
    if name in ("bhattacharyya", "hellinger", "renyi"):
        alpha = mp.mpf(0.3) if name == "renyi" else mp.mpf("0.5")
        mixed = alpha * s2 + (1 - alpha) * s1
        rest = mp.log(mp.det(mixed)) - (1 - alpha) * logs[0] - alpha * logs[1]
        value = alpha / 2 * (delta.T * mixed**-1 * delta)[0] - rest / (2 * (alpha - 1))
        if name == "renyi":
            return value
        return value / 2 if name == "bhattacharyya" else mp.sqrt(-mp.expm1(-value / 2))
    if name == "geometric_js":
        p1, p2 = s1**-1, s2**-1
        mixed = ((p1 + p2) / 2) ** -1
        middle = mixed * (p1 * matrix(m1) + p2 * matrix(m2)) / 2
        log = mp.log(mp.det(mixed))
        parts = [kl(matrix(m) - middle, s, mixed, own, log)
                 for m, s, own in ((m1, s1, logs[0]), (m2, s2, logs[1]))]  # fmt: skip
        return sum(parts) / 2
    lower = mp.cholesky(s1)
    values = mp.eigsy(lower.T * s2 * lower, eigvals_only=True)
    square = (delta.T * delta)[0] + sum(s1[i, i] + s2[i, i] for i in range(D))
    return mp.sqrt(square - 2 * sum(mp.sqrt(value) for value in values))


@pytest.mark.parametrize("step", [1e-2, 1e-4, 1e-7, 1e-10])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_against_fifty_digits(name, form, step, rng):
    options = {"alpha": 0.3} if name == "renyi" else {}
    mean, cov = rng.normal(size=D), in_form(random_cov(rng, D), form, rng)
    change = rng.normal(size=cov.shape)
    if form in ("cov", "precision"):
        change = change + change.T
    other = cov * (1 + step) + step * np.abs(change) if form == "diag" else cov + step * change
    if form == "tril":
        other = np.tril(other)
    near = mean + step * rng.normal(size=D)
    got = getattr(gaussian, name)(mean, cov, near, other, form=form, **options)
    with mpmath.workdps(70):
        wanted = exact(name, mean, covariance(cov, form), near, covariance(other, form))
        error = float(abs(mpmath.mpf(float(got)) - wanted) / wanted)
    assert error < 1e-11
    assert getattr(gaussian, name)(mean, cov, mean, cov, form=form, **options) == 0
    # the same from a batch, and from all pairs, with others that are far
    means, covs = np.stack([near, mean + 3]), np.stack([other, cov])
    both = getattr(gaussian, name)(mean, cov, means, covs, form=form, **options)
    np.testing.assert_allclose(both[0], got, rtol=1e-12)
    pairs = gaussian.pairwise(name, mean[None], cov[None], means, covs, form=form, **options)
    np.testing.assert_allclose(pairs[0, 0], got, rtol=1e-11)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["cov", "tril", "factor", "precision"])
def test_large(name, form, rng):
    """Beyond the kernels: a block of a small pair and 130 coordinates that are equal."""
    options = {"alpha": 0.3} if name == "renyi" else {}
    step = 1e-8
    small = random_cov(rng, 4)
    other = small + step * np.eye(4)
    covs = [in_form(s, form, rng) for s in (small, other)] if form != "factor" else [
        np.linalg.cholesky(s) for s in (small, other)
    ]  # fmt: skip
    large = [np.eye(134) for _ in covs]
    for whole, part in zip(large, covs, strict=True):
        whole[:4, :4] = part
    zero = np.zeros(134)
    got = getattr(gaussian, name)(zero, large[0], zero, large[1], form=form, **options)
    wanted = getattr(gaussian, name)(zero[:4], covs[0], zero[:4], covs[1], form=form, **options)
    np.testing.assert_allclose(got, wanted, rtol=1e-10)
