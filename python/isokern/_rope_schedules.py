# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Schedules of frequencies for contexts beyond those of training, in double precision.

With D the rotary width, t_j = base^(-2j/D) for j = 0 ... D/2 - 1, s the `factor`, L the length of
training and M the longest length that a model states, both from its file. Two numbers come with
the frequencies and are never mixed: what multiplies cosines and sines, and what multiplies the
scale of the softmax.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

_ALIASES = {"su": "longrope", "mrope": "default", "deepseek_yarn": "yarn"}


@dataclass
class Schedule:
    """Frequencies of the pairs, and what else a schedule says."""

    inv_freq: Doubles
    attention_factor: float = 1.0
    softmax_scale: float = 1.0
    log_scale: Doubles | None = None
    centre: float = 0.0


@dataclass
class Request:
    """A schedule's parameters, with errors that name the key and the calling function."""

    function: str
    rope_type: str
    width: int
    base: float
    parameters: Mapping[str, Any]
    seq_len: int | None

    @property
    def plain(self) -> Doubles:
        """The frequencies without any schedule."""
        return self.series(self.base)

    def series(self, base: float, width: int | None = None, count: int | None = None) -> Doubles:
        """The geometric series of `count` frequencies."""
        width = width or self.width
        exponents: Doubles = -2.0 * np.arange(width // 2 if count is None else count) / width
        return np.asarray(np.float64(base) ** exponents)

    def _bad(self, key: str, value: Any, wanted: str) -> ValueError:
        what = "is missing" if value is None else f"is {value!r}"
        return ValueError(
            f"{self.function}: {key} {what} for rope_type {self.rope_type!r}, expected {wanted}"
        )

    def number(self, key: str, default: float | None = None, *, least: float = 0.0) -> float:
        """A finite number above `least`."""
        value = self.parameters.get(key)
        if value is None:
            value = default
        numeric = isinstance(value, (int, float, np.integer, np.floating))
        if numeric and not isinstance(value, bool):
            number = float(value)  # type: ignore[arg-type]
            if math.isfinite(number) and number > least:
                return number
        raise self._bad(key, value, f"a finite number above {least:g}")

    def optional(self, key: str, *, least: float = 0.0) -> float | None:
        """The same, or None where it is not given."""
        return None if self.parameters.get(key) is None else self.number(key, least=least)

    def per_pair(self, key: str) -> Doubles:
        """A positive number for each pair."""
        value = self.parameters.get(key)
        wanted = f"{self.width // 2} positive numbers"
        if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, str):
            raise self._bad(key, value, wanted)
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise self._bad(key, value, wanted) from None
        if array.shape != (self.width // 2,) or not (np.isfinite(array) & (array > 0)).all():
            raise self._bad(key, list(value), wanted)
        return array

    def exponent(self) -> float:
        """D / (D - 2), by which a base must grow for the last frequency to shrink by the factor."""
        if self.width < 4:
            raise ValueError(
                f"{self.function}: rotary_dim is {self.width} for rope_type {self.rope_type!r}, "
                "expected 4 or more"
            )
        return self.width / (self.width - 2)

    def extension(self) -> float:
        """The factor s, or M / L where the file has none."""
        factor = self.optional("factor")
        if factor is None:
            factor = self.number("max_position_embeddings") / self.training_length()
        return factor

    def training_length(self) -> float:
        """L, which must be more than 1 for the logarithms."""
        return self.number("original_max_position_embeddings", least=1.0)


def _default(request: Request) -> Schedule:
    return Schedule(request.plain)


def _linear(request: Request) -> Schedule:
    """Positions interpolated: all angles shrink by s (Chen et al. 2023)."""
    return Schedule(request.plain / request.number("factor"))


def _ntk(request: Request) -> Schedule:
    """NTK-aware: a base at which the lowest frequency shrinks by s and the highest stays."""
    if request.parameters.get("mixed_b") is not None:
        return _ntk_mixed(request)
    factor = request.number("factor")
    return Schedule(request.series(request.base * factor ** request.exponent()))


def _ntk_fixed(request: Request) -> Schedule:
    """Su, kexue.fm/archives/9706: (base s)^(-2j/D) / s^(2/D), every pair a little slower."""
    factor = request.number("factor")
    return Schedule(request.series(request.base * factor) / factor ** (2 / request.width))


def _ntk_mixed(request: Request) -> Schedule:
    """Su, kexue.fm/archives/9706: t_j / exp(a (j + 1)^b), a so that the last is divided by s."""
    b = request.number("mixed_b", 0.625)
    pairs = request.width // 2
    a = math.log(request.number("factor")) / pairs**b
    return Schedule(request.plain / np.exp(a * np.arange(1, pairs + 1) ** b))


def _dynamic(request: Request) -> Schedule:
    """NTK-aware with a factor that grows with the sequence; or with a fixed `alpha`."""
    alpha = request.optional("alpha")
    if alpha is None:
        factor = request.number("factor")
        longest = request.number("max_position_embeddings")
        length = max(request.seq_len or 0, longest)
        alpha = factor * length / longest - (factor - 1)
    return Schedule(request.series(request.base * alpha ** request.exponent()))


def _growth(factor: float, scale: float = 1.0) -> float:
    return 1.0 if factor <= 1 else 0.1 * scale * math.log(factor) + 1.0


def _yarn(request: Request) -> Schedule:
    """YaRN (Peng et al. 2023): fast pairs stay, slow ones are interpolated, a ramp between them.

    Pairs that make more than `beta_fast` turns within the training length are fast, those of less
    than `beta_slow` slow.
    """
    width, factor, length = request.width, request.extension(), request.training_length()
    if request.base <= 1:
        raise ValueError(
            f"{request.function}: base is {request.base:g} for rope_type 'yarn', expected above 1"
        )

    def pair_of(turns: float) -> float:
        return width * math.log(length / (2 * math.pi * turns)) / (2 * math.log(request.base))

    low, high = pair_of(request.number("beta_fast", 32)), pair_of(request.number("beta_slow", 1))
    if request.parameters.get("truncate", True) in (True, None):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, width - 1)
    if low == high:
        high += 0.001
    ramp = np.clip((np.arange(width // 2) - low) / (high - low), 0, 1)
    kept = (1 - ramp) * request.number("extrapolation_factor", 1.0)
    inv_freq = request.plain / factor * (1 - kept) + request.plain * kept

    scale, scale_all = request.parameters.get("mscale"), request.parameters.get("mscale_all_dim")
    scale = request.number("mscale", least=-1.0) if scale is not None else None
    scale_all = request.number("mscale_all_dim", least=-1.0) if scale_all is not None else None
    attention_factor = request.optional("attention_factor")
    if attention_factor is None:
        if request.parameters.get("rope_type") == "deepseek_yarn" and scale is not None:
            attention_factor = _growth(factor, scale) / _growth(factor, scale_all or 0.0)
        elif scale and scale_all:
            attention_factor = _growth(factor, scale) / _growth(factor, scale_all)
        else:
            attention_factor = _growth(factor)
        if request.parameters.get("apply_yarn_scaling") is False:
            attention_factor = 1.0
        attention_factor *= request.number("attn_factor", 1.0)
    # The models with mscale_all_dim put its square on the softmax, beside the cosines' own factor.
    softmax = _growth(factor, scale_all) ** 2 if scale_all else 1.0
    return Schedule(inv_freq, attention_factor, softmax)


def _longrope(request: Request) -> Schedule:
    """LongRoPE (Ding et al. 2024): a searched divisor for each pair, one set beyond L."""
    length = request.training_length()
    short, long = request.per_pair("short_factor"), request.per_pair("long_factor")
    beyond = request.seq_len is not None and request.seq_len > length
    attention_factor = request.optional("long_mscale" if beyond else "short_mscale")
    if attention_factor is None:
        attention_factor = request.optional("attention_factor")
    if attention_factor is None:
        factor = request.extension()
        attention_factor = (
            1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(length))
        )
    return Schedule(request.plain / (long if beyond else short), attention_factor)


def _llama3(request: Request) -> Schedule:
    """Llama 3.1: slow pairs divided by s, fast ones kept, by wavelength against L."""
    length, factor = request.training_length(), request.number("factor")
    low, high = request.number("low_freq_factor"), request.number("high_freq_factor")
    if high <= low:
        raise ValueError(
            f"{request.function}: high_freq_factor is {high:g} for rope_type 'llama3', expected "
            f"above low_freq_factor, {low:g}"
        )
    plain = request.plain
    turns = length * plain / (2 * math.pi)  # L / wavelength
    kept = np.clip((turns - low) / (high - low), 0, 1)
    return Schedule((1 - kept) * plain / factor + kept * plain)


def _proportional(request: Request) -> Schedule:
    """The first pairs turn by the frequencies of the whole head, the others not at all."""
    share = request.number("partial_rotary_factor", 1.0)
    pairs = request.width // 2
    turning = int(share * request.width // 2)
    if not 1 <= turning <= pairs:
        raise ValueError(
            f"{request.function}: partial_rotary_factor is {share:g} for rope_type 'proportional', "
            f"expected a share of {request.width} that leaves 1 to {pairs} pairs"
        )
    inv_freq = np.zeros(pairs)
    inv_freq[:turning] = request.series(request.base, count=turning)
    return Schedule(inv_freq / request.number("factor", 1.0))


def _xpos(request: Request) -> Schedule:
    """Let queries grow by z^e and keys shrink by it: xPos (Sun et al. 2022)."""
    width = request.width
    scale_base = request.number("scale_base", 512.0)
    gamma = request.number("gamma", 0.4)
    z = (2 * np.arange(width // 2) + gamma * width) / ((1 + gamma) * width)
    centre = request.number("centre", 0.0, least=-(2.0**53) - 1)
    return Schedule(request.plain, log_scale=np.log(z) / scale_base, centre=centre)


_SCHEDULES: dict[str, Callable[[Request], Schedule]] = {
    "default": _default,
    "linear": _linear,
    "ntk": _ntk,
    "ntk_fixed": _ntk_fixed,
    "ntk_mixed": _ntk_mixed,
    "dynamic": _dynamic,
    "yarn": _yarn,
    "longrope": _longrope,
    "llama3": _llama3,
    "proportional": _proportional,
    "xpos": _xpos,
}


def rope_type_of(function: str, scaling: Mapping[str, Any]) -> str:
    """The schedule's name, by either key and any of the names that files have for it."""
    name = scaling.get("rope_type", scaling.get("type"))
    if name is None:
        name = "default"
    known = _ALIASES.get(name, name) if isinstance(name, str) else name
    if not isinstance(known, str) or known not in _SCHEDULES:
        raise ValueError(
            f"{function}: rope_type is {name!r}, expected one of {', '.join(sorted(_SCHEDULES))}"
        )
    return known


def schedule(
    function: str, scaling: Mapping[str, Any], width: int, base: float, seq_len: int | None
) -> Schedule:
    """The schedule that `scaling` names, for rotary width `width`."""
    rope_type = rope_type_of(function, scaling)
    return _SCHEDULES[rope_type](Request(function, rope_type, width, base, scaling, seq_len))
