"""What programs say that they need, and how models are held to it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.breaches import breaches
from towpath.core.contracts import DATATYPES, TASKS, Contract, Sent, ServiceVersion
from towpath.core.errors import InvalidName, UsageError

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True)
CONTRACTS = st.builds(
    Contract,
    NAMES,
    inputs=st.dictionaries(
        st.text(min_size=1, max_size=20),
        st.builds(Sent, st.sampled_from(DATATYPES), st.booleans()),
        max_size=5,
    ),
    outputs=st.dictionaries(st.text(min_size=1), st.sampled_from([None, *TASKS]), max_size=3),
    features=st.lists(NAMES, max_size=2).map(tuple),
    models=st.sampled_from(["", ">=1", ">=2, <9", "==3", "!=4,>1"]),
)


@given(CONTRACTS)
def test_a_contract_is_read_back_as_it_was_written(contract: Contract):
    assert Contract.from_json(contract.to_json()) == contract


@given(CONTRACTS)
def test_a_model_that_takes_what_is_sent_and_gives_what_is_read_breaks_nothing(contract: Contract):
    columns = [
        {"name": name, "datatype": one.datatype, "nullable": one.nullable}
        for name, one in contract.inputs.items()
    ]
    outputs = [{"name": name} for name in contract.outputs]
    signature = {"inputs": columns, "outputs": outputs}
    number = next(number for number in range(1, 9) if contract.allows(number))
    found = breaches(contract, said="app@1", model=f"model:late@{number}", signature=signature)
    assert list(found) == []


@pytest.mark.parametrize(
    ("what", "sent"),
    [
        (float, Sent("FP64")),
        (int | None, Sent("INT64", nullable=True)),
        (str, Sent("BYTES")),
        (bool, Sent("BOOL")),
        ("INT8", Sent("INT8")),
        ({"datatype": "FP32", "nullable": True}, Sent("FP32", nullable=True)),
    ],
)
def test_types_are_written_as_python_has_them(what: object, sent: Sent):
    assert Sent.of(what) == sent


@pytest.mark.parametrize("what", [list, float | str, "float", 7, {"nullable": True}])
def test_what_is_no_type_of_an_input_is_refused(what: object):
    with pytest.raises(UsageError):
        Sent.of(what)


@pytest.mark.parametrize(
    ("sent", "taken", "fits"),
    [
        ("INT8", "INT64", True),
        ("INT64", "INT8", False),
        ("UINT8", "INT16", True),
        ("UINT64", "INT64", False),
        ("INT8", "UINT64", False),
        ("INT64", "FP64", True),
        ("FP64", "INT64", False),
        ("FP64", "FP32", True),
        ("BOOL", "FP64", False),
        ("BYTES", "FP64", False),
        ("FP64", "BYTES", False),
    ],
)
def test_a_column_takes_every_value_of_a_type_or_the_type_does_not_fit(
    sent: str, taken: str, fits: bool
):
    assert Sent(sent).fits(taken) is fits


@pytest.mark.parametrize("text", ["checkout-web@2.4.1", "app@1", "app@2026.11+build.7"])
def test_a_service_version_is_read_back_as_it_was_written(text: str):
    assert str(ServiceVersion.parse(text)) == text
    assert ServiceVersion.parse(text.replace("@", " ")) == ServiceVersion.parse(text)


@pytest.mark.parametrize(
    "text", ["", "app", "app@", "@1", "App@1", "app@1\r\nx", "app@" + 65 * "9"]
)
def test_what_would_not_go_through_a_header_is_no_service_version(text: str):
    with pytest.raises(InvalidName):
        ServiceVersion.parse(text)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"service": "board", "input": {}},
        {"service": "board", "inputs": []},
        {"service": "board", "outputs": {"late": "guess"}},
        {"service": "board", "models": "~3"},
        {"service": "Board"},
    ],
)
def test_a_slip_in_a_contract_is_no_weaker_contract(data: dict[str, object]):
    with pytest.raises(UsageError):
        Contract.from_json(data)


def test_the_client_of_programs_loads_no_table_and_no_model():
    code = (
        "import sys, towpath.client;"
        "print([one for one in ('numpy', 'polars', 'pyarrow', 'sqlalchemy', 'lightgbm', 'msgspec')"
        " if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
