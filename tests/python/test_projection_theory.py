# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Dimensions, errors, probabilities and sparsity: against known numbers, mpmath and chance."""

import doctest
import importlib
import subprocess
import sys

import mpmath
import numpy as np
import pytest

from isokern import _sparsity, _special, projection
from isokern.projection import (
    Sketch,
    capacity,
    cosine_capacity,
    cosine_pdf,
    cosine_quantile,
    cosine_tail,
    failure_probability,
    max_eps,
    min_dim,
    min_sparsity,
)

stats = pytest.importorskip("scipy.stats")

# n, eps: Dasgupta-Gupta, its failure in percent, existence, delta = 0.1, 0.01, 1/n, 24 ln n / eps^2
DIMENSIONS = [
    (100, 0.1, 3948, 5.1, 2788, 3684, 4597, 4597, 11053),
    (1000, 0.1, 5921, 3.8, 4600, 5525, 6460, 7403, 16579),
    (1000, 0.2, 1595, 2.6, 1200, 1449, 1700, 1952, 4145),
    (1000, 0.5, 332, 0.46, 222, 269, 316, 364, 664),
    (10**4, 0.1, 7895, 3.0, 6461, 7403, 8351, 10262, 22105),
    (10**5, 0.1, 9869, 2.6, 8351, 9305, 10262, 13148, 27632),
    (10**6, 0.1, 11842, 2.3, 10262, 11221, 12184, 16049, 33158),
]
GUARANTEES = ("distance2", "distance", "inner_product")


@pytest.mark.parametrize(
    ("n", "eps", "dg", "percent", "exists", "d1", "d2", "dn", "su"), DIMENSIONS
)
def test_dimensions(n, eps, dg, percent, exists, d1, d2, dn, su):
    assert min_dim(n, eps, method="dasgupta_gupta") == dg
    assert 100 * failure_probability(n, dg, eps) == pytest.approx(percent, rel=0.02)
    assert min_dim(n, eps) == exists
    assert [min_dim(n, eps, delta=delta) for delta in (0.1, 0.01, 1 / n)] == [d1, d2, dn]
    assert min_dim(n, eps, method="su") == su


def test_dimensions_of_scikit_learn():
    library = pytest.importorskip("sklearn.random_projection")
    n = np.array([2, 17, 1000, 123_456, 10**9])[:, None]
    eps = np.array([0.02, 0.1, 0.37, 0.99])
    expected = library.johnson_lindenstrauss_min_dim(n, eps=np.broadcast_to(eps, (5, 4)))
    np.testing.assert_array_equal(min_dim(n, eps, method="sklearn"), expected)


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize("method", ["exact", "dasgupta_gupta", "su"])
def test_the_four_questions_have_one_answer(guarantee, method):
    how = {"guarantee": guarantee, "method": method}
    n = np.array([2, 3, 50, 10**4, 10**9])[:, None, None]
    eps = np.array([0.03, 0.2, 0.9])[:, None]
    delta = np.array([0.3, 1e-3, 1e-30])
    k = min_dim(n, eps, delta=delta, **how)
    assert k.dtype == np.int64
    assert np.all(failure_probability(n, k, eps, **how) <= delta * (1 + 1e-9))
    less = np.maximum(k - 1, 1)
    below = failure_probability(n, less, eps, **how)
    assert np.all((below > delta * (1 - 1e-9)) | (k == 1))
    found = max_eps(n, k, delta=delta, **how)
    assert np.all(found <= eps * (1 + 1e-9))
    assert np.all(min_dim(n, found * (1 + 1e-9), delta=delta, **how) == k)
    held = capacity(k, eps, delta=delta, **how)
    assert np.all(held >= n * (1 - 1e-9))
    small = (held < 2**40) & (k > 1)
    n_held, shape = held[small], small.shape
    rest = {"delta": np.broadcast_to(delta, shape)[small], **how}
    at = np.broadcast_to(eps, shape)[small]
    assert np.all(min_dim(n_held, at, **rest) <= k[small])
    assert np.all(min_dim(n_held + 1, at, **rest) > k[small])


@pytest.mark.parametrize("method", ["exact", "dasgupta_gupta", "su", "sklearn"])
def test_existence_has_one_answer(method):
    n, eps = np.array([10, 1000, 10**6])[:, None], np.array([0.1, 0.4])
    k = min_dim(n, eps, method=method)
    at_least = k + 1 if method == "sklearn" else k
    assert np.all(max_eps(n, at_least, method=method) <= eps * (1 + 1e-9))
    held = capacity(k, eps, method=method)
    assert np.all(held >= n)
    assert np.all(min_dim(held, eps, method=method) <= k)
    assert np.all(min_dim(np.ceil(held * 1.01) + 1, eps, method=method) > k)


def test_no_method_asks_for_less_than_the_exact_one():
    for guarantee in GUARANTEES:
        for n in (2, 30, 1000, 10**7):
            for eps in (0.01, 0.1, 0.5, 0.95):
                exact = min_dim(n, eps, delta=0.01, guarantee=guarantee)
                for method in ("dasgupta_gupta", "su"):
                    formula = min_dim(n, eps, delta=0.01, guarantee=guarantee, method=method)
                    assert exact <= formula
                assert min_dim(n, eps, guarantee=guarantee) <= exact


def test_plain_distances_need_a_quarter():
    n, eps = 10**4, 0.01
    ratio = min_dim(n, eps, delta=0.01) / min_dim(n, eps, delta=0.01, guarantee="distance")
    assert ratio == pytest.approx(4, rel=0.01)


def test_inner_products_are_worst_at_cosine_one():
    """Their error is a mean of two errors of squared lengths with opposite signs."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    for k, eps in ((1, 0.3), (3, 0.9), (20, 0.5), (100, 0.2), (400, 0.2)):
        law = stats.chi2(k)
        low, high = law.ppf(1e-15), law.isf(1e-15)
        b = (high - low) / 2 * nodes + (high + low) / 2
        density = law.pdf(b) * weights * (high - low) / 2
        worst = failure_probability(2, k, eps, guarantee="inner_product")
        for share in (0.5, 0.7, 0.9, 0.99):  # (1 + c) / 2 of the cosine c
            centre = 2 * share - 1
            upper = law.sf((k * (centre + eps) + (1 - share) * b) / share)
            lower = law.cdf((k * (centre - eps) + (1 - share) * b) / share)
            assert np.sum(density * (upper + lower)) <= worst * (1 + 1e-6)


def test_the_law_of_gaussian_maps():
    """Images of 20,000 features: counts of failures within 4 standard deviations."""
    k, draws = 12, 20_000
    squares = np.sum(Sketch("gaussian", draws, k, seed=11).matrix() ** 2, axis=0)
    for guarantee, values in (("distance2", squares), ("distance", np.sqrt(squares))):
        for eps in (0.3, 0.6):
            expected = failure_probability(2, k, eps, guarantee=guarantee)
            deviation = np.sqrt(expected * (1 - expected) / draws)
            assert abs(np.mean(np.abs(values - 1) > eps) - expected) < 4 * deviation


@pytest.mark.parametrize("k", [30, 3000, 10**6])
@pytest.mark.parametrize("ratio", [0.02, 0.5, 0.85, 0.93, 1.03, 1.3, 1.9, 3.5])
def test_tails_however_small(k, ratio):
    with mpmath.workdps(60):
        a = mpmath.mpf(k) / 2
        x = a * mpmath.mpf(ratio)
        span = (x, mpmath.inf) if ratio > 1 else (0, x)
        exact = float(mpmath.log(mpmath.gammainc(a, *span, regularized=True)))
    found = _special.log_chi2_tail("f", np.float64(k), np.float64(ratio), upper=ratio > 1)
    assert float(found) == pytest.approx(exact, rel=1e-12, abs=1e-9)


# n: least s for eps = 0.1, 0.2, 0.3, 0.5 at delta = 0.01, with s of all rows chosen
SPARSITIES = [
    (100, (40, 20, 10, 6)),
    (1000, (60, 30, 17, 8)),
    (10**5, (110, 50, 30, 14)),
]


@pytest.mark.parametrize(("n", "expected"), SPARSITIES)
def test_sparsity(n, expected):
    errors = (0.1, 0.2, 0.3, 0.5)
    assert tuple(min_sparsity(n, eps, construction="graph") for eps in errors) == expected
    for eps, s in zip(errors, expected, strict=True):
        ours = min_sparsity(n, eps)
        assert s <= ours <= 1.7 * s
        k = min_dim(n, eps, delta=0.01)
        assert _sparsity.spike_failure(k, ours, eps) <= 0.01 / (n * (n - 1) / 2)


@pytest.mark.parametrize("construction", ["block", "graph"])
def test_the_law_of_two_spikes(construction):
    """Maps of two features and 40,000 seeds' worth of columns, within 4 standard deviations."""
    k, s, count = 20, 6, 40_000
    rng = np.random.default_rng(3)
    if construction == "block":
        columns = Sketch("sparse_jl", 2 * count, k, s=s, seed=4).matrix()
    else:
        places = np.argsort(rng.random((2 * count, k)), axis=1)[:, :s]
        columns = np.zeros((2 * count, k))
        np.put_along_axis(columns, places, rng.choice([-1, 1], (2 * count, s)) / np.sqrt(s), 1)
        columns = columns.T
    images = (columns[:, :count] + columns[:, count:]) / np.sqrt(2)
    errors = np.abs(np.sum(images**2, axis=0) - 1)
    for eps in (0.1, 0.2, 0.4):
        expected = _sparsity.spike_failure(k, s, eps, construction)
        deviation = np.sqrt(expected * (1 - expected) / count)
        assert abs(np.mean(errors > eps + 1e-9) - expected) < 4 * deviation


def test_sparsity_edges():
    assert _sparsity.spike_failure(1, 1, 0.9) == 1  # the two entries cancel or double
    assert _sparsity.spike_failure(10**9, 1, 0.9) == pytest.approx(1e-9)
    with pytest.raises(ValueError, match=r"k is 4, too few dimensions for eps=0\.1"):
        min_sparsity(1000, 0.1, 4)
    with pytest.raises(ValueError, match="construction is 'tree'"):
        min_sparsity(10, 0.1, construction="tree")
    with pytest.raises(ValueError, match="n is 1, expected a whole number of 2 or more"):
        min_sparsity(1, 0.1)


def test_single_points_and_pairs():
    assert min_dim(1, 0.1) == min_dim(1, 0.1, delta=1e-9) == min_dim(1, 0.5, method="su") == 1
    assert max_eps(1, 3, delta=0.5) == 0
    assert failure_probability(1, 1, 0.1) == 0
    assert failure_probability(1, 1, 0.1, log=True) == -np.inf
    assert capacity(1, 1e-6, delta=1e-9) == 1
    assert np.isnan(max_eps(10**6, 5))
    assert capacity(10**7, 0.5) == np.inf
    assert isinstance(min_dim(10, 0.3), int)
    assert min_dim([], 0.3).shape == (0,)
    assert failure_probability(2, 10**16, 1e-6, log=True) == pytest.approx(-2504.4846, abs=1e-3)


BAD = [
    (ValueError, "n is 0, expected a whole number of 1 or more", lambda: min_dim(0, 0.1)),
    (ValueError, "n is 2.5, expected a whole number", lambda: min_dim([3, 2.5], 0.1)),
    (ValueError, "n is nan", lambda: min_dim(np.nan, 0.1)),
    (TypeError, "n is 'many'", lambda: min_dim("many", 0.1)),
    (TypeError, "n is True", lambda: min_dim(True, 0.1)),
    (ValueError, "eps is 0, expected a number above 0 and below 1", lambda: min_dim(9, 0)),
    (ValueError, "eps is 1, expected", lambda: min_dim(9, 1.0)),
    (ValueError, "eps is nan", lambda: failure_probability(9, 9, np.nan)),
    (ValueError, "eps is -0.1", lambda: capacity(9, [0.1, -0.1])),
    (ValueError, "eps is 1e-15, so small that", lambda: min_dim(9, 1e-15)),
    (ValueError, "delta is 0, expected", lambda: min_dim(9, 0.1, delta=0)),
    (ValueError, "delta is 1, expected", lambda: max_eps(9, 9, delta=1)),
    (ValueError, "delta is 0.1, expected None", lambda: max_eps(9, 9, delta=0.1, method="sklearn")),
    (ValueError, "k is 0, expected", lambda: max_eps(9, 0)),
    (ValueError, "k is inf, expected", lambda: capacity(np.inf, 0.1)),
    (ValueError, "method is 'best', expected one of", lambda: min_dim(9, 0.1, method="best")),
    (ValueError, "guarantee is 'l1', expected one of", lambda: min_dim(9, 0.1, guarantee="l1")),
    (ValueError, "t is 1.5, expected a number from -1 to 1", lambda: cosine_pdf(1.5, 3)),
    (ValueError, "t is -0.5, expected a number from 0 to 1", lambda: cosine_tail(-0.5, 3)),
    (ValueError, "d is 1, expected a whole number of 2 or more", lambda: cosine_tail(0.5, 1)),
    (ValueError, "p is 2, expected", lambda: cosine_quantile(2, 3)),
    (ValueError, "method is 'x', expected", lambda: cosine_capacity(0.5, 3, method="x")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "message", "call"), BAD)
def test_bad_input(kind, message, call):
    with pytest.raises(kind, match=message.replace(".", r"\.")):
        call()


@pytest.mark.parametrize("module", ["_projection_theory", "_cosines", "_coherence", "_sparsity"])
def test_examples(module):
    failed, tried = doctest.testmod(importlib.import_module(f"isokern.{module}"))
    assert tried > 0
    assert failed == 0


def test_without_scipy_and_scikit_learn():
    code = """
import sys
for name in ("scipy", "sklearn"):
    sys.modules[name] = None
from isokern import projection
assert projection.min_dim(1000, 0.1, method="dasgupta_gupta") == 5921
assert projection.coherence([[1.0, 0.0], [0.0, 1.0]]) == 0
for call in (lambda: projection.min_dim(10, 0.1), lambda: projection.SparseJL):
    try:
        call()
    except ImportError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        'min_dim needs SciPy, which is not installed: pip install "isokern[scipy]"',
        'isokern.projection.SparseJL needs scikit-learn: pip install "isokern[sklearn]"',
    ]
    lazy = "import sys, isokern.projection; print('scipy' in sys.modules, 'sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", lazy], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_every_name_is_there():
    pytest.importorskip("sklearn")
    for name in projection.__all__:
        assert getattr(projection, name) is not None
    with pytest.raises(AttributeError, match="no_such_map"):
        _ = projection.no_such_map
