"""Is the gradient right? Backward against central differences, with the answer in words.

For a random upstream gradient gy and a random direction v, backward's ⟨gx, v⟩ must equal ⟨gy, J·v⟩, the
slope of ⟨gy, f(x + t·v)⟩. That is one number for each input, so it is known whose gradient is wrong. An
upstream gradient of ones would prove little: the zero gradient of a softmax passes it, since the outputs
always sum to 1.

This file checks all that needs no differences; `subject` runs the function, `differences` measures a slope,
`comparison` measures all of them, `verdict` holds the result and recognises common mistakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Parameter, Tensor
from ..errors import ArgumentError, GradientError, message
from .comparison import Comparison, draw, enumerate_names
from .subject import Subject, backpropagate, flat
from .verdict import GradientCheck, Row, broadcasts

# Relative to the sum of the slope's terms, all taken positive. Correct float64 code errs by 1e-15 to 1e-10
# and differences of well scaled functions by about as much; a wrong formula rarely by less than 1e-4.
TOLERANCE = 1e-6

SAME = 1e-9  # two runs of the same backward, relative to the largest gradient: sums may be reordered


def gradcheck(
    function: Any,
    inputs: Any,
    *,
    parameters: Sequence[Parameter] | None = None,
    mode: str = "directional",
    seed: int = 0,
    tolerance: float = TOLERANCE,
    raise_on_failure: bool = False,
) -> GradientCheck:
    """Check the gradients of a function of Tensors against central differences, in float64.

    Compares ⟨gx, v⟩ with ``⟨gy, f(x + h·v) − f(x − h·v)⟩ / 2h``, for each input alone. Also checks that
    backward gives the same when only one gradient is wanted, and that nothing is changed in place.

    Parameters
    ----------
    function : a function of `minicnn.functions`, a lambda, a Function instance, a Layer or a Model.
    inputs : its arguments. Floats (arrays, Tensors, numbers, lists of arrays) are cast to float64 and
        checked; integers and everything else are passed on as they are.
    parameters : Parameters to check too; None means all trainable weights of a Layer or Model. They are
        float64 during the check and afterwards what they were before.
    mode : ``"directional"``, one random direction for each input, or ``"elementwise"``, every element by
        itself, with a table of the worst.
    seed : of the random upstream gradient and directions, which are the check's own.
    tolerance : of the relative error.
    raise_on_failure : raise GradientError instead of returning a result that is not "passed".

    Returns
    -------
    A `GradientCheck`, true if it passed. Its `verdict` is one of

    - ``"passed"``;
    - ``"wrong gradient"``: backward and differences disagree, at any step size;
    - ``"kink crossed"``: the slopes to the left and to the right differ (ReLU at 0, ties of a maximum);
    - ``"precision too low"``: the function computes in float32 somewhere inside;
    - ``"random operation"``: two runs differ;
    - ``"input changed"``: forward or backward writes into what it was given;
    - ``"needs ignored"``: a gradient changes when it alone is wanted;
    - ``"not finite"``: infinite or NaN values;
    - ``"backward failed"``: backward refuses.

    Examples
    --------
    >>> from minicnn import Function, functions as F
    >>> bool(gradcheck(F.tanh, np.linspace(-2, 2, 7)))
    True
    >>> class Square(Function):
    ...     def forward(self, x):
    ...         self.save(x=x)
    ...         return x * x
    ...     def backward(self, gy, needs):
    ...         return gy * self.saved.x
    >>> result = gradcheck(Square(), np.array([1.0, 2.0, 3.0]))
    >>> result.verdict, result.blamed
    ('wrong gradient', ('input 0',))
    >>> print(result.message.split("input 0. ")[2])
    It is 2 times too small everywhere. A factor of 2 belongs to squares and to halves.
    """
    if mode not in ("directional", "elementwise"):
        expected = "'directional' or 'elementwise'"
        raise ArgumentError(message("gradcheck", "mode", expected=expected, got=repr(mode)))
    subject = Subject(function, inputs, parameters)
    with subject.in_float64():
        result = _Check(subject, mode, seed, tolerance).run()
    if raise_on_failure and not result:
        raise GradientError(repr(result))
    return result


class _Check:
    """The checks, cheapest first; the first that finds something is the result."""

    def __init__(self, subject: Subject, mode: str, seed: int, tolerance: float) -> None:
        self.subject, self.mode, self.seed, self.tolerance = subject, mode, seed, tolerance
        self.names, self.point = subject.names, subject.point

    def run(self) -> GradientCheck:
        """The result."""
        outputs, _ = self.subject.run(self.point, ())
        self.shapes, self.y = [output.shape for output in outputs], flat(outputs)
        if any(output.dtype != np.float64 for output in outputs):
            got = ", ".join(str(output.dtype) for output in outputs)
            hint = "Look for casts and float32 constants inside."
            return self.fail("precision too low", "the result is not float64", got=got, hint=hint)
        if not np.isfinite(self.y).all():
            return self.fail("not finite", "the function is infinite or NaN at this point")
        for check in (self.unstable, self.in_place, self.finite, self.digits, self.alone):
            if (result := check()) is not None:  # a result that did not pass is not true either
                return result
        return self.slopes()

    def fail(self, verdict: str, problem: str, blamed: Sequence[str] = (), **details: Any) -> GradientCheck:
        """A result in the voice of the error messages."""
        text = message(self.subject.where, f"{verdict}, {problem}", **details)
        return GradientCheck(verdict, text, tuple(blamed))

    def unstable(self, runs: int = 1) -> GradientCheck | None:
        """Whether the function gives something else when it runs again."""
        for _ in range(runs):
            again = self.subject.evaluate(0, self.point[0])
            # Threads may add up in another order; that changes the last digits only.
            allowed = 1e-12 * np.abs(self.y).max(initial=0.0)
            if again.shape != self.y.shape or np.abs(again - self.y).max(initial=0.0) > allowed:
                hint = "Freeze it: check inside `with minicnn.random.at_step(0):`, or with training=False."
                return self.fail("random operation", "two runs on the same input differ", hint=hint)
        return None

    def in_place(self) -> GradientCheck | None:
        """Run forward and backward, and see whether they wrote into what they were given."""
        outputs, leaves = self.subject.run(self.point, range(len(self.names)))
        if changed := self.changed(leaves):
            return self.wrote("forward", changed)
        self.gy = draw(self.seed, 0, self.y.size)
        given = self.gy.copy()
        try:
            self.gradients = backpropagate(outputs, leaves, given)
        except GradientError as error:
            return self.refused(error)
        changed = self.changed(leaves) + ([] if np.array_equal(given, self.gy) else ["the upstream gradient"])
        return self.wrote("backward", changed) if changed else None

    def changed(self, leaves: Sequence[Tensor]) -> list[str]:
        """The sources that are no longer at the point."""
        pairs = zip(self.names, self.point, leaves, strict=True)
        return [name for name, x, leaf in pairs if not np.array_equal(leaf.numpy(), x)]

    def wrote(self, phase: str, changed: Sequence[str]) -> GradientCheck:
        """Something was written to."""
        hint = "Others may hold the same array: make a new one (x = x + 1, not x += 1)."
        problem = f"{phase} writes into {enumerate_names(changed)}"
        return self.fail("input changed", problem, changed, hint=hint)

    def one_gradient(self, number: int) -> np.ndarray:
        """The gradient of one source when it alone is wanted."""
        outputs, leaves = self.subject.run(self.point, [number])
        return backpropagate(outputs, leaves, self.gy.copy())[number]

    def refused(self, error: GradientError) -> GradientCheck:
        """Backward raised; ask for one gradient at a time to learn whose fault it is."""
        blamed, hint = [], None
        for number, (name, x) in enumerate(zip(self.names, self.point, strict=True)):
            try:
                self.one_gradient(number)
            except Exception:  # a backward may also stumble over an input it is not asked for
                blamed.append(name)
                if len(self.shapes) == 1 and broadcasts(x.shape, self.shapes[0]):
                    hint = f"{name} was broadcast: its gradient is the sum over the broadcast axes."
        blamed = blamed or self.names
        # Autograd's words for a gradient whose shape or dtype is not that of the input.
        unlike = "precision too low" if "float32" in str(error) else "wrong gradient"
        verdict = unlike if "is unlike it" in str(error) else "backward failed"
        problem = f"the gradient of {enumerate_names(blamed)} is refused. {str(error).rstrip('.')}"
        return self.fail(verdict, problem, blamed, hint=hint)

    def finite(self) -> GradientCheck | None:
        """Gradients must be numbers."""
        pairs = zip(self.names, self.gradients, strict=True)
        infinite = [name for name, gx in pairs if not np.isfinite(gx).all()]
        if not infinite:
            return None
        problem = f"the gradient of {enumerate_names(infinite)} is infinite or NaN"
        return self.fail("not finite", problem, infinite, hint="Differences cannot judge it: move the input.")

    def digits(self) -> GradientCheck | None:
        """Gradients must have the digits of float64, as the random upstream gradient has."""
        for name, gx in zip(self.names, self.gradients, strict=True):
            numbers = gx[gx != 0]
            if numbers.size and np.array_equal(numbers, numbers.astype(np.float32)):
                problem = f"the gradient of {name} has only the digits of float32"
                return self.fail("precision too low", problem, [name], hint="Look for casts in backward.")
        return None

    def alone(self) -> GradientCheck | None:
        """Every gradient must be the same when it alone is wanted."""
        for number, name in enumerate(self.names if len(self.names) > 1 else ()):
            gx, problem = self.gradients[number], f"the gradient of {name} is another when it alone is wanted"
            hint = "Return one gradient or None per input, each whatever `needs` says of the others."
            try:
                off = np.abs(self.one_gradient(number) - gx).max(initial=0.0)
            except Exception as error:  # it did run when everything was wanted
                return self.fail(
                    "needs ignored", problem, [name], hint=f"{type(error).__name__}: {error} {hint}"
                )
            if off > SAME * np.abs(gx).max(initial=0.0):
                return self.fail("needs ignored", problem, [name], hint=hint)
        return None

    def slopes(self) -> GradientCheck:
        """Compare with differences; a wrong gradient must be wrong for another random draw too."""
        comparison, rows = self.compare(0)
        if any(row.verdict == "wrong gradient" for row in rows):
            comparison, rows = self.compare(1 + len(self.names))
        result = comparison.report(rows)
        unstable = None if result.passed else self.unstable(4)
        return result if unstable is None else unstable

    def compare(self, stream: int) -> tuple[Comparison, list[Row]]:
        """The comparison for one draw, and its rows."""
        comparison = Comparison(self.subject, self.y, self.shapes, self.seed, stream)
        directional = self.mode == "directional"
        measured = comparison.along_directions if directional else comparison.by_elements
        return comparison, measured(self.tolerance)
