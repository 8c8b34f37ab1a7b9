"""Forecasts of statsmodels, held as what they were fitted to and the parameters that were found.

statsmodels keeps its results by pickling them. Nothing of a result is needed but its parameters: the
same model over the same observations, filtered with the same parameters, gives the same forecast to
the last bit. So those are what is held, and the forecast is always made from them, before packaging
as after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from towpath.ledger.records import Json

HORIZON_MOST = 10_000
_SETTINGS = {
    "SARIMAX": (
        "order", "seasonal_order", "trend", "measurement_error", "time_varying_regression",
        "mle_regression", "simple_differencing", "enforce_stationarity", "enforce_invertibility",
        "hamilton_representation", "concentrate_scale", "trend_offset",
    ),
    "UnobservedComponents": (
        "level", "trend", "seasonal", "freq_seasonal", "cycle", "autoregressive", "irregular",
        "stochastic_level", "stochastic_trend", "stochastic_seasonal", "stochastic_freq_seasonal",
        "stochastic_cycle", "damped_cycle", "cycle_period_bounds", "mle_regression",
    ),
    "ETSModel": ("error", "trend", "damped_trend", "seasonal", "seasonal_periods"),
}  # fmt: skip
"""The models that can be held, and the settings that each is made with again."""

MODULES = {
    "SARIMAX": "statsmodels.tsa.statespace.sarimax",
    "UnobservedComponents": "statsmodels.tsa.statespace.structural",
    "ETSModel": "statsmodels.tsa.exponential_smoothing.ets",
}
"""Where each model's class is: a package names the class, never the module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSeries:
    """One series and the model that was fitted to it.

    Attributes:
        kind: The name of the model's class.
        settings: What it is made with, JSON-able.
        params: The parameters that were found, in the model's order.
        endog: The observations that were learned from, oldest first; NaN for missing ones.
        last: The period's number of the newest of them.
    """

    kind: str
    settings: Mapping[str, Any]
    params: tuple[float, ...]
    endog: tuple[float, ...]
    last: int

    @classmethod
    def of(cls, results: Any, last: int) -> Self:
        """Take from statsmodels's results what their forecasts are made of.

        Raises:
            UsageError: They are of a model that can't be held, or that needs regressors.
        """
        model = getattr(results, "model", None)
        kind = type(model).__name__
        if kind not in _SETTINGS or not hasattr(results, "params"):
            raise UsageError(
                f"a forecast by {kind} can't be kept",
                remedy=f"Fit one of statsmodels's {', '.join(_SETTINGS)}.",
            )
        fitted = cast(Any, model)
        if getattr(fitted, "exog", None) is not None:
            raise UsageError(
                f"the {kind} was fitted with regressors, whose future a request doesn't know",
                remedy="Leave exog out, or train a regression on them instead.",
            )
        keywords = fitted._get_init_kwds()  # noqa: SLF001 - statsmodels's own way to make it again
        settings = {
            name: keywords[name] if name in keywords else getattr(fitted, name)
            for name in _SETTINGS[kind]
        }
        return cls(
            kind=kind,
            settings={name: _plain(value) for name, value in settings.items()},
            params=tuple(np.asarray(results.params, dtype=np.float64).tolist()),
            endog=tuple(np.asarray(fitted.endog, dtype=np.float64).reshape(-1).tolist()),
            last=int(last),
        )

    def forecast(self, model: Any, periods: int) -> npt.NDArray[np.float64]:
        """Return the expected values of the next periods, `(periods,) float64`.

        Args:
            model: The class that `kind` names.
            periods: How many.
        """
        made = model(np.array(self.endog), **_read(self.settings))
        params = np.array(self.params)
        results = made.smooth(params) if self.kind == "ETSModel" else made.filter(params)
        return np.asarray(results.forecast(periods), dtype=np.float64)


class Forecast:
    """What statsmodels foresees for one series or many: an answer per period, looked up by number.

    As a model it takes `(period)` or `(series, period)`: the number of a period, counted as the project
    likes (days since 1970, say), and for many series which one it is. Periods that training saw, and
    those beyond the horizon, are refused.

    Args:
        results: What `fit` returned; or, for many series, that by the name of each.
        last: The number of the newest period that was learned from, of each series or of all.
        horizon: How many periods ahead it answers.

    Raises:
        UsageError: The results are of a model that can't be kept, or the horizon can't be meant.
    """

    def __init__(self, results: Any, *, last: int | Mapping[str, int], horizon: int = 400) -> None:
        many = isinstance(results, Mapping)
        found = cast("Mapping[str, Any]", results) if many else {"": results}
        ends = last if isinstance(last, Mapping) else dict.fromkeys(found, last)
        if set(ends) != set(found) or not found:
            raise UsageError(
                f"last= names {len(ends)} series, and results {len(found)}",
                remedy="Say for each series which period its observations end with.",
            )
        self._set(
            {name: FittedSeries.of(one, ends[name]) for name, one in found.items()}, horizon, many
        )

    @classmethod
    def of_series(cls, series: Mapping[str, FittedSeries], *, horizon: int, many: bool) -> Self:
        """Make a forecast from what is held of its series."""
        made = cls.__new__(cls)
        made._set(series, horizon, many)  # noqa: SLF001 - our own
        return made

    def _set(self, series: Mapping[str, FittedSeries], horizon: int, many: bool) -> None:
        if not 1 <= horizon <= HORIZON_MOST:
            raise UsageError(
                f"a forecast can't reach {horizon} periods ahead",
                remedy=f"Choose a horizon of 1 to {HORIZON_MOST:,}.",
            )
        self.series = dict(sorted(series.items()))
        self.horizon = horizon
        self.many = many

    def table(self, classes: Mapping[str, Any]) -> ForecastTable:
        """Compute every forecast there is to give.

        Args:
            classes: statsmodels's classes, by the names that series have.
        """
        ahead = {
            name: one.forecast(classes[one.kind], self.horizon) for name, one in self.series.items()
        }
        return ForecastTable(self, ahead)


class ForecastTable:
    """Forecasts, computed. Thread-safe: nothing changes any more."""

    def __init__(self, forecast: Forecast, ahead: Mapping[str, npt.NDArray[np.float64]]) -> None:
        self._many = forecast.many
        self._last = {name: one.last for name, one in forecast.series.items()}
        self._ahead = ahead

    def predict(self, rows: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Answer rows of `(period)` or `(series, period)`, `(n,) float64`.

        Raises:
            ValueError: A row asks for a series or a period that there is no forecast of.
        """
        periods = rows.to_series(rows.width - 1).to_list()
        names = rows.to_series(0).to_list() if self._many else [""] * len(periods)
        answers = np.empty(len(periods), dtype=np.float64)
        for at, (name, period) in enumerate(zip(names, periods, strict=True)):
            ahead = self._ahead.get(name)
            if ahead is None or period is None:
                raise ValueError("no such series")
            step = int(period) - self._last[name] - 1
            if not 0 <= step < len(ahead):
                raise ValueError("a period outside of the horizon")
            answers[at] = ahead[step]
        return answers


def _plain(value: Any) -> Any:
    """Return a setting as JSON can hold it."""
    if isinstance(value, tuple | list):
        return [_plain(one) for one in cast("list[Any]", value)]
    return value.item() if isinstance(value, np.generic) else value


def _read(settings: Mapping[str, Any]) -> Json:
    """Return settings as the classes take them: what was a tuple is one again."""
    return {
        name: tuple(value) if isinstance(value, list) and name != "freq_seasonal" else value
        for name, value in settings.items()
    }


SETTINGS = {kind: frozenset(names) for kind, names in _SETTINGS.items()}
"""The names of the settings that a package may give each model."""
