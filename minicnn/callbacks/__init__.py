"""Callbacks: what happens around the epochs and batches of `fit`, `evaluate` and `predict`."""

from .base import Callback, CallbackList
from .history import History
from .monitor import EarlyStopping, MonitorCallback, ReduceLROnPlateau
from .nan import TerminateOnNaN
from .progress import ProgressBar
from .range_test import LearningRateRangeTest
from .saver import ModelCheckpoint
from .simple import CSVLogger, LambdaCallback, LearningRateScheduler

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateRangeTest",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "MonitorCallback",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
