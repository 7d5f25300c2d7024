"""bfloat16 on this machine."""

from pathlib import Path

CPUINFO = Path('/proc/cpuinfo')
INSTRUCTIONS = ('avx512_bf16', 'amx_bf16', 'bf16')  # x86's, and ARM's


def check_bfloat16(device: str, cpuinfo: Path = CPUINFO) -> None:
    """Raises ValueError where bfloat16 autocast would run on a CPU without its instructions.

    There torch emulates it: an iteration takes over five times as long as in float32. A machine
    that does not say what it has is not refused.

    Args:
        device: 'cpu', or another, which is not checked.
    """
    if device != 'cpu' or not cpuinfo.is_file():
        return
    flags = {
        flag
        for line in cpuinfo.read_text().splitlines()
        if line.partition(':')[0].strip() in ('flags', 'Features')
        for flag in line.partition(':')[2].split()
    }
    if flags and not flags.intersection(INSTRUCTIONS):
        raise ValueError(
            'amp=True (--amp) on a CPU that has no bfloat16 instructions '
            f'({", ".join(INSTRUCTIONS)}) takes over five times as long as float32; leave --amp '
            "out, or set train_cfg.amp='emulated' to train with bfloat16's rounding all the same"
        )
