"""im2col: lay the windows of an image out in rows, so that a convolution becomes one product.

.. code-block:: text

    im2col   cols[n, p, q, i, j, c] = x[n, p·sh - top + i·dh, q·sw - left + j·dw, c]   (0 outside x)
    col2im   x[n, r, s, c] = Σ cols[n, p, q, i, j, c] over the (p, q, i, j) that read x[n, r, s, c]

col2im is not the inverse of im2col but its adjoint, ⟨im2col(x), c⟩ = ⟨x, col2im(c)⟩: where windows
overlap, their values are added up. So each is the backward of the other:
gx = col2im(gcols), gcols = im2col(gx).

Seen as matrices, cols is (n·oh·ow, kh·kw·c) and the weights are (kh·kw·c, f); their product is the
convolution, already in NHWC order.

Source: K. Chellapilla, S. Puri, P. Simard, High Performance Convolutional Neural Networks for
Document Processing, 2006, section 4.
"""
