"""Plain Python loops that say what each kernel must compute. They share no code with minicnn.

Everything is computed in float64. Padding is laid around the image for real and windows are cut out
of the padded image, so that an index error in a kernel cannot be repeated here.
"""

from __future__ import annotations

import math

import numpy as np


def pad(x, padding, value=0.0):
    """Return a float64 copy of x (n, h, w, c) with `value` around it."""
    (top, bottom), (left, right) = padding
    n, h, w, c = x.shape
    padded = np.full((n, h + top + bottom, w + left + right, c), value, np.float64)
    padded[:, top : top + h, left : left + w] = x
    return padded


def crop(padded, padding):
    """Undo pad."""
    (top, bottom), (left, right) = padding
    return padded[:, top : padded.shape[1] - bottom, left : padded.shape[2] - right]


def window(p, q, kernel_hw, stride, dilation):
    """Index the rows and columns of window (p, q) in a padded image."""
    (kh, kw), (sh, sw), (dh, dw) = kernel_hw, stride, dilation
    rows = [p * sh + i * dh for i in range(kh)]
    cols = [q * sw + j * dw for j in range(kw)]
    return np.ix_(rows, cols)


def im2col(x, kernel_hw, g, out_hw):
    stride, padding, dilation = g
    padded = pad(x, padding)
    cols = np.zeros((len(x), *out_hw, *kernel_hw, x.shape[3]))
    for n in range(len(x)):
        for p in range(out_hw[0]):
            for q in range(out_hw[1]):
                cols[n, p, q] = padded[n][window(p, q, kernel_hw, stride, dilation)]
    return cols


def col2im(cols, x_shape, g):
    stride, padding, dilation = g
    n_, oh, ow, kh, kw, _ = cols.shape
    padded = pad(np.zeros(x_shape), padding)
    for n in range(n_):
        for p in range(oh):
            for q in range(ow):
                padded[n][window(p, q, (kh, kw), stride, dilation)] += cols[n, p, q]
    return crop(padded, padding)


def _per_group(array, axis, groups):
    return np.split(np.asarray(array, np.float64), groups, axis=axis)


def conv2d_forward(x, w, g, groups, out_hw):
    stride, padding, dilation = g
    parts = []
    for xg, wg in zip(_per_group(x, 3, groups), _per_group(w, 3, groups), strict=True):
        padded = pad(xg, padding)
        y = np.zeros((len(x), *out_hw, wg.shape[3]))
        for n in range(len(x)):
            for p in range(out_hw[0]):
                for q in range(out_hw[1]):
                    seen = padded[n][window(p, q, w.shape[:2], stride, dilation)]
                    for k in range(wg.shape[3]):
                        y[n, p, q, k] = (seen * wg[..., k]).sum()
        parts.append(y)
    return np.concatenate(parts, axis=3)


def conv2d_input_grad(gy, w, x_shape, g, groups):
    stride, padding, dilation = g
    parts = []
    for gyg, wg in zip(_per_group(gy, 3, groups), _per_group(w, 3, groups), strict=True):
        padded = pad(np.zeros((*x_shape[:3], w.shape[2])), padding)
        for n, p, q, k in np.ndindex(*gyg.shape):
            seen = window(p, q, w.shape[:2], stride, dilation)
            padded[n][seen] += gyg[n, p, q, k] * wg[..., k]
        parts.append(crop(padded, padding))
    return np.concatenate(parts, axis=3)


def conv2d_weight_grad(x, gy, w_shape, g, groups):
    stride, padding, dilation = g
    parts = []
    for xg, gyg in zip(_per_group(x, 3, groups), _per_group(gy, 3, groups), strict=True):
        padded = pad(xg, padding)
        gw = np.zeros((*w_shape[:3], gyg.shape[3]))
        for n, p, q, k in np.ndindex(*gyg.shape):
            seen = padded[n][window(p, q, w_shape[:2], stride, dilation)]
            gw[..., k] += gyg[n, p, q, k] * seen
        parts.append(gw)
    return np.concatenate(parts, axis=3)


def _pixels(x_hw, kernel_hw, g, p, q):
    """List (tap, row, column) of the pixels of window (p, q) that lie inside the image."""
    (sh, sw), ((top, _), (left, _)), (dh, dw) = g
    found = []
    for i in range(kernel_hw[0]):
        for j in range(kernel_hw[1]):
            row, col = p * sh + i * dh - top, q * sw + j * dw - left
            if row in range(x_hw[0]) and col in range(x_hw[1]):
                found.append((i * kernel_hw[1] + j, row, col))
    return found


def max_pool2d_forward(x, kernel_hw, g, out_hw):
    n_, h, w, c_ = x.shape
    y = np.full((n_, *out_hw, c_), -np.inf)
    argmax = np.zeros(y.shape, int)
    for n, p, q, c in np.ndindex(*y.shape):
        best = None
        for tap, row, col in _pixels((h, w), kernel_hw, g, p, q):
            value = float(x[n, row, col, c])
            beats = best is None or (not math.isnan(best) and (value > best or math.isnan(value)))
            if beats:
                best, y[n, p, q, c], argmax[n, p, q, c] = value, value, tap
    return y, argmax


def max_pool2d_input_grad(gy, argmax, x_shape, kernel_hw, g):
    gx = np.zeros(x_shape)
    for n, p, q, c in np.ndindex(*gy.shape):
        for tap, row, col in _pixels(x_shape[1:3], kernel_hw, g, p, q):
            if tap == argmax[n, p, q, c]:
                gx[n, row, col, c] += gy[n, p, q, c]
    return gx


def avg_pool2d_forward(x, kernel_hw, g, out_hw):
    y = np.zeros((len(x), *out_hw, x.shape[3]))
    for n, p, q, c in np.ndindex(*y.shape):
        pixels = _pixels(x.shape[1:3], kernel_hw, g, p, q)
        if pixels:
            y[n, p, q, c] = sum(float(x[n, r, s, c]) for _, r, s in pixels) / len(pixels)
    return y


def pool2d_rounded_up(x, kernel, stride, padding, kind):
    """Pool with ceil_mode as PyTorch defines it, for an int kernel, stride and padding."""

    def positions(size):
        out = math.ceil((size + 2 * padding - kernel) / stride) + 1
        return out - 1 if (out - 1) * stride >= size + padding else out

    n, h, w, c = x.shape
    y = np.zeros((n, positions(h), positions(w), c))
    for p, q in np.ndindex(*y.shape[1:3]):
        top, left = p * stride - padding, q * stride - padding
        seen = x[:, max(top, 0) : top + kernel, max(left, 0) : left + kernel]
        y[:, p, q] = seen.max((1, 2)) if kind == "max" else seen.mean((1, 2))
    return y


def avg_pool2d_input_grad(gy, x_shape, kernel_hw, g):
    gx = np.zeros(x_shape)
    for n, p, q, c in np.ndindex(*gy.shape):
        pixels = _pixels(x_shape[1:3], kernel_hw, g, p, q)
        for _, row, col in pixels:
            gx[n, row, col, c] += gy[n, p, q, c] / len(pixels)
    return gx


def matmul(a, b):
    y = np.zeros((a.shape[0], b.shape[1]))
    for i, j in np.ndindex(*y.shape):
        y[i, j] = math.fsum(float(a[i, k]) * float(b[k, j]) for k in range(a.shape[1]))
    return y


def activation(z, name):
    """The activation of one number."""
    z = float(z)
    if name == "linear":
        return z
    if name == "relu":
        return z if z > 0 or math.isnan(z) else 0.0
    if name == "tanh":
        return math.tanh(z)
    return 1 / (1 + math.exp(-z)) if z > -700 else math.exp(z)


def softmax(row):
    largest = max(float(v) for v in row)
    parts = [math.exp(float(v) - largest) for v in row]
    return [part / math.fsum(parts) for part in parts]


def cross_entropy(row, target):
    """The loss of one row of logits against one distribution."""
    largest = max(float(v) for v in row)
    log_sum = math.log(math.fsum(math.exp(float(v) - largest) for v in row))
    terms = zip(row, target, strict=True)
    return math.fsum(float(t) * (log_sum - (float(v) - largest)) for v, t in terms if t != 0)


def philox4x32(counter, key):
    """Four words from four words, in Python's unbounded integers."""
    c, k = [int(v) for v in counter], [int(v) for v in key]
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 2**32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


def random_word(key, step, i):
    """Word i of the stream (key, step)."""
    block = [i // 4 % 2**32, i // 4 // 2**32, step % 2**32, step // 2**32]
    return philox4x32(block, key)[i % 4]


def depthwise_conv2d_forward(x, w, g, out_hw):
    """One convolution of a single channel for every channel and every filter of it."""
    c_, m = w.shape[2:]
    parts = [
        conv2d_forward(x[..., [c]], w[:, :, [c], k : k + 1], g, 1, out_hw)
        for c in range(c_)
        for k in range(m)
    ]
    return np.concatenate(parts, axis=3)


def depthwise_conv2d_input_grad(gy, w, x_shape, g):
    c_, m = w.shape[2:]
    gx = np.zeros(x_shape)
    for c in range(c_):
        for k in range(m):
            one = conv2d_input_grad(gy[..., [c * m + k]], w[:, :, [c], k : k + 1], (*x_shape[:3], 1), g, 1)
            gx[..., c] += one[..., 0]
    return gx


def depthwise_conv2d_weight_grad(x, gy, w_shape, g):
    c_, m = w_shape[2:]
    gw = np.zeros(w_shape)
    for c in range(c_):
        for k in range(m):
            one = conv2d_weight_grad(x[..., [c]], gy[..., [c * m + k]], (*w_shape[:2], 1, 1), g, 1)
            gw[:, :, c, k] = one[:, :, 0, 0]
    return gw


def _adaptive_window(i, size, out):
    """Pixels of window i: from the floor of its left edge to the ceiling of its right one."""
    return range(i * size // out, (((i + 1) * size - 1) // out) + 1)


def adaptive_avg_pool2d_forward(x, out_hw):
    n_, h, w, c_ = x.shape
    y = np.zeros((n_, *out_hw, c_))
    for n, p, q, c in np.ndindex(*y.shape):
        rows, cols = _adaptive_window(p, h, out_hw[0]), _adaptive_window(q, w, out_hw[1])
        seen = [float(x[n, r, s, c]) for r in rows for s in cols]
        y[n, p, q, c] = math.fsum(seen) / len(seen)
    return y


def adaptive_avg_pool2d_input_grad(gy, x_shape):
    _, h, w, _ = x_shape
    gx = np.zeros(x_shape)
    for n, p, q, c in np.ndindex(*gy.shape):
        rows, cols = _adaptive_window(p, h, gy.shape[1]), _adaptive_window(q, w, gy.shape[2])
        for r in rows:
            for s in cols:
                gx[n, r, s, c] += gy[n, p, q, c] / (len(rows) * len(cols))
    return gx


def _bilinear_weights(p, factor, size):
    """List (row, weight) of the one or two input rows that output row p lies between."""
    place = (p + 0.5) / factor - 0.5
    below = math.floor(place)
    share = place - below
    return [(min(max(r, 0), size - 1), v) for r, v in ((below, 1 - share), (below + 1, share))]


def _upsampling_weights(p, q, size, x_hw, interpolation):
    """List (row, column, weight) of the input pixels that make output pixel (p, q)."""
    if interpolation == "nearest":
        return [(p // size[0], q // size[1], 1.0)]
    rows, cols = (_bilinear_weights(i, f, s) for i, f, s in zip((p, q), size, x_hw, strict=True))
    return [(r, s, v * u) for r, v in rows for s, u in cols]


def upsample2d_forward(x, size, interpolation):
    n_, h, w, c_ = x.shape
    y = np.zeros((n_, h * size[0], w * size[1], c_))
    for n, p, q, c in np.ndindex(*y.shape):
        weights = _upsampling_weights(p, q, size, (h, w), interpolation)
        y[n, p, q, c] = sum(float(x[n, r, s, c]) * v for r, s, v in weights)
    return y


def upsample2d_input_grad(gy, size, interpolation):
    n_, oh, ow, c_ = gy.shape
    gx = np.zeros((n_, oh // size[0], ow // size[1], c_))
    for n, p, q, c in np.ndindex(*gy.shape):
        for r, s, v in _upsampling_weights(p, q, size, gx.shape[1:3], interpolation):
            gx[n, r, s, c] += gy[n, p, q, c] * v
    return gx


def normalize(x, sets, epsilon):
    """Normalize the elements of x that bear the same number in `sets`.

    Returns x̂ and its Jacobian ∂x̂_j / ∂x_i as a dense matrix over all elements, and the mean and
    1/√(variance + ε) of each set in order.
    """
    values, numbers = [float(v) for v in np.ravel(x)], np.ravel(sets)
    xhat, jacobian = np.zeros(len(values)), np.zeros((len(values), len(values)))
    means, rstds = [], []
    for number in range(numbers.max() + 1):
        members = [i for i, owner in enumerate(numbers) if owner == number]
        count = len(members)
        mean = math.fsum(values[i] for i in members) / count
        var = math.fsum((values[i] - mean) ** 2 for i in members) / count
        rstd = 1 / math.sqrt(var + epsilon)
        for i in members:
            xhat[i] = (values[i] - mean) * rstd
        for i in members:
            for j in members:
                jacobian[j, i] = rstd * ((i == j) - 1 / count - xhat[i] * xhat[j] / count)
        means.append(mean)
        rstds.append(rstd)
    return xhat.reshape(x.shape), jacobian, np.array(means), np.array(rstds)


def input_activation(x, name, alpha=None):
    """One of the activations that are computed from the input, of one number."""
    x = float(x)
    sigmoid = 1 / (1 + math.exp(-x)) if x > -700 else 0.0
    six = min(max(x + 3, 0.0), 6.0) / 6
    elu = x if x > 0 else math.expm1(x)
    return {
        "elu": lambda: x if x > 0 else alpha * elu,
        "exponential": lambda: math.exp(x),
        "gelu": lambda: x * math.erfc(-x / math.sqrt(2)) / 2,
        "hard_sigmoid": lambda: six,
        "hard_silu": lambda: x * six,
        "leaky_relu": lambda: x if x > 0 else alpha * x,
        "relu6": lambda: min(max(x, 0.0), 6.0),
        "selu": lambda: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * elu),
        "silu": lambda: x * sigmoid,
        "softplus": lambda: math.log1p(math.exp(-abs(x))) + max(x, 0.0),
        "softsign": lambda: x / (1 + abs(x)),
    }[name]()


def random_uniform(key, step, i, dtype):
    """Number i of the stream (key, step), uniform in [0, 1)."""
    if np.dtype(dtype) == np.float32:
        return (random_word(key, step, i) >> 8) / 2**24
    high, low = random_word(key, step, 2 * i) >> 5, random_word(key, step, 2 * i + 1) >> 6
    return ((high << 26) + low) / 2**53


def random_normal(key, step, i, dtype):
    """Number i of the stream (key, step), normal with mean 0 and variance 1."""
    first, second = (random_uniform(key, step, i - i % 2 + lane, dtype) for lane in (0, 1))
    turn = math.sin if i % 2 else math.cos
    return math.sqrt(-2 * math.log1p(-first)) * turn(2 * math.pi * second)
