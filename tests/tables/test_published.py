"""The tables of trained networks that searches are proven on, where they are at hand."""

from __future__ import annotations

import numpy as np
import pytest

import cambrian as cb

from .small import DESCRIPTIONS, FOLDER, published


@published
def test_published_facts_of_nasbench201():
    cells = cb.tables.load(FOLDER, DESCRIPTIONS / "nasbench201_c10.json")
    with np.load(FOLDER / "nasbench201_c10.npz", allow_pickle=False) as data:
        names, params = data["arch_str"], data["params_m_c10"]
    assert cells.best("test200") == pytest.approx(94.373, abs=5e-4)
    assert cells.price(metric="val12").mean() == pytest.approx(112.8, abs=0.1)
    assert np.count_nonzero(~np.isnan(cells.column("val200", seed=2))) == 8169
    for row in (0, 1234, 15624):
        config = cells.space.decode(cells.genomes[row])["cell"]
        nodes = [part.strip("|").split("|") for part in str(names[row]).split("+")]
        for to, edges in enumerate(nodes, start=1):
            for edge in edges:
                operation, origin = edge.split("~")
                assert config[f"e{origin}{to}"] == operation
    # Operations that nothing reaches count in the published number of parameters, not in ours.
    ours = cells.space.resources(cells.genomes)["params"]
    assert (ours <= np.rint(params.astype(np.float64) * 1e6)).mean() > 0.99
    assert len(cells.space.unique(cells.genomes)) == 5260  # of 6,466 that the published key tells apart


@published
@pytest.mark.parametrize(
    ("name", "rows", "best"),
    [
        ("fcnet_naval", 62_208, 3.19e-5),
        ("fcnet_slice", 62_208, 1.916e-4),
        ("hpobench_car", 30_000, 1.0),
        ("hpobench_australian", 30_000, 0.94467),
        ("transnas_class_object", 4_096, 45.586),
        ("transnas_class_scene", 4_096, 54.936),
        ("nasbench_graph_cora", 26_206, 0.81933),
    ],
)
def test_the_other_tables(name, rows, best):
    found = cb.tables.load(FOLDER, DESCRIPTIONS / f"{name}.json")
    assert len(found) == rows
    assert found.best() == pytest.approx(best, rel=1e-3)
    assert found.pool == (found.space.size > rows)
