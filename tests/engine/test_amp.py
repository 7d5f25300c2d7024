"""Refusal of bfloat16 autocast on a CPU that emulates it."""

import pytest

from reidgen.engine.amp import check_bfloat16

AVX2 = 'processor\t: 0\nmodel name\t: a CPU with bf16 in its name\nflags\t\t: fpu avx avx2 fma\n'


def machine(tmp_path, text):
    path = tmp_path / 'cpuinfo'
    path.write_text(text)
    return path


def test_autocast_is_refused_on_a_cpu_without_bfloat16_and_the_override_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"five times as long.*train_cfg\.amp='emulated'"):
        check_bfloat16('cpu', machine(tmp_path, AVX2))


@pytest.mark.parametrize('flag', ['avx512_bf16', 'amx_bf16'])
def test_autocast_is_taken_on_a_cpu_with_bfloat16(tmp_path, flag):
    check_bfloat16('cpu', machine(tmp_path, AVX2.rstrip() + f' {flag}\n'))


def test_arms_features_are_read_too(tmp_path):
    check_bfloat16('cpu', machine(tmp_path, 'processor : 0\nFeatures : fp asimd bf16\n'))
    with pytest.raises(ValueError, match='no bfloat16'):
        check_bfloat16('cpu', machine(tmp_path, 'processor : 0\nFeatures : fp asimd\n'))


def test_a_gpu_and_a_machine_without_flags_are_not_refused(tmp_path):
    check_bfloat16('cuda', machine(tmp_path, AVX2))
    check_bfloat16('cpu', machine(tmp_path, 'processor : 0\n'))
    check_bfloat16('cpu', tmp_path / 'missing')
