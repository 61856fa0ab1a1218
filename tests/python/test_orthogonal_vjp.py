# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients of the orthogonal maps: against the definitions, against differences, near the edge."""

import math

import numpy as np
import pytest
from support import FLOATS, differences, error, norm, pair_at_angle, unit, wide

from isokern import orthogonal, reference

BUDGET = {np.float32: 2, np.float64: 4}  # eps of the largest terms
BETWEEN = ["reflect_between", "rotate_between"]
SHAPES = [  # batch axes of a, b, x
    ((), (), ()),
    ((5,), (5,), (5,)),
    ((), (), (40,)),
    ((6,), (), ()),
    ((3, 1), (4,), (2, 1, 4)),
    ((1, 1), (3, 1), (3, 5)),
]


def gap(name, a, b):
    """Distance of the unit vectors from the angle at which the map is not continuous."""
    return norm(unit(a) + (1 if name == "rotate_between" else -1) * unit(b))


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("d", [2, 3, 17, 64, 500])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BETWEEN)
def test_gradients_agree_with_the_definition(name, dtype, d, shapes, rng):
    batch = np.broadcast_shapes(*shapes)
    a, b, x = (rng.normal(size=(*shape, d)).astype(dtype) for shape in shapes)
    g = rng.normal(size=(*batch, d)).astype(dtype)
    got = getattr(orthogonal, f"{name}_vjp")(g, a, b, x)
    exact = getattr(reference.orthogonal, f"{name}_vjp")(*wide(g, a, b, x))
    terms = norm(g) * norm(x) * np.maximum(1, 1 / gap(name, a, b) ** 2)
    scales = (np.sum(terms) / np.min(norm(a)), np.sum(terms) / np.min(norm(b)), np.sum(norm(g)))
    for value, wanted, given, scale in zip(got, exact, (a, b, x), scales, strict=True):
        assert value.shape == given.shape
        assert value.dtype == dtype
        assert error(value, wanted, scale) <= BUDGET[dtype]


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_of_the_transposed_rotation(dtype, rng):
    g, a, b, x = (rng.normal(size=(30, 12)).astype(dtype) for _ in range(4))
    got = orthogonal.rotate_between_vjp(g, a, b, x, transpose=True)
    exact = reference.orthogonal.rotate_between_vjp(*wide(g, a, b, x), transpose=True)
    scale = norm(g) * norm(x) * np.maximum(1, 1 / gap("rotate_between", a, b) ** 2)
    for value, wanted, length in zip(got, exact, (norm(a), norm(b), norm(x)), strict=True):
        assert error(value, wanted, scale / length) <= BUDGET[dtype]


@pytest.mark.parametrize("shapes", [((), ()), ((4,), ()), ((3, 1), (2, 3, 4))], ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["reflection_matrix", "rotation_matrix"])
def test_gradients_of_matrices(name, dtype, shapes, rng):
    d = 9
    a, b = (rng.normal(size=(*shape, d)).astype(dtype) for shape in shapes)
    g = rng.normal(size=(*np.broadcast_shapes(*shapes), d, d)).astype(dtype)
    got = getattr(orthogonal, f"{name}_vjp")(g, a, b)
    exact = getattr(reference.orthogonal, f"{name}_vjp")(*wide(g, a, b))
    short = np.min(gap("rotate_between" if name == "rotation_matrix" else "reflect_between", a, b))
    for value, wanted, given in zip(got, exact, (a, b), strict=True):
        assert value.shape == given.shape
        scale = np.sum(norm(g)) / np.min(norm(given)) * max(1, 1 / short**2)
        assert error(value, wanted, scale) <= BUDGET[dtype]


@pytest.mark.parametrize("shapes", [((), ()), ((7,), ()), ((3, 1), (2, 3, 4))], ids=str)
@pytest.mark.parametrize("d", [1, 5, 130])
@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_of_reflect(dtype, d, shapes, rng):
    v, x = (rng.normal(size=(*shape, d)).astype(dtype) for shape in shapes)
    g = rng.normal(size=(*np.broadcast_shapes(*shapes), d)).astype(dtype)
    tau = rng.normal(size=shapes[0]).astype(dtype)
    for extra in ({}, {"tau": tau}):
        got = orthogonal.reflect_vjp(g, v, x, **extra)
        exact = reference.orthogonal.reflect_vjp(
            *wide(g, v, x), **{name: value.astype(float) for name, value in extra.items()}
        )
        assert len(got) == len(exact) == 2 + len(extra)
        size = max(1, np.max(np.abs(tau))) * np.max(np.maximum(norm(v) ** 2, 1 / norm(v)))
        scale = size * np.sum(norm(g) * (1 + norm(x)))
        for value, wanted, given in zip(got, exact, (v, x, tau), strict=False):
            assert value.shape == given.shape
            assert value.dtype == dtype
            assert error(value, wanted, scale) <= BUDGET[dtype]


@pytest.mark.parametrize("name", [*BETWEEN, "transposed", "reflect", "tau"])
def test_gradients_agree_with_differences(name, rng):
    shapes = [(3, 1, 4), (2, 4), (4,)]
    if name in ("reflect", "tau"):
        shapes = [(3, 1, 4), (2, 4)] + [(3, 1)] * (name == "tau")
    arguments = [rng.normal(size=shape) for shape in shapes]
    g = rng.normal(size=(3, 2, 4))
    if name == "transposed":
        got = orthogonal.rotate_between_vjp(g, *arguments, transpose=True)
        wanted = differences(
            lambda *given: orthogonal.rotate_between(*given, transpose=True), arguments, g
        )
    elif name == "tau":
        got = orthogonal.reflect_vjp(g, *arguments[:2], tau=arguments[2])
        wanted = differences(lambda v, x, tau: orthogonal.reflect(v, x, tau=tau), arguments, g)
    else:
        got = getattr(orthogonal, f"{name}_vjp")(g, *arguments)
        wanted = differences(getattr(orthogonal, name), arguments, g)
    for value, difference in zip(got, wanted, strict=True):
        np.testing.assert_allclose(value, difference, rtol=1e-6, atol=1e-7 * np.abs(value).max())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BETWEEN)
def test_gradients_lie_in_the_tangent_space_and_scale_with_the_length(name, dtype, rng):
    g, a, b, x = (rng.normal(size=(20, 8)).astype(dtype) for _ in range(4))
    kernel = getattr(orthogonal, f"{name}_vjp")
    a_bar, b_bar, x_bar = kernel(g, a, b, x)
    for bar, vector in ((a_bar, a), (b_bar, b)):
        along = np.sum(bar.astype(np.longdouble) * unit(vector), axis=-1, keepdims=True)
        scale = norm(bar) + norm(g) * norm(x) / norm(vector) / gap(name, a, b)
        assert error(along.astype(dtype), np.zeros_like(along), scale) <= BUDGET[dtype]
    scaled = kernel(g, 4 * a, b / 8, x)
    for value, wanted in zip(scaled, (a_bar / 4, b_bar * 8, x_bar), strict=True):
        np.testing.assert_array_equal(value, wanted)  # powers of two: exactly
    tiny = 2.0 ** (-100 if dtype == np.float32 else -500)
    far = kernel(g, dtype(tiny) * a, b, x)  # so far that another way of computing is taken
    assert error(far[1], b_bar, np.abs(b_bar).max()) <= BUDGET[dtype]
    assert error(far[0] * dtype(tiny), a_bar, np.abs(a_bar).max()) <= BUDGET[dtype]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BETWEEN)
def test_gradients_near_the_edge(name, dtype, rng):
    """They grow as 1/gap; their relative error may grow so too, but no faster."""
    edge = math.pi if name == "rotate_between" else 0.0
    for k in range(1, 7 if dtype == np.float32 else 15):
        a, b = pair_at_angle(rng, 16, abs(edge - 10.0**-k), dtype)
        g, x = (rng.normal(size=(3, 16)).astype(dtype) for _ in range(2))
        got = getattr(orthogonal, f"{name}_vjp")(g, a, b, x)
        exact = getattr(reference.orthogonal, f"{name}_vjp")(*wide(g, a, b, x))
        short = gap(name, a, b)
        for value, wanted in zip(got, exact, strict=True):
            scale = np.sum(norm(g) * norm(x)) / short**2
            assert error(value, wanted, scale) <= BUDGET[dtype], k
        size = float(np.max(norm(got[0])) * short[0])
        assert 0.01 < size < 1e3, k


@pytest.mark.parametrize("factor", [1, 2, 0.25])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [*BETWEEN, "reflection_matrix", "rotation_matrix"])
def test_no_gradient_at_the_edge(name, dtype, factor, rng):
    sign = -1 if name.startswith("rot") else 1
    a = rng.normal(size=(4, 6)).astype(dtype)
    b = rng.normal(size=(4, 6)).astype(dtype)
    g = rng.normal(size=(4, 6, 6) if "matrix" in name else (4, 6)).astype(dtype)
    rest = () if "matrix" in name else (rng.normal(size=(4, 6)).astype(dtype),)
    kernel = getattr(orthogonal, f"{name}_vjp")
    good = kernel(g, a, b, *rest)
    b[2] = sign * factor * a[2]
    with pytest.raises(ValueError, match=rf"{name}_vjp: .*\b2\b"):
        kernel(g, a, b, *rest)
    got = kernel(g, a, b, *rest, errors="nan")
    for value, before in zip(got, good, strict=True):
        np.testing.assert_array_equal(np.delete(value, 2, axis=0), np.delete(before, 2, axis=0))
    assert np.isnan(got[0][2]).all()
    assert np.isnan(got[1][2]).all()


@pytest.mark.parametrize("name", BETWEEN)
def test_gradients_of_empty_batches_are_zero(name):
    g = np.zeros((0, 3, 5))
    a_bar, b_bar, x_bar = getattr(orthogonal, f"{name}_vjp")(g, np.ones(5), np.eye(5)[:3], g)
    np.testing.assert_array_equal(a_bar, np.zeros(5))
    np.testing.assert_array_equal(b_bar, np.zeros((3, 5)))
    assert x_bar.shape == (0, 3, 5)
