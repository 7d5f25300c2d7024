"""The precision of losses, memory and features under bfloat16 autocast."""

import pytest
import torch

from reidgen.engine import run_phases


@pytest.mark.slow
def test_penalty_and_memory_are_float32_under_bfloat16(build_toy, toy_batch, toy_optim):
    model, batch = build_toy(), toy_batch()
    model.enter_stage('joint', phases=['D', 'G'])
    model.amp = True
    seen, asked = {'D_s': [], 'D_t': [], 'E_c': [], 'penalty': []}, []
    rows = model.bank.features.clone()
    for name in ('D_s', 'D_t'):
        getattr(model, name).register_forward_hook(
            lambda _, args, out, name=name: seen[name].append(out[0].dtype)
        )
    model.E_c.register_forward_hook(lambda _, args, out: seen['E_c'].append(out.embedding.dtype))
    model.penalty.register_forward_hook(
        lambda _, args, out: seen['penalty'].extend(value.dtype for value in out.values())
    )
    model.contrast.register_forward_pre_hook(
        lambda _, args: asked.extend([args, model.rng.generator.get_state()])
    )
    logs = run_phases(model, batch, toy_optim(model), 0, 0)
    half, full = torch.bfloat16, torch.float32
    assert seen == dict(
        D_s=[half, half, full, half],  # real, translated, penalty; translated again
        D_t=[half, half, full, half],
        E_c=[half] * 6,
        penalty=[full] * 4,
    )
    assert all(torch.isfinite(value) for value in logs.values())
    assert {parameter.dtype for parameter in model.parameters()} == {full}
    assert model.bank.features.dtype == full

    # outside autocast the memory loss is the same to the last bit
    model.bank.features.copy_(rows)
    args, state = asked
    model.rng.generator.set_state(state)
    again = model.contrast(*args, rng=model.rng)
    assert again.dtype == full
    assert torch.equal(again, logs['G/loss_memory.s2t'])


def test_evaluation_features_are_float32_under_bfloat16(build_toy, toy_batch):
    model = build_toy().eval()
    model.amp = True
    features = model.val_step(toy_batch().source)
    assert features.dtype == torch.float32
    assert not features.requires_grad
    torch.testing.assert_close(features.norm(dim=1), torch.ones(3))
