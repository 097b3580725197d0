"""Normalization: shift and scale values to mean 0 and variance 1, then by what was learned.

.. code-block:: text

    forward   x̂ = (x - mean) · rstd,   rstd = 1 / √(var + ε)
              y = γ · x̂ + β
    backward  gβ = Σ gy,   gγ = Σ gy · x̂
              gx = rstd · (gx̂ - mean(gx̂) - x̂ · mean(gx̂ · x̂)),   gx̂ = γ · gy

The three differ in the values that share a mean and a variance, and in nothing else:

    batch_norm   all values of one channel, over the batch and the pixels    mean (c,)
    layer_norm   all values of one sample over the last axes                 mean (n, …)
    group_norm   one sample's values of c/groups channels, over all pixels   mean (n, groups)

γ and β are one number for each channel (layer_norm: for each position in the last axes); None
stands for 1 and 0. var is the mean of (x - mean)², divided by the number of values and not by one
less. It is computed from the differences: mean(x²) - mean² would lose all digits where the mean is
large. Sums are taken in float64 whatever the dtype of x is.

In gx the two means are what flows back through mean and var: gx sums to 0 over each set of values
and is orthogonal to x̂, since neither a shift nor a scaling of x changes y. With fixed statistics
(batch_norm_inference) they are missing, ``gx = γ · gy / √(var + ε)``, which is
``batch_norm_inference(gy, gamma, None, zeros, var, epsilon)``.

Source: S. Ioffe, C. Szegedy, Batch Normalization, ICML 2015, algorithm 1; J. Ba, J. Kiros,
G. Hinton, Layer Normalization, 2016; Y. Wu, K. He, Group Normalization, ECCV 2018.
"""
