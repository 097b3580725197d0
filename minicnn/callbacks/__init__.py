"""Callbacks: what happens around the epochs and batches of `fit`, `evaluate` and `predict`."""

from .base import Callback, CallbackList
from .history import History
from .progress import ProgressBar

__all__ = ["Callback", "CallbackList", "History", "ProgressBar"]
