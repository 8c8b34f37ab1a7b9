"""Our own recommender: its ids and vectors as plain arrays, its settings as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from towpath.assets.models.estimators.factors import Factors
from towpath.assets.models.flavours.arrays import read_arrays, write_arrays
from towpath.assets.models.flavours.documents import read_as
from towpath.assets.models.flavours.tasks import agree
from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours.contract import Form, Scorer
    from towpath.assets.models.inputs import Inputs

_SETTINGS, _VECTORS = "factors.json", "vectors.npz"


class _Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it was trained, so that a loaded one can be trained on."""

    size: int
    confidence: float
    regularization: float
    rounds: int
    seed: int


class FactorsFormat:
    """`Factors`: two columns, user and item."""

    flavour: Flavour = "factors"
    library = "towpath"

    def claims(self, estimator: object) -> bool:
        """Tell whether it is a `Factors`."""
        return isinstance(estimator, Factors)

    def fit(
        self,
        estimator: Any,
        inputs: Inputs,
        features: pl.DataFrame,
        outcome: npt.NDArray[np.generic] | None,
        groups: npt.NDArray[np.int64] | None,
    ) -> Any:
        """Fit on the codes of users and items."""
        del groups  # a user's rows are a group of themselves
        if outcome is None or len(inputs.columns) != 2:
            raise UsageError(
                f"factors take a user and an item, not {len(inputs.columns)} columns",
                remedy="Pass rows.select('user', 'item') and how strongly each pair was seen.",
            )
        return estimator.fit(inputs.matrix(features), outcome)

    def task(self, estimator: Any, asked: Task | None) -> Task:
        """It puts items in order for each user."""
        if not estimator.is_fitted:
            raise UsageError("the Factors are not fitted", remedy="Call fit first.")
        return agree(estimator, ("ranking",), asked)

    def form(self, estimator: Any) -> Form:
        """It takes the matrix."""
        del estimator
        return "matrix"

    def width(self, estimator: Any) -> int:
        """A user and an item."""
        del estimator
        return 2

    def dump(self, estimator: Any) -> dict[str, bytes]:
        """Write settings and arrays."""
        kept = {name: getattr(estimator, name) for name in _Settings.__struct_fields__}
        arrays = [
            estimator.users, estimator.items, estimator.user_vectors, estimator.item_vectors,
        ]  # fmt: skip
        return {_SETTINGS: canonical_json(kept), _VECTORS: write_arrays(arrays)}

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Read settings and arrays."""
        if set(files) != {_SETTINGS, _VECTORS}:
            raise IntegrityError(
                f"a recommender's package holds {_SETTINGS!r} and {_VECTORS!r}, not {sorted(files)}"
            )
        kept = read_as(files[_SETTINGS], _Settings, "the recommender's package")
        arrays = read_arrays(files[_VECTORS])
        try:
            made = Factors(**msgspec.structs.asdict(kept))
            made.users, made.items, made.user_vectors, made.item_vectors = arrays
        except (UsageError, ValueError) as error:
            raise IntegrityError(f"the recommender's package can't be read: {error}") from error
        shapes = (made.user_vectors.shape, made.item_vectors.shape)
        if shapes != ((made.users.size, made.size), (made.items.size, made.size)):
            raise IntegrityError("the recommender's vectors don't fit its users and items")
        return made

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:
        """Answer from the arrays; nothing changes any more."""
        del task, threads
        made: Factors = self.load(files)
        return made.predict
