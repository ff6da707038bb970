"""Candidates trained a second, against training them one after another.

    python benchmarks/evaluator.py --only mlps,convnets-8
    python benchmarks/evaluator.py --only cell201 --candidates 8 --steps 30

Two baselines train the same jobs with the same recipes for as many steps. E0 is what is written most often: a
network after another, a DataLoader, torch's optimizer classes and default threads. E1 is the honest one: the
data stays on the device as tensors, and memory layout, number of threads and data type are the best of those
that a pilot found (but no data type in which the networks learn less). Ours is the evaluator of a search with
the number of workers that a search takes; starting the workers, planning, calibration and warm-up count, of
ours and of nobody else. Ours and E1 take turns for `--rounds`; E0 runs once, on every eighth candidate.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from common import load, save, spread
from evaluator_workloads import STEPS, WORKLOADS, Workload

from cambrian.evaluate import Job, Recipe, TrainNetwork, Workers, measure, usable_cores
from cambrian.evaluate.draws import order_seed
from cambrian.evaluate.train import resolve_device, train

Scores = dict[int, float]  # accuracy on the validation samples, by job


def function_of(work: Workload, device: str, mode: str) -> TrainNetwork:
    return TrainNetwork(work.task, epochs=work.epochs, device=device, build=work.build, mode=mode)


def ours(work: Workload, device: str, mode: str = "auto") -> tuple[float, Scores, dict[str, int]]:
    """Train all jobs as a search does; seconds, scores, and how many were trained in which mode."""
    start = time.perf_counter()
    n = min(usable_cores(), len(work.jobs)) if device == "cpu" else 1  # a lone network has all threads
    with Workers(function_of(work, device, mode), n) as evaluator:
        done = list(evaluator.evaluate(work.jobs))
    seconds = time.perf_counter() - start
    modes: dict[str, int] = {}
    for one in done:
        modes[one.mode] = modes.get(one.mode, 0) + 1
    return seconds, {one.id: one.metrics.get("accuracy", np.nan) for one in done}, modes


def eagerly(work: Workload, device: str, jobs: list[Job], how: dict[str, Any]) -> tuple[float, Scores]:
    """E1: one after another in this process, data on the device."""
    function = function_of(work, device, "eager")
    scores, order = {}, order_seed(work.task.fingerprint, 0)
    torch.set_num_threads(how["threads"])
    start = time.perf_counter()
    for job in jobs:
        module = function.network(job)
        if how["layout"] == "contiguous":
            module = with_layout(module, torch.contiguous_format)
        with torch.autocast("cpu", torch.bfloat16, enabled=how["dtype"] == "bfloat16"):
            metrics = train(module, work.task, function.recipe(job), epochs=work.epochs, seed=job.seed,
                            order=order, device=device)  # fmt: skip
        scores[job.id] = metrics["accuracy"]
    synchronise(device)
    return time.perf_counter() - start, scores


def best_of_a_pilot(work: Workload, device: str) -> dict[str, Any]:
    """Threads, then layout, then data type that train a few candidates, for a few steps, fastest."""
    short = dataclasses.replace(work, epochs=work.epochs / 20)
    jobs = work.jobs[:: max(1, len(work.jobs) // 6)][:6]
    how: dict[str, Any] = {"threads": usable_cores(), "layout": "channels last", "dtype": "float32"}
    choices: dict[str, list[Any]] = {}
    if device == "cpu":
        choices["threads"] = sorted({1, usable_cores()})
    if len(work.task.input_shape) == 3:
        choices["layout"] = ["channels last", "contiguous"]
    if device == "cpu":
        choices["dtype"] = ["float32", "bfloat16"]
    eagerly(short, device, jobs, how)
    for name, values in choices.items():
        runs = [eagerly(short, device, jobs, {**how, name: value}) for value in values]
        best = int(np.argmin([seconds for seconds, _ in runs]))
        how[name] = values[best]
    return how


def with_a_loader(work: Workload, device: str, jobs: list[Job]) -> float:
    """E0: seconds of the jobs as a tutorial would train them."""
    function = function_of(work, device, "eager")
    torch.set_num_threads(usable_cores())
    inputs, targets = map(torch.from_numpy, work.task.arrays("train"))
    data = torch.utils.data.TensorDataset(inputs, targets)
    start = time.perf_counter()
    for job in jobs:
        recipe, module = function.recipe(job), function.network(job).to(device)
        module = with_layout(module, torch.contiguous_format)
        loader = torch.utils.data.DataLoader(data, recipe.batch_size, shuffle=True, drop_last=True)
        steps = max(1, round(work.epochs * len(loader)))
        optimizer = optimizer_of(module, recipe)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        batches = itertools.chain.from_iterable(itertools.repeat(loader))
        for x, y in itertools.islice(batches, steps):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(x.to(device)), y.to(device))
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
            optimizer.step()
            schedule.step()
        measure(module, work.task, "validation", device)
    synchronise(device)
    return time.perf_counter() - start


def optimizer_of(module: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    decay = recipe.weight_decay
    if recipe.optimizer == "sgd":
        nesterov = recipe.momentum > 0
        return torch.optim.SGD(
            module.parameters(), recipe.lr or 0.05, recipe.momentum, weight_decay=decay, nesterov=nesterov
        )
    return torch.optim.AdamW(module.parameters(), recipe.lr or 0.003, weight_decay=decay)


def with_layout(module: Any, layout: torch.memory_format) -> torch.nn.Module:
    changed: torch.nn.Module = module.to(memory_format=layout)
    return changed


def synchronise(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def mean(scores: Scores) -> float:
    return float(np.nanmean(list(scores.values())))


def compare(name: str, options: argparse.Namespace) -> dict[str, Any]:
    make, n, asked = WORKLOADS[name]
    device = str(resolve_device(options.device))
    work = make(options.candidates or n, options.steps)
    how = best_of_a_pilot(work, device)
    runs: dict[str, list[float]] = {"ours": [], "E1": []}
    before = name == "default-job"  # this one is measured against workers that train eagerly
    for _ in range(options.rounds):
        seconds, scores, modes = ours(work, device)
        runs["ours"].append(seconds)
        if before:
            seconds, eager, _ = ours(work, device, "eager")
        else:
            seconds, eager = eagerly(work, device, work.jobs, how)
            if how["dtype"] == "bfloat16" and mean(eager) < mean(scores) - 0.02:
                how = {**how, "dtype": "float32", "bfloat16": {"seconds": seconds, "accuracy": mean(eager)}}
                seconds, eager = eagerly(work, device, work.jobs, how)  # what learns less is other work
        runs["E1"].append(seconds)
    part = work.jobs[:: 8 if len(work.jobs) >= 16 else 1]
    loader = None if before else with_a_loader(work, device, part) * len(work.jobs) / len(part)
    ratios = [b / a for a, b in zip(runs["ours"], runs["E1"], strict=True)]
    gap = np.array([scores[i] - eager[i] for i in scores])
    return {
        "about": work.about, "device": device, "candidates": len(work.jobs), "epochs": work.epochs,
        "steps_per_candidate": options.steps or (None if "digits" in work.about else STEPS),
        "seconds": {key: spread(values) for key, values in runs.items()},
        "candidates_per_second": {key: len(work.jobs) / float(np.median(v)) for key, v in runs.items()},
        "candidates_per_hour": 3600 * len(work.jobs) / float(np.median(runs["ours"])),
        "E1": "workers that train eagerly" if before else how, "E0_seconds": loader, "modes": modes,
        "times_E1": spread(ratios), "asked": asked.get(device.partition(":")[0]),
        "times_E0": None if loader is None else loader / float(np.median(runs["ours"])),
        "accuracy": {
            "ours": mean(scores), "E1": mean(eager),
            "difference": float(np.nanmean(gap)),
            "standard_error": float(np.nanstd(gap) / max(1, len(gap)) ** 0.5),
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default=",".join(WORKLOADS), help=", ".join(WORKLOADS))
    parser.add_argument("--candidates", type=int, help="instead of each workload's own number")
    parser.add_argument("--steps", type=int, help="instead of 300 (digits MLPs: 20 epochs)")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    results = load("evaluator")
    report: Callable[..., None] = print
    for name in options.only.split(","):
        row = compare(name, options)
        results[name] = row
        report(f"{name:14} {row['times_E1']['median']:6.2f} × E1 (asked {row['asked']}), "
               f"accuracy {row['accuracy']['ours']:.4f} / {row['accuracy']['E1']:.4f}, "
               f"{row['seconds']['ours']['median']:.1f} s, {row['modes']}", flush=True)  # fmt: skip
        save("evaluator", results)


if __name__ == "__main__":
    main()
