"""FixedSize: the check of discriminators that take images of one size."""


class FixedSize:
    """Part of a discriminator with `image_size`, (height, width) of all its images."""

    image_size: tuple[int, int]

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError where images are of another size than `image_size`."""
        if (height, width) != self.image_size:
            raise ValueError(
                f'an image of {height} x {width} is given to a {type(self).__name__} with '
                f'image_size={self.image_size}; make them equal'
            )
