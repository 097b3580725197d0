"""Reverse mode: small graphs by hand, random graphs against forward mode, and every way to be refused."""

from __future__ import annotations

import random

import numpy as np
import pytest

import minicnn
from minicnn import Function, Parameter, Tensor, functions, grad, no_grad
from minicnn.errors import ArgumentError, GradientError
from tests.tolerances import KERNEL

EXACT = KERNEL[np.dtype(np.float64)]


def leaf(*values, dtype="float64"):
    return Tensor(np.array(values, dtype), requires_grad=True)


class Recorder(Function):
    """z = x·y, which notes for what inputs a gradient was asked."""

    equation, backward_equation = "z = x·y", "gx = gz·y, gy = gz·x"

    def __init__(self):
        self.asked = []

    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, gz, needs):
        self.asked.append(needs)
        return gz * self.saved.y, gz * self.saved.x


# -- by hand -----------------------------------------------------------------------------------------


def test_diamond():
    """a = 1, b = a + a, c = b + b: whoever visits b before both its uses are counted says 2 or 3."""
    a = leaf(1.0)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad.item() == 4.0
    assert (b.grad, c.grad) == (None, None)  # only leaves keep one


def test_uses_at_different_depths():
    x = leaf(3.0)
    y = x * x
    z = y * x + y + x  # x³ + x² + x
    z.backward()
    assert x.grad.item() == 3 * 9 + 2 * 3 + 1


def test_leaves_accumulate_until_zero_grad():
    x = leaf(2.0, 3.0)
    for expected in ([4.0, 6.0], [8.0, 12.0]):
        (x * x).sum().backward()
        assert x.grad.numpy().tolist() == expected
    x.zero_grad()
    assert x.grad is None
    (x * x).sum().backward()
    assert x.grad.numpy().tolist() == [4.0, 6.0]


def test_an_upstream_gradient_may_be_given():
    for upstream in (np.array([1.0, 10.0]), [1.0, 10.0], Tensor(np.array([1.0, 10.0])), np.float32([1, 10])):
        x = leaf(2.0, 3.0)
        (x * x).backward(upstream)
        assert x.grad.numpy().tolist() == [4.0, 60.0]
        assert x.grad.dtype == np.float64


def test_a_leaf_is_its_own_derivative():
    x = leaf(2.0)
    upstream = np.array([5.0])
    x.backward(upstream)
    upstream[0] = 0.0
    assert x.grad.item() == 5.0
    x.backward()
    assert x.grad.item() == 6.0


def test_grad_is_a_tensor_without_history():
    x = leaf(2.0)
    (x * x).backward()
    assert isinstance(x.grad, Tensor)
    assert not x.grad.requires_grad and x.grad.creator is None


# -- against forward mode ----------------------------------------------------------------------------


class Dual:
    """A number with its derivative, by the rules of calculus, front to back."""

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def __add__(self, other):
        return Dual(self.value + other.value, self.slope + other.slope)

    def __sub__(self, other):
        return Dual(self.value - other.value, self.slope - other.slope)

    def __mul__(self, other):
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    def __truediv__(self, other):
        value = self.value / other.value
        return Dual(value, (self.slope - value * other.slope) / other.value)


def random_graph(rng, inputs, steps):
    """Combine random earlier values; the last ones feed the result, so that most of the graph counts."""
    values = list(inputs)
    for _ in range(steps):
        a, b = rng.choice(values), rng.choice(values)
        kind = rng.randrange(4)
        if kind == 0:
            values.append(a + b)
        elif kind == 1:
            values.append(a - b)
        elif kind == 2:
            values.append(a * b)
        else:
            values.append(a / (b * b + inputs[0]))  # inputs[0] is positive: no division by 0
    result = values[-1]
    for value in values[-4:-1]:
        result = result + value
    return result


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_against_forward_mode(seed):
    rng = random.Random(seed)
    numbers = [rng.uniform(1.5, 2.0), *(rng.uniform(-1.0, 1.0) for _ in range(3))]
    leaves = [leaf(number) for number in numbers]
    random_graph(random.Random(seed), leaves, 20).backward()
    for i, tensor in enumerate(leaves):
        duals = [Dual(number, float(i == k)) for k, number in enumerate(numbers)]
        slope = random_graph(random.Random(seed), duals, 20).slope
        computed = 0.0 if tensor.grad is None else tensor.grad.item()
        assert computed == pytest.approx(slope, rel=1e3 * EXACT, abs=1e3 * EXACT)


# -- grad() ------------------------------------------------------------------------------------------


def test_grad_of_leaves_and_inner_tensors():
    x, w = leaf(2.0, 3.0), leaf(5.0, 7.0)
    h = x * w
    y = (h * h).sum()
    gx, gh, gw, gy = grad(y, [x, h, w, y])
    np.testing.assert_array_equal(gh.numpy(), 2 * h.numpy())
    np.testing.assert_array_equal(gx.numpy(), 2 * h.numpy() * w.numpy())
    np.testing.assert_array_equal(gw.numpy(), 2 * h.numpy() * x.numpy())
    assert gy.item() == 1.0
    assert x.grad is None and w.grad is None and h.grad is None


def test_grad_takes_one_input_or_a_list():
    x = leaf(3.0)
    assert grad(x * x, x).item() == 6.0
    assert [g.item() for g in grad(x * x, [x])] == [6.0]
    assert [g.item() for g in grad(x * x, (x, x))] == [6.0, 6.0]
    assert grad(x, x).item() == 1.0


def test_several_outputs_are_added_up():
    x = leaf(3.0)
    a, b = x * x, x * x * x
    assert grad([a, b], x, retain_graph=True).item() == 6 + 27
    assert grad([a, b], x, [[2.0], Tensor(np.array([10.0]))]).item() == 2 * 6 + 10 * 27
    c = x * x
    assert grad([c, c], x).item() == 12.0
    assert grad([x * x, x], x).item() == 7.0


def test_an_output_inside_the_graph_of_another():
    x = leaf(3.0)
    h = x * x
    y = h * h
    assert grad([y, h], x).item() == 4 * 27 + 6
    gx, gh = grad([x * x * 1.0, x + 0.0], [x, x])
    assert (gx.item(), gh.item()) == (7.0, 7.0)


def test_an_input_nothing_depends_on_is_refused():
    x, other = leaf(3.0), leaf(1.0)
    detached = (x * x).detach()
    for inputs in ([x, other], [x, detached], [x, Tensor(np.array([1.0]))]):
        with pytest.raises(GradientError) as error:
            grad(x * x, inputs)
        assert str(error.value) == (
            "grad: the outputs do not depend on input 1. "
            "Was it made under no_grad(), without requires_grad=True, or is it not used?"
        )


def test_an_input_with_a_name_is_named():
    w = Parameter(np.array([1.0]), name="w")
    w.path = "dense/kernel"
    with pytest.raises(GradientError, match=r"the outputs do not depend on input 'dense/kernel'\."):
        grad(leaf(1.0) * 2.0, w)


def test_one_upstream_gradient_for_each_output():
    x = leaf(1.0, 2.0)
    with pytest.raises(GradientError, match=r"^grad: grad_outputs\. Expected a list of 1, got 2\."):
        grad(x * x, x, [1.0, 10.0])
    assert grad(x * x, x, [[1.0, 10.0]]).numpy().tolist() == [2.0, 40.0]


# -- needs: nothing is computed in vain --------------------------------------------------------------


def test_needs_follow_the_paths_to_what_is_wanted():
    x, w = leaf(2.0), leaf(3.0)
    recorder = Recorder()
    y = recorder(x, w)
    asked = y.creator.asked
    grad(y, x, retain_graph=True)
    grad(y, w, retain_graph=True)
    grad(y, [x, w], retain_graph=True)
    y.backward()
    assert asked == [(True, False), (False, True), (True, True), (True, True)]


def test_weights_get_no_gradient_where_only_the_input_is_wanted():
    x, w, b = leaf(2.0), leaf(3.0), leaf(1.0)
    first = Recorder()(x, w)
    second = Recorder()(first, w)
    grad(second + b, first, retain_graph=True)
    assert second.creator.asked == [(True, False)]
    assert first.creator.asked == [], "nothing wanted lies below it"
    gx = grad(second, x)
    assert (first.creator.asked, second.creator.asked[1:]) == ([(True, False)], [(True, False)])
    assert gx.item() == 9.0


def test_frozen_parameters_cost_nothing():
    x = Tensor(np.array([2.0]))
    w, frozen = Parameter(np.array([3.0])), Parameter(np.array([5.0]), trainable=False)
    inner = Recorder()(x, frozen)
    assert inner.creator is None, "no path to anything trainable: not on the tape at all"
    y = Recorder()(inner, w)
    y.backward()
    assert y.creator.asked == [(False, True)]
    assert (w.grad.item(), frozen.grad) == (10.0, None)
    frozen.trainable = True
    y = Recorder()(Recorder()(x, frozen), w)
    y.backward()
    assert frozen.grad.item() == 6.0


def test_what_backward_returns_for_others_is_dropped():
    x, w = leaf(2.0), leaf(3.0)
    y = Recorder()(x, w)
    (step,) = y.backward_steps()
    assert all(g is not None for g in step.grads)
    y = Recorder()(x, Tensor(np.array([3.0])))
    (step,) = y.backward_steps()
    assert step.grads[1] is None


# -- step by step ------------------------------------------------------------------------------------


def network(seed=0):
    """A small convolutional network with a shared weight, its loss and its leaves."""
    rng = np.random.default_rng(seed)
    x = Tensor(rng.normal(size=(2, 7, 6, 2)).astype("f4"), requires_grad=True)
    w = Tensor(rng.normal(size=(3, 3, 2, 2)).astype("f4"), requires_grad=True)
    b = Tensor(rng.normal(size=2).astype("f4"), requires_grad=True)
    v = Tensor(rng.normal(size=(12, 3)).astype("f4"), requires_grad=True)
    h = functions.relu(functions.conv2d(x, w, b, padding="same"))
    h = functions.max_pool2d(functions.tanh(functions.conv2d(h, w, b)))
    h = h.reshape(2, -1)[:, :4]
    h = functions.concatenate([h, h * h, functions.exp(-h)], axis=1)
    loss = functions.softmax_cross_entropy(functions.dense(h, v), np.array([0, 2])).mean()
    return loss, [x, w, b, v]


def test_stepping_is_bit_equal_to_backward():
    loss, leaves = network()
    loss.backward()
    stepped, others = network()
    steps = list(stepped.backward_steps())
    for a, b in zip(leaves, others, strict=True):
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())
    assert steps[0].node is stepped.creator
    numbers = [step.node.number for step in steps]
    assert numbers == sorted(numbers, reverse=True)


def test_grad_is_bit_equal_to_backward():
    loss, leaves = network()
    loss.backward()
    again, others = network()
    for a, b in zip(leaves, grad(again, others), strict=True):
        np.testing.assert_array_equal(a.grad.numpy(), b.numpy())


def test_debug_lets_correct_code_pass():
    with minicnn.debug():
        loss, leaves = network()
        loss.backward()
    expected, others = network()
    expected.backward()
    for a, b in zip(leaves, others, strict=True):
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())


def test_stepping_can_stop_half_way():
    x = leaf(2.0)
    y = x * x
    z = y * y
    steps = z.backward_steps()
    step = next(steps)
    assert step.node is z.creator and [g.item() for g in step.grads] == [4.0, 4.0]
    assert x.grad is None
    steps.close()
    assert x.grad is None
    y.backward()  # what was not reached still has its arrays
    assert x.grad.item() == 4.0
    with pytest.raises(GradientError, match="backward of MultiplyFunction: an earlier backward has released"):
        z.backward()


def test_stepping_refuses_at_once():
    with pytest.raises(GradientError):
        Tensor(np.array([1.0])).backward_steps()


# -- a graph is used up ------------------------------------------------------------------------------


def test_a_second_backward_says_what_to_do():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(GradientError) as error:
        y.backward()
    assert str(error.value) == (
        "backward of MultiplyFunction: an earlier backward has released its saved arrays. "
        "Call backward(retain_graph=True) the first time, or run the forward pass again."
    )
    assert x.grad.item() == 4.0, "the refused pass has changed nothing"


def test_a_second_backward_is_refused_also_where_nothing_was_saved():
    x = leaf(2.0)
    y = x + x
    y.backward()
    with pytest.raises(GradientError, match="released"):
        y.backward()


def test_retain_graph():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    grad(y, x, retain_graph=True)
    y.backward()
    assert x.grad.item() == 8.0
    with pytest.raises(GradientError, match="released"):
        grad(y, x)


def test_a_part_shared_by_two_losses():
    x = leaf(2.0)
    h = x * x
    first, second = h * 3.0, h * 5.0
    first.backward(retain_graph=True)
    second.backward()
    assert x.grad.item() == 3 * 4 + 5 * 4


# -- own functions -----------------------------------------------------------------------------------


def test_saved_arrays_have_names():
    x, w = leaf(2.0), leaf(3.0)
    y = Recorder()(x, w)
    assert sorted(vars(y.creator.saved)) == ["x", "y"]
    assert y.creator.saved.x is x.data
    y.backward()
    assert vars(y.creator.saved) == {}


def test_one_instance_may_be_called_often():
    """Each call is a node of its own; the instance is a template."""
    multiply = Recorder()
    x = leaf(2.0)
    y = multiply(multiply(x, x), x)
    y.backward()
    assert x.grad.item() == 12.0
    assert multiply.edges == () and y.creator is not multiply


def test_edges_know_where_inputs_come_from():
    x, c = leaf(2.0), Tensor(np.array([3.0]))
    h = x * c
    y = h * x
    first, second = y.creator.edges
    assert (first.node, first.leaf) == (h.creator, None)
    assert (second.node, second.leaf) == (None, x)
    assert h.creator.edges[1][:2] == (None, None), "a constant is neither"
    assert first.shape == (1,) and first.dtype == np.float64


class Wrong(Function):
    """Returns what it is told to."""

    equation = "y = x"

    def __init__(self, output=None, gradient=None):
        self.output, self.gradient = output, gradient

    def forward(self, x):
        return x * 1.0 if self.output is None else self.output

    def backward(self, gy, needs):
        return self.gradient


@pytest.mark.parametrize(
    ("gradient", "sentence"),
    [
        (
            np.zeros((2, 1)),
            "the gradient of input 0 is unlike it. Expected (2,) float64, got (2, 1) float64.",
        ),
        (
            np.zeros(2, "f4"),
            "the gradient of input 0 is unlike it. Expected (2,) float64, got (2,) float32.",
        ),
        ((np.zeros(2), None), "one gradient per input. Expected 1, got 2."),
        (
            1.0,
            "it returned no array. Expected an array, got float. Operations take and return raw arrays.",
        ),
    ],
)
def test_a_wrong_gradient_is_named(gradient, sentence):
    x = leaf(1.0, 2.0)
    with pytest.raises((GradientError, ArgumentError)) as error:
        Wrong(gradient=gradient)(x).sum().backward()
    assert str(error.value) == f"backward of Wrong: {sentence}"
    assert x.grad is None


@pytest.mark.parametrize("output", [1.0, [1.0, 2.0], Tensor([1.0]), "text"])
def test_a_forward_that_returns_no_array_is_named(output):
    with pytest.raises(ArgumentError, match=r"^forward of Wrong: it returned no array\. Expected an array"):
        Wrong(output)(leaf(1.0))


def test_numpys_numbers_are_arrays():
    """x.sum() of a NumPy array is a number of NumPy's own, and a natural thing to return."""

    class Total(Function):
        def forward(self, x):
            return x.sum()

        def backward(self, gy, needs):
            return np.full(self.edges[0].shape, gy)

    x = leaf(1.0, 2.0)
    y = Total()(x)
    assert y.shape == () and isinstance(y.data, np.ndarray)
    y.backward()
    assert x.grad.numpy().tolist() == [1.0, 1.0]


def test_no_gradient_may_be_said_by_none():
    x = leaf(1.0, 2.0)
    (Wrong(gradient=None)(x).sum() + x.sum()).backward()
    assert x.grad.numpy().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_missing_method_is_named(method):
    class Half(Function):
        pass

    if method == "backward":
        Half.forward = lambda self, x: x * 1.0
    with pytest.raises(NotImplementedError, match=f"Half has no {method}"):
        Half()(leaf(1.0)).backward()


# -- what cannot be differentiated -------------------------------------------------------------------


def test_several_elements_need_an_upstream_gradient():
    x = leaf(1.0, 2.0)
    with pytest.raises(GradientError) as error:
        (x * x).backward()
    assert str(error.value) == (
        "backward: only a single element needs no upstream gradient. Got shape (2,). "
        "Reduce it (.sum(), .mean()) or pass the upstream gradient."
    )
    with pytest.raises(GradientError, match=r"does not fit\. Expected \(2,\), got \(3,\)\."):
        (x * x).backward(np.ones(3))


def constant():
    return Tensor(np.array([1.0]))


def made_under_no_grad():
    with no_grad():
        return leaf(1.0) * 2.0


@pytest.mark.parametrize(
    "make", [constant, made_under_no_grad, lambda: (leaf(1.0) * 2.0).detach(), lambda: leaf(1.0) > 0.0]
)
def test_what_depends_on_no_leaf_has_no_backward(make):
    with pytest.raises(GradientError) as error:
        make().backward()
    assert str(error.value) == (
        "backward: this Tensor depends on nothing that requires a gradient. "
        "Was it made under no_grad(), detached, or from Tensors without requires_grad=True?"
    )


def test_integers_have_no_gradient():
    with pytest.raises(GradientError) as error:
        Tensor([1, 2], requires_grad=True)
    assert str(error.value) == (
        "Tensor: only floats have a gradient. Got int64. "
        "Write floats: Tensor([1.0, 2.0], requires_grad=True)."
    )
