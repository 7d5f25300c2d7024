"""Palettes of clothes, bags, shoes, hair and skin."""

import numpy as np


def colours(*codes: str) -> np.ndarray:
    """Colours (N, 3) float32 in [0, 1] from hexadecimal codes."""
    return np.array([list(bytes.fromhex(code)) for code in codes], np.float32) / 255


PALETTES = {
    'summer_upper': colours(
        'e8e6e0',
        'e8e6e0',
        'f0d9d5',
        'd8413c',
        'e58fb0',
        '3f7fc4',
        '6fb7d9',
        '3f9a62',
        'f0c63f',
        'e98b3a',
        '8d64b0',
        '2c2f38',
        '8e9297',
        '23406f',
        'a9d3b0',
        'b0a690',
    ),
    'summer_lower': colours(
        '3d5f8f',
        '5f83ad',
        '2a2c33',
        '2a2c33',
        'b3a27e',
        '7e8288',
        'e2ddd3',
        '6a7d52',
        'c65f7f',
        '20386a',
    ),
    'winter_upper': colours(
        '1d1e22',
        '26272c',
        '33353b',
        '1f2a44',
        '23324f',
        '4a3328',
        '5b2027',
        '2f4434',
        '6a6d72',
        '8f8a80',
        'a7342f',
        '3a5f8a',
        'c7bfae',
        '54406a',
        'c9a13b',
        '2f7d6b',
        'd8d6d2',
        'c2552d',
        '7fa3c4',
        '8e2f57',
    ),
    'winter_lower': colours(
        '1b1c20',
        '24262c',
        '2d3340',
        '2b3a55',
        '3d4c66',
        '45474b',
        '4d4033',
        '6b6458',
        '8a7f6a',
        '5a2f35',
        'a7a9ad',
        '4b5a3a',
    ),
    'shoes': colours('18181a', 'e6e6e6', '5a3a26', '2d3a5c', 'a23030', '7c7c80', '18181a'),
    'bag': colours('1c1d21', '27324f', '7a2b2b', '5d4a32', '3d5f4a', '80858c', 'c0883f', '6c3b6e'),
    'hair': colours('17130f', '17130f', '2a1c12', '4a3020', '7a5634', 'b8925a', '8f8f8f'),
    'skin': colours('f0cdb4', 'e6b795', 'd39f78', 'b07a52', '8a5a3a', '5c3a26'),
}
