"""Randomness of training as functions: what a stream's seed is, the order of samples, what dropout keeps.

The order belongs to the task and the repeat, so candidates that train together read the same batches. What
dropout keeps is a function of the candidate's seed, the node and the step: the same bits in every mode and
on every device, and whoever else trains beside it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cambrian import _core
from cambrian.network.module import Network
from cambrian.network.ops import MILLION, number

_PURPOSES = ("weights", "order", "noise", "augment")
_WORD, _LONG = 2**32 - 1, 2**64 - 1
_SPREAD, _FIRST, _SECOND = 0x9E3779B1, 0x7FEB352D, 0x846CA68B


def derive_seed(seed: int, purpose: str) -> int:
    """Return the 64-bit seed of one stream of randomness: "weights", "order", "noise" or "augment"."""
    sequence = np.random.SeedSequence(seed, spawn_key=(_PURPOSES.index(purpose),))
    return int(sequence.generate_state(1, np.uint64)[0])


def order_seed(fingerprint: str, repeat: int) -> int:
    """Return the seed of the order and the augmentation of samples: one for a task and a repeat.

    >>> train(module, task, recipe, epochs=10, seed=3, order=order_seed(task.fingerprint, 0))
    """
    digest = hashlib.blake2b(f"{fingerprint}/{repeat}".encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def batches(
    samples: int, batch: int, steps: int, seed: int, device: torch.device, first: int = 0
) -> Iterator[Tensor]:
    """Yield the sample numbers of every step: a new order each epoch, its incomplete last batch left out.

    With ``first`` the steps before it are left out.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "order"))
    per_epoch = samples // batch
    for start in range(0, steps, per_epoch):
        order = torch.randperm(samples, generator=generator)[: per_epoch * batch]
        if start + per_epoch > first:
            epoch = order.to(device, non_blocking=True).view(per_epoch, batch)
            yield from epoch[max(0, first - start) : steps - start].unbind()


def _mix(z: int) -> int:
    """Step as splitmix64 does (Steele, Lea and Flood 2014)."""
    z = (z + 0x9E3779B97F4A7C15) & _LONG
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _LONG
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _LONG
    return z ^ (z >> 31)


def key(noise: int, node: int, step: int) -> int:
    """Return the 64-bit key of what a dropout node keeps at a step; ``noise`` is the candidate's own seed."""
    return _mix(key_of_node(noise, node) ^ step)


def key_of_node(noise: int, node: int) -> int:
    """Return what `keys_at` makes the keys of a node from."""
    return _mix(_mix(noise) ^ node)


def keys_at(bases: NDArray[np.uint64], step: int) -> NDArray[np.uint64]:
    """Return the keys of many nodes at a step, from what `key_of_node` returned.

    >>> keys_at(np.asarray([key_of_node(noise, 3)], np.uint64), 7).tolist() == [key(noise, 3, 7)]
    """
    z = (bases ^ np.uint64(step)) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    keys: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return keys


def threshold(millionths: int) -> int:
    """Return the word (32 bits) below which an element is dropped."""
    return (millionths << 32) // MILLION


def factor(millionths: int) -> float:
    """Return what kept values are multiplied by: 1 / (1 - p), in single precision."""
    return float(np.float32(1.0 / (1.0 - millionths / MILLION)))


def _signed(values: Sequence[int], device: torch.device) -> Tensor:
    """Put words of 32 bits into a column of int32, which has the same bits."""
    words = np.asarray([v & _WORD for v in values], np.uint32).view(np.int32)
    return torch.from_numpy(words).to(device).view(-1, 1)


def _scramble(x: Tensor) -> Tensor:
    """Mix the bits of words, in place (Wellons' hash of 32 bits)."""
    x ^= (x >> 16) & 0xFFFF
    x *= _FIRST
    x ^= (x >> 15) & 0x1FFFF
    x *= _SECOND - 2**32
    x ^= (x >> 16) & 0xFFFF
    return x


def keep(keys: Sequence[int], index: Tensor, millionths: Sequence[int]) -> Tensor:
    """Return for every key which elements it keeps: bools (keys, elements).

    ``index`` (int32) is (elements,), or (keys, elements) where each key numbers them in its own way.

    >>> keep([key(noise, node=3, step=0)], torch.arange(640, dtype=torch.int32), [250_000])
    """
    place = index.device
    return kept(*words(keys, place), index, limits(millionths, place))


def words(keys: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the lower and the higher halves of keys, each (keys, 1), as `kept` takes them."""
    return _signed(keys, device), _signed([k >> 32 for k in keys], device)


def limits(millionths: Sequence[int], device: torch.device) -> Tensor:
    """Return the thresholds of chances to be dropped, (chances, 1), as `kept` takes them."""
    # Words are unsigned: with the highest bit turned they compare as signed ones do.
    return _signed([threshold(p) ^ 2**31 for p in millionths], device)


def kept(low: Tensor, high: Tensor, index: Tensor, limits: Tensor) -> Tensor:
    """Do what `keep` does with keys and chances that lie on the device already, and nothing else there."""
    x = _scramble(_scramble(index * (_SPREAD - 2**32) + low).add_(high))
    return x.bitwise_xor_(-(2**31)) >= limits


class Dropout:
    """What the dropout layers of one network keep, at the step that it stands at."""

    def __init__(self, noise: int) -> None:
        self.noise = noise
        self.step = 0

    def apply(self, node: int, millionths: int, x: Tensor) -> Tensor:
        """Drop elements of a batch (n, …), counted row by row as a contiguous tensor has them."""
        mask = self.keeps(node, millionths, x.numel(), x.device)
        return x * mask.view(x.shape).to(x.dtype).mul_(factor(millionths))

    def keeps(self, node: int, millionths: int, n: int, device: torch.device) -> Tensor:
        """Return which of n elements a layer keeps at this step, as bools."""
        own = key(self.noise, node, self.step)
        if device.type == "cpu":
            return torch.from_numpy(_core.keep(own, n, millionths))
        return keep([own], torch.arange(n, dtype=torch.int32, device=device), [millionths])


@contextlib.contextmanager
def keyed_dropout(module: nn.Module, dropout: Dropout) -> Iterator[None]:
    """Make the dropout of a `Network` in training that of ``dropout`` inside the block.

    A user's own module keeps torch's generator. The step is set by the caller.

    >>> dropout = Dropout(derive_seed(seed, "noise"))
    >>> with keyed_dropout(module, dropout):
    ...     dropout.step = 1
    """
    layers = []
    if isinstance(module, Network):
        for index, node in enumerate(module.graph.nodes):
            layer = module._modules.get(f"dropout_{index}") if node.op == "dropout" else None
            if layer is not None:
                apply = functools.partial(dropout.apply, index, number(node.attrs, "p"))
                layer.forward = functools.partial(_dropped, layer, apply)
                layers.append(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _dropped(layer: nn.Module, apply: functools.partial[Tensor], x: Tensor) -> Tensor:
    return apply(x) if layer.training else x
