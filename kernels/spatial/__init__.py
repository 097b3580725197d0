"""Changing the height and width of images: padding, cropping, upsampling.

.. code-block:: text

    pad2d   y[n, p, q, c] = x[n, p - top, q - left, c], and value outside x
    crop2d  y[n, p, q, c] = x[n, p + top, q + left, c]
            pad2d with value 0 and crop2d by the same amounts are adjoint: each is the other's backward

    upsample2d by (fh, fw)
        nearest   y[n, p, q, c] = x[n, ⌊p / fh⌋, ⌊q / fw⌋, c]
                  gx[n, r, s, c] = Σ gy[n, p, q, c] over the fh · fw pixels that show (r, s)
        bilinear  y = (1 - t) · x[⌊u⌋] + t · x[⌊u⌋ + 1],  u = (p + 1/2) / fh - 1/2,  t = u - ⌊u⌋,
                  along the rows, then the same along the columns; rows outside x are its edge rows
                  gx = the transpose of this linear map, applied to gy

Bilinear weights pixel centres: output pixel p has its centre at (p + 1/2) / fh of the input, and
input pixel r at r + 1/2. So resize Keras, TensorFlow 2 and Pillow; corners are not aligned.

Source: P. Smith, Bilinear Interpolation of Digital Images, Ultramicroscopy 6, 1981; J. Long,
E. Shelhamer, T. Darrell, Fully Convolutional Networks for Semantic Segmentation, CVPR 2015,
section 3.3 (its transpose as an upsampling layer).
"""
