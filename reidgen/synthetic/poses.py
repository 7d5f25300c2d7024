"""Walking and standing poses from simple models, as bone rotations."""

import numpy as np

from reidgen.synthetic.geometry import rotation

KINDS = ('walk', 'walk', 'walk', 'walk', 'stand', 'phone', 'pocket')  # drawn alike
# the rest pose holds the arms out and the legs apart; garment pictures keep some of both
FLAT_POSE = {
    'upperarm01.L': rotation('y', 12),
    'upperarm01.R': rotation('y', -12),
    'lowerarm01.L': rotation('x', 25),
    'lowerarm01.R': rotation('x', 25),
}


def draw_pose(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random pose as rotations (3, 3) by bone."""
    kind = rng.choice(KINDS)
    arm_down = {'L': rng.uniform(28, 38), 'R': -rng.uniform(28, 38)}
    swing = {'L': 0.0, 'R': 0.0}
    elbow = {'L': rng.uniform(8, 28), 'R': rng.uniform(8, 28)}
    thigh = {'L': rng.normal(0, 3), 'R': rng.normal(0, 3)}
    knee = {'L': 3.0, 'R': 3.0}
    if kind == 'walk':
        phase = rng.uniform(0, 2 * np.pi)
        stride, arm_stride = rng.uniform(16, 27), rng.uniform(10, 28)
        for sign, side in ((1, 'L'), (-1, 'R')):
            thigh[side] = -sign * stride * np.sin(phase) - 4
            knee[side] = 6 + 48 * max(0, sign * np.cos(phase)) ** 1.5
            swing[side] = sign * arm_stride * np.sin(phase)
            elbow[side] = rng.uniform(-8, 26) - max(0, -swing[side]) * 0.7
    elif kind == 'phone':
        side = rng.choice(['L', 'R'])
        swing[side], elbow[side] = rng.uniform(-30, -10), rng.uniform(-95, -60)
    elif kind == 'pocket':
        for side in 'LR':
            swing[side], elbow[side] = rng.uniform(5, 15), rng.uniform(-15, 5)
    turns = {}
    for side in 'LR':
        down = arm_down[side]
        turns[f'upperarm01.{side}'] = rotation('x', swing[side]) @ rotation('y', down)
        # the elbow's axis moved with the upper arm
        turns[f'lowerarm01.{side}'] = (
            rotation('y', -down) @ rotation('x', elbow[side]) @ rotation('y', down)
        )
        together = (4.5 if side == 'L' else -4.5) + rng.normal(0, 1)
        turns[f'upperleg01.{side}'] = rotation('x', thigh[side]) @ rotation('y', together)
        turns[f'lowerleg01.{side}'] = rotation('x', knee[side])
        turns[f'foot.{side}'] = rotation('x', -0.45 * (thigh[side] + knee[side]))
    turns['spine04'] = rotation('x', -rng.uniform(0, 6)) @ rotation('z', rng.normal(0, 6))
    turns['neck01'] = rotation('x', rng.normal(0, 5)) @ rotation(
        'z', np.clip(rng.normal(0, 16), -40, 40)
    )
    return turns
