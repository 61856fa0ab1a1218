# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients of products of reflectors: against the definition and differences.

Errors are counted in eps times the largest terms that a gradient is summed from, |g| |x| / |v| for
v and |g| |x| |v|^2 for tau, and `support.terms`.
"""

import itertools

import numpy as np
import pytest
from support import (
    FLOATS,
    LAYOUTS,
    PRODUCT_BATCHES,
    PRODUCT_SHAPES,
    PRODUCT_SIDES,
    column_norm,
    differences,
    error,
    norm,
    random_product,
    random_reflectors,
    same_bits,
    stored,
    terms,
    wide,
    wide_tau,
)

from isokern import orthogonal, reference

BUDGET = 6
BATCHES = [*PRODUCT_BATCHES, ((3,), None, ())]


def check(got, exact, g, v, x, tau, side, storage):
    """Compare (v_bar, x_bar) or (v_bar, x_bar, tau_bar)."""
    m, k = v.shape[-2:]
    lengths = [column_norm(a) if side == "left" else norm(a) for a in (g, x)]
    total = float(np.sum(lengths[0] * lengths[1]))
    size = column_norm(stored(v, storage))
    shortest, longest = np.min(size, initial=np.inf), np.max(size, initial=0)
    each = lengths[0] if g.shape == x.shape else np.sum(lengths[0])
    scales = [total / shortest, each, total * longest**2]
    arguments = [v, x] if tau is None else [v, x, tau]
    assert len(got) == len(arguments)
    for value, wanted, given, scale in zip(got, exact, arguments, scales, strict=False):
        assert value.shape == given.shape
        assert value.dtype == given.dtype
        assert error(value, wanted, (scale + 1e-30) * terms(m, k)) <= BUDGET
    if storage == "lapack":
        np.testing.assert_array_equal(np.triu(got[0]), 0)


@pytest.mark.parametrize("storage", ["dense", "lapack"])
@pytest.mark.parametrize("shape", PRODUCT_SHAPES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_agree_with_the_definition(dtype, shape, storage, rng):
    for (side, transpose), batches in itertools.product(
        PRODUCT_SIDES, [((), None, ()), ((), (), ())]
    ):
        g, v, x, tau = random_product(rng, dtype, shape, side, storage, batches)
        options = {"side": side, "transpose": transpose, "storage": storage}
        got = orthogonal.apply_reflectors_vjp(g, v, x, tau=tau, **options)
        exact = reference.orthogonal.apply_reflectors_vjp(
            *wide(g, v, x), tau=wide_tau(tau), **options
        )
        check(got, exact, g, v, x, tau, side, storage)


@pytest.mark.parametrize("storage", ["dense", "lapack"])
@pytest.mark.parametrize("batches", BATCHES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_are_summed_over_broadcast_axes(dtype, batches, storage, rng):
    for side, transpose in PRODUCT_SIDES:
        g, v, x, tau = random_product(rng, dtype, (6, 4, 3), side, storage, batches)
        options = {"side": side, "transpose": transpose, "storage": storage}
        got = orthogonal.apply_reflectors_vjp(g, v, x, tau=tau, **options)
        exact = reference.orthogonal.apply_reflectors_vjp(
            *wide(g, v, x), tau=wide_tau(tau), **options
        )
        check(got, exact, g, v, x, tau, side, storage)


@pytest.mark.parametrize("dtype", FLOATS)
def test_maps_that_can_not_be_undone(dtype, rng):
    """With ``tau |v|^2 = 1`` a reflector is a projection, and x isn't to be had from Q x."""
    m, k, n = 50, 80, 6
    for side, transpose in PRODUCT_SIDES:
        g, v, x, _ = random_product(rng, dtype, (m, k, n), side, "dense", ((), None, ()))
        tau = (1 / column_norm(v)[0] ** 2).astype(dtype)
        options = {"side": side, "transpose": transpose}
        got = orthogonal.apply_reflectors_vjp(g, v, x, tau=tau, **options)
        exact = reference.orthogonal.apply_reflectors_vjp(
            *wide(g, v, x), tau=wide_tau(tau), **options
        )
        check(got, exact, g, v, x, tau, side, "dense")


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_factor_of_zero_has_a_gradient(dtype, rng):
    """The identity moves as tau does: tau_bar = -(v.x) (v.g), while v does not matter."""
    v, x, g = (rng.normal(size=(7, n)).astype(dtype) for n in (1, 3, 3))
    tau = np.zeros(1, dtype)
    v_bar, x_bar, tau_bar = orthogonal.apply_reflectors_vjp(g, v, x, tau=tau)
    np.testing.assert_array_equal(v_bar, 0)
    np.testing.assert_array_equal(x_bar, g)
    wanted = -np.sum((v.T.astype(float) @ x) * (v.T.astype(float) @ g))
    assert error(tau_bar, [wanted], norm(v.T) ** 2 * np.sum(column_norm(g) * column_norm(x))) <= 4
    t_bar = np.full((1, 1), 3, dtype)
    v_bar, tau_bar = orthogonal.compact_wy_vjp(t_bar, v, tau=tau)
    np.testing.assert_array_equal(v_bar, 0)
    np.testing.assert_array_equal(tau_bar, [3])


@pytest.mark.parametrize("storage", ["dense", "lapack"])
@pytest.mark.parametrize("shape", PRODUCT_SHAPES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["compact_wy", "form_q", "full"])
def test_gradients_of_matrices(name, dtype, shape, storage, rng):
    m, k, _ = shape
    k = min(m, k) if storage == "lapack" else k
    options = {"storage": storage, **({"thin": False} if name == "full" else {})}
    name = "form_q" if name == "full" else name
    for v_batch, tau_batch in [((2,), None), ((), ()), ((2, 1), (3,)), ((1,), (2, 3))][
        : 4 if m < 20 else 2
    ]:
        v, tau = random_reflectors(rng, dtype, (*v_batch, m, k), storage, tau_batch)
        value = getattr(orthogonal, name)(v, tau=tau, **options)
        g = rng.normal(size=value.shape).astype(dtype)
        got = getattr(orthogonal, f"{name}_vjp")(g, v, tau=tau, **options)
        exact = getattr(reference.orthogonal, f"{name}_vjp")(
            *wide(g, v), tau=wide_tau(tau), **options
        )
        assert isinstance(got, tuple) == (tau is not None)
        got, exact = (results if tau is not None else (results,) for results in (got, exact))
        least = np.max(np.abs(g), initial=0) / np.min(column_norm(stored(v, storage)), initial=1)
        for bar, wanted, given in zip(got, exact, (v, tau), strict=False):
            assert bar.shape == given.shape
            assert bar.dtype == dtype
            scale = np.max(np.abs(wanted), initial=least) * terms(m, k)  # it may all cancel
            assert error(bar, wanted, scale + 1e-30) <= BUDGET
        if storage == "lapack":
            np.testing.assert_array_equal(np.triu(got[0]), 0)


def test_the_cotangent_of_zeros_does_not_count(rng):
    v, g = rng.normal(size=(9, 6)), rng.normal(size=(6, 6))
    wanted = orthogonal.compact_wy_vjp(np.triu(g), v)
    np.testing.assert_array_equal(orthogonal.compact_wy_vjp(g, v), wanted)
    g[np.tril_indices(6, -1)] = np.nan
    np.testing.assert_array_equal(orthogonal.compact_wy_vjp(g, v), wanted)


@pytest.mark.parametrize("storage", ["dense", "lapack"])
@pytest.mark.parametrize(("side", "transpose"), PRODUCT_SIDES)
@pytest.mark.parametrize("batches", BATCHES[:6:2], ids=str)
def test_gradients_agree_with_differences(batches, side, transpose, storage, rng):
    g, v, x, tau = random_product(rng, np.float64, (4, 3, 2), side, storage, batches)
    options = {"side": side, "transpose": transpose, "storage": storage}

    def apply(v, x, tau=None):
        return orthogonal.apply_reflectors(v, x, tau=tau, **options)

    v = stored(v, storage)  # finite where it does not matter
    given = [v, x] if tau is None else [v, x, tau]
    got = orthogonal.apply_reflectors_vjp(g, v, x, tau=tau, **options)
    for bar, wanted in zip(got, differences(apply, given, g), strict=True):
        np.testing.assert_allclose(bar, wanted, rtol=1e-6, atol=1e-7 * np.abs(bar).max())
    for name in ("compact_wy", "form_q"):
        build, more = getattr(orthogonal, name), {} if tau is None else {"tau": tau}
        g = rng.normal(size=build(v, **more, storage=storage).shape)
        got = getattr(orthogonal, f"{name}_vjp")(g, v, **more, storage=storage)
        wanted = differences(
            lambda v, tau=None, build=build: build(v, tau=tau, storage=storage),
            [v] if tau is None else [v, tau],
            g,
        )
        for bar, difference in zip(got if more else (got,), wanted, strict=True):
            np.testing.assert_allclose(bar, difference, rtol=1e-6, atol=1e-7 * np.abs(bar).max())


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [(np.float32, 1e-15), (np.float32, 1e15), (np.float64, 1e-140), (np.float64, 1e140)],
)
def test_reflectors_of_any_scale(dtype, scale, rng):
    """v_bar falls as 1 / |v|."""
    m, k = 20, 40
    base, x, g = (rng.normal(size=(m, n)).astype(dtype) for n in (k, 5, 5))
    factors = np.resize([dtype(scale), dtype(1)], k)
    v = base * factors
    v_bar, x_bar = orthogonal.apply_reflectors_vjp(g, v, x)
    exact = reference.orthogonal.apply_reflectors_vjp(*wide(g, v, x))
    size = column_norm(v) / float(np.sum(column_norm(g) * column_norm(x)))
    scaled = (v_bar.astype(np.longdouble) * size).astype(dtype)
    assert error(scaled, exact[0] * size, terms(m, k)) <= BUDGET
    assert error(x_bar, exact[1], column_norm(g) * terms(m, k)) <= BUDGET


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_x_and_cotangent(bad, rng):
    """They spoil the gradient of their reflectors, and their own columns of x_bar."""
    v, x, g = rng.normal(size=(3, 6, 4)), rng.normal(size=(3, 6, 9)), rng.normal(size=(3, 6, 9))
    good = orthogonal.apply_reflectors_vjp(g, v, x)
    x[1, 2, 3] = bad
    g[2, 0, 5] = bad
    v_bar, x_bar = orthogonal.apply_reflectors_vjp(g, v, x)
    assert not np.isfinite(v_bar[1:]).all(axis=(1, 2)).any()
    np.testing.assert_array_equal(v_bar[0], good[0][0])
    assert not np.isfinite(x_bar[2, :, 5]).any()
    x_bar[2, :, 5] = good[1][2, :, 5]
    np.testing.assert_array_equal(x_bar, good[1])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_memory(layout, rng):
    g, v, x, tau = random_product(rng, np.float64, (9, 12, 9), "left", "dense", ((3,), (3,), (3,)))
    laid = [LAYOUTS[layout](array) for array in (g, v, x, tau)]
    for array in laid:
        array.flags.writeable = False
    wanted = orthogonal.apply_reflectors_vjp(g, v, x, tau=tau)
    for got, bar in zip(
        orthogonal.apply_reflectors_vjp(*laid[:3], tau=laid[3]), wanted, strict=True
    ):
        np.testing.assert_array_equal(got, bar)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sizes", [((300,), 12, 12, 5), ((), 120, 90, 400)])
def test_threads(sizes, dtype, rng):
    batch, m, k, n = sizes
    v = rng.standard_normal((*batch, m, k), dtype=dtype)
    x, g = rng.standard_normal((2, *batch, m, n), dtype=dtype)
    same_bits(lambda: orthogonal.apply_reflectors_vjp(g, v, x))
    same_bits(lambda: orthogonal.form_q_vjp(orthogonal.form_q(v), v))
    same_bits(lambda: orthogonal.compact_wy_vjp(orthogonal.compact_wy(v), v))
    if batch:  # sums over the batch
        same_bits(lambda: orthogonal.apply_reflectors_vjp(g, v[0], x))
