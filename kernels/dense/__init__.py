"""The dense (fully connected) product and its two gradients; the bias is added by activation/.

.. code-block:: text

    forward      y = x @ w         y[…, k] = Σ_c x[…, c] · w[c, k]
    input_grad   gx = gy @ wᵀ
    weight_grad  gw = xᵀ @ gy      summed over all leading axes

``dense_plan`` says which algorithm runs: BLAS, or micro-kernels where the weights are not too large.
"""
