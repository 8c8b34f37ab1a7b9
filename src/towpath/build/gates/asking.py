"""Asking a gate, which may be a project's own: it answers as it promised, or it is named."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import numpy as np

from towpath.build.gates.contract import Finding
from towpath.build.pipelines import Verdict
from towpath.core.errors import InvalidProject, TowpathError

if TYPE_CHECKING:
    from towpath.build.gates.contract import Gate, Trial


def ask(gate: Gate, trial: Trial) -> Finding:
    """Return what a gate found, its evidence as JSON has it: NumPy's numbers become Python's.

    Raises:
        InvalidProject: The gate breaks, or gives something else than a finding with a verdict and
            evidence that can be kept.
    """
    name = gate.name
    try:
        found: Any = gate.judge(trial)
    except TowpathError:
        raise
    except Exception as error:
        raise InvalidProject(
            f"the gate {name!r} can't judge: {type(error).__name__}: {error}",
            remedy="Mend its `judge`: it gets a Trial and returns a Finding.",
        ) from error
    verdicts = get_args(Verdict)
    if not isinstance(found, Finding) or found.verdict not in verdicts:
        said = found.verdict if isinstance(found, Finding) else type(found).__name__
        raise InvalidProject(
            f"the gate {name!r} gives {said!r}",
            remedy=f"It returns a Finding whose verdict is one of {', '.join(verdicts)}.",
        )
    try:
        evidence = msgspec.to_builtins(dict(found.evidence), enc_hook=_plain)
    except TypeError as error:
        raise InvalidProject(
            f"the evidence of the gate {name!r} can't be kept: {error}",
            remedy="Put numbers, texts, lists and dictionaries in it: it is stored as JSON.",
        ) from error
    return dataclasses.replace(found, evidence=evidence)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"it holds a {type(value).__name__}")
