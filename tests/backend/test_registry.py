"""Which kernel runs: the current backend, registered algorithms, overrides and their errors."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import Tensor, backend, functions
from minicnn.errors import ArgumentError, BackendError, ShapeError
from minicnn.geometry import resolve_window
from minicnn.kernels import OPERATIONS
from minicnn.kernels.conv2d import reference as conv2d_reference
from minicnn.kernels.im2col import reference as im2col_reference
from tests import oracles
from tests.tolerances import KERNEL, assert_close

ROOT = Path(__file__).resolve().parents[2]
EXACT = KERNEL[np.dtype(np.float64)]


# -- the current backend -------------------------------------------------------------------------------


def test_numpy_is_there_and_current():
    assert "numpy" in backend.available_backends()
    with backend.use_backend("numpy"):
        assert backend.current_backend() == "numpy"


def test_use_backend_as_call_and_as_block(monkeypatch):
    monkeypatch.setitem(backend.registry._FILES, "other", "reference")
    before = backend.current_backend()
    with backend.use_backend("other"):
        assert backend.current_backend() == "other"
        with backend.use_backend("numpy"):
            assert backend.current_backend() == "numpy"
        assert backend.current_backend() == "other"
    assert backend.current_backend() == before
    with pytest.raises(KeyError), backend.use_backend("other"):
        raise KeyError
    assert backend.current_backend() == before
    with backend.use_backend(before):  # restores what the call below changes
        switched = backend.use_backend("other")
        assert backend.current_backend() == "other"
        with switched:  # a call that is then used as a block
            pass
        assert backend.current_backend() == before


def test_a_node_keeps_its_backend(monkeypatch):
    monkeypatch.setitem(backend.registry._FILES, "other", "reference")
    x = Tensor([1.0], requires_grad=True)
    with backend.use_backend("other"):
        y = functions.relu(x)
    asked = []
    own = backend.kernel
    monkeypatch.setattr(backend, "kernel", lambda op, name, algorithm: asked.append(name) or own(op, "numpy"))
    y.backward()
    assert asked == ["other"]


def test_an_unknown_backend_is_named():
    known = ", ".join(backend.available_backends())
    with pytest.raises(BackendError) as error:
        backend.use_backend("tensorflow")
    assert str(error.value) == (
        f"use_backend: there is no such backend. Expected one of {known}, got 'tensorflow'."
    )
    for ask in (backend.kernel, backend.algorithms):
        with pytest.raises(BackendError, match="there is no such backend"):
            ask("im2col", "tensorflow")


def run_with_variable(value, code):
    environment = {"MINICNN_BACKEND": value, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, text=True, capture_output=True, check=False
    )


def test_the_environment_variable_chooses_the_first_backend():
    code = "from minicnn import backend; print(backend.current_backend())"
    assert run_with_variable("numpy", code).stdout == "numpy\n"
    done = run_with_variable("abacus", code)
    assert done.returncode != 0
    expected = "BackendError: MINICNN_BACKEND: there is no such backend. Expected one of "
    assert expected in done.stderr and done.stderr.endswith("got 'abacus'.\n")


def test_a_bad_variable_does_not_matter_where_code_chooses():
    code = "from minicnn import use_backend, Tensor; use_backend('numpy'); print((Tensor([1.0]) + 1).item())"
    assert run_with_variable("abacus", code).stdout == "2.0\n"


# -- looking kernels up --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", backend.available_backends())
def test_every_operation_has_a_kernel(name):
    assert set(backend.operations()) == set(OPERATIONS)
    for op in backend.operations():
        assert callable(backend.kernel(op, name))


def test_an_unknown_operation_is_named():
    for ask in (backend.kernel, backend.algorithms, lambda op: backend.register(op, "numpy", "a", print)):
        with pytest.raises(ArgumentError, match=r"there is no operation 'conv3d'\. Expected one of act"):
            ask("conv3d")
    with pytest.raises(ArgumentError, match=r"^override: there is no operation 'conv3d'\."):
        backend.override(conv3d=print)


def test_a_backend_without_a_kernel_says_so(monkeypatch):
    monkeypatch.setitem(backend.registry._FILES, "empty", "no_such_file")
    with pytest.raises(BackendError) as error:
        backend.kernel("im2col", "empty")
    assert str(error.value) == ("backend 'empty': it has no kernel for 'im2col'. Use use_backend(\"numpy\").")


def test_an_unknown_algorithm_is_named():
    with pytest.raises(ArgumentError) as error:
        backend.kernel("conv2d_forward", "numpy", "winograd")
    assert str(error.value) == (
        "conv2d_forward: there is no such algorithm. Expected one of auto, im2col, naive, got 'winograd'."
    )


def convolution(dtype="float64", **options):
    """A convolution's output and gradients, with everything drawn anew from one seed."""
    rng = np.random.default_rng(3)
    x = Tensor(rng.normal(size=(2, 7, 6, 2)).astype(dtype), requires_grad=True)
    w = Tensor(rng.normal(size=(3, 2, 2, 4)).astype(dtype), requires_grad=True)
    y = functions.conv2d(x, w, strides=(2, 1), padding="same", **options)
    y.backward(rng.normal(size=y.shape))
    return [y.numpy(), x.grad.numpy(), w.grad.numpy()]


@pytest.mark.parametrize("algorithm", ["im2col", "naive"])
def test_algorithms_by_name_agree(algorithm):
    for found, expected in zip(convolution(algorithm=algorithm), convolution(), strict=True):
        assert_close(found, expected, EXACT)


# -- registering ---------------------------------------------------------------------------------------


@pytest.fixture(params=backend.available_backends())
def registered(request):
    """Register algorithms of the backend that runs, for one test."""
    done = []

    def register(op, name, fn):
        backend.register(op, request.param, name, fn)
        done.append((op, request.param, name))

    with backend.use_backend(request.param):
        yield register
    for key in done:
        backend.unregister(*key)


def test_a_registered_algorithm_runs_when_asked_for(registered):
    calls = []

    def mine(x, w, g, groups, out_hw, out=None):
        calls.append(x.shape)
        return conv2d_reference.conv2d_forward_naive(x, w, g, groups, out_hw, out)

    registered("conv2d_forward", "mine", mine)
    known = backend.algorithms("conv2d_forward")
    assert known[-1] == "mine" and {"im2col", "naive"} < set(known)
    x, w = np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1))
    assert (
        functions.conv2d(x, w).numpy().tolist() == functions.conv2d(x, w, algorithm="mine").numpy().tolist()
    )
    assert calls == [(1, 3, 3, 1)]


def test_unregister():
    backend.register("im2col", "numpy", "mine", im2col_reference.im2col)
    assert backend.algorithms("im2col", "numpy") == ("default", "mine")
    backend.unregister("im2col", "numpy", "mine")
    assert backend.algorithms("im2col", "numpy") == ("default",)
    with pytest.raises(ArgumentError) as error:
        backend.unregister("im2col", "numpy", "mine")
    assert str(error.value) == "unregister: 'mine' is not registered for 'im2col' on 'numpy'."


@pytest.mark.parametrize("name", ["auto", "im2col", "naive"])
def test_names_that_are_taken(name):
    with pytest.raises(ArgumentError, match=f"already has an algorithm '{name}' on 'numpy'"):
        backend.register("conv2d_forward", "numpy", name, print)


def test_only_functions_can_be_registered():
    with pytest.raises(ArgumentError) as error:
        backend.register("im2col", "numpy", "mine", 3)
    assert str(error.value) == "register: the kernel for 'im2col' is not a function. Got 3."
    with pytest.raises(ArgumentError, match=r"^override: the kernel for 'im2col' is not a function"):
        backend.override(im2col=None)


# -- overriding ----------------------------------------------------------------------------------------


class Spy:
    """A function that counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.function(*args, **kwargs)


def test_an_override_holds_inside_its_block():
    spy = Spy(backend.registry.builtin("softmax_forward", "numpy"))
    with backend.override(softmax_forward=spy):
        functions.softmax(Tensor([[1.0, 2.0]]))
        with backend.override(im2col=im2col_reference.im2col):
            functions.softmax(Tensor([[1.0, 2.0]]))
    functions.softmax(Tensor([[1.0, 2.0]]))
    assert spy.calls == 2
    assert backend.registry.overridden() == frozenset()


def test_the_innermost_override_wins_and_an_exception_ends_it():
    outer, inner = (Spy(backend.registry.builtin("softmax_forward", "numpy")) for _ in range(2))
    with backend.override(softmax_forward=outer):
        with pytest.raises(KeyError), backend.override(softmax_forward=inner):
            functions.softmax(Tensor([[1.0, 2.0]]))
            raise KeyError
        functions.softmax(Tensor([[1.0, 2.0]]))
    assert (outer.calls, inner.calls) == (1, 1)


def test_another_thread_is_not_affected():
    spy = Spy(backend.registry.builtin("softmax_forward", "numpy"))
    with backend.override(softmax_forward=spy):
        thread = threading.Thread(target=lambda: functions.softmax(Tensor([[1.0, 2.0]])))
        thread.start()
        thread.join()
    assert spy.calls == 0


def loops(x, kernel_hw, g, out_hw):
    """A student's im2col: plain loops, no `out`."""
    return oracles.im2col(x, kernel_hw, g, out_hw).astype(x.dtype)


def test_an_own_im2col_selects_the_composed_algorithm():
    expected = convolution()
    im2col, col2im = Spy(loops), Spy(im2col_reference.col2im)
    with backend.override(im2col=im2col):
        found = convolution()
    assert im2col.calls == 2, "once in the forward pass, once for the weight gradient"
    for a, b in zip(found, expected, strict=True):
        assert_close(a, b, EXACT)
    with backend.override(col2im=col2im):
        found = convolution()
    assert col2im.calls == 1, "once for the input gradient"
    for a, b in zip(found, expected, strict=True):
        assert_close(a, b, EXACT)


def test_an_own_im2col_is_used_by_1x1_convolutions_and_by_the_function_itself():
    im2col = Spy(loops)
    x = np.ones((1, 3, 3, 2))
    with backend.override(im2col=im2col):
        functions.conv2d(x, np.ones((1, 1, 2, 1)))
        functions.im2col(x, 2)
    assert im2col.calls == 2


def test_a_wrong_im2col_changes_the_result():
    with backend.override(im2col=lambda *a: 2 * loops(*a)):
        y, gx, gw = convolution()
    expected = convolution()
    assert_close(y, 2 * expected[0], EXACT)
    assert_close(gx, expected[1], EXACT)
    assert_close(gw, 2 * expected[2], EXACT)


def test_an_own_im2col_of_the_wrong_shape_is_named():
    with backend.override(im2col=lambda *a: loops(*a)[..., :1]), pytest.raises(ArgumentError, match="im2col"):
        convolution()


def seven_loops(x, w, g, groups, out_hw):
    """A student's convolution: no `out`, float64 whatever comes in."""
    return oracles.conv2d_forward(x, w, g, groups, out_hw)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_plain_function_without_out_may_stand_in(dtype):
    expected = convolution(dtype)
    with backend.override(conv2d_forward=seven_loops):
        found = convolution(dtype)
    assert found[0].dtype == dtype
    for a, b in zip(found, expected, strict=True):
        assert_close(a, b, KERNEL[np.dtype(dtype)])


def test_a_lambda_and_a_partial_may_stand_in():
    expected = convolution()
    function = partial(lambda scale, x, w, g, groups, out_hw: scale * seven_loops(x, w, g, groups, out_hw), 3)
    with backend.override(conv2d_forward=function):
        y, _, _ = convolution()
    assert_close(y, 3 * expected[0], EXACT)
    relu = lambda z, b, activation: np.maximum(z if b is None else z + b, 0)  # noqa: E731
    with backend.override(bias_activation_forward=relu):
        assert functions.relu(Tensor([-1.0, 2.0])).numpy().tolist() == [0.0, 2.0]


def test_a_registered_function_needs_no_out_either(registered):
    registered("conv2d_forward", "loops", seven_loops)
    y = functions.conv2d(np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1)), algorithm="loops")
    assert y.numpy().ravel().tolist() == [4.0] * 4


@pytest.mark.parametrize(
    ("result", "got"),
    [
        (lambda x, w, g, groups, out_hw: None, "NoneType"),
        (lambda x, w, g, groups, out_hw: np.zeros((1, 5, 6, 4)), "shape (1, 5, 6, 4)"),
        (lambda x, w, g, groups, out_hw: 0.0, "float"),
    ],
)
def test_a_function_that_returns_something_else_is_named(result, got):
    with backend.override(conv2d_forward=result), pytest.raises(ArgumentError) as error:
        convolution()
    assert str(error.value) == (
        f"<lambda>: it returned the wrong result. Expected an array of shape (2, 4, 6, 4), got {got}."
    )


def test_dense_layers_and_optimizers_can_be_overridden():
    calls = []

    def step(w, gw, velocity, learning_rate, momentum, nesterov):
        calls.append(w.shape)
        w -= learning_rate * gw

    model = minicnn.Sequential([minicnn.layers.Input((3,)), minicnn.layers.Dense(2)])
    model.compile(minicnn.optimizers.SGD(0.1), "mse")
    with backend.override(sgd_update_=step, dense_forward=lambda x, w: x @ w):
        model.train_on_batch(np.ones((2, 3)), np.zeros((2, 2)))
    assert calls == [(3, 2), (2,)]


# -- errors of kernels ---------------------------------------------------------------------------------


def test_a_kernels_value_error_comes_out_as_ours():
    g, out_hw = resolve_window("here", (4, 4), (2, 2))
    with pytest.raises(ArgumentError, match=r"^im2col: .*\. Expected .*, got ") as error:
        backend.kernel("im2col")(np.ones((4, 4, 1)), (2, 2), g, out_hw)
    assert isinstance(error.value.__cause__, ValueError)


def test_a_bare_value_error_gets_the_operations_name():
    def fails(x):
        raise ValueError("no luck")

    with (
        backend.override(softmax_forward=fails),
        pytest.raises(ArgumentError, match=r"^softmax_forward: no luck"),
    ):
        functions.softmax(Tensor([[1.0]]))


def test_our_own_errors_and_other_exceptions_pass_through():
    def shape_error(x):
        raise ShapeError("mine: as it is.")

    def bug(x):
        raise ZeroDivisionError

    with (
        backend.override(softmax_forward=shape_error),
        pytest.raises(ShapeError, match=r"^mine: as it is\.$"),
    ):
        functions.softmax(Tensor([[1.0]]))
    with backend.override(softmax_forward=bug), pytest.raises(ZeroDivisionError):
        functions.softmax(Tensor([[1.0]]))
