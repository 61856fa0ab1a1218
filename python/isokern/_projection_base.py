# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What the scikit-learn transformers of `isokern.projection` share."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import DataDimensionalityWarning
from sklearn.utils import assert_all_finite, check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from isokern._arrays import Array
from isokern._projection_theory import max_eps, min_dim
from isokern._sketch import Sketch
from isokern._sketch_input import warn_of_dimension
from isokern._special import fractions

__all__ = ["Projection", "integer", "least_squares", "seed_of"]

_ROWS = 4096  # of an output that becomes sparse at a time


def integer(name: str, argument: str, value: Any, low: int, text: str) -> int:
    """Return an integer of `low` or more; `text` says what else would have been allowed."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: {argument} is {value!r}, expected {text}") from None
    if isinstance(value, bool):
        raise TypeError(f"{name}: {argument} is {value!r}, expected {text}")
    if number < low:
        raise ValueError(f"{name}: {argument} is {value!r}, expected {text}")
    return number


def seed_of(name: str, random_state: Any) -> int:
    """Return the seed of a map: an integer is one, a generator gives one."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**63 - 1, dtype=np.int64))
    text = "None, a generator, or an integer from 0 to 2^64 - 1"
    seed = integer(name, "random_state", random_state, 0, text)
    if seed >= 2**64:
        raise ValueError(f"{name}: random_state is {random_state!r}, expected {text}")
    return seed


def least_squares(sketch: Any, y: Array, steps: int | None) -> Array:
    r"""Return the shortest x with the smallest \|R x - y\| for each row y, by conjugate gradients.

    The equations R'R x = R'y are worked on from x = 0, all rows at once, with one map and one
    adjoint a step; on the row space of R, whose condition is that of R R'.
    """
    if steps == 0:
        return np.asarray(sketch.adjoint(y))
    limit = min(sketch.d, sketch.k) + 10 if steps is None else steps
    limit = min(limit, 1000)
    tolerance = np.finfo(y.dtype).eps ** 2 if steps is None else 0.0

    def squares(rows: Array) -> Array:
        return np.asarray(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))

    def by(rows: Array, factor: Array) -> Array:
        return np.asarray(rows * factor[:, None].astype(rows.dtype))

    residual = y.copy()
    gradient = np.asarray(sketch.adjoint(residual))
    x, direction = np.zeros_like(gradient), gradient.copy()
    size = squares(gradient)
    goal = tolerance * size
    for _ in range(limit):
        if not np.any(size > goal):
            break
        image = np.asarray(sketch.apply(direction))
        length = squares(image)
        step = np.divide(size, length, out=np.zeros_like(size), where=(size > goal) & (length > 0))
        x += by(direction, step)
        residual -= by(image, step)
        gradient = np.asarray(sketch.adjoint(residual))
        before, size = size, squares(gradient)
        ratio = np.divide(size, before, out=np.zeros_like(size), where=before > 0)
        direction = gradient + by(direction, ratio)
    return x


class Projection(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of the transformers: a map of the class's kind, drawn by `fit` from shapes alone."""

    _kind = ""
    _sparse_kind = False

    n_components: Any
    eps: float
    delta: float | None
    compute_inverse_components: bool
    inverse_steps: int | None
    random_state: Any
    inverse_components_: Array

    def fit(self, X: Any, y: Any = None) -> Any:
        """Draw the map for data of this shape and dtype.

        Parameters
        ----------
        X : {array-like, sparse matrix}, shape (n_samples, n_features)
            The data; of their values only that they are finite is looked at.
        y : ignored

        Returns
        -------
        self
        """
        X = self._validated(X, reset=True)
        self._draw(X.shape[0], X.shape[1], X.dtype)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Any:
        """Draw the map at the first call; check the width at others.

        Parameters
        ----------
        X : {array-like, sparse matrix}, shape (n_samples, n_features)
            Part of the data.
        y : ignored

        Returns
        -------
        self
        """
        first = not hasattr(self, "n_components_")
        if first and isinstance(self.n_components, str):
            raise ValueError(
                f"{type(self).__name__}: n_components is {self.n_components!r}, expected an "
                "integer for partial_fit, which can't know the number of samples"
            )
        X = self._validated(X, reset=first)
        if first:
            self._draw(X.shape[0], X.shape[1], X.dtype)
        return self

    def transform(self, X: Any) -> Any:
        """Map the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix}, shape (n_samples, n_features)
            CSR and CSC matrices are read as they are.

        Returns
        -------
        ndarray or CSR matrix, shape (n_samples, n_components_)
            Of X's dtype, float32 or float64.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False, ensure_all_finite=False)
        sketch = self._sketch_of(X.dtype)
        if not sparse.issparse(X) or getattr(self, "dense_output", True):
            return self._finite(sketch.apply(X), X)
        X = X.tocsr()
        kind = sparse.csr_array if isinstance(X, sparse.sparray) else sparse.csr_matrix
        parts = [
            kind(self._finite(sketch.apply(X[start : start + _ROWS]), X))
            for start in range(0, max(X.shape[0], 1), _ROWS)
        ]
        return sparse.vstack(parts, format="csr")

    def inverse_transform(self, X: Any) -> Any:
        """Return points that the map takes to X, the shortest ones.

        Parameters
        ----------
        X : {array-like, sparse matrix}, shape (n_samples, n_components_)
            Mapped rows.

        Returns
        -------
        ndarray, shape (n_samples, n_features_in_)
            X times the transposed pseudo-inverse of the map, by conjugate gradients that draw the
            map again and store nothing; with ``inverse_steps=0`` X R, which on average over maps is
            the point itself.
        """
        check_is_fitted(self)
        X = check_array(X, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32])
        if X.shape[1] != self.n_components_:
            raise ValueError(
                f"{type(self).__name__}: X has shape {X.shape}, expected (n, {self.n_components_})"
            )
        if hasattr(self, "inverse_components_"):
            return np.asarray(X @ self.inverse_components_.T.astype(X.dtype, copy=False))
        X = X.toarray() if sparse.issparse(X) else X
        return least_squares(self._sketch_of(X.dtype), np.array(X, order="C"), self._steps())

    @property
    def components_(self) -> Any:
        """The map, shape (n_components_, n_features_in_), made anew at each access."""
        check_is_fitted(self)
        return self.sketch_.to_csr() if self._sparse_kind else self.sketch_.matrix()

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _validated(self, X: Any, **options: Any) -> Any:
        return validate_data(
            self, X, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32], **options
        )

    def _finite(self, y: Array, X: Any) -> Array:
        """Return the image y, or refuse X where it is not finite.

        Every feature has an entry in every map here, so that NaN and infinity are seen in the
        image, which is smaller. It may also overflow by itself.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            total = np.sum(y)
        if not np.isfinite(total) and not np.all(np.isfinite(y)):
            assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")
        return y

    def _steps(self) -> int | None:
        if self.inverse_steps is None:
            return None
        text = "None or an integer of 0 or more"
        return integer(type(self).__name__, "inverse_steps", self.inverse_steps, 0, text)

    def _draw(self, samples: int, features: int, dtype: Any) -> None:
        name = type(self).__name__
        eps = float(fractions(name, "eps", self.eps))
        delta = None if self.delta is None else float(fractions(name, "delta", self.delta))
        self._steps()
        k, automatic = self._dimension(name, samples, features, eps, delta)
        options = self._options(name, samples, k, eps, delta, automatic=automatic)
        seed = seed_of(name, self.random_state)
        self.sketch_ = Sketch._silent(self._kind, features, k, seed=seed, dtype=dtype, **options)
        self.n_components_ = k
        self.seed_ = seed
        if hasattr(self, "inverse_components_"):
            del self.inverse_components_
        if self.compute_inverse_components:
            self.inverse_components_ = np.linalg.pinv(self.sketch_.matrix())

    def _dimension(
        self, name: str, samples: int, features: int, eps: float, delta: float | None
    ) -> tuple[int, bool]:
        """Return the number of components, and whether it comes from eps."""
        if not isinstance(self.n_components, str):
            text = "'auto' or an integer of 1 or more"
            k = integer(name, "n_components", self.n_components, 1, text)
            warn_of_dimension(f"{name}: n_components", k, features, DataDimensionalityWarning, 4)
            return k, False
        if self.n_components != "auto":
            raise ValueError(
                f"{name}: n_components is {self.n_components!r}, expected 'auto' or an integer"
            )
        how: dict[str, Any] = {"method": "sklearn"} if delta is None else {"delta": delta}
        k = min_dim(samples, eps, **how)
        if k > features:
            fits = math.ceil(1000 * np.nan_to_num(max_eps(samples, features, **how), nan=1)) / 1000
            advice = f"eps={fits:g} would fit" if fits < 1 else "no eps below 1 would fit"
            raise ValueError(
                f"{name}: eps={eps:g} and {samples} samples need {k} components, more than the "
                f"{features} features; {advice}, or set n_components"
            )
        return k, True

    def _options(
        self, name: str, samples: int, k: int, eps: float, delta: float | None, *, automatic: bool
    ) -> dict[str, Any]:
        """Return further parameters of the map."""
        return {}

    def _sketch_of(self, dtype: Any) -> Any:
        if self.sketch_.dtype == dtype:
            return self.sketch_
        old = self.sketch_
        options = {"s": old.s} if self._kind == "sparse_jl" else {}
        return Sketch._silent(old.kind, old.d, old.k, seed=old.seed, dtype=dtype, **options)
