"""What all tests share: the folder of test data, and cross-checks that cannot vanish in silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from minicnn import backend

ROOT = Path(__file__).resolve().parents[1]

# Set before anything imports Keras: JAX is the backend that the cross-checks compare with.
os.environ.setdefault("KERAS_BACKEND", "jax")

# One thread, here and in processes that tests start: nearly all arrays are tiny, and on a busy machine two
# threads spend most of their time waiting for one another. tests/kernels and the tests of threads use all.
os.environ.setdefault("MINICNN_THREADS", "1")

# No test downloads anything; those of downloads ask a server of their own.
os.environ["MINICNN_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (MINICNN_TEST_DATA, or ../shared/data); skips where there is none."""
    folder = Path(os.environ.get("MINICNN_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}; MINICNN_TEST_DATA can name another folder")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Under MINICNN_REQUIRE_CROSSCHECK=1 a cross-check that is skipped is a failure."""
    report = yield
    required = os.environ.get("MINICNN_REQUIRE_CROSSCHECK") == "1"
    if required and report.skipped and item.get_closest_marker("crosscheck"):
        report.outcome = "failed"
        report.longrepr = f"MINICNN_REQUIRE_CROSSCHECK=1, but skipped: {report.longrepr}"
    return report


@pytest.fixture(params=backend.available_backends())
def each_backend(request):
    """Run a test on every backend, one after the other; the name of the one that runs."""
    with backend.use_backend(request.param):
        yield request.param


@pytest.fixture
def threads_restored():
    """Let a test set the number of threads; BLAS' number, which the environment chose, comes back."""
    before = backend.threads()
    with threadpool_limits(1, user_api="blas"):
        yield
        backend.set_threads(before)
