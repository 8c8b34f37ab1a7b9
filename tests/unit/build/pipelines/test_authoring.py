"""What a data scientist meets when writing a project: it works, or says what is wrong with which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.datasets import Selection
from towpath.build.pipelines.authoring.options import parse_size
from towpath.build.pipelines.authoring.steps import step
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, InvalidSetting, TowpathError

if TYPE_CHECKING:
    from towpath.build.pipelines.authoring.building import Graph

HEAD = """
from __future__ import annotations
from datetime import datetime
from typing import TYPE_CHECKING
import polars as pl
import towpath as tp
if TYPE_CHECKING:
    import pyarrow as pa

class Trip(tp.Schema):
    trip: str
    who: str
    at: datetime
    x: float

class Seen(tp.Schema):
    seen: str
    who: str
    when: datetime
    temp: float

trips = tp.Dataset("trips", schema=Trip, key="trip", time="at", subject="who")
sights = tp.Dataset("sights", schema=Seen, key="seen", time="when")
view = tp.FeatureView("view", source=sights, entity="who", time="when", ttl="2h", features=["temp"])

@tp.step
def frame(rows: pl.DataFrame, *, n: int = 1) -> pl.DataFrame:
    return rows.head(n)

@tp.step
def number(rows: pl.DataFrame) -> int:
    return rows.height

@tp.step
def pair(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    return rows, rows.height

@tp.step
def model(rows: pl.DataFrame) -> tp.Model: ...

@tp.pipeline
def train(window: str = "7d", n: int = 1, rate: float = 0.5, deep: bool = False):
"""


def graph(workshop: Any, body: str, head: str = HEAD, **params: Any) -> Graph:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    (workshop.folder / "toy.py").write_text(f"{head}{lines}\n", encoding="utf-8")
    return workshop.load("train").graph(**params)


def test_calls_make_a_graph_and_compute_nothing(workshop: Any) -> None:
    made = graph(workshop, "rows = frame(trips.last(window), n=n)\nreturn number(rows)", n="3")

    assert [node.name for node in made.nodes] == ["frame", "number"]
    assert made.nodes[0].constants == {"n": 3}
    selection = made.nodes[0].inputs["rows"]
    assert isinstance(selection, Selection)
    assert selection.span == parse_duration("7d")
    assert made.returned["result"].node == "number"


def test_a_step_is_a_plain_function_outside_of_a_pipeline(workshop: Any) -> None:
    graph(workshop, "return number(trips.all())")
    frame = workshop.load("frame")

    assert frame(pl.DataFrame({"x": [1, 2, 3]}), n=2).height == 2
    assert frame.name == "frame"
    assert frame.__doc__ is None


def test_split_and_join_know_their_times(workshop: Any) -> None:
    made = graph(
        workshop,
        "rows = tp.join(trips.last(window), view)\n"
        'past, recent = tp.split(rows, by="at", last="1d")\n'
        "return tp.join(frame(past), sights_view, time='at') if deep else number(recent)",
    )

    join = made.nodes[0]
    assert join.constants["time"] == "at"
    assert str(join.inputs["observations"][0]).startswith("dataset:sights last 170h")
    assert [node.name for node in made.nodes] == ["join", "split", "number"]


def test_a_fixed_window_reaches_as_far_back_as_the_features_live(workshop: Any) -> None:
    made = graph(workshop, 'return tp.join(trips.between("2026-01-02", "2026-01-03"), view)')

    [seen] = made.nodes[0].inputs["observations"]
    assert str(seen) == "dataset:sights from 2026-01-01T22:00Z until 2026-01-03T00:00Z"


def test_a_candidate_is_part_of_the_graph(workshop: Any) -> None:
    body = 'return tp.candidate("late", model(trips.all()), test=trips.last("1d"))'
    made = graph(workshop, body)

    assert [one.name for one in made.candidates] == ["late"]
    assert made.returned == {}


def test_parameters_are_read_by_their_types(workshop: Any) -> None:
    graph(workshop, "return number(trips.all())")
    train = workshop.load("train")

    given = {"n": "3", "rate": "1", "deep": "yes", "window": "2d"}
    assert train.resolve(given) == {"n": 3, "rate": 1.0, "deep": True, "window": "2d"}
    assert train.defaults == {"window": "7d", "n": 1, "rate": 0.5, "deep": False}
    assert train.name == "train"
    assert train.resolve({"rate": 2})["rate"] == 2.0


MISTAKES = [
    ("x = frame(trips.all())\nreturn x.height", r"result of 'frame' can't be asked for \.height"),
    ("x = number(trips.all())\nif x: pass", "result of 'number' can't be tested"),
    ("a, b = frame(trips.all())", "can't be unpacked: its step returns one thing"),
    (
        "return number(number(trips.all()))",
        "'rows' of step 'number' is .*, int, and is annotated DataFrame",
    ),
    ("return number(pair(trips.all()))", "result of 'pair' is several results"),
    ("return frame(trips.all(), m=2)", "step 'frame' can't be called like this: .*'m'"),
    ("return frame()", "step 'frame' can't be called like this: missing"),
    ("return frame(trips.all(), n=object())", "argument 'n' of step 'frame' is a object"),
    ("return number([trips.all(), 3])", "a list of results can't hold other things"),
    ("return 3", "pipeline 'train' returns 3"),
    ("pass", "pipeline 'train' calls no step"),
    ("number(trips.all())\ntrain()", "pipeline 'train' is called 16 pipelines deep"),
    ("return number(tp.join(frame(trips.all()), view))", "does not know when each row asks"),
    ('return tp.candidate("late", frame(trips.all()), test=trips.all())', "is not a Model"),
    ('return tp.candidate("Late!", model(trips.all()), test=trips.all())', "model name 'Late!'"),
    ('return tp.candidate("late", 3, test=trips.all())', "candidate 'late' was given 3"),
    ('return tp.split(3, by="at", last="1d")', r"split\(…\) was given int"),
]


@pytest.mark.parametrize(("body", "words"), MISTAKES)
def test_a_mistake_in_a_pipeline_is_named(workshop: Any, body: str, words: str) -> None:
    with pytest.raises(TowpathError, match=words) as caught:
        graph(workshop, body)

    assert caught.value.code in ("invalid-project", "invalid-name")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            "@tp.step\ndef bad(rows: pl.DataFrame):\n    return 1",
            "'bad' does not say what it returns",
        ),
        (
            "@tp.step\ndef bad(rows: pa.Table) -> int:\n    return 1",
            "types of step 'bad' can't be read",
        ),
        ("@tp.step\ndef bad(*rows) -> int:\n    return 1", r"step 'bad' takes \*rows"),
        ("@tp.step\nasync def bad(rows) -> int:\n    return 1", "'bad' is a coroutine"),
        ("@tp.step(cpus=0)\ndef bad(rows) -> int:\n    return 1", "can't have 0 cpus"),
        ("@tp.step(memory='2 big')\ndef bad(rows) -> int:\n    return 1", "'2 big' is not a size"),
        (
            "@tp.step(timeout='soon')\ndef bad(rows) -> int:\n    return 1",
            "'soon' is not a duration",
        ),
        ("class A:\n    @tp.step\n    def bad(self) -> int:\n        return 1", "not at the top"),
    ],
)
def test_a_mistake_in_a_step_is_named(workshop: Any, step: str, words: str) -> None:
    head = HEAD.replace("@tp.pipeline", f"{step}\n\n@tp.pipeline")

    with pytest.raises(TowpathError, match=words) as caught:
        graph(workshop, "return bad(trips.all())", head)

    assert caught.value.code.startswith("invalid-")


def test_data_given_to_a_step_outside_of_a_pipeline_is_named(workshop: Any) -> None:
    graph(workshop, "return number(trips.all())")

    with pytest.raises(InvalidProject, match="'number' was given dataset:trips outside"):
        workshop.load("number")(workshop.load("trips").all())
    with pytest.raises(InvalidProject, match="outside of a pipeline"):
        workshop.load("tp").split(workshop.load("trips").all(), by="at", last="1d")


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GiB", 2 << 30), ("512 MiB", 512 << 20), ("1.5kB", 0), ("1KB", 1000), (7, 7)],
)
def test_sizes_are_read(text: str | int, size: int) -> None:
    if size:
        assert parse_size(text) == size
        return
    with pytest.raises(InvalidSetting, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((1, 2, 3), {}), ((1,), {"c": 3, "b": 2}), ((), {"c": 3, "b": 2, "a": 1}), ((1, 2), {})],
)
def test_arguments_stand_in_the_order_of_the_function(args: Any, kwargs: Any) -> None:
    bound = _three.bind(args, kwargs)
    assert list(bound.items()) == [("a", 1), ("b", 2), ("c", 3)]


@pytest.mark.parametrize(
    ("args", "kwargs"), [((1, 2, 3, 4), {}), ((1, 2), {"b": 3}), ((1,), {"b": 2, "d": 3}), ((), {})]
)
def test_arguments_that_don_t_fit_are_refused(args: Any, kwargs: Any) -> None:
    with pytest.raises(InvalidProject, match="can't be called like this"):
        _three.bind(args, kwargs)


@step
def _three(a: int, b: int, c: int = 3) -> int:
    return a + b + c
