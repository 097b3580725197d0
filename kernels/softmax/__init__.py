"""Softmax over the last axis, its logarithm, and cross-entropy of logits: forms that cannot overflow.

.. code-block:: text

    softmax                y_k = exp(x_k - m) / Σ_j exp(x_j - m),   m = max_j x_j
    softmax_grad           gx_k = y_k · (gy_k - Σ_j gy_j·y_j)
    log_softmax            y_k = (x_k - m) - log Σ_j exp(x_j - m)
    log_softmax_grad       gx_k = gy_k - exp(y_k) · Σ_j gy_j
    softmax_cross_entropy  loss = Σ_k t_k · (logsumexp(z) - z_k),   p = softmax(z)
                           = logsumexp(z) - z_t when the target is the class t
    …_grad                 gz_k = gloss · (p_k · Σ_j t_j - t_k)
                           = gloss · (p_k - [k = t])

Subtracting m changes nothing in exact arithmetic; every exponent is then at most 0, one of them is
0, and logsumexp(z) = m + log Σ exp(z - m). The loss is taken as log Σ exp(z - m) - (z_t - m), so
that a large m cancels before it can swallow the digits of the loss.

Source: I. Goodfellow, Y. Bengio, A. Courville, Deep Learning, 2016, sections 4.1 and 6.2.2.3.
"""
