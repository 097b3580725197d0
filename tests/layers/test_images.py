"""Layers for images beyond the table: ceil_mode, penalties on their kernels, their functions in files."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, layers, load_model
from minicnn import functions as F
from tests.tolerances import KERNEL, assert_close

EXACT = KERNEL[np.dtype("float32")]
X = np.random.default_rng(0).normal(size=(2, 5, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ["MaxPooling2D", "AveragePooling2D"])
@pytest.mark.parametrize("padding", ["valid", "same", 1])
def test_pooling_layers_rounded_up(name, padding):
    layer = getattr(layers, name)(2, 4, padding, ceil_mode=True)
    function = {"MaxPooling2D": F.max_pool2d, "AveragePooling2D": F.avg_pool2d}[name]
    expected = function(X, 2, 4, padding, ceil_mode=True).numpy()
    np.testing.assert_array_equal(layer(X).numpy(), expected)
    assert layer.compute_output_shape(X.shape) == expected.shape
    assert layer.compute_output_shape((None, 5, None, 3)) == (None, expected.shape[1], None, 3)
    assert type(layer).from_config(layer.get_config()).ceil_mode is True
    if padding == "valid":  # the window at row 4 reaches over the end, the one at column 4 does not
        assert expected.shape == (2, 2, 2, 3)
        assert getattr(layers, name)(2, 4)(X).shape == (2, 1, 2, 3)


@pytest.mark.parametrize(
    "name, kwargs, kernels",
    [
        ("Conv2DTranspose", {"filters": 2, "kernel_size": 3}, {"kernel": "kernel"}),
        ("DepthwiseConv2D", {"kernel_size": 3}, {"kernel": "depthwise"}),
        (
            "SeparableConv2D",
            {"filters": 2, "kernel_size": 3},
            {"depthwise_kernel": "depthwise", "pointwise_kernel": "pointwise"},
        ),
    ],
)
def test_each_kernel_has_its_penalty(name, kwargs, kernels):
    for weight, argument in ({"bias": "bias"} | kernels).items():
        layer = getattr(layers, name)(**kwargs, **{f"{argument}_regularizer": "l2"})
        layer(X)
        layer.set_weights([np.full(w.shape, 2.0) for w in layer.weights])
        (loss,) = layer.losses
        assert_close(loss.item(), 0.01 * 4 * getattr(layer, weight).size, EXACT)
        twin = type(layer).from_config(layer.get_config())
        assert len(twin(X).shape) == 4 and len(twin.losses) == 1


def test_functions_in_a_model_come_back_from_a_file(tmp_path):
    """Each node keeps its window as plain numbers; the weights are inputs here, so that all are nodes."""
    x, w = layers.Input((4, 5, 2)), layers.Input((3, 2, 2), batch_size=2)
    u = layers.Input((2, 3, 4), batch_size=3)
    y = F.conv2d_transpose(F.depthwise_conv2d(x, w), u, strides=2, padding="same")
    y = F.crop2d(F.pad2d(y, (2, 1), value=3.0), 1)
    y = F.adaptive_avg_pool2d(F.upsample2d(F.max_pool2d(y, 2, ceil_mode=True), 2, "bilinear"), (3, 4))
    model = Model([x, w, u], y)
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    weights = [
        np.random.default_rng(1).normal(size=s).astype(np.float32) for s in [(2, 3, 2, 2), (3, 2, 3, 4)]
    ]
    for n in (1, 2):
        data = [X[:n, :4, :5, :2], *weights]
        assert model(data).shape == (n, 3, 4, 3)
        np.testing.assert_array_equal(loaded(data).numpy(), model(data).numpy())
