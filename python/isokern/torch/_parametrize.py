# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Weights of layers that stay orthogonal, as products of reflectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from isokern.torch._haar import haar
from isokern.torch._matrices import apply_reflectors, form_q, qr

Layer = TypeVar("Layer", bound=nn.Module)


class OrthogonalParametrization(nn.Module):
    r"""Make a weight orthogonal: :math:`W = H_1 H_2 \dots H_k D`, or its first columns.

    For ``torch.nn.utils.parametrize.register_parametrization(layer, "weight", ...)``. What is
    trained in place of W (rows, columns) is the matrix of the reflectors, (m, k) with
    m = max(rows, columns); a wide W is the transpose of a tall one. W has orthonormal columns, or
    rows where it is wide, up to rounding, whatever an optimiser does to the reflectors.

    Parameters
    ----------
    shape : sequence of int
        Shape of the weight. Axes before the last two are a batch: each matrix is orthogonal.
    reflectors : int, optional
        k, at least 1; by default min(rows, columns), with which every W can be reached. With fewer
        a subset can, at less cost; more are possible and reach nothing new.
    flatten : bool
        One matrix (shape[0], product of the others) in place of a batch, as is common for the
        kernels of convolutions.

    Attributes
    ----------
    signs : Tensor
        The diagonal of D, 1 or -1: a buffer, which training leaves alone and an assignment sets.

    Notes
    -----
    *Start and assignment.* Registering starts from the layer's weight, and ``layer.weight = W``
    sets it: to W itself, up to rounding, where W is orthogonal, and otherwise to the factor Q of
    its QR factors with a positive diagonal of R. With fewer reflectors than columns the first k
    columns are so, the others complete them. Registering at a random normal weight, or assigning
    :func:`haar`, starts uniformly (Haar); `orthogonalize` does that.

    *Determinant.* That of a square W is :math:`(-1)^k \det D` and does not change in training. To
    train rotations start at determinant 1: at the identity, or at ``haar(d, special=True)``.

    *Lengths.* Only the direction of a reflector matters. Its gradient is orthogonal to it, so that
    plain gradient steps lengthen it, which slows its further turning; it starts with length 1.
    Weight decay does nothing to W but shortens the reflectors, which quickens their turning. It is
    better left out: a reflector of length 0 is an error.

    Examples
    --------
    >>> import torch
    >>> from torch.nn.utils import parametrize
    >>> from isokern.torch import orthogonal as iso
    >>> layer = torch.nn.Linear(4, 6, bias=False)
    >>> orthogonal = iso.OrthogonalParametrization(layer.weight.shape)
    >>> _ = parametrize.register_parametrization(layer, "weight", orthogonal)
    >>> torch.allclose(layer.weight.T @ layer.weight, torch.eye(4), atol=1e-6)
    True
    >>> layer.weight = torch.eye(6, 4)
    >>> torch.equal(layer.weight, torch.eye(6, 4))
    True
    """

    signs: Tensor

    def __init__(
        self, shape: Sequence[int], *, reflectors: int | None = None, flatten: bool = False
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        if len(self.shape) < 2 or min(self.shape) < 1:
            raise ValueError(
                f"OrthogonalParametrization: shape is {self.shape}, expected two axes or more, "
                "none of them empty"
            )
        batch = () if flatten else self.shape[:-2]
        rows = self.shape[0] if flatten else self.shape[-2]
        columns = math.prod(self.shape[1:]) if flatten else self.shape[-1]
        self._matrices = (*batch, rows, columns)
        self._wide = rows < columns
        self.reflectors = min(rows, columns) if reflectors is None else reflectors
        if self.reflectors < 1:
            raise ValueError(
                f"OrthogonalParametrization: reflectors is {reflectors}, expected 1 or more"
            )
        self.register_buffer("signs", torch.ones(*batch, min(rows, columns)))

    def forward(self, reflectors: Tensor) -> Tensor:
        """The weight of the reflectors, shape (..., m, k)."""
        m, columns = reflectors.shape[-2], self.signs.shape[-1]
        if self.reflectors == columns:
            q = form_q(reflectors)
        else:
            q = apply_reflectors(reflectors, torch.eye(m, columns, dtype=reflectors.dtype))
        q = q * self.signs.to(q.dtype)[..., None, :]
        return (q.mT if self._wide else q).reshape(self.shape)

    @torch.no_grad()
    def right_inverse(self, weight: Tensor) -> Tensor:
        """The reflectors of a weight; its signs are kept in `signs`."""
        if tuple(weight.shape) != self.shape:
            raise ValueError(
                f"OrthogonalParametrization: the weight has shape {tuple(weight.shape)}, "
                f"expected {self.shape}"
            )
        matrices = weight.reshape(self._matrices)
        v, tau, r = qr(matrices.mT if self._wide else matrices, mode="factored")
        if not torch.isfinite(r).all():
            raise ValueError("OrthogonalParametrization: the weight is not finite")
        columns = tau.shape[-1]
        index = torch.arange(columns)
        signs = torch.where(r.diagonal(dim1=-2, dim2=-1) < 0, -1, 1)
        # Where tau is 0 the matrix asks for no reflection, but there is one, along e_j, which the
        # sign undoes. A reflection that is left out has the sign it would have undone.
        signs = torch.where((tau == 0) == (index < self.reflectors), -signs, signs)
        v = v / torch.linalg.vector_norm(v, dim=-2, keepdim=True)
        for extra in range(columns, self.reflectors):
            column = torch.zeros_like(v[..., :1])
            column[..., extra % columns, :] = 1
            v = torch.cat([v, column], -1)
            signs[..., extra % columns] *= -1
        self.signs.copy_(signs)
        return v[..., : self.reflectors].contiguous()

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"shape={self.shape}, reflectors={self.reflectors}"


def orthogonalize(
    layer: Layer,
    name: str = "weight",
    *,
    reflectors: int | None = None,
    flatten: bool = False,
    seed: int | None = None,
) -> Layer:
    """Register an :class:`OrthogonalParametrization` with a layer.

    Parameters
    ----------
    layer : torch.nn.Module
    name : str
        The weight: two axes or more.
    reflectors, flatten
        As in :class:`OrthogonalParametrization`.
    seed : int, optional
        Start at :func:`haar` of this seed; otherwise at the orthogonal factor of the weight.

    Returns
    -------
    torch.nn.Module
        `layer` itself.

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> layer = iso.orthogonalize(torch.nn.Linear(5, 3, bias=False), seed=1)
    >>> x = torch.ones(2, 5)
    >>> torch.allclose(layer.weight @ layer.weight.T, torch.eye(3), atol=1e-6)
    True
    """
    weight = getattr(layer, name)
    orthogonal = OrthogonalParametrization(weight.shape, reflectors=reflectors, flatten=flatten)
    if seed is not None:
        *batch, rows, columns = orthogonal._matrices
        q = haar(
            max(rows, columns),
            tuple(batch),
            k=min(rows, columns),
            seed=seed,
            dtype=weight.dtype,
        )
        with torch.no_grad():
            weight.copy_((q.mT if rows < columns else q).reshape(weight.shape))
    parametrize.register_parametrization(layer, name, orthogonal)
    return layer
