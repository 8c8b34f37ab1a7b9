"""What each column added to a recorded answer, checked to add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from towpath.assets.models.explaining import load_explainer
from towpath.assets.models.reference import Reference
from towpath.core.digests import digest_json
from towpath.core.errors import IntegrityError
from towpath.trace.explaining.contract import Attribution, Attributions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.storage.blobs.contract import BlobStore
    from towpath.trace.explaining.recorded import Recorded

_DOUBLE: Final = 1e-9
_SINGLE: Final = 1e-4  # XGBoost counts contributions in 32 bits
_TOLERANCES: Final = {"xgboost": _SINGLE, "catboost": 1e-6}


def attribute(
    recorded: Recorded, blobs: BlobStore, descriptions: Mapping[str, str]
) -> Attributions:
    """Share a recorded decision's answer among its columns.

    Raises:
        IntegrityError: The shares and the base are not the answer, within the precision of the library.
        NotFound: The model's bytes are gone.
    """
    body = recorded.version.body
    package: str = body["package"]
    explainer = load_explainer(
        package, blobs, lambda: Reference.decode(blobs.get(body["reference"]))
    )
    found = explainer.explain(recorded.columns)
    base, raw = float(found.base[0]), float(found.raw[0])
    shares = [float(one) for one in found.contributions[0]]
    residual = abs(base + sum(shares) - raw)
    tolerance = _TOLERANCES.get(body.get("flavour", ""), _DOUBLE) * max(1.0, abs(raw))
    if residual > tolerance:
        raise IntegrityError(
            f"the attributions of {recorded.decision.model} miss its answer by {residual:g}",
            remedy="Its explainer does not fit its trees; don't show these numbers to anybody.",
            residual=residual,
        )
    said: dict[str, Any] = {"method": found.method, "package": package, **found.settings}
    ranked = sorted(zip(found.columns, shares, strict=True), key=lambda one: -abs(one[1]))
    return Attributions(
        method=found.method,
        scale=found.scale,
        base=base,
        raw=raw,
        shares=tuple(
            Attribution(
                column=name,
                value=recorded.decision.inputs[name],
                share=share,
                description=descriptions.get(name, ""),
            )
            for name, share in ranked
        ),
        residual=residual,
        tolerance=tolerance,
        settings=dict(found.settings),
        digest=digest_json(said),
    )
