"""What makes a step run again, and what does not."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from towpath.build.pipelines.keys import SourceTree, code_parts
from towpath.build.pipelines.keys.reach import imported_libraries
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = {
    "flights.py": '''
        """A project."""
        import functools
        import polars as pl
        import towpath as tp
        from towpath import step
        from helpers import clean
        import units as u

        LIMIT = 15
        OTHER = 20
        table = tp.Dataset("rows")

        def double(x):
            return x * LIMIT

        def unused(x):
            return x * u.KM

        @functools.cache
        def cached(x):
            return x

        @tp.step(cpus=2)
        def prepare(rows: pl.DataFrame, how: str = "a") -> pl.DataFrame:
            """Say what."""
            return clean(double(rows))  # a comment

        @step
        def fit(rows: pl.DataFrame) -> int:
            from later import loss
            return loss(rows) + OTHER

        @tp.pipeline
        def train():
            return fit(prepare(table.all()))

        project = tp.Project("flights", pipelines=[train])

        if __name__ == "__main__":
            print(unused(1))
    ''',
    "helpers.py": """
        from inner.deep import scale

        def clean(x):
            return scale(x)

        def neighbour(x):
            return x
    """,
    "units.py": "KM = 1000\n",
    "later.py": "def loss(x):\n    return x\n",
    "stray.py": "x = 1\n",
    "inner/__init__.py": "",
    "inner/deep.py": "from . import side\n\ndef scale(x):\n    return side.FACTOR * x\n",
    "inner/side.py": "FACTOR = 2\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in PROJECT.items():
        write(tmp_path, path, text)
    return tmp_path


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(dedent(text), encoding="utf-8")


def change(folder: Path, path: str, old: str, new: str) -> None:
    text = (folder / path).read_text(encoding="utf-8")
    assert old in text
    (folder / path).write_text(text.replace(old, new), encoding="utf-8")


def parts(folder: Path, function: str = "prepare", module: str = "flights") -> dict[str, str]:
    return code_parts(SourceTree([folder]), module, function)


def test_a_step_reaches_what_it_names_and_what_that_imports(folder: Path) -> None:
    assert list(parts(folder)) == [
        "code:flights.LIMIT",
        "code:flights.double",
        "code:flights.prepare",
        "code:helpers",
        "code:inner.deep",
        "code:inner.side",
    ]


def test_an_import_inside_a_function_counts(folder: Path) -> None:
    assert list(parts(folder, "fit")) == ["code:flights.OTHER", "code:flights.fit", "code:later"]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("flights.py", "# a comment", "# another"),
        ("flights.py", '"""Say what."""', '"""Say something else."""'),
        ("flights.py", "clean(double(rows))", "clean(\n        double(rows),\n    )"),
        ("flights.py", "@tp.step(cpus=2)", "@tp.step(cpus=1, memory='1GiB')"),
        ("flights.py", "return x * u.KM", "return -x"),
        ("flights.py", "OTHER = 20", "OTHER = 30"),
        ("flights.py", "return loss(rows)", "return 2 * loss(rows)"),
        ("flights.py", 'tp.Project("flights"', 'tp.Project("flights", owner="me"'),
        ("flights.py", "print(unused(1))", "print(2)"),
        ("flights.py", 'tp.Dataset("rows")', 'tp.Dataset("rows", buckets=4)'),
        ("units.py", "1000", "1001"),
        ("stray.py", "x = 1", "x = 2"),
        ("later.py", "return x", "return -x"),
        ("helpers.py", "def clean(x):", "def clean(x):  # tidy"),
    ],
)
def test_what_can_t_change_a_result_does_not_make_it_stale(
    folder: Path, path: str, old: str, new: str
) -> None:
    before = parts(folder)

    change(folder, path, old, new)

    assert parts(folder) == before


@pytest.mark.parametrize(
    ("path", "old", "new", "part"),
    [
        (
            "flights.py",
            "return clean(double(rows))",
            "return double(clean(rows))",
            "code:flights.prepare",
        ),
        ("flights.py", 'how: str = "a"', 'how: str = "b"', "code:flights.prepare"),
        ("flights.py", "-> pl.DataFrame:", "-> pl.LazyFrame:", "code:flights.prepare"),
        ("flights.py", "return x * LIMIT", "return x + LIMIT", "code:flights.double"),
        ("flights.py", "LIMIT = 15", "LIMIT = 16", "code:flights.LIMIT"),
        ("helpers.py", "return scale(x)", "return scale(scale(x))", "code:helpers"),
        ("helpers.py", "def neighbour(x):", "def neighbour(y, x=0):", "code:helpers"),
        ("inner/deep.py", "* x", "* x * x", "code:inner.deep"),
        ("inner/side.py", "FACTOR = 2", "FACTOR = 3", "code:inner.side"),
    ],
)
def test_what_can_change_a_result_makes_it_stale(
    folder: Path, path: str, old: str, new: str, part: str
) -> None:
    before = parts(folder)

    change(folder, path, old, new)

    after = parts(folder)
    assert after.keys() | {part} == before.keys() | {part}
    assert {name for name in after if after[name] != before.get(name)} == {part}


@pytest.mark.parametrize(
    "statement",
    [
        "pl.Config.set_tbl_rows(3)",
        "double.flag = unused",
        "REGISTRY = {}\nREGISTRY['x'] = unused",
        "for name in ('a', 'b'):\n    unused(name)",
        "try:\n    import fast\nexcept ImportError:\n    fast = None",
        "kept = unused(3)",
        "@unused\ndef registered(x):\n    return x",
        "class Base:\n    pass\n\nclass Special(Base):\n    factor = 3",
    ],
)
def test_what_acts_at_import_counts_for_every_step(folder: Path, statement: str) -> None:
    before = parts(folder)

    change(folder, "flights.py", "LIMIT = 15", f"LIMIT = 15\n\n{statement}\n")

    assert parts(folder)["code:flights"] != before.get("code:flights")


def test_what_a_registering_statement_names_counts_too(folder: Path) -> None:
    change(folder, "flights.py", "project =", "double.hook = unused\nproject =")
    before = parts(folder)

    change(folder, "flights.py", "return x * u.KM", "return -x")

    assert parts(folder)["code:flights.unused"] != before["code:flights.unused"]


def test_an_import_for_its_effect_counts(folder: Path) -> None:
    change(folder, "flights.py", "LIMIT = 15", "import stray\n\nLIMIT = 15")

    assert "code:stray" in parts(folder)


def test_a_star_import_counts_for_whatever_it_may_bind(folder: Path) -> None:
    change(folder, "flights.py", "from helpers import clean", "from helpers import *")

    assert "code:helpers" in parts(folder)


def test_code_that_looks_names_up_at_run_time_reaches_everything(folder: Path) -> None:
    change(
        folder,
        "flights.py",
        "return clean(double(rows))",
        "import importlib\n    return importlib.import_module('stray').x",
    )

    assert {"code:stray", "code:later", "code:units"} <= parts(folder).keys()


def test_modules_that_import_each_other_are_walked_once(folder: Path) -> None:
    change(folder, "inner/side.py", "FACTOR = 2", "from inner import deep\nFACTOR = 2")

    assert "code:inner.side" in parts(folder)


def test_what_a_package_does_when_imported_counts(folder: Path) -> None:
    before = parts(folder)

    write(folder, "inner/__init__.py", "import warnings\nwarnings.simplefilter('ignore')\n")

    assert parts(folder).keys() - before.keys() == {"code:inner"}


def test_a_decorator_of_the_projects_own_that_is_called_step_is_code(folder: Path) -> None:
    change(folder, "flights.py", "from towpath import step", "def step(f):\n    return f")
    before = parts(folder, "fit")

    change(folder, "flights.py", "def step(f):\n    return f", "def step(f):\n    return print")

    assert parts(folder, "fit") != before


def test_a_function_that_is_not_kept_is_named(folder: Path) -> None:
    with pytest.raises(InvalidProject, match=r"flights\.gone is not in the project's code"):
        parts(folder, "gone")
    with pytest.raises(InvalidProject, match=r"nowhere\.fit is not in the project's code"):
        parts(folder, "fit", "nowhere")


def test_a_helper_that_is_not_python_is_named(folder: Path) -> None:
    write(folder, "helpers.py", "def clean(:\n")

    with pytest.raises(InvalidProject, match="module 'helpers' is not valid Python"):
        parts(folder)


def test_the_libraries_of_a_project_are_what_it_imports_and_does_not_own(folder: Path) -> None:
    assert imported_libraries(SourceTree([folder])) == {"functools", "polars", "towpath"}
