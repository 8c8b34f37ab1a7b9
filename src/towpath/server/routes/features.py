"""Feature views, and the services that use them."""

from __future__ import annotations

from litestar.params import FromPath

from towpath.server.resources.features import (
    FeatureServiceDetail,
    FeatureServiceSummary,
    FeatureViewDetail,
    FeatureViewSummary,
)
from towpath.server.routes.given import Given
from towpath.server.routes.reading import read
from towpath.server.views import features


@read("/features", tag="features")
def list_feature_views(services: Given) -> list[FeatureViewSummary]:
    """List feature views by name: whose they are, how fresh, offline and online."""
    now = services.clock.now()
    with services.ledger.read() as tx:
        return features.list_views(tx, now)


@read("/features/{name:str}", tag="features")
def show_feature_view(services: Given, name: FromPath[str]) -> FeatureViewDetail:
    """Show a feature view: its columns, its versions, and the models that learnt from it."""
    now = services.clock.now()
    with services.ledger.read() as tx:
        return features.get_view(tx, name, now)


@read("/feature-services", tag="features")
def list_feature_services(services: Given) -> list[FeatureServiceSummary]:
    """List feature services by name."""
    with services.ledger.read() as tx:
        return features.list_services(tx)


@read("/feature-services/{name:str}", tag="features")
def show_feature_service(services: Given, name: FromPath[str]) -> FeatureServiceDetail:
    """Show what a feature service looks up and computes."""
    with services.ledger.read() as tx:
        return features.get_service(tx, name)


HANDLERS = [
    list_feature_views,
    show_feature_view,
    list_feature_services,
    show_feature_service,
]
