"""Budgets on top of the seeded home: weeks of spend, attempts that run, and some that wait."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from towpath.build.capacity import (
    ORGANISATION,
    Budget,
    LedgerPermits,
    PermitRequest,
    Queue,
    Usage,
    budget_specs,
    project_path,
    queue_path,
    set_budget,
)
from towpath.build.capacity.declaring import declare_budgets
from towpath.build.compute import Resources
from towpath.ledger import Entry

if TYPE_CHECKING:
    from seeded_home import SeededHome

_GIB = 1 << 30
_DAYS = 45


def seed_spend(home: SeededHome) -> None:
    """Add them."""
    with home.ledger.write() as tx:
        set_budget(tx, ORGANISATION, Budget(usd_per_month=60.0, cpus=16))
        set_budget(tx, "bookings", Budget(usd_per_month=12.0))
        specs = budget_specs(
            "flights",
            Budget(usd_per_month=22.0, warn=(0.2, 0.8), cpus=6, share=2.0),
            (Queue("searches", usd_per_day=1.5, steps=2, pipelines=("tune",), priority=-1),),
        )
        declare_budgets(tx, "flights", specs)
    _past(home)
    _now(home)


def _past(home: SeededHome) -> None:
    """Spend something on each of the last days."""
    rng = np.random.default_rng(3)
    now = home.services.clock.now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    entries: list[Entry] = []
    for ago in range(_DAYS, 0, -1):
        day = today - timedelta(days=ago)
        for project, queue, pipeline, step, dollars in (
            ("flights", "", "train", "fit", 0.42 + 0.2 * (ago % 7 == 0)),
            ("flights", "searches", "tune", "fit", 0.5 * (ago % 7 in (1, 2))),
            ("bookings", "", "train", "prepare", 0.16),
        ):
            if dollars:
                path = project_path(project)
                budgets = (queue_path(project, queue), path) if queue else (path,)
                run = home.runs[ago % len(home.runs)] if pipeline == "train" else f"{ago:032x}"
                entries.append(
                    Entry(
                        permit=f"seed/{project}/{pipeline}/{ago}",
                        kind="settle",
                        at=day,
                        day=day,
                        project=project,
                        queue=queue,
                        pipeline=pipeline,
                        run=run,
                        step=step,
                        cause="erasure:0199a5c2d3e47f60a1b2c3d4e5f60718" if ago == 9 else "manual",
                        micros=int(1e6 * dollars * rng.uniform(0.6, 1.4)),
                        prices=0,
                        budgets=(*budgets, ORGANISATION),
                    )
                )
    with home.ledger.write() as tx:
        tx.account.append(entries)


def _now(home: SeededHome) -> None:
    """Let some attempts run, and more ask than may."""
    permits = LedgerPermits(home.ledger, home.services.clock, owner="seed", is_dead=lambda _: False)
    fit = Resources(cpus=2, memory_bytes=4 * _GIB, timeout_s=3600)

    def request(run: str, number: int, **more: object) -> PermitRequest:
        fields = {
            "id": f"{run}/fit-{number}/1",
            "project": "flights",
            "pipeline": "train",
            "run_id": run,
            "step": "fit",
            "resources": fit,
        }
        return PermitRequest(**{**fields, **more})  # pyright: ignore[reportArgumentType]

    run = home.runs[-1]
    permits.ask([request(run, 20, step="describe", resources=Resources(cpus=0.5, timeout_s=60))])
    permits.settle(f"{run}/fit-20/1", Usage(seconds=41.0, outcome="done"))
    permits.ask([request(run, number) for number in range(4)])
    tune = {"pipeline": "tune", "queue": "searches", "checkpointing": True}
    permits.ask([request(home.runs[0], 10 + number, **tune) for number in range(3)])
