"""A peer for the tests: the reference kernel behind the protocol, or one of the ways to go wrong.

Started as ``python -m tests.bench.fake_peer HOW``.
"""

from __future__ import annotations

import os
import sys
import time

from minicnn.bench.peers.serve import Call, Peer, serve
from minicnn.bench.truth import _reference

HOW = sys.argv[1] if len(sys.argv) > 1 else "right"


class FakePeer(Peer):
    def versions(self):
        return {"fake": "1.0"}

    def layer(self, problem, which, a, b):
        print("a library prints on stdout")
        if HOW == "refuses":
            raise NotImplementedError("no such convolution here\nand a second line")
        runs = []

        def run():
            runs.append(1)
            if HOW == "crashes":
                print("out of luck", file=sys.stderr, flush=True)
                os._exit(3)
            if HOW == "hangs":
                time.sleep(60)
            result = _reference(problem, which, a, b, "im2col").astype("float32")
            if HOW == "wrong" or (HOW == "wrong later" and len(runs) > 3):
                result[0, -1, -1, -1] += 0.5
            if HOW == "nan":
                result[0, 0, 0, 0] = float("nan")
            return result[..., :-1] if HOW == "shape" else result

        return Call(run, lambda result: result)


def make(threads):
    if HOW == "missing":
        raise ModuleNotFoundError("No module named 'torch'", name="torch._C")
    if HOW == "babbles":
        os.write(1, b"this is not JSON\n")
    return FakePeer(threads)


if __name__ == "__main__":
    serve(make)
