"""Which of a day's decisions are worth asking about: the least sure, a random sample, or as SQL says."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl
from polars.exceptions import PolarsError

from towpath.core.errors import InvalidProject
from towpath.operate.decisions import INPUT, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Sequence

UNCERTAIN: Final = "uncertain"
RANDOM: Final = "random"

# Quoted text and names stay as they are; `input.distance` becomes the column of that name.
_SIDE = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\b(input|output)\.([A-Za-z_]\w*)""")


@dataclass(frozen=True, slots=True)
class Sample:
    """A way to choose among decisions.

    Attributes:
        text: As it was declared.
        columns: The columns of the decision log that it looks at, `output.*` standing for all outputs.
    """

    text: str
    columns: tuple[str, ...]

    @property
    def random(self) -> bool:
        """Whether each decision that comes into question has the same chance."""
        return self.text == RANDOM

    def choose(self, rows: pl.DataFrame, most: int, *, salt: str) -> Drawn:
        """Return at most `most` of the rows, most wanted first: the same ones every time.

        Args:
            rows: Decisions with `decision_id`, and the columns that this looks at.
            most: How many are wanted.
            salt: Makes another queue's random sample another one.

        Raises:
            InvalidProject: The sample makes no sense of these rows: their outputs are no
                probabilities, or the expression names what none of them has, or is of no use as a rank.
        """
        absent = [name for name in self.columns if rows.schema.get(name) == pl.Null]
        if absent:
            raise InvalidProject(
                f"the sample {self.text!r} looks at {absent[0]!r}, which no decision has",
                remedy="Use inputs and outputs that the service's model has.",
            )
        lot = pl.Series("lot", _lots(rows["decision_id"], salt), dtype=pl.UInt64)
        if self.text == UNCERTAIN:
            return _ranked(rows, _doubt(rows), lot, most)
        if self.random:
            return _sampled(rows, lot, most)
        try:
            wanted = rows.select(wanted=_expression(self.text)).to_series()
        except PolarsError as error:
            raise InvalidProject(
                f"the sample {self.text!r} can't be applied to the decisions: {error}",
                remedy="Use inputs and outputs that the service's model has.",
            ) from error
        if wanted.dtype == pl.Boolean:
            met = wanted.fill_null(value=False)
            return _sampled(rows.filter(met), lot.filter(met), most)
        if not wanted.dtype.is_numeric():
            raise InvalidProject(
                f"the sample {self.text!r} gives {wanted.dtype}, neither a condition nor a number",
                remedy="Write a condition, such as output.late > 0.4, or a number to rank by.",
            )
        return _ranked(rows, wanted.cast(pl.Float64), lot, most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What was chosen.

    Attributes:
        rows: The decisions, most wanted first.
        weight: How many decisions each of them stands for, where they are a random sample.
    """

    rows: pl.DataFrame
    weight: float | None


def parse_sample(text: str) -> Sample:
    """Read the `sample` of a queue.

    Raises:
        InvalidProject: It is no expression, or looks at something else than inputs and outputs.
    """
    if text == UNCERTAIN:
        return Sample(text, (f"{OUTPUT}*",))
    if text == RANDOM:
        return Sample(text, ())
    try:
        names = _expression(text).meta.root_names()
    except PolarsError as error:
        raise InvalidProject(
            f"the sample {text!r} is no expression: {error}",
            remedy=f"Use {UNCERTAIN!r}, {RANDOM!r}, or SQL such as output.late > 0.4.",
        ) from error
    columns = tuple(dict.fromkeys(names))
    foreign = [name for name in columns if not name.startswith((INPUT, OUTPUT))]
    if foreign or not columns:
        raise InvalidProject(
            f"the sample {text!r} looks at {foreign[0] if foreign else 'nothing'!r}",
            remedy="Write input.NAME for what the model was given, output.NAME for what it answered.",
        )
    return Sample(text, columns)


def _expression(text: str) -> pl.Expr:
    def column(match: re.Match[str]) -> str:
        return f'"{match[1]}.{match[2]}"' if match[1] else match[0]

    return pl.sql_expr(_SIDE.sub(column, text))


def _doubt(rows: pl.DataFrame) -> pl.Series:
    """Return how unsure the model was, from 0 to 1, null where it can't be told.

    With one output, the probability's closeness to a half; with several, how near the second largest
    comes to the largest (margin sampling: Scheffer, Decomain and Wrobel 2001).
    """
    outputs = [name for name in rows.columns if name.startswith(OUTPUT)]
    chances = rows.select(pl.col(outputs).cast(pl.Float64, strict=False))
    bounds = [(chances[name].min(), chances[name].max()) for name in outputs]
    if not outputs or any(
        low is not None and high is not None and (low < 0 or high > 1)  # type: ignore[operator]
        for low, high in bounds
    ):
        raise InvalidProject(
            "the model's answers are no probabilities, so none is more uncertain than another",
            remedy="Use sample='random', or rank by an expression.",
        )
    if len(outputs) == 1:
        return chances.select(1 - 2 * (pl.col(outputs[0]) - 0.5).abs()).to_series()
    top = chances.select(
        pl.concat_list(outputs).list.drop_nulls().list.sort(descending=True)
    ).to_series()
    return 1 - (top.list.get(0, null_on_oob=True) - top.list.get(1, null_on_oob=True))


def _ranked(rows: pl.DataFrame, rank: pl.Series, lot: pl.Series, most: int) -> Drawn:
    order = pl.DataFrame({"rank": rank.fill_nan(None), "lot": lot}).with_row_index("row")
    order = order.drop_nulls("rank").sort("rank", "lot", "row", descending=[True, False, False])
    return Drawn(rows=rows[order["row"].head(most)], weight=None)


def _sampled(rows: pl.DataFrame, lot: pl.Series, most: int) -> Drawn:
    picked = lot.arg_sort()[:most]
    return Drawn(rows=rows[picked], weight=rows.height / len(picked) if len(picked) else None)


def _lots(ids: pl.Series, salt: str) -> Sequence[int]:
    """Return a number per id that anybody can work out again and nobody can steer."""
    return [
        int.from_bytes(hashlib.blake2b(f"{salt}/{one}".encode(), digest_size=8).digest())
        for one in ids
    ]
