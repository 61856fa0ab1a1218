# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Cosines of random and of given rows: against mpmath, SciPy's laws and chance."""

import mpmath
import numpy as np
import pytest

from isokern.projection import (
    coherence,
    cosine_capacity,
    cosine_mean,
    cosine_pdf,
    cosine_quantile,
    cosine_tail,
    expected_coherence,
    welch_bound,
)

stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("d", [2, 3, 40, 3000, 10**6])
@pytest.mark.parametrize("t", [1e-9, 0.01, 0.05, 0.3, 0.9, 0.999])
def test_cosine_tails_however_small(t, d):
    with mpmath.workdps(60):
        a, y = mpmath.mpf(d - 1) / 2, mpmath.mpf(t) ** 2
        half, x = mpmath.mpf(1) / 2, 1 - y
        front = x**a * mpmath.sqrt(y) / mpmath.beta(a, half)

        def series(first, z):  # 2F1(a + 1/2, 1; first + 1; z), of positive terms
            term = total = mpmath.mpf(1)
            n = 0
            while term > 1e-40 * total:
                term *= z * (a + half + n) / (first + 1 + n)
                total += term
                n += 1
            return total

        tail = front / a * series(a, x) if y > 2e-4 else 1 - front / half * series(half, y)
        exact = float(mpmath.log(tail))
    assert cosine_tail(t, d, log=True) == pytest.approx(exact, rel=1e-11, abs=1e-10)


# d, t: P(|cos| > t), random, greedy
NEARLY_ORTHOGONAL = [
    (256, 0.2, 1.3e-3, 40, 7.9e2),
    (512, 0.2, 5.0e-6, 633, 2.0e5),
    (512, 0.3, 4.0e-12, 7.1e5, 2.5e11),
    (1024, 0.2, 1.0e-10, 1.4e5, 9.6e9),
    (4096, 0.1, 1.4e-10, 1.2e5, 7.1e9),
]


@pytest.mark.parametrize(("d", "t", "tail", "random", "greedy"), NEARLY_ORTHOGONAL)
def test_nearly_orthogonal(d, t, tail, random, greedy):
    assert cosine_tail(t, d) == pytest.approx(tail, rel=0.05)
    assert cosine_capacity(t, d) == pytest.approx(random, rel=0.04)
    assert cosine_capacity(t, d, method="greedy") == pytest.approx(greedy, rel=0.04)
    n = cosine_capacity(t, d)
    assert n * (n - 1) / 2 * cosine_tail(t, d) <= 1 < n * (n + 1) / 2 * cosine_tail(t, d)


def test_the_law_of_cosines():
    p = np.array([0, 1e-12, 0.1, 0.4999, 0.5, 0.5 + 1e-9, 0.9, 1])
    for d in (2, 3, 10, 384):
        law = stats.beta((d - 1) / 2, (d - 1) / 2)
        quantiles = cosine_quantile(p, d)
        np.testing.assert_allclose(quantiles, 2 * law.ppf(p) - 1, rtol=1e-9, atol=1e-12)
        t = quantiles[1:-1]
        np.testing.assert_allclose(cosine_pdf(t, d), law.pdf((1 + t) / 2) / 2, rtol=1e-9)
        np.testing.assert_allclose(cosine_tail(t, d, two_sided=False), 1 - p[1:-1], atol=1e-12)
        assert cosine_mean(d) == pytest.approx(2 * law.expect(lambda u: abs(2 * u - 1), ub=1) / 2)
    assert cosine_tail(0, 5) == 1
    assert cosine_tail(1, 5) == 0
    assert cosine_tail(0.5, 10**5) == 0
    assert cosine_tail(0.5, 10**5, log=True) < -(10**4)


def test_expected_coherence_of_random_rows():
    """The mean of 60 draws, within 4 standard errors and the stated approximation."""
    rng = np.random.default_rng(5)
    for n, d in ((100, 30), (300, 100)):
        found = [coherence(rng.standard_normal((n, d))) for _ in range(60)]
        error = np.std(found) / np.sqrt(60)
        assert abs(np.mean(found) - expected_coherence(n, d)) < 4 * error + 0.002
    assert expected_coherence(1, 7) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 1), (7, 3), (1023, 5), (1025, 16), (2500, 8)])
def test_coherence_in_blocks(rng, dtype, shape):
    x = rng.standard_normal(shape).astype(dtype)
    wide = x.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    cosines = np.abs(np.triu(wide @ wide.T, 1))
    value, (i, j) = coherence(x, return_pair=True)
    assert value == pytest.approx(cosines.max(), abs=float(4 * np.finfo(dtype).eps))
    assert cosines[i, j] == pytest.approx(value, abs=1e-12)
    scaled = coherence(x * dtype(1e30))  # squares beyond float32
    assert scaled == pytest.approx(value, abs=float(4 * np.finfo(dtype).eps))


def test_coherence_edges():
    assert coherence(np.ones((1, 4))) == 0
    assert coherence(np.ones((0, 4)), return_pair=True) == (0, None)
    assert coherence([[1, 2], [-2, -4], [1, 0]], return_pair=True) == (1, (0, 1))
    assert coherence(np.eye(5)) == 0
    assert welch_bound(3, 7) == 0
    simplex = np.eye(6) - 1 / 6  # attains the bound
    assert coherence(simplex) == pytest.approx(welch_bound(6, 5), rel=1e-12)
    with pytest.raises(ValueError, match=r"coherence: x has a row that is zero, row 1"):
        coherence([[1.0, 2.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match=r"coherence: x has a row that is not finite, row 0"):
        coherence([[np.nan, 2.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match=r"x has shape \(3,\), expected \(n, d\)"):
        coherence([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="x has dtype"):
        coherence([[1j, 2.0]])
