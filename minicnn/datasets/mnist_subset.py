"""The MNIST digits that come with minicnn: 600 training and 100 test images of each digit.

They are the first ones of each digit, so nothing was picked by hand, dealt out in turn (0, 1, …, 9, 0, …),
so that every stretch of them is balanced.
Licence of the data: CC BY-SA 3.0, see ``mnist_subset/NOTICE``.
"""

from __future__ import annotations

from pathlib import Path

from .mnist_files import Split, load_folder

__all__ = ["load_data"]


def load_data() -> tuple[Split, Split]:
    """Load the embedded subset of MNIST; it needs no network and no folder.

    Returns
    -------
    tuple : ``(x_train, y_train), (x_test, y_test)``, all uint8; images (6000, 28, 28) and
        (1000, 28, 28) with 0 for the background and 255 for ink, labels (6000,) and (1000,).

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape, y_train[:5].tolist()
    ((6000, 28, 28), (1000, 28, 28), [0, 1, 2, 3, 4])
    """
    return load_folder(Path(__file__).with_name("mnist_subset"), "datasets.mnist_subset.load_data")
