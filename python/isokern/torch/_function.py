# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""From a NumPy function and its gradient to an autograd function with derivatives of any order.

A :class:`Kernel` holds a function three times: on NumPy arrays, as its vector-Jacobian product on
NumPy arrays, and as an expression in torch operations. `Function` computes with the first, takes
its gradient with the second, which is a kernel again, and asks the third for all other derivatives.
So nobody who trains pays for the expression, and nobody who differentiates twice gets zeros.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

_vjp: Any = torch.func.vjp  # whose types hang on an option
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel:
    """A function on tensors; `inputs` and `outputs` are how many axes of each are not batch.

    Parameters
    ----------
    value : callable
        The function on NumPy arrays: gives one array or a tuple of `outputs` arrays.
    vjp : callable, optional
        Of the tuple of cotangents and the inputs, all NumPy arrays: the tuple of gradients.
        Without it the gradient is that of the expression.
    expression : callable
        The function on tensors, of the inputs and of the kept outputs: gives the tuple of the
        others.
    jvp : callable, optional
        Of the tuple of tangents and the inputs, all NumPy arrays: the tangents of the outputs, in
        the form of `value`. Without it forward mode is that of the expression.
    kept : int
        How many of the outputs, the last, are constants that the derivatives need to know.
    gradient_of : int, optional
        Where the outputs are gradients: at which input those begin that have their shapes.
    """

    value: Callable[..., Any]
    vjp: Callable[..., Any] | None
    expression: Callable[..., Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    jvp: Callable[..., Any] | None = None
    kept: int = 0
    gradient_of: int | None = None

    def pullback(self) -> Kernel:
        """The gradient: from cotangents, inputs and kept outputs to the gradients of the inputs."""
        count = len(self.outputs) - self.kept
        end = count + len(self.inputs)

        def value(*arrays: Any) -> Any:
            assert self.vjp is not None
            return self.vjp(arrays[:count], *arrays[count:end])

        def expression(*tensors: Tensor) -> tuple[Tensor, ...]:
            outputs = self._with_constants(tensors[end:])
            return _vjp(outputs, *tensors[count:end])[1](tensors[:count])

        kept = self.outputs[count:]
        ranks = (*self.outputs[:count], *self.inputs, *kept)
        return Kernel(value, None, expression, ranks, self.inputs, gradient_of=count)

    def pushforward(self) -> Kernel:
        """The tangent: from tangents, inputs and kept outputs to the tangents of the others.

        It is the transpose of the gradient, which is linear in the cotangents.
        """
        count = len(self.inputs)

        def value(*arrays: Any) -> Any:
            assert self.jvp is not None
            return self.jvp(arrays[:count], *arrays[count : 2 * count])

        def expression(*tensors: Tensor) -> tuple[Tensor, ...]:
            outputs = self._with_constants(tensors[2 * count :])
            values, pull = _vjp(outputs, *tensors[count : 2 * count])
            zeros = tuple(torch.zeros_like(value) for value in values)
            return _vjp(pull, zeros)[1](tensors[:count])[0]

        differentiable = len(self.outputs) - self.kept
        kept, outputs = self.outputs[differentiable:], self.outputs[:differentiable]
        return Kernel(value, None, expression, (*self.inputs, *self.inputs, *kept), outputs)

    def _with_constants(self, constants: tuple[Tensor, ...]) -> Callable[..., tuple[Tensor, ...]]:
        return lambda *inputs: self.expression(*inputs, *constants)

    def in_double(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The expression in float64, rounded to the dtype of the inputs."""
        results = self.expression(*(tensor.to(torch.float64) for tensor in tensors))
        return tuple(result.to(tensors[0].dtype) for result in results)


class Function(torch.autograd.Function):
    """Apply a kernel: ``Function.apply(kernel, *tensors)`` gives a tuple of tensors."""

    @staticmethod
    def forward(kernel: Kernel, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Compute on the memory of the tensors."""
        results = kernel.value(*(tensor.numpy(force=True) for tensor in tensors))
        if not isinstance(results, tuple):
            results = (results,)
        return tuple(torch.from_numpy(np.asarray(result)) for result in results)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the inputs, and the outputs that are constants."""
        kernel, *tensors = inputs
        ctx.kernel = kernel
        if kernel.kept:
            constants = output[-kernel.kept :]
            ctx.mark_non_differentiable(*constants)
            tensors += constants
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Any, ...]:
        """Pull cotangents back, differentiably."""
        kernel, tensors = ctx.kernel, ctx.saved_tensors
        cotangents = cotangents[: len(kernel.outputs) - kernel.kept]
        if kernel.vjp is not None:
            gradients = Function.apply(kernel.pullback(), *cotangents, *tensors)
        else:
            gradients = _vjp(kernel.in_double, *tensors)[1](cotangents)
        needed = ctx.needs_input_grad[1:]
        return None, *(g if need else None for g, need in zip(gradients, needed, strict=True))

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> tuple[Tensor | None, ...]:
        """Push tangents forward, differentiably.

        Torch switches forward mode off here. That loses the tangents of an enclosing
        `torch.func.jvp`, so it is switched on, on inputs without the tangents of this one.
        """
        kernel = ctx.kernel
        with forward_ad._set_fwd_grad_enabled(True):
            tensors = [forward_ad.unpack_dual(tensor).primal for tensor in ctx.saved_tensors]
            given = [
                torch.zeros_like(tensor) if tangent is None else tangent
                for tensor, tangent in zip(tensors, tangents, strict=False)
            ]
            if kernel.jvp is not None:
                pushed = Function.apply(kernel.pushforward(), *given, *tensors)
            else:
                pushed = kernel.pushforward().in_double(*given, *tensors)
                if kernel.vjp is not None:  # it knows where there is no derivative
                    with torch.no_grad():
                        zeros = map(torch.zeros_like, pushed)
                        Function.apply(kernel.pullback(), *zeros, *tensors)
        return (*pushed, *[None] * kernel.kept)

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], kernel: Kernel, *tensors: Tensor
    ) -> tuple[Any, ...]:
        """Make the mapped axis the first of the batch axes of every input."""
        moved = [
            tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            for tensor, dim in zip(tensors, in_dims[1:], strict=True)
        ]
        batch = [tensor.dim() - rank for tensor, rank in zip(moved, kernel.inputs, strict=True)]
        aligned = [
            tensor[(slice(None), *[None] * (max(batch) - axes))]
            for tensor, axes in zip(moved, batch, strict=True)
        ]
        results = Function.apply(kernel, *aligned)
        if kernel.gradient_of is not None:
            shapes = [tensor.shape for tensor in moved[kernel.gradient_of :]]
            results = tuple(map(Tensor.reshape, results, shapes))
        return results, (0,) * len(results)


# `apply` asks for the signature in every call, which costs more than a small kernel.
Function.forward.__signature__ = inspect.signature(Function.forward)  # type: ignore[attr-defined]


def take(function: str, **values: Any) -> list[Tensor]:
    """Arguments that NumPy functions can read; what else is wrong with them they say themselves."""
    tensors = []
    for name, value in values.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{function}: {name} is a {type(value).__name__}, expected a tensor")
        if value.device.type != "cpu":
            raise ValueError(f"{function}: {name} is on device {value.device}, expected cpu")
        if value.layout is not torch.strided:
            raise TypeError(
                f"{function}: {name} has layout {value.layout}, expected {torch.strided}"
            )
        if value.dtype in _INTEGERS:
            value = value.to(torch.float64)
        if value.dtype not in (torch.float32, torch.float64):
            kind = str(value.dtype).removeprefix("torch.")
            raise TypeError(f"{function}: {name} has dtype {kind}, expected float32 or float64")
        tensors.append(value)
    return tensors


def call(kernel: Kernel, *tensors: Tensor) -> Any:
    """The kernel's result: a tensor, or a tuple where there are several."""
    if torch.compiler.is_compiling():
        from isokern.torch import _eager

        results = _eager.apply(kernel, *tensors)
    else:
        results = Function.apply(kernel, *tensors)
    results = results[: len(kernel.outputs) - kernel.kept]
    return results if len(results) > 1 else results[0]
