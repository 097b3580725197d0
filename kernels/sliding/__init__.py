"""Sums over sliding windows, compiled: depthwise convolution and pooling.

.. code-block:: text

    y[n, p, q, c] = Σ over pairs (tap, source) of p and of q:  x[n, source, source, c] · what the taps say

    runs      tables: which taps a place sees and where, and places beside each other that see the same
    gather    the loop that adds up what the tables say

A forward pass looks from an output pixel through the taps at the image, an input gradient from a pixel of
the image back at the outputs that read it. Both are sums over a few places per pixel, so they are one loop
with two kinds of table. Each result is written once and nothing is scattered, whatever the stride, dilation
or overlap.
"""
