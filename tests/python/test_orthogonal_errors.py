# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Bad and special values: what is refused, by name and index, and what passes through."""

import numpy as np
import pytest
from support import FLOATS, bits, error

from isokern import orthogonal

BAD = [0.0, np.nan, np.inf, -np.inf]


def arguments(rng, dtype, names, d=5):
    return {name: rng.normal(size=(2, 3, d)).astype(dtype) for name in names}


CASES = [
    ("reflect_between", "abx", "ab"),
    ("rotate_between", "abx", "ab"),
    ("reflection_matrix", "ab", "ab"),
    ("rotation_matrix", "ab", "ab"),
    ("reflect", "vx", "v"),
]
VJP_CASES = [
    ("reflect_between_vjp", "abx", "ab"),
    ("rotate_between_vjp", "abx", "ab"),
    ("reflection_matrix_vjp", "ab", "ab"),
    ("rotation_matrix_vjp", "ab", "ab"),
    ("reflect_vjp", "vx", "v"),
]


def spoil(array, bad):
    """Make batch entry (1, 2) a bad vector."""
    if bad == 0:
        array[1, 2] = 0
    else:
        array[1, 2, 3] = bad


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("name", "names", "directions"), CASES)
def test_bad_directions(name, names, directions, dtype, bad, rng):
    kernel = getattr(orthogonal, name)
    for which in directions:
        given = arguments(rng, dtype, names)
        good = kernel(**given)
        spoil(given[which], bad)
        out = np.full_like(good, 7)
        with pytest.raises(ValueError, match=rf"{name}: {which}\b.*\(?1, 2\b"):
            kernel(**given, out=out)
        np.testing.assert_array_equal(out, 7)  # nothing was written
        got = kernel(**given, errors="nan")
        assert np.isnan(got[1, 2]).all()
        got[1, 2] = good[1, 2]
        np.testing.assert_array_equal(bits(got), bits(good))  # the others are as before


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("name", "names", "directions"), VJP_CASES)
def test_bad_directions_in_gradients(name, names, directions, dtype, bad, rng):
    kernel = getattr(orthogonal, name)
    for which in directions:
        given = arguments(rng, dtype, names)
        shape = (2, 3, 5, 5) if "matrix" in name else (2, 3, 5)
        given["cotangent"] = rng.normal(size=shape).astype(dtype)
        good = kernel(**given)
        spoil(given[which], bad)
        with pytest.raises(ValueError, match=rf"{name}: {which}\b.*\(?1, 2\b"):
            kernel(**given)
        for got, before in zip(kernel(**given, errors="nan"), good, strict=True):
            assert np.isnan(got[1, 2]).all()
            got[1, 2] = before[1, 2]
            np.testing.assert_array_equal(bits(got), bits(before))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["reflect_between", "rotate_between", "reflect"])
def test_bad_x_spoils_its_own_row_only(name, dtype, bad, rng):
    kernel = getattr(orthogonal, name)
    given = arguments(rng, dtype, "vx" if name == "reflect" else "abx")
    good = kernel(**given)
    given["x"][0, 1, 2] = bad
    got = kernel(**given)
    assert not np.isfinite(got[0, 1]).any()
    got[0, 1] = good[0, 1]
    np.testing.assert_array_equal(bits(got), bits(good))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_tau(bad, rng):
    given = arguments(rng, np.float64, "vx")
    tau = rng.normal(size=(2, 3))
    good = orthogonal.reflect(**given, tau=tau)
    tau[1, 0] = bad
    with pytest.raises(ValueError, match=r"reflect: tau\b"):
        orthogonal.reflect(**given, tau=tau)
    got = orthogonal.reflect(**given, tau=tau, errors="nan")
    assert np.isnan(got[1, 0]).all()
    got[1, 0] = good[1, 0]
    np.testing.assert_array_equal(got, good)
    with pytest.raises(ValueError, match=r"reflect_vjp: tau\b"):
        orthogonal.reflect_vjp(given["x"], **given, tau=tau)


def test_the_smallest_index_is_reported(rng):
    a, b, x = rng.normal(size=(3, 50_000, 4))
    a[[777, 30_000, 49_999]] = 0
    for _ in range(3):
        with pytest.raises(ValueError, match=r"\ba\b.*\b777\b"):
            orthogonal.rotate_between(a, b, x)


@pytest.mark.parametrize(("name", "names", "directions"), CASES)
def test_shapes_that_do_not_fit(name, names, directions, rng):
    kernel = getattr(orthogonal, name)
    given = arguments(rng, np.float64, names)
    first = directions[0]
    for wrong in (rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 1)), np.float64(1.0)):
        with pytest.raises(ValueError, match=rf"{name}: .*\b[{names}]\b"):
            kernel(**{**given, first: wrong})
    with pytest.raises(ValueError, match=rf"{name}: .*\b[{names}]\b"):
        kernel(**{**given, first: rng.normal(size=(2, 2, 5))})


def test_cotangent_must_have_the_shape_of_the_result(rng):
    given = arguments(rng, np.float64, "abx")
    for shape in [(2, 3, 4), (3, 3, 5), (5,)]:
        with pytest.raises(ValueError, match="cotangent"):
            orthogonal.rotate_between_vjp(rng.normal(size=shape), **given)
    with pytest.raises(ValueError, match="cotangent"):
        orthogonal.rotation_matrix_vjp(np.ones((2, 3, 5)), given["a"], given["b"])


def test_unknown_error_policy(rng):
    given = arguments(rng, np.float64, "abx")
    with pytest.raises(ValueError, match="errors"):
        orthogonal.rotate_between(**given, errors="ignore")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("name", "names", "directions"), CASES)
def test_empty_batches(name, names, directions, dtype, rng):
    kernel = getattr(orthogonal, name)
    given = {n: np.zeros((3, 0, 4), dtype) for n in names}
    y = kernel(**given)
    assert y.shape == ((3, 0, 4, 4) if "matrix" in name else (3, 0, 4))
    assert y.dtype == dtype
    one = rng.normal(size=4).astype(dtype)
    assert kernel(**{**given, directions[0]: one}).shape == y.shape


@pytest.mark.parametrize(("name", "names", "directions"), CASES)
def test_vectors_without_components_are_refused(name, names, directions):
    for shape in ((0,), (3, 0)):
        with pytest.raises(ValueError, match=rf"{name}: {directions[0]}\b"):
            getattr(orthogonal, name)(**{n: np.zeros(shape) for n in names})


def test_bad_x_and_cotangent_spoil_their_own_rows_only(rng):
    given = {name: rng.normal(size=(4, 5)) for name in "abx"}
    g = rng.normal(size=(4, 5))
    good = orthogonal.rotate_between_vjp(g, **given)
    given["x"][1, 2] = np.nan
    g[3, 0] = np.inf
    got = orthogonal.rotate_between_vjp(g, **given)
    for value, before, bad in zip(got, good, ([1, 3], [1, 3], [3]), strict=True):
        assert not np.isfinite(value[bad]).any()
        kept = np.setdiff1d(range(4), bad)
        # A row that is spoilt in one place is computed elsewhere in another, more careful way.
        assert error(value[kept], before[kept], np.abs(before).max()) <= 4


@pytest.mark.parametrize("out", [None, np.zeros((2, 3, 1))])
def test_no_map_is_reported_by_the_pair_with_and_without_out(out):
    a, b = np.ones((3, 1)), np.array([[1.0], [-2.0], [1.0]])
    with pytest.raises(np.linalg.LinAlgError, match=r"rotate_between: .*\(1,\)"):
        orthogonal.rotate_between(a, b, np.ones((2, 3, 1)), out=out)


@pytest.mark.parametrize("out", [None, np.zeros((0, 3))])
def test_a_pair_that_serves_no_row_is_not_looked_at(out):
    got = orthogonal.rotate_between(np.zeros(3), np.ones(3), np.zeros((0, 3)), out=out)
    assert got.shape == (0, 3)


def test_matrices_of_too_many_axes():
    with pytest.raises(ValueError, match=r"rotation_matrix: a and b have 15 batch axes"):
        orthogonal.rotation_matrix(np.ones((1,) * 15 + (2,)), np.ones(2))


def test_a_tau_beyond_the_dtype_is_refused_by_name():
    for tau in (1e300, 10**400):
        with pytest.raises(ValueError, match=r"reflect: tau"):
            orthogonal.reflect(np.ones(2, np.float32), np.ones(2, np.float32), tau=tau)
