"""Random calls of every public function: `CASES[name](rng, fill)` gives a function and float inputs.

`fill(rng, shape)` makes the numbers, so that the same calls can be tried on well and badly scaled inputs.
"""

from __future__ import annotations

import numpy as np

from minicnn import functions as F
from minicnn.geometry import resolve_window
from minicnn.random import derive_key

# -- numbers -----------------------------------------------------------------------------------------

FILLS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "1e-6 to 1e6": lambda rng, shape: rng.choice([-1, 1], size=shape) * 10 ** rng.uniform(-6, 6, size=shape),
    "all near 1e6": lambda rng, shape: 1e6 + rng.normal(size=shape),
    "all near 1e-6": lambda rng, shape: 1e-6 * rng.normal(size=shape),
    "few large ones": lambda rng, shape: rng.normal(size=shape) ** 5,
}


def positive(fill):
    return lambda rng, shape: np.abs(fill(rng, shape))


def limited(fill, limit):
    return lambda rng, shape: np.clip(fill(rng, shape), -limit, limit) + rng.uniform(0, 1e-3, size=shape)


# -- sizes -------------------------------------------------------------------------------------------


def any_shape(rng, axes=(1, 4)):
    return tuple(int(size) for size in rng.integers(1, 5, size=rng.integers(*axes)))


def broadcast_shapes(rng):
    """Two shapes that broadcast against each other."""
    shape = any_shape(rng)

    def shrink():
        sizes = tuple(1 if rng.random() < 0.3 else size for size in shape)
        return sizes[rng.integers(0, len(sizes) + 1) :] if rng.random() < 0.3 else sizes

    return shrink(), shrink()


def any_axes(rng, ndim):
    """None, or some axes, counted from either end."""
    if rng.random() < 0.3:
        return None
    axes = rng.permutation(ndim)[: rng.integers(1, ndim + 1)]
    return tuple(int(axis) - ndim * int(rng.random() < 0.5) for axis in axes)


def any_window(rng, dilated=True):
    """Image size, kernel size and the keyword arguments of a window that fits and sees a pixel everywhere."""
    while True:
        hw, kernel = tuple(rng.integers(3, 8, size=2)), tuple(rng.integers(1, 4, size=2))
        smallest = int(min(kernel))
        paddings = ["valid", "same", smallest - 1, ((0, smallest - 1), (smallest - 1, 0))]
        options = {
            "strides": tuple(map(int, rng.integers(1, 4, size=2))),
            "padding": paddings[rng.integers(4)],
        }
        if dilated:
            options["dilation_rate"] = tuple(map(int, rng.integers(1, 3, size=2)))
        try:
            _, out_hw = resolve_window("test", hw, kernel, *options.values())
        except ValueError:
            continue
        return tuple(map(int, hw)), tuple(map(int, kernel)), options, out_hw


# -- calls -------------------------------------------------------------------------------------------


def unary(function, prepare=lambda fill: fill):
    return lambda rng, fill: (function, [prepare(fill)(rng, any_shape(rng))])


def binary(function):
    def case(rng, fill):
        return function, [fill(rng, shape) for shape in broadcast_shapes(rng)]

    return case


def power(rng, fill):
    x, p = broadcast_shapes(rng)
    return F.power, [positive(fill)(rng, x), limited(fill, 3)(rng, p)]


def whole_power(rng, fill):
    p = int(rng.integers(0, 4))
    return lambda x: x**p, [fill(rng, any_shape(rng))]


def where(rng, fill):
    x, y = broadcast_shapes(rng)
    c = rng.random(np.broadcast_shapes(x, y)) < 0.5
    return lambda x, y: F.where(c, x, y), [fill(rng, x), fill(rng, y)]


def clip(rng, fill):
    x = fill(rng, any_shape(rng))
    low, high = sorted(rng.choice(x.ravel(), 2) * 1.01)  # beside elements, so that not all are outside
    return lambda x: F.clip(x, low, high), [x]


def reduction(function):
    def case(rng, fill):
        shape = any_shape(rng)
        axes, keepdims = any_axes(rng, len(shape)), bool(rng.random() < 0.5)
        return lambda x: function(x, axes, keepdims), [fill(rng, shape)]

    return case


def softmax(function):
    def case(rng, fill):
        shape = any_shape(rng)
        axis = int(rng.integers(-len(shape), len(shape)))
        return lambda x: function(x, axis), [fill(rng, shape)]

    return case


def prelu(rng, fill):
    shape = any_shape(rng)
    return F.prelu, [fill(rng, shape), fill(rng, tuple(size if rng.random() < 0.5 else 1 for size in shape))]


def affine(rng, fill, sizes):
    """γ and β, each with probability ½; and a function that makes arguments of what is there."""
    there = [name for name in ("gamma", "beta") if rng.random() < 0.5]
    return [fill(rng, sizes) for _ in there], lambda given: dict(zip(there, given, strict=True))


def batch_norm(rng, fill):
    shape, axis = any_shape(rng, axes=(2, 4)), -1 if rng.random() < 0.5 else 1
    arrays, named = affine(rng, fill, shape[axis])
    return lambda x, *given: F.batch_norm(x, axis=axis, **named(given)), [fill(rng, shape), *arrays]


def batch_norm_inference(rng, fill):
    shape, axis = any_shape(rng, axes=(2, 4)), -1 if rng.random() < 0.5 else 1
    arrays, named = affine(rng, fill, shape[axis])
    statistics = [fill(rng, shape[axis]), positive(fill)(rng, shape[axis])]
    return (
        lambda x, mean, var, *given: F.batch_norm_inference(x, mean, var, axis=axis, **named(given)),
        [fill(rng, shape), *statistics, *arrays],
    )


def layer_norm(rng, fill):
    shape = any_shape(rng, axes=(2, 4))
    axes = tuple(int(axis) for axis in rng.permutation(range(1, len(shape)))[: rng.integers(1, len(shape))])
    arrays, named = affine(rng, fill, tuple(shape[axis] for axis in axes))
    return lambda x, *given: F.layer_norm(x, axis=axes, **named(given)), [fill(rng, shape), *arrays]


def group_norm(rng, fill):
    groups = int(rng.integers(1, 4))
    shape = (*any_shape(rng, axes=(1, 3)), groups * int(rng.integers(1, 3)))
    arrays, named = affine(rng, fill, shape[-1])
    return lambda x, *given: F.group_norm(x, groups, **named(given)), [fill(rng, shape), *arrays]


def gaussian_noise(rng, fill):
    key, step = derive_key("test", int(rng.integers(9)), seed=3), int(rng.integers(9))
    return lambda x: F.gaussian_noise(x, 0.4, key, step), [fill(rng, any_shape(rng))]


def cross_entropy(rng, fill):
    shape = any_shape(rng, axes=(2, 4))
    classes, shares = rng.integers(0, shape[-1], size=shape[:-1]), rng.random(shape)
    target = classes if rng.random() < 0.5 else shares
    return lambda z: F.softmax_cross_entropy(z, target), [fill(rng, shape)]


def matmul(rng, fill):
    m, k, n = any_shape(rng, axes=(3, 4))
    shapes = [((k,), (k,)), ((m, k), (k,)), ((k,), (k, n)), ((m, k), (k, n)), ((2, m, k), (k, n))]
    shapes += [((m, k), (3, k, n)), ((2, 1, m, k), (3, k, n)), ((2, m, k), (k,)), ((k,), (2, k, n))]
    return F.matmul, [fill(rng, shape) for shape in shapes[rng.integers(len(shapes))]]


def dense(rng, fill):
    inputs, units = any_shape(rng, axes=(2, 3))
    shapes = [(*any_shape(rng), inputs), (inputs, units), (units,)]
    return F.dense, [fill(rng, shape) for shape in shapes[: rng.integers(2, 4)]]


def conv2d(rng, fill):
    hw, kernel, options, _ = any_window(rng)
    groups, c, f = (int(size) for size in rng.integers(1, 3, size=3))
    shapes = [(2, *hw, groups * c), (*kernel, c, groups * f), (groups * f,)]
    inputs = [fill(rng, shape) for shape in shapes[: rng.integers(2, 4)]]
    return lambda x, w, b=None: F.conv2d(x, w, b, groups=groups, **options), inputs


def pool(function):
    def case(rng, fill):
        hw, kernel, options, _ = any_window(rng, dilated=False)
        options["ceil_mode"] = bool(rng.random() < 0.3)
        return lambda x: function(x, kernel, **options), [fill(rng, (2, *hw, 2))]

    return case


def im2col(rng, fill):
    hw, kernel, options, _ = any_window(rng)
    return lambda x: F.im2col(x, kernel, **options), [fill(rng, (1, *hw, 2))]


def col2im(rng, fill):
    hw, kernel, options, out_hw = any_window(rng)
    return lambda c: F.col2im(c, (1, *hw, 2), **options), [fill(rng, (1, *out_hw, *kernel, 2))]


def adaptive(rng, fill):
    size = tuple(int(n) for n in rng.integers(1, 5, size=2))
    return lambda x: F.adaptive_avg_pool2d(x, size), [fill(rng, any_image(rng))]


def depthwise_conv2d(rng, fill):
    hw, kernel, options, _ = any_window(rng)
    c, m = (int(size) for size in rng.integers(1, 4, size=2))
    shapes = [(2, *hw, c), (*kernel, c, m), (c * m,)]
    inputs = [fill(rng, shape) for shape in shapes[: rng.integers(2, 4)]]
    return lambda x, w, b=None: F.depthwise_conv2d(x, w, b, **options), inputs


def separable_conv2d(rng, fill):
    hw, kernel, options, _ = any_window(rng)
    c, m, f = (int(size) for size in rng.integers(1, 4, size=3))
    shapes = [(2, *hw, c), (*kernel, c, m), (1, 1, c * m, f), (f,)]
    inputs = [fill(rng, shape) for shape in shapes[: rng.integers(3, 5)]]
    return lambda x, u, w, b=None: F.separable_conv2d(x, u, w, b, **options), inputs


def conv2d_transpose(rng, fill):
    n, h, w, c = any_image(rng)
    f, *kernel = (int(size) for size in rng.integers(1, 4, size=3))
    strides = tuple(int(stride) for stride in rng.integers(1, 4, size=2))
    options = {"strides": strides, "padding": ["valid", "same"][rng.integers(2)]}
    options |= {"dilation_rate": int(rng.integers(1, 3))}
    if min(h, w) > 1 and rng.random() < 0.5:
        options["output_padding"] = tuple(int(rng.integers(stride)) for stride in strides)
    shapes = [(n, h, w, c), (*kernel, f, c), (f,)]
    inputs = [fill(rng, shape) for shape in shapes[: rng.integers(2, 4)]]
    return lambda x, w, b=None: F.conv2d_transpose(x, w, b, **options), inputs


def any_image(rng):
    return tuple(int(size) for size in rng.integers(1, 5, size=4))


def pad2d(rng, fill):
    padding = tuple(tuple(int(n) for n in rng.integers(0, 3, size=2)) for _ in range(2))
    return lambda x: F.pad2d(x, padding, value=2.5), [fill(rng, any_image(rng))]


def crop2d(rng, fill):
    cropping = tuple(tuple(int(n) for n in rng.integers(0, 3, size=2)) for _ in range(2))
    n, h, w, c = any_image(rng)
    return lambda x: F.crop2d(x, cropping), [fill(rng, (n, h + sum(cropping[0]), w + sum(cropping[1]), c))]


def upsample2d(rng, fill):
    size, word = tuple(int(n) for n in rng.integers(1, 4, size=2)), ["nearest", "bilinear"][rng.integers(2)]
    return lambda x: F.upsample2d(x, size, word), [fill(rng, any_image(rng))]


def transpose(rng, fill):
    shape = any_shape(rng)
    axes = tuple(int(axis) for axis in rng.permutation(len(shape)))
    return lambda x: F.transpose(x, axes), [fill(rng, shape)]


def concatenate(rng, fill):
    shape = any_shape(rng)
    axis, inputs = int(rng.integers(-len(shape), len(shape))), []
    for size in rng.integers(1, 4, size=rng.integers(1, 4)):
        sizes = list(shape)
        sizes[axis] = int(size)
        inputs.append(fill(rng, tuple(sizes)))
    return lambda *tensors: F.concatenate(tensors, axis), inputs


INDICES = [
    (slice(1, None), slice(None, None, -2)),
    (..., None, 0),
    (np.array([0, 2, 0, 0]),),
    (slice(None), np.array([[1, 1], [0, 1]]), slice(0, 3)),
    (np.array([0, 0, 1]), slice(None), np.array([3, 3, -1])),
    (np.array([True, False, True]),),
    -1,
]


def getitem(rng, fill):
    index = INDICES[rng.integers(len(INDICES))]
    return lambda x: F.getitem(x, index), [fill(rng, (3, 2, 4))]


def dropout(rng, fill):
    key, step = derive_key("test", int(rng.integers(9)), seed=3), int(rng.integers(9))
    return lambda x: F.dropout(x, 0.4, key, step), [fill(rng, any_shape(rng))]


def reshape(rng, fill):
    shape = any_shape(rng)
    return lambda x: F.reshape(x, (shape[-1], -1)), [fill(rng, shape)]


CASES = {
    "add": binary(lambda x, y: x + y),
    "maximum": binary(F.maximum),
    "minimum": binary(F.minimum),
    "subtract": binary(lambda x, y: x - y),
    "multiply": binary(lambda x, y: x * y),
    "divide": binary(lambda x, y: x / y),
    "negative": unary(lambda x: -x),
    "power": power,
    "whole power": whole_power,
    "exp": unary(F.exp, lambda fill: limited(fill, 500)),
    "log": unary(F.log, positive),
    "absolute": unary(F.absolute),
    "sqrt": unary(F.sqrt, positive),
    "clip": clip,
    "where": where,
    "relu": unary(F.relu),
    "sigmoid": unary(F.sigmoid),
    "tanh": unary(F.tanh),
    "softmax": softmax(F.softmax),
    "log_softmax": softmax(F.log_softmax),
    "elu": unary(F.elu),
    "gelu": unary(F.gelu),
    "hard_sigmoid": unary(F.hard_sigmoid),
    "hard_silu": unary(F.hard_silu),
    "leaky_relu": unary(F.leaky_relu),
    "relu6": unary(F.relu6),
    "selu": unary(F.selu),
    "silu": unary(F.silu),
    "softplus": unary(F.softplus),
    "softsign": unary(F.softsign),
    "prelu": prelu,
    "gaussian_noise": gaussian_noise,
    "batch_norm": batch_norm,
    "batch_norm_inference": batch_norm_inference,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "softmax_cross_entropy": cross_entropy,
    "sigmoid_cross_entropy": unary(lambda z: F.sigmoid_cross_entropy(z, np.full(z.shape, 0.3))),
    "sum": reduction(F.sum),
    "mean": reduction(F.mean),
    "max": reduction(F.max),
    "matmul": matmul,
    "dense": dense,
    "conv2d": conv2d,
    "max_pool2d": pool(F.max_pool2d),
    "avg_pool2d": pool(F.avg_pool2d),
    "adaptive_avg_pool2d": adaptive,
    "depthwise_conv2d": depthwise_conv2d,
    "separable_conv2d": separable_conv2d,
    "conv2d_transpose": conv2d_transpose,
    "pad2d": pad2d,
    "crop2d": crop2d,
    "upsample2d": upsample2d,
    "im2col": im2col,
    "col2im": col2im,
    "reshape": reshape,
    "transpose": transpose,
    "concatenate": concatenate,
    "getitem": getitem,
    "astype": unary(lambda x: F.astype(x, "float64")),
    "dropout": dropout,
}


def random_case(name, fill, seed):
    """Function and inputs number `seed` of a name."""
    rng = np.random.default_rng([seed, list(CASES).index(name)])
    return CASES[name](rng, FILLS[fill])
