"""What a certificate says, in sections: the one text that page and PDF set in type.

It says nothing that is not in the signed document. What is there for programs is counted: the log's
entries, the digests of step results and of the decision log's files, and each copy by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from towpath.core.clock import parse_time
from towpath.core.digests import digest_bytes
from towpath.core.errors import UsageError
from towpath.trace.erasure.readable.remaking import (
    membership_sections,
    remaking_sections,
)
from towpath.trace.erasure.readable.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PHASES = {
    "suppressed": "Nothing about them was taken in, served or trained on from then on",
    "acknowledged": "Every living gateway had confirmed that",
    "redacted": "Every stored version was rewritten without them",
    "purged": "What was derived or copied was deleted, or made anew without them",
    "retraining": "Each model in use that had learnt from them was being made again",
    "rolling_out": "The replacements were taking over",
    "retired": "The bytes of the old models were deleted",
    "verified": "Every stored byte was read again",
    "certified": "The sealed name was destroyed, and this was signed",
}


def read_certificate(certificate: bytes) -> dict[str, Any]:
    """Decode a certificate. Raises `UsageError` where it is none; signatures are not looked at."""
    try:
        document = msgspec.json.decode(certificate)
    except msgspec.DecodeError:
        document = None
    if not isinstance(document, dict) or document.get("towpath") != "erasure-certificate":
        raise UsageError("it is not an erasure certificate")
    return cast("dict[str, Any]", document)


def lead_of(document: Mapping[str, Any]) -> str:
    """Return what a certificate comes to, in a sentence: of whom, or of how many."""
    count, field = 1 + len(document.get("riders") or ()), document["field"]
    whom = f"one {field}" if count == 1 else f"{count:,} subjects, each one {field},"
    return f"All that was held of {whom} has been removed."


def finding_of(document: Mapping[str, Any]) -> str:
    """Return what the verification found, in a sentence."""
    residue = len(document["verification"]["residue"])
    if residue:
        return f"{residue} places held it."
    return f"Nothing of the subject{'s' if document.get('riders') else ''} was found."


def sections_of(certificate: bytes) -> list[Section]:
    """Return what a certificate says.

    Args:
        certificate: The signed document, byte for byte.

    Raises:
        UsageError: It is not one.
    """
    document = read_certificate(certificate)
    return [
        _request(document),
        *_riders(document),
        _phases(document),
        _versions(document),
        _removed(document),
        *_models(document),
        *remaking_sections(document),
        *membership_sections(document),
        _verification(document),
        _out_of_reach(document),
        _proof(document, certificate),
    ]


def _request(document: Mapping[str, Any]) -> Section:
    return Section(
        title="The request",
        text="The person or thing is named by a keyed hash. Without the key, which stays with the "
        "signer, it says nothing about anybody.",
        rows=(
            ("Erasure", document["erasure"]),
            ("Subject", f"{document['field']} {document['subject']}"),
            ("Requested", _moment(document["requested_at"])),
            ("Certified", _moment(document["certified_at"])),
        ),
        codes=(1,),
    )


def _riders(document: Mapping[str, Any]) -> Iterator[Section]:
    """Yield whoever else this certificate is for, where others withdrew at the same time."""
    rows = [
        (one["subject"], one["erasure"], _moment(one["requested_at"]))
        for one in document.get("riders") or ()
    ]
    if rows:
        yield Section(
            title="Withdrawn together",
            text="These requests came in the same moment and were fulfilled with the one above: all "
            "that this certificate says holds for each of them.",
            head=("subject", "erasure", "requested"),
            rows=tuple(rows),
            codes=(0, 1),
        )


def _phases(document: Mapping[str, Any]) -> Section:
    rows = [
        (_moment(step["at"]), step["phase"].replace("_", " "), _PHASES.get(step["phase"], ""))
        for step in (
            *document["steps"],
            {"phase": "certified", "at": document["certified_at"]},
        )
    ]
    return Section(title="What was done, and when", head=("at", "phase", ""), rows=tuple(rows))


def _versions(document: Mapping[str, Any]) -> Section:
    rows = [
        (
            one["ref"].removeprefix("dataset:"),
            str(one["revision"]),
            _count(one["rows_removed"]),
            one["before"],
            one["after"],
        )
        for dataset in document["datasets"]
        for one in dataset["versions"]
    ]
    return Section(
        title="Data-set versions",
        text="Each was rewritten in place: the number stays, the revision rises. The digests are of "
        "the whole version before and after."
        if rows
        else "No stored version held the subject.",
        head=("version", "revision", "rows removed", "digest before", "digest after"),
        rows=tuple(rows),
        codes=(0, 3, 4),
    )


def _removed(document: Mapping[str, Any]) -> Section:
    totals: Mapping[str, int] = document["totals"]
    rows = [
        (name.replace("_", " "), _size(count) if name == "bytes" else _count(count))
        for name, count in totals.items()
        if name != "residue" and count
    ]
    return Section(title="Removed altogether", rows=tuple(rows))


def _models(document: Mapping[str, Any]) -> Iterator[Section]:
    models: Sequence[Mapping[str, Any]] = document["models"]
    if not models:
        yield Section(title="Models", text="No model had learnt from the subject's data.")
        return
    rows = [
        (
            _short(one["model"]),
            ", ".join(one["services"]) or "none",
            _short(one["replacement"] or "") or "none: it served nobody",
            one["package"],
        )
        for one in models
    ]
    yield Section(
        title="Models retired, and what took their place",
        text="The package of each is deleted. Those that served were trained again by the same "
        "recipe on the redacted versions.",
        head=("model", "served", "replacement", "package deleted"),
        rows=tuple(rows),
        codes=(0, 2, 3),
    )
    rollouts = [
        (name, str(said.get("outcome") or "under way"), _said(said.get("evidence")))
        for one in models
        for name, said in (one.get("rollouts") or {}).items()
    ]
    if rollouts:
        yield Section(
            title="How the replacements came in",
            text="Each replacement passed the gates of its project before it took traffic.",
            head=("rollout", "outcome", "evidence"),
            rows=tuple(rollouts),
            codes=(0,),
        )


def _verification(document: Mapping[str, Any]) -> Section:
    scan = document["verification"]
    residue = len(scan["residue"])
    formats = ", ".join(f"{count:,} {name}" for name, count in sorted(scan["formats"].items()))
    rows = [
        ("Places read", f"{scan['places']:,}: {formats}"),
        ("Bytes read", _size(scan["size_bytes"])),
        ("Found", "nothing" if residue == 0 else f"{residue} places"),
    ]
    if scan.get("ambiguous"):
        rows.append(("Parts of others' longer names", _count(scan["ambiguous"])))
    return Section(
        title="Verification",
        text="After the last deletion every stored byte was read again and searched for the plain "
        "name, with known formats decoded cell by cell.",
        rows=tuple(rows),
    )


def _out_of_reach(document: Mapping[str, Any]) -> Section:
    told = [(str(one),) for one in document.get("out_of_reach") or ()]
    return Section(
        title="Out of reach",
        text="This certificate does not speak for:" if told else "Nothing was said to be.",
        rows=tuple(told),
    )


def _proof(document: Mapping[str, Any], certificate: bytes) -> Section:
    checkpoint = document["log"]["checkpoint"]
    return Section(
        title="Proof",
        text="The signed document is JSON. It carries each of the log's entries about this erasure, "
        "with its Merkle proof (RFC 9162) to the signed root below. Check it with the public key "
        "alone: towpath audit verify CERTIFICATE --offline --public-key KEY. This rendering proves "
        "nothing by itself.",
        rows=(
            ("Log entries proven", _count(len(document["log"]["entries"]))),
            ("Log size", _count(checkpoint["size"])),
            ("Log root", checkpoint["root"]),
            ("Signing key", document["key_id"]),
            ("Signature (Ed25519)", document["signature"]),
            ("SHA-256 of the document", digest_bytes(certificate)),
        ),
        codes=(1,),
    )


def _moment(text: str) -> str:
    return f"{parse_time(text):%Y-%m-%d %H:%M:%S} UTC"


def _count(number: int) -> str:
    return f"{number:,}"


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def _short(ref: str) -> str:
    return ref.removeprefix("model:")


def _said(evidence: object) -> str:
    """Return evidence in a line: plain values by name, and how many there are of what is nested."""
    if not isinstance(evidence, dict):
        return "" if evidence is None else str(evidence)
    parts: list[str] = []
    for key, value in cast("dict[str, object]", evidence).items():
        name = key.replace("_", " ")
        if isinstance(value, (dict, list)):
            count = len(cast("list[object]", value))
            parts.append(f"{name}: {count} {'entry' if count == 1 else 'entries'}")
        elif value is not None:
            shown = f"{value:.4g}" if isinstance(value, float) else str(value)
            parts.append(f"{name}: {shown}")
    return ", ".join(parts)


__all__ = ["Section", "finding_of", "lead_of", "read_certificate", "sections_of"]
