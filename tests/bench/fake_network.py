"""A peer for the tests of whole networks: minicnn itself, or one of the ways to go wrong.

Started as ``python -m tests.bench.fake_network HOW``.
"""

from __future__ import annotations

import math
import sys

import minicnn
from minicnn.bench.peers.keras_network import KerasSession
from minicnn.bench.peers.serve import Peer, serve

HOW = sys.argv[1]
minicnn.use_backend("numpy")  # as the contestant it is compared with


class Session(KerasSession):
    def load(self, weights):
        if HOW == "other weights":
            weights = {name: [array * 1.5 for array in arrays] for name, arrays in weights.items()}
        super().load(weights)

    def count(self):
        return super().count() + (HOW == "other network")

    def fit(self, images):
        loss = super().fit(images)
        return math.nan if HOW == "diverges" else loss

    def predict(self, x, images):
        if HOW == "fails":
            raise ValueError("no prediction today")
        return super().predict(x, images)


class FakePeer(Peer):
    def versions(self):
        return {"fake": "1.0"}

    def network(self, **settings):
        return Session(minicnn, pads_itself=True, **settings)


if __name__ == "__main__":
    serve(FakePeer)
