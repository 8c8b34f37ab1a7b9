"""References parse to what they print, and refuse what can't name anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import InvalidName
from towpath.core.refs import Ref, check_name

names = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True)


@given(st.sampled_from(["dataset", "model", "run"]), names, st.none() | st.integers(1, 10**9))
def test_a_reference_reads_back_as_itself(kind: str, name: str, version: int | None):
    ref = Ref(kind, name, version)
    assert Ref.parse(str(ref)) == ref


def test_with_a_kind_given_the_bare_name_will_do():
    assert Ref.parse("flights@7", "dataset") == Ref("dataset", "flights", 7)


@pytest.mark.parametrize(
    "text",
    [
        *("flights", "dataset:", "dataset:a@x", "dataset:a@0", "Data:a", "dataset:a/../b", ""),
        *("dataset:a~", "dataset:~b", "dataset:a~b~c", "dataset:a~B", "model:a~b", "run:a~b"),
    ],
)
def test_what_is_no_reference_is_refused(text: str):
    with pytest.raises(InvalidName):
        Ref.parse(text)


def test_another_kind_than_asked_for_is_refused():
    with pytest.raises(InvalidName, match="names a model, not a dataset"):
        Ref.parse("model:late@1", "dataset")


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a b", "a..b", "a/b", "a" * 129, "é"])
def test_names_that_could_hurt_a_url_or_a_path_are_refused(name: str):
    with pytest.raises(InvalidName, match="not valid"):
        check_name(name)


def test_a_data_set_has_branches_that_are_lines_of_their_own():
    what_if = Ref.parse("dataset:flights~what-if@2")
    assert (what_if.trunk, what_if.branch, what_if.version) == ("flights", "what-if", 2)
    assert Ref.parse(str(what_if)) == what_if
    assert Ref("dataset", "flights", 7).on("what-if") == Ref("dataset", "flights~what-if")
    assert what_if.on(None) == Ref("dataset", "flights")
    assert Ref("dataset", "flights").branch is None


def test_what_is_declared_can_not_be_called_like_a_branch():
    with pytest.raises(InvalidName, match="not valid"):
        check_name("flights~what-if")
