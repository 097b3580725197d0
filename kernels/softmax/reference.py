"""Softmax, log-softmax and softmax cross-entropy; each sample is a row (the last axis) of logits."""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_same_shape, error, result

__all__ = [
    "log_softmax_forward",
    "log_softmax_grad",
    "softmax_cross_entropy_forward",
    "softmax_cross_entropy_grad",
    "softmax_forward",
    "softmax_grad",
]


def softmax_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Turn logits into probabilities along the last axis.

    ``y_k = exp(x_k - max x) / Σ_j exp(x_j - max x)``; backward: ``gx = y·(gy - Σ gy·y)``.

    Parameters
    ----------
    x : (…, k)
    out : array to write the result in; may be x itself

    Returns
    -------
    (…, k), each row sums to 1

    Raises
    ------
    ValueError : x has no classes, or `out` does not fit.

    Examples
    --------
    >>> softmax_forward(np.array([[0.0, 0.0], [1000.0, 0.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    check_logits("softmax_forward", x)
    y = result("softmax_forward", out, x.shape, x.dtype)
    _shift(x, y)
    np.exp(y, out=y)
    y /= y.sum(axis=-1, keepdims=True)
    return y


def softmax_grad(gy: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Gradient through the softmax, from its output y.

    ``gx_k = y_k · (gy_k - Σ_j gy_j·y_j)``.

    Parameters
    ----------
    gy, y : (…, k)
    out : array to write the result in; may be gy itself

    Returns
    -------
    (…, k)

    Raises
    ------
    ValueError : gy and y differ in shape or dtype.

    Examples
    --------
    >>> softmax_grad(np.array([1.0, 0.0]), np.array([0.25, 0.75]))
    array([ 0.1875, -0.1875])
    """
    where = "softmax_grad"
    dtype = check_floats(where, gy=gy, y=y)
    check_same_shape(where, gy.shape, y=y)
    gx = result(where, out, gy.shape, dtype)
    dot = (gy * y).sum(axis=-1, keepdims=True)
    np.subtract(gy, dot, out=gx)
    gx *= y
    return gx


def log_softmax_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Logarithm of the softmax along the last axis, exact where the probability itself would be 0.

    ``y_k = x_k - logsumexp(x)``; backward: ``gx = gy - exp(y)·Σ gy``.

    Parameters
    ----------
    x : (…, k)
    out : array to write the result in; may be x itself

    Returns
    -------
    (…, k)

    Raises
    ------
    ValueError : x has no classes, or `out` does not fit.

    Examples
    --------
    >>> log_softmax_forward(np.array([1000.0, 0.0]))
    array([    0., -1000.])
    """
    check_logits("log_softmax_forward", x)
    y = result("log_softmax_forward", out, x.shape, x.dtype)
    _shift(x, y)
    y -= np.log(np.exp(y).sum(axis=-1, keepdims=True))
    return y


def log_softmax_grad(gy: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Gradient through the log-softmax, from its output y.

    ``gx_k = gy_k - exp(y_k) · Σ_j gy_j``.

    Parameters
    ----------
    gy, y : (…, k)
    out : array to write the result in; may be gy itself

    Returns
    -------
    (…, k)

    Raises
    ------
    ValueError : gy and y differ in shape or dtype.

    Examples
    --------
    >>> log_softmax_grad(np.array([4.0, 0.0]), np.log([0.25, 0.75]))
    array([ 3., -3.])
    """
    where = "log_softmax_grad"
    dtype = check_floats(where, gy=gy, y=y)
    check_same_shape(where, gy.shape, y=y)
    gx = result(where, out, gy.shape, dtype)
    np.subtract(gy, np.exp(y) * gy.sum(axis=-1, keepdims=True), out=gx)
    return gx


def softmax_cross_entropy_forward(z: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy of softmax(z) against the targets, one loss for each sample.

    ``loss = logsumexp(z) - z_t`` or ``Σ_k t_k·(logsumexp(z) - z_k)``;
    backward: ``gz = gloss·(p·Σt - t)``.

    Parameters
    ----------
    z : (…, k) logits
    t : (…) integer classes, or (…, k) target distributions in the dtype of z

    Returns
    -------
    loss : (…)
    p : (…, k), softmax(z), which the gradient needs

    Raises
    ------
    ValueError : t fits z neither as classes nor as distributions, a class outside 0 … k - 1.

    Examples
    --------
    >>> loss, p = softmax_cross_entropy_forward(np.array([[1e4, 0.0]]), np.array([1]))
    >>> loss, p
    (array([10000.]), array([[1., 0.]]))
    """
    where = "softmax_cross_entropy_forward"
    check_logits(where, z)
    classes = check_targets(where, z, t)
    if classes:
        check_classes(where, z, t)
    shifted = _shift(z, np.empty(z.shape, z.dtype))  # z - max z
    p = np.exp(shifted)
    sums = p.sum(axis=-1, keepdims=True)  # (…, 1)
    p /= sums
    log_sums = np.log(sums[..., 0])  # (…)
    if classes:
        chosen = np.take_along_axis(shifted, t[..., None].astype(np.intp), axis=-1)  # (…, 1)
        return np.asarray(log_sums - chosen[..., 0]), p
    # A class of weight 0 counts nothing even where its logit is -inf (0·∞ would be NaN).
    weighted = np.multiply(t, shifted, out=np.zeros_like(shifted), where=t != 0)
    return np.asarray(t.sum(axis=-1) * log_sums - weighted.sum(axis=-1)), p


def softmax_cross_entropy_grad(
    gloss: np.ndarray, p: np.ndarray, t: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of the cross-entropy with respect to the logits.

    ``gz_k = gloss · (p_k·Σ_j t_j - t_k)``; for classes ``gloss · (p_k - [k = t])``.

    Parameters
    ----------
    gloss : (…), one gradient for each loss
    p : (…, k) from the forward
    t : (…) integer classes, or (…, k) target distributions in the dtype of p
    out : array to write the result in

    Returns
    -------
    (…, k)

    Raises
    ------
    ValueError : shapes that do not fit together, a class outside 0 … k - 1.

    Examples
    --------
    >>> softmax_cross_entropy_grad(np.array([2.0]), np.array([[0.25, 0.75]]), np.array([1]))
    array([[ 0.5, -0.5]])
    """
    where = "softmax_cross_entropy_grad"
    check_logits(where, p)
    dtype = check_floats(where, p=p, gloss=gloss)
    classes = check_targets(where, p, t)
    if classes:
        check_classes(where, p, t)
    check_same_shape(where, p.shape[:-1], gloss=gloss)
    gz = result(where, out, p.shape, dtype)
    if classes:
        np.multiply(p, gloss[..., None], out=gz)
        rows = gz.reshape(-1, p.shape[-1])  # (samples, k), a view
        rows[np.arange(len(rows)), t.reshape(-1)] -= gloss.reshape(-1)
        return gz
    np.multiply(p, t.sum(axis=-1, keepdims=True), out=gz)
    gz -= t
    gz *= gloss[..., None]
    return gz


def _shift(x: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write x - max x in out; a row holding +inf or only -inf gives NaN, silently."""
    with np.errstate(invalid="ignore"):
        return np.subtract(x, x.max(axis=-1, keepdims=True), out=out)


def check_logits(where: str, z: np.ndarray) -> None:
    """z must have at least one class."""
    check_floats(where, z=z)
    if z.ndim < 1 or z.shape[-1] < 1:
        raise error(where, "there are no classes", "a last axis of at least 1", z.shape)


def check_targets(where: str, z: np.ndarray, t: np.ndarray) -> bool:
    """Return True if t holds classes, False if it holds distributions; it must fit z."""
    if t.dtype.kind in "iu":
        check_same_shape(where, z.shape[:-1], t=t)
        return True
    if t.dtype != z.dtype:
        expected = f"integer classes or distributions in {z.dtype}"
        raise error(where, "the targets have the wrong dtype", expected, t.dtype)
    check_same_shape(where, z.shape, t=t)
    return False


def check_classes(where: str, z: np.ndarray, t: np.ndarray) -> None:
    """Every label must be one of the classes of z."""
    if t.size and not (t.min() >= 0 and t.max() < z.shape[-1]):
        expected = f"classes 0 … {z.shape[-1] - 1}"
        raise error(where, "a label is out of range", expected, f"{t.min()} … {t.max()}")
