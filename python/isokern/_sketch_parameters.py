# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What a random map is made of, and the checks of what it is applied to."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from isokern import _core
from isokern._arrays import Array, empty, take, take_output
from isokern._sketch_input import fraction, integer

if TYPE_CHECKING:
    from typing_extensions import Self

KINDS = (
    "sparse_jl",
    "count_sketch",
    "achlioptas",
    "very_sparse",
    "rademacher",
    "gaussian",
    "srht",
    "haar",
)
SPARSE_KINDS = KINDS[:4]
_LARGEST = (1 << 30) - 1
_LARGEST_HADAMARD = 1 << 24


class Parameters:
    """The parameters of a sketch, which are all that it holds."""

    __slots__ = ("_core", "_density", "_s", "d", "dtype", "k", "kind", "seed")

    def __init__(
        self,
        kind: str,
        d: int,
        k: int,
        *,
        seed: int = 0,
        s: int | None = None,
        density: float | None = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(
                f"Sketch: kind is {kind!r}, expected one of {', '.join(map(repr, KINDS))}"
            )
        self.kind = kind
        largest = _LARGEST_HADAMARD if kind == "srht" else _LARGEST
        self.d = integer("d", d, 1, largest)
        self.k = integer("k", k, 1, self.d if kind == "haar" else largest)
        self.seed = integer("seed", seed, 0, 2**64 - 1)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise TypeError(f"Sketch: dtype is {self.dtype}, expected float32 or float64")
        if s is not None and kind != "sparse_jl":
            raise TypeError(f"Sketch: s is {s!r}, expected none for the kind {kind!r}")
        if density is not None and kind != "very_sparse":
            raise TypeError(f"Sketch: density is {density!r}, expected none for the kind {kind!r}")
        self._s = None if s is None else integer("s", s, 1, self.k)
        self._density = None if density is None else fraction(density)
        self._core = _core.Sketch(
            kind, self.d, self.k, self.seed, self._s or 0, self._density or 0.0
        )

    @classmethod
    def _silent(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a sketch that does not warn, for those who have warned."""
        made = cls.__new__(cls)
        Parameters.__init__(made, *args, **kwargs)
        return made

    @property
    def s(self) -> int | None:
        """Nonzeros a feature."""
        return self._core.s or None

    @property
    def density(self) -> float | None:
        """Probability that an entry is not zero."""
        return self._core.density or None

    @property
    def scale(self) -> float:
        """Factor of the entries."""
        return self._core.scale

    def __repr__(self) -> str:
        options = "".join(
            f", {name}={value!r}"
            for name, value in (("s", self._s), ("density", self._density))
            if value is not None
        )
        return (
            f"Sketch({self.kind!r}, {self.d}, {self.k}, seed={self.seed}{options}, "
            f"dtype={self.dtype.name})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), *self._arguments())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parameters) and self._arguments() == other._arguments()

    def __hash__(self) -> int:
        return hash(self._arguments())

    def _arguments(self) -> tuple[Any, ...]:
        return self.kind, self.d, self.k, self.seed, self._s, self._density, self.dtype.str

    def _rows(self, name: str, argument: str, value: Any, length: int | None) -> Array:
        array = take(name, argument, value)
        if array.ndim == 0 or (length is not None and array.shape[-1] != length):
            wanted = "n" if length is None else length
            raise ValueError(
                f"{name}: {argument} has shape {array.shape}, expected (..., {wanted})"
            )
        if array.dtype != self.dtype:
            raise TypeError(
                f"{name}: {argument} has dtype {array.dtype}, expected {self.dtype} as the sketch"
            )
        return array

    def _output(self, name: str, out: Any, shape: tuple[int, ...]) -> Array:
        if math.prod(shape) * self.dtype.itemsize >= 1 << 63:
            raise ValueError(f"{name}: a result of shape {shape} exceeds the address space")
        if out is None:
            return empty(shape, self.dtype)
        return take_output(name, "out", out, shape, self.dtype)

    def _start(self, name: str, start: Any, columns: int) -> int:
        try:
            first = operator.index(start)
        except TypeError:
            raise TypeError(f"{name}: start is {start!r}, expected an integer") from None
        if not 0 <= first <= self.d - columns:
            raise ValueError(
                f"{name}: {columns} columns from {start} on, expected columns of {self.d}"
            )
        return first


def _restore(
    made: type[Parameters],
    kind: str,
    d: int,
    k: int,
    seed: int,
    s: int | None,
    density: float | None,
    dtype: str,
) -> Parameters:
    return made._silent(kind, d, k, seed=seed, s=s, density=density, dtype=dtype)
