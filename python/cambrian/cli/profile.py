"""`cambrian profile`: measure what the operations of a family take on this device."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cambrian.cli import values


def profile(
    space: Annotated[
        str, typer.Argument(help="A family of networks, or a space in a .json or .toml file.")
    ] = "convnet",
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("profile.json"),
    input: Annotated[str, typer.Option(help="Shape of one sample: 3,32,32.")] = "1,8,8",
    outputs: Annotated[int, typer.Option(min=1, help="Number of outputs.")] = 10,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1.")] = "cpu",
    batch: Annotated[str, typer.Option(help="Batch sizes: 1,8,64.")] = "1",
    precision: Annotated[str, typer.Option(help="float32,bfloat16,float16.")] = "float32",
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch; one is the steadiest.")] = 1,
    budget: Annotated[str, typer.Option(help="Time to spend: 90s, 2min.")] = "2min",
    networks: Annotated[int, typer.Option(min=1, help="Whole networks to correct sums with, at most.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Decides which networks are looked at.")] = 0,
) -> None:
    """Measure the operations of a family on this device into a table that predicts latency.

    The table is for `cambrian search --profile` and `cb.search(profile=…)`, on this device. The machine
    should have nothing else to do meanwhile; several batch sizes and precisions share the time.
    """
    from cambrian.network.latency.profiling import profile as measured

    shape = values.numbers(input, "--input")
    made = space_for(space, shape, outputs)
    if out.is_dir() or not out.parent.is_dir():
        raise ValueError(f"--out {out}: name a file in a folder that exists")
    found = measured(
        made,
        device=device,
        batches=values.numbers(batch, "--batch"),
        precisions=values.names([precision]),
        threads=threads,
        budget=values.seconds(budget),
        networks=networks,
        seed=seed,
        heard=lambda line: print(line, file=sys.stderr, flush=True),
    )
    found.save(out)
    typer.echo(f"{found.device.kind} {found.device.name}, {threads} threads: {out}")


def space_for(name: str, shape: list[int], outputs: int) -> Any:
    """Return a family by its name, or the space of a file, for an input and a number of outputs."""
    if name.endswith((".json", ".toml")):
        from cambrian.space.space import Space

        return Space.load(name).bind(shape, outputs)
    from cambrian.space import families

    return families.make(name, tuple(shape), outputs)
