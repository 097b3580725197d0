"""The benchmark lab: times that can be trusted, because every result was checked in the same run.

`descriptors.py` and `layer_sets.py` say what is measured, `truth.py` checks results, `statistics.py` says
what samples prove, `roof.py` and `manifest.py` describe the machine, `layers.py` and `networks.py` measure,
`peers/` holds Keras and PyTorch in processes of their own, `report.py` shows it all. `checker/` finds out
whether somebody's own kernel is right. The commands are ``minicnn bench`` and ``minicnn kernel``.
"""
