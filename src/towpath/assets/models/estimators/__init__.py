"""Estimators of our own, for tasks that the libraries have no row-wise estimator for."""

from towpath.assets.models.estimators.factors import Factors
from towpath.assets.models.estimators.forecast import FittedSeries, Forecast

__all__ = ["Factors", "FittedSeries", "Forecast"]
