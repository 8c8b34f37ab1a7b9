"""`towpath audit …`: the log, its signatures and anchors, proofs for others, and what verifies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from cyclopts import App

from towpath.cli.audit_export import export
from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.core.errors import NotFound, UsageError
from towpath.ledger import Checkpoint, Statement, rotate_key, verify_log
from towpath.trace.audit import prove_consistency, prove_inclusion, verify_proof
from towpath.trace.audit.anchoring import KIND, AnchorState, anchor_name, line_of, statements_of

if TYPE_CHECKING:
    from towpath.app.home import Home
    from towpath.ledger import LogCheck

app = App(name="audit", help="The event log: read it, sign it, verify what it proves.")
app.command(export)
_ACTOR = "cli"


@app.command
def events(
    *,
    subject: str | None = None,
    limit: int = 50,
    common: Common = Common(),
) -> int:
    """Print the newest entries of the event log.

    Args:
        subject: Only entries about this reference.
        limit: How many.
    """
    with common.open() as home, home.ledger.read() as tx:
        found = tx.events.read(subject=subject, limit=limit, newest_first=True)
    if common.json:
        print_json(found)
        return 0
    rows = [
        (one.seq, f"{one.at:%Y-%m-%d %H:%M:%S}", one.actor, one.type, one.subject) for one in found
    ]
    print_table(["", "at", "actor", "event", "about"], rows, empty="the log is empty")
    return 0


@app.command
def checkpoint(*, to: Path | None = None, common: Common = Common()) -> int:
    """Sign the log as it is now, and print the signed statement.

    Args:
        to: Append the statement to this file too, outside the home: an anchor by hand.
    """
    with common.open() as home:
        made = _signed(home)
    if to is not None:
        with to.open("ab") as file:
            file.write(line_of(made))
    if common.json:
        print_json(made)
    else:
        out.print(f"{made.size} entries, root {made.root}, key {made.key_id}", highlight=False)
    return 0


@app.command
def checkpoints(*, limit: int = 50, common: Common = Common()) -> int:
    """List the signed statements about the log, newest first.

    Args:
        limit: How many.
    """
    with common.open() as home, home.ledger.read() as tx:
        found = tx.events.checkpoints(limit)
    if common.json:
        print_json(found)
        return 0
    rows = [(one.size, f"{one.at:%Y-%m-%d %H:%M:%S}", one.key_id, one.root) for one in found]
    print_table(["entries", "at", "key", "root"], rows, empty="nothing is signed yet")
    return 0


@app.command
def anchors(*, common: Common = Common()) -> int:
    """List where statements about the log are kept elsewhere, and how far each place is."""
    shown: list[dict[str, Any]] = []
    with common.open() as home, home.ledger.read() as tx:
        for address in home.settings.anchors:
            row = tx.intents.find(KIND, anchor_name(address))
            status = {} if row is None else row.status
            state = msgspec.convert(status, AnchorState)
            phase = "new" if row is None else row.phase
            shown.append({"anchor": address, "phase": phase, **msgspec.to_builtins(state)})
    if common.json:
        print_json(shown)
        return 0
    rows = [
        (one["anchor"], one["phase"], one["size"], one["at"] or "", one["error"] or "")
        for one in shown
    ]
    none = "no anchor is set; see anchors in the settings"
    print_table(["anchor", "", "entries", "at", "error"], rows, empty=none)
    return 0


@app.command
def key(*, all: Flag = False, common: Common = Common()) -> int:
    """Print the public key that verifies what is signed here (PEM).

    Args:
        all: Former keys too, newest first: they verify what was signed before a rotation.
    """
    with common.open() as home:
        ring = home.keyring
        text = (ring.public_keys_pem if all else ring.public_key_pem).decode()
    if common.json:
        print_json({"public_key_pem": text})
    else:
        out.file.write(text)
    return 0


@app.command(name="rotate-key")
def rotate(*, yes: Flag = False, common: Common = Common()) -> int:
    """Let a new key sign from now on; the present one signs that it does, and is destroyed.

    What it has signed stays verifiable. Processes that run take the new key up by themselves.

    Args:
        yes: Do it.
    """
    with common.open() as home:
        if not yes:
            raise UsageError(
                f"the key {home.keyring.key_id} would be destroyed", remedy="Add --yes to go on."
            )
        made = rotate_key(home.ledger, home.keyring, actor=_ACTOR)
    if common.json:
        print_json({"key_id": made.key_id, "since": made.since})
    else:
        out.print(f"{made.key_id} signs from entry {made.since} on", highlight=False)
    return 0


@app.command
def prove(event: int, /, *, to: Path | None = None, common: Common = Common()) -> int:
    """Print the proof that an entry is in the log: for `towpath audit verify PROOF`.

    Args:
        event: The entry's number.
        to: Write it to this file instead.
    """
    with common.open() as home:
        return _write(prove_inclusion(home.ledger, event), to)


@app.command
def consistency(
    old: int, new: int | None = None, /, *, to: Path | None = None, common: Common = Common()
) -> int:
    """Print the proof that the log of OLD entries is the beginning of that of NEW.

    Args:
        old: How many entries the older statement was about.
        new: How many the newer is about; the log as it is now, if not given.
        to: Write it to this file instead.
    """
    with common.open() as home:
        return _write(prove_consistency(home.ledger, old, new), to)


@app.command
def verify(
    document: Path | None = None,
    /,
    *,
    public_key: Path | None = None,
    offline: Flag = False,
    anchor: tuple[Path, ...] = (),
    resume: Path | None = None,
    common: Common = Common(),
) -> int:
    """Check the whole log; or check a certificate or a proof: signature, checkpoint, every entry.

    The log is held to its signed statements and to all anchors that can be read. What is found is
    named with the first entry concerned, and the exit code is 1.

    Args:
        document: A certificate, or a proof; the log itself if none is given.
        public_key: The signer's public key (PEM). A document then needs nothing else; of the log's
            keys one must be among those in the file.
        offline: Open no home and no network; needs --public-key, or key.pem beside the document.
        anchor: A file of statements that were anchored elsewhere; may be repeated.
        resume: Your own file of statements: rows before its last one are not read again, and if all
            is well the present one is added.
    """
    for path in (document, public_key, *anchor):
        if path is not None and not path.is_file():
            raise NotFound(f"there is no file {str(path)!r}", path=str(path))
    if document is not None:
        return _verify_document(document, public_key, offline=offline, common=common)
    if offline:
        raise UsageError(
            "the log is in the home", remedy="Name a document, or leave --offline out."
        )
    trusted = None if public_key is None else public_key.read_bytes()
    since = _last_of(resume)
    with common.open() as home:
        anchored = [*_anchored(home), *_in_files(anchor)]
        # Signed before it is read: what is added meanwhile is for the next time.
        made = None if resume is None else _signed(home)
        check = verify_log(home.ledger, since=since, anchored=anchored, trusted_pem=trusted)
    if check.ok and resume is not None and made is not None and made != since:
        with resume.open("ab") as file:
            file.write(line_of(made))
    return _print_check(check, common)


def _print_check(check: LogCheck, common: Common) -> int:
    if common.json:
        print_json({**msgspec.to_builtins(check), "ok": check.ok})
        return 0 if check.ok else 1
    facts: dict[str, object] = {
        "entries": check.size,
        "read": check.size - check.since,
        "statements": check.statements,
        "keys": ", ".join(check.keys) or "none yet",
        "vouched for": "by the key that you gave" if check.pinned else "by the home's own keys",
    }
    print_facts("the log holds" if check.ok else "the log does not hold", facts)
    for one in check.findings:
        stretch = "" if one.until is None else f" to {one.until - 1:,}"
        text = f"{one.trouble} at entry {one.position:,}{stretch}: {one.detail} (by {one.said_by})"
        err.print(f"[red]{text}[/red]", highlight=False)
    return 0 if check.ok else 1


def _verify_document(
    document: Path, public_key: Path | None, *, offline: bool, common: Common
) -> int:
    beside = document.parent / "key.pem"
    if public_key is None and offline:
        if not beside.is_file():
            raise UsageError(
                "offline, the signer's public key is needed", remedy="Give --public-key FILE."
            )
        public_key = beside
    if public_key is not None:
        pem = public_key.read_bytes()
    else:
        with common.open() as home:
            pem = home.keyring.public_keys_pem
    text = document.read_bytes()
    try:
        kind = msgspec.json.decode(text, type=_Kind).towpath
    except (msgspec.DecodeError, msgspec.ValidationError):
        kind = ""
    if kind.endswith("-proof"):
        check = verify_proof(msgspec.json.decode(text), pem)
        says = check.says
    else:
        from towpath.trace.erasure import verify_certificate  # brings all that erases

        check = verify_certificate(text, pem)
        says = f"signature, checkpoint and {check.events} events"
    if common.json:
        print_json({**msgspec.to_builtins(check), "valid": check.valid})
    elif check.valid:
        out.print(f"valid: {says}", highlight=False)
    else:
        for problem in check.problems:
            err.print(f"[red]{problem}[/red]")
    return 0 if check.valid else 1


class _Kind(msgspec.Struct):
    towpath: str


def _signed(home: Home) -> Checkpoint:
    with home.ledger.write(actor="audit") as tx:
        return tx.events.checkpoint()


def _anchored(home: Home) -> list[Statement]:
    """Return what the anchors that can be read hold."""
    return [
        Statement(checkpoint=one, said_by=address)
        for address, anchor in home.anchors.items()
        for one in anchor.read()
    ]


def _in_files(paths: tuple[Path, ...]) -> list[Statement]:
    return [
        Statement(checkpoint=one, said_by=str(path))
        for path in paths
        for one in statements_of(path.read_bytes().splitlines())
    ]


def _last_of(path: Path | None) -> Checkpoint | None:
    if path is None or not path.is_file():
        return None
    kept = statements_of(path.read_bytes().splitlines())
    return kept[-1] if kept else None


def _write(document: dict[str, Any], to: Path | None) -> int:
    """Print a document, or write it to a file that must not be there yet."""
    if to is None:
        print_json(document)
        return 0
    try:
        with to.open("xb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    except FileExistsError as error:
        raise UsageError(f"{to} is there already") from error
    err.print(f"written to {to}")
    return 0


def list_runs(
    *,
    kind: str | None = "pipeline",
    limit: int = 50,
    common: Common = Common(),
) -> int:
    """List runs, newest first.

    Args:
        kind: Only these: pipeline, step, evaluation, monitor or erasure.
        limit: How many.
    """
    with common.open() as home, home.ledger.read() as tx:
        found = tx.runs.list(kind=kind, limit=limit)
    if common.json:
        print_json(found)
        return 0
    rows = [
        (one.id, one.name, one.status, f"{one.started_at:%Y-%m-%d %H:%M:%S}", one.error)
        for one in found
    ]
    print_table(["run", "name", "status", "started", "error"], rows, empty="no run yet")
    return 0
