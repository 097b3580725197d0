"""Activations and their gradients: some follow from the output, the others need the input.

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

Because a' follows from y, the pre-activation z need not be kept for the backward pass. These four
come with the bias in one kernel. Of the rest, the input x is kept:

.. code-block:: text

    activation_forward  y = a(x)                 activation_input_grad  gx = gy · a'(x)

    leaky_relu    x where x > 0, else α·x                1 where x > 0, else α
    elu           x where x > 0, else α·(exp(x) - 1)     1 where x > 0, else α·exp(x)
    selu          λ·elu(x) with α and λ fixed            λ · that
    gelu          x · Φ(x),  Φ(x) = erfc(-x/√2) / 2      Φ(x) + x · exp(-x²/2) / √(2π)
    silu          x · σ(x),  σ(x) = 1 / (1 + exp(-x))    σ(x) · (1 + x·(1 - σ(x)))
    relu6         min(max(x, 0), 6)                      1 where 0 < x < 6, else 0
    hard_sigmoid  relu6(x + 3) / 6                       1/6 where -3 < x < 3, else 0
    hard_silu     x · hard_sigmoid(x)                    0 below -3, (2x + 3)/6, 1 from 3 on
    softplus      log(1 + exp(x))                        σ(x)
    softsign      x / (1 + |x|)                          1 / (1 + |x|)²
    exponential   exp(x)                                 exp(x)

    prelu         leaky_relu with an α that is learned, broadcast against x
                  gα = Σ gy · min(x, 0) over the axes along which α is broadcast

At a kink at 0 the slope is that from below, as in relu; at a kink at ±3 or 6 it is that from
outside. But for exponential, no power of e with a positive exponent is taken, so nothing overflows.

Source: A. Maas et al., Rectifier Nonlinearities Improve Neural Network Acoustic Models, 2013
(leaky_relu); D.-A. Clevert et al., ELUs, ICLR 2016; G. Klambauer et al., Self-Normalizing Neural
Networks, NeurIPS 2017 (selu); D. Hendrycks, K. Gimpel, Gaussian Error Linear Units, 2016 (gelu and
silu); A. Howard et al., Searching for MobileNetV3, ICCV 2019 (hard_sigmoid, hard_silu); K. He
et al., Delving Deep into Rectifiers, ICCV 2015 (prelu).
"""
