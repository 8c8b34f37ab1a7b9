"""On-demand features of online rows, by the code that computed them in training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.features.online.asking import typed_frame

if TYPE_CHECKING:
    from towpath.assets.features.online.answer import OnlineRows
    from towpath.assets.features.service import FeatureService


def compute(service: FeatureService, found: OnlineRows) -> OnlineRows:
    """Return the rows with the service's on-demand features.

    The functions get frames of the types that they got in training, however the caller wrote the
    entities and the request.

    Raises:
        InvalidRequest: A value of an entity or of the request is not of its column's type.
        StepFailed: A function raised.
        SchemaViolation: A function returned something else than it declares.
    """
    if not service.on_demand or not found.count:
        return found
    asked = typed_frame((*service.entity, *service.request), found.entities)
    computed = service.compute(pl.concat([asked, found.to_polars()], how="horizontal"))
    names = [column.name for one in service.on_demand for column in one.returns]
    return replace(found, computed={name: computed.get_column(name).to_list() for name in names})
