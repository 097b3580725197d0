"""What gradcheck takes, what it leaves alone, and what its result says."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn
from minicnn import Parameter, Tensor, inspect, layers, no_grad
from minicnn import functions as F
from minicnn.autograd import Function
from minicnn.errors import ArgumentError, GradientError
from minicnn.functions.arithmetic import AddFunction, MultiplyFunction
from minicnn.inspect import GradientCheck, gradcheck
from tests.tolerances import DERIVATIVE, assert_close

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])


class Square(Function):
    """y = x², with a backward that forgets the 2."""

    def forward(self, x):
        self.save(x=x)
        return x * x

    def backward(self, gy, needs):
        return gy * self.saved.x


# -- the result --------------------------------------------------------------------------------------


def test_a_result_that_passed():
    result = gradcheck(F.tanh, X)
    assert isinstance(result, GradientCheck) and result and result.passed
    assert (result.verdict, result.blamed) == ("passed", ())
    start, end = "gradcheck of tanh: passed for input 0. The largest relative error is ", "."
    assert result.message.startswith(start) and result.message.endswith(end)
    (row,) = result.rows
    assert row.error < DERIVATIVE
    assert_close(row.analytic, row.numeric, DERIVATIVE)


def test_a_result_that_did_not():
    result = gradcheck(Square(), X)
    assert not result and not result.passed
    row = result.rows[0]
    assert_close(2 * row.analytic, row.numeric, DERIVATIVE)
    assert result.message == (
        f"gradcheck of Square: wrong gradient of input 0. Expected a slope of {row.numeric:.6g} (differences "
        f"over h = {row.step:.0e}), got {row.analytic:.6g} (backward) for input 0. It is 2 times too small "
        "everywhere. A factor of 2 belongs to squares and to halves."
    )


def test_printing_shows_sentences_and_a_table():
    lines = repr(gradcheck(Square(), X)).splitlines()
    assert lines[0].startswith("gradcheck of Square: wrong gradient of input 0.")
    assert lines[1].split() == ["backward", "differences", "error", "step", "h"]
    assert lines[2].startswith("input 0 ") and lines[2].endswith("wrong gradient")
    assert len(lines) == 3


def test_the_elementwise_table_shows_the_worst_elements():
    class OneWrong(F.FUNCTIONS["ExpFunction"]):
        def backward(self, gy, needs):
            gx = super().backward(gy, needs)
            gx[1, 2] += 1
            return gx

    result = gradcheck(OneWrong(), np.linspace(-1, 1, 12).reshape(3, 4), mode="elementwise")
    assert result.verdict == "wrong gradient"
    assert "1 of 12 elements are wrong, the worst at [1, 2]: " in result.message
    assert len(result.rows) == 8
    first, *others = result.rows
    assert (first.name, first.verdict) == ("input 0[1, 2]", "wrong gradient")
    assert_close(first.analytic, first.numeric + 1, DERIVATIVE)
    assert {row.verdict for row in others} == {"passed"}


def test_elementwise_rows_are_partial_derivatives():
    """Of ⟨gy, x³⟩ by one element: 3·x²·gy, with |gy| from 0.5 to 1.5."""
    x = np.array([-2.0, 1.0, 3.0])
    result = gradcheck(lambda x: x**3, x, mode="elementwise")
    assert [row.name for row in result.rows] == ["input 0[0]", "input 0[1]", "input 0[2]"]
    for value, row in zip(x, result.rows, strict=True):
        assert 0.5 <= abs(row.analytic / (3 * value * value)) <= 1.5
        assert_close(row.numeric, row.analytic, DERIVATIVE)


def test_it_says_when_a_point_proves_nothing():
    result = gradcheck(F.relu, np.array([-1.0, -2.0]))
    assert result
    assert result.message == (
        "gradcheck of relu: passed for input 0. This says nothing about input 0: at this point the slope is "
        "0 or lost in rounding."
    )
    lost = gradcheck(lambda x: F.tanh(x) * 1e-3 + 1e15, np.array([1.0, -1.0]))
    assert lost and "lost in rounding" in lost.message


def test_a_kink_is_described_by_its_two_slopes():
    result = gradcheck(F.relu, np.array([0.0]))
    row = result.rows[0]
    assert 0.0 in (row.left, row.right) and row.left != row.right
    assert result.message == (
        f"gradcheck of relu: kink crossed at input 0. input 0: the slope is {row.left:.6g} to the left and "
        f"{row.right:.6g} to the right (h = {row.step:.0e}), 0 by backward. Move the input away from the "
        "kink (0 of a ReLU, a tie of a maximum, a limit of a clip)."
    )


def test_raise_on_failure():
    assert gradcheck(F.tanh, X, raise_on_failure=True)
    with pytest.raises(GradientError, match=r"wrong gradient of input 0\. Expected a slope of"):
        gradcheck(Square(), X, raise_on_failure=True)


# -- inputs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inputs",
    [
        X,
        [X],
        (X,),
        Tensor(X),
        [Tensor(X.astype("float32"), requires_grad=True)],
        [X.tolist()],
        [X.astype("f2")],
    ],
    ids=["array", "list", "tuple", "tensor", "float32 leaf", "nested numbers", "float16"],
)
def test_inputs_of_floats(inputs):
    seen = []

    def function(x):
        seen.append(x.dtype)
        return F.sqrt(x)

    assert gradcheck(function, inputs)
    assert set(seen) == {np.dtype(np.float64)}


def test_integers_and_the_rest_are_passed_on():
    seen = []

    def function(z, labels, axis, name, nothing, exact):
        seen.append((labels.dtype, axis, name, nothing, exact))
        return F.softmax_cross_entropy(z, labels).sum(axis) * exact

    labels = np.array([2, 0])
    result = gradcheck(function, [X, labels, 0, "name", None, np.int32(3)])
    assert result and [row.name for row in result.rows] == ["input 0"]
    assert set(seen) == {(labels.dtype, 0, "name", None, 3)}


def test_python_floats_are_inputs_too():
    result = gradcheck(lambda x, p: x**p, [X, 1.5])
    assert result and [row.name for row in result.rows] == ["input 0", "input 1"]


def test_lists_of_arrays_are_inputs_inside_an_input():
    result = gradcheck(lambda pair, axis: F.concatenate(pair, axis), [[X, X[:1]], 0])
    assert result and [row.name for row in result.rows] == ["input 0[0]", "input 0[1]"]


def test_several_outputs():
    assert gradcheck(lambda x: [F.exp(x), x.sum(axis=0)], [X])
    wrong = gradcheck(lambda x: (F.exp(x), Square()(x)), [X])
    assert wrong.verdict == "wrong gradient"


def test_inputs_and_random_numbers_stay_as_they_were():
    x = Tensor(X.astype("float32"), requires_grad=True)
    before = x.numpy().copy()
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    minicnn.random.set_seed(5)
    assert gradcheck(F.exp, x)
    assert (x.dtype, x.grad) == (np.float32, None)
    np.testing.assert_array_equal(x.numpy(), before)
    assert np.random.random() == expected
    assert (minicnn.random.get_seed(), minicnn.random.next_stream("gradcheck")) == (5, 0)


def test_the_seed_decides_the_directions():
    slopes = [gradcheck(F.exp, X, seed=seed).rows[0].analytic for seed in (0, 0, 1)]
    assert slopes[0] == slopes[1] != slopes[2]


def test_it_works_where_nothing_is_recorded():
    with no_grad():
        assert gradcheck(F.exp, X).rows[0].analytic != 0


def test_empty_arrays_and_single_numbers():
    assert gradcheck(F.exp, np.zeros((0, 3)))
    assert gradcheck(F.exp, 1.5)
    assert gradcheck(F.sum, X, mode="elementwise")


def test_an_output_that_forgot_its_history():
    result = gradcheck(lambda x: Tensor(2 * x.numpy()), X)
    assert result.verdict == "wrong gradient"
    assert (
        "It is zero everywhere: backward forgot this input, or its history was lost on the way."
        in result.message
    )


# -- layers, models, parameters ----------------------------------------------------------------------


def test_a_layer_is_built_and_its_weights_are_checked():
    layer = layers.Dense(4, activation="tanh", name="head")
    result = gradcheck(layer, X)
    assert result and [row.name for row in result.rows] == ["input 0", "head/kernel", "head/bias"]
    assert [weight.dtype for weight in layer.weights] == [np.float32] * 2


def test_parameters_come_back_exactly():
    layer = layers.Dense(2)
    layer(X)
    layer.kernel.grad = gradient = Tensor(np.ones((3, 2), "float32"))
    layer.bias.trainable = False
    data = [weight.data for weight in layer.weights]
    versions = [weight._version[0] for weight in layer.weights]
    assert [row.name for row in gradcheck(layer, X).rows] == ["input 0", layer.kernel.path]
    assert all(weight.data is array for weight, array in zip(layer.weights, data, strict=True))
    assert versions == [weight._version[0] for weight in layer.weights]
    assert layer.kernel.grad is gradient and layer.bias.grad is None
    assert (layer.kernel.requires_grad, layer.bias.requires_grad) == (True, False)


def test_parameters_come_back_after_an_error():
    class Stumbles(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight((3,), "ones", name="scale")

        def call(self, x):
            if x.dtype == np.float64:
                raise KeyError("stumbled")
            return x * self.scale

    layer = Stumbles()
    layer(X)
    data = layer.scale.data
    with pytest.raises(KeyError, match="stumbled"):
        gradcheck(layer, X)
    assert layer.scale.data is data and layer.scale.requires_grad


def test_parameters_of_a_function():
    scale = Parameter(np.array([2.0, 3.0, 4.0], "float32"), name="scale")
    result = gradcheck(lambda x: x * scale, X, parameters=[scale])
    assert result and [row.name for row in result.rows] == ["input 0", "scale"]
    assert gradcheck(lambda x: x * scale, np.arange(3), parameters=[scale]).rows[0].name == "scale"


def test_only_the_parameters_asked_for():
    layer = layers.Dense(2, name="two")
    layer(X)
    assert [row.name for row in gradcheck(layer, X, parameters=[layer.bias]).rows] == ["input 0", "two/bias"]
    assert [row.name for row in gradcheck(layer, X, parameters=[]).rows] == ["input 0"]


def test_statistics_of_a_layer_are_left_alone():
    class Counts(layers.Layer):
        def build(self, input_shape):
            self.calls = self.add_weight((), "zeros", trainable=False, name="calls")

        def call(self, x):
            self.calls.assign(self.calls.numpy() + 1)
            return x * self.calls  # 1 at every run of the check, else it would not be one function

    layer = Counts()
    layer(X)
    assert gradcheck(layer, X)
    assert (layer.calls.item(), layer.calls.dtype) == (1.0, np.float32)


def test_models():
    x = layers.Input((6, 6, 1))
    h = layers.Conv2D(2, 3, activation="sigmoid")(x)
    model = minicnn.Model(x, [layers.Flatten()(h), layers.AveragePooling2D(2)(h)])
    result = gradcheck(model, np.random.default_rng(0).normal(size=(2, 6, 6, 1)))
    assert result and len(result.rows) == 3
    unbuilt = minicnn.Sequential([layers.Dense(3, activation="tanh"), layers.Dense(2)])
    assert len(gradcheck(unbuilt, X).rows) == 5
    a, b = layers.Input((3,)), layers.Input((3,))
    two = minicnn.Model([a, b], a * b + a)
    assert [row.name for row in gradcheck(two, [[X, X + 1]]).rows] == ["input 0[0]", "input 0[1]"]


def test_a_layer_keeps_integer_inputs():
    class Pick(layers.Layer):
        def call(self, x, index):
            assert index.dtype.kind == "i"
            return x[index]

    assert gradcheck(Pick(), [X, np.array([1, 1, 0])])


# -- findings that need no differences ---------------------------------------------------------------


class Unsummed(AddFunction):
    def backward(self, gz, needs):
        return gz, gz


class Float32Gradient(MultiplyFunction):
    def backward(self, gz, needs):
        return tuple(None if g is None else g.astype("float32") for g in super().backward(gz, needs))


class Float32Inside(MultiplyFunction):
    def backward(self, gz, needs):
        gx, gy = super().backward(gz, (True, True))
        return gx, gy.astype("float32").astype("float64")


class OnlyWhatIsNeeded(MultiplyFunction):
    def backward(self, gz, needs):
        return tuple(g for g in super().backward(gz, needs) if g is not None)


class StumblesOverNone(MultiplyFunction):
    def backward(self, gz, needs):
        gx, gy = super().backward(gz, needs)
        return gx * 1, gy * 1


class OverwritesUpstream(MultiplyFunction):
    def backward(self, gz, needs):
        grads = super().backward(gz, needs)
        gz *= 2
        return grads


class OverwritesInput(Function):
    def forward(self, x):
        self.save(x=x)
        return x * x

    def backward(self, gy, needs):
        x = self.saved.x
        x *= 2
        return gy * x


FINDINGS = [
    (
        Unsummed(),
        [X, X[0]],
        ("wrong gradient", ("input 1",)),
        "wrong gradient, the gradient of input 1 is refused. backward of Unsummed: the gradient of input 1 "
        "is unlike it. Expected (3,) float64, got (2, 3) float64. input 1 was broadcast: its gradient is the "
        "sum over the broadcast axes.",
    ),
    (
        Float32Gradient(),
        [X, X + 1],
        ("precision too low", ("input 0", "input 1")),
        "precision too low, the gradient of input 0 and input 1 is refused. backward of Float32Gradient: the "
        "gradient of input 0 is unlike it. Expected (2, 3) float64, got (2, 3) float32.",
    ),
    (
        Float32Inside(),
        [X, X + 1],
        ("precision too low", ("input 1",)),
        "precision too low, the gradient of input 1 has only the digits of float32. Look for casts in "
        "backward.",
    ),
    (
        lambda x: x.astype("float32"),
        [X],
        ("precision too low", ()),
        "precision too low, the result is not float64. Got float32. Look for casts and float32 constants "
        "inside.",
    ),
    (
        OnlyWhatIsNeeded(),
        [X, X + 1],
        ("needs ignored", ("input 0",)),
        "needs ignored, the gradient of input 0 is another when it alone is wanted. GradientError: backward "
        "of OnlyWhatIsNeeded: one gradient per input. Expected 2, got 1. Return one gradient or None per "
        "input, each whatever `needs` says of the others.",
    ),
    (
        StumblesOverNone(),
        [X, X + 1],
        ("needs ignored", ("input 0",)),
        "needs ignored, the gradient of input 0 is another when it alone is wanted. TypeError: unsupported "
        "operand type(s) for *: 'NoneType' and 'int'. Return one gradient or None per input, each whatever "
        "`needs` says of the others.",
    ),
    (
        OverwritesUpstream(),
        [X, X + 1],
        ("input changed", ("the upstream gradient",)),
        "input changed, backward writes into the upstream gradient. Others may hold the same array: make a "
        "new one (x = x + 1, not x += 1).",
    ),
    (
        OverwritesInput(),
        [X],
        ("input changed", ("input 0",)),
        "input changed, backward writes into input 0. Others may hold the same array: make a new one "
        "(x = x + 1, not x += 1).",
    ),
    (
        F.softmax_cross_entropy,
        [X, X / X.sum(1, keepdims=True)],
        ("backward failed", ("input 1",)),
        "backward failed, the gradient of input 1 is refused. backward of softmax_cross_entropy: the target "
        "has no gradient here. Detach it: target.detach().",
    ),
    (
        F.log,
        [X - 1],
        ("not finite", ()),
        "not finite, the function is infinite or NaN at this point.",
    ),
    (
        F.sqrt,
        [X - 1],
        ("not finite", ("input 0",)),
        "not finite, the gradient of input 0 is infinite or NaN. Differences cannot judge it: move the "
        "input.",
    ),
    (
        lambda x: x**1.5,
        [X - 1],
        ("not finite", ("input 0",)),
        "not finite at input 0. input 0: the function is infinite or NaN close to this point. "
        "Move the input.",
    ),
    (
        lambda x: layers.Dropout(0.5)(x, training=True),
        [X],
        ("random operation", ()),
        "random operation, two runs on the same input differ. Freeze it: check inside `with "
        "minicnn.random.at_step(0):`, or with training=False.",
    ),
]


@pytest.mark.parametrize("function, inputs, finding, text", FINDINGS, ids=lambda value: type(value).__name__)
def test_findings_in_words(function, inputs, finding, text):
    result = gradcheck(function, inputs)
    assert (result.verdict, result.blamed) == finding
    _, found = result.message.split(": ", 1)
    assert found == text


def test_several_wrong_gradients_are_all_named():
    class BothWrong(MultiplyFunction):
        def backward(self, gz, needs):
            gx, gy = super().backward(gz, (True, True))
            return -gx, 3 * gy

    result = gradcheck(
        BothWrong(),
        [
            X,
            X + 1,
        ],
    )
    assert result.blamed == ("input 0", "input 1")
    assert (
        "For input 0: The sign is flipped. For input 1: It is 3 times too large everywhere." in result.message
    )


def test_a_random_operation_that_rarely_differs_is_not_called_wrong():
    """Equal in the first two runs, then different: the slopes disagree, but that is not backward's fault."""
    runs = iter(range(1000))

    def function(x):
        return x * (1.0 if next(runs) < 8 else float(next(runs)))

    assert gradcheck(function, X).verdict == "random operation"


# -- errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: gradcheck(F.exp, X, mode="all"),
            "gradcheck: mode. Expected 'directional' or 'elementwise', got 'all'.",
        ),
        (
            lambda: gradcheck("exp", X),
            "gradcheck: function. Expected a function, Function, Layer or Model, got 'exp'.",
        ),
        (
            lambda: gradcheck(F.exp, np.arange(3)),
            "gradcheck of exp: there is nothing to differentiate by. Give at least one input of floats; "
            "integers have no gradient.",
        ),
        (
            lambda: gradcheck(F.exp, X, parameters=[X]),
            "gradcheck of exp: parameters. Expected Parameters, got ndarray.",
        ),
        (
            lambda: gradcheck(lambda x: x > 0, X),
            "gradcheck of a function: the function does not return a Tensor of floats. Got dtype bool.",
        ),
        (
            lambda: gradcheck(lambda x: x.numpy(), X),
            "gradcheck of a function: the function does not return a Tensor of floats. Got ndarray.",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert str(caught.value) == text


def test_the_package_exports():
    assert inspect.__all__ == ["GradientCheck", "Sanity", "gradcheck", "sanity"]
    assert minicnn.inspect is inspect
