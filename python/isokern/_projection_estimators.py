# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random projections as scikit-learn transformers. Importing this module needs scikit-learn."""

from __future__ import annotations

from typing import Any

from isokern._projection_base import Projection, integer
from isokern._sparsity import usual_sparsity, warn_of_sparsity
from isokern._special import fractions

__all__ = [
    "CountSketch",
    "GaussianProjection",
    "HadamardProjection",
    "RademacherProjection",
    "SparseJL",
]

_DELTA = 0.05


class SparseJL(Projection):
    r"""Sparse random projection with the same number of nonzeros for each feature.

    A drop-in for scikit-learn's ``SparseRandomProjection``, many times as fast: parameters of the
    same name mean the same. The variance of squared lengths is never above that of a Gaussian map,
    whatever the data, which is not so for maps of independent sparse entries.

    Parameters
    ----------
    n_components : int or "auto"
        The number of dimensions. "auto": ``min_dim(n_samples, eps, delta=delta)``.
    density : float or "auto"
        The share of nonzeros, s / n_components, in place of `s`.
    eps : float
        With "auto", the largest error of squared distances, above 0 and below 1.
    delta : float or None
        The largest probability that some pair is off by more. None: scikit-learn's number of
        components, which comes with no stated probability. The default asks for about as many: at
        most 5% more for 100 samples or more, and fewer for large ones.
    s : int or "auto"
        Nonzeros a feature. "auto": with automatic n_components the least number that points of two
        entries ask for (:func:`min_sparsity`), 8 with a given one.
    dense_output : bool
        Return arrays also for sparse input. False: sparse input gives CSR matrices.
    compute_inverse_components : bool
        Store the pseudo-inverse, of n_features x n_components numbers, for `inverse_transform`.
    inverse_steps : int, optional
        Steps of conjugate gradients in `inverse_transform`; 0 for the adjoint alone; until
        convergence by default.
    random_state : int, generator or None
        An integer from 0 to 2^64 - 1 is the seed of the map.

    Attributes
    ----------
    n_components_ : int
        The number of dimensions.
    s_, density_ : int, float
        Nonzeros a feature, and their share.
    sketch_ : Sketch
        The map: a few numbers.
    seed_ : int
        Its seed.
    components_ : CSR array, shape (n_components_, n_features_in_)
        The map as a matrix, made when it is asked for.
    inverse_components_ : ndarray, shape (n_features_in_, n_components_)
        With `compute_inverse_components`.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Warns
    -----
    SparsityWarning
        A given s or density is too small for eps and delta.
    DataDimensionalityWarning
        A given n_components above the number of features; an automatic one is an error then.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.projection import SparseJL
    >>> x = np.random.default_rng(0).standard_normal((100, 5000), dtype=np.float32)
    >>> y = SparseJL(eps=0.3, random_state=0).fit_transform(x)
    >>> y.shape, y.dtype
    ((100, 479), dtype('float32'))
    """

    _kind = "sparse_jl"
    _sparse_kind = True

    def __init__(
        self,
        n_components: Any = "auto",
        *,
        density: Any = "auto",
        eps: float = 0.1,
        delta: float | None = _DELTA,
        s: Any = "auto",
        dense_output: bool = True,
        compute_inverse_components: bool = False,
        inverse_steps: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.density = density
        self.eps = eps
        self.delta = delta
        self.s = s
        self.dense_output = dense_output
        self.compute_inverse_components = compute_inverse_components
        self.inverse_steps = inverse_steps
        self.random_state = random_state

    def _options(
        self, name: str, samples: int, k: int, eps: float, delta: float | None, *, automatic: bool
    ) -> dict[str, Any]:
        given = [
            argument
            for argument in ("s", "density")
            if not isinstance(getattr(self, argument), str) or getattr(self, argument) != "auto"
        ]
        chance = _DELTA if delta is None else delta
        if len(given) == 2:
            raise ValueError(f"{name}: density is {self.density!r}, expected 'auto' where s is set")
        if not given:
            s = usual_sparsity(samples, eps, k, chance) if automatic else min(8, k)
        elif given == ["s"]:
            s = integer(name, "s", self.s, 1, f"'auto' or an integer from 1 to {k}")
            if s > k:
                raise ValueError(f"{name}: s is {s}, expected at most n_components, {k}")
        else:
            share = self.density
            if isinstance(share, str):
                raise ValueError(f"{name}: density is {share!r}, expected 'auto' or a number")
            if share != 1:
                share = float(fractions(name, "density", share))
            s = max(1, round(share * k))
        if given and automatic:
            warn_of_sparsity(name, samples, k, s, eps, chance)
        self.s_ = s
        self.density_ = s / k
        return {"s": s}


class CountSketch(Projection):
    """Random projection with one nonzero, 1 or -1, for each feature: the fastest map.

    It keeps squared lengths on average, with the variance of a Gaussian map at most. Its rare large
    errors, where heavy entries of a point meet, keep it from the promise that other maps give for
    all pairs; `fit` warns of it where eps decides.

    Parameters
    ----------
    n_components, eps, delta, dense_output, compute_inverse_components, inverse_steps, random_state
        As for :class:`SparseJL`.

    Attributes
    ----------
    n_components_, sketch_, seed_, components_, inverse_components_, n_features_in_
        As of :class:`SparseJL`.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.projection import CountSketch
    >>> CountSketch(3, random_state=0).fit_transform(np.eye(5)).shape
    (5, 3)
    """

    _kind = "count_sketch"
    _sparse_kind = True

    def __init__(
        self,
        n_components: Any = "auto",
        *,
        eps: float = 0.1,
        delta: float | None = _DELTA,
        dense_output: bool = True,
        compute_inverse_components: bool = False,
        inverse_steps: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.eps = eps
        self.delta = delta
        self.dense_output = dense_output
        self.compute_inverse_components = compute_inverse_components
        self.inverse_steps = inverse_steps
        self.random_state = random_state

    def _options(
        self, name: str, samples: int, k: int, eps: float, delta: float | None, *, automatic: bool
    ) -> dict[str, Any]:
        if automatic:
            warn_of_sparsity(name, samples, k, 1, eps, _DELTA if delta is None else delta)
        return {}


class _DenseProjection(Projection):
    """A map with dense output, which needs no parameters of its own."""

    def __init__(
        self,
        n_components: Any = "auto",
        *,
        eps: float = 0.1,
        delta: float | None = _DELTA,
        compute_inverse_components: bool = False,
        inverse_steps: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.eps = eps
        self.delta = delta
        self.compute_inverse_components = compute_inverse_components
        self.inverse_steps = inverse_steps
        self.random_state = random_state


class GaussianProjection(_DenseProjection):
    """Random projection by independent normal numbers, whose law the theory is exact for.

    A drop-in for scikit-learn's ``GaussianRandomProjection`` that never holds the map.

    Parameters
    ----------
    n_components, eps, delta, compute_inverse_components, inverse_steps, random_state
        As for :class:`SparseJL`.

    Attributes
    ----------
    n_components_, sketch_, seed_, components_, inverse_components_, n_features_in_
        As of :class:`SparseJL`; `components_` is dense.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.projection import GaussianProjection
    >>> GaussianProjection(3, random_state=0).fit_transform(np.eye(5)).shape
    (5, 3)
    """

    _kind = "gaussian"


class RademacherProjection(_DenseProjection):
    """Random projection by independent signs.

    Parameters
    ----------
    n_components, eps, delta, compute_inverse_components, inverse_steps, random_state
        As for :class:`SparseJL`.

    Attributes
    ----------
    n_components_, sketch_, seed_, components_, inverse_components_, n_features_in_
        As of :class:`SparseJL`; `components_` is dense.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.projection import RademacherProjection
    >>> RademacherProjection(3, random_state=0).fit_transform(np.eye(5)).shape
    (5, 3)
    """

    _kind = "rademacher"


class HadamardProjection(_DenseProjection):
    """Random projection by rows of a Walsh-Hadamard matrix and random signs (SRHT).

    Its cost grows with d log d and not with the number of components.

    Parameters
    ----------
    n_components, eps, delta, compute_inverse_components, inverse_steps, random_state
        As for :class:`SparseJL`.

    Attributes
    ----------
    n_components_, sketch_, seed_, components_, inverse_components_, n_features_in_
        As of :class:`SparseJL`; `components_` is dense.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.projection import HadamardProjection
    >>> HadamardProjection(3, random_state=0).fit_transform(np.eye(5)).shape
    (5, 3)
    """

    _kind = "srht"
