# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Tangents of products of reflectors: against the definition, differences, and the gradients.

Errors are counted in eps times what y_dot is summed from, |x_dot| + |x| sum |v_dot_i| / |v_i|, and
`support.terms`.
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
    error,
    norm,
    random_product,
    same_bits,
    stored,
    terms,
    wide,
    wide_tau,
)

from isokern import orthogonal, reference

BUDGET = 4


@pytest.mark.parametrize("storage", ["dense", "lapack"])
@pytest.mark.parametrize("shape", PRODUCT_SHAPES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_tangents(dtype, shape, storage, rng):
    """They agree with the definition, and with the gradients: <g, y_dot> = <v_bar, v_dot> + ..."""
    m, k, _ = shape
    for (side, transpose), batches in itertools.product(
        PRODUCT_SIDES, PRODUCT_BATCHES if m < 10 else PRODUCT_BATCHES[:2]
    ):
        g, v, x, tau = random_product(rng, dtype, shape, side, storage, batches)
        v_dot, x_dot = (rng.normal(size=a.shape).astype(dtype) for a in (v, x))
        tangent = None if tau is None else (tau * rng.normal(size=tau.shape)).astype(dtype)
        options = {"side": side, "transpose": transpose, "storage": storage}
        y, y_dot = orthogonal.apply_reflectors_jvp(
            v, x, v_dot, x_dot, tau=tau, tau_dot=tangent, **options
        )
        exact = reference.orthogonal.apply_reflectors_jvp(
            *wide(v, x, v_dot, x_dot),
            tau=wide_tau(tau),
            tau_dot=wide_tau(tangent),
            **options,
        )
        lengths = [column_norm(a) if side == "left" else norm(a) for a in (x, x_dot, exact[1])]
        size = column_norm(stored(v, storage))
        change = float(np.sum(column_norm(v_dot) / np.min(size, initial=np.inf)))
        assert y_dot.dtype == dtype
        assert error(y, exact[0], lengths[0] * terms(m, k)) <= BUDGET
        scale = lengths[1] + lengths[0] * (change + k)
        assert error(y_dot, exact[1], scale * terms(m, k)) <= BUDGET
        bars = orthogonal.apply_reflectors_vjp(g, v, x, tau=tau, **options)
        dots = [v_dot, x_dot, tangent][: len(bars)]
        parts = [np.sum(a.astype(float) * b) for a, b in zip(bars, dots, strict=True)]
        total = np.sum(g.astype(float) * y_dot)
        size = sum(map(abs, parts)) + float(np.sum(column_norm(g)) * np.sum(scale))
        assert error(np.asarray(total, dtype), sum(parts), size * terms(m, k) + 1e-30) <= BUDGET


def test_tangents_that_are_not_given_are_zero(rng):
    v, x, v_dot, x_dot = (rng.normal(size=(8, 5)) for _ in range(4))
    tau, tau_dot = rng.uniform(size=(2, 5))
    zero, zeros = np.zeros((8, 5)), np.zeros(5)
    jvp = orthogonal.apply_reflectors_jvp
    whole = jvp(v, x, v_dot, x_dot, tau=tau, tau_dot=tau_dot)[1]
    parts = [
        jvp(v, x, v_dot, None, tau=tau)[1],
        jvp(v, x, None, x_dot, tau=tau)[1],
        jvp(v, x, None, None, tau=tau, tau_dot=tau_dot)[1],
    ]
    np.testing.assert_allclose(sum(parts), whole, rtol=0, atol=1e-11)
    for part, dots in zip(parts, np.eye(3), strict=True):
        given = [
            d if on else z for d, on, z in zip((v_dot, x_dot), dots[:2], (zero, zero), strict=True)
        ]
        other = jvp(v, x, *given, tau=tau, tau_dot=tau_dot if dots[2] else zeros)[1]
        np.testing.assert_allclose(part, other, rtol=0, atol=1e-13)
    y, still = jvp(v, x, None, None)
    np.testing.assert_array_equal(still, 0)
    np.testing.assert_allclose(y, orthogonal.apply_reflectors(v, x), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("side", "transpose"), PRODUCT_SIDES)
def test_tangents_agree_with_differences(side, transpose, rng):
    _, v, x, tau = random_product(rng, np.float64, (5, 4, 3), side, "dense", ((2, 1), (3,), ()))
    v_dot, x_dot, tau_dot = (rng.normal(size=a.shape) for a in (v, x, tau))
    options = {"side": side, "transpose": transpose}
    for given, dot in ((tau, tau_dot), (None, None)):
        step = 1e-6
        values = [
            orthogonal.apply_reflectors(
                v + h * v_dot, x + h * x_dot, tau=None if dot is None else tau + h * dot, **options
            )
            for h in (step, -step)
        ]
        _, y_dot = orthogonal.apply_reflectors_jvp(
            v, x, v_dot, x_dot, tau=given, tau_dot=dot, **options
        )
        np.testing.assert_allclose(
            y_dot, (values[0] - values[1]) / (2 * step), rtol=1e-6, atol=1e-7 * np.abs(y_dot).max()
        )


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [(np.float32, 1e-15), (np.float32, 1e15), (np.float64, 1e-140), (np.float64, 1e140)],
)
def test_reflectors_of_any_scale(dtype, scale, rng):
    """v_dot may be as large as v."""
    m, k = 20, 40
    factors = np.resize([dtype(scale), dtype(1)], k)
    v, v_dot = (rng.normal(size=(m, k)).astype(dtype) * factors for _ in range(2))
    x = rng.normal(size=(m, 5)).astype(dtype)
    y_dot = orthogonal.apply_reflectors_jvp(v, x, v_dot)[1]
    wanted = reference.orthogonal.apply_reflectors_jvp(*wide(v, x, v_dot))[1]
    change = np.sum(column_norm(v_dot) / column_norm(v))
    assert error(y_dot, wanted, change * column_norm(x) * terms(m, k)) <= BUDGET


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_x_and_tangents_spoil_their_own_columns_only(bad, rng):
    v, v_dot = rng.normal(size=(2, 3, 6, 4))
    x, x_dot = rng.normal(size=(2, 3, 6, 9))
    good = orthogonal.apply_reflectors_jvp(v, x, v_dot, x_dot)
    x[1, 2, 3] = bad
    x_dot[2, 0, 5] = bad
    y, y_dot = orthogonal.apply_reflectors_jvp(v, x, v_dot, x_dot)
    for got, before, columns in ((y, good[0], [(1, 3)]), (y_dot, good[1], [(1, 3), (2, 5)])):
        for item, column in columns:
            assert not np.isfinite(got[item, :, column]).any()
            got[item, :, column] = before[item, :, column]
        np.testing.assert_array_equal(got, before)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_memory(layout, rng):
    x_dot, v, x, tau = random_product(
        rng, np.float64, (9, 12, 9), "left", "dense", ((3,), (3,), (3,))
    )
    laid = [LAYOUTS[layout](array) for array in (v, x, v, x_dot, tau)]
    for array in laid:
        array.flags.writeable = False
    for dots in ({}, {"tau_dot": tau}):
        wanted = orthogonal.apply_reflectors_jvp(v, x, v, x_dot, tau=tau, **dots)
        dots = dict.fromkeys(dots, laid[4])
        got = orthogonal.apply_reflectors_jvp(*laid[:4], tau=laid[4], **dots)
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sizes", [((300,), 12, 12, 5), ((), 120, 90, 300)])
def test_threads(sizes, dtype, rng):
    batch, m, k, n = sizes
    v, v_dot = rng.standard_normal((2, *batch, m, k), dtype=dtype)
    x, x_dot = rng.standard_normal((2, *batch, m, n), dtype=dtype)
    same_bits(lambda: orthogonal.apply_reflectors_jvp(v, x, v_dot, x_dot))
    if batch:  # one product for all
        same_bits(lambda: orthogonal.apply_reflectors_jvp(v[0], x, v_dot[0], x_dot))
