# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients against differences of the definitions, at equal arguments too."""

import numpy as np
import pytest
from gaussians import FORMS, MEASURES, in_form, random_cov, random_pair

from isokern import gaussian, reference

CASES = [(name, options) for name, all_options in MEASURES.items() for options in all_options]
IDS = [f"{name}-{options}" for name, options in CASES]


def symmetric(form):
    return form in ("cov", "precision")


def directional(name, given, direction, form, options, step=1e-5):
    """Fourth-order difference of the definition."""
    total = 0.0
    for k, weight in ((1, 8 / 12), (2, -1 / 12)):
        for sign in (1, -1):
            moved = [x + sign * k * step * u for x, u in zip(given, direction, strict=True)]
            value = getattr(reference.gaussian, name)(*moved, form=form, **options)
            total = total + sign * weight * value / step
    return total


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_the_definition(form, name, options, rng):
    given = random_pair(rng, 3, form=form)
    direction = [rng.normal(size=x.shape) for x in given]
    if symmetric(form):
        direction = [u + u.T if u.ndim == 2 else u for u in direction]
    if form == "tril":
        direction = [np.tril(u) if u.ndim == 2 else u for u in direction]
    gradients = getattr(gaussian, f"{name}_vjp")(1.0, *given, form=form, **options)
    got = sum(np.sum(g * u) for g, u in zip(gradients, direction, strict=True))
    wanted = directional(name, given, direction, form, options)
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-8)
    for g, x in zip(gradients, given, strict=True):
        assert g.shape == x.shape
        if symmetric(form) and g.ndim == 2:
            np.testing.assert_allclose(g, g.T, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("form", FORMS)
def test_gradients_at_equal_arguments(form, name, options, rng):
    mean, cov = rng.normal(size=4), np.eye(4) if form == "cov" else random_cov(rng, 4)
    cov = in_form(cov, form, rng)
    gradients = getattr(gaussian, f"{name}_vjp")(1.0, mean, cov, mean, cov, form=form, **options)
    assert all(np.all(np.isfinite(g)) for g in gradients)
    if name != "cross_entropy":
        for g in gradients:
            np.testing.assert_allclose(g, 0, atol=1e-14)


def test_broadcasting(rng):
    given = random_pair(rng, 3, ((2, 1), (4,), (), (2, 4)))
    g = rng.normal(size=(2, 4))
    for name, options in CASES:
        gradients = getattr(gaussian, f"{name}_vjp")(g, *given, **options)
        whole = [
            np.broadcast_to(x, (2, 4, *x.shape[-axes:]))
            for x, axes in zip(given, (1, 2, 1, 2), strict=True)
        ]
        each = getattr(gaussian, f"{name}_vjp")(g, *whole, **options)
        sums = (((1,), True), ((0,), False), ((0, 1), False), ((), False))
        for got, full, (axes, keep) in zip(gradients, each, sums, strict=True):
            np.testing.assert_allclose(got, full.sum(axis=axes, keepdims=keep), rtol=1e-9)


def test_one_distribution(rng):
    x, mean, cov = rng.normal(size=3), rng.normal(size=3), random_cov(rng, 3)
    for form in FORMS:
        given = in_form(cov, form, rng)
        u = rng.normal(size=given.shape)
        u = u + u.T if symmetric(form) else np.tril(u) if form == "tril" else u
        step = 1e-5
        bar = gaussian.entropy_vjp(1.0, given, form=form)
        ends = [gaussian.entropy(given + s * step * u, form=form) for s in (1, -1)]
        np.testing.assert_allclose(np.sum(bar * u), (ends[0] - ends[1]) / (2 * step), rtol=1e-6)
        x_bar, mean_bar, cov_bar = gaussian.log_prob_vjp(1.0, x, mean, given, form=form)
        ends = [gaussian.log_prob(x, mean, given + s * step * u, form=form) for s in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(np.sum(cov_bar * u), slope, rtol=1e-6)
        np.testing.assert_array_equal(x_bar, -mean_bar)


def test_factors_of_low_rank(rng):
    given = [
        rng.normal(size=4),
        rng.normal(size=(4, 2)),
        rng.normal(size=4),
        rng.normal(size=(4, 2)),
    ]
    u = [rng.normal(size=x.shape) for x in given]
    bars = gaussian.wasserstein2_vjp(1.0, *given, squared=True, form="factor")
    slope = sum(np.sum(b * d) for b, d in zip(bars, u, strict=True))
    step = 1e-6
    ends = [
        gaussian.wasserstein2(
            *(x + s * step * d for x, d in zip(given, u, strict=True)), squared=True, form="factor"
        )
        for s in (1, -1)
    ]
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * step), rtol=1e-6)


def test_errors(rng):
    given = random_pair(rng, 3)
    with pytest.raises(ValueError, match="kl_vjp: cotangent has shape"):
        gaussian.kl_vjp(np.ones(2), *given)
    given[1] = -given[1]
    with pytest.raises(np.linalg.LinAlgError, match="kl_vjp: cov1 is not positive definite"):
        gaussian.kl_vjp(1.0, *given)
    assert np.all(np.isnan(gaussian.kl_vjp(1.0, *given, errors="nan")[1]))
