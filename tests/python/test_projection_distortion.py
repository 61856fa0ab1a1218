# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The report on pairs of points, against plain loops and the laws of chance."""

import doctest
import importlib
import math

import numpy as np
import pytest

from isokern import _distortion, _distortion_report, _pairs
from isokern.projection import Sketch, distortion, max_eps

sparse = pytest.importorskip("scipy.sparse")
stats = pytest.importorskip("scipy.stats")

GUARANTEES = ("distance2", "distance", "inner_product")


def by_hand(x, y, guarantee):
    """Return the errors of all pairs and the pair of the largest."""
    x, y = (np.asarray(rows).astype(np.float64) for rows in (x, y))
    errors, largest = [], (-1, None)
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            if guarantee == "inner_product":
                error = (y[i] @ y[j] - x[i] @ x[j]) / np.sqrt((x[i] @ x[i]) * (x[j] @ x[j]))
            else:
                ratio = np.linalg.norm(y[i] - y[j]) / np.linalg.norm(x[i] - x[j])
                error = (ratio if guarantee == "distance" else ratio**2) - 1
            errors.append(error)
            largest = max(largest, (abs(error), (i, j)))
    return np.sort(errors), largest


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_all_pairs(rng, monkeypatch, guarantee, form):
    monkeypatch.setattr(_pairs, "_TILE", 8)
    x = rng.standard_normal((29, 60)) * (rng.random((29, 60)) < 0.3) + 1e-9
    y = Sketch("sparse_jl", 60, 20, seed=1).apply(x)
    report = distortion(form(x), y, guarantee=guarantee)
    errors, (largest, pair) = by_hand(x, y, guarantee)
    np.testing.assert_allclose(report.errors, errors, rtol=1e-9, atol=1e-12)
    assert report.largest == pytest.approx(largest)
    assert report.pair == pair
    assert (report.n, report.d, report.k) == (29, 60, 20)
    assert report.complete
    assert report.coincident == 0
    assert report.eps == max_eps(29, 20, delta=0.05, guarantee=guarantee) or math.isnan(report.eps)
    strict = distortion(x, y, guarantee=guarantee, eps=0.1)
    assert strict.beyond == np.count_nonzero(np.abs(errors) > 0.1) > 0
    assert not strict.held
    assert strict.share_bounds == (strict.share, strict.share)


def test_points_close_together_far_away(rng):
    """Distances are taken from differences where products have no digits left."""
    x = rng.standard_normal((40, 30))
    x[20:] = x[:20] + 1e-7 * rng.standard_normal((20, 30))
    x[::3] += 1e5
    y = Sketch("gaussian", 30, 12, seed=2).apply(x)
    for guarantee in ("distance2", "distance"):
        report = distortion(x, y, guarantee=guarantee)
        np.testing.assert_allclose(report.errors, by_hand(x, y, guarantee)[0], atol=1e-9)


@pytest.mark.parametrize("scale", [1e-180, 1.0, 1e180])
def test_numbers_large_and_small(rng, scale):
    x = rng.standard_normal((25, 10))
    y = Sketch("rademacher", 10, 6, seed=3).apply(x)
    for guarantee in GUARANTEES:
        expected = distortion(x, y, guarantee=guarantee).errors
        found = distortion(x * scale, y * scale, guarantee=guarantee).errors
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_samples(rng, guarantee):
    x = rng.standard_normal((400, 50)).astype(np.float32)
    y = Sketch("gaussian", 50, 16, seed=4, dtype=np.float32).apply(x)
    whole = distortion(x, y, guarantee=guarantee, eps=0.5)
    part = distortion(x, y, guarantee=guarantee, eps=0.5, pairs=5000, seed=7)
    again = distortion(x, y, guarantee=guarantee, eps=0.5, pairs=5000, seed=7)
    other = distortion(sparse.csr_array(x), y, guarantee=guarantee, eps=0.5, pairs=5000, seed=7)
    np.testing.assert_array_equal(part.errors, again.errors)
    np.testing.assert_allclose(part.errors, other.errors, atol=1e-9)
    assert len(part.errors) == 5000
    assert not part.complete
    assert part.largest <= whole.largest
    assert np.all(np.isin(np.round(part.errors, 9), np.round(whole.errors, 9)))
    low, high = part.share_bounds
    assert low < part.share < high
    tested = stats.binomtest(part.beyond, 5000).proportion_ci(0.95, method="exact")
    assert (low, high) == pytest.approx((tested.low, tested.high))
    i, j = part.pair
    rows = np.array([i, j])
    assert distortion(x[rows], y[rows], guarantee=guarantee).largest == pytest.approx(part.largest)


def test_confidence_bounds_cover(rng):
    """Of 300 samples at confidence 0.9, 90 % or more cover the share, up to 4 deviations."""
    x = rng.standard_normal((150, 20))
    y = Sketch("gaussian", 20, 10, seed=5).apply(x)
    share = distortion(x, y, eps=0.6).share
    covered = 0
    for seed in range(300):
        low, high = distortion(x, y, eps=0.6, pairs=200, confidence=0.9, seed=seed).share_bounds
        covered += low <= share <= high
    assert covered / 300 > 0.9 - 4 * math.sqrt(0.09 / 300)


def test_bounds_where_nothing_or_everything_is_beyond():
    x = np.arange(40.0).reshape(20, 2)
    kept = distortion(x, x, eps=0.1, pairs=100)
    assert kept.share_bounds == (0, pytest.approx(1 - 0.025 ** (1 / 100)))
    lost = distortion(x, 2 * x, eps=0.1, pairs=100)
    assert lost.share_bounds == (pytest.approx(0.025 ** (1 / 100)), 1)
    assert lost.largest == pytest.approx(3)


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_the_prediction(guarantee):
    """For well-spread points the quantiles are those of one pair, up to what all have in common."""
    x = np.random.default_rng(6).standard_normal((600, 3000))
    y = Sketch("gaussian", 3000, 200, seed=8).apply(x)
    report = distortion(x, y, guarantee=guarantee)
    assert report.held
    spread = report.predicted[0.95] - report.predicted[0.05]
    for level, value in report.quantiles.items():
        assert abs(value - report.predicted[level]) < 0.1 * spread
    assert 0.6 * report.largest < report.predicted_largest


def test_a_map_of_the_wrong_scale_is_seen(rng):
    x = rng.standard_normal((100, 400))
    sketch = Sketch("sparse_jl", 400, 100, seed=1)
    assert distortion(x, sketch.apply(x)).held
    assert not distortion(x, sketch.apply(x) / 2).held


def test_equal_points():
    x = np.array([[1.0, 2], [1, 2], [3, 4], [0, 0]])
    report = distortion(x, x)
    assert report.coincident == 1
    assert report.errors.size == 5
    broken = distortion(x, np.array([[1.0, 2], [1, 3], [3, 4], [0, 0]]), eps=0.9)
    assert broken.largest == math.inf
    assert broken.pair == (0, 1)
    assert not broken.held
    assert distortion(x, x, guarantee="inner_product").coincident == 3
    nothing = distortion(np.zeros((3, 2)), np.zeros((3, 2)), pairs=2)
    assert (nothing.coincident, nothing.errors.size, nothing.largest) == (2, 0, 0)
    assert nothing.pair is None
    assert nothing.held
    assert "0 pairs" in str(nothing)


def test_all_or_some():
    assert _distortion._count("f", "auto", 1_999_000) is None
    assert _distortion._count("f", "auto", 2_001_000) == 200_000
    assert _distortion._count("f", "all", 10**12) is None
    assert _distortion._count("f", 10, 10) is None
    assert _distortion._count("f", 9, 10) == 9


def test_integers_are_numbers():
    x = np.arange(12).reshape(4, 3)
    assert distortion(x, x[:, ::-1]).largest == pytest.approx(0)


def test_what_is_printed(rng):
    x = rng.standard_normal((50, 30))
    y = Sketch("gaussian", 30, 20, seed=1).apply(x)
    text = str(distortion(x, y, eps=0.01, pairs=99))
    for words in ("50 points, 30 to 20 dimensions, a sample of 99 pairs", "not held", "confidence"):
        assert words in text
    assert "all 1,225 pairs" in str(distortion(x, y))
    assert "promise" not in str(distortion(x, y[:, :1]))  # none can be made
    assert "largest=" in repr(distortion(x, y))


def test_plot(rng):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    x = rng.standard_normal((50, 30))
    y = Sketch("gaussian", 30, 20, seed=1).apply(x)
    for guarantee in GUARANTEES:
        axes = distortion(x, y, guarantee=guarantee).plot()
        assert "error" in axes.get_xlabel()
        assert distortion(x, y, eps=0.3).plot(axes) is axes
    plt.close("all")


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_the_curve_of_the_plot(guarantee):
    levels = np.linspace(0.001, 0.999, 4001)
    places = _distortion_report.law(guarantee, 40, levels)
    slopes = np.diff(levels) / np.diff(places)
    middle = _distortion_report.density(guarantee, 40, (places[1:] + places[:-1]) / 2)
    np.testing.assert_allclose(middle, slopes, rtol=1e-2)


ONES = np.ones((3, 2))
BAD = [
    (ValueError, r"x has shape \(3,\), expected \(n, d\)", (np.ones(3), ONES), {}),
    (ValueError, r"y has shape \(4, 2\), expected \(3, k\) as x", (ONES, np.ones((4, 2))), {}),
    (ValueError, "x has 1 rows", (np.ones((1, 2)), np.ones((1, 2))), {}),
    (ValueError, "y has a number that is not finite", (ONES, ONES * np.nan), {}),
    (ValueError, "x has a number that is not finite", (sparse.csr_array(ONES * np.inf), ONES), {}),
    (TypeError, "x has dtype complex128", (ONES * 1j, ONES), {}),
    (ValueError, "eps is 0, expected", (ONES, ONES), {"eps": 0}),
    (ValueError, "delta is 1, expected", (ONES, ONES), {"delta": 1}),
    (ValueError, "confidence is 95, expected", (ONES, ONES), {"confidence": 95}),
    (ValueError, "pairs is 0, expected a whole number", (ONES, ONES), {"pairs": 0}),
    (ValueError, "pairs is 'some', expected 'auto'", (ONES, ONES), {"pairs": "some"}),
    (ValueError, "seed is -1, expected", (ONES, ONES), {"seed": -1}),
    (ValueError, "guarantee is 'l1', expected one of", (ONES, ONES), {"guarantee": "l1"}),
]


@pytest.mark.parametrize(("kind", "message", "arguments", "options"), BAD)
def test_bad_input(kind, message, arguments, options):
    with pytest.raises(kind, match=f"distortion: {message}"):
        distortion(*arguments, **options)


def test_scales_far_beyond_the_range_of_the_image(rng):
    x = 1e-9 * rng.standard_normal((6, 5))
    report = distortion(x, x[:, :3].astype(np.float16))  # zeros, all of them
    assert report.largest == 1


def test_examples():
    failed, tried = doctest.testmod(importlib.import_module("isokern._distortion"))
    assert tried > 0
    assert failed == 0
