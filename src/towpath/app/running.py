"""Runs one pipeline in this process's executor: what `towpath run` does, by hand or for a worker."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from towpath.app.computing import home_options
from towpath.app.executing import open_executor
from towpath.build.capacity import budget_specs, declare_missing, open_permits
from towpath.build.compute import NUMERIC, Template
from towpath.build.gates import GateKeeper
from towpath.build.pipelines import WORKER_MODULES, PipelineRunner
from towpath.core.ids import new_id
from towpath.ledger.owners import is_dead, this_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from towpath.app.home import Home
    from towpath.build.capacity import Permits
    from towpath.core.refs import Ref
    from towpath.ledger import Intent
    from towpath.operate.projects import Project


_RUN_MODULES = (
    "towpath.cli.carrying",
    "towpath.cli.projects",
    *WORKER_MODULES,
    "sklearn",
    "lightgbm",
)


def ingest_command(home: Home) -> Callable[[Intent], list[str]]:
    """Return what turns a row that wants a source read into the command line that reads it."""
    base = [sys.executable, "-m", "towpath", "dataset", "ingest", "--json"]
    options = home_options(home)

    def command(ingest: Intent) -> list[str]:
        with home.ledger.read() as tx:
            project = tx.intents.get("project", ingest.spec["project"])
        return [*base, ingest.spec["ingest"], "--code", project.spec["code"], *options]

    return command


def run_arguments(home: Home) -> Callable[[Intent], list[str]]:
    """Return what turns a wanted pipeline run into the arguments of `towpath` that carry it out."""
    base = ["run", "--json"]
    options = home_options(home)

    def command(run: Intent) -> list[str]:
        spec = run.spec
        wanted = [spec["pipeline"], "--code", spec["code"], "--reason", spec["reason"]]
        if spec.get("at"):
            wanted += ["--at", spec["at"]]
        for name, value in spec.get("params", {}).items():
            wanted += ["--param", f"{name}={value}"]
        for name, number in spec.get("pins", {}).items():
            wanted += ["--pin", f"{name}={number}"]
        if not spec.get("candidates", True):
            wanted.append("--without-candidates")
        return [*base, *wanted, *options]

    return command


def run_template() -> Template:
    """Return the process that pipeline runs are forked from, warm with what all of them import.

    The command line is above this layer; the template imports it by name, as another process would.
    """
    return Template("towpath.cli.carrying:carry_out", preload=(*NUMERIC, *_RUN_MODULES))


def champion_of(home: Home) -> Callable[[str], Ref | None]:
    """Return what finds the version of a model that serves now, whatever the service."""

    def find(model: str) -> Ref | None:
        with home.ledger.read() as tx:
            route = home.releases.route(tx, home.settings.environment)
        champions: Sequence[Ref] = [one.champion.ref for one in route.services.values()]
        return next((ref for ref in champions if ref.name == model), None)

    return find


def _open_permits(home: Home, project: Project) -> Permits:
    """Return who decides when steps may start; budgets that were never applied are in force from now."""
    specs = budget_specs(project.name, project.budget, project.queues)
    if specs:
        with home.ledger.write(actor="run") as tx:
            declare_missing(tx, project.name, specs)
    return open_permits(
        home.ledger, home.clock, project.name, owner=f"{this_owner()}/{new_id()}", is_dead=is_dead
    )


@contextmanager
def open_runner(
    home: Home, project: Project, *, candidates: bool = True
) -> Generator[PipelineRunner]:
    """Give a runner with an executor of its own, which ends with the block.

    Args:
        home: Where it runs.
        project: Whose gates judge.
        candidates: Whether models that pipelines propose are judged at all.
    """
    keeper = GateKeeper(
        home.ledger,
        home.blobs,
        home.models,
        clock=home.clock,
        gates=project.gates,
        champion_of=champion_of(home),
        hold=home.cases.hold_everywhere,
    )
    place = home.place
    with open_executor(place) as executor:
        yield PipelineRunner(
            home.ledger,
            home.blobs,
            blobs_url=place.blobs_url,
            datasets=home.datasets,
            code=home.code,
            executor=executor,
            clock=home.clock,
            candidates=keeper if candidates else None,
            permits=_open_permits(home, project),
            cache_dir=place.home / "cache",
            scratch=place.home / "run" / "steps",
        )
