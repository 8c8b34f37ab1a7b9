"""Check digits, on published examples and on every change of a digit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.personal.accounts import is_iban, is_payment_card
from towpath.assets.personal.checksums import luhn, mod_11_10, verhoeff
from towpath.assets.personal.national_ids import SCHEMES

# Examples that the schemes' own publications, or articles on them, give.
IDS = {
    "US SSN": ["219-09-9999", "078-05-1120"],
    "UK NINO": ["AB123456C"],
    "ES DNI": ["12345678Z"],
    "ES NIE": ["X1234567L"],
    "FR NIR": ["255081416802538"],
    "IT codice fiscale": ["RSSMRA85T10A562S"],
    "DE tax id": ["86095742719", "47036892816"],
    "NL BSN": ["111222333"],
    "BR CPF": ["529.982.247-25"],
    "IN Aadhaar": ["234123412346"],
    "CA SIN": ["130-692-544"],
    "SE personnummer": ["811228-9874"],
    "PL PESEL": ["44051401359"],
    "CN resident id": ["11010519491231002X"],
}


@pytest.mark.parametrize("name", IDS)
def test_published_numbers_pass_their_scheme(name: str):
    schemes = [scheme for scheme in SCHEMES if scheme.name == name]
    for number in IDS[name]:
        assert any(scheme.passes(number) for scheme in schemes), number


@pytest.mark.parametrize(
    "number",
    ["000-12-3456", "666-12-3456", "900-12-3456", "219-00-9999", "219-09-0000"],
)
def test_numbers_that_are_never_given_out_do_not_pass(number: str):
    assert not SCHEMES[0].passes(number)


@pytest.mark.parametrize("name", sorted(set(IDS) - {"US SSN", "UK NINO"}))
def test_a_wrong_digit_is_nearly_always_noticed(name: str):
    schemes = [scheme for scheme in SCHEMES if scheme.name == name]
    (number,) = IDS[name][:1]
    changed = [
        number[:place] + digit + number[place + 1 :]
        for place, old in enumerate(number)
        if old.isdigit()
        for digit in "0123456789"
        if digit != old
    ]
    passed = sum(any(scheme.passes(one) for scheme in schemes) for one in changed)
    assert passed <= 0.05 * len(changed)


def test_cards_of_every_network():
    for number in (
        "4111 1111 1111 1111",
        "5555-5555-5555-4444",
        "2223003122003222",
        "378282246310005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "6200000000000005",
    ):
        assert is_payment_card(number), number


@pytest.mark.parametrize(
    "number",
    ["4111111111111112", "0000000000000000", "9111111111111111", "411111111111", "1234-5678"],
)
def test_other_numbers_are_not_cards(number: str):
    assert not is_payment_card(number)


@pytest.mark.parametrize(
    "account", ["DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "NO9386011117947"]
)
def test_published_accounts_pass(account: str):
    assert is_iban(account)


@pytest.mark.parametrize(
    "account", ["DE8937040044053201300", "DE88370400440532013000", "XX89370400440532013000", "DE"]
)
def test_other_texts_are_not_accounts(account: str):
    assert not is_iban(account)


@given(st.text("0123456789", min_size=1, max_size=18), st.sampled_from([luhn, verhoeff, mod_11_10]))
def test_exactly_one_last_digit_checks(number: str, check):
    assert sum(check(number + digit) for digit in "0123456789") == 1


@given(st.text("0123456789", min_size=2, max_size=18), st.data())
def test_verhoeff_notices_neighbours_that_change_places(number: str, data: st.DataObject):
    whole = next(number + digit for digit in "0123456789" if verhoeff(number + digit))
    place = data.draw(st.integers(0, len(whole) - 2))
    turned = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]
    assert turned == whole or not verhoeff(turned)
