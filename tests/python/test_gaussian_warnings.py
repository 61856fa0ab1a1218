# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""One bad item of a batch: NaN there, what the others are alone, and no warning of it."""

import warnings

import numpy as np
import pytest
from gaussians import FORMS, MEASURES, in_form, random_cov

from isokern import gaussian

D = 3
BAD = {"negative": -1.0, "zero": 0.0, "nan": np.nan, "infinite": np.inf}


def covariances(rng, form, value=None):
    """Two of them, the second bad if a value is given."""
    if form == "pair":
        f, diag = rng.normal(size=(2, D, 2)), rng.uniform(0.5, 2, size=(2, D))
        if value is not None:
            diag[1, 0] = value
        return f, diag
    cov = np.stack([in_form(random_cov(rng, D), form, rng) for _ in range(2)])
    if value is not None and form == "diag":
        cov[1, 0] = value
    elif value is not None:
        cov[1] = 0
        cov[1][:, :D] = np.diag([value, 1.0, 1.0])
    return cov


def flat(result):
    if isinstance(result, tuple):
        return [x for part in result for x in flat(part)]
    return [np.asarray(result)]


def first(cov):
    return tuple(x[0] for x in cov) if isinstance(cov, tuple) else cov[0]


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("form", [*FORMS, "pair"])
@pytest.mark.parametrize("name", MEASURES)
def test_a_bad_item_warns_of_nothing(name, form, kind, rng):
    m1, m2 = rng.normal(size=(2, 2, D))
    keyword = "factor" if form == "pair" else form
    singular = name == "wasserstein2" and kind == "zero" and form != "precision"
    lenient = name == "mahalanobis" and kind != "infinite" and kind != "nan"
    for one, other in ((BAD[kind], None), (None, BAD[kind]), (BAD[kind], BAD[kind])):
        c1, c2 = covariances(rng, form, one), covariances(rng, form, other)
        for options in MEASURES[name]:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                given = {"form": keyword, "errors": "nan", **options}
                value = getattr(gaussian, name)(m1, c1, m2, c2, **given)
                bars = getattr(gaussian, f"{name}_vjp")(np.ones(2), m1, c1, m2, c2, **given)
                table = gaussian.pairwise(name, m1, c1, m2, c2, **given)
            alone = getattr(gaussian, name)(m1[0], first(c1), m2[0], first(c2), **given)
            np.testing.assert_allclose(value[0], alone, rtol=1e-10)
            np.testing.assert_allclose(table[0, 0], alone, rtol=1e-8)
            assert all(np.all(np.isfinite(bar[0])) for bar in flat(bars)) or np.isinf(alone)
            if not singular and not lenient and form not in ("tril", "factor"):
                assert np.isnan(value[1])
                assert np.isnan(table[1, 1])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MEASURES)
def test_the_second_set_is_named(name, form, rng):
    options = MEASURES[name][0]
    means, good = rng.normal(size=(2, D)), covariances(rng, form)
    bad = covariances(rng, form, np.nan)
    with pytest.raises((ValueError, np.linalg.LinAlgError), match="cov2"):
        gaussian.pairwise(name, means, good, means, bad, form=form, **options)
    with pytest.raises((ValueError, np.linalg.LinAlgError), match="cov1"):
        gaussian.pairwise(name, means, bad, means, good, form=form, **options)
    with pytest.raises(ValueError, match="cov2"):
        gaussian.pairwise(name, means, good, means[:, :2], good, form=form, **options)
