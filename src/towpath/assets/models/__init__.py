"""Models: what a step returns, how it is kept, and how it answers."""

from towpath.assets.models.attestation import verify_attestation
from towpath.assets.models.contract import (
    Arrangement,
    ColumnValues,
    Datatype,
    Flavour,
    Predictor,
    Signature,
    Task,
    TensorSpec,
)
from towpath.assets.models.inputs import Inputs
from towpath.assets.models.model import Model
from towpath.assets.models.packages import Package, load_model, load_package, save_model
from towpath.assets.models.predictors import load_predictor
from towpath.assets.models.registry import ModelRegistry, Registration

__all__ = [
    "Arrangement",
    "ColumnValues",
    "Datatype",
    "Flavour",
    "Inputs",
    "Model",
    "ModelRegistry",
    "Package",
    "Predictor",
    "Registration",
    "Signature",
    "Task",
    "TensorSpec",
    "load_model",
    "load_package",
    "load_predictor",
    "save_model",
    "verify_attestation",
]
