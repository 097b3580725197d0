"""2-D convolution (cross-correlation, as in every deep-learning library) and its two gradients.

.. code-block:: text

    forward      y[n, p, q, k] = Σ_ijc x[n, r, s, c] · w[i, j, c, k]
    input_grad   gx[n, r, s, c] = Σ gy[n, p, q, k] · w[i, j, c, k]   over all that read (r, s)
    weight_grad  gw[i, j, c, k] = Σ_npq gy[n, p, q, k] · x[n, r, s, c]

with r = p·sh - top + i·dh, s = q·sw - left + j·dw, and x = 0 outside the image. With groups,
channels and filters are cut into as many equal runs, and run number r of the filters sees only run
number r of the channels; w is (kh, kw, c/groups, f). Pixels that no window reads have gradient 0.

The transposed convolution needs no kernel of its own: it is ``conv2d_input_grad``, and its
gradients are ``conv2d_forward`` and ``conv2d_weight_grad``.

Algorithms
    ``naive``   naive.py: the seven loops as written above; for reading, stepping and checking.
    ``im2col``  tiled_im2col.py: windows copied to rows, one matrix product for each tile
                (tiling.py), with at most WORKSPACE_LIMIT bytes of workspace for any batch.
    ``auto``    what ``conv2d_plan`` answers for these shapes.

In matrices, with cols = im2col(x):
forward ``y = cols @ w``, input_grad ``gx = col2im(gy @ wᵀ)``, weight_grad ``gw = colsᵀ @ gy``.

Source: V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning, 2016, section 2
and 4; K. Chellapilla et al., High Performance CNNs for Document Processing, 2006 (im2col).
"""
