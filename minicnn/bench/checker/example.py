"""A convolution to start from: all windows as rows of a matrix, then one matrix product.

Check it:      minicnn kernel check FILE.py
Measure it:    minicnn kernel bench FILE.py --set mnist
"""

import numpy as np

import minicnn


@minicnn.kernel("conv2d_forward")
def my_conv2d(x, w, g, groups, out_hw):
    """y[n, p, q, k] = sum of x[n, p*sh - top + i*dh, q*sw - left + j*dw, c] * w[i, j, c, k]."""
    (sh, sw), ((top, bottom), (left, right)), (dh, dw) = g
    kh, kw, cg, f = w.shape  # weights are (kh, kw, c / groups, f), images (n, h, w, c)
    oh, ow = out_hw
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    taps = []
    for i in range(kh):
        for j in range(kw):
            # What all windows see through tap (i, j): every sh-th row and every sw-th column.
            rows = slice(i * dh, i * dh + (oh - 1) * sh + 1, sh)
            columns = slice(j * dw, j * dw + (ow - 1) * sw + 1, sw)
            taps.append(padded[:, rows, columns])  # (n, oh, ow, c)
    windows = np.stack(taps, axis=3)  # (n, oh, ow, kh*kw, c)
    y = np.empty((len(x), oh, ow, f), x.dtype)
    fg = f // groups  # filters of a group, which see the cg channels of the group
    for group in range(groups):
        channels = slice(group * cg, (group + 1) * cg)
        filters = slice(group * fg, (group + 1) * fg)
        seen = windows[..., channels].reshape(-1, kh * kw * cg)  # (n*oh*ow, kh*kw*cg)
        y[..., filters] = (seen @ w[..., filters].reshape(-1, fg)).reshape(len(x), oh, ow, fg)
    return y
