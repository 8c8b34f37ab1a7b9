"""What a column's name suggests that it holds."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from towpath.assets.personal.contract import Kind

_WORDS: dict[Kind, frozenset[str]] = {
    "e-mail address": frozenset({"email", "mail", "emails"}),
    "phone number": frozenset(
        {"phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "fax", "whatsapp"}
        | {"msisdn", "telefon", "telefono", "handy"}
    ),
    "payment card": frozenset({"card", "creditcard", "cc", "pan", "ccn"}),
    "bank account": frozenset({"iban"}),
    "national id": frozenset(
        {"ssn", "social", "nino", "dni", "nie", "nif", "nir", "insee", "bsn", "cpf", "aadhaar"}
        | {"sin", "pesel", "personnummer", "passport", "taxid", "tin", "nationalid"}
    ),
    "ip address": frozenset({"ip", "ipv4", "ipv6", "ipaddress", "ipaddr"}),
    "person name": frozenset(
        {"firstname", "lastname", "surname", "forename", "fullname", "givenname", "familyname"}
        | {"fname", "lname", "middlename", "maiden", "nachname", "vorname", "prenom", "apellido"}
    ),
}
_PEOPLE = frozenset(
    {"customer", "client", "patient", "passenger", "driver", "rider", "employee", "staff", "user"}
    | {"member", "contact", "person", "author", "owner", "holder", "guest", "student", "teacher"}
    | {"doctor", "physician", "agent", "recipient", "sender", "buyer", "seller", "applicant"}
    | {"borrower", "beneficiary", "subscriber", "tenant", "visitor", "player", "citizen"}
)
# A phone_id numbers phones, and a card_type says which kind of card.
_ABOUT = frozenset({"id", "ids", "key", "type", "kind", "code", "count", "flag", "status", "index"})
_PARTS_OF_NAMES = frozenset({"first", "last", "given", "family", "full", "middle"})


def suggests(column: str, kind: Kind) -> bool:
    """Tell whether a column's name suggests a kind: `contact_email`, `customerName`, `ssn`."""
    words = _split(column)
    if not words or (words[-1] in _ABOUT and kind != "national id"):
        return False
    joined = {one + two for one, two in pairwise(words)}
    if _WORDS[kind].intersection({*words, *joined}):
        return True
    if kind == "person name" and "name" in words:
        return bool({*_PEOPLE, *_PARTS_OF_NAMES}.intersection(words))
    return False


def _split(column: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]
