"""`towpath release …`: what goes to an environment as one, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.core.contracts import ServiceVersion
from towpath.core.durations import parse_duration
from towpath.core.errors import GateRefused, InvalidName, NotFound, UsageError
from towpath.core.refs import Ref
from towpath.operate.releases import pins_of
from towpath.operate.releases.comparing import differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.app.home import Home
    from towpath.ledger import Transaction, Version
    from towpath.operate.releases import Followed, Pins, ReleaseCheck

release = App(name="release", help="Releases and the traffic that they take.")

_INFRASTRUCTURE = 5
Versions = Annotated[
    tuple[str, ...], Parameter(negative="", show_default=False, metavar="PROGRAM@VERSION")
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a release changes of what is in force, besides models.

    Attributes:
        service: The service of a model that is named alone.
        service_version: Who goes with it; their contracts must hold from then on.
        keep: Who stays on the release that is the default now, which lives on beside the new one.
        drop: Who is gone; their contracts count no more.
        beside: Leave the default as it is: the release is for its --service-version alone.
    """

    service: str | None = None
    service_version: Versions = ()
    keep: Versions = ()
    drop: Versions = ()
    beside: Flag = False


@release.command(name="list")
def list_releases(*, common: Common = Common()) -> int:
    """List the environment's releases, newest first, with who is on those that are in force."""
    with common.open() as home, home.ledger.read() as tx:
        environment = home.settings.environment
        found = tx.versions.list("release", environment)
        route = home.releases.route(tx, environment)
    if common.json:
        print_json(found)
        return 0
    beside = {line.release: ", ".join(line.service_versions) for line in route.lines}
    standing = {number: f"before ({at})" for at, number in enumerate(reversed(route.before), 1)}
    rows = [
        (
            one.ref,
            "default" if (number := one.ref.version or 0) == route.release else "",
            beside.get(number, "") or (standing.get(number, "") if number != route.release else ""),
            ", ".join(f"{name}: {part['model']}" for name, part in one.body["services"].items()),
            one.body["reason"],
            f"{one.created_at:%Y-%m-%d %H:%M:%S}",
        )
        for one in found
    ]
    columns = ["release", "in force", "for", "models", "reason", "made"]
    print_table(columns, rows, empty="nothing was released yet")
    return 0


@release.command
def show(number: int | None = None, /, *, common: Common = Common()) -> int:
    """Show what a release pins; without a NUMBER the one that is the default now."""
    with common.open() as home, home.ledger.read() as tx:
        environment = home.settings.environment
        route = home.releases.route(tx, environment)
        found = _release(tx, environment, number or route.release)
        pins = pins_of(found)
        check = home.releases.check(tx, environment, pins)
        line = next((one for one in route.lines if one.release == found.ref.version), None)
    if common.json:
        print_json({"release": msgspec.to_builtins(found, enc_hook=str), "check": check})
        return 0
    where = "the default" if found.ref.version == route.release else "not in force"
    if line is not None:
        where = f"beside the default, for {', '.join(line.service_versions)}"
    facts = {key: found.body[key] for key in ("reason", "features", "code") if found.body.get(key)}
    print_facts(str(found.ref), {"in force": where, **facts, "made": found.created_at.isoformat()})
    _print_matrix(check)
    return 0


@release.command
def diff(first: int, second: int | None = None, /, *, common: Common = Common()) -> int:
    """Show what differs between two releases; without SECOND from the one in force."""
    with common.open() as home, home.ledger.read() as tx:
        environment = home.settings.environment
        current = home.releases.route(tx, environment).release
        found = differences(
            _release(tx, environment, first), _release(tx, environment, second or current)
        )
    if common.json:
        print_json(found)
        return 0
    rows = [(one.kind, one.name, one.before or "–", one.after or "–") for one in found]
    columns = ["what", "name", f"release {first}", f"release {second or current}"]
    print_table(columns, rows, empty="both pin the same")
    return 0


@release.command
def check(
    *models: str,
    changes: Changes = Changes(),
    common: Common = Common(),
) -> int:
    """Say whether a release could go in force, and change nothing. Takes what `deploy` takes."""
    with common.open() as home:
        _hold(home, models, changes)
        with home.ledger.read() as tx:
            wanted = _wanted(home, tx, models, changes)
            wanted = wanted.with_versions(without=_parsed(changes.keep))
            found = home.releases.check(tx, home.settings.environment, wanted)
    if common.json:
        print_json({**msgspec.to_builtins(found), "passes": found.passes})
    else:
        _print_matrix(found)
    return 0 if found.passes else GateRefused.exit_code


@release.command
def deploy(
    *models: str,
    changes: Changes = Changes(),
    drain: str = "24h",
    reason: str = "by hand",
    wait: float = 10.0,
    common: Common = Common(),
) -> int:
    """Make a release of what is in force and these changes, check it, and put it in force at once.

    Args:
        models: SERVICE=NAME@VERSION, or NAME@VERSION with --service; gates must have passed.
        changes: What else changes.
        drain: How long nobody may ask a release beside the default before it goes.
        reason: Why, for the record.
        wait: Seconds to wait for every gateway to follow; 0: not at all.
    """
    drain_s = parse_duration(drain).total_seconds()
    with common.open() as home:
        environment = home.settings.environment
        _hold(home, models, changes)
        with home.ledger.write(actor="cli") as tx:
            pins = _wanted(home, tx, models, changes)
            if changes.beside:
                made = home.releases.put_beside(
                    tx, environment, pins, reason=reason, drain_s=drain_s
                )
            else:
                made = home.releases.put_in_force(
                    tx,
                    environment,
                    pins,
                    reason=reason,
                    keep=_parsed(changes.keep),
                    drain_s=drain_s,
                )
        followed = _followed(home, wait)
    return _tell(made, followed, common)


@release.command
def rollback(number: int | None = None, /, *, wait: float = 10.0, common: Common = Common()) -> int:
    """Make the release before the default again, or the one with this NUMBER.

    Only what it would change is read first, byte by byte. A release whose model was deleted or whose
    bytes are broken is passed over for the one before it, unless it was named.

    Args:
        number: The release; without one the last that was the default and can be again.
        wait: Seconds to wait for every gateway to follow; 0: not at all.
    """
    with common.open() as home:
        made, passed = home.switching.roll_back(home.settings.environment, to=number, actor="cli")
        followed = _followed(home, wait)
    for skipped, why in passed.items():
        err.print(f"release {skipped} was passed over: {why}", markup=False)
    return _tell(made, followed, common)


@release.command
def promote(
    environment: str,
    /,
    *,
    from_environment: Annotated[str, Parameter(name="--from")],
    wait: float = 10.0,
    common: Common = Common(),
) -> int:
    """Put into ENVIRONMENT what is in force by default in another, once it has passed the check there.

    Args:
        environment: Where it goes.
        from_environment: Where it comes from.
        wait: Seconds to wait for every gateway to follow; 0: not at all.
    """
    with common.open() as home:
        with home.ledger.read() as tx:
            pinned = home.releases.pins(tx, from_environment).models
        home.cases.hold_all(pinned)
        with home.ledger.write(actor="cli") as tx:
            origin = home.releases.route(tx, from_environment)
            if origin.release is None:
                raise NotFound(
                    f"nothing was released to {from_environment!r}",
                    remedy="See: towpath release list, with TOWPATH_ENVIRONMENT set to it.",
                )
            made = home.releases.put_in_force(
                tx,
                environment,
                home.releases.pins(tx, from_environment),
                reason=f"promoted from release:{from_environment}@{origin.release}",
            )
        followed = _followed(home, wait, environment)
    return _tell(made, followed, common)


@release.command
def drain(number: int, /, *, wait: float = 10.0, common: Common = Common()) -> int:
    """Take a release from beside the default now; who is on it gets the default's answers.

    Args:
        number: The release.
        wait: Seconds to wait for every gateway to follow; 0: not at all.
    """
    with common.open() as home:
        environment = home.settings.environment
        with home.ledger.write(actor="cli") as tx:
            lines = {line.release for line in home.releases.route(tx, environment).lines}
            if number not in lines:
                raise NotFound.named(
                    "release beside the default", str(number), [str(one) for one in lines]
                )
            home.releases.drain(tx, environment, number, reason="by hand")
            gone = _release(tx, environment, number)
        followed = _followed(home, wait)
    return _tell(gone, followed, common)


@release.command
def unknown(what: Literal["default", "refuse"], /, *, common: Common = Common()) -> int:
    """Say what becomes of service versions that are in no release in force.

    Args:
        what: `default`: the default answers them; `refuse`: they are told that they are unknown.
    """
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        home.releases.set_unknown(tx, home.settings.environment, what)
    if common.json:
        print_json({"unknown": what})
    else:
        err.print(f"unknown service versions from now on: {what}")
    return 0


@release.command
def traffic(*, common: Common = Common()) -> int:
    """Show which model versions share each service's traffic now."""
    with common.open() as home, home.ledger.read() as tx:
        route = home.releases.route(tx, home.settings.environment)
    if common.json:
        print_json(route)
        return 0
    rows = [
        (name, arm.arm, f"{arm.weight:.0%}", arm.model, arm.release, said, share.rollout)
        for said, services in (
            ("", route.services),
            *((", ".join(line.service_versions), line.services) for line in route.lines),
        )
        for name, share in services.items()
        for arm in share.arms
    ]
    columns = ["service", "arm", "share", "model", "release", "for", "rollout"]
    print_table(columns, rows, empty="nothing serves yet")
    return 0


def _wanted(home: Home, tx: Transaction, models: Sequence[str], changes: Changes) -> Pins:
    """Return what is in force with the changes that the command line asks for."""
    chosen = dict(_pair(tx, one, changes.service) for one in models)
    pins = home.releases.pins(tx, home.settings.environment).with_models(chosen)
    if changes.beside:
        pins = pins.with_versions(without=pins.service_versions)
    return pins.with_versions(_parsed(changes.service_version), without=_parsed(changes.drop))


def _hold(home: Home, models: Sequence[str], changes: Changes) -> None:
    """Ask what would go in force about the services' regression cases, which the release looks up then."""
    with home.ledger.read() as tx:
        pinned = _wanted(home, tx, models, changes).models
    home.cases.hold_all(pinned)


def _parsed(texts: Sequence[str]) -> list[ServiceVersion]:
    return [ServiceVersion.parse(one) for one in texts]


def _pair(tx: Transaction, text: str, service: str | None) -> tuple[str, Ref]:
    name, equals, model = text.partition("=")
    if equals:
        found = name, Ref.parse(model, "model")
    elif service is None:
        raise UsageError(f"for which service is {text}?", remedy=f"Write SERVICE={text}.")
    else:
        found = service, Ref.parse(text, "model")
    if found[1].version is None:
        raise InvalidName(f"{text!r} names no version", remedy=f"Write {text}@NUMBER.")
    if tx.intents.find("service", found[0]) is None:
        known = [one.name for one in tx.intents.list("service")]
        raise NotFound.named("service", found[0], known)
    return found


def _release(tx: Transaction, environment: str, number: int | None) -> Version:
    if number is None:
        raise NotFound(f"nothing was released to {environment!r} yet")
    return tx.versions.get(Ref("release", environment, number))


def _followed(home: Home, wait_s: float, environment: str | None = None) -> Followed | None:
    """Wait until every gateway has the route as it is now."""
    if wait_s <= 0:
        return None
    environment = environment or home.settings.environment
    generation = home.switching.generation(environment)
    return home.switching.wait(environment, generation, timeout_s=wait_s)


def _tell(made: Version, followed: Followed | None, common: Common) -> int:
    if common.json:
        print_json({"release": str(made.ref), "followed": followed})
    else:
        models = ", ".join(f"{name}: {one['model']}" for name, one in made.body["services"].items())
        out.print(f"{made.ref}: {models}", highlight=False)
        if followed is not None and not followed.lagging:
            err.print(
                f"gateways that follow it: {followed.gateways}, after {followed.took_s:.2f} s"
            )
    if followed is None or not followed.lagging:
        return 0
    for address, why in followed.lagging.items():
        err.print(f"the gateway at {address} does not follow: {why}", markup=False)
    return _INFRASTRUCTURE


def _print_matrix(check: ReleaseCheck) -> None:
    """Print a row for each service version, a column for each service, and then what was found."""
    services = list(check.models)
    marks = {"ok": "holds", "warning": "see below", "refused": "REFUSED"}
    rows = [
        (said, *(marks[check.verdict_on(said, one)] for one in services))
        for said in check.service_versions
    ]
    out.print("models: " + ", ".join(f"{name}: {one}" for name, one in check.models.items()))
    print_table(["contract of", *services], rows, empty="no program's contract is part of it")
    for finding in check.findings:
        err.print(f"{finding.verdict}: {finding.problem}. {finding.remedy}", markup=False)
