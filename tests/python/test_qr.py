# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Factorisations: residuals and orthogonality for any matrix, factors where these are determined.

Errors are counted in eps times the length of the column at hand and `support.terms`; those of the
factors themselves also times the condition of the columns, made equally long.
"""

import numpy as np
import pytest
from support import (
    FLOATS,
    LAYOUTS,
    TINY,
    bits,
    column_norm,
    error,
    same_bits,
    terms,
    wide,
)

from isokern import orthogonal, reference

BUDGET = 4
SHAPES = [(1, 1), (1, 7), (7, 1), (2, 2), (3, 2), (5, 9), (8, 8), (17, 16), (16, 33), (40, 33)]
SHAPES += [(64, 64), (65, 130), (130, 70), (70, 70)]
MODES = ["reduced", "complete", "r", "factored"]


def condition(x):
    """Condition of the first min(m, n) columns, made equally long."""
    x = x[..., : min(x.shape[-2:])].astype(float)
    size = np.linalg.svd(x / column_norm(x).astype(float), compute_uv=False)
    return (size[..., 0] / size[..., -1])[..., None, None]


def random(rng, dtype, *shape):
    return rng.normal(size=shape).astype(dtype)


def check_factors(x):
    """Whatever the matrix is: q r = x by columns, q^T q = 1, zeros where they belong, one r."""
    m, n = x.shape[-2:]
    p = min(m, n)
    scale = np.maximum(column_norm(x), TINY) * terms(max(m, 1), p)
    v, tau, r = orthogonal.qr(x, mode="factored")
    np.testing.assert_array_equal(np.triu(v), np.broadcast_to(np.eye(m, p), v.shape))
    np.testing.assert_array_equal(np.tril(r, -1), 0)
    assert np.all((tau == 0) | (tau >= 1 - 4 * np.finfo(x.dtype).eps))
    assert np.all(tau <= 2 + 4 * np.finfo(x.dtype).eps)
    whole = np.zeros(x.shape, x.dtype)
    whole[..., :p, :] = r
    for storage in ("dense", "lapack"):
        assert (
            error(
                reference.orthogonal.apply_reflectors(v, whole, tau=tau, storage=storage), x, scale
            )
            <= BUDGET
        )
    for mode in ("reduced", "complete"):
        q, other = orthogonal.qr(x, mode=mode)
        wanted = r if mode == "reduced" else whole
        assert (q.shape[-2:], other.shape) == ((m, p if mode == "reduced" else m), wanted.shape)
        assert q.dtype == other.dtype == x.dtype
        assert error(other, wanted, scale) <= BUDGET
        product = q.astype(np.longdouble) @ other.astype(np.longdouble)
        assert error(x, product, scale) <= BUDGET
        gram = np.swapaxes(q, -1, -2).astype(np.longdouble) @ q.astype(np.longdouble)
        eye = np.broadcast_to(np.eye(q.shape[-1]), gram.shape)
        assert error(gram.astype(x.dtype), eye, terms(max(m, 1), p)) <= BUDGET
        np.testing.assert_array_equal(np.tril(other, -1), 0)
    assert error(orthogonal.qr(x, mode="r"), r, scale) <= BUDGET
    return v, tau, r


@pytest.mark.parametrize(
    ("batch", "shape"),
    [(b, s) for b in [(), (3,), (2, 1, 2)] for s in SHAPES if max(s) < 50 or not b],
)
@pytest.mark.parametrize("dtype", FLOATS)
def test_agreement_with_the_definition(dtype, shape, batch, rng):
    m, n = shape
    x = random(rng, dtype, *batch, m, n)
    before = x.copy()
    factors = check_factors(x)
    np.testing.assert_array_equal(x, before)
    scale = terms(m, min(m, n)) * condition(x)
    exact = reference.orthogonal.qr(*wide(x), mode="factored")
    for value, wanted, size in zip(factors, exact, (1, 1, column_norm(x)), strict=True):
        each = scale * size if value.ndim == x.ndim else scale[..., 0]
        assert value.dtype == dtype
        assert error(value, wanted, each) <= BUDGET
    for mode in ("reduced", "complete"):
        got, exact = (module.qr(x, mode=mode) for module in (orthogonal, reference.orthogonal))
        if mode == "reduced" or m <= n:
            assert error(got[0], exact[0], scale) <= BUDGET
        assert error(got[1], exact[1], scale * column_norm(x)) <= BUDGET


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_signs_and_factors_are_those_of_lapack(dtype, shape, rng):
    lapack = pytest.importorskip("scipy.linalg.lapack")
    x = random(rng, dtype, *shape)
    p = min(shape)
    factorise = lapack.sgeqrf if dtype == np.float32 else lapack.dgeqrf
    packed, wanted, _, info = factorise(x)
    assert info == 0
    v, tau, r = orthogonal.qr(x, mode="factored")
    np.testing.assert_array_equal(np.sign(np.diagonal(r)), np.sign(np.diagonal(packed)[:p]))
    scale = terms(shape[0], p) * condition(x)
    assert error(tau, wanted, scale[0]) <= 2 * BUDGET
    assert error(r, np.triu(packed)[:p], scale * column_norm(x)) <= 2 * BUDGET
    assert error(np.tril(v, -1), np.tril(packed, -1)[:, :p], scale) <= 2 * BUDGET


@pytest.mark.parametrize("shape", [(6, 6), (40, 33), (33, 70), (1, 5), (5, 1)], ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_columns_of_any_scale(dtype, shape, rng):
    """A small column beside a large one keeps its digits."""
    far = 1e15 if dtype == np.float32 else 1e30
    x = random(rng, dtype, 2, *shape)
    for factors in ([far, 1 / far], [1 / far, far, 1], [1, far, far, 1 / far, 1 / far]):
        scaled = x * np.resize(np.array(factors, dtype), shape[1])
        v, tau, r = check_factors(scaled)
        exact = reference.orthogonal.qr(*wide(scaled), mode="factored")
        scale = terms(shape[0], min(shape)) * condition(scaled)
        assert error(v, exact[0], scale) <= BUDGET
        assert error(tau, exact[1], scale[..., 0]) <= BUDGET
        assert error(r, exact[2], scale * column_norm(scaled)) <= BUDGET


@pytest.mark.parametrize("dtype", FLOATS)
def test_matrices_at_the_ends_of_the_range(dtype, rng):
    info = np.finfo(dtype)
    x = np.clip(random(rng, dtype, 12, 9), -1, 1)
    q, r = orthogonal.qr(x)
    for factor in (info.max / 64, info.tiny * 2**30, info.tiny):
        power = dtype(2.0 ** np.round(np.log2(float(factor))))
        got_q, got_r = orthogonal.qr(x * power)
        few = info.smallest_subnormal / power if factor == info.tiny else 0.0
        assert error(got_q, q, 1 + 100 * few / info.eps) <= 50
        assert error(got_r / power, r, column_norm(x) * (1 + 100 * few / info.eps)) <= 50


def hard(rng, dtype):
    """Matrices of deficient rank, with zeros, and with columns that nothing is left of."""
    x = random(rng, dtype, 20, 12)
    yield np.zeros((5, 3), dtype)
    yield np.zeros((3, 5), dtype)
    for columns in ([0], [11], [3, 4], range(12)):
        zeros = x.copy()
        zeros[:, list(columns)] = 0
        yield from (zeros, zeros.T.copy())
    yield np.repeat(x[:, :4], 3, axis=1)  # each column three times
    yield np.outer(x[:, 0], x[0]).astype(dtype)
    yield (random(rng, dtype, 50, 3) @ random(rng, dtype, 3, 40)).astype(dtype)
    yield np.ones((30, 30), dtype)
    yield np.eye(40, 35, dtype=dtype)
    yield np.eye(6, dtype=dtype)[::-1].copy()
    yield np.vander(np.linspace(0, 1, 24)).astype(dtype)
    nearly = x.copy()
    nearly[:, 1] = x[:, 0] * (1 + np.finfo(dtype).eps)
    yield nearly
    tiny = np.triu(x)  # below the diagonal next to nothing, but not nothing
    tiny[-1, :] = np.finfo(dtype).tiny
    yield tiny


@pytest.mark.parametrize("dtype", FLOATS)
def test_hard_matrices(dtype, rng):
    for x in hard(rng, dtype):
        check_factors(x)


@pytest.mark.parametrize("dtype", FLOATS)
def test_nothing_to_do_is_done_exactly(dtype, rng):
    """Where all below the diagonal is zero the reflector is the identity, whatever the sign."""
    for shape in ((6, 4), (40, 40), (3, 50), (1, 4)):
        x = np.triu(random(rng, dtype, *shape))
        v, tau, r = orthogonal.qr(x, mode="factored")
        np.testing.assert_array_equal(tau, 0)
        np.testing.assert_array_equal(v, np.eye(*v.shape))
        np.testing.assert_array_equal(r, x[: min(shape)])
        q, r = orthogonal.qr(x, mode="complete")
        np.testing.assert_array_equal(q, np.eye(shape[0]))
        np.testing.assert_array_equal(r, x)
    square = random(rng, dtype, 5, 3, 3)
    assert np.all(orthogonal.qr(square, mode="factored")[1][:, -1] == 0)  # the last row
    far = 1e15 if dtype == np.float32 else 1e30
    for size, small in ((1, np.finfo(dtype).tiny), (far, 1 / far)):  # next to nothing is not zero
        r = orthogonal.qr(np.array([[size, 1], [0, 1], [small, 1]], dtype), mode="r")
        assert r[0, 0] == dtype(-size)
    one = np.array([[-2.0]], dtype)
    np.testing.assert_array_equal(orthogonal.qr(one), ([[1]], [[-2]]))
    q, r = orthogonal.qr(np.array([[0], [3], [4]], dtype))
    np.testing.assert_allclose(r, [[-5]], rtol=1e-6)
    np.testing.assert_allclose(q, [[0], [-0.6], [-0.8]], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mode", MODES)
def test_bad_items_are_nan_and_alone(mode, dtype, bad, rng):
    for m, n, places in ((6, 4, [(0, 0), (5, 3), (2, 1)]), (4, 6, [(3, 5)]), (1, 1, [(0, 0)])):
        x = random(rng, dtype, 2, 3, m, n)
        good = orthogonal.qr(x, mode=mode)
        for place in places:
            spoilt = x.copy()
            spoilt[(1, 2, *place)] = bad
            got = orthogonal.qr(spoilt, mode=mode)
            pairs = [(got, good)] if mode == "r" else zip(got, good, strict=True)
            for value, before in pairs:
                assert np.isnan(value[1, 2]).all()
                value[1, 2] = before[1, 2]
                np.testing.assert_array_equal(bits(value), bits(before))


@pytest.mark.parametrize("shape", [(0, 3, 2), (2, 0, 4, 4), (3, 0), (0, 3), (0, 0), (2, 5, 0)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_empty(dtype, shape):
    for mode in MODES:
        x = np.zeros(shape, dtype)
        got = orthogonal.qr(x, mode=mode)
        wanted = reference.orthogonal.qr(x, mode=mode)
        for value, other in [(got, wanted)] if mode == "r" else zip(got, wanted, strict=True):
            assert value.dtype == dtype
            np.testing.assert_array_equal(value, other)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_layouts_of_memory(dtype, layout, rng):
    x = random(rng, dtype, 3, 9, 7)
    laid = LAYOUTS[layout](x)
    laid.flags.writeable = False
    for mode in MODES:
        pairs = [orthogonal.qr(value, mode=mode) for value in (laid, x)]
        for got, wanted in [pairs] if mode == "r" else zip(*pairs, strict=True):
            np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(laid, x)


@pytest.mark.parametrize("dtype", FLOATS)
def test_threads_and_parts(dtype, rng):
    for shape in ((200, 12, 12), (4, 60, 70), (150, 100), (70, 200)):
        x = rng.standard_normal(shape, dtype=dtype)
        for mode in MODES:
            same_bits(lambda x=x, mode=mode: orthogonal.qr(x, mode=mode))
        if len(shape) == 3:
            for value, one in zip(orthogonal.qr(x), orthogonal.qr(x[3]), strict=True):
                np.testing.assert_array_equal(value[3], one)


def test_arguments(rng):
    x = random(rng, float, 4, 3)
    for mode in ("full", "R", None, "economic"):
        with pytest.raises(ValueError, match=r"qr: mode.*reduced.*complete.*\br\b.*factored"):
            orthogonal.qr(x, mode=mode)
    for bad in (np.ones(3), np.float64(1)):
        with pytest.raises(ValueError, match=r"qr: x\b"):
            orthogonal.qr(bad)
    for kind in (np.float16, complex, bool, object):
        with pytest.raises(TypeError, match=r"qr: x\b.*dtype"):
            orthogonal.qr(np.ones((4, 3)).astype(kind))
    q, r = orthogonal.qr([[3, 1], [4, 2]])
    assert q.dtype == r.dtype == np.float64
    np.testing.assert_allclose(q @ r, [[3, 1], [4, 2]], rtol=0, atol=1e-15)
