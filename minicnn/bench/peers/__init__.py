"""The other side of a comparison: each framework in a process of its own, one file each.

A peer is started as ``python -m minicnn.bench.peers.torch_peer`` and answers requests on its standard input,
one JSON object a line, with one JSON object a line; arrays travel as .npy files (see `serve.py`). A process
of its own keeps thread pools apart, measures memory by itself, and may crash without taking others along.
"""
