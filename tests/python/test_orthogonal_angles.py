# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Directions that are nearly or exactly parallel: full accuracy at every angle.

The maps are discontinuous at one end, so what is tested there is not the matrix but what it
promises: T a = b, lengths and angles kept, the determinant; at the end itself, the convention.
"""

import itertools
import math

import numpy as np
import pytest
from support import FLOATS, eps, error, norm, pair_at_angle, unit, wide

from isokern import orthogonal, reference

ANGLES = sorted(
    {0.0, math.pi, *(10.0**-k for k in range(17)), *(math.pi - 10.0**-k for k in range(17))}
)
KERNELS = {
    "reflect_between": (orthogonal.reflect_between, orthogonal.reflection_matrix, -1),
    "rotate_between": (orthogonal.rotate_between, orthogonal.rotation_matrix, 1),
}


def budgets(dtype, d):
    """Return bounds, in eps, for |T a/|a| - b/|b||, |(T x).(T y) - x.y| and |T^T T x - x|.

    Float32 is summed in double precision: what is left is the rounding of coefficients, products
    and the result. Float64 sums carry an error that grows slowly with their length.
    """
    if dtype == np.float32:
        return 1.5, 3, 2.5
    return 5 + math.sqrt(d) / 10, 8 + math.sqrt(d) / 2.5, 8


def distance(y, exact):
    """Length of the difference relative to that of the exact vectors, in eps."""
    difference = y.astype(np.longdouble) - exact
    return float(np.max(norm(difference) / norm(exact))) / eps(y.dtype)


def products(x):
    """Inner products of all rows, in extended precision."""
    x = x.astype(np.longdouble)
    return x @ x.T


def fixed_directions(dtype):
    """Return the conventions' special vectors: ties and zeros among the components."""
    return [
        np.array(v, dtype=dtype)
        for v in ([1, 0, 0], [0, 0, 2], [1, 1, 1], [-1, 1], [3, -4], [0.5, -0.25, 0.25, 8, 0.25])
    ]


@pytest.mark.parametrize("d", [2, 3, 64, 1000])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", KERNELS)
def test_all_angles(name, dtype, d, rng):
    apply = KERNELS[name][0]
    mapping, orthogonality, inverse = budgets(dtype, d)
    for angle in ANGLES:
        a, b = pair_at_angle(rng, d, angle, dtype)
        if d == 64:  # lengths must not matter, nor that the multiples are rounded
            a, b = a * dtype(3.7), b * dtype(1e-3)
        assert distance(apply(a, b, a), norm(a) * unit(b)) <= mapping, angle
        if name == "reflect_between":
            assert distance(apply(a, b, b), norm(b) * unit(a)) <= mapping, angle
        x = unit(np.vstack([a, b, rng.normal(size=(6, d))])).astype(dtype)
        y = apply(a, b, x)
        change = np.abs(products(y) - products(x)).max() / eps(dtype)
        assert change <= orthogonality, angle
        if name == "rotate_between":
            back = orthogonal.rotate_between(a, b, y, transpose=True)
        else:
            back = apply(a, b, y)
        assert error(back, x) <= inverse, angle


@pytest.mark.parametrize("d", [2, 3, 64])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", KERNELS)
def test_all_angles_as_matrices(name, dtype, d, rng):
    _, matrix_of, determinant = KERNELS[name]
    pairs = [pair_at_angle(rng, d, angle, dtype) for angle in ANGLES]
    a, b = (np.stack(side) for side in zip(*pairs, strict=True))
    mapping, orthogonality, _ = budgets(dtype, d)
    matrix = matrix_of(a, b).astype(np.longdouble)
    gram = np.swapaxes(matrix, -1, -2) @ matrix
    assert np.max(np.abs(gram - np.eye(d))) <= orthogonality * eps(dtype)
    mapped = np.einsum("...ij,...j->...i", matrix, unit(a))
    assert np.max(norm(mapped - unit(b))) <= mapping * eps(dtype)
    sign, log = np.linalg.slogdet(matrix.astype(np.float64))
    np.testing.assert_array_equal(sign, determinant)
    assert np.max(np.abs(log)) <= d * orthogonality * eps(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", KERNELS)
def test_agrees_with_the_definition_as_far_as_the_map_is_conditioned(name, dtype, rng):
    sign = KERNELS[name][2]
    for d in (3, 64):
        for angle in ANGLES:
            a, b = pair_at_angle(rng, d, angle, dtype)
            gap = norm(unit(a) + sign * unit(b))
            if gap < 1e-14:
                continue  # the convention, or about to become it
            x = rng.normal(size=(4, d)).astype(dtype)
            exact = getattr(reference.orthogonal, name)(*wide(a, b, x))
            scale = norm(x) * np.maximum(1, 1 / gap)
            assert error(KERNELS[name][0](a, b, x), exact, scale) <= 4, (d, angle)


@pytest.mark.parametrize(
    ("dtype", "factor"),
    [*itertools.product(FLOATS, (1, 2, 0.25)), (np.float64, 3), (np.float64, 0.1)],
)
@pytest.mark.parametrize("name", KERNELS)
def test_convention_where_the_map_is_not_unique(name, dtype, factor, rng):
    """Directions within 4 eps of float64 are parallel, and so are its rounded multiples."""
    apply, matrix_of, sign = KERNELS[name]
    directions = [*fixed_directions(dtype), *(rng.normal(size=d).astype(dtype) for d in (2, 5, 64))]
    for a in directions:
        b = dtype(-sign * factor) * a
        matrix = matrix_of(a, b)
        e = unit(a)
        h = np.zeros(a.size)
        h[np.argmin(np.abs(a))] = 1  # the first of the smallest
        h = unit(h - e * (h @ e))
        exact = np.eye(a.size) - 2 * np.outer(h, h)
        if name == "rotate_between":
            exact = (np.eye(a.size) - 2 * np.outer(e, e)) @ exact
        assert error(matrix, exact) <= 4, a
        x = rng.normal(size=(3, a.size)).astype(dtype)
        assert error(apply(a, b, x), x @ exact.T, norm(x)) <= 4, a


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_line_has_only_two_orthogonal_maps(dtype):
    one, minus = np.ones(1, dtype), -np.ones(1, dtype)
    x = np.array([5], dtype)
    np.testing.assert_array_equal(orthogonal.rotate_between(one, 3 * one, x), x)
    np.testing.assert_array_equal(orthogonal.reflect_between(one, 3 * minus, x), -x)
    with pytest.raises(ValueError, match="rotate_between"):
        orthogonal.rotate_between(one, minus, x)
    with pytest.raises(ValueError, match="reflect_between"):
        orthogonal.reflect_between(one, one, x)
    a, b = np.array([[1], [2], [3]], dtype), np.array([[1], [-1], [2]], dtype)
    turned = orthogonal.rotate_between(a, b, x, errors="nan")
    np.testing.assert_array_equal(turned, [[5], [np.nan], [5]])
    mirrored = orthogonal.reflect_between(a, b, x, errors="nan")
    np.testing.assert_array_equal(mirrored, [[np.nan], [-5], [np.nan]])
    matrix = orthogonal.rotation_matrix(a, b, errors="nan")
    np.testing.assert_array_equal(matrix, [[[1]], [[np.nan]], [[1]]])
