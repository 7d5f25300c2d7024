"""Translation grids: a row a person, a column a network output."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as nnf
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from reidgen.files import written_whole

PADDING = 2  # pixels, white, around every cell
TITLE = 14  # height of the line of titles


def panel(
    columns: Sequence[tuple[str, Tensor]], mean: Sequence[float], std: Sequence[float]
) -> Tensor:
    """Grid picture with a row a person and a column a (title, batch).

    Args:
        columns: each batch (B, C, H, W) float, alike but for C. Three channels are an image, its
            normalisation undone by `mean` and `std`; any other number is a map in [-1, 1], shown
            grey: up to four channels as their mean (colour and mesh), more as the largest
            (heatmaps of joints, which would be nearly black). What lies outside is clipped.
        mean: of the three channels, for pixels in [0, 1]; `std` likewise.

    Returns:
        (3, TITLE + B * (H + 2) + 2, K * (W + 2) + 2) uint8 on the CPU, for K columns. A title that
        is wider than its column is cut.

    Raises:
        ValueError: no column, or batches that differ in B, H or W.
    """
    sizes = {(batch.shape[0], *batch.shape[2:]) for _, batch in columns}
    if len(sizes) != 1 or any(batch.ndim != 4 for _, batch in columns):
        shapes = ', '.join(f'{title} {tuple(batch.shape)}' for title, batch in columns)
        raise ValueError(
            f'columns must be batches (B, C, H, W), alike in B, H and W; given: {shapes or "none"}'
        )
    pictures = [_picture(batch.detach().float().cpu(), mean, std) for _, batch in columns]
    cells = torch.stack(pictures)  # (K, B, 3, H, W)
    cells = nnf.pad(cells, (0, PADDING, 0, PADDING), value=1.0)
    grid = cells.permute(2, 1, 3, 0, 4).flatten(3).flatten(1, 2)  # (3, B * H, K * W)
    grid = nnf.pad(grid, (PADDING, 0, PADDING, 0), value=1.0)
    titles = _titles([title for title, _ in columns], pictures[0].shape[-1], grid.shape[-1])
    return torch.cat([titles, (255 * grid).round().to(torch.uint8)], dim=1)


def save_png(picture: Tensor, path: str | Path) -> None:
    """Writes a picture (3, H, W) uint8 as PNG, creating its folder."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(part, format='PNG')


def _picture(batch: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1], of normalised images or of maps."""
    if batch.shape[1] == 3:
        batch = batch * torch.tensor(std).view(3, 1, 1) + torch.tensor(mean).view(3, 1, 1)
    else:
        few = batch.shape[1] <= 4
        grey = batch.mean(dim=1, keepdim=True) if few else batch.amax(dim=1, keepdim=True)
        batch = (grey.expand(-1, 3, -1, -1) + 1) / 2
    return batch.clamp(0, 1)


def _titles(titles: list[str], cell_width: int, width: int) -> Tensor:
    """Title bar (3, TITLE, width) uint8, each title above its column."""
    strip = Image.new('RGB', (width, TITLE), 'white')
    for column, title in enumerate(titles):
        box = Image.new('RGB', (cell_width, TITLE), 'white')  # its edge cuts what is too long
        ImageDraw.Draw(box).text((0, 0), title, fill='black', font=ImageFont.load_default(10))
        strip.paste(box, (PADDING + column * (cell_width + PADDING), 0))
    flat = torch.frombuffer(bytearray(strip.tobytes()), dtype=torch.uint8)
    return flat.view(TITLE, width, 3).permute(2, 0, 1)
