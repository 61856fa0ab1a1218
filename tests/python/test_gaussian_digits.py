# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients of nearly equal distributions, and narrow factors, against 70 digits."""

import numpy as np
import pytest
from gaussians import FORMS, MEASURES, in_form, random_cov

from isokern import gaussian

pytest.importorskip("mpmath")
digits = pytest.importorskip("gaussian_digits")

CASES = [(name, options) for name, all_options in MEASURES.items() for options in all_options]
IDS = [f"{name}-{options}" for name, options in CASES]
D = 4


def gradients(name, given, form, options):
    return getattr(gaussian, f"{name}_vjp")(1.0, *given, form=form, **options)


def changed(rng, cov, form, step):
    change = rng.normal(size=cov.shape)
    if form in ("cov", "precision"):
        change = change + change.T
    if form == "diag":
        return cov * (1 + step * change)
    return np.tril(cov + step * change) if form == "tril" else cov + step * change


@pytest.mark.parametrize("step", [1e-2, 1e-6, 1e-10])
@pytest.mark.parametrize("form", [*FORMS, "pair"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_gradients_between_nearly_equal_distributions(name, options, form, step, rng):
    """The largest error of a part, relative to it, does not grow as the change falls."""
    mean = rng.normal(size=D)
    if form == "pair":
        form, cov = "factor", (rng.normal(size=(D, 2)), rng.uniform(0.5, 2, size=D))
        other = (cov[0] + step * rng.normal(size=(D, 2)), cov[1] * (1 + step * rng.normal(size=D)))
    else:
        cov = in_form(random_cov(rng, D), form, rng)
        other = changed(rng, cov, form, step)
    given = mean, cov, mean + step * rng.normal(size=D), other
    _, wanted = digits.value_and_bars(name, *given, form=form, **options)
    assert digits.worst(gradients(name, given, form, options), wanted) < 1e-11


def narrow(rng, condition):
    """Return a random triangle of about that condition, by which it is not graded."""
    turns = [np.linalg.qr(rng.normal(size=(D, D)))[0] for _ in range(2)]
    f = (turns[0] * np.logspace(0, -np.log10(condition), D)) @ turns[1]
    lower = np.linalg.qr(f.T)[1].T
    return np.tril(lower * np.sign(np.diagonal(lower)))


NARROW = [
    (name, options, form, step)
    for name, options in CASES
    for form in ("tril", "factor")
    for step in (None, 1e-9)
    # the first is infinite; the error of the second is that of others divided by the change
    if not (options.get("alpha", 0) > 1 and step is None)
    and not (name == "wasserstein2" and form == "factor" and step is not None)
]


@pytest.mark.parametrize(("name", "options", "form", "step"), NARROW, ids=str)
def test_narrow_factors_are_not_squared(name, options, form, step, rng):
    """Errors of eps times the condition of the factors, not that of the covariances, 10^12."""
    lower, other = narrow(rng, 1e6), narrow(rng, 1e6)
    if form == "factor":
        lower, other = (x @ np.linalg.qr(rng.normal(size=(D + 1, D)))[0].T for x in (lower, other))
    mean, moved = rng.normal(size=D), rng.normal(size=D)
    if step is not None:
        other = lower + step * np.tril(rng.normal(size=(D, D))) @ lower
        moved = mean + step * lower @ rng.normal(size=lower.shape[1])
    given = mean, lower, moved, other
    value, wanted = digits.value_and_bars(name, *given, form=form, digits=120, **options)
    got = getattr(gaussian, name)(*given, form=form, **options)
    np.testing.assert_allclose(got, value, rtol=1e-9)
    assert digits.worst(gradients(name, given, form, options), wanted) < 2e-8


@pytest.mark.parametrize("form", ["tril", "factor"])
def test_narrow_factors_without_a_mixed_covariance(form, rng):
    lower, other, zero = narrow(rng, 1e6), narrow(rng, 1e6), np.zeros(D)
    assert gaussian.renyi(zero, lower, zero, other, alpha=1.05, form=form) == np.inf
    bars = gaussian.renyi_vjp(1.0, zero, lower, zero, other, alpha=1.05, form=form)
    assert np.all(np.isnan(bars[0]))
