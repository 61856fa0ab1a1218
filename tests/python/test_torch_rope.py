# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Rotary embeddings of tensors: values, gradients of every kind, and inside of models."""

import dataclasses

import numpy as np
import pytest

from isokern import rope

torch = pytest.importorskip("torch")
pytest.importorskip("ml_dtypes")
iso = pytest.importorskip("isokern.torch.rope")

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
PLAN = dataclasses.replace(rope.plan(8), attention_factor=1.25)
XPOS = rope.plan(8, scaling={"rope_type": "xpos", "scale_base": 20.0})
WHERE = {"offsets": torch.tensor([[3], [50]])}


def tensors(*shapes, dtype=torch.float64, grad=True):
    generator = torch.Generator().manual_seed(7)
    return [
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_(grad)
        for shape in shapes
    ]


def expression(x, plan, positions, inverse=False):
    """The embedding in torch, half-split."""
    angle = positions[..., None] * torch.tensor(plan.inv_freq.tolist(), dtype=torch.float64)
    cos, sin = plan.attention_factor * angle.cos(), plan.attention_factor * angle.sin()
    first, second = x.double().chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1).to(x.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_and_gradients(dtype):
    q, k = tensors((2, 4, 5, 8), (2, 2, 5, 8), dtype=dtype)
    got = iso.apply(q, k, plan=PLAN, **WHERE)
    positions = torch.tensor([[3.0], [50.0]]).double()[..., None] + torch.arange(5)
    tolerance = {8: 1e-14, 4: 1e-6, 2: 0.03}[q.element_size()]
    total = 0.0
    for y, x in zip(got, (q, k), strict=True):
        assert y.dtype == dtype
        torch.testing.assert_close(y, expression(x, PLAN, positions), rtol=0, atol=tolerance)
        total = total + (y.double() ** 2).sum()
    total.backward()
    for x in (q, k):  # rotations times 1.25: the gradient of the squared length
        wanted = 2 * 1.25**2 * x.double()
        torch.testing.assert_close(x.grad.double(), wanted, rtol=0, atol=8 * tolerance)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("plan", [PLAN, XPOS], ids=["factor", "xpos"])
@pytest.mark.parametrize("inverse", [False, True])
def test_derivatives_of_the_linear_map(inverse, plan):
    q, k = tensors((2, 4, 3, 8), (2, 2, 3, 8))

    def both(q, k):
        return iso.apply(q, k, plan=plan, inverse=inverse, **WHERE)

    check = torch.autograd.gradcheck(both, (q, k), check_forward_ad=True)
    assert check
    assert torch.autograd.gradgradcheck(both, (q, k))
    mapped = torch.func.vmap(lambda q: iso.apply(q, plan=plan, offsets=9), in_dims=1)(q.detach())
    wanted = iso.apply(q.detach(), plan=plan, offsets=9).movedim(1, 0)
    assert torch.equal(mapped, wanted)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("kind", ["half", "interleaved", "mixed", "xpos"])
def test_learned_frequencies_and_positions(kind, inverse):
    plan = {
        "half": PLAN,
        "interleaved": rope.plan_2d(8),
        "mixed": rope.plan_mixed(8, [0.2, 1.0]),
        "xpos": XPOS,
    }[kind]
    q, k, positions = tensors((2, 2, 3, 8), (2, 2, 3, 8), (2, 1, 3, plan.n_axes))
    if plan.n_axes == 1:
        positions = positions.detach()[..., 0].requires_grad_()
    inv_freq = torch.tensor(plan.inv_freq.tolist(), dtype=torch.float64, requires_grad=True)

    def both(q, k, positions, inv_freq):
        return iso.apply(
            q, k, plan=plan, positions=positions, inv_freq=inv_freq, inverse=inverse
        )  # fmt: skip

    assert torch.autograd.gradcheck(both, (q, k, positions, inv_freq))
    assert torch.autograd.gradgradcheck(both, (q, k, positions, inv_freq), atol=1e-4)


def test_learned_frequencies_in_float32_from_consecutive_positions():
    (q,) = tensors((2, 3, 5, 8), dtype=torch.float32)
    for where in ({}, {"offsets": [[3], [9]]}, {"cu_seqlens": [0, 2, 5], "offsets": [4, 1]}):
        frequencies = [torch.tensor(PLAN.inv_freq.tolist(), requires_grad=True) for _ in range(2)]
        y = iso.apply(q, plan=PLAN, inv_freq=frequencies[0], **where)
        y[..., 2].sum().backward()
        # the same through torch's operations, by asking for a graph
        y = iso.apply(q, plan=PLAN, inv_freq=frequencies[1], **where)
        (again,) = torch.autograd.grad(y[..., 2].sum(), frequencies[1], create_graph=True)
        assert frequencies[0].grad.dtype == torch.float32
        torch.testing.assert_close(frequencies[0].grad, again.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_place(dtype):
    q, k = tensors((2, 4, 5, 8), (2, 2, 5, 8), dtype=dtype)
    wanted = iso.apply(q, k, plan=PLAN, **WHERE)
    (sum(y.double().pow(2).sum() for y in wanted)).backward()
    gradients = q.grad.clone(), k.grad.clone()
    q.grad = k.grad = None
    work = q * 1, k * 1
    turned = iso.apply_(*work, plan=PLAN, **WHERE)
    for y, x, exact in zip(turned, work, wanted, strict=True):
        assert y.data_ptr() == x.data_ptr()
        assert torch.equal(y, exact)
    sum(y.double().pow(2).sum() for y in turned).backward()
    for x, gradient in zip((q, k), gradients, strict=True):
        assert torch.equal(x.grad, gradient)


def test_in_place_where_autograd_forbids_it_changes_nothing():
    (q,) = tensors((2, 5, 8))
    before = q.detach().clone()
    for x in (q, q[:1]):
        with pytest.raises(ValueError, match=r"\bq\b.*leaf"):
            iso.apply_(x, plan=PLAN)
    assert torch.equal(q.detach(), before)
    with torch.no_grad():
        assert iso.apply_(q, plan=PLAN) is q
    assert torch.equal(q.detach(), iso.apply(before, plan=PLAN))


def test_views_and_values_that_are_needed_again():
    (x,) = tensors((2, 5, 3, 8))
    fused = x * 1
    y = iso.apply_(fused[:, :, 0], plan=PLAN)
    assert torch.equal(y, fused[:, :, 0])
    fused.sum().backward()
    (z,) = tensors((5, 8))
    squared = (z * 1).requires_grad_()
    product = squared * 2
    kept = product.pow(2)
    iso.apply_(product, plan=PLAN)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        kept.sum().backward()


def test_tables_and_rerotation():
    q, k = tensors((2, 4, 5, 8), (2, 2, 5, 8), dtype=torch.float32)
    cos, sin = map(torch.from_numpy, rope.table(PLAN, 5))
    got = iso.apply_table(q, k, cos=cos, sin=sin)
    for y, wanted in zip(got, iso.apply(q, k, plan=PLAN), strict=True):
        assert torch.equal(y, wanted)
    got[0].sum().backward()
    assert torch.equal(q.grad, torch.from_numpy(rope.vjp(np.ones((2, 4, 5, 8), "f4"), plan=PLAN)))
    new = rope.plan(8, base=100.0)
    moved = iso.rerotate(got[1], old=PLAN, new=new)
    assert not moved.requires_grad
    torch.testing.assert_close(moved, iso.apply(k.detach(), plan=new), rtol=0, atol=1e-6)


def test_bad_tensors_are_named():
    (q,) = tensors((2, 5, 8))
    with pytest.raises(TypeError, match=r"\bq\b"):
        iso.apply(q.detach().numpy(), plan=PLAN)
    with pytest.raises(TypeError, match=r"\bk\b"):
        iso.apply(q, [1.0], plan=PLAN)
    with pytest.raises(TypeError, match=r"\bq\b"):
        iso.apply(q.to(torch.complex64), plan=PLAN)
    with pytest.raises(ValueError, match=r"\bq\b.*meta"):
        iso.apply(q.to("meta"), plan=PLAN)
    with pytest.raises(ValueError, match=r"\binv_freq\b"):
        iso.apply(q, plan=PLAN, inv_freq=torch.ones(3))
    with pytest.raises(TypeError, match=r"\binv_freq\b"):
        iso.apply(q, plan=PLAN, inv_freq=[1.0] * 4)
    with pytest.raises(TypeError, match=r"\bpositions\b"):
        iso.apply(q, plan=PLAN, positions=torch.arange(5).float())
    with pytest.raises(TypeError, match=r"\bplan\b"):
        iso.apply(q, plan=None, inv_freq=torch.ones(4))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [8, 6])
@pytest.mark.parametrize("axis", [1, 2, -2])
def test_hugging_face_function(axis, width, dtype):
    shapes = ((2, 4, 5, 8), (2, 2, 5, 8)) if axis == 1 else ((2, 5, 4, 8), (2, 5, 2, 8))
    q, k = tensors(*shapes, dtype=dtype)
    cos, sin = (part.detach() for part in tensors((2, 5, width // 2), (2, 5, width // 2)))
    cos, sin = (torch.cat((part, part), dim=-1).to(dtype) for part in (cos, sin))
    got = iso.apply_rotary_pos_emb(q, k, cos, sin, axis)
    plain = iso.apply_rotary_pos_emb(q, k, cos.requires_grad_(), sin, axis)
    tolerance = {8: 1e-14, 4: 1e-6, 2: 0.1}[q.element_size()]
    for y, wanted in zip(got, plain, strict=True):
        torch.testing.assert_close(y, wanted, rtol=0, atol=tolerance)
    plain[0].sum().backward()
    assert cos.grad is not None


MODELS = {"Llama": "llama", "Qwen2": "qwen2"}
SCALINGS = {
    "default": {"rope_type": "default", "rope_theta": 10_000.0},
    "yarn": {
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16,
        "rope_theta": 10_000.0,
    },
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_models_give_the_same_logits(implementation, name, scaling, monkeypatch):
    transformers = pytest.importorskip("transformers")
    module = pytest.importorskip(f"transformers.models.{MODELS[name]}.modeling_{MODELS[name]}")
    torch.manual_seed(1)
    config = getattr(transformers, f"{name}Config")(
        vocab_size=97, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
        rope_parameters=dict(SCALINGS[scaling]), attn_implementation=implementation,
    )  # fmt: skip
    model = getattr(transformers, f"{name}ForCausalLM")(config)
    tokens = torch.randint(0, 97, (2, 40))

    def run():
        model.zero_grad()
        output = model(tokens, labels=tokens)
        output.loss.backward()
        gradient = model.model.layers[0].self_attn.q_proj.weight.grad.clone()
        generated = model.generate(tokens[:, :7], max_new_tokens=5, do_sample=False)
        return output.logits.detach(), gradient, generated

    wanted = run()
    calls = []

    def counted(*arguments, **options):
        calls.append(1)
        return iso.apply_rotary_pos_emb(*arguments, **options)

    monkeypatch.setattr(module, "apply_rotary_pos_emb", counted)
    got = run()
    assert calls
    torch.testing.assert_close(got[0], wanted[0], rtol=0, atol=2e-6)
    torch.testing.assert_close(got[1], wanted[1], rtol=0, atol=1e-6)
    assert torch.equal(got[2], wanted[2])

    # From a plan, without the model's own tables.
    plan = rope.plan_from_config(config)

    def planned(q, k, cos, sin, unsqueeze_dim=1):
        return iso.apply(q, k, plan=plan)

    monkeypatch.setattr(module, "apply_rotary_pos_emb", planned)
    with torch.no_grad():
        logits = model(tokens).logits
    torch.testing.assert_close(logits, wanted[0], rtol=0, atol=1e-5)
