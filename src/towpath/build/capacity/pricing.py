"""The price list in force."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from towpath.build.capacity.money import CURRENCY, DEFAULT_RATES
from towpath.core.errors import UsageError
from towpath.ledger import PriceList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.contract import Transaction

BUILT_IN = 0
"""Version of the price list that holds where nobody set one."""


def current_prices(tx: Transaction) -> PriceList:
    """Return the newest price list; the built-in one where none was set."""
    return tx.account.prices() or _built_in()


def prices_of(tx: Transaction, version: int) -> PriceList:
    """Return a price list by version, as a reservation froze it.

    Raises:
        NotFound: There is none.
    """
    if version == BUILT_IN:
        return _built_in()
    found = tx.account.prices(version)
    assert found is not None
    return found


def change_prices(tx: Transaction, changes: Mapping[str, int], *, currency: str = "") -> PriceList:
    """Set some rates and keep the others; what was reserved before keeps the rates of its day.

    Raises:
        UsageError: A rate is for nothing that has a price.
    """
    for name in changes:
        resource, _, kind = name.partition(":")
        if resource not in DEFAULT_RATES or (name != resource and (resource != "gpu" or not kind)):
            raise UsageError(
                f"{name!r} has no price",
                remedy=f"Known: {', '.join(sorted(DEFAULT_RATES))}, and gpu:KIND.",
            )
    now = current_prices(tx)
    return tx.account.set_prices({**now.rates, **changes}, currency=currency or now.currency)


def _built_in() -> PriceList:
    return PriceList(
        version=BUILT_IN,
        currency=CURRENCY,
        rates=DEFAULT_RATES,
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )
