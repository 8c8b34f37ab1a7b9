"""References: how one asset version or run is named everywhere, from the CLI to the graph.

A reference reads `kind:name@version` (`dataset:flights@7`), `kind:name` for the asset itself, or
`run:0192…` for a run. References are the nodes of the lineage graph. A data set may have branches,
each a line of versions of its own: `dataset:flights~what-if@2`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from towpath.core.errors import InvalidName

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,126}[a-z0-9])?")
_KIND = re.compile(r"[a-z][a-z_]{0,30}")
_BRANCH = "~"
_BRANCHING = frozenset({"dataset"})


def check_name(name: str, what: str = "name") -> str:
    """Return `name` if it may name an asset, project or environment.

    Raises:
        InvalidName: It is empty, longer than 128 characters, or uses anything but lower-case letters,
            digits, `-`, `_` and `.`. Names end up in URLs and object keys, so nothing else is let in.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise InvalidName(
            f"{what} {name!r} is not valid",
            remedy="Use 1 to 128 lower-case letters, digits, '-', '_' or '.', "
            "beginning and ending with a letter or digit.",
            name=str(name),
        )
    return name


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A node of the graph: an asset, one of its versions, or a run.

    Attributes:
        kind: What it is: `dataset`, `model`, `code`, `release`, `run`, `artifact`, …
        name: The asset's name, or the id of a run or artefact. A data set's may carry one branch:
            `flights~what-if`.
        version: The version number (from 1), or None for the asset as a whole and for runs.
    """

    kind: str
    name: str
    version: int | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be parsed back."""
        if not _KIND.fullmatch(self.kind):
            raise InvalidName(f"{self.kind!r} is not a kind of asset", kind=self.kind)
        name, tilde, branch = self.name.partition(_BRANCH)
        check_name(name if self.kind in _BRANCHING else self.name, f"{self.kind} name")
        if tilde:
            check_name(branch, "branch")
        if self.version is not None and self.version < 1:
            raise InvalidName(
                f"version {self.version} of {self.kind} {self.name!r} is not valid",
                remedy="Versions count from 1.",
            )

    @classmethod
    def parse(cls, text: str, kind: str | None = None) -> Self:
        """Read `kind:name@version`; with `kind` given, the bare `name@version` will do.

        Raises:
            InvalidName: The text is not a reference, or is of another kind than asked for.
        """
        head, colon, rest = text.partition(":")
        if not colon:
            if kind is None:
                raise InvalidName(f"{text!r} is not a reference", remedy="Write kind:name@version.")
            head, rest = kind, text
        if kind is not None and head != kind:
            raise InvalidName(f"{text!r} names a {head}, not a {kind}")
        name, at, number = rest.partition("@")
        if not at:
            return cls(head, name)
        if not number.isdecimal():
            raise InvalidName(
                f"{number!r} in {text!r} is not a version number", remedy="Write a whole number."
            )
        return cls(head, name, int(number))

    @property
    def trunk(self) -> str:
        """The name without its branch."""
        return self.name.partition(_BRANCH)[0]

    @property
    def branch(self) -> str | None:
        """The branch, or None on the trunk."""
        return self.name.partition(_BRANCH)[2] or None

    def on(self, branch: str | None) -> Ref:
        """Return the reference to a branch of the same asset, or with None to its trunk.

        Raises:
            InvalidName: The branch can't be called so, or the kind of asset has no branches.
        """
        return Ref(self.kind, self.trunk if branch is None else f"{self.trunk}{_BRANCH}{branch}")

    def at(self, version: int) -> Ref:
        """Return the reference to one version of the same asset."""
        return Ref(self.kind, self.name, version)

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        tail = "" if self.version is None else f"@{self.version}"
        return f"{self.kind}:{self.name}{tail}"
