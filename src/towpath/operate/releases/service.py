"""The declaration of a service: what answers requests, with which model, under which name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.operate.decisions import Logging
    from towpath.operate.releases.recourse import Recourse


@dataclass(frozen=True, slots=True)
class Service:
    """A prediction service that the gateway answers for.

    Attributes:
        name: The name callers use in the URL (`/v2/models/NAME/infer`).
        model: The registered model whose approved versions it serves.
        subject: The field that says whom a request is about (`tailnum`); None when nobody is.
            Callers send it as the `subject` parameter; only its keyed hash is kept.
        durability: `ack` writes the decision to disk before the answer leaves; `relaxed` within a
            second after it.
        description: One line for people.
        logging: Which of its decisions are recorded, what of their inputs, and for how long; None:
            all of them, as they are, until something else removes them.
        warm_up: Rows, as columns and values, that a model must answer before it takes traffic; without
            them they are made of its signature. Made up: they are kept in the ledger as they are.
        recourse: How its answers become decisions about people, and what those can change; None: it is
            explained without either.
    """

    name: str
    model: str
    subject: str | None = None
    durability: Literal["ack", "relaxed"] = "ack"
    description: str = ""
    logging: Logging | None = None
    warm_up: tuple[Mapping[str, Any], ...] = ()
    recourse: Recourse | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be served."""
        check_name(self.name, "service name")
        check_name(self.model, "model name")
        if self.durability not in ("ack", "relaxed"):
            raise InvalidProject(
                f"service {self.name!r} asks for durability {self.durability!r}",
                remedy="Use 'ack' (durable before the answer) or 'relaxed' (within a second).",
            )
