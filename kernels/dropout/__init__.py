"""Inverted dropout whose mask is a function of (key, step) and is redrawn instead of stored; noise.

.. code-block:: text

    forward   y_i = x_i · m_i / (1 - rate),  m_i = [u_i >= round(rate · 2³²)]
    backward  gx_i = gy_i · m_i / (1 - rate)

u_i is the uint32 number i of the Philox stream of (key, step), counting elements in C order, so
that every backend drops the same ones. The forward and the backward are the same function. Dropping
is a multiplication by 0, so that a NaN is not lost. At rate 1 everything is dropped.

With a noise_shape, the mask is drawn for that shape, each of its elements once, and broadcast:
(n, 1, 1, c) drops whole channels of whole images (spatial dropout).

.. code-block:: text

    gaussian_noise  y_i = x_i + stddev · z_i,   gx = gy
                    z_2k = r·cos(a),  z_2k+1 = r·sin(a),  r = √(-2·log(1 - v_2k)),  a = 2π·v_2k+1

v_i is the uniform number i of the stream of (key, step), in the dtype of x. Two uniforms make two
normal numbers (Box and Muller), and 1 - v is never 0. The uniforms are the same bits on every
backend; log, cos and sin may differ in the last one.

Source: N. Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting,
JMLR 15, 2014, section 10 (scaling at training time); J. Tompson et al., Efficient Object
Localization Using Convolutional Networks, CVPR 2015, section 3.2 (spatial dropout); G. Box,
M. Muller, A Note on the Generation of Random Normal Deviates, 1958.
"""
