"""Depthwise convolution: every channel has its own m filters and is mixed with no other channel.

.. code-block:: text

    forward      y[n, p, q, c·m + k] = Σ_ij x[n, r, s, c] · w[i, j, c, k]
    input_grad   gx[n, r, s, c] = Σ gy[n, p, q, c·m + k] · w[i, j, c, k]  over all k, (p, q), (i, j)
                                  that read (r, s)
    weight_grad  gw[i, j, c, k] = Σ_npq gy[n, p, q, c·m + k] · x[n, r, s, c]

with r = p·sh - top + i·dh, s = q·sw - left + j·dw, and x = 0 outside the image. w is
(kh, kw, c, m); m is the depth multiplier, and the m outputs of a channel lie side by side, as in
TensorFlow and Keras. It is the convolution with as many groups as channels; without a sum over
channels there is no matrix product to gain from, so that it has kernels of its own.

Source: L. Sifre, Rigid-Motion Scattering for Image Classification, PhD thesis, 2014, section 6.2;
F. Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, CVPR 2017.
"""
