# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The traces of the root and the inverse of large matrices, against those of the reference."""

import numpy as np
import pytest

from isokern import _core, gaussian, get_num_threads, reference, set_num_threads
from isokern._gaussian_bures import sum_of_roots


def _matrix(d, condition, seed=0):
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.standard_normal((d, d)))[0]
    values = np.geomspace(1, condition, d)
    a = (q * values) @ q.T
    return (a + a.T) / 2


def _traces(a):
    out = np.empty(2)
    _core.trace_root(a, out)
    return out


@pytest.mark.parametrize("d", [1, 2, 47, 48, 49, 96, 97, 150, 200, 300])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 3e150])
def test_both_traces_are_those_of_the_eigenvalues(d, scale):
    a = _matrix(d, 1e3) * scale
    np.testing.assert_allclose(_traces(a), reference.spectrum.trace_root(a), rtol=1e-12)


@pytest.mark.parametrize("band", [0, 1, 60])
def test_columns_that_are_zero_already_are_left_alone(band):
    a = np.eye(130) * 4
    a[np.arange(130 - band), np.arange(band, 130)] += 1
    a = (a + a.T) / 2
    np.testing.assert_allclose(_traces(a), reference.spectrum.trace_root(a), rtol=1e-13)


def test_only_the_lower_triangle_is_read_and_rows_may_be_apart():
    a = _matrix(100, 30.0)
    wide = np.full((100, 150), np.nan)
    wide[:, :100] = np.tril(a) + np.triu(np.full((100, 100), np.nan), 1)
    np.testing.assert_array_equal(_traces(wide[:, :100]), _traces(a))
    expected = reference.spectrum.trace_root(wide[:, :100])
    np.testing.assert_allclose(_traces(a), expected, rtol=1e-12)


def test_every_number_of_threads_gives_the_same():
    a = _matrix(500, 1e4)
    results, before = set(), get_num_threads()
    for threads in (1, 2, 3, 5):
        set_num_threads(threads)
        results.add(_traces(a).tobytes())
    set_num_threads(before)
    assert len(results) == 1


@pytest.mark.parametrize("value", [-1.0, 0.0, np.nan, np.inf, 1e30])
def test_what_has_no_accurate_root_is_nan(value):
    a = _matrix(130, 10.0)
    a[7, 7] = value
    assert np.all(np.isnan(_traces(a)))
    assert np.all(np.isnan(reference.spectrum.trace_root(a)))


def test_the_reference_knows_traces_in_closed_form():
    """-1, 2, -1 on the diagonals: eigenvalues 4 sin^2(k pi / (2 d + 2)), inverse k (d + 1 - k)."""
    d = 20
    a = 2 * np.eye(d) - np.eye(d, k=1) - np.eye(d, k=-1)
    k = np.arange(1, d + 1)
    roots = 2 * np.sum(np.sin(k * np.pi / (2 * d + 2)))
    expected = [roots, np.sum(k * (d + 1 - k)) / (d + 1)]
    np.testing.assert_allclose(reference.spectrum.trace_root(a), expected, rtol=1e-12)
    np.testing.assert_allclose(_traces(a), expected, rtol=1e-12)


def test_large_conditions_are_refused():
    assert np.all(np.isnan(_traces(_matrix(130, 1e9))))
    assert np.all(np.isnan(reference.spectrum.trace_root(_matrix(130, 1e9))))
    assert np.isnan(sum_of_roots(_matrix(130, 1e9), 1.0))
    assert np.isnan(sum_of_roots(_matrix(130, 10.0), 1e12))


@pytest.mark.parametrize(
    ("a", "out"),
    [
        (np.eye(3)[:2], np.empty(2)),
        (np.eye(3)[None], np.empty(2)),
        (np.eye(3), np.empty(3)),
        (np.eye(3, dtype=np.float32), np.empty(2)),
        (np.eye(3), np.empty(2, np.float32)),
    ],
)
def test_wrong_arguments_are_refused(a, out):
    with pytest.raises((ValueError, TypeError), match="trace_root"):
        _core.trace_root(a, out)


def test_no_rows_have_no_trace():
    np.testing.assert_array_equal(_traces(np.empty((0, 0))), [0, 0])
    np.testing.assert_array_equal(reference.spectrum.trace_root(np.empty((0, 0))), [0, 0])


@pytest.mark.parametrize("d", [129, 200])
def test_distances_of_large_normals_are_those_of_the_eigenvalues(d):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((3 * d, d)), 2 * rng.standard_normal((3 * d, d)) + 1
    s1, s2 = np.cov(x.T), np.cov(y.T)
    lower = np.linalg.cholesky(s1)
    cross = np.sum(np.sqrt(np.linalg.eigvalsh(lower.T @ s2 @ lower)))
    delta = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    expected = delta + np.trace(s1) + np.trace(s2) - 2 * cross
    assert gaussian.frechet_distance(x, y) == pytest.approx(expected, rel=1e-12)
    found = gaussian.wasserstein2(x.mean(axis=0), s1, y.mean(axis=0), s2, squared=True)
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_singular_or_equal_second_covariance_takes_the_other_way():
    d = 150
    rng = np.random.default_rng(2)
    x = rng.standard_normal((3 * d, d))
    y = x.copy()
    y[:, 0] = 0
    assert gaussian.frechet_distance(x, x) == 0
    first, second = (gaussian.frechet_distance(*pair) for pair in ((x, y), (y, x)))
    assert first == pytest.approx(second, rel=1e-9)
    assert first > 0.1
