# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Uniform orthogonal matrices as tensors, and one in factored form."""

import numpy as np
import pytest
from support import FLOATS

from isokern import orthogonal

torch = pytest.importorskip("torch")

from torch.autograd import gradcheck, gradgradcheck  # noqa: E402

from isokern.torch import orthogonal as iso  # noqa: E402

# Torch says this to itself when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


@pytest.mark.parametrize("dtype", FLOATS)
def test_haar(dtype, rng):
    kind = getattr(torch, np.dtype(dtype).name)
    q = iso.haar(5, (2, 3), k=2, seed=9, dtype=kind)
    assert q.dtype == kind
    np.testing.assert_array_equal(q, orthogonal.haar(5, (2, 3), k=2, seed=9, dtype=dtype))
    with pytest.raises(TypeError, match=r"haar: dtype is torch\.float16"):
        iso.haar(3, dtype=torch.float16)
    rotation = iso.HaarRotation(6, special=True, seed=2, dtype=kind)
    assert (rotation.d, rotation.special, rotation.seed, rotation.dtype) == (6, True, 2, kind)
    assert repr(rotation) == f"HaarRotation(6, special=True, seed=2, dtype={kind})"
    x = torch.tensor(rng.normal(size=(4, 6)).astype(dtype))
    close = {"rtol": 0, "atol": 20 * np.finfo(dtype).eps}
    torch.testing.assert_close(rotation.apply(x), x @ rotation.matrix().T, **close)
    torch.testing.assert_close(rotation.apply(x, transpose=True), x @ rotation.matrix(), **close)
    torch.testing.assert_close(torch.func.vmap(rotation.apply, 1, 1)(x.T), rotation.apply(x).T)


@pytest.mark.parametrize("transpose", [False, True])
def test_derivatives_of_a_haar_rotation(transpose, rng):
    def rotate(x):
        return iso.HaarRotation(4, seed=3).apply(x, transpose=transpose)

    x = torch.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    assert gradcheck(rotate, x, check_forward_ad=True)
    assert gradgradcheck(lambda x: rotate(x).sin(), x, check_fwd_over_rev=True)
    second = torch.func.jacfwd(torch.func.jacfwd(lambda x: rotate(x).square()))(x.detach())
    torch.testing.assert_close(second, torch.func.hessian(lambda x: rotate(x) ** 2)(x.detach()))
