# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Rotary embeddings of torch tensors, differentiable: twins of `isokern.rope`.

Plans are those of :mod:`isokern.rope`. Tensors are on the CPU, of float32, float64, float16 or
bfloat16 (which needs the package `ml_dtypes`), of any strides but that of the last axis. The
rotation is linear in queries and keys, and its gradient is the same kernel with the angles negated,
so that gradients of gradients and forward mode cost no more. Frequencies and positions may be
learned: their first gradient is a kernel too, all further ones are those of torch's own operations.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isokern import rope as _numpy
from isokern._rope_calls import ArithmeticOfAngles
from isokern._rope_plan import PairLayout, RopePlan
from isokern.torch._rope import (
    Angles,
    Turn,
    arrays_of,
    check,
    given,
    run,
    tensor_of,
    turn_in_place,
)

__all__ = ["apply", "apply_", "apply_rotary_pos_emb", "apply_table", "rerotate"]


def apply(
    q: Tensor,
    k: Tensor | None = None,
    *,
    plan: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    cu_seqlens: Any = None,
    seq_axis: int = -2,
    angles: ArithmeticOfAngles = "exact",
    inverse: bool = False,
    inv_freq: Tensor | None = None,
) -> Any:
    """Turn queries, or queries and keys, to their positions.

    Parameters
    ----------
    q, k : Tensor, shape (..., seq, dim)
    plan, positions, offsets, cu_seqlens, seq_axis, angles, inverse
        As in :func:`isokern.rope.apply`; tensors, arrays or numbers. A tensor `positions` of
        float64 gets a gradient where it requires one.
    inv_freq : Tensor, optional
        Learned frequencies in place of the plan's, of its shape, in float32 or float64.

    Returns
    -------
    Tensor or pair of Tensor

    See Also
    --------
    isokern.rope.apply : the same on arrays, in full words.

    Examples
    --------
    >>> import torch
    >>> from isokern import rope
    >>> from isokern.torch import rope as iso
    >>> q = torch.tensor([[1.0, 0.0], [1.0, 0.0]], requires_grad=True)
    >>> y = iso.apply(q, plan=rope.plan(2))
    >>> y[1, 1].backward()
    >>> q.grad
    tensor([[0.0000, 0.0000],
            [0.8415, 0.5403]])
    """
    tensors = check("rope.apply", q=q, k=k)
    where = {"offsets": given(offsets), "cu_seqlens": given(cu_seqlens)}
    options = {"plan": plan, "seq_axis": seq_axis, "angles": angles, "inverse": inverse, **where}
    learned = isinstance(positions, Tensor) and positions.requires_grad
    if inv_freq is None and not learned:
        options["positions"] = given(positions)
        return run(Turn, (_numpy.apply, _numpy.vjp, options), tensors)
    return run(Angles, (options, inv_freq, positions), tensors)


def apply_(
    q: Tensor,
    k: Tensor | None = None,
    *,
    plan: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    cu_seqlens: Any = None,
    seq_axis: int = -2,
    angles: ArithmeticOfAngles = "exact",
    inverse: bool = False,
) -> Any:
    """Turn queries, or queries and keys, in place.

    Parameters
    ----------
    q, k : Tensor, shape (..., seq, dim)
        Where gradients are recorded, not leaves that require one.
    plan, positions, offsets, cu_seqlens, seq_axis, angles, inverse
        As in :func:`isokern.rope.apply_`.

    Returns
    -------
    Tensor or pair of Tensor
        What was given; gradients pass through.

    See Also
    --------
    isokern.rope.apply_ : the same on arrays, in full words.

    Examples
    --------
    >>> import torch
    >>> from isokern import rope
    >>> from isokern.torch import rope as iso
    >>> q = torch.ones(3, 4)
    >>> iso.apply_(q, plan=rope.plan(4)) is q
    True
    """
    tensors = check("rope.apply_", q=q, k=k)
    options = {
        "plan": plan,
        "positions": given(positions),
        "offsets": given(offsets),
        "cu_seqlens": given(cu_seqlens),
        "seq_axis": seq_axis,
        "angles": angles,
        "inverse": inverse,
    }
    call = (_numpy.apply, _numpy.vjp, options)
    marked = turn_in_place("rope.apply_", _numpy.apply_, call, tensors)
    return marked[0] if k is None else tuple(marked)


def rerotate(
    k: Tensor,
    *,
    old: RopePlan,
    new: RopePlan,
    positions: Any = None,
    offsets: Any = None,
    cu_seqlens: Any = None,
    seq_axis: int = -2,
) -> Tensor:
    """Bring keys that were turned by one plan to where another would have turned them.

    Parameters
    ----------
    k : Tensor, shape (..., seq, dim)
        Cached keys; no gradient is recorded.
    old, new, positions, offsets, cu_seqlens, seq_axis
        As in :func:`isokern.rope.rerotate`.

    Returns
    -------
    Tensor

    See Also
    --------
    isokern.rope.rerotate : the same on arrays, in full words.

    Examples
    --------
    >>> import torch
    >>> from isokern import rope
    >>> from isokern.torch import rope as iso
    >>> plan = rope.plan(4)
    >>> iso.rerotate(torch.ones(3, 4), old=plan, new=plan).equal(torch.ones(3, 4))
    True
    """
    (tensor,) = check("rope.rerotate", k=k)
    options = {
        "positions": given(positions),
        "offsets": given(offsets),
        "cu_seqlens": given(cu_seqlens),
        "seq_axis": seq_axis,
    }
    (source,) = arrays_of([tensor])
    return tensor_of(_numpy.rerotate(source, old=old, new=new, **options))


def apply_table(
    q: Tensor,
    k: Tensor | None = None,
    *,
    cos: Tensor,
    sin: Tensor,
    layout: PairLayout = "half",
    rotary_dim: int | None = None,
    rotary_offset: int = 0,
    positions: Any = None,
    offsets: Any = None,
    seq_axis: int = -2,
    inverse: bool = False,
) -> Any:
    """Turn queries, or queries and keys, by given cosines and sines.

    Parameters
    ----------
    q, k : Tensor, shape (..., seq, dim)
    cos, sin : Tensor, shape (..., seq, P) or (..., seq, 2P)
        Constants: no gradient flows into them.
    layout, rotary_dim, rotary_offset, positions, offsets, seq_axis, inverse
        As in :func:`isokern.rope.apply_table`.

    Returns
    -------
    Tensor or pair of Tensor

    See Also
    --------
    isokern.rope.apply_table : the same on arrays, in full words.

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import rope as iso
    >>> cos, sin = torch.tensor([[0.0]]), torch.tensor([[1.0]])
    >>> iso.apply_table(torch.tensor([[3.0, 4.0]]), cos=cos, sin=sin)
    tensor([[-4.,  3.]])
    """
    tensors = check("rope.apply_table", q=q, k=k)
    cosines, sines = arrays_of(check("rope.apply_table", cos=cos, sin=sin))
    options = {
        "cos": cosines,
        "sin": sines,
        "layout": layout,
        "rotary_dim": rotary_dim,
        "rotary_offset": rotary_offset,
        "positions": given(positions),
        "offsets": given(offsets),
        "seq_axis": seq_axis,
        "inverse": inverse,
    }
    return run(Turn, (_numpy.apply_table, _numpy.table_vjp, options), tensors)


def apply_rotary_pos_emb(
    q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, unsqueeze_dim: int = 1
) -> tuple[Tensor, Tensor]:
    """Take the place of Hugging Face's function of this name.

    Computed in float32 and rounded once, also where the tables are in 16 bits. Where a model's
    cosines require gradients, the expression of the original is computed.

    Parameters
    ----------
    q, k : Tensor, shape (batch, heads, seq, dim)
        With `unsqueeze_dim` 2 (batch, seq, heads, dim).
    cos, sin : Tensor, shape (batch, seq, rotary_dim)
        As a model's rotary embedding makes them: each number twice, in both halves. Coordinates
        beyond their width are copied.
    unsqueeze_dim : int
        Which axis of `q` the tables lack.

    Returns
    -------
    pair of Tensor

    Examples
    --------
    >>> import torch
    >>> from isokern.torch.rope import apply_rotary_pos_emb
    >>> q, k, angle = torch.ones(1, 4, 3, 2), torch.ones(1, 1, 3, 2), torch.zeros(1, 3, 2)
    >>> q_turned, k_turned = apply_rotary_pos_emb(q, k, angle.cos(), angle.sin())
    >>> q_turned.equal(q)
    True
    """
    axis = unsqueeze_dim if unsqueeze_dim >= 0 else unsqueeze_dim + cos.dim() + 1
    width = cos.shape[-1]
    if torch.is_grad_enabled() and (cos.requires_grad or sin.requires_grad):
        cos, sin = cos.unsqueeze(axis), sin.unsqueeze(axis)

        def turned(x: Tensor) -> Tensor:
            first, second = x[..., : width // 2], x[..., width // 2 : width]
            half = torch.cat((-second, first), dim=-1)
            y = x[..., :width] * cos + half * sin
            return torch.cat((y, x[..., width:]), dim=-1).to(x.dtype)

        return turned(q), turned(k)
    # The batch axes of the tables: all but the sequence, with one of length 1 for the heads.
    seq_axis = -2 if axis != q.dim() - 2 else q.dim() - 3
    tokens = cos.shape[-2]
    cos, sin = (part.reshape(-1, 1, tokens, width) for part in (cos, sin))
    result: tuple[Tensor, Tensor] = apply_table(
        q, k, cos=cos, sin=sin, rotary_dim=width, seq_axis=seq_axis
    )
    return result
