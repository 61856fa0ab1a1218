# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The definitions of products of reflectors themselves: against LAPACK, autograd, differences."""

import numpy as np
import pytest
from support import differences

from isokern.reference import orthogonal, random

lapack = pytest.importorskip("scipy.linalg.lapack")
SHAPES = [(1, 1), (6, 6), (9, 4), (4, 9), (1, 5), (5, 1), (40, 33)]


def factored(m, n, rng):
    """Return a matrix, LAPACK's factors in its own storage, and tau."""
    x = rng.normal(size=(m, n))
    packed, tau, _, info = lapack.dgeqrf(x)
    assert info == 0
    return x, packed, tau


@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_factors_are_those_of_lapack(m, n, rng):
    x, packed, wanted = factored(m, n, rng)
    p = min(m, n)
    v, tau, r = orthogonal.qr(x, mode="factored")
    assert (v.shape, tau.shape, r.shape) == ((m, p), (p,), (p, n))
    np.testing.assert_allclose(tau, wanted, rtol=0, atol=1e-12)
    np.testing.assert_allclose(r, np.triu(packed)[:p], rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.tril(v, -1), np.tril(packed, -1)[:, :p], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(np.triu(v), np.eye(m, p))
    q, r = orthogonal.qr(x)
    formed, _, info = lapack.dorgqr(packed[:, :p], wanted)
    assert info == 0
    np.testing.assert_allclose(q, formed, rtol=0, atol=1e-12)
    np.testing.assert_allclose(q @ r, x, rtol=0, atol=1e-14 * m)
    np.testing.assert_array_equal(orthogonal.qr(x, mode="r"), r)
    q, r = orthogonal.qr(x, mode="complete")
    np.testing.assert_allclose(q.T @ q, np.eye(m), rtol=0, atol=1e-14)
    np.testing.assert_allclose(q @ r, x, rtol=0, atol=1e-14 * m)


@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_products_are_those_of_lapack(m, n, rng):
    original, packed, tau = factored(m, n, rng)
    v = packed[:, : len(tau)]
    c, d = rng.normal(size=(m, 7)), rng.normal(size=(3, m))
    for transpose in (False, True):
        for side, x in (("left", c), ("right", d)):
            wanted, _, info = lapack.dormqr(side[0].upper(), "NT"[transpose], v, tau, x, 4096)
            assert info == 0
            got = orthogonal.apply_reflectors(
                v, x, tau=tau, side=side, transpose=transpose, storage="lapack"
            )
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-13)
    whole = np.tril(v, -1) + np.eye(*v.shape)
    t = orthogonal.compact_wy(v, tau=tau, storage="lapack")
    np.testing.assert_allclose(t, orthogonal.compact_wy(whole, tau=tau), rtol=0, atol=0)
    np.testing.assert_array_equal(np.tril(t, -1), 0)
    _, wanted, info = lapack.dgeqrt(len(tau), original)
    assert info == 0
    np.testing.assert_allclose(t, np.triu(wanted), rtol=0, atol=1e-12)
    q = orthogonal.form_q(v, tau=tau, storage="lapack", thin=False)
    np.testing.assert_allclose(q, np.eye(m) - whole @ t @ whole.T, rtol=0, atol=1e-14)
    thin = orthogonal.form_q(v, tau=tau, storage="lapack")
    np.testing.assert_array_equal(thin, q[:, : len(tau)])


def test_normals_are_normal():
    x = random.normals(2**64 - 1, 5, 0, 40_000)
    assert abs(x.mean()) < 4 / np.sqrt(len(x))
    assert abs(np.mean(x**2) - 1) < 4 * np.sqrt(2 / len(x))
    assert abs(np.mean(x**4) - 3) < 4 * np.sqrt(96 / len(x))
    assert abs(np.mean(x[::2] * x[1::2])) < 4 / np.sqrt(len(x) / 2)
    for first, n in ((0, 1), (1, 1), (1, 2), (7, 0), (8, 31)):
        piece = random.normals(2**64 - 1, 5, first, n)
        np.testing.assert_array_equal(piece, x[first : first + n])


@pytest.mark.parametrize("d", [1, 2, 5])
def test_haar_is_the_factorisation_of_normals(d):
    """Q R of a Gaussian matrix, R with a positive diagonal, if that shares the first column."""
    q = orthogonal.haar(d, (2, 3), seed=9)
    assert q.shape == (2, 3, d, d)
    gram = np.swapaxes(q, -1, -2) @ q
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(d), q.shape), rtol=0, atol=1e-15)
    for s, matrix in enumerate(q.reshape(6, d, d)):
        x = random.normals(9, orthogonal.HAAR_STREAM + s, 0, d)
        np.testing.assert_allclose(matrix[:, 0], x / np.linalg.norm(x), rtol=1e-13)
    rotation = orthogonal.HaarRotation(d, seed=9)
    x = np.arange(2.0 * d).reshape(2, d)
    np.testing.assert_allclose(rotation.apply(x), x @ q[0, 0].T, rtol=0, atol=1e-13)
    np.testing.assert_allclose(rotation.apply(x, transpose=True), x @ q[0, 0], rtol=0, atol=1e-13)


CASES = [  # batch axes of v, of x and of tau, m, k, n
    ((), (), None, 4, 3, 2),
    ((), (), (), 3, 5, 2),
    ((2, 1), (3,), None, 4, 2, 1),
    ((1,), (2,), (3, 1), 3, 2, 2),
    ((), (), (), 4, 0, 2),
]


@pytest.mark.parametrize("storage", ["dense", "lapack"])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_agree_with_differences(case, side, transpose, storage, rng):
    v_batch, x_batch, tau_batch, m, k, n = case
    k = min(m, k) if storage == "lapack" else k
    given = [rng.normal(size=(*v_batch, m, k)), rng.normal(size=(*x_batch, m, n))]
    if side == "right":
        given[1] = np.swapaxes(given[1], -1, -2)
    if tau_batch is not None:
        given.append(rng.normal(size=(*tau_batch, k)))
        given[2][..., :1] = 0  # the identity has a gradient in tau, too
    options = {"side": side, "transpose": transpose, "storage": storage}

    def apply(v, x, tau=None):
        return orthogonal.apply_reflectors(v, x, tau=tau, **options)

    value = apply(*given)
    g = rng.normal(size=value.shape)
    keywords = {"tau": given[2]} if tau_batch is not None else {}
    got = orthogonal.apply_reflectors_vjp(g, *given[:2], **keywords, **options)
    for bar, wanted in zip(got, differences(apply, given, g), strict=True):
        np.testing.assert_allclose(bar, wanted, rtol=1e-6, atol=1e-6)
    dots = [rng.normal(size=argument.shape) for argument in given]
    if tau_batch is not None:
        keywords["tau_dot"] = dots[2]
    again, y_dot = orthogonal.apply_reflectors_jvp(*given[:2], *dots[:2], **keywords, **options)
    np.testing.assert_array_equal(again, value)
    sides = np.sum(g * y_dot), sum(np.sum(bar * dot) for bar, dot in zip(got, dots, strict=True))
    assert sides[0] == pytest.approx(sides[1], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("storage", ["dense", "lapack"])
@pytest.mark.parametrize("name", ["compact_wy", "form_q", "full"])
@pytest.mark.parametrize("with_tau", [False, True])
def test_gradients_of_matrices_agree_with_differences(with_tau, name, storage, rng):
    given = [rng.normal(size=(2, 1, 4, 3))] + [rng.normal(size=(2, 3))] * with_tau
    if with_tau:
        given[1][0, 1] = 0
    options = {"storage": storage, **({"thin": False} if name == "full" else {})}
    name = "form_q" if name == "full" else name

    def build(v, tau=None):
        return getattr(orthogonal, name)(v, tau=tau, **options)

    g = rng.normal(size=build(*given).shape)
    keywords = {"tau": given[1]} if with_tau else {}
    got = getattr(orthogonal, f"{name}_vjp")(g, given[0], **keywords, **options)
    got = got if with_tau else (got,)
    for bar, wanted in zip(got, differences(build, given, g), strict=True):
        np.testing.assert_allclose(bar, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mode", ["reduced", "r", "complete"])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 4), (4, 1), (5, 3), (3, 3), (3, 5)])
def test_gradients_of_qr_agree_with_differences(m, n, mode, rng):
    if mode == "complete" and m > n:
        with pytest.raises(ValueError, match="m <= n"):
            orthogonal.qr_vjp((None, None), np.ones((m, n)), mode=mode)
        return
    x = rng.normal(size=(2, m, n))
    values = orthogonal.qr(x, mode=mode)
    g = tuple(rng.normal(size=value.shape) for value in (values if mode != "r" else (values,)))
    got = orthogonal.qr_vjp(g if mode != "r" else g[0], x, mode=mode)
    wanted = np.zeros_like(x)
    for position, bar in enumerate(g):

        def result(x, i=position):
            values = orthogonal.qr(x, mode=mode)
            return values if mode == "r" else values[i]

        one = tuple(bar if i == position else None for i in range(len(g)))
        part = orthogonal.qr_vjp(one if mode != "r" else one[0], x, mode=mode)
        (difference,) = differences(result, [x], bar)
        np.testing.assert_allclose(part, difference, rtol=1e-6, atol=1e-6)
        wanted += part
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("m", "n"), [(6, 4), (4, 4), (4, 6)])
def test_gradients_of_qr_agree_with_autograd(m, n, rng):
    torch = pytest.importorskip("torch")
    x = rng.normal(size=(3, m, n))
    x[1] = np.triu(x[1])  # R is x, where reflectors are the identity
    p = min(m, n)
    g = rng.normal(size=(3, m, p)), rng.normal(size=(3, p, n))
    tensor = torch.tensor(x, requires_grad=True)
    q, r = torch.linalg.qr(tensor)
    np.testing.assert_allclose(orthogonal.qr(x)[0], q.detach().numpy(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(orthogonal.qr(x)[1], r.detach().numpy(), rtol=0, atol=1e-13)
    torch.autograd.backward([q, r], [torch.tensor(bar) for bar in g])
    got = orthogonal.qr_vjp(g, x)
    np.testing.assert_allclose(got, tensor.grad.numpy(), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(orthogonal.qr_vjp((None, None), x), np.zeros_like(x))
