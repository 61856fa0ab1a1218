# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Twins of isokern's functions that take and give torch tensors, with exact derivatives.

============================  ========================================================
:mod:`.torch.gaussian`        twins of :mod:`isokern.gaussian`
:mod:`.torch.orthogonal`      twins of :mod:`isokern.orthogonal`
:mod:`.torch.rope`            twins of :mod:`isokern.rope`, and of a function of Hugging Face's
============================  ========================================================

Values and first gradients come from isokern's kernels, on the memory of the tensors themselves.
Everything beyond (gradients of gradients, forward mode, either over the other) differentiates an
expression of the same function in torch operations, in float64 for both dtypes, and is exact as
well: to any order, under ``torch.func`` and its ``vmap`` too. (The older batching of
``torch.autograd.grad(..., is_grads_batched=True)`` has no place for such functions.)

Tensors are on the CPU, strided, of float32 or float64 (integers become float64; rotary embeddings
also take float16 and bfloat16); the axes broadcast as in NumPy. Under ``torch.compile`` a twin is
called as it is: the graph is split around it.
"""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401
except ImportError:
    raise ImportError('isokern.torch needs PyTorch: pip install "isokern[torch]"') from None

from isokern.torch import gaussian, orthogonal, rope

__all__ = ["gaussian", "orthogonal", "rope"]
