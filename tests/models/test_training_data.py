"""Where batches come from: arrays with weights, generators, iterables and data sets by number."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from minicnn import Sequential, layers, optimizers, random, utils
from minicnn.errors import ArgumentError, ShapeError


class Watch(layers.Layer):
    """Notes the first number of every sample that comes by, batch by batch."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, x, training=False):
        self.seen.append((bool(training), x.numpy()[:, 0].astype(int).tolist()))
        return x


def watched(loss="mse", rate=0.0):
    """y = x·1 on one number a sample, and what it has seen."""
    watch = Watch()
    model = Sequential([layers.Input((1,)), watch, layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizers.SGD(rate), loss)
    watch.seen.clear()
    return model, watch.seen


def numbers(n):
    return np.arange(float(n))[:, None], np.zeros((n, 1))


def batches(n, size=2):
    x, y = numbers(n)
    for start in range(0, n, size):
        yield x[start : start + size], y[start : start + size]


class Squares(utils.PyDataset):
    """Four batches of two samples: 0 1, 2 3, 4 5, 6 7."""

    def __init__(self):
        super().__init__()
        self.diary = []

    def __len__(self):
        return 4

    def __getitem__(self, index):
        x = np.array([[2.0 * index], [2.0 * index + 1]])
        return x, np.zeros((2, 1))

    def on_epoch_begin(self):
        self.diary.append("begin")

    def on_epoch_end(self):
        self.diary.append("end")


def trained(seen):
    return [samples for training, samples in seen if training]


def validated(seen):
    return [samples for training, samples in seen if not training]


# -- arrays --------------------------------------------------------------------------------------------


def test_steps_per_epoch_take_turns_on_the_data():
    model, seen = watched()
    params = []
    with pytest.warns(UserWarning, match="the data ran out before steps were done") as said:
        history = model.fit(*numbers(5), batch_size=1, epochs=4, steps_per_epoch=2, shuffle=False, verbose=0)
    params.append(history.params["steps"])
    assert trained(seen) == [[0], [1], [2], [3], [4], [0], [1]] and params == [2] and len(said) == 1


def test_steps_without_a_batch_size_share_the_data():
    model, seen = watched()
    model.fit(*numbers(7), steps_per_epoch=3, shuffle=False, verbose=0)
    assert trained(seen) == [[0, 1, 2], [3, 4, 5], [6]]
    seen.clear()
    model.evaluate(*numbers(6), batch_size=2, steps=2, verbose=0)
    assert len(model.predict(numbers(6)[0], batch_size=2, steps=1)) == 2
    assert validated(seen) == [[0, 1], [2, 3], [0, 1]]


def test_parts_of_an_epoch_share_one_order():
    """Two epochs of two steps see what one epoch of four steps sees, once."""
    model, seen = watched()
    model.fit(*numbers(4), batch_size=1, epochs=4, steps_per_epoch=2, verbose=0)
    order = [random.permutation(4, "shuffle", 0, epoch).tolist() for epoch in (0, 2)]
    assert list(itertools.chain(*trained(seen))) == order[0] + order[1]


def test_validation_has_its_own_steps_size_and_epochs():
    model, seen = watched()
    options = {"batch_size": 4, "validation_batch_size": 1, "validation_steps": 2, "validation_freq": 2}
    history = model.fit(*numbers(4), epochs=5, validation_data=numbers(3), verbose=0, **options)
    assert validated(seen) == [[0], [1]] * 2
    assert len(history.history["loss"]) == 5 and len(history.history["val_loss"]) == 2
    seen.clear()
    model.fit(*numbers(4), epochs=5, validation_data=numbers(1), verbose=0, validation_freq=[1, 5])
    assert len(validated(seen)) == 2


def test_validation_with_weights():
    x, y = numbers(3)
    model, _ = watched()
    given = (x, y, np.array([0.0, 0.0, 3.0]))
    assert model.fit(x, y, verbose=0, validation_data=given).history["val_loss"] == [4.0]
    assert model.evaluate(*given[:2], sample_weight=given[2], verbose=0) == 4.0
    options = {"sample_weight": given[2], "validation_split": 0.4, "shuffle": False, "verbose": 0}
    assert model.fit(x, y, **options).history == {"loss": [0.0], "val_loss": [6.0]}


def test_class_weight_is_a_weight_for_each_sample():
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    one_hot = np.eye(3)[[0, 1, 2, 2]]
    weights = {0: 5.0, 2: 0.5}
    expected = np.array([5, 1, 0.5, 0.5])
    model = Sequential([layers.Input((1,)), layers.Dense(3, kernel_initializer="ones")])
    model.compile(optimizers.SGD(0.0), "mse")
    losses = ((x - one_hot) ** 2).mean(axis=1)
    options = {"verbose": 0, "class_weight": weights, "batch_size": 3}
    assert model.fit(x, one_hot, **options).history["loss"] == [pytest.approx((losses * expected).mean())]
    model.add(layers.Softmax())
    for y in (np.array([0, 1, 2, 2]), np.array([[0], [1], [2], [2.0]])):
        model.compile(optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        found = model.train_on_batch(x, y, class_weight=weights)
        assert found == pytest.approx(np.log(3) * expected.mean())


def test_arrays_are_cut_not_copied():
    """What is not shuffled reaches the model as a view; whole arrays are never converted."""
    x, y = numbers(4)
    model, _ = watched()
    given = []
    model.train_step = lambda data: given.append(data) or {"loss": 0.0}
    model.fit(x.astype(np.uint8), y, batch_size=2, shuffle=False, verbose=0)
    assert [batch[0].dtype for batch in given] == [np.uint8] * 2
    assert all(batch[1].base is y for batch in given)


# -- iterables -----------------------------------------------------------------------------------------


def test_a_generator():
    model, seen = watched()
    history = model.fit(batches(5), verbose=0)
    assert trained(seen) == [[0, 1], [2, 3], [4]]
    assert history.history == {"loss": [6.0]} and history.params["steps"] is None
    assert model.evaluate(batches(5), verbose=0) == 6.0
    assert model.predict(x for x, _ in batches(5)).tolist() == numbers(5)[0].tolist()


def test_an_endless_generator_needs_steps():
    def endless():
        for number in itertools.count():
            yield np.full((1, 1), float(number)), np.zeros((1, 1))

    model, seen = watched()
    model.fit(
        endless(), epochs=2, steps_per_epoch=2, validation_data=endless(), validation_steps=1, verbose=0
    )
    assert trained(seen) == [[0], [1], [2], [3]] and validated(seen) == [[0], [1]]
    assert len(model.predict(endless(), steps=3)) == 3


@pytest.mark.parametrize(
    ("n", "options", "losses", "text"),
    [
        (6, {"epochs": 3, "steps_per_epoch": 2}, 2, "before steps were done"),
        (4, {"epochs": 3, "steps_per_epoch": 1}, 2, "the data ran out. Training ends after 2 epochs."),
        (4, {"epochs": 3}, 1, "the data ran out. Training ends after 1 epochs."),
    ],
)
def test_a_generator_that_ends_early(n, options, losses, text):
    model, _ = watched()
    with pytest.warns(UserWarning) as said:
        history = model.fit(batches(n), verbose=0, **options)
    assert any(text in str(warning.message) for warning in said)
    assert len(history.history["loss"]) == losses
    assert all("fit of Sequential 'sequential': " in str(warning.message) for warning in said)


def test_validation_data_that_end_early():
    model, _ = watched()
    with pytest.warns(UserWarning, match="the validation data ran out"):
        history = model.fit(*numbers(2), epochs=2, validation_data=batches(2), verbose=0)
    assert history.history == {"loss": [0.5, 0.5], "val_loss": [0.5]}


def test_an_iterable_starts_again_every_epoch():
    class Loader:
        def __iter__(self):
            return ((x.tolist(), y, np.full(len(x), 2.0)) for x, y in batches(3))

    model, seen = watched()
    history = model.fit(Loader(), epochs=2, verbose=0)
    assert trained(seen) == [[0, 1], [2]] * 2
    assert history.history["loss"] == [pytest.approx(10 / 3)] * 2


# -- data sets by number -------------------------------------------------------------------------------


def test_a_data_set():
    model, seen = watched()
    squares = Squares()
    model.fit(squares, epochs=2, shuffle=False, verbose=0, validation_data=squares)
    assert trained(seen) == [[0, 1], [2, 3], [4, 5], [6, 7]] * 2
    assert squares.diary == ["begin", "end"] * 4
    assert model.evaluate(squares, verbose=0) == 140 / 8
    assert model.predict(squares)[:, 0].tolist() == list(range(8))


def test_the_batches_of_a_data_set_are_shuffled():
    model, seen = watched()
    model.fit(Squares(), epochs=2, verbose=0, class_weight={0: 1.0})
    expected = [random.permutation(4, "shuffle", 0, epoch) for epoch in (0, 1)]
    assert trained(seen) == [[2 * i, 2 * i + 1] for order in expected for i in order]


def test_sequence_is_its_old_name():
    assert utils.Sequence is utils.PyDataset
    with pytest.raises(ArgumentError, match=r"PyDataset: batches are made in .* workers=4, .* Leave these"):
        utils.PyDataset(workers=4)


# -- an epoch goes on where it was left ----------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: numbers(7), lambda: (Squares(),), lambda: (list(batches(7)),)])
@pytest.mark.parametrize("steps", [None, 2])
def test_a_source_gives_an_epoch_from_any_step_on(make, steps):
    from minicnn.models.batches import _Iterable, source

    def fresh():
        data = make()
        if isinstance(data[0], list):
            return _Iterable(data[0], None, steps, "fit")
        size = None if isinstance(data[0], Squares) else 2
        return source(*data, where="fit", batch_size=size, steps=steps, shuffle=True)

    whole = [batch[0].tolist() for batch in fresh().batches(0)]
    for start in range(len(whole) + 1):
        assert [batch[0].tolist() for batch in fresh().batches(0, start)] == whole[start:]


# -- sentences -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((batches(4), np.zeros(4)), {}, "y cannot be given beside a generator. The batches it gives are "
         "(x, y)"),
        ((batches(4),), {"batch_size": 2}, "batch_size cannot be given beside a generator."),
        ((batches(4),), {"sample_weight": [1]}, "sample_weight cannot be given beside a generator."),
        ((batches(4),), {"validation_split": 0.5}, "validation_split needs arrays."),
        ((iter([(1, 2, 3, 4)]),), {}, "not a batch. Expected x, (x, y) or (x, y, sample_weight), got 4 "
         "items."),
        ((iter([(np.ones((2, 1)), np.ones(3))]),), {}, "x and y differ in length. Expected 2 targets, "
         "got 3."),
        ((iter([(["a"], [1])]),), {}, "x is not an array of samples. Got dtype <U1, shape (1,)."),
        ((numbers(2)[0],), {}, "output 'dense' has a loss but no target. Pass y"),
        (numbers(2), {"class_weight": {0: 1}, "sample_weight": np.ones(2)}, "class_weight and sample_weight "
         "exclude each other."),
        (numbers(2), {"class_weight": [1, 2]}, "class_weight. Expected a dict {class index: weight from 0}"),
        (numbers(2), {"class_weight": {"a": 1}}, "class_weight. Expected a dict"),
        (numbers(2), {"class_weight": {0: -1}}, "class_weight. Expected a dict"),
        ((np.ones((2, 1)), np.ones((2, 2, 2))), {"class_weight": {0: 1}}, "class_weight needs a class a "
         "sample. "
         "Expected class indices (n,) or one-hot rows (n, k) of a single output, got (2, 2, 2)."),
        (numbers(2), {"sample_weight": np.ones((2, 3))}, "sample_weight does not fit the losses."),
        (numbers(2), {"steps_per_epoch": 0}, "steps. Expected a positive integer, got 0."),
        (numbers(2), {"shuffle": "batch"}, "shuffle. Expected True or False, got 'batch'."),
        (numbers(2), {"validation_freq": 0}, "validation_freq. Expected a positive integer, got 0."),
        (numbers(2), {"validation_freq": "2"}, "validation_freq. Expected a positive integer or a list "
         "of epochs"),
        (numbers(2), {"validation_steps": 2}, "validation_steps without validation data. Pass "
         "validation_data."),
    ],
)  # fmt: skip
def test_sentences(arguments, options, text):
    model, _ = watched()
    with pytest.raises((ArgumentError, ShapeError)) as error:
        model.fit(*arguments, verbose=0, **options)
    assert text in str(error.value)


@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_nothing_to_work_on(method):
    model, _ = watched()
    with pytest.raises(ArgumentError, match=f"{method} of Sequential 'sequential': there is no batch"):
        getattr(model, method)(iter([]), verbose=0)
    with pytest.raises(ArgumentError, match="there is no batch. Got Empty of length 0"):
        getattr(model, method)(Empty(), verbose=0)


class Empty(Squares):
    def __len__(self):
        return 0
