# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Weights that stay orthogonal: start, assignment, training, storage."""

import copy
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.autograd import gradcheck, gradgradcheck  # noqa: E402
from torch.nn.utils import parametrize  # noqa: E402

from isokern.torch import orthogonal as iso  # noqa: E402

SHAPES = [(6, 6), (7, 3), (3, 7), (1, 4), (1, 1)]
DTYPES = [torch.float32, torch.float64]


def linear(shape, dtype=torch.float64, **options):
    """Return a layer with an orthogonal weight of this shape."""
    torch.manual_seed(1)
    layer = torch.nn.Linear(shape[1], shape[0], bias=False, dtype=dtype)
    return iso.orthogonalize(layer, **options)


def defect(weight):
    """Largest element of W^T W - I, or of W W^T - I for a wide W."""
    weight = weight.detach().double()
    gram = weight.mT @ weight if weight.shape[-2] >= weight.shape[-1] else weight @ weight.mT
    return float((gram - torch.eye(gram.shape[-1], dtype=gram.dtype)).abs().max())


def orthonormal(shape, rng, dtype=torch.float64):
    """Return a random matrix with orthonormal columns, or rows."""
    tall = np.linalg.qr(rng.normal(size=(*shape[:-2], *sorted(shape[-2:], reverse=True))))[0]
    matrix = tall if shape[-2] >= shape[-1] else np.swapaxes(tall, -1, -2)
    return torch.tensor(matrix, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("extra", [0, 1, 2, 5])
def test_an_orthogonal_weight_is_kept(shape, extra, dtype, rng):
    """Also with more reflectors than columns, also with the identity and with its negative."""
    layer = linear(shape, dtype, reflectors=min(shape) + extra)
    eps = torch.finfo(dtype).eps
    eye = torch.eye(*shape, dtype=dtype)
    swapped = eye.flip(0).clone()
    for weight in (orthonormal(shape, rng, dtype), eye, -eye, swapped):
        layer.weight = weight
        assert layer.weight.dtype == dtype
        torch.testing.assert_close(layer.weight, weight, rtol=0, atol=20 * eps)
        again = layer.weight.detach().clone()
        layer.weight = again
        torch.testing.assert_close(layer.weight, again, rtol=0, atol=20 * eps)
    original = layer.parametrizations.weight.original
    assert original.shape == (max(shape), min(shape) + extra)
    lengths = torch.linalg.vector_norm(original, dim=0)
    torch.testing.assert_close(lengths, torch.ones_like(lengths), rtol=0, atol=4 * eps)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_another_weight_is_projected(shape, rng):
    """What is kept of it is Q of its factors Q R, with a positive diagonal of R."""
    layer = linear(shape)
    weight = torch.tensor(rng.normal(size=shape))
    layer.weight = weight
    tall, q = (w if shape[0] >= shape[1] else w.mT for w in (weight, layer.weight.detach()))
    r = q.mT @ tall
    np.testing.assert_allclose(r.tril(-1), np.zeros_like(r), atol=1e-13)
    assert (r.diagonal() > 0).all()
    np.testing.assert_allclose(q @ r, tall, rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", [(6, 6), (8, 5), (5, 8)], ids=str)
@pytest.mark.parametrize("reflectors", [1, 2, 4])
def test_fewer_reflectors_than_columns(reflectors, shape, rng):
    layer = linear(shape, reflectors=reflectors)
    weight = orthonormal(shape, rng)
    layer.weight = weight
    got = layer.weight.detach()
    assert defect(got) < 1e-14
    first = got[:, :reflectors] if shape[0] >= shape[1] else got[:reflectors]
    wanted = weight[:, :reflectors] if shape[0] >= shape[1] else weight[:reflectors]
    torch.testing.assert_close(first, wanted, rtol=0, atol=1e-14)
    for reachable in (got, torch.eye(*shape, dtype=torch.float64)):
        layer.weight = reachable
        torch.testing.assert_close(layer.weight.detach(), reachable, rtol=0, atol=1e-14)


@pytest.mark.parametrize("flatten", [False, True])
def test_more_than_two_axes(flatten, rng):
    """A batch of matrices, or one matrix: the kernels of a convolution."""
    torch.manual_seed(1)
    layer = iso.orthogonalize(torch.nn.Conv2d(4, 5, (3, 2)).double(), flatten=flatten, seed=0)
    assert layer.weight.shape == (5, 4, 3, 2)
    assert defect(layer.weight.flatten(1) if flatten else layer.weight) < 1e-14
    shape = (5, 24) if flatten else (5, 4, 3, 2)
    weight = orthonormal(shape, rng).reshape(5, 4, 3, 2)
    layer.weight = weight
    torch.testing.assert_close(layer.weight.detach(), weight, rtol=0, atol=1e-14)
    layer(torch.ones(1, 4, 8, 8, dtype=torch.float64)).sum().backward()
    assert layer.parametrizations.weight.original.grad.isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 6), (7, 3), (3, 7)], ids=str)
def test_a_start_by_seed(shape, dtype):
    tall = iso.haar(max(shape), k=min(shape), seed=4, dtype=dtype)
    layer = linear(shape, dtype, seed=4)
    wanted = tall if shape[0] >= shape[1] else tall.mT
    torch.testing.assert_close(layer.weight.detach(), wanted, rtol=0, atol=1e-6)
    assert not torch.allclose(linear(shape, dtype, seed=5).weight, wanted)


def optimisers():
    yield "sgd", lambda parameters: torch.optim.SGD(parameters, lr=0.3, momentum=0.9)
    yield "adam", lambda parameters: torch.optim.Adam(parameters, lr=0.05)
    yield "decay", lambda parameters: torch.optim.AdamW(parameters, lr=0.05, weight_decay=0.5)


@pytest.mark.parametrize("name", ["sgd", "adam", "decay"])
@pytest.mark.parametrize("shape", [(16, 16), (24, 8), (8, 24)], ids=str)
def test_training_finds_a_matrix_and_stays_orthogonal(shape, name, rng):
    """In float32, from the identity to a given matrix of the same determinant."""
    layer = linear(shape, torch.float32)
    layer.weight = torch.eye(*shape)
    target = orthonormal(shape, rng, torch.float32)
    if shape[0] == shape[1]:
        target[0] *= torch.linalg.det(target)
    optimiser = dict(optimisers())[name](layer.parameters())
    losses = []
    for _ in range(300):
        optimiser.zero_grad()
        loss = (layer.weight - target).square().sum()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        assert defect(layer.weight) < 30 * torch.finfo(torch.float32).eps
    assert losses[-1] < 0.1 * losses[0]
    if shape[0] == shape[1]:
        assert math.isclose(float(torch.linalg.det(layer.weight.detach())), 1, abs_tol=1e-5)


def test_reflectors_do_not_care_about_their_length(rng):
    layer = linear((6, 4))
    original = layer.parametrizations.weight.original
    before = layer.weight.detach().clone()
    layer.weight.sin().sum().backward()
    overlaps = (original.grad * original.detach()).sum(0)
    np.testing.assert_allclose(overlaps, np.zeros(4), atol=1e-14)
    with torch.no_grad():
        original *= torch.tensor([1e-3, 0.5, 7.0, 1e4])
    torch.testing.assert_close(layer.weight.detach(), before, rtol=0, atol=1e-14)


@pytest.mark.parametrize("reflectors", [1, 2, 3])
def test_derivatives(reflectors, rng):
    parametrization = iso.OrthogonalParametrization((3, 2), reflectors=reflectors).double()
    v = torch.tensor(rng.normal(size=(3, reflectors)), requires_grad=True)
    assert gradcheck(parametrization, v)
    assert gradgradcheck(parametrization, v)


def test_copies_and_storage(rng):
    layer = linear((5, 3), seed=2)
    layer.weight = orthonormal((5, 3), rng) * torch.tensor([1, -1, 1])
    twin = copy.deepcopy(layer)
    other = linear((5, 3), seed=3)
    assert not torch.equal(other.weight, layer.weight)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.weight, layer.weight)
    assert torch.equal(twin.weight, layer.weight)
    with torch.no_grad():
        twin.parametrizations.weight.original.normal_()
    assert torch.equal(other.weight, layer.weight)
    kept = layer.weight.detach().clone()
    parametrize.remove_parametrizations(layer, "weight")
    assert torch.equal(layer.weight, kept)
    assert linear((5, 3)).float().weight.dtype == torch.float32
    assert "shape=(5, 3), reflectors=3" in repr(other)


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"shape is \(3,\)"):
        iso.OrthogonalParametrization((3,))
    with pytest.raises(ValueError, match=r"shape is \(3, 0\)"):
        iso.OrthogonalParametrization((3, 0))
    with pytest.raises(ValueError, match="reflectors is 0"):
        iso.OrthogonalParametrization((3, 3), reflectors=0)
    layer = linear((3, 3))
    with pytest.raises(ValueError, match=r"weight has shape \(3, 2\), expected \(3, 3\)"):
        layer.weight = torch.ones(3, 2)
    with pytest.raises(ValueError, match="not finite"):
        layer.weight = torch.full((3, 3), torch.nan, dtype=torch.float64)
    with pytest.raises(TypeError, match="bfloat16"):
        iso.orthogonalize(torch.nn.Linear(3, 3).bfloat16())
