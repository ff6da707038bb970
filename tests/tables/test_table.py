"""What a table answers, and what it refuses to be made of."""

from __future__ import annotations

import csv
import itertools
import json

import numpy as np
import pytest

import cambrian as cb
from cambrian.tables import Metric, Seconds, Table

from .small import DESCRIPTION, GENES, columns, table, write


def genome(space: cb.Space, **config: object) -> np.ndarray:
    return space.encode([config])


def test_every_row_is_found_by_its_config(tmp_path):
    small, data = table(tmp_path), columns()
    assert len(small) == small.space.size == 6
    for row, (width, act) in enumerate(zip(data["width"], data["act"], strict=True)):
        key = genome(small.space, width=int(width), act=str(act))
        assert small.rows(key).tolist() == [row]
        seeds = data["seeds"][row]
        there = seeds[~np.isnan(seeds)]
        mean = there.mean() if len(there) else np.nan
        np.testing.assert_allclose(small.values(key, "accuracy"), [mean])
        for seed in range(2):
            np.testing.assert_array_equal(small.values(key, "accuracy", seed=seed), seeds[[seed]])
        assert np.isnan(small.values(key, "accuracy", seed=2)[0])
        assert small.values(key, "accuracy", fidelity=0.2) == data["short"][row]
        assert small.values(key, "accuracy", seed=1, fidelity=0.25) == data["short"][row]
        assert small.values(key, "params", seed=4, fidelity=0.01) == data["params"][row]
        assert small.seconds(key) == data["time"][row]
        assert small.seconds(key, 0.2) == 0.25 * data["time"][row]
    assert small.metrics == {"accuracy": "max", "params": "min"}
    assert (small.reward, small.fidelities(), small.fidelities("params")) == ("accuracy", (0.25, 1.0), (1.0,))
    assert (small.best(), small.best("params"), small.seeds()) == (pytest.approx(0.8), 10.0, 2)


def test_ordered_columns_are_ordered_genes(tmp_path):
    space = table(tmp_path).space
    least = np.repeat(genome(space, width=16, act="relu"), 50, axis=0)
    moved = cb.mutate(least, space.layout, by=cb.StepMutation(1.0), seed=0)
    assert set(moved[:, 0].tolist()) == {1}  # one step from the least, never two
    assert cb.Space.from_dict(space.to_dict()).layout.words.tolist() == space.layout.words.tolist()


def test_what_a_search_pays_at_each_seed(tmp_path):
    small = table(tmp_path)
    for seed, expected in [(1, [0.3, 0.2, 0.5, 0.6, 0.9]), (2, [0.1, 0.2, 0.5, 0.4, 0.7])]:
        np.testing.assert_allclose(-small.costs(["accuracy"], seed, 1.0)[:, 0], [*expected, np.nan])
    both = small.costs(["accuracy", "params"], None, 1.0)
    np.testing.assert_allclose(both[0], [-0.2, 10.0])
    assert np.isnan(both[5]).all()


def test_the_table_of_one_seed(tmp_path):
    small = table(tmp_path, continues=True)
    for seed in range(3):
        one = small.of_seed(seed)
        np.testing.assert_array_equal(
            one.costs(["accuracy"], None, 1.0), small.costs(["accuracy"], seed, 1.0)
        )
        np.testing.assert_array_equal(
            one.column("accuracy", fidelity=0.25), small.column("accuracy", fidelity=0.1)
        )
        np.testing.assert_array_equal(one.price(0.2), small.price(0.2))
        assert (one.continues, one.seeds(), one.metrics) == (True, 1, small.metrics)
    assert small.of_seed(0).fingerprint != small.of_seed(1).fingerprint


def test_holes_have_no_row(tmp_path):
    data = {name: column[[0, 3, 5]] for name, column in columns().items()}
    np.savez(tmp_path / "holes.npz", **data)
    holes = cb.tables.load(tmp_path / "holes.npz", DESCRIPTION)
    every = np.array(list(itertools.product(range(3), range(2))), np.uint8)
    there = [True, False, False, True, False, True]
    assert holes.has(every).tolist() == there
    assert np.isnan(holes.values(every, "params")).tolist() == (~np.array(there)).tolist()
    assert np.isnan(holes.seconds(every)).tolist() == (~np.array(there)).tolist()
    assert holes.typical() == 40.0


def test_large_spaces_are_looked_up_too():
    space = cb.Space.plain(genes=30, choices=7)
    genomes = np.unique(space.sample(3000, seed=1), axis=0)
    values = np.arange(len(genomes), dtype=np.float64)
    large = Table(space, genomes, {"x": Metric({1.0: values}, maximise=False)})
    order = np.random.default_rng(0).permutation(len(genomes))
    np.testing.assert_array_equal(large.values(genomes[order], "x"), values[order])
    assert not large.has(space.sample(100, seed=2)).any()


def test_genomes_that_mean_the_same_have_one_row():
    space = cb.Space(kind=cb.Choice("a", "b"), size=cb.Choice(1, 2, 3, when={"kind": "a"}))
    genomes = space.encode([{"kind": "a", "size": 2}, {"kind": "b"}])
    small = Table(space, genomes, {"x": Metric({1.0: np.array([1.0, 2.0])}, maximise=True)})
    inactive = np.array([[1, 2], [1, 1], [0, 0]], np.uint8)
    np.testing.assert_array_equal(small.values(inactive, "x"), [2.0, 2.0, np.nan])


def test_csv_and_a_description_beside_it(tmp_path):
    data = columns()
    data["first"], data["second"] = data.pop("seeds").T
    names = list(data)
    with (tmp_path / "small.csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(names)
        for row in zip(*data.values(), strict=True):
            lines.writerow("" if isinstance(cell, float) and np.isnan(cell) else cell for cell in row)
    metrics = {
        **DESCRIPTION["metrics"],
        "accuracy": {"seeds": ["first", "second"], "fidelities": {"0.25": "short"}},
    }
    (tmp_path / "small.json").write_text(json.dumps({**DESCRIPTION, "metrics": metrics}))
    read, expected = cb.tables.load(tmp_path / "small.csv"), table(tmp_path)
    assert read.fingerprint == expected.fingerprint
    (tmp_path / "small.json").unlink()
    with pytest.raises(ValueError, match=r"no description beside it \(small.json\)"):
        cb.tables.load(tmp_path / "small.csv")
    (tmp_path / "small.toml").write_text(
        'reward = "params"\n[genes]\nwidth = "width"\nact = "act"\n[metrics.params]\ncolumn = "params"\n'
        'direction = "min"\n'
    )
    assert cb.tables.load(tmp_path / "small.csv").best() == 10.0


def test_repeated_genomes_are_named_or_merged(tmp_path):
    data = {name: np.concatenate([column, column[[2, 4]]]) for name, column in columns().items()}
    data["params"][-2:] = [40.0, 50.0]
    data["seeds"][-2] = [np.nan, 0.2]
    np.savez(tmp_path / "twice.npz", **data)
    with pytest.raises(
        ValueError, match=r"row 6 has the genome of row 2: .*'width': 32.*\(1 more such rows\)"
    ):
        cb.tables.load(tmp_path / "twice.npz", DESCRIPTION)
    first = cb.tables.load(tmp_path / "twice.npz", {**DESCRIPTION, "duplicates": "first"})
    assert first.fingerprint == table(tmp_path).fingerprint
    mean = cb.tables.load(tmp_path / "twice.npz", {**DESCRIPTION, "duplicates": "mean"})
    np.testing.assert_array_equal(mean.column("params"), [10, 11, 30, 21, 40, 31])
    np.testing.assert_allclose(mean.column("accuracy", seed=1)[2], 0.2)
    with pytest.raises(ValueError, match="duplicates must be 'first' or 'mean'"):
        cb.tables.load(tmp_path / "twice.npz", {**DESCRIPTION, "duplicates": "last"})


def test_a_family_whose_words_the_columns_use(tmp_path):
    words = ["nor_conv_3x3", "none", "skip_connect", "nor_conv_1x1", "avg_pool_3x3"]
    edges = ["e01", "e02", "e12", "e03", "e13", "e23"]
    rows = np.random.default_rng(0).integers(0, 5, (40, 6))
    rows = np.unique(rows, axis=0)
    np.savez(tmp_path / "cells.npz", code=rows, accuracy=rows.sum(axis=1))
    genes = {
        f"cell.{edge}": {"column": "code", "index": i, "coded": True, "options": words}
        for i, edge in enumerate(edges)
    }
    described = {"genes": genes, "metrics": {"accuracy": "accuracy"}}
    family = {"space": {"family": "cell201", "recipe": False}}
    cells = cb.tables.load(tmp_path / "cells.npz", {**described, **family})
    config = {"cell": {edge: words[rows[7, i]] for i, edge in enumerate(edges)}}
    assert cells.values(cells.space.encode([config]), "accuracy") == rows[7].sum()
    wrong = {**genes["cell.e12"], "options": ["none0", *words[1:]]}
    with pytest.raises(ValueError, match="unknown option 'none0'; did you mean 'none'"):
        cb.tables.load(tmp_path / "cells.npz", {**described, **family, "genes": {**genes, "cell.e12": wrong}})
    fewer = {name: one for name, one in genes.items() if name != "cell.e23"}
    with pytest.raises(ValueError, match=r"'cell\.e23' is missing"):
        cb.tables.load(tmp_path / "cells.npz", {**described, **family, "genes": fewer})
    given = cb.spaces.cell201(recipe=False, cells=1)
    assert cb.tables.load(tmp_path / "cells.npz", described, space=given).space is given


def test_columns_that_are_one_gene_together(tmp_path):
    np.savez(tmp_path / "pool.npz", link=np.array([[0, 0], [0, 1], [1, 1]]), x=np.array([1.0, 2.0, 3.0]))
    pool = cb.tables.load(
        tmp_path / "pool.npz",
        {"genes": {"link": {"column": "link", "index": [0, 1]}}, "metrics": {"x": "x"}, "pool": True},
    )
    assert pool.pool
    assert pool.values(pool.space.encode([{"link": "0 1"}]), "x") == 2.0


def width(**said):
    return {"genes": {**GENES, "width": {"column": "width", **said}}}


def metric(**said):
    return {"metrics": {"a": {"column": "short", **said}}}


BAD = [
    (width(column="widht"), ValueError, "unknown column 'widht'; did you mean 'width'"),
    (width(options=[16, 32, 64]), ValueError, r"genes\.width, row 4, 5: unknown option 100"),
    (width(column="seeds"), ValueError, "give index"),
    (width(column="seeds", index=2), ValueError, "index must be 0 to 1"),
    (width(index=0), ValueError, "index is for arrays"),
    (width(coded=True, options=[1, 2]), ValueError, "row 0 has code 16, but there are 2 options"),
    (width(coded=True), ValueError, "positions in options"),
    (width(order=True), ValueError, "did you mean 'ordered'"),
    (width(options=[16, 32, 100, 16]), ValueError, "the option 16 twice"),
    ({"genes": {}}, ValueError, "at least one"),
    ({"genes": ["width"]}, TypeError, "genes must be a dict"),
    ({"metrics": {}}, ValueError, "rows and metrics"),
    (metric(column="shrt"), ValueError, r"metrics\.a: unknown column"),
    (metric(column="act"), TypeError, "must hold numbers"),
    (metric(direction="up"), ValueError, "direction must be"),
    (metric(fidelities={"2": "short"}), ValueError, "largest must be 1"),
    (metric(fidelities={"half": "short"}), ValueError, "a fidelity is a part"),
    (metric(at=0), ValueError, "at must be"),
    ({"reward": "acc"}, ValueError, "choose from: accuracy, params"),
    ({"seconds": {"column": "seeds"}}, ValueError, "shape"),
    ({"rewards": "accuracy"}, ValueError, "unknown key 'rewards'; did you mean 'reward'"),
    ({"continues": 1}, TypeError, "true or false"),
    ({"space": "cell2001"}, ValueError, "unknown space 'cell2001'; did you mean 'cell201'"),
]


@pytest.mark.parametrize(("said", "error", "message"), BAD)
def test_bad_descriptions(tmp_path, said, error, message):
    with pytest.raises(error, match=message):
        table(tmp_path, **said)


def test_bad_files(tmp_path):
    np.savez(tmp_path / "objects.npz", width=np.array([{}, []], object))
    with pytest.raises(ValueError, match="array of Python objects, which is not read"):
        cb.tables.load(tmp_path / "objects.npz", DESCRIPTION)
    (tmp_path / "no.npz").write_bytes(b"PK nothing of the kind")
    with pytest.raises(ValueError, match="not a file of plain arrays"):
        cb.tables.load(tmp_path / "no.npz", DESCRIPTION)
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(ValueError, match=r"x.csv, line 3: 1 cells, but 2 columns"):
        cb.tables.load(tmp_path / "x.csv", DESCRIPTION)
    (tmp_path / "x.csv").write_text("a,a\n1,2\n")
    with pytest.raises(ValueError, match="each once"):
        cb.tables.load(tmp_path / "x.csv", DESCRIPTION)
    with pytest.raises(ValueError, match="read from"):
        cb.tables.load(tmp_path / "x.parquet", DESCRIPTION)
    with pytest.raises(FileNotFoundError):
        cb.tables.load(tmp_path / "absent.npz", DESCRIPTION)
    with pytest.raises(ValueError, match="genes must have one value a row"):
        cb.tables.load(write(tmp_path, act=np.array(["relu"])), DESCRIPTION)
    with pytest.raises(ValueError, match="params has 5 rows, the table has 6"):
        cb.tables.load(write(tmp_path, params=np.ones(5)), DESCRIPTION)
    with pytest.raises(ValueError, match="seconds must be more than 0; row 2 has 0"):
        cb.tables.load(write(tmp_path, time=np.array([1.0, 1, 0, 1, 1, 1])), DESCRIPTION)


def test_bad_questions(tmp_path):
    small = table(tmp_path)
    genomes = small.genomes
    with pytest.raises(ValueError, match=r"unknown metric of small: 'acc' \(choose from"):
        small.values(genomes, "acc")
    for fidelity in (0.0, -1.0, 1.5, np.nan):
        with pytest.raises(ValueError, match="fidelity must be"):
            small.values(genomes, "accuracy", fidelity=fidelity)
    with pytest.raises(ValueError, match="seed must be at least 0"):
        small.values(genomes, "accuracy", seed=-1)
    with pytest.raises(TypeError, match="seed must be None"):
        small.values(genomes, "accuracy", seed=0.5)
    with pytest.raises(ValueError, match="genomes"):
        small.values(genomes + np.uint8(7), "accuracy")
    with pytest.raises(TypeError):
        small.values(genomes.astype(np.int64), "accuracy")


def test_infinite_values_are_failures(tmp_path):
    short = np.array([0.1, np.inf, -np.inf, 0.2, 0.3, 0.4])
    small = cb.tables.load(write(tmp_path, short=short), {"genes": GENES, "metrics": {"a": "short"}})
    assert np.isnan(small.costs(["a"], None, 1.0)[:, 0]).tolist() == [False, True, True, False, False, False]
    assert small.best() == 0.4


def test_a_fingerprint_sees_every_value(tmp_path):
    seen = {table(tmp_path).fingerprint}
    for name in ("short", "seeds", "params", "time"):
        column = columns()[name]
        column[0] += 0.125
        seen.add(cb.tables.load(write(tmp_path, **{name: column}), DESCRIPTION).fingerprint)
    seen.add(table(tmp_path, continues=True).fingerprint)
    assert len(seen) == 6


def test_seconds_of_each_fidelity():
    full = np.array([10.0, 20.0])
    np.testing.assert_array_equal(Seconds({1.0: full}).column(0.5), [5.0, 10.0])
    two = Seconds({1.0: full, 0.5: np.array([7.0, 8.0])})
    np.testing.assert_array_equal(two.column(0.1), [7.0, 8.0])
    np.testing.assert_array_equal(two.column(0.6), full)
