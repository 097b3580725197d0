"""Inverted dropout whose mask is a function of (key, step) and is redrawn instead of stored.

.. code-block:: text

    forward   y_i = x_i · m_i / (1 - rate),  m_i = [u_i >= round(rate · 2³²)]
    backward  gx_i = gy_i · m_i / (1 - rate)

u_i is the uint32 number i of the Philox stream of (key, step), counting elements in C order, so
that every backend drops the same ones. The forward and the backward are the same function. Dropping
is a multiplication by 0, so that a NaN is not lost. At rate 1 everything is dropped.

Source: N. Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting,
JMLR 15, 2014, section 10 (scaling at training time).
"""
