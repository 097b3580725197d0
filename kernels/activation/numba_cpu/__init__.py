"""Activations compiled for this processor.

.. code-block:: text

    bias.py        bias, ReLU, sigmoid, tanh and their gradients
    formulas.py    every activation as a function of one number
    from_input.py  the loops over those whose slope needs the input
    prelu.py       the leaky ReLU whose slope is learned
"""

from __future__ import annotations

from .bias import activation_grad, bias_activation_forward, bias_grad
from .from_input import activation_forward, activation_input_grad
from .prelu import prelu_forward, prelu_grad

__all__ = [
    "activation_forward",
    "activation_grad",
    "activation_input_grad",
    "bias_activation_forward",
    "bias_grad",
    "prelu_forward",
    "prelu_grad",
]
