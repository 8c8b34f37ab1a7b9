"""PyTorch modules: an exported graph as JSON and its weights as safetensors, never a pickle.

`torch.export` turns a module into a graph of ATen operators, so no class of the project's is needed
to serve it. What PyTorch itself writes (a `.pt2` archive) may carry pickles, guards that are Python
source, and symbolic expressions that are evaluated when read. So a package holds only the parts that
are plain data, and each is read against a list of ours:

- the graph, whose every operator must be in `ALLOWED_OPERATORS`, and whose sizes are plain symbols;
- what each weight is (shape, strides, type), of which none may be pickled;
- the weights, as safetensors.

The archive that PyTorch loads is put together here from these.

Sources: torch/_export/serde/schema.yaml; the safetensors format, "Format" section of its README.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from towpath.assets.models.flavours.documents import read_object
from towpath.assets.models.flavours.extras import load_extra
from towpath.assets.models.flavours.operators import ALLOWED_OPERATORS
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

_GRAPH, _LAYOUT, _WEIGHTS = "graph.json", "layout.json", "weights.safetensors"
_FILES = {_GRAPH, _LAYOUT, _WEIGHTS}
_ROOT = "archive"
_CONFIGS = {
    "weights": f"{_ROOT}/data/weights/model_weights_config.json",
    "constants": f"{_ROOT}/data/constants/model_constants_config.json",
}
_FOLDERS = {"weights": f"{_ROOT}/data/weights/", "constants": f"{_ROOT}/data/constants/"}
_SYMBOL = re.compile(
    r"[su]?\d+|Symbol\('[su]\d+'(, (positive|nonnegative|integer)=True)*\)"  # evaluated when read
)
_WEIGHT_FILE = re.compile(r"(weight|tensor)_\d+")


class TorchFormat:
    """`torch.nn.Module` that takes `(rows, columns) float32` and gives one number per row.

    Text columns arrive as codes, and what is missing as NaN: the module decides what becomes of them.
    What comes back from a package is the exported graph as a module, which can be trained on.
    """

    flavour: Flavour = "torch"
    library = "torch"

    def claims(self, estimator: object) -> bool:
        """Tell whether it is a module, whoever wrote its class."""
        return any(
            one.__qualname__ == "Module" and one.__module__ == "torch.nn.modules.module"
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
        """Refuse: a module is trained by a loop of the project's."""
        del estimator, inputs, features, outcome, groups
        raise UsageError(
            "a PyTorch module is not fitted here",
            remedy="Train it in your step on inputs.matrix(rows), then wrap it: "
            "Model(module, inputs=inputs, outcome=…, task=…).",
        )

    def task(self, estimator: Any, asked: Task | None) -> Task:
        """Take what the project says: a module is only numbers."""
        return agree(estimator, SCORES, asked, told=True)

    def form(self, estimator: Any) -> Form:
        """A module takes the matrix."""
        del estimator
        return "matrix"

    def width(self, estimator: Any) -> int:
        """Return the number of columns that the module says it takes, as `in_columns` or its first layer."""
        told = getattr(estimator, "in_columns", None)
        if told is not None:
            return int(told)
        for module in estimator.modules():
            if hasattr(module, "in_features"):
                return int(module.in_features)
        raise UsageError(
            f"the {type(estimator).__name__} does not say how many columns it takes",
            remedy="Set self.in_columns in its __init__.",
        )

    def dump(self, estimator: Any) -> dict[str, bytes]:
        """Export the module in evaluation mode, and keep graph and weights apart."""
        torch, safetensors = _libraries()
        archive = zipfile.ZipFile(io.BytesIO(_export(torch, estimator, self.width(estimator))))
        graph = _bare(msgspec.json.decode(archive.read(f"{_ROOT}/models/model.json")))
        layout = {
            part: msgspec.json.decode(archive.read(name))["config"]
            for part, name in _CONFIGS.items()
        }
        if trouble := _trouble(graph, layout):
            raise UsageError(
                f"the {type(estimator).__name__} can't be kept safely: {trouble}",
                remedy="Write it with ordinary layers, without control flow on values.",
            )
        weights = {
            f"{part}.{one['path_name']}": np.frombuffer(
                archive.read(_FOLDERS[part] + one["path_name"]), dtype=np.uint8
            )
            for part, members in layout.items()
            for one in members.values()
        }
        return {
            _GRAPH: canonical_json(graph),
            _LAYOUT: canonical_json(layout),
            _WEIGHTS: safetensors.numpy.save(weights),
        }

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Read the graph back as a module; an operator outside the list is refused before it is built."""
        if set(files) != _FILES:
            raise IntegrityError(f"a PyTorch package holds {sorted(_FILES)}, not {sorted(files)}")
        graph, layout = (
            read_object(files[one], "the PyTorch package") for one in (_GRAPH, _LAYOUT)
        )
        try:
            trouble = _trouble(graph, layout)
        except (KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(f"the PyTorch package can't be read: {error!r}") from error
        if trouble:
            raise IntegrityError(
                f"the PyTorch package is not safe to load: {trouble}",
                remedy="Don't use it; find out where it came from.",
            )
        torch, safetensors = _libraries()
        try:
            width = int(graph["towpath_width"])
            weights = safetensors.numpy.load(files[_WEIGHTS])
            archive = _archive(torch, graph, layout, weights, width)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of its own, about formats to come
                module = torch.export.load(io.BytesIO(archive)).module(check_guards=False)
        except Exception as error:
            raise IntegrityError(
                f"the PyTorch package can't be read ({type(error).__name__})",
                remedy="Read it with the PyTorch that wrote it, which the package names.",
            ) from error
        module.in_columns = width
        return module

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:
        """Answer without gradients. PyTorch's threads are the process's; `threads` is left to it."""
        del task, threads
        module = self.load(files)
        torch = load_extra("torch", "torch")

        def score(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            given = torch.from_numpy(rows.astype(np.float32))
            try:
                with torch.inference_mode():
                    answers = module(given)
            except (IndexError, RuntimeError) as error:  # such as a code that no embedding has
                raise ValueError("the module refuses the rows") from error
            return answers.double().numpy().reshape(len(rows))

        return score


def _libraries() -> tuple[Any, Any]:
    torch = load_extra("torch", "torch")
    load_extra("safetensors.numpy", "torch")
    return torch, load_extra("safetensors", "torch")


def _export(torch: Any, module: Any, width: int) -> bytes:
    """Return PyTorch's own archive of a module in evaluation mode, for any number of rows."""
    was_training = module.training
    module.eval() if _has_modes(module) else None
    rows = {0: torch.export.Dim("rows", min=1)}
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own, about formats to come
            program = torch.export.export(
                module, (torch.zeros(2, width),), dynamic_shapes=(rows,), strict=False
            )
            torch.export.save(program, buffer)
    except Exception as error:
        raise UsageError(
            f"the {type(module).__name__} can't be exported ({type(error).__name__})",
            remedy="It must take (rows, columns) float32 and not branch on values; see torch.export.",
        ) from error
    finally:
        if was_training and _has_modes(module):
            module.train()
    return buffer.getvalue()


def _has_modes(module: Any) -> bool:
    """Tell whether a module can change between training and evaluation: a graph that came back can't."""
    return type(module).__name__ != "GraphModule" and not hasattr(module, "_guards_fn")


def _bare(program: Json) -> Json:
    """Take out of a graph where its author's files are, guards in Python, and names of modules."""
    inner = program["graph_module"]
    for node in inner["graph"]["nodes"]:
        node["metadata"] = {}
    inner["metadata"] = {}
    inner["module_call_graph"] = inner["module_call_graph"][:1]  # the whole; parts are for tracing
    program["guards_code"] = []
    shapes = inner["graph"]["tensor_values"]
    (given,) = inner["signature"]["input_specs"][-1:]
    sizes = shapes[given["user_input"]["arg"]["as_tensor"]["name"]]["sizes"]
    program["towpath_width"] = sizes[1]["as_int"]
    return program


def _trouble(graph: Json, layout: Json) -> str:
    """Return what in a package must not be loaded; empty if nothing."""
    inner = graph["graph_module"]
    strange = {one["target"] for one in inner["graph"]["nodes"]} - ALLOWED_OPERATORS
    if strange:
        return f"it uses the operators {', '.join(sorted(map(str, strange)))}"
    if graph["guards_code"] or any(one["metadata"] for one in inner["graph"]["nodes"]):
        return "it carries code besides its operators"
    for text in _expressions(graph):
        if not _SYMBOL.fullmatch(text):
            return f"it has a size that is computed: {text!r}"
    for members in layout.values():
        for name, one in members.items():
            if one["use_pickle"] or not _WEIGHT_FILE.fullmatch(one["path_name"]):
                return f"its weight {name!r} is a pickle"
    return ""


def _expressions(node: Any) -> Iterator[str]:
    """Yield every symbolic expression, and every name of a symbol, in a graph."""
    queue = [node]
    while queue:
        here = queue.pop()
        if isinstance(here, dict):
            if "expr_str" in here:
                yield str(here["expr_str"])
            yield from map(str, here.get("range_constraints", ()))
            queue += here.values()
        elif isinstance(here, list):
            queue += here


def _archive(
    torch: Any, graph: Json, layout: Json, weights: Mapping[str, Any], width: int
) -> bytes:
    """Return the archive that PyTorch loads, made of what was checked and of nothing else."""
    program = {name: value for name, value in graph.items() if name != "towpath_width"}
    sample, buffer = io.BytesIO(), io.BytesIO()
    torch.save(((torch.zeros(2, width),), {}), sample)
    members = {
        "archive_format": b"pt2",
        "archive_version": b"0",
        "byteorder": b"little",
        ".data/version": b"6\n",
        "models/model.json": canonical_json(program),
        "data/sample_inputs/model.pt": sample.getvalue(),
    }
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(f"{_ROOT}/{name}", data)
        for part, name in _CONFIGS.items():
            archive.writestr(name, canonical_json({"config": layout[part]}))
            for one in {one["path_name"] for one in layout[part].values()}:
                archive.writestr(_FOLDERS[part] + one, weights[f"{part}.{one}"].tobytes())
    return buffer.getvalue()
