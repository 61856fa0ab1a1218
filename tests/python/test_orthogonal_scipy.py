# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The orthogonal maps against what others compute: SciPy's rotations, dense matrices, LAPACK."""

import math

import numpy as np
import pytest
from support import FLOATS, error, norm, pair_at_angle, unit

from isokern import orthogonal

linalg = pytest.importorskip("scipy.linalg")
lapack = pytest.importorskip("scipy.linalg.lapack")
transform = pytest.importorskip("scipy.spatial.transform")


@pytest.mark.parametrize("angle", [1e-6, 0.1, 1.0, math.pi / 2, 3.0])
def test_three_dimensions_against_scipy(angle, rng):
    for _ in range(20):
        a, b = pair_at_angle(rng, 3, angle, np.float64)
        rotation, _ = transform.Rotation.align_vectors(b[None], a[None])
        np.testing.assert_allclose(
            orthogonal.rotation_matrix(a, b), rotation.as_matrix(), rtol=0, atol=2e-14
        )


@pytest.mark.parametrize("d", [2, 5, 50])
def test_rotation_is_the_exponential_of_its_plane(d, rng):
    for angle in (0.3, 1.5, 3.0):
        a, b = pair_at_angle(rng, d, angle, np.float64)
        normal = b - (a @ b) * a
        normal /= np.linalg.norm(normal)
        generator = angle * (np.outer(normal, a) - np.outer(a, normal))
        np.testing.assert_allclose(
            orthogonal.rotation_matrix(a, b), linalg.expm(generator), rtol=0, atol=1e-13
        )


@pytest.mark.parametrize("d", [2, 7, 100])
@pytest.mark.parametrize("dtype", FLOATS)
def test_reflections_against_dense_matrices(dtype, d, rng):
    a, b, x = (rng.normal(size=(6, d)).astype(dtype) for _ in range(3))
    w = unit(unit(a) - unit(b))
    dense = np.eye(d) - 2 * w[:, :, None] * w[:, None, :]
    product = np.einsum("nij,nj->ni", dense, x.astype(np.longdouble))
    scale = norm(x) * np.maximum(1, 1 / norm(unit(a) - unit(b)))
    assert error(orthogonal.reflect_between(a, b, x), product, scale) <= 4
    v = unit(a)
    dense = np.eye(d) - 2 * v[:, :, None] * v[:, None, :]
    product = np.einsum("nij,nj->ni", dense, x.astype(np.longdouble))
    assert error(orthogonal.reflect(a, x), product, norm(x)) <= 4


@pytest.mark.parametrize("d", [2, 8, 65])
def test_reflect_with_the_tau_of_lapack(d, rng):
    """LAPACK's reflector (v_0 = 1, tau) takes x to a multiple of the first unit vector."""
    x = rng.normal(size=d)
    beta, tail, tau = lapack.dlarfg(d, x[0], x[1:])
    v = np.concatenate([[1.0], tail])
    y = orthogonal.reflect(v, x, tau=np.float64(tau))
    wanted = np.zeros(d)
    wanted[0] = beta
    np.testing.assert_allclose(y, wanted, rtol=0, atol=4 * np.finfo(float).eps * np.linalg.norm(x))
    # The same map is that from x to the axis, on the side LAPACK chooses.
    axis = np.sign(beta) * np.eye(d)[0]
    np.testing.assert_allclose(
        orthogonal.reflection_matrix(x, axis), np.eye(d) - tau * np.outer(v, v), rtol=0, atol=4e-15
    )


def test_products_of_reflectors_are_the_q_of_a_factorisation(rng):
    x = rng.normal(size=(9, 5))
    packed, taus, _, info = lapack.dgeqrf(x)
    assert info == 0
    q = np.eye(9)  # rows are columns of the identity, so that the product comes out transposed
    for column in reversed(range(5)):
        v = np.concatenate([np.zeros(column), [1.0], packed[column + 1 :, column]])
        q = orthogonal.reflect(v, q, tau=taus[column])
    np.testing.assert_allclose(q.T[:, :5] @ np.triu(packed[:5]), x, rtol=0, atol=2e-14)
