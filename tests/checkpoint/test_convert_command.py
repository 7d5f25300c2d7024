"""The command that converts published checkpoints: its files, and what training takes of them."""

import pytest
import torch
from torch import nn

from reidgen.checkpoint import load_for_training, read_weights
from reidgen.checkpoint.converting import REGISTRIES, convert
from reidgen.cli import parse
from reidgen.cli.convert_weights import run
from reidgen.models.encoders import ContentEncoder
from reidgen.registry import build
from tests.checkpoint import published_files as published

pytestmark = pytest.mark.slow  # networks of the published sizes


@pytest.fixture
def gcl_files(tmp_path, trunk, generator) -> list[str]:
    """The three files of GCL's trainer; its networks may be in a distributed wrapper."""
    contents = {
        'id': published.nested('module', trunk | published.head('feat', 'feat_bn')),
        'gen': generator,
        'dis': published.discriminator(),
    }
    for name, state in contents.items():
        torch.save({name: state}, tmp_path / f'{name}.pt')
    return [str(tmp_path / f'{name}.pt') for name in contents]


def test_the_file_written_is_what_weights_and_load_from_take(tmp_path, gcl_files, logged, capsys):
    out = tmp_path / 'new/gcl.safetensors'
    run(parse('convert-weights', [*gcl_files, '--out', str(out)]))
    printed = capsys.readouterr().out
    assert 'id.feat_bn -> E_c.neck (5)' in printed
    assert 'gen.mlp_b2.model.1.fc -> G.heads.biases.1.2 (2)' in printed
    assert 'left: gen.dec.model.1' in printed
    assert 'buffers that AdaIN does not read' in printed
    assert 'E_c (325), E_p (40), G (78), D (84), 527 tensors' in printed

    encoder = ContentEncoder(embed_dim=6, weights=str(out))
    assert any('head from it too' in line for line in logged)
    original = torch.load(gcl_files[0])['id']
    assert torch.equal(encoder.neck.running_var, original['module.feat_bn.running_var'])

    torch.manual_seed(5)  # as the start of another training
    model = nn.Module()
    model.encoder_name, model.E_c = 'E_c', ContentEncoder(embed_dim=6)
    model.E_p, model.G, model.D = (
        build(conversion.configs[name], REGISTRIES[conversion.configs[name]['type']])
        for path in gcl_files[1:]
        for conversion in convert(*read_weights(path))
        for name in conversion.configs
    )
    load_for_training(model, *read_weights(out), needed=('E_c', 'E_p', 'G', 'D'))
    assert torch.equal(model.E_c.linear.weight, original['module.feat.weight'])
    assert torch.equal(
        model.D.critics[2][9].conv.weight, torch.load(gcl_files[2])['dis']['cnns.2.9.weight']
    )


def test_an_encoder_alone_is_told_to_go_with_weights(tmp_path, trunk, capsys):
    path, out = tmp_path / 'model.pth.tar', tmp_path / 'encoder.pth'
    torch.save({'state_dict': trunk | published.linear('classifier', 2048, 5), 'epoch': 3}, path)
    run(parse('convert-weights', [str(path), '--out', str(out)]))
    printed = capsys.readouterr().out
    assert f'model.networks.E_c.weights={out}' in printed
    assert 'left: classifier.bias to classifier.weight, 2 tensors: identity classifier' in printed
    assert '--load-from' not in printed
    assert published.part(read_weights(out).state, 'E_c.trunk.').keys() == trunk.keys()


def test_names_of_the_output_that_cannot_be_are_refused_before_reading(tmp_path):
    for out, text in (('x.bin', "'x.bin'"), ('absent.pth', 'one of the files to read')):
        with pytest.raises(ValueError, match=text):
            run(parse('convert-weights', ['absent.pth', '--out', out]))


def test_nothing_is_written_where_a_file_is_refused_or_a_network_comes_twice(tmp_path, gcl_files):
    out = tmp_path / 'out.safetensors'
    torch.save({'optimizer.0': torch.ones(1)}, tmp_path / 'optimizer.pt')
    for files, text in (
        ([*gcl_files, str(tmp_path / 'optimizer.pt')], 'no known code base'),
        ([gcl_files[1], gcl_files[1]], 'both have E_p'),
    ):
        with pytest.raises(ValueError, match=text):
            run(parse('convert-weights', [*files, '--out', str(out)]))
        assert not out.exists()
