"""Credentials by name: never spelled out, never shown."""

from __future__ import annotations

import pytest

from towpath.assets.sources import Delta, Files, GeoFiles, Iceberg, Rest, Sql, WebTable
from towpath.assets.sources.references import expand, shown, shown_place
from towpath.core.errors import InvalidProject, UsageError


def test_names_stand_for_values():
    environ = {"USER_NAME": "ann", "PASSWORD": "p@ss/word"}
    assert expand("x://${USER_NAME}:${PASSWORD}@h", environ) == "x://ann:p@ss/word@h"
    assert expand("$HOME {USER_NAME} $${x", environ) == "$HOME {USER_NAME} $${x"


def test_a_name_that_is_not_set_is_named():
    with pytest.raises(UsageError, match="MISSING_ONE is not set") as caught:
        expand("${MISSING_ONE}", {"OTHER": "hidden"})
    assert "export MISSING_ONE=" in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Sql("postgresql://app:hunter2@db/shop", "orders"),
        lambda: Files("https://app:hunter2@example.org/x.csv"),
        lambda: Files("s3://b/x.parquet?secret_access_key=hunter2"),
        lambda: Files("https://example.org/x.csv?X-Amz-Signature=hunter2"),
        lambda: Files("https://example.org/x.csv?token=hunter2"),
        lambda: GeoFiles("https://example.org/x.geojson?api_key=hunter2"),
        lambda: WebTable("https://example.org/?apikey=hunter2"),
        lambda: Rest("https://example.org/", headers={"Authorization": "Bearer hunter2"}),
        lambda: Rest("https://example.org/", headers={"X-Api-Key": "hunter2"}),
        lambda: Rest("https://example.org/", params={"access_token": "hunter2"}),
        lambda: Rest("https://u:hunter2@example.org/"),
        lambda: Iceberg("a.b", {"uri": "https://x", "token": "hunter2"}),
        lambda: Iceberg("a.b", {"s3.secret-access-key": "hunter2"}),
        lambda: Iceberg("a.b", {"uri": "postgresql+psycopg2://u:hunter2@h/db"}),
        lambda: Delta("s3://b/t", options={"AWS_SECRET_ACCESS_KEY": "hunter2"}),
    ],
)
def test_a_secret_that_is_spelled_out_is_refused_without_quoting_it(declare):
    with pytest.raises(InvalidProject, match=r"\$\{") as caught:
        declare()
    assert "hunter2" not in str(caught.value)


def test_by_name_they_are_fine():
    Sql("postgresql://app:${PG}@db/shop", "orders")
    Files("s3://b/x.parquet?access_key_id=ME&secret_access_key=${S3}&region=eu-1")
    Rest("https://x.org/", headers={"Authorization": "Bearer ${T}"}, params={"key": "${K}"})
    Rest("https://x.org/", params={"sort_key": ""})
    Iceberg("a.b", {"uri": "${CATALOG}", "token": "${T}"})


def test_what_is_shown_says_where_and_not_how():
    assert shown("postgresql://app:${PG}@db:5432/shop?sslkey=x") == "postgresql://db:5432/shop"
    assert shown("${WHOLE_URL}") == "${WHOLE_URL}"
    assert shown("https://${HOST}:${PORT}/x?a=b") == "https://${HOST}:${PORT}/x"
    assert shown("sqlite:///data/x.db") == "sqlite:///data/x.db"
    assert shown_place("sqlite:////home/ann/x.db") == "sqlite:…/x.db"
    assert shown_place("data/*.csv") == "data/*.csv"
    assert shown_place("/home/ann/data.csv") == "…/data.csv"
    assert shown_place("s3://b/k?secret_access_key=${S}") == "s3://b/k"


def test_an_address_that_is_none_is_refused():
    with pytest.raises(InvalidProject, match="is not an address"):
        Files("https://example.org:port/x.csv")
