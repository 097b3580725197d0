"""Reading a picture of any kind as one input of a network.

Networks trained on MNIST know white ink on black. A picture of black ink on white paper is therefore
inverted, which is recognised by its border: more than half of it is light.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..preprocessing import open_image

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Picture", "read_picture"]


class Picture(NamedTuple):
    """Pixels (h, w, c) uint8 as the network takes them, and what was done to get there."""

    pixels: np.ndarray
    size: tuple[int, int]
    inverted: bool
    light: bool

    def __str__(self) -> str:
        h, w, _ = self.pixels.shape
        steps = [] if self.size == (w, h) else [f"{self.size[0]}×{self.size[1]} scaled to {w}×{h}"]
        if self.inverted:
            steps.append("inverted, as its background is light" if self.light else "inverted")
        return ", ".join(steps) or "as it is"


def read_picture(path: Path, shape: tuple[int, int, int], invert: bool | None = None) -> Picture:
    """Read an image file for a network that takes images of `shape` (h, w, c).

    It becomes grey (c = 1) or colour (c = 3), is scaled to fit, centred on its own background, and
    inverted if `invert` says so (None: if it is grey with a light background).
    """
    from PIL import Image

    h, w, c = shape
    image = _opened(path).convert("L" if c == 1 else "RGB")
    size = image.size
    background = _background(image)
    light = float(np.mean(background)) > 127
    inverted = (light and c == 1) if invert is None else invert
    if size != (w, h):
        scale = min(w / size[0], h / size[1])
        inside = (max(1, round(scale * size[0])), max(1, round(scale * size[1])))
        method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
        frame = Image.new(image.mode, (w, h), tuple(background))
        frame.paste(image.resize(inside, method), ((w - inside[0]) // 2, (h - inside[1]) // 2))
        image = frame
    pixels = np.asarray(image).reshape(h, w, c)  # (h, w) or (h, w, 3) -> (h, w, c)
    return Picture(255 - pixels if inverted else pixels, size, inverted, light)


def _opened(path: Path) -> Image:
    """Open a picture, on white where it is transparent."""
    from PIL import Image

    image = open_image(path)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image


def _background(image: Image) -> list[int]:
    """Return the median of the pixels along the border, by channel."""
    pixels = np.asarray(image).reshape(image.height, image.width, -1)  # (h, w) -> (h, w, 1)
    sides = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    return [int(value) for value in np.median(np.concatenate(sides), axis=0)]
