"""Computing a little ahead of the consumer, in one thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["prefetch"]

_T = TypeVar("_T")


def prefetch(make: Callable[[int], _T], count: int, ahead: int) -> Iterator[_T]:
    """Yield ``make(0), make(1), …, make(count - 1)``, computed up to `ahead` items in advance.

    Parameters
    ----------
    make : a function of nothing but the number, so that the thread cannot change the result.
    count : how many.
    ahead : 0 for no thread at all. What `make` raises is raised here, when it is that item's turn. The
        thread ends with the iterator: at its end, at an error, or when a loop over it is left.

    Examples
    --------
    >>> list(prefetch(lambda i: i * i, 4, ahead=2))
    [0, 1, 4, 9]
    """
    if ahead == 0:
        yield from map(make, range(count))
        return
    waiting: deque[Future[_T]] = deque()
    with ThreadPoolExecutor(1, "minicnn-prefetch") as thread:  # leaving it waits for the thread's end
        try:
            for number in range(count):
                waiting.append(thread.submit(make, number))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for item in waiting:
                item.cancel()
