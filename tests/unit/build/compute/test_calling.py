from __future__ import annotations

from towpath.build.compute.calling import describe
from towpath.core.errors import CorruptBlob


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def raised(error: BaseException, cause: BaseException | None = None) -> dict[str, str]:
    try:
        raise error from cause  # noqa: TRY301  it has to be raised to have a traceback
    except BaseException as caught:
        return describe(caught)


def test_the_place_is_the_users_own_line_and_not_a_librarys() -> None:
    try:
        int.from_bytes("text", "big")  # type: ignore[arg-type]
    except TypeError as error:
        told = describe(error)

    assert told["error"].startswith("TypeError at test_calling.py:")


def test_a_cause_is_told_too() -> None:
    told = raised(ValueError("outer"), KeyError("inner"))

    assert "ValueError: outer" in told["traceback"]
    assert "KeyError: 'inner'" in told["traceback"]


def test_an_exception_without_words_has_its_type() -> None:
    assert raised(Unspeakable())["message"] == "Unspeakable"
    assert raised(ValueError())["message"] == "ValueError"


def test_an_error_of_ours_is_told_with_its_code() -> None:
    assert raised(CorruptBlob("bad"))["error_code"] == "corrupt-blob"
    assert raised(ValueError("x"))["error_code"] == ""


def test_long_words_are_cut() -> None:
    told = raised(ValueError("x" * 100_000))

    assert len(told["message"]) == 1_000
    assert len(told["traceback"]) <= 6_100
