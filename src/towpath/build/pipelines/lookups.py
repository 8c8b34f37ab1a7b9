"""Which results are there already: asked of the cache for many calls at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.build.pipelines.calls import made_by
from towpath.build.pipelines.formats import missing_blobs
from towpath.build.pipelines.turns import Hit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from towpath.build.pipelines.calls import Call, Made
    from towpath.ledger import Ledger
    from towpath.ledger.records import Execution
    from towpath.storage.blobs import BlobStore


class Lookups:
    """Finds results of calls. Used by one run, from one thread.

    In a chain each key is known only when the result before it is, which would be one question to the
    database per step. A run that repeats another asks the same ones, so what the pipeline's last run
    used is fetched beforehand, in one query, and good until `forget`.

    Args:
        ledger: Where the cache is.
        blobs: Where results are.
        anew: Nodes whose calls are each executed once more, whatever is there.
    """

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, *, anew: Collection[str] = frozenset()
    ) -> None:
        self._anew = anew
        self._renewed: set[str] = set()
        self._ledger = ledger
        self._blobs = blobs
        self._ahead: dict[str, Execution] = {}
        self._last: dict[str, Execution] = {}
        self._whole: dict[str, Made] = {}

    def look_ahead(self, *, project: str, pipeline: str, run_id: str) -> None:
        """Fetch what the newest other run of the pipeline used."""
        with self._ledger.read() as tx:
            runs = tx.runs.list(project=project, kind="pipeline", name=pipeline, limit=2)
            last = next((one.id for one in runs if one.id != run_id), None)
            self._last = {} if last is None else tx.cache.look_ahead(last)
        self._ahead = {one.key: one for one in self._last.values()}

    def forget(self) -> None:
        """Ask the database from now on: time has passed, and results come and go."""
        self._ahead = {}
        self._whole = {}

    def last_of(self, name: str) -> Execution | None:
        """Return the execution that the pipeline's last run used under a call's name."""
        return self._last.get(name)

    def find(self, calls: Sequence[Call]) -> tuple[list[Hit], list[Execution]]:
        """Return the calls whose results are there, and executions whose results are gone.

        Costs one query for all calls that were not fetched beforehand, and a look at the store for
        each blob.
        """
        cached = [call for call in calls if call.step.options.cache]
        unknown = [
            call.known_key.digest for call in cached if call.known_key.digest not in self._ahead
        ]
        asked = self._ask(unknown) if unknown else {}
        hits: list[Hit] = []
        stale: list[Execution] = []
        for call in cached:
            key = call.known_key.digest
            execution = self._ahead.get(key) or asked.get(key)
            if execution is None:
                continue
            made = None if self._is_renewed(call) else self._made(execution)
            if made is None:
                stale.append(execution)
                self._ahead.pop(execution.key, None)
            else:
                hits.append(Hit(call, execution, made))
        return hits, stale

    def _is_renewed(self, call: Call) -> bool:
        """Tell whether a call is to be executed although its result is there: once, and no more."""
        if (call.driver or call.name) not in self._anew or call.name in self._renewed:
            return False
        self._renewed.add(call.name)
        return True

    def _ask(self, keys: Sequence[str]) -> dict[str, Execution]:
        with self._ledger.read() as tx:
            return tx.cache.look_all(keys)

    def _made(self, execution: Execution) -> Made | None:
        """Return what an execution made, None where some of it is gone."""
        made = self._whole.get(execution.key)
        if made is None:
            made = made_by(execution)
            if any(missing_blobs(one, self._blobs) for one in made.artifacts):
                return None
            self._whole[execution.key] = made
        return made
