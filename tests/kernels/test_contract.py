"""What every kernel promises, checked for every operation in OPERATIONS by one table."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest

from minicnn.kernels import OPERATIONS
from tests.tolerances import KERNEL, assert_close

G = (2, 1), ((1, 0), (1, 1)), (1, 2)
HW, KERNEL_HW, OUT_HW = (5, 6), (3, 2), (2, 6)
KEY = np.array([1, 2], np.uint32)
LABELS = np.array([0, 4, 2])


def floats(*shape):
    """Stand for a random array of this shape; the tests fill in the dtype."""
    return ("floats", shape)


def negatives(*shape):
    """Stand for a random array of negative numbers."""
    return ("negatives", shape)


X, W = floats(2, *HW, 4), floats(*KERNEL_HW, 2, 6)
Y, COLS = floats(2, *OUT_HW, 6), floats(2, *OUT_HW, *KERNEL_HW, 4)
POOLED = floats(2, *OUT_HW, 4)
ARGMAX = np.arange(2 * 2 * 6 * 4).reshape(2, *OUT_HW, 4).astype(np.uint8) % 6
X_SHAPE, W_SHAPE = X[1], W[1]
ROWS, MATRIX = floats(2, 3, 4), floats(4, 5)
OUTPUT, VECTOR, LOSS = floats(2, 3, 5), floats(5), floats(3)
PARAMETER = floats(3, 4)
DEPTHWISE, CHANNELS = floats(*KERNEL_HW, 4, 2), floats(4)
DEPTHWISE_Y = floats(2, *OUT_HW, 8)
WITH_ALPHA = {"elu": 0.7, "leaky_relu": 0.2}
FROM_INPUT = (
    *("elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "relu6", "selu"),
    *("silu", "softplus", "softsign"),
)

CALLS = {
    "im2col": [(X, KERNEL_HW, G, OUT_HW)],
    "col2im": [(COLS, X_SHAPE, G)],
    "conv2d_forward": [(X, W, G, 2, OUT_HW, name) for name in ("auto", "im2col", "naive")],
    "conv2d_input_grad": [(Y, W, X_SHAPE, G, 2, name) for name in ("auto", "im2col", "naive")],
    "conv2d_weight_grad": [(X, Y, W_SHAPE, G, 2, name) for name in ("auto", "im2col", "naive")],
    "max_pool2d_forward": [(X, KERNEL_HW, G, OUT_HW)],
    "max_pool2d_input_grad": [(POOLED, ARGMAX, X_SHAPE, KERNEL_HW, G)],
    "avg_pool2d_forward": [(X, KERNEL_HW, G, OUT_HW)],
    "avg_pool2d_input_grad": [(POOLED, X_SHAPE, KERNEL_HW, G)],
    "adaptive_avg_pool2d_forward": [(X, (2, 4))],
    "adaptive_avg_pool2d_input_grad": [(POOLED, X_SHAPE)],
    "depthwise_conv2d_forward": [(X, DEPTHWISE, G, OUT_HW), (X, floats(3, 2, 4, 1), G, OUT_HW)],
    "depthwise_conv2d_input_grad": [
        (DEPTHWISE_Y, DEPTHWISE, X_SHAPE, G),
        (POOLED, floats(3, 2, 4, 1), X_SHAPE, G),
    ],
    "depthwise_conv2d_weight_grad": [
        (X, DEPTHWISE_Y, DEPTHWISE[1], G),
        (X, POOLED, (3, 2, 4, 1), G),
    ],
    "dense_forward": [(ROWS, MATRIX)],
    "dense_input_grad": [(OUTPUT, MATRIX)],
    "dense_weight_grad": [(ROWS, OUTPUT)],
    "bias_activation_forward": [
        *((OUTPUT, VECTOR, name) for name in ("linear", "relu", "sigmoid", "tanh")),
        *((OUTPUT, None, name) for name in ("linear", "relu", "sigmoid", "tanh")),
    ],
    "activation_grad": [(OUTPUT, OUTPUT, name) for name in ("linear", "relu", "sigmoid", "tanh")],
    "bias_grad": [(OUTPUT,)],
    "activation_forward": [(ROWS, name, WITH_ALPHA.get(name)) for name in FROM_INPUT],
    "activation_input_grad": [(ROWS, ROWS, name, WITH_ALPHA.get(name)) for name in FROM_INPUT],
    "prelu_forward": [(ROWS, CHANNELS), (negatives(2, 3, 4), floats(3, 1))],
    "prelu_grad": [(ROWS, negatives(2, 3, 4), CHANNELS), (ROWS, negatives(2, 3, 4), floats(3, 1))],
    "softmax_forward": [(OUTPUT,)],
    "softmax_grad": [(OUTPUT, OUTPUT)],
    "log_softmax_forward": [(OUTPUT,)],
    "log_softmax_grad": [(OUTPUT, OUTPUT)],
    "softmax_cross_entropy_forward": [(floats(3, 5), LABELS), (floats(3, 5), floats(3, 5))],
    "softmax_cross_entropy_grad": [
        (LOSS, floats(3, 5), LABELS),
        (LOSS, floats(3, 5), floats(3, 5)),
    ],
    "batch_norm_forward": [(X, CHANNELS, CHANNELS, 0.1), (X, None, None, 0.1)],
    "batch_norm_inference": [(X, *[CHANNELS] * 4, 0.1), (X, None, None, CHANNELS, CHANNELS, 0.1)],
    "batch_norm_grad": [(X, X, *[CHANNELS] * 3), (X, X, None, CHANNELS, CHANNELS)],
    "layer_norm_forward": [(X, CHANNELS, CHANNELS, (-1,), 0.1), (X, None, None, (1, 2, 3), 0.1)],
    "layer_norm_grad": [
        (X, X, CHANNELS, floats(2, *HW), floats(2, *HW)),
        (X, X, None, floats(2), floats(2)),
    ],
    "group_norm_forward": [(X, CHANNELS, CHANNELS, 2, 0.1), (X, None, None, 4, 0.1)],
    "group_norm_grad": [
        (X, X, CHANNELS, floats(2, 2), floats(2, 2)),
        (X, X, None, floats(2, 4), floats(2, 4)),
    ],
    "pad2d": [(X, ((1, 0), (2, 3))), (X, ((0, 1), (0, 0)), 7.0)],
    "crop2d": [(X, ((1, 0), (2, 1)))],
    "upsample2d_forward": [(X, (2, 3), name) for name in ("nearest", "bilinear")],
    "upsample2d_input_grad": [(floats(2, 4, 6, 4), (2, 3), name) for name in ("nearest", "bilinear")],
    "dropout_forward": [(ROWS, 0.5, KEY, 3), (ROWS, 0.5, KEY, 3, (2, 1, 4))],
    "dropout_grad": [(ROWS, 0.5, KEY, 3), (ROWS, 0.5, KEY, 3, (2, 1, 4))],
    "gaussian_noise_forward": [(ROWS, 0.5, KEY, 3)],
    "sgd_update_": [
        (PARAMETER, PARAMETER, None, 0.1, 0.0, False),
        (PARAMETER, PARAMETER, PARAMETER, 0.1, 0.9, True),
    ],
    "rmsprop_update_": [
        (PARAMETER, PARAMETER, PARAMETER, None, None, 0.1, 0.9, 0.0, 1e-7, False),
        (*[PARAMETER] * 5, 0.1, 0.9, 0.9, 10.0, True),
    ],
    "adam_update_": [
        (*[PARAMETER] * 4, None, 0.1, 0.9, 0.99, 1e-7, 2, False),
        (*[PARAMETER] * 5, 0.1, 0.9, 0.99, 1e-7, 2, True),
    ],
    "adagrad_update_": [(*[PARAMETER] * 3, 0.1, 1e-7)],
    "weight_decay_": [(PARAMETER, 0.1, 0.01)],
}
WITHOUT_FLOATS = {"philox4x32", "random_bits", "random_uniform", "conv2d_plan", "dense_plan"}
INDEPENDENT = {("activation_grad", "y", "linear")}
"""(operation, input, activation) whose result does not depend on that input."""


FILES = ("reference", "numba_cpu")
FILE = "reference"  # where `load` looks


@pytest.fixture(params=FILES)
def execution(request, monkeypatch):
    """Run a test with the kernels of every backend."""
    monkeypatch.setitem(globals(), "FILE", request.param)


every_execution = pytest.mark.usefixtures("execution")


def load(op, file=None):
    return getattr(importlib.import_module(f"minicnn.kernels.{OPERATIONS[op]}.{file or FILE}"), op)


def bind(op, values, dtype):
    """Return {parameter: argument} of one call, with random arrays of one sign filled in."""
    rng = np.random.default_rng(3)
    names = list(inspect.signature(load(op)).parameters)
    args = {}
    for name, value in zip(names, values, strict=False):
        sign = {"floats": 1, "negatives": -1}.get(value[0]) if isinstance(value, tuple) and value else None
        args[name] = value if sign is None else (sign * (rng.random(value[1]) + 0.1)).astype(dtype)
    return args


def arrays_of(args):
    return {name: value for name, value in args.items() if isinstance(value, np.ndarray)}


def changed(op, args):
    """Names of the arguments that an operation writes in."""
    return [name for name in arrays_of(args) if op.endswith("_") and name != "gw"]


def run(op, args):
    """Return the arrays an operation produces, whether returned or written in place."""
    returned = load(op)(**args)
    if op.endswith("_"):
        assert returned is None
        return [args[name] for name in changed(op, args)]
    return list(returned) if isinstance(returned, tuple) else [returned]


def copies(args):
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in args.items()}


each_call = pytest.mark.parametrize(
    "op, values",
    [
        pytest.param(op, values, id=f"{op}-{i}")
        for op, calls in CALLS.items()
        for i, values in enumerate(calls)
    ],
)


def test_every_operation_is_here():
    assert set(CALLS) | WITHOUT_FLOATS == set(OPERATIONS)
    assert not set(CALLS) & WITHOUT_FLOATS


@pytest.mark.parametrize("op", OPERATIONS)
def test_every_operation_is_where_the_table_says_and_explains_itself(op):
    function = load(op)
    folder = importlib.import_module(f"minicnn.kernels.{OPERATIONS[op]}")
    assert ".. code-block:: text" in folder.__doc__
    for heading in ("Parameters", "Raises", "Examples"):
        assert f"{heading}\n    ---" in function.__doc__
    parameters = list(inspect.signature(function).parameters.values())
    if "out" in [p.name for p in parameters]:
        assert parameters[-1].name == "out" and parameters[-1].default is None


def test_algorithms_lists_what_can_be_asked_for():
    for folder in set(OPERATIONS.values()):
        module = importlib.import_module(f"minicnn.kernels.{folder}.reference")
        for op, names in getattr(module, "ALGORITHMS", {}).items():
            assert OPERATIONS[op] == folder
            assert inspect.signature(load(op)).parameters["algorithm"].default == "auto"
            assert set(names) == {values[-1] for values in CALLS[op]} - {"auto"}


@pytest.mark.parametrize("op", OPERATIONS)
def test_every_execution_has_the_reference_s_signature(op):
    expected = inspect.signature(load(op)).parameters.values()
    parameters = inspect.signature(load(op, "numba_cpu")).parameters.values()
    assert [(p.name, p.default) for p in parameters] == [(p.name, p.default) for p in expected]


@every_execution
@each_call
def test_dtype_is_kept(op, values, dtype):
    for result in run(op, bind(op, values, dtype)):
        assert isinstance(result, np.ndarray)
        assert result.dtype == (dtype if result.dtype.kind == "f" else np.uint8)


@every_execution
@each_call
def test_inputs_are_not_changed(op, values, dtype):
    args = bind(op, values, dtype)
    before = copies(args)
    run(op, args)
    for name in arrays_of(args):
        same = np.array_equal(args[name], before[name])
        assert same != (name in changed(op, args)), name


@every_execution
@each_call
@pytest.mark.parametrize("layout", ["every other", "backwards", "transposed"])
def test_inputs_need_not_be_contiguous(op, values, dtype, layout):
    args = bind(op, values, dtype)
    strided = dict(args)
    for name, array in arrays_of(args).items():
        if layout == "every other":
            strided[name] = np.repeat(array, 2, axis=-1)[..., ::2]
        elif layout == "backwards":
            strided[name] = array[..., ::-1].copy()[..., ::-1]
        else:
            strided[name] = np.asfortranarray(array)
    for result, expected in zip(run(op, strided), run(op, args), strict=True):
        assert_close(result, expected, KERNEL[dtype])


@every_execution
@each_call
def test_out(op, values, dtype):
    function, args = load(op), bind(op, values, dtype)
    if "out" not in inspect.signature(function).parameters:
        assert op.endswith("_") or isinstance(function(**args), tuple)
        return
    expected = function(**args)
    out = np.full_like(expected, np.nan)
    assert function(**args, out=out) is out
    np.testing.assert_array_equal(out, expected)
    other = np.dtype(np.float64 if dtype == np.float32 else np.float32)
    refused = {
        "shape": np.empty((*expected.shape, 1), expected.dtype),
        "dtype": np.empty(expected.shape, other),
        "contiguous": np.repeat(expected, 2, axis=-1)[..., ::2],
    }
    for word, bad in refused.items():
        with pytest.raises(ValueError, match=f"out .*{word}"):
            function(**args, out=bad)


@every_execution
@each_call
def test_nan_reaches_the_output(op, values, dtype):
    args = bind(op, values, dtype)
    for name, array in arrays_of(args).items():
        if array.dtype.kind != "f" or (op, name, str(values[-1])) in INDEPENDENT:
            continue
        poisoned = copies(args)
        middle = tuple(size // 2 for size in array.shape)  # not in the padding
        poisoned[name][middle] = np.nan
        results = run(op, poisoned)
        assert any(np.isnan(r).any() for r in results if r.dtype.kind == "f"), name
