"""Fused kernels: several operations in one pass over memory, where nobody can tell the difference.

A convolution writes its result, a bias is read and written over it, ReLU once more, pooling reads it
again: four trips to memory for what can be done while the numbers are in registers. Each kernel here stands
for the plain kernels that `FUSED` in minicnn.kernels names, one after the other, and gives the same bits. It
has no reference but them, and runs only if none of them is replaced; backends without a file here run the
plain ones.
"""
