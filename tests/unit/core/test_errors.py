"""Errors say what is wrong and what to do, survive pickling, and stay a small tree."""

import pickle

from towpath.core import errors
from towpath.core.errors import NotFound, TowpathError


def classes() -> list[type[TowpathError]]:
    return [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, TowpathError)
    ]


def test_the_tree_stays_small_and_codes_are_unique():
    found = classes()
    assert len(found) <= 25
    assert len({one.code for one in found}) == len(found)


def test_every_class_is_drawn_in_the_module_text():
    assert errors.__doc__ is not None
    missing = [one.__name__ for one in classes() if one.__name__ not in errors.__doc__]
    assert missing == []


def test_an_error_crosses_a_process_border_whole():
    error = NotFound("there is no model 'x'", remedy="Make one.", name="x")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.remedy, again.fields) == (
        NotFound,
        error.message,
        error.remedy,
        {"name": "x"},
    )


def test_the_nearest_name_is_suggested():
    assert "Did you mean 'flights'?" in str(NotFound.named("data set", "fligts", ["flights"]))
