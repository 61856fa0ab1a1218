# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random orthogonal matrices as tensors, and one in factored form as a differentiable map."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from isokern import orthogonal as _numpy
from isokern.torch._function import take

_DTYPES = {torch.float32: np.float32, torch.float64: np.float64}


def _numpy_dtype(function: str, dtype: torch.dtype) -> Any:
    if dtype not in _DTYPES:
        raise TypeError(f"{function}: dtype is {dtype}, expected torch.float32 or torch.float64")
    return _DTYPES[dtype]


def haar(
    d: int,
    size: int | tuple[int, ...] | None = None,
    *,
    k: int | None = None,
    special: bool = False,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Orthogonal matrices with the uniform (Haar) distribution; the numbers of the NumPy twin.

    Parameters
    ----------
    d : int
        Rows.
    size : int or tuple of int, optional
        How many matrices.
    k : int, optional
        Columns; d by default.
    special : bool
        Rotations only: determinant 1. It has no effect for k < d.
    seed : int
        0 or more, below 2^64.
    dtype : torch.dtype

    Returns
    -------
    Tensor, shape size + (d, k)

    See Also
    --------
    isokern.orthogonal.haar : the same as arrays, in full words.

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> q = iso.haar(5, k=2, seed=1)
    >>> torch.allclose(q.T @ q, torch.eye(2, dtype=torch.float64))
    True
    """
    kind = _numpy_dtype("haar", dtype)
    return torch.from_numpy(_numpy.haar(d, size, k=k, special=special, seed=seed, dtype=kind))


class HaarRotation:
    """The matrix ``haar(d, special=special, seed=seed)`` as a product of reflectors.

    Parameters
    ----------
    d : int
    special : bool
    seed : int
    dtype : torch.dtype

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> rotation = iso.HaarRotation(4, seed=3)
    >>> x = torch.ones(4, dtype=torch.float64, requires_grad=True)
    >>> y = rotation.apply(x)
    >>> torch.allclose(y, rotation.matrix() @ x)
    True
    >>> torch.allclose(rotation.apply(y, transpose=True), x)
    True
    """

    def __init__(
        self,
        d: int,
        *,
        special: bool = False,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        self.dtype = dtype
        kind = _numpy_dtype("HaarRotation", dtype)
        self._rotation = _numpy.HaarRotation(d, special=special, seed=seed, dtype=kind)

    @property
    def d(self) -> int:
        """Length of the vectors."""
        return self._rotation.d

    @property
    def special(self) -> bool:
        """Whether the determinant is 1 by choice."""
        return self._rotation.special

    @property
    def seed(self) -> int:
        """The seed."""
        return self._rotation.seed

    def apply(self, x: Tensor, *, transpose: bool = False) -> Tensor:
        """Apply the matrix, or its inverse, to each vector.

        Parameters
        ----------
        x : Tensor, shape (..., d)
        transpose : bool

        Returns
        -------
        Tensor, shape (..., d)
        """
        (x,) = take("HaarRotation.apply", x=x)
        if torch.compiler.is_compiling():
            from isokern.torch import _eager

            return _eager.rotate(self._rotation, transpose, x)
        return Rotate.apply(self._rotation, transpose, x)

    def matrix(self) -> Tensor:
        """The matrix, shape (d, d)."""
        return torch.from_numpy(self._rotation.matrix())

    def __repr__(self) -> str:
        options = f"special={self.special}, seed={self.seed}, dtype={self.dtype}"
        return f"HaarRotation({self.d}, {options})"


class Rotate(torch.autograd.Function):
    """A map that is linear, and whose transpose is its inverse: it is its own derivative."""

    @staticmethod
    def forward(rotation: Any, transpose: bool, x: Tensor) -> Tensor:
        """Compute on the memory of the tensor."""
        return torch.from_numpy(rotation.apply(x.numpy(force=True), transpose=transpose))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the map."""
        ctx.rotation, ctx.transpose, _ = inputs

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Any, ...]:
        """Apply the inverse."""
        return None, None, Rotate.apply(ctx.rotation, not ctx.transpose, *cotangents)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        """Apply the map."""
        with forward_ad._set_fwd_grad_enabled(True):  # see `Function.jvp`
            return Rotate.apply(ctx.rotation, ctx.transpose, tangents[-1])

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], rotation: Any, transpose: bool, x: Tensor
    ) -> tuple[Tensor, int]:
        """Make the mapped axis the first."""
        dim = in_dims[-1]
        assert dim is not None
        return Rotate.apply(rotation, transpose, x.movedim(dim, 0)), 0
