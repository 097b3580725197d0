"""Accepted kernels train the course notes' MNIST CNN, with the losses of the built-in ones."""

from __future__ import annotations

import numpy as np

import minicnn
from minicnn import backend, layers
from minicnn.bench.checker.check import check

from ..tolerances import TRAINED, assert_close


def windows(x, kernel_hw, g, out_hw):
    """Rows and columns that every window sees through every tap, for np.pad's result."""
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    rows = np.arange(out_hw[0])[:, None] * sh + np.arange(kernel_hw[0]) * dh
    columns = np.arange(out_hw[1])[:, None] * sw + np.arange(kernel_hw[1]) * dw
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    return padded, rows[:, None, :, None], columns[None, :, None, :]


@minicnn.kernel("conv2d_forward")
def forward(x, w, g, groups, out_hw):
    if groups != 1:
        raise NotImplementedError("groups")
    padded, rows, columns = windows(x, w.shape[:2], g, out_hw)
    cols = padded[:, rows, columns].reshape(-1, w[..., 0].size)  # (n·oh·ow, kh·kw·c)
    return (cols @ w.reshape(-1, w.shape[3])).reshape(len(x), *out_hw, w.shape[3])


@minicnn.kernel("conv2d_weight_grad")
def weight_grad(x, gy, w_shape, g, groups):
    if groups != 1:
        raise NotImplementedError("groups")
    padded, rows, columns = windows(x, w_shape[:2], g, gy.shape[1:3])
    cols = padded[:, rows, columns].reshape(gy[..., 0].size, -1)
    return (cols.T @ gy.reshape(-1, gy.shape[3])).reshape(w_shape)


@minicnn.kernel("conv2d_input_grad")
def input_grad(gy, w, x_shape, g, groups):
    if groups != 1:
        raise NotImplementedError("groups")
    (top, _), (left, _) = g[1]
    padded, rows, columns = windows(np.zeros(x_shape, gy.dtype), w.shape[:2], g, gy.shape[1:3])
    gcols = np.einsum("npqk,ijck->npqijc", gy, w)
    np.add.at(padded, (slice(None), rows, columns), gcols)
    return padded[:, top : top + x_shape[1], left : left + x_shape[2]].copy()


KERNELS = {"conv2d_forward": forward, "conv2d_weight_grad": weight_grad, "conv2d_input_grad": input_grad}


def train():
    minicnn.utils.set_random_seed(3)
    model = minicnn.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    assert model.count_params() == 93_322
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    (x, y), _ = minicnn.datasets.mnist_subset.load_data()
    x, y = x[:128, ..., None].astype("float32") / 255, y[:128]
    return [model.train_on_batch(x[i : i + 32], y[i : i + 32]) for i in range(0, 128, 32)]


def test_accepted_kernels_train_the_mnist_cnn():
    used = []

    def counted(op):
        return lambda *args: used.append(op) or KERNELS[op](*args)

    for op, fn in KERNELS.items():
        assert check(op, fn).accepted
    with minicnn.use_backend("numpy"):
        expected = train()
        with backend.override(**{op: counted(op) for op in KERNELS}):
            found = train()
    # Three convolutions and four steps; nothing asks for the gradient of the images.
    assert {op: used.count(op) for op in KERNELS} == dict(zip(KERNELS, (12, 12, 8), strict=True))
    assert_close(found, expected, TRAINED)
    assert expected[-1][0] < expected[0][0]
