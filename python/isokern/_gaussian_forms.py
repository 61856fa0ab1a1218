# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Normal distributions as arguments: intake, the forms of a covariance, factors.

Everything is computed in float64 and rounded to the dtype of the arguments in the end.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np

from isokern import _core, orthogonal
from isokern._arrays import Array, Errors, broadcast_batch, core_errors, take_alike, take_output

Form = Literal["cov", "tril", "factor", "diag", "precision"]
FORMS = ("cov", "tril", "factor", "diag", "precision")
LARGE = 128  # beyond it matrices do not fit into a cache side by side


def swap(x: Array) -> Array:
    """Transposed matrices."""
    return np.swapaxes(x, -1, -2)


def diagonal(x: Array) -> Array:
    """Diagonals of matrices."""
    return np.diagonal(x, axis1=-2, axis2=-1)


def check_form(function: str, form: Any) -> None:
    """Refuse what is no form."""
    if form not in FORMS:
        raise ValueError(f"{function}: form is {form!r}, expected one of {', '.join(FORMS)}")


def wide(array: Array) -> Array:
    """In float64, contiguous."""
    return np.ascontiguousarray(array, dtype=np.float64)


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two distributions, in float64, of the same form."""

    function: str
    form: str
    dtype: np.dtype[Any]
    mean1: Array
    cov1: Array
    mean2: Array
    cov2: Array
    batch: tuple[int, ...]
    errors: str

    @property
    def d(self) -> int:
        """The dimension."""
        return int(self.mean1.shape[-1])

    def with_covs(self, form: str, cov1: Array, cov2: Array) -> Pair:
        """The same means with other covariances."""
        return dataclasses.replace(self, form=form, cov1=cov1, cov2=cov2)

    def swapped(self) -> Pair:
        """The second first."""
        return dataclasses.replace(
            self, mean1=self.mean2, cov1=self.cov2, mean2=self.mean1, cov2=self.cov1
        )


def covariance_batch(function: str, name: str, cov: Array, d: int, form: str) -> tuple[int, ...]:
    """The batch axes of a covariance of the given form."""
    if form == "diag":
        if cov.ndim < 1 or cov.shape[-1] != d:
            raise ValueError(f"{function}: {name} has shape {cov.shape}, expected (..., {d})")
        return cov.shape[:-1]
    if form in ("factor", "lowrank"):
        if cov.ndim < 2 or cov.shape[-2] != d:
            raise ValueError(f"{function}: {name} has shape {cov.shape}, expected (..., {d}, r)")
    elif cov.ndim < 2 or cov.shape[-2:] != (d, d):
        raise ValueError(f"{function}: {name} has shape {cov.shape}, expected (..., {d}, {d})")
    return cov.shape[:-2]


def dimension(function: str, name: str, mean: Array) -> int:
    """The length of vectors."""
    if mean.ndim == 0 or mean.shape[-1] == 0:
        raise ValueError(
            f"{function}: {name} has shape {mean.shape}, expected (..., d) with d of at least 1"
        )
    return int(mean.shape[-1])


def take_cov(function: str, name: str, cov: Any, form: str) -> tuple[Any, str]:
    """A covariance and its form; a pair (F, D) is packed and has the form lowrank."""
    if form != "factor" or not isinstance(cov, tuple):
        return cov, form
    return pack(function, name, cov), "lowrank"


def pack(function: str, name: str, cov: Any) -> Array:
    """A pair (F, D) as one array."""
    if len(cov) != 2:
        raise ValueError(f"{function}: {name} is a tuple of {len(cov)}, expected a pair (F, D)")
    f, diag = take_alike(function, **{f"F of {name}": cov[0], f"D of {name}": cov[1]})
    fits = f.ndim >= 2 and diag.ndim >= 1 and diag.shape[-1] == f.shape[-2]
    try:
        batch = np.broadcast_shapes(f.shape[:-2], diag.shape[:-1])
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{function}: {name} is a pair of shapes {f.shape} and {diag.shape}, "
            "expected (..., d, r) and (..., d)"
        )
    packed = np.empty((*batch, f.shape[-2], f.shape[-1] + 1), f.dtype)
    packed[..., :-1] = f
    packed[..., -1] = diag
    return packed


def cholesky_factors(function: str, name: str, cov: Array, errors: str) -> Array:
    """Triangles (..., d, d) as given; LinAlgError or NaN where one is no Cholesky factor."""
    bad = ~np.all(diagonal(cov) > 0, axis=-1) | ~np.all(np.isfinite(np.tril(cov)), axis=(-2, -1))
    if not np.any(bad):
        return cov
    if errors != "nan":
        indefinite(function, name, bad)
    return np.where(bad[..., None, None], np.nan, cov)


def nan_where_bad(cov: Array, form: str, definite: bool) -> Array:
    """Items that are not finite, or have variances below 0, as NaN: no warning comes of these."""
    seen = np.tril(cov) if form == "tril" else cov
    bad = ~np.all(np.isfinite(seen), axis=-1 if form == "diag" else (-2, -1))
    if form in ("diag", "lowrank"):
        variances = cov if form == "diag" else cov[..., -1]
        bad |= ~np.all(variances > 0 if definite else variances >= 0, axis=-1)
    if not np.any(bad):
        return cov
    return np.where(bad[..., None] if form == "diag" else bad[..., None, None], np.nan, cov)


def take_pair(
    function: str, mean1: Any, cov1: Any, mean2: Any, cov2: Any, form: str, errors: Errors,
    *, definite: bool = True,
) -> Pair:  # fmt: skip
    """Two distributions, checked; `definite` where no covariance may be singular."""
    check_form(function, form)
    mode = core_errors(function, errors, fresh=True)
    cov1, form1 = take_cov(function, "cov1", cov1, form)
    cov2, form2 = take_cov(function, "cov2", cov2, form)
    if form1 != form2:
        raise ValueError(f"{function}: one covariance is a pair (F, D), expected both or none")
    m1, c1, m2, c2 = take_alike(function, mean1=mean1, cov1=cov1, mean2=mean2, cov2=cov2)
    d = dimension(function, "mean1", m1)
    if m2.ndim == 0 or m2.shape[-1] != d:
        raise ValueError(f"{function}: mean2 has shape {m2.shape}, expected (..., {d})")
    batch = broadcast_batch(
        function,
        mean1=m1.shape[:-1],
        cov1=covariance_batch(function, "cov1", c1, d, form1),
        mean2=m2.shape[:-1],
        cov2=covariance_batch(function, "cov2", c2, d, form1),
    )
    one, s1, other, s2 = (array.astype(np.float64, copy=False) for array in (m1, c1, m2, c2))
    if form1 == "tril" and definite:
        s1 = cholesky_factors(function, "cov1", s1, mode)
        s2 = cholesky_factors(function, "cov2", s2, mode)
    elif mode != "nan" and form1 in ("factor", "tril"):
        for name, given in (("cov1", s1), ("cov2", s2)):
            bad = ~np.all(np.isfinite(np.tril(given) if form1 == "tril" else given), axis=(-2, -1))
            if np.any(bad):
                indefinite(function, name, bad)
    if mode == "nan":
        s1, s2 = (nan_where_bad(given, form1, definite) for given in (s1, s2))
    return Pair(function, form1, m1.dtype, one, s1, other, s2, batch, mode)


def finish(value: Array, function: str, dtype: np.dtype[Any], out: Any = None) -> Any:
    """Round, and write to a given output; an array without axes is a number."""
    if out is None:
        array = np.asarray(value)
        return array.astype(dtype, copy=not array.flags.writeable)[()]
    target = take_output(function, "out", out, np.shape(value), dtype)
    target[...] = value
    return out


def named(function: str, call: Any, *arguments: Any) -> None:
    """Call the library; what it says of an argument is said by the function that was called."""
    try:
        call(*arguments)
    except (ValueError, np.linalg.LinAlgError) as error:
        text = str(error)
        raise type(error)(f"{function}:{text.partition(':')[2]}") from None


def factorise(
    function: str, name: str, cov: Array, result: str = "cholesky", errors: str = "raise_after"
) -> Array:
    """L, L^-1 or S^-1 of covariances (..., d, d) in float64."""
    cov = wide(cov)
    if result != "cholesky" and cov.shape[-1] > LARGE:
        lower = factorise(function, name, cov, "cholesky", errors)
        inverse = solve(lower, np.broadcast_to(np.eye(cov.shape[-1]), cov.shape), triangular=True)
        return inverse if result == "inverse_factor" else swap(inverse) @ inverse
    out = np.empty(cov.shape)
    try:
        _core.gaussian_factor(cov, result, errors, out)
    except (ValueError, np.linalg.LinAlgError) as error:
        text = str(error).partition(":")[2].replace(" x ", f" {name} ", 1)
        raise type(error)(f"{function}:{text}") from None
    return out


def solve(lower: Array, b: Array, *, triangular: bool = False) -> Array:
    """L^-1 b."""
    lower, b = wide(lower), wide(b)
    batch = np.broadcast_shapes(lower.shape[:-2], b.shape[:-2])
    out = np.empty((*batch, *b.shape[-2:]))
    _core.solve_triangular(lower, b, triangular, out)
    return out


def triangular_of_factor(f: Array) -> Array:
    """The lower triangular L (..., d, d) with L L^T = F F^T, without squaring."""
    d, r = f.shape[-2:]
    if r < d:
        f = np.concatenate([f, np.zeros((*f.shape[:-1], d - r))], axis=-1)
    lower = swap(orthogonal.qr(np.ascontiguousarray(swap(f)), mode="r"))
    return np.ascontiguousarray(lower * np.where(diagonal(lower) < 0, -1.0, 1.0)[..., None, :])


def to_cov(function: str, name: str, cov: Array, form: str, errors: str = "raise_after") -> Array:
    """S from one of its forms."""
    if form == "cov":
        return cov
    if form == "diag":
        return cov[..., None] * np.eye(cov.shape[-1])
    if form == "precision":
        return factorise(function, name, cov, "inverse", errors)
    if form == "lowrank":
        f = cov[..., :-1]
        return f @ swap(f) + cov[..., -1][..., None] * np.eye(cov.shape[-2])
    f = np.tril(cov) if form == "tril" else cov
    return f @ swap(f)


def to_tril(function: str, name: str, cov: Array, form: str, errors: str = "raise_after") -> Array:
    """L from one of the forms of S; NaN, or LinAlgError, where S is not positive definite."""
    if form == "cov":
        return factorise(function, name, cov, "cholesky", errors)
    if form == "precision":
        # With the order of the coordinates reversed P = U U^T, and L = U^-T.
        inverse = factorise(function, name, cov[..., ::-1, ::-1], "inverse_factor", errors)
        return np.ascontiguousarray(swap(inverse[..., ::-1, ::-1]))
    if form == "diag":
        with np.errstate(invalid="ignore"):
            lower = np.sqrt(cov)[..., None] * np.eye(cov.shape[-1])
        bad = ~np.all((cov > 0) & np.isfinite(cov), axis=-1)
    else:
        if form == "lowrank":
            with np.errstate(invalid="ignore"):
                root = np.sqrt(cov[..., -1])[..., None] * np.eye(cov.shape[-2])
            cov = np.concatenate([cov[..., :-1], root], axis=-1)
        lower = np.tril(cov) if form == "tril" else triangular_of_factor(cov)
        pivots = diagonal(lower)
        least = 0.0
        if form != "tril":
            least = cov.shape[-2] * np.finfo(float).eps
        largest = np.max(np.abs(pivots), axis=-1, initial=0, keepdims=True)
        bad = ~np.all(pivots > least * largest, axis=-1) | ~np.all(
            np.isfinite(lower), axis=(-2, -1)
        )
    if np.any(bad):
        if errors != "nan":
            indefinite(function, name, bad)
        lower = np.where(bad[..., None, None], np.nan, lower)
    return lower


def indefinite(function: str, name: str, bad: Array) -> None:
    """Raise for the first bad item."""
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    raise np.linalg.LinAlgError(
        f"{function}: {name} is not positive definite, or not finite, at batch index {index}"
    )
