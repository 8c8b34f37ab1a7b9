"""`when`, and pipelines inside pipelines: parts of a graph that depend on values, and on one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from towpath.build.pipelines import PipelineResult

HEAD = """
    import towpath as tp


    @tp.step
    def is_large(size: int) -> bool:
        return size > 10


    @tp.step
    def kind(size: int) -> str:
        return {1: "one", 2: "two"}.get(size, "many")


    @tp.step
    def large(size: int) -> str:
        return f"large {size}"


    @tp.step
    def small(size: int) -> str:
        return f"small {size}"


    @tp.step
    def shout(text: str) -> str:
        return text.upper()


    @tp.step
    def number(size: int) -> int:
        return size
"""


@pytest.fixture
def project(workshop: Any) -> Any:
    def write(body: str) -> Any:
        workshop.write("toy.py", HEAD + body)
        return workshop

    return write


def statuses(result: PipelineResult) -> dict[str, str]:
    return {step.name: step.status for step in result.steps}


def test_one_branch_runs_and_its_result_goes_on(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train(size: int = 20):
        chosen = tp.when(is_large(size), lambda: large(size), lambda: shout(small(size)))
        return shout(chosen)
    """)

    big, little = workshop.run(), workshop.run(params={"size": 5})

    assert workshop.value(big) == "LARGE 20"
    assert statuses(big) == {
        "is_large": "done", "large": "done", "small": "skipped", "shout": "skipped",
        "shout-2": "done",
    }  # fmt: skip
    assert next(one.why for one in big.steps if one.name == "small") == "its branch was not taken"
    assert workshop.value(little) == "SMALL 5"
    assert statuses(little)["large"] == "skipped"


@pytest.mark.parametrize(("size", "expected"), [(1, "small 1"), (2, "large 2"), (3, "SMALL 3")])
def test_cases_are_chosen_by_value_and_may_nest(project: Any, size: int, expected: str) -> None:
    workshop = project("""
    @tp.pipeline
    def train(size: int = 1):
        return tp.when(
            kind(size),
            {"one": lambda: small(size), "two": lambda: large(size)},
            otherwise=lambda: tp.when(
                is_large(size), lambda: large(size), lambda: shout(small(size))
            ),
        )
    """)

    assert workshop.value(workshop.run(params={"size": size})) == expected


def test_a_branch_alone_runs_or_does_not_and_gives_nothing(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train(size: int = 1):
        tp.when(is_large(size), lambda: large(size))
        return number(size)
    """)

    assert statuses(workshop.run())["large"] == "skipped"
    assert statuses(workshop.run(params={"size": 11}))["large"] == "done"


def test_a_value_without_a_case_fails_the_run_without_quoting_it(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train():
        return tp.when(kind(9), {"one": lambda: small(1)})
    """)

    result = workshop.run()

    assert result.status == "failed"
    assert "'when' has no branch for the value" in str(result.error)
    assert "many" not in str(result.error)


def test_a_value_that_is_known_just_chooses(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train(fast: bool = True):
        return tp.when(fast, lambda: small(1), lambda: large(1))
    """)

    assert list(statuses(workshop.run())) == ["small"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("tp.when(number(1), lambda: number(1), lambda: None)", "another None"),
        ("tp.when(is_large(1), small(1))", "Write lambda"),
        ("tp.when(is_large(1), lambda: shout(leak()))", "only if its branch is taken"),
    ],
)
def test_what_can_t_be_a_branch_is_named(project: Any, body: str, words: str) -> None:
    workshop = project(f"""
    @tp.pipeline
    def train():
        found = []
        def leak():
            tp.when(is_large(2), lambda: found.append(small(2)))
            return found[0]
        return {body}
    """)

    with pytest.raises(InvalidProject, match=words):
        workshop.run()


def test_a_pipeline_inside_a_pipeline_has_its_own_names_and_the_same_cache(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def describe(size: int = 3):
        return shout(small(size))

    @tp.pipeline
    def train():
        return describe(), describe(size=number(4))
    """)
    workshop.run("describe")

    result = workshop.run()

    assert list(statuses(result)) == [
        "describe/small", "describe/shout", "number", "describe-2/small", "describe-2/shout",
    ]  # fmt: skip
    assert statuses(result)["describe/shout"] == "hit"
    assert workshop.value(result, "1") == "SMALL 4"


def test_a_pipeline_inside_a_pipeline_is_given_what_it_takes(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def describe(size: int = 3):
        return small(size)

    @tp.pipeline
    def train():
        return describe(1, 2)
    """)

    with pytest.raises(InvalidProject, match="can't be called like this"):
        workshop.run()


HANDED = [
    ("shout(number(1))", "int, and is annotated str"),
    ("number(shout('a'))", "str, and is annotated int"),
]


@pytest.mark.parametrize(("body", "words"), HANDED)
def test_a_value_of_another_type_is_refused_while_planning(
    project: Any, body: str, words: str
) -> None:
    workshop = project(f"""
    @tp.pipeline
    def train():
        return {body}
    """)

    with pytest.raises(InvalidProject, match=words):
        workshop.run()
