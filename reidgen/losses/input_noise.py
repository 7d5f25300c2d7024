"""Noise on the input of a discriminator."""

from torch import Tensor

from reidgen.rng import StepRNG


class InputNoise:
    """Gaussian noise on the input of a discriminator (instance noise: Sonderby et al., ICLR 2017).

    Args:
        std: at the start.
        start: iteration from which std falls.
        iters: iterations in which it reaches 0; None: it stays.
    """

    def __init__(self, std: float, start: int = 0, iters: int | None = None):
        if std < 0 or (iters is not None and iters < 1):
            raise ValueError(
                f'input_noise has std {std} and iters {iters}; set std >= 0 and iters '
                f'>= 1, or iters=None for noise that stays'
            )
        self.std, self.start, self.iters = std, start, iters

    def std_at(self, iteration: int) -> float:
        """Standard deviation at an iteration."""
        if self.iters is None:
            return self.std
        return self.std * min(1.0, max(0.0, 1 - (iteration - self.start) / self.iters))

    def __call__(self, img: Tensor, rng: StepRNG) -> Tensor:
        std = self.std_at(rng.iteration)
        if std == 0:
            return img
        return img + std * rng.normal_rows(len(img), *img.shape[1:], device=img.device)
