"""Bias and activation in one kernel, and their gradients, the activation's from its output.

.. code-block:: text

    forward      y = a(z + b),  a one of
                 linear   a(z) = z
                 relu     a(z) = max(z, 0)
                 sigmoid  a(z) = 1 / (1 + exp(-z))
                 tanh     a(z) = tanh(z)
    activation_grad   gz = gy · a'(z), where a' follows from the output y alone
                 linear   1          relu     1 where y > 0, else 0 (also at z = 0)
                 sigmoid  y·(1 - y)  tanh     1 - y²
    bias_grad    gb[c] = Σ gy[…, c] over all axes but the last

Because a' follows from y, the pre-activation z need not be kept for the backward pass.
"""
