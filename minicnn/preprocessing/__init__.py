"""From image files to arrays: decoding, resizing, and a thread that does it in advance."""

from __future__ import annotations

from .image import COLOR_MODES, FORMATS, load_image, open_image
from .prefetch import prefetch
from .resize import INTERPOLATIONS, resize

__all__ = [
    "COLOR_MODES",
    "FORMATS",
    "INTERPOLATIONS",
    "load_image",
    "open_image",
    "prefetch",
    "resize",
]
