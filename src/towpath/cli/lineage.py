"""`towpath trace` and `impact`: the way back, and what a thing reaches."""

from __future__ import annotations

from towpath.cli.options import Common, Flag
from towpath.cli.printing import print_json, print_trace
from towpath.core.refs import Ref


def trace(
    what: str,
    /,
    *,
    depth: int | None = None,
    full: Flag = False,
    common: Common = Common(),
) -> int:
    """Print the whole way back from a decision, or from any version or run.

    Args:
        what: A decision's id, or a reference such as model:late@3.
        depth: How many steps to follow; all, when left out.
        full: Show every step and artefact on the way.
    """
    with common.open() as home:
        if ":" in what and not what.startswith("decision:"):
            tree = home.tracer.trace(Ref.parse(what), depth=depth, full=full)
        else:
            tree = home.tracer.trace_decision(what.removeprefix("decision:"), actor="cli")
    if common.json:
        print_json(tree.to_json())
    else:
        print_trace(tree)
    return 0


def impact(
    what: str,
    /,
    *,
    depth: int | None = None,
    full: Flag = False,
    common: Common = Common(),
) -> int:
    """Print everything that depends on a version or run: models, releases, services.

    Args:
        what: A reference such as dataset:flights@3.
        depth: How many steps to follow; all, when left out.
        full: Show every step and artefact on the way.
    """
    with common.open() as home:
        tree = home.tracer.impact(Ref.parse(what), depth=depth, full=full)
    if common.json:
        print_json(tree.to_json())
    else:
        print_trace(tree)
    return 0
