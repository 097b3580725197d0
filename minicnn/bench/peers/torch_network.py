"""A network of PyTorch modules, in either layout, trained by a plain loop."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..nets import Conv, Dense, Drop, Flat, GlobalPool, Pool, Residual
from .session import RATE, Session

__all__ = ["TorchSession"]


class _Builder:
    """Makes the modules of one part after the other, keeping those with weights by conv1, norm1, dense1, …"""

    def __init__(self, torch: Any, image: tuple[int, int, int]) -> None:
        self.nn, self.torch = torch.nn, torch
        self.named: dict[str, Any] = {}
        self.shape: tuple[int, ...] = (image[2], image[0], image[1])  # (c, h, w), then (units,)
        self.flat: dict[str, tuple[int, ...]] = {}  # dense layers that read an image, and its shape
        self._numbers: Counter[str] = Counter()
        self._image: tuple[int, ...] | None = None

    def _keep(self, kind: str, module: Any) -> Any:
        self._numbers[kind] += 1
        self.named[f"{kind}{self._numbers[kind]}"] = module
        return module

    def sequence(self, parts: Any) -> Any:
        modules = [module for part in parts for module in self._modules(part)]
        return self.nn.Sequential(*modules)

    def _modules(self, part: Any) -> list[Any]:
        nn = self.nn
        if isinstance(part, Conv):
            return self._conv(part)
        if isinstance(part, Pool):
            pool = nn.MaxPool2d(part.size, part.stride, (part.size - 1) // 2 if part.same else 0)
            return self._sized([pool])
        if isinstance(part, Residual):
            return self._residual(part)
        if isinstance(part, Dense):
            dense = self._keep("dense", nn.Linear(self.shape[0], part.units))
            if self._image is not None:
                self.flat[f"dense{self._numbers['dense']}"], self._image = self._image, None
            self.shape = (part.units,)
            return [dense, nn.ReLU(inplace=True)] if part.relu else [dense]
        if isinstance(part, Drop):
            return [nn.Dropout(part.rate)]
        if isinstance(part, Flat):
            self._image, self.shape = self.shape, (int(np.prod(self.shape)),)
            return [nn.Flatten()]
        if isinstance(part, GlobalPool):
            self.shape = self.shape[:1]
            return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        raise NotImplementedError(f"{type(part).__name__} is here for the layer sets only")

    def _conv(self, part: Conv) -> list[Any]:
        padding = (part.kernel - 1) // 2 if part.same else 0
        window = (part.kernel, part.stride, padding, 1, part.groups, not part.norm)
        modules = [self._keep("conv", self.nn.Conv2d(self.shape[0], part.filters, *window))]
        if part.norm:  # Keras' ε, and its momentum as PyTorch counts it
            modules.append(self._keep("norm", self.nn.BatchNorm2d(part.filters, eps=1e-3, momentum=0.01)))
        return self._sized(modules + ([self.nn.ReLU(inplace=True)] if part.relu else []))

    def _residual(self, part: Residual) -> list[Any]:
        before = self.shape
        main, after = self.sequence(part.main), self.shape
        self.shape = before
        shortcut = self.sequence(part.shortcut)
        self.shape = after

        class Sum(self.nn.Module):  # type: ignore[name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.main, self.shortcut = main, shortcut

            def forward(self, x: Any) -> Any:
                return self.main(x) + self.shortcut(x)

        return [Sum(), *([self.nn.ReLU(inplace=True)] if part.relu else [])]

    def _sized(self, modules: list[Any]) -> list[Any]:
        """Note the shape behind some modules, by an image without content."""
        x = self.torch.empty(1, *self.shape, device="meta")
        self.shape = tuple(self.nn.Sequential(*modules).to("meta")(x).shape[1:])
        return [module.to_empty(device="cpu") for module in modules]


class TorchSession(Session):
    """Modules, `torch.optim.RMSprop` with Keras' constants, and the loop of every tutorial."""

    def __init__(self, torch: Any, memory_format: Any, **settings: Any) -> None:
        self.torch, self.format = torch, memory_format
        super().__init__(**settings)

    def build(self) -> None:
        torch = self.torch
        torch.manual_seed(0)
        *parts, last = self.net.parts
        builder = _Builder(torch, self.net.image)
        # The loss takes logits, as in PyTorch's tutorials; predictions get their softmax in `predict`.
        self.model = builder.sequence([*parts, last._replace(relu=False)]).to(memory_format=self.format)
        self.named, self.flat = builder.named, builder.flat
        for module in self.model.modules():  # to_empty leaves the numbers to chance
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        self.loss = torch.nn.CrossEntropyLoss()
        self.images, self.targets = self._images(self.x), torch.from_numpy(self.y.astype(np.int64))
        self.optimizer = self.torch.optim.RMSprop(self.model.parameters(), lr=RATE, alpha=0.9, eps=1e-7)

    def _images(self, x: np.ndarray) -> Any:
        """Images in PyTorch's layout."""
        tensor = self.torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
        return tensor.contiguous(memory_format=self.format)

    def load(self, weights: dict[str, list[np.ndarray]]) -> None:
        for name, arrays in weights.items():
            module = self.named[name]
            own = [module.weight, module.bias]
            if name.startswith("norm"):
                own += [module.running_mean, module.running_var]
            for value, array in zip((value for value in own if value is not None), arrays, strict=True):
                with self.torch.no_grad():
                    value.copy_(self.torch.from_numpy(self._transposed(name, array)))

    def _transposed(self, name: str, array: np.ndarray) -> np.ndarray:
        """HWIO to OIHW; rows of a dense layer from (h, w, c) to (c, h, w) where it reads an image."""
        if array.ndim == 4:
            return np.ascontiguousarray(array.transpose(3, 2, 0, 1))
        if array.ndim == 2:
            if name in self.flat:
                c, h, w = self.flat[name]
                array = array.reshape(h, w, c, -1).transpose(2, 0, 1, 3).reshape(array.shape)
            return np.ascontiguousarray(array.T)
        return array

    def fit(self, images: int) -> float:
        self.model.train()
        total = 0.0
        for start in range(0, images, self.batch):
            stop = min(start + self.batch, images)
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(self.model(self.images[start:stop]), self.targets[start:stop])
            loss.backward()
            self.optimizer.step()
            total = total + loss.detach() * (stop - start)
        return float(total) / images

    def predict(self, x: np.ndarray | None, images: int) -> np.ndarray:
        tensor = self.images if x is None else self._images(x)
        self.model.eval()
        with self.torch.inference_mode():
            parts = [
                self.model(tensor[start : min(start + self.batch, images)]).softmax(1)
                for start in range(0, images, self.batch)
            ]
            return self.torch.cat(parts).numpy()

    def count(self) -> int:
        statistics = [b for name, b in self.model.named_buffers() if name.endswith(("_mean", "_var"))]
        return sum(value.numel() for value in [*self.model.parameters(), *statistics])
