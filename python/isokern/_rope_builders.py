# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Plans of one axis: how fast each pair turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isokern._rope_plan import (
    PairLayout,
    RopePlan,
    check_base,
    check_layout,
    check_number,
    check_width,
)
from isokern._rope_schedules import Schedule, rope_type_of, schedule

__all__ = ["plan", "plan_of", "schedule_of"]

_KEYS = (
    *("rope_type", "type", "rope_theta", "factor", "alpha", "mixed_b", "partial_rotary_factor"),
    *("attention_factor", "mscale", "mscale_all_dim", "beta_fast", "beta_slow", "truncate"),
    *("original_max_position_embeddings", "max_position_embeddings"),
    *("short_factor", "long_factor", "short_mscale", "long_mscale"),
    *("low_freq_factor", "high_freq_factor"),
    *("extrapolation_factor", "attn_factor", "apply_yarn_scaling"),
    *("scale_base", "gamma", "centre"),
)


def _check_scaling(function: str, scaling: Any) -> Mapping[str, Any]:
    if scaling is None:
        return {}
    if not isinstance(scaling, Mapping):
        raise TypeError(f"{function}: scaling is a {type(scaling).__name__}, expected a mapping")
    unknown = sorted(str(key) for key in scaling if key not in _KEYS)
    if unknown:
        raise ValueError(
            f"{function}: scaling has the key {unknown[0]!r}, expected some of {', '.join(_KEYS)}"
        )
    return scaling


def schedule_of(
    function: str,
    dim: Any,
    base: Any,
    rotary_dim: Any,
    scaling: Any,
    seq_len: Any,
) -> Schedule:
    """Check what all one-dimensional schedules have in common, and make the frequencies."""
    given = _check_scaling(function, scaling)
    theta = given.get("rope_theta")
    if theta is not None:
        if base not in (10000.0, theta):
            raise ValueError(
                f"{function}: base is {base!r} and scaling has rope_theta {theta!r}, "
                "expected one of them"
            )
        base = theta
    if seq_len is not None:
        seq_len = check_width(function, "seq_len", seq_len, 1)
    share = given.get("partial_rotary_factor")
    whole = rope_type_of(function, given) == "proportional"
    if share is not None and not whole:
        dim = check_width(function, "dim", dim, 1)
        part = int(dim * check_number(function, "partial_rotary_factor", share))
        if rotary_dim not in (None, part):
            raise ValueError(
                f"{function}: rotary_dim is {rotary_dim!r} and partial_rotary_factor {share!r} of "
                f"{dim}, expected one of them"
            )
        rotary_dim = part
    if rotary_dim is None:
        width = check_width(function, "dim", dim, 2)
    else:
        limit = check_width(function, "dim", dim, 1)
        width = check_width(function, "rotary_dim", rotary_dim, 2, limit)
        if whole and width != limit:
            raise ValueError(
                f"{function}: rotary_dim is {width}, expected {limit}, the whole head, for "
                "rope_type 'proportional'"
            )
    return schedule(function, given, width, check_base(function, base), seq_len)


def plan(
    dim: int,
    *,
    base: float = 10000.0,
    layout: PairLayout = "half",
    rotary_dim: int | None = None,
    rotary_offset: int = 0,
    scaling: Mapping[str, Any] | None = None,
    seq_len: int | None = None,
) -> RopePlan:
    r"""Plan the embedding of one-dimensional positions.

    Pair j turns by :math:`p\, b^{-2j/D}` at position p, with base b and D = `rotary_dim`, unless
    `scaling` names another schedule.

    Parameters
    ----------
    dim : int
        Width of a head; even where `rotary_dim` is not given.
    base : float
        The base of the geometric series of frequencies.
    layout : {"half", "interleaved"}
        Pairs (j, j + D/2), as in GPT-NeoX and LLaMA's ported weights, or (2j, 2j + 1), as in the
        paper.
    rotary_dim : int, optional
        How many coordinates are turned; `dim` by default.
    rotary_offset : int
        The first of them.
    scaling : mapping, optional
        A schedule for long contexts, with the keys of model files: `rope_type`, one of "default",
        "linear", "ntk", "ntk_fixed", "ntk_mixed", "dynamic", "yarn", "longrope", "llama3",
        "proportional" and "xpos", and what it needs, see docs/rope.md. The longest length that a
        model states is the key `max_position_embeddings`.
    seq_len : int, optional
        The length at hand, for schedules that depend on it: "dynamic" and "longrope".

    Returns
    -------
    RopePlan
        Its `attention_factor` multiplies cosines and sines, its `softmax_scale` the attention's
        own scale.

    Raises
    ------
    TypeError, ValueError
        Odd or zero widths, a `rotary_dim` beyond `dim`, a base that is not positive, an unknown
        layout or rope_type, parameters of a schedule that are missing or out of range.

    References
    ----------
    J. Su et al., "RoFormer: Enhanced transformer with rotary position embedding", 2021,
    arXiv:2104.09864, eq. 15; B. Peng et al., "YaRN: Efficient context window extension of large
    language models", 2023, arXiv:2309.00071; Y. Ding et al., "LongRoPE", 2024, arXiv:2402.13753;
    Y. Sun et al., "A length-extrapolatable transformer", 2022, arXiv:2212.10554.

    Examples
    --------
    >>> from isokern import rope
    >>> rope.plan(4).inv_freq
    array([1.  , 0.01])
    >>> rope.plan(4, scaling={"rope_type": "linear", "factor": 2.0}).inv_freq
    array([0.5  , 0.005])
    """
    check_layout("rope.plan", layout)
    found = schedule_of("rope.plan", dim, base, rotary_dim, scaling, seq_len)
    return plan_of("rope.plan", found, dim, layout, rotary_offset)


def plan_of(
    function: str,
    found: Schedule,
    dim: int,
    layout: PairLayout,
    rotary_offset: Any = 0,
    axis: Any = None,
) -> RopePlan:
    if rotary_offset != 0:
        last = dim - 2 * found.inv_freq.size
        if not hasattr(rotary_offset, "__index__") or not 0 <= rotary_offset <= last:
            raise ValueError(
                f"{function}: rotary_offset is {rotary_offset!r}, expected 0 to {last} for "
                f"{2 * found.inv_freq.size} coordinates of {dim}"
            )
    return RopePlan(
        found.inv_freq,
        axis=axis,
        layout=layout,
        rotary_offset=int(rotary_offset),
        attention_factor=found.attention_factor,
        softmax_scale=found.softmax_scale,
        log_scale=found.log_scale,
        centre=found.centre,
    )
