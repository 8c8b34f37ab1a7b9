"""A project's declaration says which rules its data sets have."""

from __future__ import annotations

import json

import polars as pl

from towpath.assets.checks import rules
from towpath.assets.datasets import Dataset, Schema
from towpath.operate.projects import Project


class Ride(Schema):
    ride_id: str
    km: float


def far(rows: pl.DataFrame) -> pl.Series:
    return rows["km"] > 1


def test_rules_are_plain_values_without_addresses_of_objects():
    rides = Dataset(
        "rides",
        schema=Ride,
        key="ride_id",
        rules=[rules.Custom(far), rules.Holds("positive", pl.col("km") > 0)],
    )
    declared = Project("p", owner="o", datasets=[rides]).declaration()
    assert [one["title"] for one in declared["datasets"]["rides"]["rules"]] == ["far", "positive"]
    assert " at 0x" not in json.dumps(declared)
