"""What commands print: data to standard output, messages to standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from towpath.trace.lineage import TraceNode, TraceTree

_ENDLESS = 60_000  # Polars counts columns in 16 bits
# A terminal folds what is too long for it. A file or a pipe gets each row on one line, uncut.
out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else _ENDLESS)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(value: object) -> None:
    """Write one JSON value and a line feed to standard output."""
    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Write rows under headings; `empty` goes to standard error where there are none."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    if table.row_count:
        out.print(table)
    else:
        err.print(empty)


def print_facts(title: str, facts: Mapping[str, object]) -> None:
    """Write a title and one aligned line per fact."""
    out.print(Text(title, "bold"))
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        out.print(f"  {name:<{width}}  {_plain(value)}", markup=False)


def print_trace(tree: TraceTree) -> None:
    """Draw a trace or an impact as a tree, and say how much there is beyond it."""
    root = Tree(_label(tree.root))
    _grow(root, tree.root)
    out.print(root, soft_wrap=False)
    if any(node.more for node in tree.root.walk()):
        counts = ", ".join(f"{count} × {kind}" for kind, count in sorted(tree.reached.items()))
        least = "" if tree.complete else "at least "
        err.print(f"not all is shown; reached in all: {least}{counts}", markup=False)


def _grow(branch: Tree, node: TraceNode) -> None:
    for child in node.children:
        _grow(branch.add(_label(child)), child)


def _label(node: TraceNode) -> Text:
    label = Text(overflow="fold")
    if node.relation:
        label.append(f"{node.relation} ", "dim")
    label.append(node.ref, "bold")
    if node.repeated:
        label.append(" (above)", "dim")
    if node.more:
        label.append(f" (and {node.more} more)", "dim")
    for name, value in node.facts.items():
        label.append(f"  {name} ", "dim").append(_plain(value))
    return label


def _plain(value: Any) -> str:
    match value:
        case float():
            return f"{value:.6g}"
        case dict():
            return ", ".join(f"{name}={_plain(one)}" for name, one in value.items())
        case list() | tuple():
            return ", ".join(_plain(one) for one in value)
        case None:
            return "–"
        case _:
            return str(value)
