# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Maps that carry one direction to another, and one reflector, against their definitions.

Errors are counted in eps times the length of x.
"""

import numpy as np
import pytest
from support import FLOATS, error, norm, unit, wide

from isokern import orthogonal, reference

# Float32 is summed in double precision. What is left, without fused operations: coefficients of up
# to 2 and their products, each half an ulp, and the sum, half an eps.
BUDGET = {np.float32: 2.5, np.float64: 4}
BETWEEN = ["reflect_between", "rotate_between"]
MATRIX = {
    "reflection_matrix": orthogonal.reflect_between,
    "rotation_matrix": orthogonal.rotate_between,
}
SHAPES = [  # batch axes of a, b, x
    ((), (), ()),
    ((5,), (5,), (5,)),
    ((), (), (7,)),
    ((6,), (), (6,)),
    ((3, 1), (4,), (2, 3, 4)),
    ((3, 4), (1, 4), ()),
]


def vectors(rng, dtype, d, *shapes):
    return [rng.normal(size=(*shape, d)).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("d", [2, 3, 7, 16, 33, 384, 1000])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BETWEEN)
def test_between_agrees_with_the_definition(name, dtype, d, shapes, rng):
    a, b, x = vectors(rng, dtype, d, *shapes)
    y = getattr(orthogonal, name)(a, b, x)
    assert y.dtype == dtype
    exact = getattr(reference.orthogonal, name)(*wide(a, b, x))
    # The map itself is conditioned as 1/|a - b| or 1/|a + b|.
    gap = norm(unit(a) + (1 if name == "rotate_between" else -1) * unit(b))
    assert error(y, exact, norm(x) * np.maximum(1, 1 / gap)) <= BUDGET[dtype]


@pytest.mark.parametrize("dtype", FLOATS)
def test_transpose_undoes_the_rotation(dtype, rng):
    a, b, x = vectors(rng, dtype, 24, (9,), (9,), (9,))
    back = orthogonal.rotate_between(a, b, x, transpose=True)
    exact = reference.orthogonal.rotate_between(*wide(a, b, x), transpose=True)
    assert error(back, exact, norm(x)) <= BUDGET[dtype]
    assert error(back, orthogonal.rotate_between(b, a, x), norm(x)) <= BUDGET[dtype]
    assert error(orthogonal.rotate_between(a, b, back), x, norm(x)) <= 2 * BUDGET[dtype]


@pytest.mark.parametrize("d", [1, 2, 3, 5, 17, 64])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", MATRIX)
def test_matrices(name, dtype, d, rng):
    a, b, x = vectors(rng, dtype, d, (3, 1), (4,), (3, 4))
    determinant = -1 if name == "reflection_matrix" else 1
    if d == 1:  # each of the two maps exists for one sign only
        a, b = abs(a), determinant * abs(b)
    matrix = getattr(orthogonal, name)(a, b)
    assert matrix.shape == (3, 4, d, d)
    assert matrix.dtype == dtype
    gap = norm(unit(a) + determinant * unit(b))[..., None]
    exact = getattr(reference.orthogonal, name)(*wide(a, b))
    assert error(matrix, exact, np.maximum(1, 1 / gap)) <= BUDGET[dtype]
    gram = np.swapaxes(matrix, -1, -2).astype(np.longdouble) @ matrix.astype(np.longdouble)
    assert error(gram.astype(dtype), np.broadcast_to(np.eye(d), gram.shape)) <= 2 * BUDGET[dtype]
    assert np.linalg.det(matrix.astype(float)) == pytest.approx(determinant, abs=1e-5)
    product = np.einsum("...ij,...j->...i", matrix.astype(float), x.astype(float))
    assert error(MATRIX[name](a, b, x), product, norm(x)) <= 2 * BUDGET[dtype]


@pytest.mark.parametrize("shapes", [((), ()), ((4,), ()), ((3, 1), (2, 3, 5))], ids=str)
@pytest.mark.parametrize("d", [1, 2, 9, 64, 333])
@pytest.mark.parametrize("dtype", FLOATS)
def test_reflect(dtype, d, shapes, rng):
    v, x = vectors(rng, dtype, d, *shapes)
    y = orthogonal.reflect(v, x)
    assert y.dtype == dtype
    assert error(y, reference.orthogonal.reflect(*wide(v, x)), norm(x)) <= BUDGET[dtype]
    tau = rng.normal(size=shapes[0]).astype(dtype)
    exact = reference.orthogonal.reflect(*wide(v, x), tau=tau.astype(float))
    scale = norm(x) * (1 + np.abs(tau[..., None]) * norm(v) ** 2)
    assert error(orthogonal.reflect(v, x, tau=tau), exact, scale) <= BUDGET[dtype]


def test_reflect_with_broadcast_tau(rng):
    v, x = vectors(rng, np.float64, 6, (5,), (2, 5))
    tau = rng.normal(size=(3, 1, 1))
    y = orthogonal.reflect(v, x, tau=tau)
    assert y.shape == (3, 2, 5, 6)
    assert error(y, reference.orthogonal.reflect(v, x, tau=tau), 1 + norm(y)) <= 4
    zero = np.zeros(6)  # no direction is needed where tau is given
    np.testing.assert_array_equal(orthogonal.reflect(zero, x, tau=np.float64(0.5)), x)


@pytest.mark.parametrize("name", BETWEEN)
def test_integers_and_sequences_are_float64(name):
    kernel = getattr(orthogonal, name)
    y = kernel([3, 4], [0, 2], np.arange(2))
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, kernel([3.0, 4.0], [0.0, 2.0], [0.0, 1.0]), rtol=0, atol=0)
    np.testing.assert_allclose(kernel([3, 4], [0, 2], [3, 4]), [0, 5], atol=1e-15)


def test_examples_by_hand():
    east, north = [1.0, 0.0], [0.0, 1.0]
    quarter = [[0.0, -1.0], [1.0, 0.0]]
    np.testing.assert_allclose(orthogonal.rotation_matrix(east, north), quarter, atol=3e-16)
    np.testing.assert_allclose(
        orthogonal.reflection_matrix(east, north), [[0, 1], [1, 0]], atol=3e-16
    )
    np.testing.assert_allclose(orthogonal.reflect([1.0, 1.0], [5.0, 2.0]), [-2, -5], atol=2e-15)
    np.testing.assert_allclose(
        orthogonal.reflect([1.0, 1.0], [5.0, 2.0], tau=np.float64(0.5)), [1.5, -1.5], atol=2e-15
    )
