"""Least squares that can be taken back to the bit: sums without rounding, and the exact solution of them."""

from towpath.assets.models.leastsquares.fitting import least_squares
from towpath.assets.models.leastsquares.moments import Moments

__all__ = ["Moments", "least_squares"]
