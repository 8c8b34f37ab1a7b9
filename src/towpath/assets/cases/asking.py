"""A model asked about one recorded input: exactly what a gateway would hand it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.core.errors import IntegrityError, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.assets.cases.contract import CaseVerdict, Expectation
    from towpath.assets.models import Predictor


def judge(predictor: Predictor, inputs: Mapping[str, Any], expectation: Expectation) -> CaseVerdict:
    """Return what came of it. The same package, input and expectation always give the same.

    A model that wants an input which was not recorded can't be asked: what it would have been told is
    unknown, and a value made up in its place would prove nothing.
    """
    names = [one.name for one in predictor.signature.inputs]
    if any(name not in inputs for name in names):
        return "unanswerable"
    try:
        answers = predictor.predict({name: [inputs[name]] for name in names})
    except (InvalidRequest, IntegrityError):  # it refuses the row, or gives no number
        return "unanswerable"
    output = expectation.output or next(iter(answers))
    if output not in answers:
        return "unanswerable"
    return "pass" if expectation.holds(float(answers[output][0])) else "fail"
