# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""First and second moments of data that come in pieces."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from isokern import _core
from isokern._arrays import Array, as_ndarray, take

__all__ = ["Moments"]


class Moments:
    """Weight, mean and scatter of vectors, from any number of pieces in any order.

    The scatter M = sum of w (x - m)(x - m)^T is kept about the mean of what was seen, so that
    offsets do not cancel: numbers around 1e8 lose no more than their own rounding.

    Parameters
    ----------
    d : int
        Length of the vectors.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import gaussian
    >>> x = np.arange(6.0).reshape(3, 2)
    >>> moments = gaussian.Moments(2).update(x[:1]).merge(gaussian.Moments(2).update(x[1:]))
    >>> moments.mean
    array([2., 3.])
    >>> moments.cov()
    array([[4., 4.],
           [4., 4.]])
    """

    def __init__(self, d: int) -> None:
        size = operator.index(d)
        if size < 1:
            raise ValueError(f"Moments: d is {d!r}, expected 1 or more")
        self._weight = 0.0
        self._squares = 0.0
        self._count = 0
        self._mean = np.zeros(size)
        self._scatter = np.zeros((size, size))

    @property
    def d(self) -> int:
        """Length of the vectors."""
        return len(self._mean)

    @property
    def count(self) -> int:
        """Vectors seen."""
        return self._count

    @property
    def weight(self) -> float:
        """Sum of the weights; the count where none were given."""
        return self._weight

    @property
    def mean(self) -> Array:
        """Mean of the vectors, NaN where there are none."""
        return self._mean.copy() if self._weight > 0 else np.full(self.d, np.nan)

    def cov(self, ddof: float = 1, *, weights: str = "frequency") -> Array:
        """Covariance M / (W - ddof).

        Parameters
        ----------
        ddof : float
            0 for the maximum-likelihood estimate, 1 for the unbiased one.
        weights : {"frequency", "reliability"}
            What weights mean: how often a vector occurred, or how much it is worth; of the latter W
            is reduced by ddof times (sum of w^2) / W.

        Raises
        ------
        ValueError
            Too little weight for `ddof`, as with one vector and ddof = 1.
        """
        if weights not in ("frequency", "reliability"):
            raise ValueError(
                f"Moments.cov: weights is {weights!r}, expected frequency or reliability"
            )
        lost = ddof
        if weights == "reliability":
            lost = ddof * self._squares / self._weight if self._weight > 0 else 0
        if not self._weight - lost > 0:
            raise ValueError(
                f"Moments.cov: a weight of {self._weight:g} is too little for ddof = {ddof!r}"
            )
        return self._scatter / (self._weight - lost)

    def update(self, x: Any, weight: Any = None) -> Moments:
        """Take in vectors.

        Parameters
        ----------
        x : array_like, shape (n, d) or (d,)
            float32 or float64; float32 is multiplied in float32 and summed in float64.
        weight : array_like, shape (n,), optional
            Not negative; 1 each by default.

        Returns
        -------
        Moments
            Itself.
        """
        rows = take("Moments.update", "x", x)
        rows = rows[None] if rows.ndim == 1 else rows
        if rows.ndim != 2 or rows.shape[1] != self.d:
            raise ValueError(f"Moments.update: x has shape {rows.shape}, expected (n, {self.d})")
        given = None
        if weight is not None:
            given = np.asarray(as_ndarray("Moments.update", "weight", weight), dtype=np.float64)
            given = given[None] if given.ndim == 0 else given
            if given.shape != rows.shape[:1]:
                raise ValueError(
                    f"Moments.update: weight has shape {given.shape}, expected ({len(rows)},)"
                )
            if not np.all(np.isfinite(given)) or np.any(given < 0):
                raise ValueError("Moments.update: weight is negative or not finite")
        if len(rows) == 0:
            return self
        self._absorb(*_moments(rows, given))
        return self

    def merge(self, other: Moments) -> Moments:
        """Take in what another has seen; `other` stays as it is.

        Returns
        -------
        Moments
            Itself.
        """
        if not isinstance(other, Moments):
            kind = type(other).__name__
            raise TypeError(f"Moments.merge: other is a {kind}, expected Moments")
        if other.d != self.d:
            raise ValueError(f"Moments.merge: other has d = {other.d}, expected {self.d}")
        self._absorb(other._count, other._weight, other._squares, other._mean, other._scatter)
        return self

    def _absorb(
        self, count: int, weight: float, squares: float, mean: Array, scatter: Array
    ) -> None:
        self._count += count
        total = self._weight + weight
        if weight <= 0:
            return
        delta = mean - self._mean
        share = weight / total
        self._scatter = self._scatter + scatter
        if self._weight > 0:
            self._scatter += np.outer(delta, delta) * (self._weight * share)
            self._mean = self._mean + delta * share
        else:
            self._mean = mean.copy()
        self._weight = total
        self._squares += squares

    def state(self) -> dict[str, Any]:
        """Everything it holds, as numbers and arrays that can be stored."""
        return {
            "version": 1,
            "count": self._count,
            "weight": self._weight,
            "squares": self._squares,
            "mean": self._mean.copy(),
            "scatter": self._scatter.copy(),
        }

    @classmethod
    def from_state(cls, state: Any) -> Moments:
        """Make it again from :meth:`state`."""
        if state.get("version") != 1:
            raise ValueError(f"Moments.from_state: version is {state.get('version')!r}, expected 1")
        mean = np.array(state["mean"], dtype=np.float64)
        scatter = np.array(state["scatter"], dtype=np.float64)
        if mean.ndim != 1 or scatter.shape != (len(mean), len(mean)):
            raise ValueError(
                f"Moments.from_state: mean and scatter have shapes {mean.shape} and "
                f"{scatter.shape}, expected (d,) and (d, d)"
            )
        made = cls(len(mean))
        made._count, made._weight = int(state["count"]), float(state["weight"])
        made._squares, made._mean, made._scatter = float(state["squares"]), mean, scatter
        return made

    def __repr__(self) -> str:
        return f"Moments(d={self.d}, count={self.count}, weight={self.weight:g})"


def _moments(x: Array, weight: Array | None) -> tuple[int, float, float, Array, Array]:
    """Count, weight, sum of squared weights, mean and scatter of rows."""
    n, d = x.shape
    total = float(n) if weight is None else float(np.sum(weight))
    squares = total if weight is None else float(np.sum(weight * weight))
    mean, scatter = np.zeros(d), np.zeros((d, d))
    if total > 0:
        given = weight if weight is None else np.ascontiguousarray(weight)
        _core.gaussian_scatter(x, given, mean, scatter)
    return n, total, squares, mean, scatter
