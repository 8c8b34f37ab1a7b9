"""The seeded home's decisions, and its erasures as they are listed."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from seeded_rows import START

from towpath.core.clock import to_micros
from towpath.core.ids import uuid7
from towpath.operate.decisions.frames import encode_frame
from towpath.operate.decisions.records import Decision
from towpath.operate.decisions.writer import SegmentWriter
from towpath.trace.erasure.state import erasure_of

if TYPE_CHECKING:
    from towpath.ledger import Ledger
    from towpath.operate.decisions.directory import SegmentDirectory
    from towpath.storage.blobs import BlobStore
    from towpath.trace.erasure.contract import Erasure

ENV = "production"
SERVICE = "delay-board"


class ListedErasures:
    """The reading half of `Erasures`, straight from the intents."""

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger, self._blobs = ledger, blobs

    def get(self, erasure_id: str) -> Erasure:
        with self._ledger.read() as tx:
            return erasure_of(tx.intents.get("erasure", erasure_id))

    def list(self, *, limit: int = 1000) -> list[Erasure]:
        with self._ledger.read() as tx:
            found = [erasure_of(one) for one in tx.intents.list("erasure", limit=limit)]
        return found[::-1]

    def certificate(self, erasure_id: str) -> bytes:
        digest = self.get(erasure_id).certificate
        assert digest is not None
        return self._blobs.get(digest)


def _asked(day: int, place: int) -> dict[str, object]:
    """What the model was given: the same for the same day and place."""
    rng = np.random.default_rng([day, place])
    return {
        "distance": float(rng.integers(180, 2500)),
        "carrier": str(rng.choice(["UA", "B6", "EV", "DL", "AA"])),
        "origin": str(rng.choice(["EWR", "JFK", "LGA"])),
        "dest": str(rng.choice(["ORD", "ATL", "LAX", "BOS", "MIA"])),
        "minute_of_day": float(rng.integers(300, 1320)),
        "wind_speed": round(float(rng.gamma(4, 2.6)), 1),
        "visib": None if rng.random() < 0.1 else float(rng.integers(2, 11)),
    }


def decide(directory: SegmentDirectory, *, days: int, per_day: int) -> list[str]:
    """Record decisions of three models over `days`, and return their ids."""
    made: list[str] = []
    writer = SegmentWriter(directory)
    rng = np.random.default_rng(3)
    for day in range(days):
        for place in range(per_day + int(4 * math.sin(day / 3))):
            at = START + timedelta(days=day, hours=5 + 17 * place / (per_day + 4))
            number = 1 if day < days / 3 else 2
            if day > days * 0.75 and rng.random() < (0.1 if day < days * 0.85 else 0.5):
                number = 4
            decision = Decision(
                decision_id=str(uuid7()),
                at_us=to_micros(at),
                recorded_us=to_micros(at),
                service=SERVICE,
                release=f"release:{ENV}@{ {1: 1, 2: 2, 4: 3}[number] }",
                model=f"model:late@{number}",
                arm="challenger" if number == 4 else "champion",
                key=f"flight-{day}-{place}",
                inputs=_asked(day, place),
                outputs={"late": float(rng.random())},
                status="error" if rng.random() < 0.002 else "ok",
                latency_us=int(rng.integers(300, 900)),
            )
            made.append(decision.decision_id)
            writer.append(encode_frame(decision), urgent=False)
    writer.flush()
    writer.close()
    return made
