# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The report of `distortion`, and the laws it compares with."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isokern._arrays import Array
from isokern._special import scipy_module

__all__ = ["LEVELS", "Distortion", "density", "law"]

LEVELS = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
_MEASURES = {
    "distance2": "relative error of squared distances",
    "distance": "relative error of distances",
    "inner_product": "error of inner products, relative to the lengths",
}


@dataclass(frozen=True, repr=False, eq=False)
class Distortion:
    """What :func:`distortion` found.

    Attributes
    ----------
    n, d, k : int
        The number of points, and of dimensions before and after.
    guarantee : str
        What is measured.
    errors : ndarray
        The signed error of each pair that was looked at, ascending.
    complete : bool
        Whether these are all pairs, or a random sample.
    coincident : int
        Pairs left out, of points that are equal before and after (for inner products: zero).
    eps, delta : float
        The promise: no error above eps, but with probability delta. eps is NaN where no promise
        below 1 can be made.
    held : bool
        Whether no error that was looked at is above eps; true also where nothing is promised.
    largest : float
        The largest absolute error.
    pair : tuple of int
        The two points that have it.
    beyond : int
        How many errors are above eps.
    share : float
        Their share.
    share_bounds : tuple of float
        A confidence interval for the share among all pairs, by Clopper and Pearson; both ends are
        the share where all pairs were looked at.
    confidence : float
        Of that interval.
    quantiles : dict of float
        Some quantiles of the errors.
    predicted : dict of float
        The same quantiles for one pair under a Gaussian map.
    predicted_largest : float
        What the largest of so many errors stays below with probability 1/2 or more under a Gaussian
        map.
    """

    n: int
    d: int
    k: int
    guarantee: str
    errors: Array = field(repr=False)
    complete: bool
    coincident: int
    eps: float
    delta: float
    pair: tuple[int, int] | None
    confidence: float
    predicted: dict[float, float]
    predicted_largest: float

    @property
    def largest(self) -> float:
        """Largest absolute error."""
        return float(np.max(np.abs(self.errors[[0, -1]]))) if self.errors.size else 0.0

    @property
    def beyond(self) -> int:
        """How many errors are above eps."""
        if math.isnan(self.eps):
            return 0
        left = np.searchsorted(self.errors, -self.eps, "left")
        return int(left + self.errors.size - np.searchsorted(self.errors, self.eps, "right"))

    @property
    def held(self) -> bool:
        """Whether no error is above eps."""
        return self.beyond == 0

    @property
    def share(self) -> float:
        """Share of the errors above eps."""
        return self.beyond / self.errors.size if self.errors.size else 0.0

    @property
    def share_bounds(self) -> tuple[float, float]:
        """Confidence interval for the share among all pairs."""
        if self.complete:
            return self.share, self.share
        inverse = scipy_module("distortion", "special").betaincinv
        m, b, outside = self.errors.size, self.beyond, (1 - self.confidence) / 2
        low = float(inverse(b, m - b + 1, outside)) if b else 0.0
        high = float(inverse(b + 1, m - b, 1 - outside)) if b < m else 1.0
        return low, high

    @property
    def quantiles(self) -> dict[float, float]:
        """Quantiles of the errors."""
        if not self.errors.size:
            return {}
        values = np.quantile(self.errors, LEVELS, method="nearest")
        return dict(zip(LEVELS, map(float, values), strict=True))

    def __repr__(self) -> str:
        return (
            f"Distortion({self.guarantee!r}, {self.errors.size} pairs, largest={self.largest:.4g}, "
            f"eps={self.eps:.4g}, held={self.held})"
        )

    def __str__(self) -> str:
        which = "all" if self.complete else "a sample of"
        lines = [
            f"{_MEASURES[self.guarantee]}: {self.n:,} points, {self.d:,} to {self.k:,} dimensions, "
            f"{which} {self.errors.size:,} pairs",
            "quantile   " + " ".join(f"{level:>8g}" for level in self.quantiles),
            "found      " + " ".join(f"{value:>8.4f}" for value in self.quantiles.values()),
            "predicted  " + " ".join(f"{value:>8.4f}" for value in self.predicted.values()),
            f"largest    {self.largest:.4f}, predicted {self.predicted_largest:.4f}",
        ]
        if not math.isnan(self.eps):
            word = "held" if self.held else f"not held: {self.beyond:,} pairs are off by more"
            lines.append(f"promise    {self.eps:.4f} (failure {self.delta:g}): {word}")
        if not self.complete:
            low, high = self.share_bounds
            lines.append(
                f"of all pairs a share of {low:.2g} to {high:.2g} is off by more "
                f"(confidence {self.confidence:g})"
            )
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> Any:
        """Draw the errors, what was predicted and what was promised.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to; a new figure by default.

        Returns
        -------
        matplotlib axes

        Raises
        ------
        ImportError
            matplotlib is missing.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            raise ImportError(
                'Distortion.plot needs matplotlib: pip install "isokern[demo]"'
            ) from None
        if ax is None:
            ax = plt.subplots()[1]
        errors = self.errors[np.isfinite(self.errors)]
        ax.hist(errors, bins=120, density=True, color="#2a6f97", alpha=0.5, label="found")
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        ax.set_ylim(low, 20 * high)  # room for the legend
        low, high = ax.get_xlim()
        places = np.linspace(low, high, 400)[1:-1]
        height = density(self.guarantee, self.k, places)
        seen = height > ax.get_ylim()[0]
        ax.plot(places[seen], height[seen], color="black", lw=1, label="one pair, predicted")
        if not math.isnan(self.eps):
            for side in (-self.eps, self.eps):
                ax.axvline(side, color="#bc4749", lw=1, ls="--")
            ax.plot([], [], color="#bc4749", lw=1, ls="--", label=f"promised, {self.eps:.3g}")
        ax.set(xlabel=_MEASURES[self.guarantee], ylabel="density of pairs")
        ax.legend(loc="upper center", ncols=3, fontsize="small", handlelength=1.2)
        return ax


def law(guarantee: str, k: int, levels: Any) -> Array:
    """Return quantiles of the error of one pair under a Gaussian map.

    Inner products: of nearly orthogonal points, by their variance.
    """
    special = scipy_module("distortion", "special")
    if guarantee == "inner_product":
        return np.asarray(special.ndtri(levels) / np.sqrt(k))
    ratio = special.gammaincinv(k / 2, levels) * 2 / k
    return np.asarray((np.sqrt(ratio) if guarantee == "distance" else ratio) - 1)


def density(guarantee: str, k: int, errors: Array) -> Array:
    """Return the density whose quantiles `law` gives."""
    if guarantee == "inner_product":
        return np.asarray(np.sqrt(k / (2 * np.pi)) * np.exp(-k * errors**2 / 2))
    special = scipy_module("distortion", "special")
    factor = np.maximum(1 + errors, 0)
    ratio = factor**2 if guarantee == "distance" else factor
    half = k / 2
    log = special.xlogy(half - 1, ratio) + half * (np.log(half) - ratio) - special.gammaln(half)
    value = np.exp(log)
    return np.asarray(value * 2 * factor if guarantee == "distance" else value)
