"""FCNet in small files as h5py writes them."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cambrian as cb


def fcnet_file(path, measure="mse", epochs=100, **changed):
    h5py = pytest.importorskip("h5py")
    random = np.random.default_rng(0)
    configs = []
    with h5py.File(path, "w") as file:
        for _ in range(30):
            config = {
                name: options[random.integers(len(options))] for name, options in OPTIONS.items()
            } | changed
            key = json.dumps(config, sort_keys=True)
            if key in file:
                continue
            group = file.create_group(key)
            group[f"valid_{measure}"] = random.random((4, epochs))
            group[f"train_{measure}"] = random.random((4, epochs))
            group["runtime"] = random.random(4) + 5
            group["final_test_error"] = random.random(4)
            group["n_params"] = random.integers(100, 1000, 4)
            configs.append((config, {name: np.array(group[name]) for name in group}))
    return configs


OPTIONS = {
    "activation_fn_1": ["relu", "tanh"], "activation_fn_2": ["relu", "tanh"], "batch_size": [8, 16, 32, 64],
    "dropout_1": [0.0, 0.3, 0.6], "dropout_2": [0.0, 0.3, 0.6],
    "init_lr": [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1],
    "lr_schedule": ["cosine", "const"], "n_units_1": [16, 32, 64, 128, 256, 512],
    "n_units_2": [16, 32, 64, 128, 256, 512],
}  # fmt: skip


@pytest.mark.parametrize("measure", ["mse", "mae"])
def test_fcnet(tmp_path, measure):
    configs = fcnet_file(tmp_path / "fcnet_x_data.hdf5", measure)
    table = cb.tables.fcnet(tmp_path / "fcnet_x_data.hdf5", epochs=(2, 50))
    assert len(table) == len(configs)
    assert table.continues
    assert (table.space.size, table.fidelities(), table.seeds()) == (62_208, (0.02, 0.5, 1.0), 4)
    for config, data in configs:
        genome = table.space.encode([config])
        curve = data[f"valid_{measure}"]
        np.testing.assert_allclose(table.values(genome, f"val_{measure}"), curve[:, -1].mean())
        np.testing.assert_allclose(table.values(genome, f"val_{measure}", seed=2, fidelity=0.4), curve[2, 49])
        np.testing.assert_allclose(table.values(genome, f"test_{measure}"), data["final_test_error"].mean())
        np.testing.assert_allclose(table.values(genome, "params"), data["n_params"][0])
        np.testing.assert_allclose(table.seconds(genome, 0.02), 0.02 * data["runtime"].mean())


def test_bad_files_of_fcnet(tmp_path):
    path = tmp_path / "x.hdf5"
    fcnet_file(path)
    with pytest.raises(ValueError, match="epochs must be from 1 to 100"):
        cb.tables.fcnet(path, epochs=(200,))
    fcnet_file(path, batch_size=9)
    with pytest.raises(ValueError, match=r"no file of FCNet: .*batch_size.*9 is not an option"):
        cb.tables.fcnet(path)
    fcnet_file(path, depth=3)
    with pytest.raises(ValueError, match="expected configurations of n_units_1"):
        cb.tables.fcnet(path)
    path.write_bytes(b"no hdf5")
    with pytest.raises((OSError, ValueError)):
        cb.tables.fcnet(path)
