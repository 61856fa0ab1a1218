# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Array intake: what comes in, what is copied, what goes out.

A kernel wants aligned arrays of native byte order whose last axis is contiguous. Everything else
that NumPy can hold is copied once, here. bfloat16 is a type of the package `ml_dtypes`, recognised
by its name and passed on as its bits.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isokern import _core

Array = NDArray[Any]
Errors = Literal["raise", "nan"]

MAX_RANK = 16
_POOLED_BYTES = 1 << 20
_ABSURD_BYTES = 1 << 47
_REAL = frozenset(map(np.dtype, (np.float32, np.float64)))
_HALF = _REAL | {np.dtype(np.float16)}


def is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether this is the type of the package `ml_dtypes`; asking for the kind first is fast."""
    return dtype.kind == "V" and dtype.name == "bfloat16"


def _bfloat16() -> np.dtype[Any]:
    try:
        import ml_dtypes
    except ImportError:
        raise ImportError(
            "a bfloat16 tensor becomes a NumPy array through ml_dtypes: pip install ml_dtypes"
        ) from None
    dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return dtype


def _from_dlpack(function: str, name: str, value: Any) -> Array:
    torch = sys.modules.get("torch")
    try:
        if torch is not None and isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16:
            return np.from_dlpack(value.view(torch.uint16)).view(_bfloat16())
        return np.from_dlpack(value)
    except ImportError:
        raise
    except Exception as error:
        hint = "detach() it first" if getattr(value, "requires_grad", False) else str(error)
        raise TypeError(
            f"{function}: {name} is a {type(value).__name__} that can't be read on the CPU: {hint}"
        ) from None


def as_ndarray(function: str, name: str, value: Any) -> Array:
    """Any array or sequence as an ndarray, without a copy where there is memory to share."""
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    if hasattr(value, "__dlpack__"):
        return _from_dlpack(function, name, value)
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{function}: {name} is not an array: {error}") from None


def _fits(array: Array) -> bool:
    if array.flags.c_contiguous:
        return array.flags.aligned
    return array.flags.aligned and (
        array.size == 0 or array.shape[-1] == 1 or array.strides[-1] == array.itemsize
    )


def take(function: str, name: str, value: Any, *, half: bool = False) -> Array:
    """An input array of float32 or float64, with `half` also of 16 bits, ready for a kernel."""
    array = value if type(value) is np.ndarray else as_ndarray(function, name, value)
    dtype = array.dtype
    if dtype not in (_HALF if half else _REAL) and not (half and is_bfloat16(dtype)):
        if dtype.kind in "iu":
            array = array.astype(np.float64)
        elif dtype.newbyteorder("=") in (_HALF if half else _REAL):
            array = array.astype(dtype.newbyteorder("="))
        else:
            allowed = "float32 or float64" + (", float16 or bfloat16" if half else "")
            raise TypeError(f"{function}: {name} has dtype {dtype}, expected {allowed}")
    if array.ndim > MAX_RANK:
        raise ValueError(f"{function}: {name} has {array.ndim} axes, expected at most {MAX_RANK}")
    return array if _fits(array) else np.array(array, order="C")


def take_alike(function: str, *, half: bool = False, **values: Any) -> list[Array]:
    """Input arrays of one common dtype."""
    arrays = [take(function, name, value, half=half) for name, value in values.items()]
    if len(arrays) == 1:
        return arrays
    dtype = arrays[0].dtype
    for name, array in zip(values, arrays, strict=True):
        if array.dtype != dtype:
            raise TypeError(
                f"{function}: {name} has dtype {array.dtype}, "
                f"expected {dtype} as {next(iter(values))}"
            )
    return arrays


def take_output(
    function: str, name: str, out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array:
    """A given output, checked; the same memory as an ndarray."""
    if not isinstance(out, np.ndarray) and not hasattr(out, "__dlpack__"):
        raise TypeError(f"{function}: {name} is a {type(out).__name__}, expected an array")
    array = out if type(out) is np.ndarray else as_ndarray(function, name, out)
    if array.dtype != dtype:
        raise TypeError(f"{function}: {name} has dtype {array.dtype}, expected {dtype}")
    if array.shape != shape:
        raise ValueError(f"{function}: {name} has shape {array.shape}, expected {shape}")
    if not array.flags.writeable:
        raise ValueError(f"{function}: {name} is read-only, expected a writable array")
    if not _fits(array):
        raise ValueError(
            f"{function}: {name} is misaligned or strided along its last axis, "
            "expected a contiguous last axis"
        )
    return array


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """A fresh output; large ones reuse the memory of outputs that were freed."""
    size = dtype.itemsize
    for extent in shape:
        size *= extent
    if not _POOLED_BYTES <= size < _ABSURD_BYTES:  # NumPy knows how to refuse
        return np.empty(shape, dtype)
    if is_bfloat16(dtype):
        return _core.empty(list(shape), np.dtype(np.uint16)).view(dtype)
    return _core.empty(list(shape), dtype)


def bits(array: Array) -> Array:
    """The array as the extension takes it: bfloat16 as uint16."""
    return array.view(np.uint16) if is_bfloat16(array.dtype) else array


def broadcast_batch(function: str, **shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The batch shape that the named batch shapes have together."""
    first, *others = shapes.values()
    if others.count(first) == len(others):
        return first
    try:
        return np.broadcast_shapes(first, *others)
    except ValueError:
        text = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(
            f"{function}: the batch axes of {text} do not broadcast together"
        ) from None


def sum_to(array: Array, shape: tuple[int, ...]) -> Array:
    """Sum over the axes along which an argument of `shape` was broadcast."""
    if array.shape == shape:
        return array
    added = array.ndim - len(shape)
    axes = tuple(range(added)) + tuple(
        axis + added
        for axis, extent in enumerate(shape)
        if extent == 1 and array.shape[axis + added] != 1
    )
    total = array.sum(axis=axes, dtype=np.float64)
    return np.asarray(total, dtype=array.dtype).reshape(shape)


def core_errors(function: str, errors: Any, *, fresh: bool) -> str:
    """How the library treats failing items: a fresh output need not be protected."""
    if errors == "nan":
        return "nan"
    if errors == "raise":
        return "raise_after" if fresh else "raise"
    raise ValueError(f"{function}: errors is {errors!r}, expected 'raise' or 'nan'")
