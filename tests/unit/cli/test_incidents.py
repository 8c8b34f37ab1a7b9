"""`towpath incident`: what is listed of cases, also of those that hold nobody any more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from towpath.app.home import open_home
from towpath.app.place import resolve_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_of_a_case_whose_subject_was_erased_nothing_is_expected(
    towpath: Callable[..., Any], tmp_path: Path
) -> None:
    body = {"service": "board", "incident": "board.1", "model": "model:late@1", "by": "ada"}
    place = resolve_place(tmp_path, flags={"home": str(tmp_path)}, environ={})
    with open_home(place) as home, home.ledger.write() as tx:
        tx.versions.declare("case", "board.1.1", project="flights")
        tx.versions.commit("case", "board.1.1", digest="c", body=body, state="erased")
    assert json.loads(towpath("incident", "cases", "--json", "--home", tmp_path).out) == {
        "cases": [],
        "waivers": [],
    }
    said = json.loads(towpath("incident", "cases", "--all", "--json", "--home", tmp_path).out)
    (case,) = said["cases"]
    assert (case["name"], case["state"], case["expectation"]) == ("board.1.1", "erased", None)
    printed = towpath("incident", "retire", "board.1.1", "--reason", "late", "--home", tmp_path)
    assert (printed.code, printed.out) == (0, "board.1.1 is erased\n")
