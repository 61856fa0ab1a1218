# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random orthogonal matrices: the definition's, uniform, the same however they are asked for."""

import numpy as np
import pytest
from support import FLOATS, LAYOUTS, error, norm, same_bits, terms

from isokern import orthogonal, reference

BUDGET = 4
DIMENSIONS = [1, 2, 3, 4, 7, 16, 33, 64, 100]


def gram(q):
    q = q.astype(np.longdouble)
    return np.swapaxes(q, -1, -2) @ q


def check_orthogonal(q):
    wanted = np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], q.shape[-1], q.shape[-1]))
    assert error(gram(q).astype(q.dtype), wanted, terms(q.shape[-2], q.shape[-1])) <= BUDGET


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_agreement_with_the_definition(dtype, d, special, rng):
    for seed in (0, 1, 2**64 - 1):
        options = {"special": special, "seed": seed, "dtype": dtype}
        q = orthogonal.haar(d, **options)
        assert q.dtype == dtype
        assert q.shape == (d, d)
        assert error(q, reference.orthogonal.haar(d, **options), terms(d, d)) <= BUDGET
        check_orthogonal(q)


@pytest.mark.parametrize(
    ("size", "shape"), [(None, ()), (1, (1,)), (5, (5,)), ((2, 3), (2, 3)), ((), ()), (0, (0,))]
)
@pytest.mark.parametrize("k", [None, 1, 4])
def test_sizes(size, shape, k):
    """Items are numbered in the order of memory, and do not depend on how many there are."""
    q = orthogonal.haar(5, size, k=k, seed=7)
    assert q.shape == (*shape, 5, k or 5)
    many = orthogonal.haar(5, 6, k=k, seed=7)
    flat = q.reshape(-1, 5, k or 5)
    np.testing.assert_array_equal(flat, many[: len(flat)])
    exact = reference.orthogonal.haar(5, size, k=k, seed=7)
    assert error(q, exact, terms(5, 5)) <= BUDGET
    assert orthogonal.haar(5, (2, 0, 3), k=k).shape == (2, 0, 3, 5, k or 5)
    assert orthogonal.haar(5, np.int64(2), k=k).shape == (2, 5, k or 5)


@pytest.mark.parametrize("d", [1, 2, 6, 70])
@pytest.mark.parametrize("dtype", FLOATS)
def test_columns_are_the_first_of_the_matrix(dtype, d):
    for special in (False, True):
        options = {"special": special, "seed": 3, "dtype": dtype}
        whole = orthogonal.haar(d, 3, **options)
        for k in sorted({1, d // 2, d - 1, d} - {0}):
            q = orthogonal.haar(d, 3, k=k, **options)
            assert q.shape == (3, d, k)
            assert error(q, whole[..., :k], terms(d, d)) <= BUDGET
            check_orthogonal(q)


def test_special_changes_the_last_column_only():
    for d in (1, 2, 3, 8):
        q = orthogonal.haar(d, 40, seed=5)
        special = orthogonal.haar(d, 40, seed=5, special=True)
        np.testing.assert_allclose(np.linalg.det(special), 1, rtol=1e-12)
        np.testing.assert_array_equal(special[..., :-1], q[..., :-1])
        flips = np.linalg.det(q)
        np.testing.assert_allclose(special[..., -1], q[..., -1] * flips[:, None], atol=1e-13)
        assert {-1, 1} == set(np.round(flips))


def test_one_dimension():
    q = orthogonal.haar(1, 200, seed=1)
    assert set(q.ravel()) == {-1.0, 1.0}
    np.testing.assert_array_equal(
        orthogonal.haar(1, 200, seed=1, special=True), np.ones((200, 1, 1))
    )


def test_seeds_and_items_differ():
    q = np.stack([orthogonal.haar(4, 3, seed=s) for s in (0, 1, 2, 2**32, 2**63)])
    flat = q.reshape(15, 16)
    distances = np.linalg.norm(flat[:, None] - flat, axis=-1)[~np.eye(15, dtype=bool)]
    assert distances.min() > 0.1
    np.testing.assert_array_equal(orthogonal.haar(4, 3), q[0])  # seed 0 by default


def test_float32_has_its_own_rounding_only():
    single = orthogonal.haar(20, 4, seed=8, dtype=np.float32)
    double = orthogonal.haar(20, 4, seed=8)
    assert error(single, double, 40) <= BUDGET
    assert single.dtype == np.float32
    assert orthogonal.haar(3, dtype="float32").dtype == np.float32


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("d", "size", "k"), [(6, 300, None), (150, None, None), (90, 3, 70)])
def test_threads(d, size, k, dtype):
    same_bits(lambda: orthogonal.haar(d, size, k=k, seed=4, dtype=dtype))
    if size is None:
        rotation = orthogonal.HaarRotation(d, seed=4, dtype=dtype)
        x = orthogonal.haar(d, 2, seed=9, dtype=dtype)
        same_bits(lambda: rotation.apply(x))


def within(values, expectation, deviations=4.5):
    """Whether a sample's mean is where it should be."""
    values = np.asarray(values, dtype=float).reshape(len(values), -1)
    spread = values.std(axis=0) / np.sqrt(len(values)) + 1e-12
    return np.all(np.abs(values.mean(axis=0) - expectation) < deviations * spread)


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("d", [3, 4, 5])
def test_moments(d, special):
    """What the uniform distribution expects, which QR without signs, for one, does not give."""
    q = orthogonal.haar(d, 6000, seed=11, special=special)
    trace = np.trace(q, axis1=-2, axis2=-1)
    assert within(q, 0)
    assert within(q**2, 1 / d)
    assert within(q**4, 3 / (d * (d + 2)))
    assert within(trace, 0)
    assert within(trace**2, 1)
    assert within(np.trace(q @ q, axis1=-2, axis2=-1), 1)
    if not special:
        assert within(trace**4, 3) or d < 4
        assert within(np.linalg.det(q), 0)
    fixed = orthogonal.haar(d, seed=99, special=True)
    moved = np.trace(fixed @ q, axis1=-2, axis2=-1)  # invariance: Q and F Q are alike
    assert within(moved, 0)
    assert within(moved**2, 1)


def test_angles_in_the_plane_are_uniform():
    q = orthogonal.haar(2, 8000, seed=2, special=True)
    turns = np.arctan2(q[:, 1, 0], q[:, 0, 0]) / (2 * np.pi) + 0.5
    counts = np.histogram(turns, bins=20, range=(0, 1))[0]
    assert np.sum((counts - 400) ** 2 / 400) < 43.8  # chi squared, 19 degrees: one in a thousand


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("d", [1, 2, 5, 40, 100])
@pytest.mark.parametrize("dtype", FLOATS)
def test_rotation_in_factors(dtype, d, special, rng):
    rotation = orthogonal.HaarRotation(d, special=special, seed=21, dtype=dtype)
    assert (rotation.d, rotation.special, rotation.seed) == (d, special, 21)
    assert rotation.dtype == dtype
    matrix = rotation.matrix()
    assert matrix.dtype == dtype
    np.testing.assert_array_equal(matrix, orthogonal.haar(d, special=special, seed=21, dtype=dtype))
    exact = reference.orthogonal.HaarRotation(d, special=special, seed=21, dtype=dtype)
    for shape in ((d,), (7, d), (2, 3, d), (0, d)):
        x = rng.normal(size=shape).astype(dtype)
        y = rotation.apply(x)
        assert (y.shape, y.dtype) == (x.shape, dtype)
        scale = norm(x) * terms(d, d)
        assert error(y, exact.apply(x), scale) <= BUDGET
        assert error(y, x.astype(np.longdouble) @ matrix.T.astype(np.longdouble), scale) <= BUDGET
        assert error(rotation.apply(y, transpose=True), x, scale) <= BUDGET
        turned = rotation.apply(x, transpose=True)
        assert error(turned, x.astype(np.longdouble) @ matrix, scale) <= BUDGET
        wanted = rotation.apply(x.copy())
        out = np.zeros_like(x)
        assert rotation.apply(x, out=out) is out
        np.testing.assert_array_equal(out, wanted)
        assert rotation.apply(x, out=x) is x  # in place
        np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_bad_rows(layout, rng):
    rotation = orthogonal.HaarRotation(9, seed=3)
    x = rng.normal(size=(4, 5, 9))
    wanted = rotation.apply(x)
    laid = LAYOUTS[layout](x)
    laid.flags.writeable = False
    np.testing.assert_array_equal(rotation.apply(laid), wanted)
    x[2, 3, 4] = np.nan
    got = rotation.apply(x)
    assert np.isnan(got[2, 3]).all()
    got[2, 3] = wanted[2, 3]
    np.testing.assert_array_equal(got, wanted)


def test_arguments(rng):
    for make in (orthogonal.haar, orthogonal.HaarRotation):
        for bad in (0, -1):
            with pytest.raises(ValueError, match=r"\bd\b"):
                make(bad)
        for bad in (1.5, "3", None):
            with pytest.raises(TypeError, match=r"\bd\b"):
                make(bad)
        for bad in (-1, 2**64):
            with pytest.raises(ValueError, match=r"\bseed\b"):
                make(3, seed=bad)
        for bad in (1.0, None, "x"):
            with pytest.raises(TypeError, match=r"\bseed\b"):
                make(3, seed=bad)
        for bad in (np.float16, int, complex):
            with pytest.raises(TypeError, match=r"\bdtype\b"):
                make(3, dtype=bad)
    for bad in (-1, 4):
        with pytest.raises(ValueError, match=r"haar: k\b"):
            orthogonal.haar(3, k=bad)
    for bad in (-1, (2, -1)):
        with pytest.raises(ValueError, match=r"haar: size\b"):
            orthogonal.haar(3, bad)
    for bad in (1.5, (2, 1.5), "2"):
        with pytest.raises(TypeError, match=r"haar: size\b"):
            orthogonal.haar(3, bad)
    rotation = orthogonal.HaarRotation(3)
    with pytest.raises(ValueError, match=r"\bx\b"):
        rotation.apply(rng.normal(size=(2, 4)))
    with pytest.raises(ValueError, match=r"\bx\b"):
        rotation.apply(np.float64(1))
    with pytest.raises(TypeError, match=r"\bx\b.*dtype"):
        rotation.apply(np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"\bout\b"):
        rotation.apply(np.ones((2, 3)), out=np.ones((3, 3)))
    np.testing.assert_array_equal(rotation.apply([1, 2, 3]), rotation.apply([1.0, 2.0, 3.0]))
