"""What a caller wants loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from towpath.assets.datasets.bodies import declared_body
from towpath.core.digests import digest_json

if TYPE_CHECKING:
    from towpath.assets.datasets.declaration import Dataset
    from towpath.ledger.records import Json

LoadMode: TypeAlias = Literal["append", "overwrite", "merge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """What the caller wants loaded; see `DatasetStore.load`."""

    dataset: Dataset
    project: str
    name: str
    mode: LoadMode
    expected: int | None
    made_by: str | None
    branch: str | None = None

    @property
    def line(self) -> str:
        """The name under which the versions are numbered: the data set's, or its branch's."""
        return self.dataset.ref.on(self.branch).name

    def begun_as(self) -> Json:
        """Return what must not change while a load is open.

        It says whom the rows are about, so that an erasure finds a load that has no version yet.
        """
        rules = [rule.title for rule in self.dataset.rules]
        declared = digest_json({**declared_body(self.dataset), "rules": rules})
        line = {} if self.branch is None else {"branch": self.branch}
        about = {"subject_field": self.dataset.subject_field}
        return {"mode": self.mode, "declared": declared, **about, **line}
