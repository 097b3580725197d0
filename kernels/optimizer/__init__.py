"""One step of an optimizer on one parameter, in place, with the formulas of Keras 3.

.. code-block:: text

    sgd      v ← μ·v - lr·g             w ← w + v          (nesterov: w ← w + μ·v - lr·g)
             without momentum (v is None)  w ← w - lr·g
    rmsprop  s ← ρ·s + (1 - ρ)·g²       d = s + ε
             centered: a ← ρ·a + (1 - ρ)·g,  d = s - a² + ε
             u = lr·g / √d              w ← w - u          (momentum: v ← μ·v + u,  w ← w - v)
    adam     m ← m + (g - m)·(1 - β1)   s ← s + (g² - s)·(1 - β2)
             α = lr·√(1 - β2ᵗ) / (1 - β1ᵗ),  t = 1 in the first step
             w ← w - α·m / (√s + ε)     (amsgrad: ŝ ← max(ŝ, s) in place of s)
    adagrad  s ← s + g²                 w ← w - lr·g / √(s + ε)
    weight_decay  w ← w - lr·λ·w        before any of these; with adam, this is AdamW

The states v, s, a, m, ŝ have the shape and dtype of w and begin at 0 (Keras begins adagrad's s at
0.1); where a variant does not use a state, it is None. The coefficients are taken as Python
numbers, so float32 stays float32.

Source: I. Sutskever et al., On the Importance of Initialization and Momentum in Deep Learning,
2013; T. Tieleman, G. Hinton, lecture 6.5, 2012; A. Graves, Generating Sequences with RNNs, 2013,
section 4.2 (centered); D. Kingma, J. Ba, Adam, 2015, section 2; S. Reddi et al., On the
Convergence of Adam and Beyond, 2018; J. Duchi et al., Adaptive Subgradient Methods, JMLR 12, 2011;
I. Loshchilov, F. Hutter, Decoupled Weight Decay Regularization, ICLR 2019.
"""
