"""Fits of the built-in body to joints in pictures: damped Gauss-Newton from several directions."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from reidgen.body_fit.parameters import INDEX, prior_of
from reidgen.body_fit.skeleton import POINTS, the_skeleton

HEIGHT = 128  # pixels that pictures are brought to before the fit
NOISE = 2.5  # of a joint, standard deviation in these pixels
OUTLIER = 3.0  # standard deviations from which a joint counts less (Huber)
LIMIT_STD = math.radians(4)  # by which a limit may be passed, or so many units of a shape
NUM_STARTS, NUM_KEPT = 8, 2  # directions that the body faces; the best of them are fitted further
START_STEPS, LAST_STEPS = 5, 10
STEP = 1e-3  # of the differences
FIRST_DAMPING, MORE, LESS = 0.1, 4.0, 0.3


class Fits(NamedTuple):
    """Fitted bodies.

    Attributes:
        values: (B, P) parameters in the order of PARAMETERS.
        error: (B,) mean distance of the joints that there are, weighted, in pixels of a picture
            HEIGHT pixels high.
    """

    values: Tensor
    error: Tensor


class _Problem(NamedTuple):
    """Joints of N fits and the prior."""

    joints: Tensor  # (N, J, 2)
    weights: Tensor  # (N, J)
    prior: Tensor  # (4, P)

    def rows(self, index: Tensor) -> '_Problem':
        return self._replace(joints=self.joints[index], weights=self.weights[index])


def fit_bodies(joints: Tensor, resized: bool = True) -> Fits:
    """Bodies fitted to joints.

    The joints' noise is normal with NOISE by the root of their weight, with longer tails (Huber,
    1964); parameters have the prior of PARAMETERS. Of NUM_STARTS directions that the body may face,
    the one of the highest posterior is taken.

    Args:
        joints: (B, J, 3) x, y in pixels of pictures HEIGHT pixels high, and weight in [0, 1], in
            the order of POINTS; those of weight 0 are not read, but finite.
        resized: see `prior_of`.
    """
    problem = _Problem(joints[..., :2].float(), joints[..., 2].float(), prior_of(resized))
    num = len(joints)
    row = torch.arange(num).repeat_interleave(NUM_STARTS)
    yaws = (torch.arange(NUM_STARTS) * (2 * math.pi / NUM_STARTS)).repeat(num)
    starts = mean_bodies(joints[row].float(), yaws, resized)
    values, costs = _minimise(starts, problem.rows(row), START_STEPS)
    best = costs.view(num, NUM_STARTS).topk(NUM_KEPT, 1, largest=False).indices
    kept = values.view(num, NUM_STARTS, -1).gather(1, best[..., None].expand(-1, -1, len(INDEX)))
    every = problem.rows(torch.arange(num).repeat_interleave(NUM_KEPT))
    values, costs = _minimise(kept.flatten(0, 1), every, LAST_STEPS)
    best = costs.view(num, NUM_KEPT).argmin(1) + torch.arange(num) * NUM_KEPT
    values = values[best]
    distance = (the_skeleton().project(values) - problem.joints).norm(dim=-1)
    weights = problem.weights
    return Fits(values, (distance * weights).sum(1) / weights.sum(1).clamp(min=1e-9))


def mean_bodies(joints: Tensor, yaws: Tensor, resized: bool = True) -> Tensor:
    """Parameters (B, P) of the prior's mean, turned, and scaled and moved to the joints.

    Args:
        joints: (B, J, 3), see `fit_bodies`.
        yaws: (B,) radians.
    """
    values = prior_of(resized)[0].repeat(len(yaws), 1)
    values[:, INDEX['yaw']] = yaws
    share = joints[..., 2:] / joints[..., 2:].sum(1, keepdim=True).clamp(min=1e-9)
    drawn = the_skeleton().project(values)
    middle, there = (share * drawn).sum(1), (share * joints[..., :2]).sum(1)  # (B, 2)
    spread, height = (
        (share[..., 0] * (points - centre[:, None])[..., 1] ** 2).sum(1)
        for points, centre in ((drawn, middle), (joints[..., :2], there))
    )
    scale = (height / spread.clamp(min=1e-6)).clamp(min=1e-6).sqrt()
    values[:, INDEX['scale']] = scale.log()
    values[:, INDEX['x'] : INDEX['y'] + 1] = there - scale[:, None] * middle
    return values


def _residuals(values: Tensor, problem: _Problem) -> Tensor:
    """Differences (N, 2 J + 2 P) by their standard deviations."""
    mean, std, low, high = problem.prior
    seen = the_skeleton().project(values) - problem.joints
    seen = seen * problem.weights.sqrt()[..., None] / NOISE
    beyond = torch.relu(low - values) + torch.relu(values - high)
    return torch.cat([seen.flatten(1), (values - mean) / std, beyond / LIMIT_STD], 1)


def _jacobian(values: Tensor, residuals: Tensor, problem: _Problem) -> Tensor:
    """Derivatives (N, R, P) of the residuals (N, R) by the parameters, by forward differences.

    Faster here than forward or backward mode, and exact enough: steps are taken only where they
    lower the cost.
    """
    num = values.shape[1]
    moved = (values[:, None] + STEP * torch.eye(num)).flatten(0, 1)
    every = problem.rows(torch.arange(len(values)).repeat_interleave(num))
    there = _residuals(moved, every).view(len(values), num, -1)
    return ((there - residuals[:, None]) / STEP).mT


def _huber(residuals: Tensor) -> tuple[Tensor, Tensor]:
    """Cost (N,) of residuals (N, R), and the weights (N, R) of the equivalent least squares."""
    num = 2 * len(POINTS)
    length = residuals[:, :num].unflatten(1, (-1, 2)).norm(dim=-1)  # (N, J)
    share = (OUTLIER / length.clamp(min=OUTLIER)).repeat_interleave(2, 1)
    joints = torch.where(length <= OUTLIER, length**2, OUTLIER * (2 * length - OUTLIER)).sum(1)
    rest = residuals[:, num:].square().sum(1)
    return joints + rest, torch.cat([share, torch.ones_like(residuals[:, num:])], 1)


def _minimise(values: Tensor, problem: _Problem, num_steps: int) -> tuple[Tensor, Tensor]:
    """Levenberg and Marquardt's steps (Marquardt, 1963): parameters (N, P) and their cost (N,)."""
    residuals = _residuals(values, problem)
    (cost, shares), damping = _huber(residuals), values.new_full((len(values),), FIRST_DAMPING)
    for _ in range(num_steps):
        jacobian = _jacobian(values, residuals, problem) * shares.sqrt()[..., None]  # (N, R, P)
        gradient = (jacobian.mT @ (residuals * shares.sqrt())[..., None])[..., 0]
        hessian = jacobian.mT @ jacobian
        hessian.diagonal(dim1=1, dim2=2).mul_(1 + damping[:, None]).add_(1e-6)
        step, _ = torch.linalg.solve_ex(hessian, gradient)
        tried = values - step
        new = _residuals(tried, problem)
        new_cost, new_shares = _huber(new)
        better = new_cost < cost  # False for NaN
        values = torch.where(better[:, None], tried, values)
        residuals = torch.where(better[:, None], new, residuals)
        shares, cost = (
            torch.where(better[:, None], new_shares, shares),
            cost.where(~better, new_cost),
        )
        damping = torch.where(better, damping * LESS, damping * MORE).clamp(1e-6, 1e6)
    return values, cost
