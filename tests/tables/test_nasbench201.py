"""NAS-Bench-201 and NATS-Bench in small files, as their authors' classes and torch write them."""

from __future__ import annotations

import bz2
import pickle
from collections import OrderedDict, defaultdict

import numpy as np
import pytest

import cambrian as cb

NAMES = [
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|none~2|",
    "|none~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|skip_connect~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
]


def trial(seed: int, epochs: int, sets: list[str], value: float, weights: object = None) -> dict:
    """One training, as the benchmark's `ResultsCount` writes itself down."""
    every = [f"{name}@{e}" for name in sets for e in (0, epochs - 1)]
    return {
        "name": "infer.tiny", "net_state_dict": weights, "train_acc1es": {epochs - 1: 99.0},
        "train_acc5es": None, "train_losses": {epochs - 1: 0.1},
        "train_times": OrderedDict((e, 2.0) for e in range(epochs)),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": NAMES[0], "class_num": 10}, "params": 0.25,
        "flop": 20.5, "seed": seed, "epochs": epochs, "latency": [0.01, np.float64(0.03)], "eval_names": sets,
        "eval_acc1es": {key: value + 10 * (not key.endswith("@0")) for key in every},
        "eval_times": dict.fromkeys(every, 3.0), "eval_losses": dict.fromkeys(every, 1.0),
    }  # fmt: skip


def results(index: int, epochs: int, weights: object = None) -> dict:
    """All trainings of one architecture on one schedule, as `ArchResults` writes itself down."""
    seeds = [777, 888, 999][: 1 + index] if epochs == 200 else [777]
    trials = {
        ("cifar10-valid", s): trial(s, epochs, ["x-valid", "ori-test"], index + s / 1000, weights)
        for s in seeds
    }
    trials |= {("cifar10", s): trial(s, epochs, ["ori-test"], 20 + index + s / 1000) for s in seeds}
    return {
        "arch_index": index, "arch_str": NAMES[index], "all_results": trials,
        "clear_net_done": weights is None,
        "dataset_seed": defaultdict(list, {"cifar10-valid": seeds[::-1], "cifar10": seeds}),
    }  # fmt: skip


def benchmark(names: tuple[str, str], weights: object = None) -> dict:
    infos = {i: {names[0]: results(i, 12, weights), names[1]: results(i, 200, weights)} for i in (0, 1)}
    return {"meta_archs": NAMES, "arch2infos": infos, "evaluated_indexes": {0, 1}}


def check_201(table: cb.tables.Table) -> None:
    assert (len(table), table.seeds(), table.fidelities()) == (2, 2, (0.06, 1.0))
    assert table.space.paths == ("cell.e01", "cell.e02", "cell.e12", "cell.e03", "cell.e13", "cell.e23")
    words = [["avg_pool_3x3", "nor_conv_1x1", "skip_connect", "nor_conv_1x1", "skip_connect", "none"],
             ["none", "nor_conv_3x3", "none", "skip_connect", "none", "skip_connect"]]  # fmt: skip
    for index, row in enumerate(words):
        config = {"cell": dict(zip(("e01", "e02", "e12", "e03", "e13", "e23"), row, strict=True))}
        genome = table.space.encode([config])
        np.testing.assert_allclose(table.values(genome, "val200", seed=0), 10 + index + 0.777)
        mean = np.mean([0.777, 0.888][: 1 + index])
        np.testing.assert_allclose(table.values(genome, "val200"), 10 + index + mean)
        np.testing.assert_allclose(table.values(genome, "test200"), 30 + index + mean)
        np.testing.assert_allclose(table.values(genome, "val12"), 10 + index + 0.777)
        np.testing.assert_allclose(table.values(genome, "val200", fidelity=0.05), 10 + index + 0.777)
        np.testing.assert_allclose(table.values(genome, "params"), 250_000)
        np.testing.assert_allclose(table.values(genome, "flops"), 20_500_000)
        np.testing.assert_allclose(table.values(genome, "latency"), 0.02)
        np.testing.assert_allclose(table.seconds(genome), 403.0)
        np.testing.assert_allclose(table.seconds(genome, metric="val12"), 27.0)
        assert np.isnan(table.values(genome, "val200", seed=1)[0]) == (index == 0)
    assert not table.has(table.space.encode([{"cell": dict.fromkeys(config["cell"], "none")}]))[0]


@pytest.mark.parametrize("protocol", range(6))
def test_nats_bench_in_one_file(tmp_path, protocol):
    path = tmp_path / "NATS-tss.pickle.pbz2"
    with bz2.open(path, "wb") as file:
        pickle.dump(benchmark(("12", "200")), file, protocol=protocol)
    check_201(cb.tables.nasbench201(path))
    with pytest.raises(ValueError, match="no results on 'cifar100'"):
        cb.tables.nasbench201(path, "cifar100")
    with pytest.raises(ValueError, match="unknown dataset of NAS-Bench-201: 'cifar'"):
        cb.tables.nasbench201(path, "cifar")


def test_nats_bench_as_a_folder(tmp_path):
    whole = benchmark(("12", "200"))
    parts = {"meta": {"meta_archs": NAMES}, **{f"{i:06d}": one for i, one in whole["arch2infos"].items()}}
    for name, part in parts.items():
        with bz2.open(tmp_path / f"{name}.pickle.pbz2", "wb") as file:
            pickle.dump(part, file, protocol=4)
    check_201(cb.tables.nasbench201(tmp_path))


@pytest.mark.parametrize("new", [False, True])
def test_nasbench201_as_torch_wrote_it(tmp_path, new):
    torch = pytest.importorskip("torch")
    weights = torch.nn.Linear(2, 3).state_dict()
    path = tmp_path / "NAS-Bench-201-v1_1.pth"
    torch.save(benchmark(("less", "full"), weights), path, _use_new_zipfile_serialization=new)
    check_201(cb.tables.nasbench201(path))


def test_sizes_of_nats_bench(tmp_path):
    names = ["8:8:8:8:8", "64:8:16:8:32"]
    sss = {"meta_archs": names, "evaluated_indexes": [0, 1],
           "arch2infos": {i: {"01": results(i, 1), "90": results(i, 90)} for i in (0, 1)}}  # fmt: skip
    (tmp_path / "NATS-sss.pickle").write_bytes(pickle.dumps(sss))
    table = cb.tables.nasbench201(tmp_path / "NATS-sss.pickle")
    config = {f"width{i}": int(w) for i, w in enumerate(names[1].split(":"))}
    np.testing.assert_allclose(table.values(table.space.encode([config]), "val90"), 11.777)
    assert table.space.size == 8**5
