"""Families of estimators: how each is kept as safe bytes, and how it answers quickest."""

from towpath.assets.models.flavours.contract import Form, Format, Scorer
from towpath.assets.models.flavours.known import FORMATS, format_of, recognise

__all__ = ["FORMATS", "Form", "Format", "Scorer", "format_of", "recognise"]
