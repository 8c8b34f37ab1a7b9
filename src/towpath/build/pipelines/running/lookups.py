"""Which results are there already: asked of the cache for many calls at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from towpath.build.pipelines.formats import missing_among
from towpath.build.pipelines.planning.calls import made_by
from towpath.build.pipelines.running.turns import Hit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from towpath.build.pipelines.planning.calls import Call, Made
    from towpath.ledger import Ledger
    from towpath.ledger.records import Execution, StepResult
    from towpath.storage.blobs import BlobStore

# By key: a result, and what it made; None where some of that is gone.
_Known: TypeAlias = "dict[str, tuple[StepResult, Made | None]]"


class Lookups:
    """Finds results of calls. Used by one run, from one thread.

    In a chain each key is known only when the result before it is, which would be one question to the
    database, and one to the store, per step. A run that repeats another asks the same ones, so what
    the pipeline's last run used is fetched beforehand: two queries, and one question to the store for
    all of its blobs. The answers are good until `forget`.

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
        self._last_run: str | None = None
        self._last: Mapping[str, Execution] | None = None
        self._unchecked: dict[str, StepResult] = {}
        self._ahead: _Known = {}

    def look_ahead(self, *, project: str, pipeline: str, run_id: str) -> None:
        """Fetch what the newest other run of the pipeline used."""
        with self._ledger.read() as tx:
            runs = tx.runs.list(project=project, kind="pipeline", name=pipeline, limit=2)
            self._last_run = next((one.id for one in runs if one.id != run_id), None)
            if self._last_run is not None:
                used = tx.cache.results_of(self._last_run)
                self._unchecked = {one.key: one for one in used.values()}

    def forget(self) -> None:
        """Ask the database and the store from now on: time has passed, and results come and go."""
        self._unchecked, self._ahead = {}, {}

    def last_of(self, name: str) -> Execution | None:
        """Return the execution that the pipeline's last run used under a call's name."""
        if self._last is None:
            self._last = {}
            if self._last_run is not None:
                with self._ledger.read() as tx:
                    self._last = tx.cache.look_ahead(self._last_run)
        return self._last.get(name)

    def find(self, calls: Sequence[Call]) -> tuple[list[Hit], list[StepResult]]:
        """Return the calls whose results are there, and results of which some is gone.

        Costs one query and one question to the store for all calls that were not fetched beforehand.
        """
        cached = [call for call in calls if call.step.options.cache]
        known = self._known([call.known_key.digest for call in cached])
        hits: list[Hit] = []
        stale: list[StepResult] = []
        for call in cached:
            found = known.get(call.known_key.digest)
            if found is None:
                continue
            result, made = found
            if made is None or self._is_renewed(call):
                stale.append(result)
                self._ahead.pop(result.key, None)
            else:
                hits.append(Hit(call, result, made))
        return hits, stale

    def _is_renewed(self, call: Call) -> bool:
        """Tell whether a call is to be executed although its result is there: once, and no more."""
        if (call.driver or call.name) not in self._anew or call.name in self._renewed:
            return False
        self._renewed.add(call.name)
        return True

    def _known(self, keys: Sequence[str]) -> _Known:
        if self._unchecked and not self._unchecked.keys().isdisjoint(keys):
            self._ahead, self._unchecked = self._checked(self._unchecked), {}
        unknown = [key for key in keys if key not in self._ahead]
        if not unknown:
            return self._ahead
        with self._ledger.read() as tx:
            asked = tx.cache.look_all(unknown)
        return {
            **{key: self._ahead[key] for key in keys if key in self._ahead},
            **self._checked(asked),
        }

    def _checked(self, results: Mapping[str, StepResult]) -> _Known:
        made = {key: made_by(one) for key, one in results.items()}
        groups = {key: one.artifacts for key, one in made.items()}
        gone = missing_among(groups, self._blobs)
        return {key: (one, None if key in gone else made[key]) for key, one in results.items()}
