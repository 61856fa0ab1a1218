# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Schedules for long contexts: their published values, their formulas, and Hugging Face's own."""

import copy
import math

import numpy as np
import pytest

from isokern import rope

YARN = {"rope_type": "yarn", "factor": 10.0, "original_max_position_embeddings": 2048}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 10.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 2048,
}
DYNAMIC = {"rope_type": "dynamic", "factor": 10.0, "max_position_embeddings": 2048}


def plain(dim=128, base=1e4):
    return base ** (-2.0 * np.arange(dim // 2) / dim)


def test_published_values():
    dynamic = rope.plan(128, scaling=DYNAMIC, seq_len=16384).inv_freq
    np.testing.assert_allclose(dynamic[[1, 63]], [0.80931, 1.62645e-6], rtol=1e-5)
    yarn = rope.plan(128, scaling=YARN)
    known = [8.34790e-2, 4.30070e-4, 1.15478e-5]
    np.testing.assert_allclose(yarn.inv_freq[[17, 40, 63]], known, rtol=1e-5)
    assert yarn.attention_factor == pytest.approx(1.230259, abs=1e-6)
    llama3 = rope.plan(128, scaling=LLAMA3).inv_freq
    known = [1.07302e-2, 7.77848e-3, 3.45392e-4]
    np.testing.assert_allclose(llama3[[31, 32, 40]], known, rtol=1e-5)
    factors = {"short_factor": [1.0] * 64, "long_factor": [2.0] * 64}
    longrope = {"rope_type": "longrope", "factor": 32.0, "original_max_position_embeddings": 4096}
    assert rope.plan(128, scaling={**longrope, **factors}).attention_factor == pytest.approx(
        1.190238, abs=1e-6
    )


def test_interpolation_and_the_three_ntk():
    t, s, d = plain(), 4.0, 128
    for name in ("rope_type", "type"):
        linear = rope.plan(d, scaling={name: "linear", "factor": s})
        np.testing.assert_allclose(linear.inv_freq, t / s, rtol=1e-15)
    ntk = rope.plan(d, scaling={"rope_type": "ntk", "factor": s}).inv_freq
    assert ntk[0] == 1
    assert ntk[-1] == pytest.approx(t[-1] / s, rel=1e-12)
    np.testing.assert_allclose(ntk, plain(base=1e4 * s ** (d / (d - 2))), rtol=1e-12)
    fixed = rope.plan(d, scaling={"rope_type": "ntk_fixed", "factor": s}).inv_freq
    np.testing.assert_allclose(fixed, plain(base=1e4 * s) / s ** (2 / d), rtol=1e-12)
    assert fixed[-1] == pytest.approx(t[-1] / s, rel=1e-12)
    for name in ("ntk", "ntk_mixed"):
        mixed = rope.plan(d, scaling={"rope_type": name, "factor": s, "mixed_b": 0.5}).inv_freq
        a = math.log(s) / 64**0.5
        np.testing.assert_allclose(mixed, t / np.exp(a * np.arange(1, 65) ** 0.5), rtol=1e-12)
        assert mixed[-1] == pytest.approx(t[-1] / s, rel=1e-12)


def test_dynamic_begins_beyond_the_longest_length_and_alpha_is_fixed():
    for seq_len in (None, 1, 2048):
        np.testing.assert_allclose(
            rope.plan(128, scaling=DYNAMIC, seq_len=seq_len).inv_freq, plain(), rtol=1e-15
        )
    alpha = rope.plan(128, scaling={"rope_type": "dynamic", "alpha": 1000.0}).inv_freq
    np.testing.assert_allclose(alpha, plain(base=1e4 * 1000 ** (128 / 126)), rtol=1e-12)


def test_two_numbers_of_yarn_are_separate():
    both = {**YARN, "factor": 40.0, "mscale": 1.0, "mscale_all_dim": 1.0}
    plan = rope.plan(64, scaling=both)
    growth = 0.1 * math.log(40.0) + 1
    assert plan.attention_factor == 1.0  # the quotient of two equal ones
    assert plan.softmax_scale == pytest.approx(growth**2, rel=1e-15)
    plan = rope.plan(64, scaling={**both, "mscale": 0.707})
    assert plan.attention_factor == pytest.approx((0.0707 * math.log(40) + 1) / growth, rel=1e-14)
    explicit = rope.plan(64, scaling={**both, "attention_factor": 1.5})
    assert explicit.attention_factor == 1.5
    assert explicit.softmax_scale == plan.softmax_scale
    assert rope.plan(64, scaling=YARN).softmax_scale == 1


def test_the_attention_factor_reaches_the_data(rng):
    q = rng.normal(size=(5, 64))
    plan = rope.plan(64, scaling=YARN)
    lengths = np.linalg.norm(rope.apply(q, plan=plan), axis=-1) / np.linalg.norm(q, axis=-1)
    np.testing.assert_allclose(lengths, plan.attention_factor, rtol=1e-14)


def test_yarn_without_truncation_differs_in_the_ramp_alone():
    rough, exact = (
        rope.plan(128, scaling={**YARN, "truncate": truncate}).inv_freq
        for truncate in (True, False)
    )
    assert rough[0] == exact[0]
    assert rough[-1] == exact[-1]
    assert (rough != exact).any()


def test_longrope_chooses_by_length():
    factors = {"short_factor": [1.0, 2.0], "long_factor": [3.0, 4.0]}
    scaling = {"rope_type": "longrope", "original_max_position_embeddings": 100, "factor": 8.0}
    for seq_len, divisor in ((None, [1, 2]), (100, [1, 2]), (101, [3, 4])):
        plan = rope.plan(4, scaling={**scaling, **factors}, seq_len=seq_len)
        np.testing.assert_allclose(plan.inv_freq, plain(4) / divisor, rtol=1e-15)
        assert plan.attention_factor == math.sqrt(1 + math.log(8) / math.log(100))
    own = {**scaling, **factors, "short_mscale": 1.1, "long_mscale": 1.3}
    assert rope.plan(4, scaling=own).attention_factor == 1.1
    assert rope.plan(4, scaling=own, seq_len=500).attention_factor == 1.3


def test_proportional_leaves_pairs_still():
    scaling = {"rope_type": "proportional", "partial_rotary_factor": 0.25, "factor": 2.0}
    plan = rope.plan(64, scaling=scaling)
    assert plan.rotary_dim == 64
    np.testing.assert_allclose(plan.inv_freq[:8], plain(64)[:8] / 2, rtol=1e-15)
    np.testing.assert_array_equal(plan.inv_freq[8:], 0)


def test_partial_widths_use_the_rotary_width():
    plan = rope.plan(80, scaling={"rope_type": "default", "partial_rotary_factor": 0.4})
    assert plan == rope.plan(80, rotary_dim=32)
    np.testing.assert_allclose(plan.inv_freq, plain(32), rtol=1e-15)


def test_xpos_decays_by_distance_alone(rng):
    plan = rope.plan(32, scaling={"rope_type": "xpos", "scale_base": 64.0, "centre": 100.0})
    z = (2 * np.arange(16) + 0.4 * 32) / (1.4 * 32)
    np.testing.assert_allclose(plan.log_scale, np.log(z) / 64, rtol=1e-15)
    q, k = rng.normal(size=(2, 1, 32))
    far, near = np.array([[340], [40]]), np.array([[300], [0]])
    scores = []
    for p, s in zip(far.ravel(), near.ravel(), strict=True):
        alone = rope.apply(q, plan=plan, offsets=int(p))
        assert alone.shape == q.shape
        scores.append(float(np.sum(alone * rope.apply(k, plan=plan.for_keys(), offsets=int(s)))))
    assert scores[0] == pytest.approx(scores[1], rel=1e-12)
    both = rope.apply(q, k, plan=plan, offsets=7)
    np.testing.assert_array_equal(both[1], rope.apply(k, plan=plan.for_keys(), offsets=7))
    assert (both[1] != rope.apply(k, plan=plan, offsets=7)).any()


@pytest.mark.parametrize(
    ("dtype", "reach"), [(np.float16, 4_490), (np.float32, 35_900), (np.float64, 35_900)]
)
def test_xpos_beyond_its_range_is_refused(dtype, reach):
    plan = rope.plan(8, scaling={"rope_type": "xpos"})
    q = np.zeros((1, 8), dtype)
    q[:, :4] = 1
    before = q.copy()
    largest = np.abs(plan.log_scale).max()
    limit = int((11 if dtype == np.float16 else 88) / largest)
    assert limit >= reach
    for offset in (limit, -limit):
        assert np.isfinite(rope.apply(q, plan=plan, offsets=offset)).all()
        assert np.isfinite(rope.apply(q, plan=plan.for_keys(), offsets=offset)).all()
    for where in ({"offsets": limit + 1}, {"positions": [-limit - 1]}):
        with pytest.raises(ValueError, match="positions"):
            rope.apply_(q, plan=plan, **where)
    np.testing.assert_array_equal(q, before)


@pytest.mark.parametrize(
    ("scaling", "name"),
    [
        ({"rope_type": "yarm"}, "rope_type.*default.*linear.*llama3.*longrope.*yarn"),
        ({"rope_type": 3}, "rope_type"),
        ({"rope_type": "linear"}, "factor"),
        ({"rope_type": "linear", "factor": 0.0}, "factor"),
        ({"rope_type": "linear", "factor": "2"}, "factor"),
        ({"rope_type": "linear", "factor": float("nan")}, "factor"),
        ({"rope_type": "linear", "factor": True}, "factor"),
        ({"rope_type": "linear", "facter": 2.0}, "facter"),
        ({"rope_type": "dynamic", "factor": 2.0}, "max_position_embeddings"),
        ({"rope_type": "yarn", "factor": 2.0}, "original_max_position_embeddings"),
        ({**YARN, "beta_fast": -1.0}, "beta_fast"),
        ({**LLAMA3, "high_freq_factor": 1.0}, "high_freq_factor"),
        ({"rope_type": "llama3", "factor": 8.0}, "original_max_position_embeddings"),
        (
            {"rope_type": "longrope", "original_max_position_embeddings": 9, "factor": 2.0,
             "short_factor": [1.0] * 3, "long_factor": [1.0] * 4}, "short_factor",
        ),
        (
            {"rope_type": "longrope", "original_max_position_embeddings": 9, "factor": 2.0,
             "short_factor": [1.0] * 4, "long_factor": [1.0, 1.0, 1.0, 0.0]}, "long_factor",
        ),
        ({"rope_type": "proportional", "partial_rotary_factor": 2.0}, "partial_rotary_factor"),
        ({"rope_type": "default", "rope_theta": 5.0}, "rope_theta"),
        ({"rope_type": "default", "partial_rotary_factor": 0.4}, "rotary_dim"),
    ],
)  # fmt: skip
def test_bad_schedules_are_named(scaling, name):
    with pytest.raises(ValueError, match=name):
        rope.plan(8, scaling=scaling, base=10000.0 if "rope_theta" not in scaling else 7.0)


def test_more_bad_arguments():
    with pytest.raises(TypeError, match="scaling"):
        rope.plan(8, scaling="yarn")
    with pytest.raises(ValueError, match="rotary_dim"):
        rope.plan(2, scaling={"rope_type": "ntk", "factor": 2.0})
    with pytest.raises(ValueError, match="seq_len"):
        rope.plan(8, seq_len=0)
    with pytest.raises(ValueError, match="rotary_offset"):
        rope.plan(8, rotary_dim=4, rotary_offset=5)
    assert rope.plan(8, rotary_dim=4, rotary_offset=4).rotary_offset == 4


# Configurations of models, and Hugging Face's functions on them.

SIZES = {
    "hidden_size": 512,
    "num_attention_heads": 4,
    "max_position_embeddings": 8192,
    "head_dim": 128,
}
FACTORS = {"short_factor": [1.0 + j / 64 for j in range(64)], "long_factor": [3.0] * 64}
PARAMETERS = {
    "default": {"rope_type": "default", "rope_theta": 5e5},
    "linear": {"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4},
    "dynamic": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4},
    "yarn": {**YARN, "rope_theta": 1e6},
    "yarn, ratio": {
        "rope_type": "yarn", "factor": None, "original_max_position_embeddings": 2048,
        "rope_theta": 1e4,
    },
    "yarn, all": {
        **YARN, "rope_theta": 1e4, "beta_fast": 16, "beta_slow": 2, "mscale": 0.707,
        "mscale_all_dim": 0.9, "truncate": False,
    },
    "longrope": {
        "rope_type": "longrope", "original_max_position_embeddings": 4096, "rope_theta": 1e4,
        **FACTORS,
    },
    "llama3": {**LLAMA3, "factor": 8.0, "rope_theta": 5e5},
    "proportional": {
        "rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1e6,
    },
    "partial": {
        "rope_type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5, "rope_theta": 1e4,
    },
}  # fmt: skip


def hugging_face(parameters, seq_len=None, layer_type=None):
    """Frequencies and factor by transformers' own function."""
    transformers = pytest.importorskip("transformers")
    utils = pytest.importorskip("transformers.modeling_rope_utils")
    nested = {} if layer_type is None else {"layer_types": list(parameters), "num_hidden_layers": 2}
    config = transformers.LlamaConfig(**SIZES, rope_parameters=parameters, **nested)
    own = parameters if layer_type is None else parameters[layer_type]
    if own["rope_type"] == "default":
        model = pytest.importorskip("transformers.models.llama.modeling_llama")
        values = model.LlamaRotaryEmbedding.compute_default_rope_parameters(config)
    else:
        values = utils.ROPE_INIT_FUNCTIONS[own["rope_type"]](
            config, seq_len=seq_len, layer_type=layer_type
        )
    return config, values[0].double().numpy(), float(values[1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("seq_len", [None, 3000, 20_000])
def test_hugging_face_has_the_same(name, seq_len):
    config, inv_freq, factor = hugging_face(dict(PARAMETERS[name]), seq_len)
    for source in (config, {**SIZES, "rope_parameters": PARAMETERS[name]}, config.to_dict()):
        plan = rope.plan_from_config(source, seq_len=seq_len)
        # Their frequencies have the roundings of float32.
        np.testing.assert_allclose(plan.inv_freq, inv_freq, rtol=3e-6, atol=0)
        assert plan.attention_factor == pytest.approx(factor, rel=1e-12)
    by_hand = {**PARAMETERS[name], "max_position_embeddings": 8192}
    assert rope.plan(128, scaling=by_hand, seq_len=seq_len) == plan


@pytest.mark.filterwarnings("ignore")
def test_hugging_face_nested_by_layer_type():
    nested = {
        "full_attention": PARAMETERS["yarn"],
        "sliding_attention": PARAMETERS["linear"],
    }
    for layer_type in list(nested):
        _, inv_freq, factor = hugging_face(copy.deepcopy(nested), layer_type=layer_type)
        plan = rope.plan_from_config({**SIZES, "rope_parameters": nested}, layer_type=layer_type)
        np.testing.assert_allclose(plan.inv_freq, inv_freq, rtol=3e-6, atol=0)
        assert plan.attention_factor == pytest.approx(factor, rel=1e-12)
    for wrong in (None, "chunked_attention"):
        with pytest.raises(ValueError, match=r"layer_type.*full_attention, sliding_attention"):
            rope.plan_from_config({**SIZES, "rope_parameters": nested}, layer_type=wrong)


def test_configurations_of_older_files():
    new = rope.plan_from_config({**SIZES, "rope_parameters": PARAMETERS["linear"]})
    old = {**SIZES, "rope_scaling": {"type": "linear", "factor": 4.0}, "rope_theta": 1e4}
    assert rope.plan_from_config(old) == new
    assert rope.plan_from_config({"n_embd": 64, "n_head": 4, "rotary_dim": 8}).rotary_dim == 8
    pythia = {"hidden_size": 64, "num_attention_heads": 4, "rotary_pct": 0.25}
    assert rope.plan_from_config(pythia).rotary_dim == 4
    assert rope.plan_from_config({"text_config": old, "vision_config": {}}) == new
    su = {**SIZES, "rope_scaling": {"type": "su", **FACTORS}, "rope_theta": 1e4}
    su["original_max_position_embeddings"] = 4096
    assert rope.plan_from_config(su) == rope.plan_from_config(
        {**SIZES, "rope_parameters": PARAMETERS["longrope"]}
    )
    gemma = {**SIZES, "rope_theta": 1e6, "rope_local_base_freq": 1e4}
    gemma["rope_scaling"] = {"rope_type": "linear", "factor": 8.0}
    assert rope.plan_from_config(gemma, layer_type="sliding_attention") == rope.plan(128)
    scaled = rope.plan(128, base=1e6, scaling={"rope_type": "linear", "factor": 8.0})
    assert rope.plan_from_config(gemma, layer_type="full_attention") == scaled


def test_deepseek_and_multimodal_configurations():
    deepseek = {
        "hidden_size": 7168, "num_attention_heads": 128, "qk_rope_head_dim": 64,
        "max_position_embeddings": 163_840, "rope_theta": 10_000, "rope_interleave": True,
        "rope_scaling": {
            "type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
            "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096,
        },
    }  # fmt: skip
    plan = rope.plan_from_config(deepseek)
    assert plan.rotary_dim == 64
    assert plan.layout == "interleaved"
    assert plan.attention_factor == 1
    assert plan.softmax_scale == pytest.approx((0.1 * math.log(40) + 1) ** 2, rel=1e-15)
    qwen = {**SIZES, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}
    assert rope.plan_from_config(qwen) == rope.plan_mrope(128, (16, 24, 24))
    qwen3 = {**SIZES, "rope_parameters": {"mrope_section": [24, 20, 20], "mrope_interleaved": True}}
    assert rope.plan_from_config(qwen3) == rope.plan_mrope(
        128, (24, 20, 20), arrangement="interleaved"
    )
    hunyuan = {**SIZES, "rope_scaling": {"type": "dynamic", "alpha": 1000.0}}
    hunyuan["rope_scaling"]["xdrope_section"] = [16, 16, 16, 16]
    plan = rope.plan_from_config(hunyuan)
    assert plan.n_axes == 4
    assert plan.inv_freq[1] == pytest.approx((1e4 * 1000 ** (128 / 126)) ** (-1 / 64), rel=1e-12)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"rope_parameters": {"rope_type": "yarm"}}, "rope_type.*default.*dynamic.*yarn"),
        ({"rope_parameters": {"full_attention": None, "other": {}}}, "layer_type"),
        ({"head_dim": None, "hidden_size": None}, "head_dim"),
        ({"head_dim": 5}, "rotary_dim"),
        ({"partial_rotary_factor": 0.01}, "rotary_dim"),
        ({"partial_rotary_factor": 3.0}, "rotary_dim"),
        ({"rope_theta": -1.0}, "base"),
        ({"rope_parameters": {"mrope_section": [1, 2, 3]}}, "sections"),
        ({"rope_parameters": {"rope_type": "linear"}}, "factor"),
    ],
)
def test_bad_configurations(change, name):
    with pytest.raises(ValueError, match=name):
        rope.plan_from_config({**SIZES, **change})


def test_layers_without_an_embedding():
    config = {**SIZES, "rope_parameters": {"full_attention": None, "other": {"factor": 2.0}}}
    with pytest.raises(ValueError, match="full_attention"):
        rope.plan_from_config(config, layer_type="full_attention")
    with pytest.raises(TypeError, match="rope_parameters"):
        rope.plan_from_config({**SIZES, "rope_parameters": "yarn"})
