"""statsmodels forecasts: the observations, the model's settings and its parameters, as JSON.

No result of statsmodels's is stored: those are pickles. The classes that a package may name, and the
settings that each may be given, are ours.
"""

from __future__ import annotations

import importlib
import math
import warnings
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.assets.models.estimators.forecast import MODULES, SETTINGS, FittedSeries, Forecast
from towpath.assets.models.flavours.documents import read_as
from towpath.assets.models.flavours.extras import load_extra
from towpath.assets.models.flavours.tasks import agree
from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError, TowpathError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours.contract import Form, Scorer
    from towpath.assets.models.inputs import Inputs

_FILE = "forecast.json"
_LONGEST = 1_000_000


class _Series(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `FittedSeries` as it is stored; null is a missing observation."""

    kind: str
    settings: dict[str, Any]
    params: tuple[float, ...]
    endog: tuple[float | None, ...]
    last: int


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file holds."""

    horizon: int
    many: bool
    series: dict[str, _Series]


class ForecastFormat:
    """`Forecast`s of statsmodels.

    All answers are computed when a package is opened, so a request is a look-up: the same to the last
    bit alone, in a batch and in a replay.
    """

    flavour: Flavour = "statsmodels"
    library = "statsmodels"

    def claims(self, estimator: object) -> bool:
        """Tell whether it is a `Forecast`."""
        return isinstance(estimator, Forecast)

    def fit(
        self,
        estimator: Any,
        inputs: Inputs,
        features: pl.DataFrame,
        outcome: npt.NDArray[np.generic] | None,
        groups: npt.NDArray[np.int64] | None,
    ) -> Any:
        """Refuse: statsmodels fits each series by itself."""
        del estimator, inputs, features, outcome, groups
        raise UsageError(
            "a forecast is not fitted here",
            remedy="Fit statsmodels's models, then wrap them: "
            "Model(Forecast(results, last=…), inputs=…, outcome=…, time=…).",
        )

    def task(self, estimator: Any, asked: Task | None) -> Task:
        """It foretells."""
        return agree(estimator, ("forecast",), asked)

    def form(self, estimator: Any) -> Form:
        """Names of series are text, so it takes a frame."""
        del estimator
        return "frame"

    def width(self, estimator: Any) -> int:
        """The period; and the series, where there are many."""
        return 2 if estimator.many else 1

    def dump(self, estimator: Any) -> dict[str, bytes]:
        """Write the series."""
        document = _Document(
            horizon=estimator.horizon,
            many=estimator.many,
            series={
                name: _Series(
                    kind=one.kind,
                    settings=dict(one.settings),
                    params=one.params,
                    endog=tuple(None if math.isnan(value) else value for value in one.endog),
                    last=one.last,
                )
                for name, one in estimator.series.items()
            },
        )
        return {_FILE: canonical_json(msgspec.to_builtins(document))}

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Read the series; a class or a setting outside the lists is refused."""
        if set(files) != {_FILE}:
            raise IntegrityError(f"a forecast's package holds {_FILE!r}, not {sorted(files)}")
        document = read_as(files[_FILE], _Document, "the forecast's package")
        for name, one in document.series.items():
            known = SETTINGS.get(one.kind)
            if known is None or not set(one.settings) <= known or len(one.endog) > _LONGEST:
                raise IntegrityError(
                    f"the forecast's package names {one.kind!r} for series {name!r}, "
                    "which is not allowed like this",
                    remedy="Don't use it; find out where it came from.",
                )
        series = {
            name: FittedSeries(
                kind=one.kind,
                settings=one.settings,
                params=one.params,
                endog=tuple(math.nan if value is None else value for value in one.endog),
                last=one.last,
            )
            for name, one in document.series.items()
        }
        try:
            return Forecast.of_series(series, horizon=document.horizon, many=document.many)
        except UsageError as error:
            raise IntegrityError(f"the forecast's package is broken: {error.message}") from error

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:
        """Compute every forecast, then look them up."""
        del task, threads
        forecast: Forecast = self.load(files)
        load_extra("statsmodels", "statsmodels")
        kinds = {one.kind for one in forecast.series.values()}
        classes = {kind: getattr(importlib.import_module(MODULES[kind]), kind) for kind in kinds}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # statsmodels's, about starting values not used
                return forecast.table(classes).predict
        except TowpathError:
            raise
        except Exception as error:
            raise IntegrityError(
                f"statsmodels can't make the forecast again ({type(error).__name__})",
                remedy="Read it with the statsmodels that wrote it, which the package names.",
            ) from error
