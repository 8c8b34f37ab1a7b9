"""`towpath budget`, and what a run will cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def said(printed: Any) -> Any:
    """Return the JSON that a command printed last; behind what libraries log in a test."""
    return json.loads(printed.out.splitlines()[-1])


@pytest.mark.usefixtures("project")
def test_budgets_are_set_shown_and_refused(towpath: Callable[..., Any]) -> None:
    assert "no budget is declared" in towpath("budget", "show").err
    assert towpath("budget", "set", "organisation", "--usd-per-month", "500").code == 0
    assert "(as before)" in towpath("budget", "set", "organisation", "--usd-per-month", "500").err
    assert towpath("budget", "set", "mine", "--usd-per-day", "5", "--steps", "2").code == 0
    shown = towpath("budget", "show").out
    assert "500.00 USD a month" in shown
    assert "0 of 2 steps" in shown
    one = said(towpath("budget", "show", "mine", "--json"))
    assert [(row["name"], row["cap_micros"]) for row in one["budgets"]] == [
        ("project/mine", 5_000_000)
    ]
    assert towpath("budget", "show", "yours").code == 1
    refused = towpath("budget", "set", "mine", "--usd-per-day", "1", "--usd-per-week", "2")
    assert refused.code == 2
    assert "caps for more than one period" in refused.err


@pytest.mark.usefixtures("project")
def test_prices_are_shown_and_followed_by_the_next(towpath: Callable[..., Any]) -> None:
    assert "price list built in" in towpath("budget", "prices").err
    assert "price list 1" in towpath("budget", "prices", "--set", "gpu:A100=4.10").err
    found = said(towpath("budget", "prices", "--json"))
    assert (found["version"], found["rates"]["gpu:A100"]) == (1, 4_100_000)
    assert towpath("budget", "prices", "--set", "cpu=much").code == 2
    assert towpath("budget", "prices", "--set", "disk=1").code == 2


@pytest.mark.usefixtures("project")
def test_a_run_is_forecast_held_to_its_budget_and_accounted_for(
    towpath: Callable[..., Any],
) -> None:
    assert towpath("budget", "set", "mine", "--usd-per-month", "100").code == 0
    told = towpath("run", "train", "--forecast")
    assert told.code == 0
    assert "this will cost at most" in told.err
    assert "never ran" in told.out
    before = said(towpath("run", "train", "--forecast", "--json"))
    assert before["worst_micros"] > 0
    assert towpath("run", "train", "--json").code in (0, 3)
    spent = said(towpath("budget", "spend", "--by", "step", "--json"))
    assert {line["key"][1] for line in spent} == {line["step"] for line in before["lines"]}
    assert 0 < sum(line["micros"] for line in spent) <= before["worst_micros"]
    after = said(towpath("run", "train", "--forecast", "--json"))
    assert after["worst_micros"] == 0
    assert towpath("budget", "set", "mine", "--usd-per-month", "0.000001").code == 0
    refused = towpath("run", "train", "--no-cache", before["lines"][-1]["step"], "--forecast")
    assert refused.code == 4
    assert "and project 'mine' may spend 0.000001 USD a month" in refused.err
