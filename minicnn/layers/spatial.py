"""Layers that change the height and width of images: padding, cropping, upsampling."""

from __future__ import annotations

from typing import Any

from ..functions.conv import check_images
from ..functions.spatial import check_interpolation, crop2d, pad2d, upsample2d
from ..geometry import cropped_shape, padded_shape, pair, sides, upsampled_shape
from .base import Layer, Shape


class ZeroPadding2D(Layer):
    """Rows and columns of zeros around every image; backward cuts them off.

    Parameters: `padding`, int, (rows, columns) or ((top, bottom), (left, right)).
    Input (n, h, w, c), output (n, h + top + bottom, w + left + right, c).

    >>> import numpy as np
    >>> ZeroPadding2D(((0, 1), (2, 2)))(np.zeros((1, 28, 28, 3))).shape
    (1, 29, 32, 3)
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_data_format(data_format)
        self.padding = sides(padding, self.where, "padding")

    def call(self, x: Any) -> Any:
        return pad2d(x, self.padding, where=self.where)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape; unknown sizes are None."""
        check_images(input_shape, self.where)
        return padded_shape(input_shape, self.padding)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"padding": self.padding}


class Cropping2D(Layer):
    """Every image without some rows and columns at its edges; backward puts zeros there.

    Parameters: `cropping`, int, (rows, columns) or ((top, bottom), (left, right)).
    Input (n, h, w, c), output (n, h − top − bottom, w − left − right, c).

    >>> import numpy as np
    >>> Cropping2D(2)(np.zeros((1, 28, 28, 3))).shape
    (1, 24, 24, 3)
    """

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.check_data_format(data_format)
        self.cropping = sides(cropping, self.where, "cropping")

    def call(self, x: Any) -> Any:
        return crop2d(x, self.cropping, where=self.where)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape; unknown sizes are None."""
        check_images(input_shape, self.where)
        return cropped_shape(self.where, input_shape, self.cropping)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"cropping": self.cropping}


class UpSampling2D(Layer):
    """Images enlarged by whole factors; backward collects at each pixel what shows it.

    Parameters: `size`, int or (fh, fw); `interpolation`, ``"nearest"`` repeats pixels, ``"bilinear"`` weights
    the nearest pixel centres. Input (n, h, w, c), output (n, h·fh, w·fw, c).

    >>> import numpy as np
    >>> UpSampling2D((2, 3))(np.zeros((1, 14, 14, 8))).shape
    (1, 28, 42, 8)
    """

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.check_data_format(data_format)
        self.size = pair(size, self.where, "size")
        self.interpolation = check_interpolation(interpolation, self.where)

    def call(self, x: Any) -> Any:
        return upsample2d(x, self.size, self.interpolation, where=self.where)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape; unknown sizes are None."""
        check_images(input_shape, self.where)
        return upsampled_shape(input_shape, self.size)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"size": self.size, "interpolation": self.interpolation}
