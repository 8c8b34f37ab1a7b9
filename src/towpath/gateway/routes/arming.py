"""From an arm of a route to a model that answers: vouched for, whole, within bounds, and warm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from towpath.assets.models import load_package, verify_statement
from towpath.core.errors import IntegrityError, NotFound, TowpathError, Unavailable
from towpath.gateway.routes.warming import warm_up
from towpath.gateway.workers.memory import give_back

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from towpath.assets.models import Predictor
    from towpath.gateway.routes.keeping import PackageCache
    from towpath.gateway.workers.memory import MemoryWatch
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Json
    from towpath.operate.releases.route import Arm
    from towpath.storage.keys import Keyring

_log = structlog.get_logger()


class ModelOpener:
    """Opens the models that routes name. For one thread, beside the event loop.

    A route names a package by its digest; that the digest is what was judged, the signature of the model
    version says, which whoever may write to a database can't forge. So both are looked at, each time.

    Args:
        ledger: Where model versions are.
        packages: Where packages are.
        keyring: Checks signatures.
        memory: Says what fits.
        load: Opens a package that is here.

    Attributes:
        bodies: What the versions of the models that were opened say, by reference; those of a time when
            the ledger could be read serve while it can't.
    """

    def __init__(
        self,
        ledger: Ledger,
        packages: PackageCache,
        keyring: Keyring,
        memory: MemoryWatch,
        *,
        load: Callable[[str], Predictor],
    ) -> None:
        self.bodies: dict[str, Json] = {}
        self._ledger = ledger
        self._packages = packages
        self._keyring = keyring
        self._memory = memory
        self._load = load

    def open(self, arm: Arm, rows: Sequence[Mapping[str, Any]] = ()) -> Predictor:
        """Return the model of an arm, after its first answers.

        Args:
            arm: The arm.
            rows: What it must be able to answer; see `warm_up`.

        Raises:
            IntegrityError: The version is unsigned, or says something else than was signed, or the
                route names another package; or the package is broken, or fails its warm-up.
            NotFound: There is no such version, or no such package.
            Overloaded: It does not fit into memory.
            Unavailable: Ledger or blob store are away, and nothing is known from before.
        """
        body = self._vouched(arm)
        self._packages.bring([arm.package])
        package = load_package(arm.package, self._packages.local)
        if dict(package.files) != body["files"]:
            raise IntegrityError(f"the package of {arm.model} lists other files than were signed")
        files = package.files.values()
        try:
            with self._memory.opening(arm.model, arm.package, self._packages.size_bytes(files)):
                self._packages.bring(files)
                predictor = self._load(arm.package)
                warm_up(predictor, package.inputs.levels, rows)
        except TowpathError:
            predictor = None
            give_back()
            raise
        opened = self._memory.opened[arm.model]
        _log.info("model.opened", model=arm.model, grown_mib=opened.grown >> 20)
        return predictor

    def keep_only(self, arms: Sequence[Arm]) -> None:
        """Let go of what no arm of the route needs: its copies on disk, and what is known of it."""
        packages = {arm.package for arm in arms}
        models = {arm.model for arm in arms}
        self.bodies = {name: body for name, body in self.bodies.items() if name in models}
        self._memory.opened = {
            name: one for name, one in self._memory.opened.items() if name in models
        }
        for body in self.bodies.values():
            packages |= set(body["files"].values())
        self._packages.keep_only(packages)

    def _vouched(self, arm: Arm) -> Json:
        """Return what a model version says, once its signature fits."""
        try:
            with self._ledger.read() as tx:
                body = tx.versions.get(arm.ref).body
        except Unavailable:
            if arm.model not in self.bodies:
                raise
            body = self.bodies[arm.model]
        except NotFound as error:
            raise NotFound(
                f"the route names {arm.model}, which is not in the registry",
                remedy="Nothing vouches for its package. Register it, and release that.",
            ) from error
        verify_statement(arm.ref, body, self._keyring.public_keys_pem)
        if body.get("package") != arm.package:
            raise IntegrityError(
                f"the route names another package for {arm.model} than was signed",
                remedy="Release it again; if nobody changed the route by hand, look who could.",
                model=arm.model,
            )
        self.bodies[arm.model] = body
        return body
