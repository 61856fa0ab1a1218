# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Plans from the configuration of a model, with the keys that model files use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isokern._rope_axes import mrope_axis
from isokern._rope_plan import PairLayout, RopePlan, check_base, check_layout, check_width
from isokern._rope_schedules import rope_type_of, schedule

__all__ = ["plan_from_config"]

_FUNCTION = "rope.plan_from_config"


class _Config:
    """A mapping or an object with attributes, read alike."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def get(self, *names: str) -> Any:
        """The value of the first name that has one."""
        for name in names:
            if isinstance(self.source, Mapping):
                value = self.source.get(name)
            else:
                value = getattr(self.source, name, None)
            if value is not None:
                return value
        return None


def _mapping(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) else None


def _of_layer(parameters: Mapping[str, Any], layer_type: str | None) -> Mapping[str, Any]:
    """The parameters of one layer type, where they are nested."""
    nested = [key for key, value in parameters.items() if isinstance(value, Mapping)]
    if not nested:
        return parameters
    known = [key for key, value in parameters.items() if value is None or key in nested]
    if layer_type not in known:
        raise ValueError(
            f"{_FUNCTION}: layer_type is {layer_type!r}, expected one of {', '.join(known)}, "
            "as the configuration has parameters for each"
        )
    if parameters[layer_type] is None:
        raise ValueError(f"{_FUNCTION}: layers of type {layer_type!r} have no rotary embedding")
    of_layer: Mapping[str, Any] = parameters[layer_type]
    return of_layer


def _parameters(config: _Config, layer_type: str | None) -> dict[str, Any]:
    """The parameters of the embedding, complete, whichever way the file has them."""
    container = config.get("rope_parameters", "rope_scaling")
    if container is not None and _mapping(container) is None:
        raise TypeError(
            f"{_FUNCTION}: rope_parameters is a {type(container).__name__}, expected a mapping"
        )
    found = dict(_of_layer(container or {}, layer_type))
    nested = container is not None and found != dict(container)
    local = config.get("rope_local_base_freq")
    if local is not None and not nested and layer_type == "sliding_attention":
        found = {"rope_type": "default", "rope_theta": local}
    if found.get("rope_theta") is None:
        theta = config.get("rope_theta", "rotary_emb_base")
        found["rope_theta"] = 10000.0 if theta is None else theta
    if found.get("partial_rotary_factor") is None:
        found["partial_rotary_factor"] = config.get("partial_rotary_factor", "rotary_pct")
    longest = config.get("max_position_embeddings", "n_positions")
    if found.get("max_position_embeddings") is None:
        found["max_position_embeddings"] = longest
    trained = config.get("original_max_position_embeddings")
    if trained is not None and not nested:
        found["original_max_position_embeddings"] = trained
    if found.get("original_max_position_embeddings") is None:
        found["original_max_position_embeddings"] = longest
    return found


def _head_dim(config: _Config, layer_type: str | None) -> int:
    names = ["qk_rope_head_dim", "head_dim"]
    if layer_type == "full_attention":
        names.insert(0, "global_head_dim")
    width = config.get(*names)
    if width is not None:
        return check_width(_FUNCTION, "head_dim", width, 1)
    hidden, heads = config.get("hidden_size", "n_embd"), config.get("num_attention_heads", "n_head")
    if hidden is None or heads is None:
        raise ValueError(
            f"{_FUNCTION}: config has neither head_dim nor hidden_size and num_attention_heads, "
            "expected one or the others"
        )
    width = check_width(_FUNCTION, "hidden_size", hidden, 1)
    return width // check_width(_FUNCTION, "num_attention_heads", heads, 1, width)


def plan_from_config(
    config: Any,
    *,
    seq_len: int | None = None,
    layer_type: str | None = None,
    layout: PairLayout | None = None,
) -> RopePlan:
    """Plan the embedding that a model's configuration describes.

    Parameters
    ----------
    config : mapping or object
        What is in a model's ``config.json``, or an object with such attributes, as a Hugging Face
        configuration. Read are ``rope_parameters`` or ``rope_scaling`` (of the whole model or
        nested by layer type; ``rope_type`` or ``type``), ``rope_theta``, ``head_dim`` (or
        ``qk_rope_head_dim``, or ``hidden_size`` and ``num_attention_heads``),
        ``partial_rotary_factor`` (or ``rotary_pct``, ``rotary_dim``), ``max_position_embeddings``,
        ``original_max_position_embeddings``, ``mrope_section``, ``xdrope_section`` and, for
        multimodal models, the same inside ``text_config``.
    seq_len : int, optional
        The length at hand, for schedules that depend on it, "dynamic" and "longrope". A dynamic
        plan belongs to its length: keys that were turned by another are brought over by
        :func:`rerotate`.
    layer_type : str, optional
        Which of the nested parameters, for example "full_attention"; needed only where the
        configuration nests them, ignored elsewhere.
    layout : {"half", "interleaved"}, optional
        By default "half", as the models of Hugging Face have it, and "interleaved" where the
        configuration says ``rope_interleave``.

    Returns
    -------
    RopePlan
        Its `attention_factor` multiplies cosines and sines; its `softmax_scale` multiplies the
        attention's own scale (1 but for DeepSeek's ``mscale_all_dim``).

    Raises
    ------
    TypeError, ValueError
        An unknown ``rope_type`` (the message lists the known ones), a missing key, a layer type
        that is not there or has no embedding, odd widths.

    Examples
    --------
    >>> from isokern import rope
    >>> config = {"hidden_size": 64, "num_attention_heads": 8, "rope_theta": 500000.0}
    >>> rope.plan_from_config(config).rotary_dim
    8
    """
    read = _Config(config)
    inner = read.get("text_config")
    if inner is not None and read.get("head_dim", "hidden_size", "n_embd") is None:
        read = _Config(inner)
    parameters = _parameters(read, layer_type)
    dim = _head_dim(read, layer_type)
    if layout is None:
        layout = "interleaved" if read.get("rope_interleave") is True else "half"
    check_layout(_FUNCTION, layout)
    if seq_len is not None:
        seq_len = check_width(_FUNCTION, "seq_len", seq_len, 1)
    share, width = parameters["partial_rotary_factor"], dim
    if rope_type_of(_FUNCTION, parameters) != "proportional":
        if share is not None:
            width = int(dim * share)
        elif read.get("rotary_dim") is not None:
            width = read.get("rotary_dim")
    width = check_width(_FUNCTION, "rotary_dim", width, 2, dim)
    base = check_base(_FUNCTION, parameters["rope_theta"])
    found = schedule(_FUNCTION, parameters, width, base, seq_len)
    return RopePlan(
        found.inv_freq,
        axis=_axis(read, parameters, width // 2),
        layout=layout,
        attention_factor=found.attention_factor,
        softmax_scale=found.softmax_scale,
        log_scale=found.log_scale,
        centre=found.centre,
    )


def _axis(config: _Config, parameters: Mapping[str, Any], pairs: int) -> Any:
    """The axes of multimodal models, or None."""
    for key in ("mrope_section", "xdrope_section"):
        sections = parameters.get(key)
        if sections is not None:
            interleaved = parameters.get("mrope_interleaved", config.get("mrope_interleaved"))
            arrangement = "interleaved" if interleaved is True else "contiguous"
            return mrope_axis(_FUNCTION, sections, pairs, arrangement)
    return None
