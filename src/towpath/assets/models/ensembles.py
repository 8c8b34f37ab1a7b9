"""One model of several that answer together: the mean of their answers.

The aggregation of SISA training (Bourtoule et al., IEEE S&P 2021): each constituent learnt from a shard of
the subjects, none knows another's rows, and taking one out, or making it again, leaves the others as
they are. Values are averaged, and for classes their probabilities; each shard has the same weight, so
take shards of about the same size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.assets.models.model import Model
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_TASKS = ("binary", "regression")


def ensemble(constituents: Sequence[Model]) -> Model:
    """Return a model that answers with the mean of several.

    Args:
        constituents: Fitted models of scikit-learn, of one task, with the same inputs and outcome.

    Raises:
        UsageError: There are none, they differ in what they take or foretell, or are of other kinds.
    """
    if not constituents:
        raise UsageError("an ensemble has no constituents", remedy="Give it at least one.")
    first = constituents[0]
    for one in constituents:
        if one.flavour != "sklearn" or one.task not in _TASKS:
            raise UsageError(
                f"an ensemble can't have a {one.flavour} model for {one.task}",
                remedy="Its constituents are estimators of scikit-learn, for values or two classes.",
            )
        if (one.inputs, one.outcome, one.task, one.form) != (
            first.inputs,
            first.outcome,
            first.task,
            first.form,
        ):
            raise UsageError(
                "the constituents of an ensemble take different inputs, or foretell different things",
                remedy="Take the inputs of all from one place, with the same levels of categories.",
            )
    return Model(
        _voting(constituents),
        inputs=first.inputs,
        outcome=first.outcome,
        task=first.task,
        output=first.output,
    )


def _voting(constituents: Sequence[Model]) -> Any:
    """Return scikit-learn's own ensemble, which has no way to be told that its parts are fitted."""
    from sklearn.ensemble import (  # noqa: PLC0415 -- a second to import, for those who train
        VotingClassifier,
        VotingRegressor,
    )
    from sklearn.preprocessing import LabelEncoder  # noqa: PLC0415 -- likewise

    fitted = [one.estimator for one in constituents]
    named = [(f"shard-{number}", one) for number, one in enumerate(fitted)]
    if constituents[0].task == "regression":
        made: Any = VotingRegressor(named)
    else:
        made = VotingClassifier(named, voting="soft")
        classes = list(fitted[0].classes_)
        made.le_ = LabelEncoder().fit(classes)
        made.classes_ = made.le_.classes_
        if any(list(one.classes_) != classes for one in fitted):
            raise UsageError(
                "a constituent has seen one class alone",
                remedy="Take fewer shards, so that each has rows of both.",
            )
    made.estimators_ = fitted
    return made


__all__ = ["ensemble"]
