"""Models: what a step returns, how it is kept, and how it answers."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily

if TYPE_CHECKING:
    from towpath.assets.models.attestation import verify_attestation, verify_statement
    from towpath.assets.models.compiling import compile_package
    from towpath.assets.models.contract import (
        Arrangement,
        ColumnValues,
        Datatype,
        Flavour,
        Predictor,
        Rows,
        Signature,
        Task,
        TensorSpec,
    )
    from towpath.assets.models.ensembles import ensemble
    from towpath.assets.models.estimators import Factors, Forecast
    from towpath.assets.models.execution import Execution
    from towpath.assets.models.family import Member, ancestors_of, family_of, parent_of
    from towpath.assets.models.inputs import Inputs
    from towpath.assets.models.leastsquares import Moments, least_squares
    from towpath.assets.models.model import Model
    from towpath.assets.models.packages import Package, load_model, load_package, save_model
    from towpath.assets.models.predictors import load_predictor
    from towpath.assets.models.registry import ModelRegistry, Registration
    from towpath.assets.models.rows import join_rows

# What a model is can be said without what trains, keeps and loads one: numpy for a beginning.
__getattr__ = lazily(
    __name__,
    {
        "Arrangement": "contract",
        "ColumnValues": "contract",
        "Datatype": "contract",
        "Execution": "execution",
        "Factors": "estimators",
        "Flavour": "contract",
        "Forecast": "estimators",
        "Inputs": "inputs",
        "Member": "family",
        "Model": "model",
        "ModelRegistry": "registry",
        "Moments": "leastsquares",
        "Package": "packages",
        "Predictor": "contract",
        "Registration": "registry",
        "Rows": "contract",
        "Signature": "contract",
        "Task": "contract",
        "TensorSpec": "contract",
        "ancestors_of": "family",
        "compile_package": "compiling",
        "ensemble": "ensembles",
        "family_of": "family",
        "join_rows": "rows",
        "least_squares": "leastsquares",
        "load_model": "packages",
        "load_package": "packages",
        "load_predictor": "predictors",
        "parent_of": "family",
        "save_model": "packages",
        "verify_attestation": "attestation",
        "verify_statement": "attestation",
    },
)

__all__ = [
    "Arrangement",
    "ColumnValues",
    "Datatype",
    "Execution",
    "Factors",
    "Flavour",
    "Forecast",
    "Inputs",
    "Member",
    "Model",
    "ModelRegistry",
    "Moments",
    "Package",
    "Predictor",
    "Registration",
    "Rows",
    "Signature",
    "Task",
    "TensorSpec",
    "ancestors_of",
    "compile_package",
    "ensemble",
    "family_of",
    "join_rows",
    "least_squares",
    "load_model",
    "load_package",
    "load_predictor",
    "parent_of",
    "save_model",
    "verify_attestation",
    "verify_statement",
]
