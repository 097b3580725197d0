"""Files of models with parts of the user's own: found by name in custom_objects, or refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, functions, layers, load_model, losses, metrics, optimizers, utils
from minicnn.errors import ArgumentError, FileFormatError


class Residual(Model):
    """Layers in attributes and lists, weights of its own, and one number to be told."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.start = layers.Dense(width, activation="relu")
        self.blocks = [layers.Dense(width), Sequential([layers.Dense(width), layers.Dropout(0.5)])]
        self.end = layers.Dense(2)

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, x):
        h = self.start(x * self.scale)
        for block in self.blocks:
            h = h + block(h)
        return self.end(h)

    def get_config(self):
        return super().get_config() | {"width": self.width}


class Share(metrics.Metric):
    """How many predictions are above a level."""

    def __init__(self, level=0.0, name="share"):
        super().__init__(name)
        self.level = level
        self.reset_state()

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.values.append(float((y_pred > self.level).mean()))

    def result(self):
        return float(np.mean(self.values))

    def reset_state(self):
        self.values = []

    def get_config(self):
        return super().get_config() | {"level": self.level}


class Double(optimizers.SGD):
    """Plain descent of twice the length."""

    def update(self, w, gw, **state):
        super().update(w, 2 * gw, **state)


class Cubic(losses.Loss):
    """|Δ|³ times a factor."""

    def __init__(self, factor=1.0, name="cubic"):
        super().__init__(name=name)
        self.factor = factor

    def call(self, y_true, y_pred):
        return (functions.relu(y_pred - y_true) ** 3).mean(axis=-1) * self.factor

    def get_config(self):
        return {"factor": self.factor, "name": self.name}


def own_loss(y_true, y_pred):
    return (y_pred - y_true) ** 2


@pytest.fixture
def data(rng):
    return rng.normal(size=(8, 3)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")


def equal(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("freeze", [False, True])
def test_a_subclassed_model_goes_on_from_its_file(freeze, data, tmp_path):
    def trained(epochs):
        utils.clear_session()
        utils.set_random_seed(0)
        model = Residual(4)
        model(data[0])
        model.blocks[0].trainable = not freeze
        model.end.bias.trainable = not freeze
        model.compile("adam", "mse")
        model.fit(*data, epochs=epochs, batch_size=3, verbose=0)
        return model

    whole, first = trained(4), trained(2)
    first.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors", custom_objects={"Residual": Residual})
    assert type(again) is Residual and again.width == 4
    assert [w.trainable for w in again.weights] == [w.trainable for w in first.weights]
    equal(again, first)
    again.fit(*data, epochs=4, initial_epoch=2, batch_size=3, verbose=0)
    equal(again, whole)


def test_a_subclassed_model_keeps_its_weights(data, tmp_path):
    model, other = Residual(4), Residual(4)
    model(data[0]), other(data[0])
    model.save_weights(tmp_path / "w.safetensors")
    other.load_weights(tmp_path / "w.safetensors")
    equal(model, other)


def test_a_subclassed_model_inside_a_graph(data, tmp_path):
    x = layers.Input((3,))
    model = Model(x, layers.Dense(1)(Residual(4)(x)))
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors", {"Residual": Residual})
    np.testing.assert_array_equal(again.predict(data[0]), model.predict(data[0]))


def test_an_unknown_class_is_named(data, tmp_path):
    model = Residual(4)
    model(data[0])
    model.save(tmp_path / "m.safetensors")
    with pytest.raises(FileFormatError, match=r"got 'Residual'\. Pass your own classes with custom_objects="):
        load_model(tmp_path / "m.safetensors")

    class Other(Residual):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.blocks.append(layers.Dense(4))

    with pytest.raises(FileFormatError, match="it describes more or fewer layers than its class makes"):
        load_model(tmp_path / "m.safetensors", {"Residual": Other})


def test_a_config_that_lacks_an_argument_is_refused_before_it_is_too_late(tmp_path):
    class Scale(layers.Layer):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x * self.factor

    model = Sequential([layers.Input((2,)), Scale(3.0, name="s")])
    with pytest.raises(ArgumentError) as error:
        model.save(tmp_path / "m.safetensors")
    assert str(error.value) == (
        "Scale 's': its get_config lacks 'factor', which its __init__ requires. "
        "Write get_config: return super().get_config() | {'factor': …}."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_layer_of_two_graphs_is_refused(tmp_path):
    shared, x = layers.Dense(3, name="d"), layers.Input((3,))
    inner = Sequential([layers.Input((3,)), shared], name="inner")
    model = Model(x, shared(inner(x)), name="outer")
    with pytest.raises(ArgumentError) as error:
        model.save(tmp_path / "m.safetensors")
    assert str(error.value) == (
        "save of Functional 'outer': Functional 'outer' and Sequential 'inner' share Dense 'd', which a file "
        "cannot describe. Use save_weights, and load_weights on a model built the same way."
    )


OWN = {"Share": Share, "Double": Double, "Cubic": Cubic, "own_loss": own_loss}
CHOICES = {
    "classes": lambda: {"optimizer": Double(0.05), "loss": Cubic(2.0), "metrics": [Share(0.5), "mse"]},
    "function": lambda: {"optimizer": "sgd", "loss": own_loss},
}


@pytest.mark.parametrize("choice", CHOICES)
def test_what_a_model_was_compiled_with(choice, data, tmp_path):
    arguments = CHOICES[choice]()
    if "metrics" in arguments and "mse" not in metrics.METRICS:
        arguments["metrics"].remove("mse")
    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile(**arguments)
    model.fit(*data, verbose=0)
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors", OWN)
    assert again.evaluate(*data, verbose=0) == model.evaluate(*data, verbose=0)
    for one in (model, again):
        one.fit(*data, verbose=0)
    equal(again, model)
    assert again.optimizer.get_config() == model.optimizer.get_config()
    bare = load_model(tmp_path / "m.safetensors", compile=False)
    assert bare.optimizer is None and bare.loss is None
    equal(bare, load_model(tmp_path / "m.safetensors", OWN))
    with pytest.raises(FileFormatError, match=r"Name what is your own in custom_objects=\{name: …\}, or"):
        load_model(tmp_path / "m.safetensors")


def test_a_missing_function_is_named(tmp_path):
    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", own_loss)
    model.save(tmp_path / "m.safetensors")
    with pytest.raises(FileFormatError, match="the function 'own_loss' is not in it"):
        load_model(tmp_path / "m.safetensors")


def test_what_compile_holds_must_be_plain(tmp_path):
    model = Sequential([layers.Input((3,)), layers.Dense(2)], name="m")
    model.compile("sgd", Cubic(factor=object()))
    with pytest.raises(ArgumentError) as error:
        model.save(tmp_path / "m.safetensors")
    assert str(error.value) == (
        "save of Sequential 'm': its loss cannot be written to a file. Got object. Give it a get_config."
    )


def test_the_masks_of_dropout_do_not_depend_on_other_models(data, tmp_path):
    for _ in range(3):
        layers.Dropout(0.5)(data[0], training=True)
    model = Sequential([layers.Input((3,)), layers.Dropout(0.5)])
    model.save(tmp_path / "m.safetensors")
    utils.set_random_seed(0)
    again = load_model(tmp_path / "m.safetensors")
    masks = [m(np.ones((5, 3)), training=True).numpy() for m in (model, again)]
    np.testing.assert_array_equal(*masks)


def test_a_frozen_model_stays_frozen(tmp_path):
    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    model.trainable = False
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert not again.trainable and again.trainable_weights == []
    again.trainable = True
    assert len(again.trainable_weights) == 2
