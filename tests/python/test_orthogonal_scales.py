# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Vectors of any length the dtype holds, down to subnormals: the maps and their gradients."""

import numpy as np
import pytest
from support import FLOATS, error, norm, unit

from isokern import orthogonal, reference, rope

BETWEEN = ["reflect_between", "rotate_between"]
BUDGET = {np.float32: 3, np.float64: 4.5}  # the definition rounds to the same dtype: half an eps


def vectors(rng, dtype, d, *shapes):
    return [rng.normal(size=(*shape, d)).astype(dtype) for shape in shapes]


@pytest.mark.parametrize(
    ("dtype", "scale_a", "scale_b"),
    [
        (np.float32, 1e30, 1e30),
        (np.float32, 1e-30, 1e-30),
        (np.float32, 1e38, 1e-37),
        (np.float32, 3e-45, 1e-40),
        (np.float64, 1e150, 1e150),
        (np.float64, 1e-150, 1e-150),
        (np.float64, 1e307, 1e-307),
        (np.float64, 5e-324, 1e-310),
    ],
)
@pytest.mark.parametrize("d", [3, 40])
def test_any_scale_of_the_directions(dtype, scale_a, scale_b, d, rng):
    a, b, x = vectors(rng, dtype, d, (8,), (8,), (8,))
    a = (np.clip(a, -1, 1).astype(np.longdouble) * scale_a).astype(dtype)
    b = (np.clip(b, -1, 1).astype(np.longdouble) * scale_b).astype(dtype)
    a[:, 0] = np.abs(a[:, 0]) + dtype(scale_a)  # no vector of subnormals rounds to zero
    for name in BETWEEN:
        gap = norm(unit(a) + (1 if name == "rotate_between" else -1) * unit(b))
        keep = gap[:, 0] > 0.1  # few subnormal vectors exist: some pairs are parallel
        exact = getattr(reference.orthogonal, name)(a[keep], b[keep], x[keep])
        got = getattr(orthogonal, name)(a[keep], b[keep], x[keep])
        assert error(got, exact, norm(x[keep]) / np.minimum(1, gap[keep])) <= BUDGET[dtype]
    exact = reference.orthogonal.reflect(a, x)
    assert error(orthogonal.reflect(a, x), exact, norm(x)) <= BUDGET[dtype]


@pytest.mark.parametrize(("dtype", "scale"), [(np.float32, 1e37), (np.float64, 1e307)])
def test_large_x_does_not_overflow(dtype, scale, rng):
    a, b, x = vectors(rng, dtype, 5, (20,), (20,), (20,))
    x = (unit(x) * scale).astype(dtype)
    for name in BETWEEN:
        gap = norm(unit(a) + (1 if name == "rotate_between" else -1) * unit(b))
        exact = getattr(reference.orthogonal, name)(a, b, x)
        got = getattr(orthogonal, name)(a, b, x)
        assert error(got, exact, norm(x) * np.maximum(1, 1 / gap)) <= BUDGET[dtype]


@pytest.mark.parametrize("dtype", FLOATS)
def test_subnormal_x_is_not_flushed(dtype, rng):
    """The smallest numbers come out right to their own spacing."""
    smallest = np.finfo(dtype).smallest_subnormal
    a, b = vectors(rng, dtype, 9, (), ())
    x = (rng.integers(-1000, 1000, size=(20, 9)) * smallest).astype(dtype)
    for name in BETWEEN:
        got = getattr(orthogonal, name)(a, b, x).astype(np.longdouble)
        exact = getattr(reference.orthogonal, name)(a, b, x)
        assert np.max(np.abs(got - exact)) <= 1.01 * smallest
        assert np.count_nonzero(got) > 150
    got = rope.apply(x, plan=rope.plan(8), offsets=5).astype(np.longdouble)
    exact = reference.rope.apply(x, plan=rope.plan(8), offsets=5)
    assert np.max(np.abs(got - exact)) <= 1.01 * smallest


def relative(got, exact):
    """Largest difference in each gradient, relative to its largest entry, in eps."""
    for value, wanted in zip(got, exact, strict=True):
        yield error(value, wanted, np.max(np.abs(wanted)))


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [(np.float32, s) for s in (1e-30, 1e18, 1e30)]
    + [(np.float64, s) for s in (1e-305, 1e-150, 1e150, 1e305)],
)
def test_gradients_at_any_scale(dtype, scale, rng):
    g, a, b, x = (rng.normal(size=(12, 9)) for _ in range(4))
    a = (a * scale).astype(dtype)
    g, b, x = (value.astype(dtype) for value in (g, b, x))
    for name in BETWEEN:
        got = getattr(orthogonal, f"{name}_vjp")(g, a, b, x)
        exact = getattr(reference.orthogonal, f"{name}_vjp")(g, a, b, x)
        assert all(np.isfinite(value).all() for value in got)
        assert max(relative(got, exact)) <= 2 * BUDGET[dtype]
    got = orthogonal.reflect_vjp(g, a, x)
    assert max(relative(got, reference.orthogonal.reflect_vjp(g, a, x))) <= BUDGET[dtype]


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [(np.float32, 1e18), (np.float32, 1e-18), (np.float64, 1e150), (np.float64, 1e-150)],
)
def test_reflect_with_tau_at_any_scale(dtype, scale, rng):
    """tau = 2/|v|^2 given by the caller: the map is orthogonal, though |v|^2 nearly overflows."""
    v, x, g = (rng.normal(size=(12, 9)) for _ in range(3))
    v, x, g = (v * scale).astype(dtype), x.astype(dtype), g.astype(dtype)
    tau = (2 / np.sum(v.astype(np.longdouble) ** 2, axis=-1)).astype(dtype)
    exact = reference.orthogonal.reflect(v, x, tau=tau)
    assert error(orthogonal.reflect(v, x, tau=tau), exact, norm(x)) <= BUDGET[dtype]
    got = orthogonal.reflect_vjp(g, v, x, tau=tau)
    assert max(relative(got, reference.orthogonal.reflect_vjp(g, v, x, tau=tau))) <= BUDGET[dtype]


def test_float32_at_the_end_of_its_range():
    """Long directions and the largest x: the image fits, so no part of the way may overflow."""
    length = np.float32(2.0**37)
    a = length * np.array([[1, 0, 0, 0]], np.float32)
    b = length * np.array([[0.6, 0.8, 0, 0]], np.float32)
    x = np.full((1, 4), 2.4e38, np.float32)
    for name in ("rotate_between", "reflect_between"):
        got = getattr(orthogonal, name)(a, b, x)
        wanted = getattr(reference.orthogonal, name)(a, b, x)
        assert np.isfinite(got).all()
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    v = np.array([2.0**38, 0], np.float32)
    np.testing.assert_allclose(
        orthogonal.reflect(v, np.array([3e38, 1], np.float32)), np.float32([-3e38, 1]), rtol=1e-6
    )


def test_a_factor_beyond_the_range_leaves_what_is_orthogonal():
    v, x = np.array([1e200, 0.0]), np.array([0.0, 2.0])
    np.testing.assert_array_equal(orthogonal.reflect(v, x, tau=1e300), x)
    v_bar, x_bar, tau_bar = orthogonal.reflect_vjp(x, v, x, tau=np.float64(1e300))
    np.testing.assert_array_equal(x_bar, x)
    np.testing.assert_array_equal(v_bar, 0)
    assert tau_bar == 0
