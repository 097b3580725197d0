"""Kernels as a user writes them, right ones, and wrong ones: a right one with one piece of it replaced.

None of them shares code with minicnn. A mutant is the operation and form of a kernel, what is replaced, by
what, and the name of the bug.
"""

from __future__ import annotations

import numpy as np

SOURCES = {}

SOURCES["conv2d_forward", "loops"] = """
def kernel(x, w, g, groups, out_hw):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    n_, h, w_, c_ = x.shape
    kh, kw, cg, f = w.shape
    y = np.zeros((n_, out_hw[0], out_hw[1], f), x.dtype)
    for n in range(n_):
        for p in range(out_hw[0]):
            for q in range(out_hw[1]):
                for i in range(kh):
                    for j in range(kw):
                        r, s = p * sh - top + i * dh, q * sw - left + j * dw
                        if 0 <= r < h and 0 <= s < w_:
                            for k in range(f):
                                group = k // (f // groups)
                                seen = x[n, r, s, group * cg : (group + 1) * cg]
                                y[n, p, q, k] += (seen * w[i, j, :, k]).sum()
    return y
"""

SOURCES["conv2d_forward", "im2col"] = """
def kernel(x, w, g, groups, out_hw):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    n, h, w_, c = x.shape
    kh, kw, cg, f = w.shape
    fg = f // groups
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    rows = (np.arange(out_hw[0])[:, None] * sh + np.arange(kh) * dh)
    columns = (np.arange(out_hw[1])[:, None] * sw + np.arange(kw) * dw)
    cols = padded[:, rows[:, None, :, None], columns[None, :, None, :]]
    parts = []
    for group in range(groups):
        mine = cols[..., group * cg : (group + 1) * cg].reshape(n * out_hw[0] * out_hw[1], -1)
        parts.append(mine @ w[..., group * fg : (group + 1) * fg].reshape(-1, fg))
    return np.concatenate(parts, axis=1).reshape(n, out_hw[0], out_hw[1], f)
"""

SOURCES["conv2d_input_grad", "taps"] = """
def kernel(gy, w, x_shape, g, groups):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    n, h, w_, c = x_shape
    _, oh, ow, f = gy.shape
    kh, kw, cg, _ = w.shape
    fg = f // groups
    padded = np.zeros((n, max(h + top + bottom, 0), w_ + left + right, c), gy.dtype)
    for group in range(groups):
        mine, filters = slice(group * cg, (group + 1) * cg), slice(group * fg, (group + 1) * fg)
        for i in range(kh):
            for j in range(kw):
                rows = slice(i * dh, i * dh + (oh - 1) * sh + 1, sh)
                columns = slice(j * dw, j * dw + (ow - 1) * sw + 1, sw)
                padded[:, rows, columns, mine] += gy[..., filters] @ w[i, j, :, filters].T
    return padded[:, top : top + h, left : left + w_].copy()
"""

SOURCES["conv2d_input_grad", "loops"] = """
def kernel(gy, w, x_shape, g, groups):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    n_, h, w_, c_ = x_shape
    _, oh, ow, f = gy.shape
    kh, kw, cg, _ = w.shape
    gx = np.zeros(x_shape, gy.dtype)
    for p in range(oh):
        for q in range(ow):
            for k in range(f):
                first = k // (f // groups) * cg
                for i in range(kh):
                    for j in range(kw):
                        r, s = p * sh - top + i * dh, q * sw - left + j * dw
                        if 0 <= r < h and 0 <= s < w_:
                            gx[:, r, s, first : first + cg] += gy[:, p, q, k, None] * w[i, j, :, k]
    return gx
"""

SOURCES["conv2d_input_grad", "correlation"] = """
def kernel(gy, w, x_shape, g, groups):
    # The full correlation of gy, spread by the stride, with the flipped kernel.
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    n, h, w_, c = x_shape
    _, oh, ow, f = gy.shape
    kh, kw, cg, _ = w.shape
    fg = f // groups
    reach_h, reach_w = (kh - 1) * dh, (kw - 1) * dw
    spread = np.zeros((n, h + top + bottom + 2 * reach_h, w_ + left + right + 2 * reach_w, f), gy.dtype)
    spread[:, reach_h : reach_h + (oh - 1) * sh + 1 : sh, reach_w : reach_w + (ow - 1) * sw + 1 : sw] = gy
    flipped = w[::-1, ::-1]
    gx = np.zeros(x_shape, gy.dtype)
    for group in range(groups):
        filters = slice(group * fg, (group + 1) * fg)
        for i in range(kh):
            for j in range(kw):
                seen = spread[:, top + i * dh : top + i * dh + h, left + j * dw : left + j * dw + w_, filters]
                gx[..., group * cg : (group + 1) * cg] += seen @ flipped[i, j, :, filters].T
    return gx
"""

SOURCES["conv2d_weight_grad", "images"] = """
def kernel(x, gy, w_shape, g, groups):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    kh, kw, cg, f = w_shape
    _, oh, ow, _ = gy.shape
    fg = f // groups
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    gw = np.zeros(w_shape, x.dtype)
    for n in range(len(x)):
        for group in range(groups):
            mine, filters = slice(group * cg, (group + 1) * cg), slice(group * fg, (group + 1) * fg)
            upstream = gy[n, :, :, filters].reshape(-1, fg)
            for i in range(kh):
                for j in range(kw):
                    rows = slice(i * dh, i * dh + (oh - 1) * sh + 1, sh)
                    columns = slice(j * dw, j * dw + (ow - 1) * sw + 1, sw)
                    seen = padded[n, rows, columns, mine].reshape(-1, cg)
                    gw[i, j, :, filters] += seen.T @ upstream
    return gw
"""

SOURCES["im2col", "taps"] = """
def kernel(x, kernel_hw, g, out_hw):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    kh, kw = kernel_hw
    oh, ow = out_hw
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    cols = np.zeros((len(x), oh, ow, kh, kw, x.shape[3]), x.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * dh, i * dh + (oh - 1) * sh + 1, sh)
            columns = slice(j * dw, j * dw + (ow - 1) * sw + 1, sw)
            cols[:, :, :, i, j] = padded[:, rows, columns]
    return cols
"""

SOURCES["col2im", "windows"] = """
def kernel(cols, x_shape, g):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    n, oh, ow, kh, kw, c = cols.shape
    _, h, w_, _ = x_shape
    padded = np.zeros((n, h + top + bottom, w_ + left + right, c), cols.dtype)
    for p in range(oh):
        for q in range(ow):
            rows = slice(p * sh, p * sh + (kh - 1) * dh + 1, dh)
            columns = slice(q * sw, q * sw + (kw - 1) * dw + 1, dw)
            padded[:, rows, columns] += cols[:, p, q]
    return padded[:, top : top + h, left : left + w_].copy()
"""

SOURCES["max_pool2d_forward", "loops"] = """
def kernel(x, kernel_hw, g, out_hw):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    kh, kw = kernel_hw
    n, h, w_, c = x.shape
    y = np.full((n, out_hw[0], out_hw[1], c), -np.inf, x.dtype)
    argmax = np.zeros(y.shape, np.uint8 if kh * kw <= 256 else np.int32)
    found = np.zeros(y.shape, bool)
    for p in range(out_hw[0]):
        for q in range(out_hw[1]):
            for i in range(kh):
                for j in range(kw):
                    r, s = p * sh - top + i * dh, q * sw - left + j * dw
                    if 0 <= r < h and 0 <= s < w_:
                        value, best = x[:, r, s], y[:, p, q]
                        wins = ~found[:, p, q] | (value > best) | (np.isnan(value) & ~np.isnan(best))
                        found[:, p, q] = True
                        y[:, p, q] = np.where(wins, value, best)
                        argmax[:, p, q] = np.where(wins, i * kw + j, argmax[:, p, q])
    return y, argmax
"""

SOURCES["max_pool2d_forward", "windows"] = """
def kernel(x, kernel_hw, g, out_hw):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    kh, kw = kernel_hw
    n, h, w_, c = x.shape
    fill = -np.inf
    padded = np.full((n, h + top + bottom, w_ + left + right, c), fill, x.dtype)
    padded[:, top : top + h, left : left + w_] = x
    rows = np.arange(out_hw[0])[:, None] * sh + np.arange(kh) * dh
    columns = np.arange(out_hw[1])[:, None] * sw + np.arange(kw) * dw
    windows = padded[:, rows[:, None, :, None], columns[None, :, None, :]]
    windows = windows.reshape(n, out_hw[0], out_hw[1], kh * kw, c)
    argmax = windows.argmax(axis=3)  # NaN wins
    y = windows.max(axis=3)
    return y, argmax.astype(np.uint8 if kh * kw <= 256 else np.int32)
"""

SOURCES["max_pool2d_input_grad", "loops"] = """
def kernel(gy, argmax, x_shape, kernel_hw, g):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    kh, kw = kernel_hw
    n_, h, w_, c_ = x_shape
    gx = np.zeros(x_shape, gy.dtype)
    for n, p, q, c in np.ndindex(*gy.shape):
        i, j = divmod(int(argmax[n, p, q, c]), kw)
        r, s = p * sh - top + i * dh, q * sw - left + j * dw
        if 0 <= r < h and 0 <= s < w_:
            gx[n, r, s, c] += gy[n, p, q, c]
    return gx
"""

SOURCES["avg_pool2d_forward", "loops"] = """
def kernel(x, kernel_hw, g, out_hw):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    n, h, w_, c = x.shape
    y = np.zeros((n, out_hw[0], out_hw[1], c), x.dtype)
    for p in range(out_hw[0]):
        for q in range(out_hw[1]):
            rows = [r for i in range(kernel_hw[0]) if 0 <= (r := p * sh - top + i * dh) < h]
            columns = [s for j in range(kernel_hw[1]) if 0 <= (s := q * sw - left + j * dw) < w_]
            if rows and columns:
                y[:, p, q] = x[:, rows][:, :, columns].sum(axis=(1, 2)) / (len(rows) * len(columns))
    return y
"""

SOURCES["avg_pool2d_input_grad", "loops"] = """
def kernel(gy, x_shape, kernel_hw, g):
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    n, h, w_, c = x_shape
    gx = np.zeros(x_shape, gy.dtype)
    for p in range(gy.shape[1]):
        for q in range(gy.shape[2]):
            rows = [r for i in range(kernel_hw[0]) if 0 <= (r := p * sh - top + i * dh) < h]
            columns = [s for j in range(kernel_hw[1]) if 0 <= (s := q * sw - left + j * dw) < w_]
            for r in rows:
                for s in columns:
                    gx[:, r, s] += gy[:, p, q] / (len(rows) * len(columns))
    return gx
"""

SOURCES["bias_grad", "sum"] = """
def kernel(gy):
    gb = np.zeros(gy.shape[-1], gy.dtype)
    for row in gy.reshape(-1, gy.shape[-1]):
        gb += row
    return gb
"""

FLIPPED, SWAPPED, OFF = "kernel flipped", "H and W swapped", "padding off by one"
STRIDE, DILATION, GROUPS = "stride ignored", "dilation ignored", "groups mixed up"
OVERLAP, BATCH, DTYPE = "overlap not accumulated", "batch not summed", "wrong dtype"
INPUT_GRAD = " in the input gradient"

MUTANTS = [
    # -- convolution, forward --
    ("conv2d_forward loops", "w[i, j, :, k]", "w[kh - 1 - i, kw - 1 - j, :, k]", FLIPPED),
    ("conv2d_forward loops", "p * sh - top", "p * sh - top + 1", OFF),
    ("conv2d_forward loops", "0 <= r < h and", "0 <= r < h - 1 and", OFF),
    ("conv2d_forward loops", "0 <= r < h and 0 <= s < w_", "0 < r < h and 0 < s < w_", OFF),
    ("conv2d_forward loops", "0 <= r < h and 0 <= s", "r < h and s", "padding wraps around"),
    ("conv2d_forward loops", "(sh, sw)", "(sw, sh)", SWAPPED),
    ("conv2d_forward loops", "q * sw - left", "q * sw - top", SWAPPED),
    ("conv2d_forward loops", "i * dh, q * sw - left + j * dw", "i, q * sw - left + j", DILATION),
    ("conv2d_forward loops", "k // (f // groups)", "k % groups", GROUPS),
    ("conv2d_forward loops", ", x.dtype)", ")", DTYPE),
    ("conv2d_forward loops", "for n in range(n_)", "for n in range(1)", "only one image computed"),
    ("conv2d_forward im2col", "w[..., group", "w[::-1, ::-1][..., group", FLIPPED),
    ("conv2d_forward im2col", "(top, bottom), (left", "(bottom, top), (left", "padding at the wrong end"),
    (
        "conv2d_forward im2col",
        "    padded =",
        "    x[:, 0] += 0.5\n    x[:, 0] *= 2\n    padded =",
        "input overwritten",
    ),
    ("conv2d_forward im2col", "    parts =", "    cols = cols.swapaxes(3, 4)\n    parts =", SWAPPED),
    (
        "conv2d_forward im2col",
        "    parts =",
        "    cols = cols.astype('float32').astype(x.dtype)\n    parts =",
        DTYPE,
    ),
    ("conv2d_forward im2col", "* sh +", "+", STRIDE),
    (
        "conv2d_forward im2col",
        "    columns =",
        "    rows = np.minimum(rows, h + top - 1)\n    columns =",
        "padding repeats the edge",  # at the bottom alone
    ),
    # -- convolution, input gradient --
    ("conv2d_input_grad taps", "] += gy", "] = gy", OVERLAP + INPUT_GRAD),
    (
        "conv2d_input_grad taps",
        "(oh - 1) * sh + 1, sh)",
        "oh)",
        STRIDE + INPUT_GRAD,
    ),
    (
        "conv2d_input_grad taps",
        "padded[:, top : top + h,",
        "padded[:, max(top - 1, 0) : max(top - 1, 0) + h,",
        OFF,
    ),
    (
        "conv2d_input_grad taps",
        "    return padded[:, top : top + h, left : left + w_]",
        "    return padded",
        "padding not cut off",
    ),
    (
        "conv2d_input_grad taps",
        "    padded =",
        "    gy *= 2\n    gy /= 2\n    gy -= 1\n    padded =",
        "input overwritten",
    ),
    ("conv2d_input_grad loops", "p * sh - top + i * dh, q * sw", "p - top + i * dh, q", STRIDE + INPUT_GRAD),
    ("conv2d_input_grad loops", "(dh, dw) = g", "(dw, dh) = g", SWAPPED),
    ("conv2d_input_grad loops", "k // (f // groups) * cg", "k % groups * cg", GROUPS),
    ("conv2d_input_grad loops", "first + cg] +=", "first + cg] =", OVERLAP + INPUT_GRAD),
    ("conv2d_input_grad correlation", "w[::-1, ::-1]", "w", FLIPPED),
    (
        "conv2d_input_grad correlation",
        "top + i * dh : top + i * dh + h",
        "top - 1 + i * dh : top - 1 + i * dh + h",
        OFF,
    ),
    # -- convolution, weight gradient --
    ("conv2d_weight_grad images", "+= seen.T", "= seen.T", BATCH),
    ("conv2d_weight_grad images", "range(len(x))", "range(1)", BATCH),
    ("conv2d_weight_grad images", "return gw", "return gw / len(x)", "averaged instead of summed"),
    ("conv2d_weight_grad images", "gw[i, j", "gw[kh - 1 - i, kw - 1 - j", FLIPPED),
    ("conv2d_weight_grad images", "i * dh, i * dh + (oh", "i, i + (oh", DILATION),
    ("conv2d_weight_grad images", "(left, right), (0", "(left + 1, right), (0", OFF),
    # -- im2col and col2im --
    ("im2col taps", "    return cols", "    return cols.swapaxes(3, 4)", SWAPPED),
    ("im2col taps", "    return cols", "    return cols.swapaxes(1, 2)", SWAPPED),
    (
        "im2col taps",
        "(top, bottom), (left, right), (0, 0)))",
        "(top, bottom), (left, right), (0, 0)), mode='edge')",
        "padding repeats the edge",
    ),
    ("col2im windows", "] += cols", "] = cols", "overlap not accumulated in col2im"),
    ("col2im windows", "p * sh, p * sh +", "p, p +", "stride ignored in col2im"),
    ("col2im windows", "left : left + w_", "right : right + w_", "padding at the wrong end"),
    # -- pooling --
    ("max_pool2d_forward loops", "value > best", "value >= best", "last of equal maxima"),
    ("max_pool2d_forward loops", "i * kw + j", "i + j * kh", SWAPPED),
    ("max_pool2d_forward loops", " | (np.isnan(value) & ~np.isnan(best))", "", "NaN lost"),
    ("max_pool2d_forward loops", "np.uint8 if kh * kw <= 256 else np.int32", "np.int64", DTYPE),
    ("max_pool2d_forward loops", "i * kw + j, argmax", "r * w_ + s, argmax", "maximum counted in the image"),
    ("max_pool2d_forward windows", "fill = -np.inf", "fill = 0", "padding wins the maximum"),
    ("max_pool2d_forward windows", "(sh, sw)", "(sw, sh)", SWAPPED),
    ("max_pool2d_input_grad loops", "c] += gy", "c] = gy", OVERLAP + INPUT_GRAD),
    (
        "max_pool2d_input_grad loops",
        "p * sh - top + i * dh, q * sw",
        "p - top + i * dh, q",
        STRIDE + INPUT_GRAD,
    ),
    ("max_pool2d_input_grad loops", "q * sw - left", "q * sw - left - 1", OFF),
    (
        "avg_pool2d_forward loops",
        "(len(rows) * len(columns))",
        "(kernel_hw[0] * kernel_hw[1])",
        "average divided by the full window",
    ),
    ("avg_pool2d_forward loops", " / (len(rows) * len(columns))", "", "average not divided"),
    (
        "avg_pool2d_input_grad loops",
        "(len(rows) * len(columns))",
        "(kernel_hw[0] * kernel_hw[1])",
        "average divided by the full window",
    ),
    ("avg_pool2d_input_grad loops", "s] += gy", "s] = gy", OVERLAP + INPUT_GRAD),
    ("bias_grad sum", "return gb", "return np.zeros_like(gb)", "bias gradient missing"),
    ("bias_grad sum", "gy.reshape", "gy[0].reshape", BATCH),
]


def compiled(source: str):
    """The function of a source."""
    names = {"np": np}
    exec(source, names)
    return names["kernel"]


def mutated(form: str, old: str, new: str) -> str:
    """The source of a mutant; what is replaced must be there."""
    source = SOURCES[tuple(form.split())]
    assert old in source, (form, old)
    return source.replace(old, new, 1)
