"""Max and average pooling over windows of one channel.

.. code-block:: text

    max   y[n, p, q, c] = max_ij x[n, r, s, c],  argmax = i·kw + j of the first maximum
          gx[n, r, s, c] = Σ gy[n, p, q, c]  over the windows (p, q) whose maximum is (r, s)
    avg   y[n, p, q, c] = Σ_ij x[n, r, s, c] / count[p, q],  count = pixels of the window inside x
          gx[n, r, s, c] = Σ gy[n, p, q, c] / count[p, q]  over the windows (p, q) that read (r, s)
    adaptive avg   the same, with window (p, q) holding the pixels
          ⌊p·h/oh⌋ <= r < ⌈(p + 1)·h/oh⌉,  ⌊q·w/ow⌋ <= s < ⌈(q + 1)·w/ow⌉

with r = p·sh - top + i·dh and s = q·sw - left + j·dw in max and avg. Padding is never seen: it cannot win a
maximum (not even over -inf), and it does not count in an average (as TensorFlow and Keras do). A
window that sees only padding has maximum -inf, average 0, and gives no gradient. A NaN wins.
argmax is uint8 where kh·kw <= 256, else int32. Windows may overlap, and may leave pixels out.

Source: Y. LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, section II;
M. Riesenhuber, T. Poggio, Hierarchical Models of Object Recognition in Cortex, 1999 (maximum);
K. He et al., Spatial Pyramid Pooling, ECCV 2014, appendix A (adaptive windows).
"""
