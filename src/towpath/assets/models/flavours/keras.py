"""Keras models: the configuration of a `.keras` archive and the weights as plain arrays.

A `.keras` archive holds its configuration as JSON and its weights as HDF5. Reading the first builds
whatever classes it names (CVE-2025-1550, CVE-2025-9906), and the second can refer to other files
(CVE-2025-9905); `safe_mode` alone has been got around more than once. So a package holds the
configuration, read in `safe_mode` and against a list of classes that is ours, and the weights as NPY
arrays in the model's order. What a training needs (optimiser, losses) is not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.flavours.arrays import read_arrays, write_arrays
from towpath.assets.models.flavours.documents import read_object
from towpath.assets.models.flavours.extras import load_extra
from towpath.assets.models.flavours.tasks import SCORES, agree
from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours.contract import Form, Scorer
    from towpath.assets.models.inputs import Inputs
    from towpath.ledger.records import Json

_CONFIG, _WEIGHTS = "config.json", "weights.npz"
_FLEETING = ("compile_config", "shared_object_id", "build_config")
_LAYERS = frozenset(
    {
        "Activation",
        "ActivityRegularization",
        "Add",
        "AlphaDropout",
        "Attention",
        "Average",
        "AveragePooling1D",
        "AveragePooling2D",
        "BatchNormalization",
        "Bidirectional",
        "CategoryEncoding",
        "Concatenate",
        "Conv1D",
        "Conv2D",
        "Cropping1D",
        "Dense",
        "Discretization",
        "Dot",
        "Dropout",
        "ELU",
        "EinsumDense",
        "Embedding",
        "Flatten",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "GroupNormalization",
        "GRU",
        "GRUCell",
        "Identity",
        "InputLayer",
        "LayerNormalization",
        "LeakyReLU",
        "LSTM",
        "LSTMCell",
        "Masking",
        "MaxPooling1D",
        "MaxPooling2D",
        "Maximum",
        "Minimum",
        "MultiHeadAttention",
        "Multiply",
        "Normalization",
        "PReLU",
        "Permute",
        "ReLU",
        "RepeatVector",
        "Rescaling",
        "Reshape",
        "SimpleRNN",
        "SimpleRNNCell",
        "Softmax",
        "SpatialDropout1D",
        "Subtract",
        "UnitNormalization",
        "UpSampling1D",
        "ZeroPadding1D",
    }
)
_MODULES = frozenset({"keras.initializers", "keras.regularizers", "keras.constraints"})
_MODELS = frozenset({"Sequential", "Functional", "DTypePolicy"})
_TENSOR = "__keras_tensor__"  # where a layer's answer goes: a shape, a type, and a history


class KerasFormat:
    """Keras 3 models that take `(rows, columns)` and give one number per row.

    Text columns arrive as codes, and what is missing as NaN: the model decides what becomes of them.
    """

    flavour: Flavour = "keras"
    library = "keras"

    def claims(self, estimator: object) -> bool:
        """Tell whether it is a Keras model, whoever wrote its class."""
        return any(
            one.__qualname__ == "Model" and one.__module__.startswith("keras.")
            for one in type(estimator).__mro__
        )

    def fit(
        self,
        estimator: Any,
        inputs: Inputs,
        features: pl.DataFrame,
        outcome: npt.NDArray[np.generic] | None,
        groups: npt.NDArray[np.int64] | None,
    ) -> Any:
        """Refuse: a Keras model is compiled and trained by the project."""
        del estimator, inputs, features, outcome, groups
        raise UsageError(
            "a Keras model is not fitted here",
            remedy="Train it in your step on inputs.matrix(rows), then wrap it: "
            "Model(network, inputs=inputs, outcome=…, task=…).",
        )

    def task(self, estimator: Any, asked: Task | None) -> Task:
        """Take what the project says: a network is only numbers."""
        return agree(estimator, SCORES, asked, told=True)

    def form(self, estimator: Any) -> Form:
        """A network takes the matrix."""
        del estimator
        return "matrix"

    def width(self, estimator: Any) -> int:
        """Return the number of columns of its one input."""
        shape = getattr(estimator, "input_shape", None)
        if not isinstance(shape, tuple) or len(shape) != 2 or not isinstance(shape[1], int):
            raise UsageError(
                f"the {type(estimator).__name__} does not take one input of shape (rows, columns)",
                remedy="Begin it with keras.Input((columns,)), and split the columns inside.",
            )
        return shape[1]

    def dump(self, estimator: Any) -> dict[str, bytes]:
        """Write configuration and weights."""
        keras = load_extra("keras", "keras")
        config = _bare(keras.saving.serialize_keras_object(estimator))
        if strange := sorted(_strange(config)):
            raise UsageError(
                f"the {type(estimator).__name__} holds parts that are not safe to load: {strange}",
                remedy="Use Keras's own layers; functions and classes of your own can't be kept.",
                types=strange,
            )
        return {
            _CONFIG: canonical_json(config),
            _WEIGHTS: write_arrays([np.asarray(one) for one in estimator.get_weights()]),
        }

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Build the network; a class outside the list is refused before anything is built."""
        if set(files) != {_CONFIG, _WEIGHTS}:
            raise IntegrityError(
                f"a Keras package holds {_CONFIG!r} and {_WEIGHTS!r}, not {sorted(files)}"
            )
        config = read_object(files[_CONFIG], "the Keras package")
        strange = sorted(_strange(config)) or ([] if "class_name" in config else ["no model"])
        if strange:
            raise IntegrityError(
                f"the Keras package names parts that are not allowed: {strange}",
                remedy="Don't use it; find out where it came from.",
            )
        keras = load_extra("keras", "keras")
        weights = read_arrays(files[_WEIGHTS])
        try:
            network = keras.saving.deserialize_keras_object(config, safe_mode=True)
            network.set_weights(weights)
        except Exception as error:
            raise IntegrityError(
                f"the Keras package can't be read ({type(error).__name__})",
                remedy="Read it with the Keras that wrote it, which the package names.",
            ) from error
        return network

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:
        """Call the network outside of training; the backend decides about threads itself."""
        del task, threads
        network = self.load(files)
        keras = load_extra("keras", "keras")

        def score(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            try:
                answers = network(rows.astype(np.float32), training=False)
            except Exception as error:  # the backend's own, such as a code that no embedding has
                raise ValueError("the network refuses the rows") from error
            return np.asarray(keras.ops.convert_to_numpy(answers), np.float64).reshape(len(rows))

        return score


def _bare(node: Any) -> Any:
    """Leave out what only training needs, and numbers that are memory addresses."""
    if isinstance(node, dict):
        return {name: _bare(one) for name, one in node.items() if name not in _FLEETING}
    return [_bare(one) for one in node] if isinstance(node, list | tuple) else node


def _strange(config: Json) -> Iterator[str]:
    """Yield every class in a configuration that is not on the list."""
    queue: list[Any] = [config]
    while queue:
        here = queue.pop()
        if isinstance(here, dict):
            if "class_name" in here or "module" in here:
                name, module = str(here.get("class_name")), here.get("module")
                known = (
                    (module == "keras.layers" and name in _LAYERS)
                    or (module in _MODULES)
                    or (module is None and name == _TENSOR)
                    or (module in ("keras", "keras.src.models.functional") and name in _MODELS)
                )
                if not known or here.get("registered_name") not in (None, name):
                    yield f"{module}.{name}"
            queue += here.values()
        elif isinstance(here, list):
            queue += here
