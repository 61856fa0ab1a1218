# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Products of reflectors, and their compact form, against the definition that takes one by one.

Errors are counted in eps times the length of the column that is mapped and `support.terms`.
"""

import itertools

import numpy as np
import pytest
from support import (
    FLOATS,
    LAYOUTS,
    bits,
    column_norm,
    error,
    norm,
    random_reflectors,
    same_bits,
    stored,
    terms,
    wide,
)

from isokern import orthogonal, reference

BUDGET = 4
SHAPES = [(1, 1, 1), (1, 4, 3), (2, 2, 1), (3, 0, 4), (4, 4, 0), (5, 3, 1), (4, 9, 5), (8, 8, 8)]
SHAPES += [(17, 16, 2), (16, 17, 33), (31, 32, 33), (64, 64, 7), (65, 40, 3), (150, 1, 9)]
SHAPES += [(150, 100, 40), (33, 150, 17), (128, 129, 150)]
BATCHES = [  # batch axes of v, tau (where it is given) and x
    ((), None, ()),
    ((), (), (4,)),
    ((3,), (3,), (3,)),
    ((3, 1), None, (1, 4)),
    ((2, 1), (5,), ()),
    ((1,), (3, 1), (2,)),
    ((2, 3, 1), None, (4,)),
    ((0,), None, (0,)),
    ((), (), (3, 0)),
]
SIDES = list(itertools.product(["left", "right"], [False, True]))


def lengths(x, side):
    return column_norm(x) if side == "left" else norm(x)


def wide_tau(tau):
    return None if tau is None else tau.astype(float)


@pytest.mark.parametrize("storage", ["dense", "lapack"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_apply_agrees_with_the_definition(dtype, shape, storage, rng):
    m, k, n = shape
    k = min(m, k) if storage == "lapack" else k
    for (side, transpose), tau_batch in itertools.product(SIDES, [None, ()]):
        v, tau = random_reflectors(rng, dtype, (m, k), storage, tau_batch)
        x = rng.normal(size=(m, n) if side == "left" else (n, m)).astype(dtype)
        options = {"side": side, "transpose": transpose, "storage": storage}
        y = orthogonal.apply_reflectors(v, x, tau=tau, **options)
        assert y.dtype == dtype
        exact = reference.orthogonal.apply_reflectors(*wide(v, x), tau=wide_tau(tau), **options)
        assert error(y, exact, lengths(x, side) * terms(m, k)) <= BUDGET


@pytest.mark.parametrize("batches", BATCHES, ids=str)
@pytest.mark.parametrize(("side", "transpose"), SIDES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_batches_broadcast(dtype, side, transpose, batches, rng):
    v_batch, tau_batch, x_batch = batches
    for (m, k, n), storage in itertools.product([(5, 3, 2), (20, 40, 1)], ["dense", "lapack"]):
        k = min(m, k) if storage == "lapack" else k
        v, tau = random_reflectors(rng, dtype, (*v_batch, m, k), storage, tau_batch)
        x = rng.normal(size=(*x_batch, *((m, n) if side == "left" else (n, m)))).astype(dtype)
        options = {"side": side, "transpose": transpose, "storage": storage}
        y = orthogonal.apply_reflectors(v, x, tau=tau, **options)
        exact = reference.orthogonal.apply_reflectors(*wide(v, x), tau=wide_tau(tau), **options)
        assert error(y, exact, lengths(x, side) * terms(m, k)) <= BUDGET
        q = orthogonal.form_q(v, tau=tau, storage=storage, thin=False)
        t = orthogonal.compact_wy(v, tau=tau, storage=storage)
        shape = np.broadcast_shapes(v_batch, tau_batch or ())
        assert (q.shape, t.shape) == ((*shape, m, m), (*shape, k, k))


@pytest.mark.parametrize("storage", ["dense", "lapack"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_formed_matrices(dtype, shape, storage, rng):
    m, k, _ = shape
    k = min(m, k) if storage == "lapack" else k
    budget = BUDGET * terms(m, k)
    batch = (2,) if m < 100 else ()
    for tau_batch, thin in itertools.product([None, batch], [False, True]):
        v, tau = random_reflectors(rng, dtype, (*batch, m, k), storage, tau_batch)
        q = orthogonal.form_q(v, tau=tau, thin=thin, storage=storage)
        assert q.dtype == dtype
        exact = reference.orthogonal.form_q(
            v.astype(float), tau=wide_tau(tau), thin=thin, storage=storage
        )
        assert error(q, exact) <= budget
        if tau is None:
            gram = np.swapaxes(q, -1, -2).astype(float) @ q.astype(float)
            eye = np.broadcast_to(np.eye(q.shape[-1]), gram.shape)
            assert error(gram.astype(dtype), eye) <= 2 * budget
    assert orthogonal.form_q(v, storage=storage).shape == (*batch, m, min(m, k))  # thin by default


@pytest.mark.parametrize("storage", ["dense", "lapack"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_compact_form(dtype, shape, storage, rng):
    m, k, _ = shape
    k = min(m, k) if storage == "lapack" else k
    for tau_batch in (None, (2,)):
        v, tau = random_reflectors(rng, dtype, (2, m, k), storage, tau_batch)
        t = orthogonal.compact_wy(v, tau=tau, storage=storage)
        assert t.dtype == dtype
        np.testing.assert_array_equal(np.tril(t, -1), 0)
        exact = reference.orthogonal.compact_wy(v.astype(float), tau=wide_tau(tau), storage=storage)
        whole = stored(v, storage).astype(np.longdouble)
        # |T_ij| = tau_i tau_j |v_i . (...) v_j| is at most 4 / (|v_i| |v_j|).
        size = column_norm(whole)
        scale = 4 * terms(m, k) / (np.swapaxes(size, -1, -2) * size)
        assert error(t, exact, scale) <= BUDGET
        product = np.eye(m) - whole @ t.astype(np.longdouble) @ np.swapaxes(whole, -1, -2)
        q = orthogonal.form_q(v, tau=tau, thin=False, storage=storage)
        assert error(q, product, 4 * (m + k)) <= BUDGET
        if tau is None:
            inverse = np.triu(np.swapaxes(whole, -1, -2) @ whole, 1)
            inverse[:, range(k), range(k)] = 0.5 * size[:, 0] ** 2
            eye = np.broadcast_to(np.eye(k), inverse.shape)
            got = (inverse @ t).astype(dtype)
            assert error(got, eye, 4 * (m + k) * np.swapaxes(size, -1, -2) / size) <= BUDGET
        else:
            still = np.broadcast_to(tau == 0, (2, k))
            np.testing.assert_array_equal(t[still], 0)
            np.testing.assert_array_equal(np.swapaxes(t, -1, -2)[still], 0)


def scales(dtype):
    """Return factors whose squares the dtype holds, and others near its ends."""
    return (1e-15, 1.0, 1e15) if dtype == np.float32 else (1e-150, 1.0, 1e150)


def scaled_columns(rng, dtype, m, k, factors):
    v = rng.normal(size=(m, k)) * np.resize(factors, k)
    return v.astype(dtype)


@pytest.mark.parametrize("with_tau", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_columns_of_any_scale(dtype, with_tau, rng):
    m, k = 40, 50
    v, x = scaled_columns(rng, dtype, m, k, scales(dtype)), rng.normal(size=(m, 6)).astype(dtype)
    exact_tau = 2 / np.sum(v.astype(np.longdouble) ** 2, axis=0)
    tau = exact_tau.astype(dtype) if with_tau else None
    y = orthogonal.apply_reflectors(v, x, tau=tau)
    exact = reference.orthogonal.apply_reflectors(*wide(v, x), tau=wide_tau(tau))
    assert error(y, exact, column_norm(x) * terms(m, k)) <= BUDGET
    size = column_norm(v)
    t = orthogonal.compact_wy(v, tau=tau)
    wanted = reference.orthogonal.compact_wy(v.astype(float), tau=wide_tau(tau))
    assert error(t, wanted, 4 * terms(m, k) / (size.T * size)) <= BUDGET


@pytest.mark.parametrize("dtype", FLOATS)
def test_columns_at_the_ends_of_the_range(dtype, rng):
    """Squares overflow or vanish here, and so would tau; Q is as orthogonal as ever."""
    info = np.finfo(dtype)
    v = np.clip(rng.normal(size=(20, 24)), -1, 1)
    v = (v * np.resize([float(info.max) * 0.9, float(info.tiny) * 16, 1.0], 24)).astype(dtype)
    x = rng.normal(size=(20, 5)).astype(dtype)
    for transpose in (False, True):
        y = orthogonal.apply_reflectors(v, x, transpose=transpose)
        exact = reference.orthogonal.apply_reflectors(v, x, transpose=transpose)
        assert error(y, exact, column_norm(x) * terms(20, 24)) <= BUDGET


@pytest.mark.parametrize("dtype", FLOATS)
def test_repeated_vectors(dtype, rng):
    m, k = 30, 66
    x = rng.normal(size=(m, 4)).astype(dtype)
    scale = column_norm(x) * terms(1, k)
    pairs = np.repeat(rng.normal(size=(m, k // 2)), 2, axis=1).astype(dtype)
    assert error(orthogonal.apply_reflectors(pairs, x), x, scale) <= BUDGET  # H H = I
    same = np.repeat(rng.normal(size=(m, 1)), k + 1, axis=1).astype(dtype)
    wanted = reference.orthogonal.apply_reflectors(*wide(same[:, :1], x))
    assert error(orthogonal.apply_reflectors(same, x), wanted, scale) <= BUDGET
    nearly = same + (1e-3 * rng.normal(size=same.shape)).astype(dtype)
    wanted = reference.orthogonal.apply_reflectors(*wide(nearly, x))
    assert error(orthogonal.apply_reflectors(nearly, x), wanted, scale) <= BUDGET


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_factor_of_zero_is_the_identity(dtype, rng):
    m, k = 20, 45
    v, x = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(m, 3)).astype(dtype)
    v[:, 7] = 0  # no direction is needed where tau is given
    np.testing.assert_array_equal(orthogonal.apply_reflectors(v, x, tau=np.zeros(k, dtype)), x)
    tau = (2 / np.maximum(column_norm(v)[0] ** 2, 1)).astype(dtype)
    out = rng.uniform(size=k) < 0.3
    tau[out | (np.arange(k) == 7)] = 0
    y = orthogonal.apply_reflectors(v, x, tau=tau)
    wanted = reference.orthogonal.apply_reflectors(*wide(v[:, ~out], x), tau=wide_tau(tau[~out]))
    assert error(y, wanted, column_norm(x) * terms(m, k)) <= BUDGET
    t = orthogonal.compact_wy(v, tau=tau)
    np.testing.assert_array_equal(t[tau == 0], 0)
    np.testing.assert_array_equal(t[:, tau == 0], 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", FLOATS)
def test_bad_x_spoils_its_own_column_only(dtype, bad, rng):
    for (m, k), (side, transpose) in itertools.product([(5, 3), (40, 70)], SIDES):
        v, x = rng.normal(size=(2, m, k)).astype(dtype), rng.normal(size=(2, m, 21)).astype(dtype)
        x = np.ascontiguousarray(np.swapaxes(x, -1, -2)) if side == "right" else x
        options = {"side": side, "transpose": transpose}
        good = orthogonal.apply_reflectors(v, x, **options)
        columns = [np.swapaxes(y, -1, -2) if side == "right" else y for y in (x, good)]
        columns[0][1, m - 2, 4] = bad
        got = orthogonal.apply_reflectors(v, x, **options)
        columns.append(np.swapaxes(got, -1, -2) if side == "right" else got)
        assert not np.isfinite(columns[2][1, :, 4]).any()
        columns[2][1, :, 4] = columns[1][1, :, 4]
        np.testing.assert_array_equal(bits(got), bits(good))


@pytest.mark.parametrize("which", ["v", "x", "tau"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_layouts_of_memory(dtype, layout, which, rng):
    v, tau = random_reflectors(rng, dtype, (3, 9, 12), tau_batch=(3,))
    given = {"v": v, "tau": tau, "x": rng.normal(size=(3, 9, 9)).astype(dtype)}
    laid = {**given, which: LAYOUTS[layout](given[which])}
    for array in laid.values():
        array.flags.writeable = False
    before = {name: array.copy() for name, array in laid.items()}
    for side, transpose in SIDES:
        options = {"side": side, "transpose": transpose}
        wanted = orthogonal.apply_reflectors(**given, **options)
        np.testing.assert_array_equal(orthogonal.apply_reflectors(**laid, **options), wanted)
    factors = [({n: s[n] for n in ("v", "tau")}) for s in (given, laid)]
    for name in ("compact_wy", "form_q"):
        wanted, got = (getattr(orthogonal, name)(**arguments) for arguments in factors)
        np.testing.assert_array_equal(got, wanted)
    for name, array in laid.items():
        np.testing.assert_array_equal(array, before[name])


def test_the_batch_may_be_split(rng):
    v, x = rng.normal(size=(4, 37, 50)), rng.normal(size=(4, 37, 11))
    whole, shared = orthogonal.apply_reflectors(v, x), orthogonal.apply_reflectors(v[0], x)
    q, t = orthogonal.form_q(v), orthogonal.compact_wy(v)
    for i in range(4):
        np.testing.assert_array_equal(orthogonal.apply_reflectors(v[i], x[i]), whole[i])
        np.testing.assert_array_equal(orthogonal.apply_reflectors(v[0], x[i]), shared[i])
        np.testing.assert_array_equal(orthogonal.form_q(v[i]), q[i])
        np.testing.assert_array_equal(orthogonal.compact_wy(v[i]), t[i])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sizes", [((500,), 12, 12, 5), ((), 150, 150, 400), ((3,), 90, 130, 70)])
def test_threads(sizes, dtype, rng):
    batch, m, k, n = sizes
    v = rng.standard_normal((*batch, m, k), dtype=dtype)
    x = rng.standard_normal((*batch, m, n), dtype=dtype)
    same_bits(lambda: orthogonal.apply_reflectors(v, x))
    rows = np.ascontiguousarray(np.swapaxes(x, -1, -2))
    same_bits(lambda: orthogonal.apply_reflectors(v, rows, side="right"))
    same_bits(lambda: orthogonal.form_q(v))
    same_bits(lambda: orthogonal.compact_wy(v))
    if batch:  # one product for all
        same_bits(lambda: orthogonal.apply_reflectors(v[0], x, transpose=True))


def test_integers_and_sequences_are_float64():
    y = orthogonal.apply_reflectors([[1], [1]], np.array([[5], [2]]))
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, [[-2], [-5]], atol=2e-15)
    np.testing.assert_allclose(orthogonal.compact_wy([[3], [4]]), [[0.08]], rtol=1e-15)
    np.testing.assert_allclose(orthogonal.form_q([[0], [2]], thin=False), [[1, 0], [0, -1]])
