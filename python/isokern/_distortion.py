# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What a projection did to the pairs of given points, beside what was promised."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isokern._arrays import Array
from isokern._pairs import Rows, all_pairs, sampled_pairs
from isokern._projection_theory import GUARANTEES, Guarantee, max_eps
from isokern._special import fractions, scipy_module, whole_numbers

__all__ = ["Distortion", "distortion"]

_ALL = 2_000_000  # pairs, up to which "auto" takes all of them
_SAMPLE = 200_000
_LEVELS = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
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
        values = np.quantile(self.errors, _LEVELS, method="nearest")
        return dict(zip(_LEVELS, map(float, values), strict=True))

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
        height = _density(self.guarantee, self.k, places)
        seen = height > ax.get_ylim()[0]
        ax.plot(places[seen], height[seen], color="black", lw=1, label="one pair, predicted")
        if not math.isnan(self.eps):
            for side in (-self.eps, self.eps):
                ax.axvline(side, color="#bc4749", lw=1, ls="--")
            ax.plot([], [], color="#bc4749", lw=1, ls="--", label=f"promised, {self.eps:.3g}")
        ax.set(xlabel=_MEASURES[self.guarantee], ylabel="density of pairs")
        ax.legend(loc="upper center", ncols=3, fontsize="small", handlelength=1.2)
        return ax


def _law(guarantee: str, k: int, levels: Any) -> Array:
    """Return quantiles of the error of one pair under a Gaussian map.

    Inner products: of nearly orthogonal points, by their variance.
    """
    special = scipy_module("distortion", "special")
    if guarantee == "inner_product":
        return np.asarray(special.ndtri(levels) / np.sqrt(k))
    ratio = special.gammaincinv(k / 2, levels) * 2 / k
    return np.asarray((np.sqrt(ratio) if guarantee == "distance" else ratio) - 1)


def _density(guarantee: str, k: int, errors: Array) -> Array:
    """Return the density whose quantiles `_law` gives."""
    if guarantee == "inner_product":
        return np.asarray(np.sqrt(k / (2 * np.pi)) * np.exp(-k * errors**2 / 2))
    special = scipy_module("distortion", "special")
    factor = np.maximum(1 + errors, 0)
    ratio = factor**2 if guarantee == "distance" else factor
    half = k / 2
    log = special.xlogy(half - 1, ratio) + half * (np.log(half) - ratio) - special.gammaln(half)
    density = np.exp(log)
    return np.asarray(density * 2 * factor if guarantee == "distance" else density)


def distortion(
    x: Any,
    y: Any,
    *,
    pairs: Any = "auto",
    eps: float | None = None,
    delta: float = 0.05,
    guarantee: Guarantee = "distance2",
    confidence: float = 0.95,
    seed: int = 0,
) -> Distortion:
    """Compare pairs of points before and after a projection, and with what was promised.

    Parameters
    ----------
    x : array_like or sparse matrix, shape (n, d)
        The points.
    y : array_like or sparse matrix, shape (n, k)
        Their images.
    pairs : {"auto", "all"} or int
        How many pairs are looked at: all, or so many, drawn at random and independently. "auto":
        all up to 2,000,000 (2000 points), above that a sample of 200,000.
    eps : float, optional
        The promise to look at; ``max_eps(n, k, delta=delta, guarantee=guarantee)`` by default.
    delta : float
        With what probability a random map may break the promise.
    guarantee : {"distance2", "distance", "inner_product"}
        What is compared, as for :func:`min_dim`.
    confidence : float
        Of the bounds on the share of pairs that are off by more than eps.
    seed : int
        Of the sample.

    Returns
    -------
    Distortion
        ``print`` shows it, and so does its ``plot``.

    Raises
    ------
    TypeError, ValueError
        Arrays of other than two axes or of different numbers of rows, fewer than two rows, numbers
        that are not finite, arguments outside their range.
    ImportError
        SciPy is missing.

    Notes
    -----
    All is computed in float64. All pairs take 8 bytes of memory each.

    References
    ----------
    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case
    of the binomial", Biometrika 26 (1934).

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.projection import Sketch, distortion
    >>> x = np.random.default_rng(0).standard_normal((300, 2000))
    >>> report = distortion(x, Sketch("sparse_jl", 2000, 500, seed=1).apply(x))
    >>> report.held, len(report.errors)
    (True, 44850)
    """
    name = "distortion"
    before, after = Rows(name, "x", x), Rows(name, "y", y)
    n, d = before.shape
    k = after.shape[1]
    if after.shape[0] != n:
        raise ValueError(f"{name}: y has shape {after.shape}, expected ({n}, k) as x")
    if n < 2 or k < 1:
        raise ValueError(f"{name}: x has {n} rows and y {k} columns, expected 2 or more and 1")
    if not isinstance(guarantee, str) or guarantee not in GUARANTEES:
        known = ", ".join(map(repr, GUARANTEES))
        raise ValueError(f"{name}: guarantee is {guarantee!r}, expected one of {known}")
    chance = float(fractions(name, "delta", delta))
    sure = float(fractions(name, "confidence", confidence))
    total = n * (n - 1) // 2
    count = _count(name, pairs, total)
    promised = (
        float(max_eps(n, k, delta=chance, guarantee=guarantee))
        if eps is None
        else float(fractions(name, "eps", eps))
    )
    start = int(whole_numbers(name, "seed", seed, 0))
    errors, coincident, pair = _errors(before, after, guarantee, count, start)
    like = max(2, math.ceil((1 + math.sqrt(1 + 8 * errors.size)) / 2))
    return Distortion(
        n=n, d=d, k=k, guarantee=guarantee, errors=errors, complete=count is None,
        coincident=coincident, eps=promised, delta=chance, pair=pair, confidence=sure,
        predicted=dict(zip(_LEVELS, map(float, _law(guarantee, k, _LEVELS)), strict=True)),
        predicted_largest=float(max_eps(like, k, delta=0.5, guarantee=guarantee)),
    )  # fmt: skip


def _count(name: str, pairs: Any, total: int) -> int | None:
    """Return how many pairs are drawn, or None for all."""
    if isinstance(pairs, str):
        if pairs not in ("auto", "all"):
            raise ValueError(f"{name}: pairs is {pairs!r}, expected 'auto', 'all' or an integer")
        return None if pairs == "all" or total <= _ALL else _SAMPLE
    count = int(whole_numbers(name, "pairs", pairs))
    return None if count >= total else count


def _errors(
    x: Rows, y: Rows, guarantee: str, count: int | None, seed: int
) -> tuple[Array, int, tuple[int, int] | None]:
    """Return the errors in order, how many pairs were left out, and the pair of the largest."""
    # Squares then stay in the range; the division is exact.
    x.factor = y.factor = 2.0 ** min(math.frexp(x.largest or y.largest or 1.0)[1], 1023)
    distances = guarantee != "inner_product"
    lengths = None
    if distances:
        x.centred()
        y.centred()
    else:
        lengths = np.sqrt(
            np.concatenate([x.squares(slice(a, a + 1024)) for a in range(0, x.shape[0], 1024)])
        )
    parts, coincident, largest, pair = [], 0, -1.0, None
    source = (
        all_pairs(x, y, distances=distances)
        if count is None
        else sampled_pairs(x, y, count, seed, distances=distances)
    )
    for i, j, old, new in source:
        if lengths is None:
            apart = (old > 0) | (new > 0)
            with np.errstate(divide="ignore"):
                ratio = new[apart] / old[apart]
            errors = (np.sqrt(ratio) if guarantee == "distance" else ratio) - 1
        else:
            scale = lengths[i] * lengths[j]
            apart = scale > 0
            errors = (new[apart] - old[apart]) / scale[apart]
        coincident += int(np.count_nonzero(~apart))
        if not errors.size:
            continue
        place = int(np.argmax(np.abs(errors)))
        if abs(errors[place]) > largest:
            largest = float(abs(errors[place]))
            first, second = int(i[apart][place]), int(j[apart][place])
            pair = min(first, second), max(first, second)
        parts.append(errors)
    found = np.concatenate(parts) if parts else np.empty(0)
    found.sort()
    return found, coincident, pair
