"""Convolutions of training in the core against torch's, forward and backward, on one core.

    cmake --build build --target bench_kernels && python benchmarks/kernels.py build/bench_kernels

Both are called in turns, three times; of each the least time counts, as what disturbs a call only lengthens
it. torch gets and gives arrays that are channels last, and autograd's recording is not counted. GFLOP/s count
multiplications with the border too, which neither carries out. Wants a machine that has nothing else to do.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from common import save
from timing import table
from torch.nn.functional import conv2d


class Shape(NamedTuple):
    """A convolution of n images with equal sides."""

    n: int
    side: int
    channels: int
    out: int
    kernel: int = 3
    stride: int = 1
    dilation: int = 1
    groups: int = 1

    @property
    def flops(self) -> float:
        side = -(-self.side // self.stride)
        return 2.0 * self.n * side**2 * self.kernel**2 * self.channels // self.groups * self.out


SHAPES = (
    *(Shape(64, 8, width, width) for width in (4, 8, 16, 32, 64)),
    *(Shape(64, side, 32, 32) for side in (2, 4, 16)),
    Shape(32, 32, 3, 16),
    Shape(32, 32, 16, 16),
    Shape(64, 8, 12, 20),
    Shape(64, 8, 32, 64, 1),
    *(Shape(64, 8, 16, 16, kernel) for kernel in (5, 7)),
    Shape(64, 8, 16, 32, 3, 2),
    Shape(64, 8, 16, 16, 3, 1, 2),
    Shape(64, 8, 32, 32, groups=4),
    *(Shape(64, 8, 32, 32, kernel, 1, 1, 32) for kernel in (3, 5)),
)


def least(call: Callable[[], object]) -> float:
    """Seconds of a call, over runs of half a millisecond for a few hundredths of a second."""
    call()
    start = time.perf_counter()
    call()
    times = max(1, int(5e-4 / (time.perf_counter() - start)))
    found, total = float("inf"), 0.0
    while total < 0.06:
        start = time.perf_counter()
        for _ in range(times):
            call()
        run = time.perf_counter() - start
        found, total = min(found, run / times), total + run
    return found


def of_torch(shape: Shape) -> tuple[float, float]:
    layout = torch.channels_last
    x = torch.randn(shape.n, shape.channels, shape.side, shape.side).contiguous(memory_format=layout)
    size = (shape.out, shape.channels // shape.groups, shape.kernel, shape.kernel)
    inputs = (x, torch.randn(size).contiguous(memory_format=layout), torch.randn(shape.out))
    padding = shape.dilation * (shape.kernel // 2)

    def forward() -> torch.Tensor:
        return conv2d(*inputs, shape.stride, padding, shape.dilation, shape.groups)

    seconds = least(forward)
    for value in inputs:
        value.requires_grad_()
    y = forward()
    dy = torch.randn_like(y)
    return seconds, least(lambda: torch.autograd.grad(y, inputs, dy, retain_graph=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the built bench_kernels")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    with subprocess.Popen(
        [options.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as ours:
        assert ours.stdin is not None
        assert ours.stdout is not None
        for shape in SHAPES:
            times = []
            for _ in range(3):
                print(*shape, file=ours.stdin, flush=True)
                times.append((*map(float, ours.stdout.readline().split()), *of_torch(shape)))
            seconds = dict(
                zip(("forward", "backward", "torch_forward", "torch_backward"), map(min, *times), strict=True)
            )
            rows.append({"shape": shape._asdict(), "flops": shape.flops, "seconds": seconds})
    lines = []
    for row in rows:
        seconds, line = row["seconds"], [" ".join(map(str, row["shape"].values()))]
        for part, passes in (("forward", 1), ("backward", 2)):
            rate = passes * row["flops"] / seconds[part] / 1e9
            line += [f"{rate:.0f}", f"{seconds['torch_' + part] / seconds[part]:.2f}"]
        lines.append(line)
    header = ["n side in out kernel stride dilation groups", "forward GFLOP/s", "torch / ours"]
    table("Convolutions", [*header, "backward GFLOP/s", "torch / ours"], lines)
    save("kernels", {"rows": rows})


if __name__ == "__main__":
    main()
