# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Measures of normal distributions and their gradients in as many digits as mpmath is set to."""

import mpmath
import numpy as np

mp = mpmath.mp


def matrix(x):
    """Return what an array holds, exactly; a vector as a column."""
    return mpmath.matrix(np.asarray(x, dtype=np.float64).tolist())


def covariance(x, form):
    """Return S from one of its forms, pairs (F, D) too."""
    if isinstance(x, tuple):
        return matrix(x[0]) * matrix(x[0]).T + mpmath.diag(list(map(float, x[1])))
    if form == "diag":
        return mpmath.diag(list(map(float, x)))
    if form in ("tril", "factor"):
        return matrix(x) * matrix(x).T
    return matrix(x) if form == "cov" else matrix(x) ** -1


def root(s):
    """Return the symmetric root of a positive definite matrix."""
    values, vectors = mp.eigsy(s)
    return vectors * mpmath.diag([mp.sqrt(v) for v in values]) * vectors.T


def trace(s):
    """Return the sum of the diagonal."""
    return sum(s[i, i] for i in range(s.rows))


def log_det(s):
    """Return ln det S."""
    lower = mp.cholesky(s)
    return 2 * sum(mp.log(lower[i, i]) for i in range(s.rows))


def _kl(delta, s1, s2):
    p = s2**-1
    return (trace(p * s1) - s1.rows + log_det(s2) - log_det(s1) + (delta.T * p * delta)[0]) / 2


def _kl_bars(delta, s1, s2):
    p = s2**-1
    y = p * delta
    return y, (p - s1**-1) / 2, -y, (p - p * s1 * p - y * y.T) / 2


def _renyi(delta, s1, s2, alpha):
    mixed = alpha * s2 + (1 - alpha) * s1
    logs = log_det(mixed) - (1 - alpha) * log_det(s1) - alpha * log_det(s2)
    return alpha / 2 * (delta.T * mixed**-1 * delta)[0] + logs / (2 * (1 - alpha))


def _renyi_bars(delta, s1, s2, alpha):
    p = (alpha * s2 + (1 - alpha) * s1) ** -1
    y = p * delta
    square = y * y.T
    first = (p - s1**-1) / 2 - alpha * (1 - alpha) / 2 * square
    second = alpha / (2 * (1 - alpha)) * (p - s2**-1) - alpha**2 / 2 * square
    return alpha * y, first, -alpha * y, second


def _wasserstein(delta, s1, s2):
    half = root(s1)
    return (delta.T * delta)[0] + trace(s1) + trace(s2) - 2 * trace(root(half * s2 * half))


def _wasserstein_bars(delta, s1, s2):
    half = root(s1)
    back = half**-1
    t = back * root(half * s2 * half) * back
    one = mpmath.eye(s1.rows)
    return 2 * delta, one - t, -2 * delta, one - t**-1


def _plus(one, other, factor=1):
    return tuple(x + factor * y for x, y in zip(one, other, strict=True))


def _times(bars, factor):
    return tuple(factor * x for x in bars)


def _swap(bars):
    return bars[2], bars[3], bars[0], bars[1]


def measure(name, m1, s1, m2, s2, *, alpha=None, squared=False, weight=0.5, dual=False):
    """Return the value and its gradients in the means and in S1 and S2, from their definitions."""
    delta = m1 - m2
    if name == "kl":
        return _kl(delta, s1, s2), _kl_bars(delta, s1, s2)
    if name == "cross_entropy":
        own = s1.rows * (1 + mp.log(2 * mp.pi)) / 2 + log_det(s1) / 2
        zero = 0 * delta
        return own + _kl(delta, s1, s2), _plus(
            _kl_bars(delta, s1, s2), (zero, s1**-1 / 2, zero, 0 * s1)
        )
    if name == "jeffreys":
        return _kl(delta, s1, s2) + _kl(-delta, s2, s1), _plus(
            _kl_bars(delta, s1, s2), _swap(_kl_bars(-delta, s2, s1))
        )
    if name in ("renyi", "bhattacharyya", "hellinger"):
        order = mp.mpf(0.5 if alpha is None else alpha)
        value, bars = _renyi(delta, s1, s2, order), _renyi_bars(delta, s1, s2, order)
        if name == "renyi":
            return value, bars
        value, bars = value / 2, _times(bars, mp.mpf(0.5))
        if name == "bhattacharyya":
            return value, bars
        value, bars = -mp.expm1(-value), _times(bars, mp.exp(-value))
    elif name == "wasserstein2":
        value, bars = _wasserstein(delta, s1, s2), _wasserstein_bars(delta, s1, s2)
    elif name == "mahalanobis":
        y = ((s1 + s2) / 2) ** -1 * delta
        value = (delta.T * y)[0]
        bars = 2 * y, -y * y.T / 2, -2 * y, -y * y.T / 2
    else:
        return _geometric(m1, s1, m2, s2, mp.mpf(weight), dual)
    if squared:
        return value, bars
    return mp.sqrt(value), _times(bars, 1 / (2 * mp.sqrt(value)))


def _geometric(m1, s1, m2, s2, a, dual):
    p1, p2 = s1**-1, s2**-1
    g = ((1 - a) * p1 + a * p2) ** -1
    middle = g * ((1 - a) * p1 * m1 + a * p2 * m2)
    ends = ((1 - a, m1, s1, p1), (a, m2, s2, p2))
    value, bars, mean_bar, cov_bar = 0, [], 0 * m1, 0 * s1
    for share, m, s, _ in ends:
        if dual:
            value += share * _kl(middle - m, g, s)
            of_g, of_g_cov, own, own_cov = _kl_bars(middle - m, g, s)
        else:
            value += share * _kl(m - middle, s, g)
            own, own_cov, of_g, of_g_cov = _kl_bars(m - middle, s, g)
        bars += [share * own, share * own_cov]
        mean_bar, cov_bar = mean_bar + share * of_g, cov_bar + share * of_g_cov
    # through the mean and the covariance of g, whose precision is (1 - a) P1 + a P2
    h = g * mean_bar
    for i, (share, m, _, p) in enumerate(ends):
        side = h * (m - middle).T
        p_bar = share * (-g * cov_bar * g + (side + side.T) / 2)
        bars[2 * i] += share * p * h
        bars[2 * i + 1] -= p * p_bar * p
    return value, tuple(bars)


def bar_in_form(g, given, form):
    """Return the gradient in the given form as float64 arrays, from G in S."""
    if isinstance(given, tuple):
        product = 2 * g * matrix(given[0])
        return [array(product), np.array([float(g[i, i]) for i in range(g.rows)])]
    if form == "diag":
        return [np.array([float(g[i, i]) for i in range(g.rows)])]
    if form == "precision":
        s = matrix(given) ** -1
        return [array(-s * g * s)]
    if form == "cov":
        return [array(g)]
    whole = array(2 * g * matrix(given))
    return [np.tril(whole) if form == "tril" else whole]


def array(x):
    """Return a matrix as float64."""
    return np.array(x.tolist(), dtype=object).astype(np.float64)


def value_and_bars(name, m1, c1, m2, c2, *, form, digits=70, **options):
    """Return the value as float, and the gradients of all four arguments as lists of arrays."""
    with mpmath.workdps(digits):
        s1, s2 = covariance(c1, form), covariance(c2, form)
        value, bars = measure(name, matrix(m1), s1, matrix(m2), s2, **options)
        return float(value), [
            [array(bars[0])[:, 0]], bar_in_form(bars[1], c1, form),
            [array(bars[2])[:, 0]], bar_in_form(bars[3], c2, form),
        ]  # fmt: skip


def parts(bars):
    """Return gradients as lists of arrays, pairs taken apart."""
    return [list(bar) if isinstance(bar, tuple) else [bar] for bar in bars]


def worst(got, wanted):
    """Return the largest error of a part, relative to the largest number in it."""
    errors = [0.0]
    for part, exact in zip(parts(got), wanted, strict=True):
        for x, y in zip(part, exact, strict=True):
            size = np.max(np.abs(y), initial=0)
            error = np.max(np.abs(x - y), initial=0)
            errors.append(float(error / size) if size > 0 else float(error))
    return max(errors)
