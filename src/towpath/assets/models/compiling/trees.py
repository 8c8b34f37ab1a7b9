"""Ensembles of trees as one node of a graph, in 64 bits.

A tree compares: a threshold that is rounded to 32 bits, as general converters write it, sends a row that
lies between the two to another leaf, and the answer is another one, not a rounded one. Operator set 5 of
`ai.onnx.ml` has a node whose thresholds and leaves are 64-bit numbers; this module writes that one.
https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html. The members of scikit-learn's ensembles
that are read here are those that its own `predict` reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.execution import Link

_HISTOGRAM = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
_BOOSTING = ("GradientBoostingClassifier", "GradientBoostingRegressor")
_FORESTS = (
    "RandomForestClassifier",
    "RandomForestRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
)
_TREES = (
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ExtraTreeClassifier",
    "ExtraTreeRegressor",
)
_LINKS: dict[str, Link] = {"IdentityLink": "identity", "LogLink": "log", "LogitLink": "logit"}
_LINKS["HalfLogitLink"] = "logit"
_SUM = 1
_NO_TRANSFORM = 0
_LEQ = 0


@dataclass(slots=True)
class Trees:
    """The nodes and leaves of all trees, one after the other, as the operator wants them.

    Attributes:
        base: Added to the sum of the leaves.
        divisor: What that is divided by: the number of trees, for a mean.
        link: What makes an answer of it.
        rounds_inputs: Whether the library rounds inputs to 32 bits before it compares.
        shares_left: Which share of the training rows that came to a comparison went left. No graph needs
            it; explanations do.
    """

    base: float = 0.0
    divisor: float = 1.0
    link: Link = "identity"
    rounds_inputs: bool = True
    roots: list[int] = field(default_factory=list[int])
    columns: list[int] = field(default_factory=list[int])
    thresholds: list[float] = field(default_factory=list[float])
    missing_left: list[int] = field(default_factory=list[int])
    left: list[int] = field(default_factory=list[int])
    left_is_leaf: list[int] = field(default_factory=list[int])
    right: list[int] = field(default_factory=list[int])
    right_is_leaf: list[int] = field(default_factory=list[int])
    leaves: list[float] = field(default_factory=list[float])
    shares_left: list[float] = field(default_factory=list[float])

    def add(  # noqa: PLR0917 - the arrays of a tree, which have no meaning apart
        self,
        columns: npt.NDArray[Any],
        thresholds: npt.NDArray[Any],
        left: npt.NDArray[Any],
        right: npt.NDArray[Any],
        values: npt.NDArray[Any],
        missing_left: npt.NDArray[Any],
        is_leaf: npt.NDArray[np.bool_],
        weights: npt.NDArray[Any],
    ) -> None:
        """Append a tree, given as arrays over its nodes, the root first."""
        inner = np.cumsum(~is_leaf) - 1 + len(self.columns)
        leaf = np.cumsum(is_leaf) - 1 + len(self.leaves)
        place = np.where(is_leaf, leaf, inner)
        self.roots.append(len(self.columns))
        self.leaves += values[is_leaf].astype(float).tolist()
        if is_leaf[0]:  # a tree of one leaf: a comparison whose both ways lead there
            self._branch(0, 0.0, 0, (int(leaf[0]), 1), (int(leaf[0]), 1))
            self.shares_left.append(1.0)
            return
        for node in np.flatnonzero(~is_leaf):
            to_left, to_right = int(left[node]), int(right[node])
            self.shares_left.append(float(weights[to_left]) / float(weights[node]))
            self._branch(
                int(columns[node]),
                float(thresholds[node]),
                int(missing_left[node]),
                (int(place[to_left]), int(is_leaf[to_left])),
                (int(place[to_right]), int(is_leaf[to_right])),
            )

    def _branch(
        self,
        column: int,
        threshold: float,
        missing_left: int,
        left: tuple[int, int],
        right: tuple[int, int],
    ) -> None:
        self.columns.append(column)
        self.thresholds.append(threshold)
        self.missing_left.append(missing_left)
        self.left.append(left[0])
        self.left_is_leaf.append(left[1])
        self.right.append(right[0])
        self.right_is_leaf.append(right[1])

    def nodes(self, given: str, answer: str) -> tuple[list[Any], list[Any]]:
        """Return the graph's nodes from `(n, k) float64` to `(n, 1) float64`, and their constants."""
        from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - an extra

        made: list[Any] = []
        if self.rounds_inputs:
            made += [
                helper.make_node("Cast", [given], ["trees_rounded"], to=TensorProto.FLOAT),
                helper.make_node("Cast", ["trees_rounded"], ["trees_given"], to=TensorProto.DOUBLE),
            ]
            given = "trees_given"
        made += [
            helper.make_node(
                "TreeEnsemble",
                [given],
                ["trees_sum"],
                domain="ai.onnx.ml",
                n_targets=1,
                aggregate_function=_SUM,
                post_transform=_NO_TRANSFORM,
                tree_roots=self.roots,
                nodes_featureids=self.columns,
                nodes_splits=numpy_helper.from_array(np.array(self.thresholds), "splits"),
                nodes_modes=numpy_helper.from_array(
                    np.full(len(self.columns), _LEQ, np.uint8), "modes"
                ),
                nodes_truenodeids=self.left,
                nodes_trueleafs=self.left_is_leaf,
                nodes_falsenodeids=self.right,
                nodes_falseleafs=self.right_is_leaf,
                nodes_missing_value_tracks_true=self.missing_left,
                leaf_targetids=[0] * len(self.leaves),
                leaf_weights=numpy_helper.from_array(np.array(self.leaves), "weights"),
            ),
            helper.make_node("Div", ["trees_sum", "trees_divisor"], ["trees_mean"]),
            helper.make_node("Add", ["trees_mean", "trees_base"], [answer]),
        ]
        constants = [
            numpy_helper.from_array(np.array([self.divisor]), "trees_divisor"),
            numpy_helper.from_array(np.array([self.base]), "trees_base"),
        ]
        return made, constants


def read_trees(estimator: Any) -> Trees | None:
    """Return the trees of a fitted estimator of scikit-learn; None if it is no ensemble of trees.

    Raises:
        UsageError: It splits by sets of categories, or begins at another model's answers.
    """
    kind = type(estimator).__name__
    if type(estimator).__module__.partition(".")[0] != "sklearn":
        return None
    if kind in _HISTOGRAM:
        return _histogram(estimator)
    if kind in _BOOSTING:
        return _boosting(estimator)
    if kind in _FORESTS:
        return _averaged(estimator, estimator.estimators_)
    return _averaged(estimator, [estimator]) if kind in _TREES else None


def _histogram(estimator: Any) -> Trees:
    link = _LINKS.get(type(estimator._loss.link).__name__)  # noqa: SLF001 - as its own predict reads it
    if link is None:
        raise UsageError("its loss has a link that graphs don't know")
    trees = Trees(link=link, rounds_inputs=False)
    trees.base = float(np.ravel(estimator._baseline_prediction)[0])  # noqa: SLF001 - likewise
    for (predictor,) in estimator._predictors:  # noqa: SLF001 - likewise
        nodes = predictor.nodes
        if nodes["is_categorical"].any() or estimator.is_categorical_ is not None:
            raise UsageError("it splits by sets of categories")
        trees.add(
            nodes["feature_idx"],
            nodes["num_threshold"],
            nodes["left"],
            nodes["right"],
            nodes["value"],
            nodes["missing_go_to_left"],
            nodes["is_leaf"].astype(bool),
            nodes["count"],
        )
    return trees


def _boosting(estimator: Any) -> Trees:
    if estimator.init is not None:
        raise UsageError("it begins at another model's answers")
    is_chance = hasattr(estimator, "predict_proba")
    if is_chance and estimator.loss != "log_loss":
        raise UsageError("its loss has a link that graphs don't know")
    trees = Trees(link="logit" if is_chance else "identity")
    row = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    trees.base = float(np.ravel(estimator._raw_predict_init(row))[0])  # noqa: SLF001 - a constant without `init`
    for (tree,) in estimator.estimators_:
        _add(trees, tree.tree_, scale=estimator.learning_rate, outcome=0)
    return trees


def _averaged(estimator: Any, members: list[Any]) -> Trees:
    trees = Trees(divisor=float(len(members)))
    for member in members:
        _add(trees, member.tree_, scale=1.0, outcome=1 if hasattr(estimator, "classes_") else 0)
    return trees


def _add(trees: Trees, tree: Any, *, scale: float, outcome: int) -> None:
    trees.add(
        tree.feature,
        tree.threshold,
        tree.children_left,
        tree.children_right,
        scale * tree.value[:, 0, outcome],
        tree.missing_go_to_left,
        tree.children_left == -1,
        tree.weighted_n_node_samples,
    )
