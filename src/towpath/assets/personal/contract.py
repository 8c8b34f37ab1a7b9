"""What detection of personal data says about a column, and what it never says."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal[
    "e-mail address",
    "phone number",
    "payment card",
    "bank account",
    "national id",
    "ip address",
    "person name",
]


class PersonalFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A column that looks as if it held personal data, though nobody declared it so.

    It holds no value, nor anything from which one could be told.

    Attributes:
        column: The column.
        kind: What its values look like.
        scheme: Which national scheme, where the kind has several: "US SSN".
        share: The share of the sampled values that look like it, 0 to 1.
        sampled: How many different values were looked at.
        inside: Whether they stand inside longer texts rather than being the whole value.
    """

    column: str
    kind: Kind
    scheme: str = ""
    share: float
    sampled: int
    inside: bool = False

    @property
    def says(self) -> str:
        """`column 'contact' looks like e-mail addresses (98% of 1,000 values)`."""
        what = f"{self.kind}{'es' if self.kind.endswith('ss') else 's'}"
        scheme = f", {self.scheme}" if self.scheme else ""
        verb = "has texts with" if self.inside else "looks like"
        return (
            f"column {self.column!r} {verb} {what} "
            f"({self.share:.0%} of {self.sampled:,} values{scheme})"
        )
