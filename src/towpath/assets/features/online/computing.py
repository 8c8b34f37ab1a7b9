"""On-demand features of online rows, by the code that computed them in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from towpath.assets.features.online.asking import typed_frame
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.assets.features.online.answer import OnlineRows
    from towpath.assets.features.service import FeatureService


def compute_columns(
    service: FeatureService, given: Mapping[str, Sequence[Any]]
) -> dict[str, list[Any]]:
    """Return a service's on-demand features of columns that were looked up in another process.

    Raises:
        NotFound: A column is missing.
        InvalidRequest: A value is not of its column's type.
        StepFailed: A function raised.
        SchemaViolation: A function returned something else than it declares.
    """
    looked_up = [column for one in service.lookups for column in one.columns]
    columns = (*service.entity, *service.request, *looked_up)
    for column in columns:
        if column.name not in given:
            raise NotFound.named("column", column.name, given)
    return _computed(service, typed_frame(columns, given))


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
    rows = pl.concat([asked, found.to_polars()], how="horizontal")
    return msgspec.structs.replace(found, computed=_computed(service, rows))


def _computed(service: FeatureService, rows: pl.DataFrame) -> dict[str, list[Any]]:
    computed = service.compute(rows)
    names = [column.name for one in service.on_demand for column in one.returns]
    return {name: computed.get_column(name).to_list() for name in names}
