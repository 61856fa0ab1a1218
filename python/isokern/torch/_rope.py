# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Autograd functions of the rotary embedding.

`Turn` is linear in queries and keys; its gradient is itself with the two directions exchanged.
`Mark` tells autograd of a rotation that was made in place. `Angles` has frequencies and positions
among its inputs.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isokern import rope as _numpy
from isokern._arrays import Array, is_bfloat16
from isokern._rope_calls import check_plan

Call = tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]

_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def check(function: str, **values: Any) -> list[Tensor]:
    """Tensors that the kernels can read; None is left out."""
    tensors = []
    for name, value in values.items():
        if value is None and name == "k":
            continue
        if not isinstance(value, Tensor):
            raise TypeError(f"{function}: {name} is a {type(value).__name__}, expected a tensor")
        if value.device.type != "cpu":
            raise ValueError(f"{function}: {name} is on device {value.device}, expected cpu")
        if value.layout is not torch.strided or value.dtype not in _DTYPES:
            kind = value.dtype if value.layout is torch.strided else value.layout
            raise TypeError(
                f"{function}: {name} is of {kind}, expected a strided tensor of float32, float64, "
                "float16 or bfloat16"
            )
        tensors.append(value)
    return tensors


def given(value: Any) -> Any:
    """Positions and the like: a tensor as an array, anything else as it is."""
    return value.numpy(force=True) if isinstance(value, Tensor) else value


def arrays_of(tensors: Sequence[Tensor]) -> list[Array]:
    """The memory of tensors as arrays; bfloat16 in the type of `ml_dtypes`."""
    arrays = []
    for tensor in tensors:
        tensor = tensor.detach()
        if tensor.dtype == torch.bfloat16:
            from isokern._arrays import _bfloat16

            arrays.append(tensor.view(torch.int16).numpy().view(_bfloat16()))
        else:
            arrays.append(tensor.numpy())
    return arrays


def tensor_of(array: Array) -> Tensor:
    """The memory of an array as a tensor."""
    if is_bfloat16(array.dtype):
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def run(function: Any, call: tuple[Any, ...], tensors: list[Tensor]) -> Any:
    """Apply an autograd function, without a look into it under `torch.compile`."""
    apply = function.apply if function is Turn else _apply_angles
    if torch.compiler.is_compiling():
        apply = torch.compiler.disable(apply)
    results = apply(call, *tensors)
    return results[0] if len(tensors) == 1 else results


def turn_in_place(
    function: str, turn: Callable[..., Any], call: Call, tensors: list[Tensor]
) -> list[Tensor]:
    """Turn the memory of tensors, once autograd can have nothing against it, and tell it."""
    if torch.is_grad_enabled():
        for name, tensor in zip("qk", tensors, strict=False):
            base = tensor if tensor._base is None else tensor._base
            if base.is_leaf and base.requires_grad:
                raise ValueError(
                    f"{function}: {name} is a leaf that requires a gradient, or a view of one, "
                    "expected a tensor that may change in place"
                )
    turn(*arrays_of(tensors), **call[2])
    marked = []
    for tensor, own in zip(tensors, (call, for_key(call)), strict=False):
        if torch.is_grad_enabled() and tensor.requires_grad:
            tensor = Mark.apply(own, tensor)
        else:
            torch.autograd.graph.increment_version(tensor)
        marked.append(tensor)
    return marked


def _reverse(call: Call) -> Call:
    """The transposed map."""
    forward, backward, options = call
    return backward, forward, options


def for_key(call: Call) -> Call:
    """The map of keys that come alone."""
    forward, backward, options = call
    if "plan" not in options:
        return call
    return forward, backward, {**options, "plan": options["plan"].for_keys()}


class Turn(torch.autograd.Function):
    """``Turn.apply((forward, backward, options), q[, k])`` gives a tuple of tensors."""

    @staticmethod
    def forward(call: Call, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Compute into fresh memory."""
        results = call[0](*arrays_of(tensors), **call[2])
        if len(tensors) == 1:
            results = (results,)
        return tuple(map(tensor_of, results))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the map; it does not depend on the tensors."""
        ctx.call = inputs[0]

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Any, ...]:
        """Pull cotangents back by the transposed map."""
        return None, *Turn.apply(_reverse(ctx.call), *cotangents)

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> tuple[Tensor | None, ...]:
        """Push tangents forward by the map itself."""
        if all(tangent is not None for tangent in tangents):
            pushed: tuple[Tensor, ...] = Turn.apply(ctx.call, *tangents)
            return pushed
        calls = (ctx.call, for_key(ctx.call))
        return tuple(
            None if tangent is None else Turn.apply(call, tangent)[0]
            for call, tangent in zip(calls, tangents, strict=False)
        )

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], call: Call, *tensors: Tensor
    ) -> tuple[Any, ...]:
        """Make the mapped axis the first of the batch axes."""
        moved = [
            tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            for tensor, dim in zip(tensors, in_dims[1:], strict=True)
        ]
        forward, backward, options = call
        axis = options["seq_axis"]
        if isinstance(axis, int) and axis >= 0:
            options = {**options, "seq_axis": axis + 1}
        results = Turn.apply((forward, backward, options), *moved)
        return results, (0,) * len(results)


# `apply` asks for the signature in every call, which costs more than a small kernel.
Turn.forward.__signature__ = inspect.signature(Turn.forward)  # type: ignore[attr-defined]


class Mark(torch.autograd.Function):
    """``Mark.apply(call, x)`` gives x, whose memory was turned by `call` already."""

    @staticmethod
    def forward(ctx: Any, call: Call, x: Tensor) -> Tensor:
        """Tell that x has changed."""
        ctx.call = call
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[None, Tensor]:
        """Pull the cotangent back by the transposed map."""
        return None, Turn.apply(_reverse(ctx.call), *cotangents)[0]


def _learned(options: dict[str, Any], inv_freq: Any, positions: Any) -> dict[str, Any]:
    """The options of a call on arrays, with the values of learned tensors."""
    plan = options["plan"]
    if inv_freq is not None:
        plan = dataclasses.replace(
            plan, inv_freq=inv_freq.detach().to(torch.float64).numpy(), rotary_dim=0
        )
    return {**options, "plan": plan, "positions": given(positions)}


def _apply_angles(call: tuple[dict[str, Any], Any, Any], *tensors: Tensor) -> tuple[Tensor, ...]:
    options, inv_freq, positions = call
    plan = check_plan("rope.apply", options["plan"])
    if inv_freq is not None:
        (inv_freq,) = check("rope.apply", inv_freq=inv_freq)
        if tuple(inv_freq.shape) != plan.inv_freq.shape:
            raise ValueError(
                f"rope.apply: inv_freq has shape {tuple(inv_freq.shape)}, expected that of the "
                f"plan's, {plan.inv_freq.shape}"
            )
    results: tuple[Tensor, ...] = Angles.apply(options, inv_freq, positions, *tensors)
    return results


class Angles(torch.autograd.Function):
    """``Angles.apply(options, inv_freq, positions, q[, k])``: all tensors have gradients."""

    @staticmethod
    def forward(
        ctx: Any, options: dict[str, Any], inv_freq: Any, positions: Any, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        """Compute as `Turn`."""
        known = positions if isinstance(positions, Tensor) else None
        ctx.options, ctx.positions = options, None if known is not None else positions
        ctx.save_for_backward(inv_freq, known, *tensors)
        call = (_numpy.apply, _numpy.vjp, _learned(options, inv_freq, positions))
        return Turn.forward(call, *tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Any, ...]:
        """Pull cotangents back, by torch's own operations where that must be differentiable."""
        inv_freq, known, *tensors = ctx.saved_tensors
        positions = ctx.positions if known is None else known
        needed = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            inputs = (inv_freq, known, *tensors)
            with torch.enable_grad():
                outputs = _expression(ctx.options, inv_freq, positions, tensors)
            wanted = [x for x, need in zip(inputs, needed, strict=True) if need]
            found = iter(torch.autograd.grad(outputs, wanted, cotangents, create_graph=True))
            return None, *(next(found) if need else None for need in needed)
        options = _learned(ctx.options, inv_freq, positions)
        frequency_bar = position_bar = None
        if needed[0] or needed[1]:
            named: Any = dict(zip(("q", "k"), arrays_of(tensors), strict=False))
            pair: Any = zip(("cotangent_q", "cotangent_k"), arrays_of(cotangents), strict=False)
            bars = _numpy.angle_vjp(**dict(pair), **named, **options)
            frequency_bar = torch.from_numpy(bars[0]).to(inv_freq.dtype) if needed[0] else None
            position_bar = torch.from_numpy(bars[1]).to(known.dtype) if needed[1] else None
        pulled: Any = (None,) * len(tensors)
        if any(needed[2:]):
            pulled = Turn.forward((_numpy.vjp, _numpy.apply, options), *cotangents)
        return None, frequency_bar, position_bar, *pulled


def _expression(
    options: dict[str, Any], inv_freq: Tensor | None, positions: Any, tensors: Sequence[Tensor]
) -> list[Tensor]:
    """The embedding in torch's operations, in float64."""
    plan = options["plan"]
    axis = torch.from_numpy(np.atleast_2d(plan.axis).astype(np.int64))
    first = torch.arange(plan.rotary_dim // 2)
    if plan.layout == "half":
        second = first + plan.rotary_dim // 2
    else:
        first, second = 2 * first, 2 * first + 1
    first, second = first + plan.rotary_offset, second + plan.rotary_offset
    frequencies = torch.tensor(plan.inv_freq.tolist()) if inv_freq is None else inv_freq
    frequencies = frequencies.to(torch.float64)
    if frequencies.dim() == 1:
        frequencies = frequencies[None, None]
    results = []
    for tensor, sign in zip(tensors, (1, -1), strict=False):
        x = tensor.to(torch.float64).movedim(options["seq_axis"], -2)
        if isinstance(positions, Tensor):
            where = positions.to(torch.float64)
        else:
            where = torch.from_numpy(_positions(options, positions, x))
        if plan.n_axes == 1:
            where = where[..., None]
        by_pair = where[..., axis]  # (..., seq, terms, P)
        heads = frequencies.shape[1]
        terms = [
            by_pair[..., term, :] * (row[0] if heads == 1 else row[:, None])
            for term, row in enumerate(frequencies)
        ]
        angle = torch.stack(terms).sum(dim=0)
        factor: Any = plan.attention_factor
        if plan.log_scale is not None:
            log_scale = torch.tensor(plan.log_scale.tolist(), dtype=torch.float64)
            factor = factor * torch.exp(sign * log_scale * (by_pair[..., 0, :] - plan.centre))
        if options["inverse"]:
            angle, factor = -angle, 1 / factor
        cos, sin = factor * angle.cos(), factor * angle.sin()
        x1, x2 = x[..., first], x[..., second]
        y = x.index_copy(-1, first, x1 * cos - x2 * sin).index_copy(-1, second, x2 * cos + x1 * sin)
        results.append(y.movedim(-2, options["seq_axis"]).to(tensor.dtype))
    return results


def _positions(options: dict[str, Any], positions: Any, x: Tensor) -> Array:
    """The positions of a call, written out."""
    if positions is not None:
        return np.asarray(given(positions), dtype=np.float64)
    tokens = np.arange(x.shape[-2], dtype=np.float64)
    offsets, bounds = options["offsets"], options["cu_seqlens"]
    if bounds is None:
        return tokens if offsets is None else np.asarray(offsets)[..., None] + tokens
    lengths = np.diff(bounds)
    starts = np.repeat(np.asarray(bounds)[:-1], lengths)
    shift = np.repeat(np.broadcast_to(0 if offsets is None else offsets, lengths.shape), lengths)
    return tokens - starts + shift
