import numpy as np
import pytest

from cambrian.loop.budget import Budget


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("text", "unit", "limit"),
    [
        (200, "evaluations", 200),
        (np.int64(7), "evaluations", 7),
        (1e6, "evaluations", 1e6),
        ("200", "evaluations", 200),
        ("10_000", "evaluations", 10_000),
        ("200 evaluations", "evaluations", 200),
        ("1 evaluation", "evaluations", 1),
        ("50 epochs", "epochs", 50),
        ("0.5 epochs", "epochs", 0.5),
        ("90s", "seconds", 90),
        ("2min", "seconds", 120),
        ("2 MIN", "seconds", 120),
        ("2m", "seconds", 120),
        ("2h", "seconds", 7200),
        ("1.5h", "seconds", 5400),
        (".5s", "seconds", 0.5),
        ("1h30m", "seconds", 5400),
        ("1h 30min 5s", "seconds", 5405),
        ("1d", "seconds", 86400),
    ],
)
def test_reads_what_users_write(text, unit, limit):
    budget = Budget.parse(text)
    assert (budget.unit, budget.limit) == (unit, limit)
    again = Budget.parse(str(budget))
    assert (again.unit, again.limit) == (unit, limit)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "soon",
            "2 parsecs",
            "-5",
            "-2min",
            "2min-",
            "m2",
            "30m1h",
            "1h1h",
            "1h2m3m",
            "5 epochs 2min",
        ),
        *(
            "inf",
            "nan",
            "1.2.3s",
            "2,5h",
            "5 s epochs",
            "0",
            "0s",
            "0 epochs",
            "1.5",
            "2.5 evaluations",
            "_5",
        ),
    ],
)
def test_refuses_text_it_cannot_keep(text):
    with pytest.raises(ValueError, match="budget"):
        Budget.parse(text)


@pytest.mark.parametrize("value", [0, -1, 0.5, float("nan"), float("inf")])
def test_refuses_numbers_it_cannot_keep(value):
    with pytest.raises(ValueError, match="budget must be"):
        Budget.parse(value)


@pytest.mark.parametrize("value", [None, True, [5], 2j, b"2min"])
def test_refuses_other_types(value):
    with pytest.raises(TypeError, match="number of evaluations or text"):
        Budget.parse(value)


def test_counts_in_its_own_unit():
    evaluations, epochs = Budget.parse(10), Budget.parse("10 epochs")
    for budget in (evaluations, epochs):
        budget.start()
        budget.spend(evaluations=3, epochs=7.5)
    assert (evaluations.used, evaluations.left, evaluations.fraction) == (3, 7, 0.3)
    assert (epochs.used, epochs.left, epochs.spent) == (7.5, 2.5, False)
    epochs.spend(epochs=5)
    assert (epochs.left, epochs.spent, epochs.fraction) == (0, True, 1)


def test_seconds_follow_the_clock_and_carry_over():
    clock = Clock()
    budget = Budget.parse("1min", clock=clock)
    clock.now += 1000
    assert budget.used == 0  # not started
    budget.start(used=50)
    clock.now += 4
    budget.spend(evaluations=5, epochs=5)
    assert (budget.used, budget.left, budget.spent) == (54, 6, False)
    clock.now += 6
    assert budget.spent


def test_parse_of_a_budget_starts_over():
    first = Budget.parse(5)
    first.spend(evaluations=5)
    assert Budget.parse(first).used == 0


@pytest.mark.parametrize("spent", [{"evaluations": -1}, {"epochs": -0.1}, {"epochs": float("nan")}])
def test_refuses_to_give_back(spent):
    with pytest.raises(ValueError, match="at least 0"):
        Budget.parse(5).spend(**spent)


def test_refuses_a_bad_start():
    with pytest.raises(ValueError, match="used must be at least 0"):
        Budget.parse(5).start(used=-1)
