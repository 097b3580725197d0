"""Several inputs and outputs: losses, weights and metrics by output, and the names of what is reported."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, layers, load_model, losses, metrics, optimizers
from minicnn.errors import ArgumentError, ShapeError

N = 6


def two():
    """Inputs "a" (2) and "b" (1), outputs "left" = Σa and "right" = 2·b, all weights given."""
    a, b = layers.Input((2,), name="a"), layers.Input((1,), name="b")
    left = layers.Dense(1, name="left", kernel_initializer="ones")(a)
    right = layers.Dense(
        1, name="right", kernel_initializer={"class_name": "Constant", "config": {"value": 2}}
    )(b)
    return Model([a, b], [left, right])


def data(rng):
    x = [rng.normal(size=(N, 2)).astype("float32"), rng.normal(size=(N, 1)).astype("float32")]
    y = [rng.normal(size=(N, 1)).astype("float32"), rng.normal(size=(N, 1)).astype("float32")]
    return x, y


def evaluated(rng, x=None, y=None, sample_weight=None, batch_size=4, **options):
    model = two()
    model.compile(optimizers.SGD(0.0), **options)
    own_x, own_y = data(rng)
    x, y = own_x if x is None else x(own_x), own_y if y is None else y(own_y)
    found = model.evaluate(x, y, batch_size, 0, sample_weight, return_dict=True)
    left, right = own_x[0].sum(axis=1, keepdims=True) - own_y[0], 2 * own_x[1] - own_y[1]
    return found, left.astype(float), right.astype(float)


def test_losses_are_weighted_and_added(rng):
    found, left, right = evaluated(rng, loss={"right": "mae", "left": "mse"}, loss_weights=[0.5, 2.0])
    assert list(found) == ["loss", "left_loss", "right_loss"]
    assert found["left_loss"] == pytest.approx((left**2).mean())
    assert found["right_loss"] == pytest.approx(abs(right).mean())
    assert found["loss"] == pytest.approx(0.5 * (left**2).mean() + 2 * abs(right).mean())


@pytest.mark.parametrize(
    ("options", "factors"),
    [
        ({"loss": "mse"}, (1, 1)),
        ({"loss": ["mse", losses.MeanSquaredError()]}, (1, 1)),
        ({"loss": "mse", "loss_weights": {"right": 3}}, (1, 3)),
        ({"loss": "mse", "loss_weights": {"left": 0.5, "right": None}}, (0.5, 1)),
    ],
)
def test_ways_to_give_a_loss(options, factors, rng):
    found, left, right = evaluated(rng, **options)
    assert found["loss"] == pytest.approx(factors[0] * (left**2).mean() + factors[1] * (right**2).mean())


@pytest.mark.parametrize("y", [lambda y: y, lambda y: [y[0], None], lambda y: y[0], lambda y: [y[0]]])
def test_an_output_without_a_loss_needs_no_target(y, rng):
    found, left, _ = evaluated(rng, y=y, loss=["mse", None])
    assert found == {"loss": pytest.approx((left**2).mean())}


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (lambda x: {"b": x[1], "a": x[0]}, lambda y: {"right": y[1], "left": y[0]}),
        (tuple, tuple),
        (lambda x: [x[0].astype(float), x[1].tolist()], lambda y: [y[0].tolist(), y[1]]),
    ],
)
def test_forms_of_data(x, y, rng):
    found, left, right = evaluated(rng, x, y, loss="mse")
    assert found["loss"] == pytest.approx((left**2).mean() + (right**2).mean())


def test_metrics_by_output(rng):
    options = {"metrics": {"right": ["mae", "mse"], "left": "mae"}, "weighted_metrics": [None, ["mae"]]}
    weights = np.arange(N, dtype=float)
    found, left, right = evaluated(rng, loss=["mse", None], sample_weight=weights, **options)
    assert list(found) == ["loss", "left_mae", "right_mae", "right_mse", "right_weighted_mae"]
    assert found["left_mae"] == pytest.approx(abs(left).mean())
    assert found["right_mse"] == pytest.approx((right**2).mean())
    assert found["right_weighted_mae"] == pytest.approx((abs(right)[:, 0] * weights).sum() / weights.sum())
    assert found["loss"] == pytest.approx(
        ((left**2)[:, 0] * weights)[:4].mean() * 4 / 6 + _last(left, weights)
    )


def _last(left, weights):
    return ((left**2)[:, 0] * weights)[4:].mean() * 2 / 6


@pytest.mark.parametrize("form", [list, lambda w: dict(zip(("left", "right"), w, strict=True))])
def test_sample_weights_by_output(form, rng):
    w = [np.arange(N, dtype=float), None]
    found, left, right = evaluated(rng, loss="mse", sample_weight=form(w), batch_size=N)
    assert found["left_loss"] == pytest.approx(((left**2)[:, 0] * w[0]).mean())
    assert found["right_loss"] == pytest.approx((right**2).mean())


def test_order_of_values_and_names(rng):
    """Losses by output, then the other values by the alphabet, as Keras lists them."""
    model, (x, y) = two(), data(rng)
    model.compile("sgd", "mse", metrics={"right": ["mae"], "left": ["mse", "mae"]})
    assert model.metrics_names == ["loss"]
    history = model.fit(x, y, verbose=0, validation_data=(x, y)).history
    names = ["loss", "left_loss", "right_loss", "left_mae", "left_mse", "right_mae"]
    assert model.metrics_names == names
    found = model.evaluate(x, y, verbose=0)
    named = model.evaluate(x, y, verbose=0, return_dict=True)
    assert found == [named[name] for name in names]
    assert set(history) == {*names, *(f"val_{name}" for name in names)}


def test_predict_gives_every_output(rng):
    model, (x, _) = two(), data(rng)
    found = model.predict({"a": x[0], "b": x[1]}, batch_size=4)
    assert isinstance(found, list)
    np.testing.assert_allclose(found[0], x[0].sum(axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(found[1], 2 * x[1], rtol=1e-6)


class Named(Model):
    """Outputs in a dict."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, kernel_initializer="ones")

    def call(self, x):
        return {"sum": self.dense(x), "first": x[:, :1]}


def test_outputs_in_a_dict():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    model = Named()
    model.compile("sgd", {"sum": "mse", "first": "mae"}, metrics={"first": ["mae"]})
    y = {"first": np.zeros((2, 1)), "sum": np.zeros((2, 1))}
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    assert found == {"loss": 31.0, "first_loss": 2.0, "sum_loss": 29.0, "first_mae": 2.0}
    assert model.metrics_names == ["loss", "first_loss", "sum_loss", "first_mae"]
    predicted = model.predict(x, batch_size=1)
    assert {name: value.tolist() for name, value in predicted.items()} == {
        "sum": [[3.0], [7.0]],
        "first": [[1.0], [3.0]],
    }


def test_outputs_of_ones_own_model_are_numbered():
    class Pair(Named):
        def call(self, x):
            return tuple(super().call(x).values())

    model = Pair()
    model.compile("sgd", "mse")
    found = model.test_on_batch(np.ones((1, 2)), [np.zeros((1, 1)), np.ones((1, 1))], return_dict=True)
    assert found == {"loss": 4.0, "output_1_loss": 4.0, "output_2_loss": 0.0}


def test_training_moves_only_what_the_loss_asks_for(rng):
    model, (x, y) = two(), data(rng)
    model.compile(optimizers.SGD(0.1), "mse", loss_weights=[1.0, 0.0])
    before = model.get_weights()
    model.fit(x, y, verbose=0)
    same = [(a == b).all() for a, b in zip(before, model.get_weights(), strict=True)]
    assert same == [False, False, True, True]
    before = model.get_weights()
    model.compile(optimizers.Adam(), [None, "mse"])
    model.fit(x, y, verbose=0)
    same = [(a == b).all() for a, b in zip(before, model.get_weights(), strict=True)]
    assert same == [True, True, False, False]


def test_a_model_of_several_outputs_comes_back_compiled(tmp_path, rng):
    model, (x, y) = two(), data(rng)
    weighted = [None, [metrics.MeanAbsoluteError(name="far")]]
    model.compile(
        "adam", {"left": "mse", "right": losses.Huber(0.5)}, {"left": 2.0}, [["mae"], None], weighted
    )
    expected = model.fit(x, y, verbose=0).history
    model.save(tmp_path / "two.safetensors")
    again = load_model(tmp_path / "two.safetensors")
    assert again.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(
        x, y, verbose=0, return_dict=True
    )
    assert set(again.metrics_names) == set(expected)
    assert again.loss["right"].delta == 0.5


OUTPUTS = "compile of Functional 'functional': "


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"loss": {"left": "mse"}}, "loss does not go with the outputs. Expected left, right, got left. "
         "Write None for 'right' if it has none."),
        ({"loss": {"left": "mse", "rigth": "mse"}}, "loss does not go with the outputs. Expected left, "
         "right, "
         "got left, rigth."),
        ({"loss": ["mse"]}, "loss does not go with the outputs. Expected one entry for each of left, right, "
         "got 1 entries."),
        ({"loss": "mse", "loss_weights": 2.0}, "loss_weights does not go with the outputs. Expected one "
         "entry "
         "for each of left, right, got a single one."),
        ({"loss": "mse", "loss_weights": ["a", 1]}, "loss_weights. Expected numbers, got 'a'."),
        ({"loss": "mse", "loss_weights": {"x": 1}}, "loss_weights does not go with the outputs. "
         "Expected left, "
         "right, got x."),
        ({"loss": "mse", "metrics": ["mae"]}, "metrics does not go with the outputs. Expected one entry "
         "for each "
         "of left, right, got 1 entries."),
        ({"loss": "mse", "metrics": {"x": "mae"}}, "metrics does not go with the outputs. Expected "
         "left, right"),
        ({"loss": "mse", "metrics": [["mae", "mae"], None]}, "two metrics have one name. Got loss, mae, "
         "mae."),
        ({"loss": "mse", "weighted_metrics": "mae"}, "weighted_metrics. Expected a list, got 'mae'."),
        ({"loss": "mse", "jit_compile": True}, 'jit_compile. Expected "auto" or False, got True. Nothing is'),
        ({"loss": "mse", "steps_per_execution": 2}, "steps_per_execution. Expected 1, got 2. Every batch is"),
        ({"loss": "mse", "run_eagerly": "no"}, "run_eagerly. Expected True or False, got 'no'."),
    ],
)  # fmt: skip
def test_sentences_of_compile(options, text):
    model = two()
    with pytest.raises(ArgumentError) as error:
        model.compile("sgd", **options)
    assert str(error.value).startswith(OUTPUTS + text)
    assert model.optimizer is None, "what was refused is not kept"


def test_one_output_takes_lists_and_dicts_too():
    model = Sequential([layers.Input((1,)), layers.Dense(1, name="out", kernel_initializer="ones")])
    x, y = np.array([[2.0]]), np.array([[0.0]])
    for loss in ("mse", ["mse"], {"out": "mse"}):
        for given in (["mae"], {"out": ["mae"]}, [["mae"]]):
            model.compile("sgd", loss, loss_weights=0.5, metrics=given)
            found = model.evaluate([x], {"out": y}, verbose=0, return_dict=True)
            assert found == {"loss": 2.0, "mae": 2.0}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"y": lambda y: y[0]}, "y does not go with the outputs. Expected one entry for each of left, right, "
         "got 1 entries."),
        ({"y": lambda y: [*y, y[0]]}, "got 3 entries."),
        ({"y": lambda y: {"left": y[0]}}, "output 'right' has a loss but no target. Pass y, or compile "
         "with None"),
        ({"y": lambda y: {"left": y[0], "x": y[1]}}, "y does not go with the outputs. Expected left, "
         "right, got "
         "left, x."),
        ({"x": lambda x: {"a": x[0]}}, "x does not name the inputs. Expected a, b, got a."),
        ({"x": lambda x: [x[0], x[1][:2]]}, "the inputs differ in length. Got [6, 2]."),
        ({"y": lambda y: [y[0], y[1][:2]]}, "x and y differ in length. Expected 6 targets, got 2."),
        ({"x": lambda x: x[0]}, "wrong number of inputs. Expected 2, got 1."),
        ({"y": lambda y: [y[0], np.array(["a"] * N)]}, "y[1] is not an array of samples. Got dtype <U1"),
        ({"y": lambda y: {"left": y[0], "right": np.array([None] * N)}}, "y['right'] is not an array of "
         "samples. "
         "Got dtype object"),
        ({"sample_weight": np.ones(2)}, "x and sample_weight differ in length. Expected 6 weights, got 2."),
        ({"sample_weight": [np.ones(N)] * 3}, "sample_weight does not go with the outputs."),
        ({"y": lambda y: [y[0], np.where(np.arange(N)[:, None] == 5, np.nan, y[1])]},
         "the targets of 'right' hold NaN. Got 1 in this batch. Leave those samples out"),
    ],
)  # fmt: skip
def test_sentences_of_data(change, text, rng):
    with pytest.raises((ArgumentError, ShapeError)) as error:
        evaluated(rng, **({"loss": "mse"} | change))
    assert text in str(error.value) and "Functional 'functional'" in str(error.value)


def test_nan_targets_do_not_reach_the_weights(rng):
    model, (x, y) = two(), data(rng)
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(ArgumentError, match="the targets of 'left' hold NaN"):
        model.fit(x, [y[0] * np.nan, y[1]], verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_loss_that_is_not_reduced():
    model = Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile("sgd", losses.MeanSquaredError(reduction="none"))
    with pytest.raises(
        ArgumentError, match=r"loss 'mean_squared_error' is not reduced\. Got \(2,\)\. Training"
    ):
        model.fit(np.ones((2, 1)), np.ones((2, 1)), verbose=0)


def test_softmax_twice_is_said_once():
    model = Sequential([layers.Input((2,)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.warns(UserWarning, match="is the output of a softmax already") as said:
        model.fit(np.ones((4, 2)), np.zeros(4), batch_size=2, epochs=2, verbose=0)
    assert len(said) == 1
