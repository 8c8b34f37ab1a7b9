"""`towpath audit …` and `run list`: the log, its signatures, and what verifies against them."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_json, print_table
from towpath.core.errors import NotFound
from towpath.trace.erasure import verify_certificate

app = App(name="audit", help="The event log: read it, sign it, verify what it proves.")


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
        to: Append the statement to this file too, outside the home: an anchor.
    """
    with common.open() as home:
        with home.ledger.write(actor="audit") as tx:
            made = tx.events.checkpoint()
        if to is not None:
            with to.open("a", encoding="utf-8") as file:
                file.write(f"{made.size} {made.root} {made.at.isoformat()} {made.signature}\n")
    if common.json:
        print_json(made)
    else:
        out.print(f"{made.size} entries, root {made.root}, key {made.key_id}", highlight=False)
    return 0


@app.command
def key(*, common: Common = Common()) -> int:
    """Print the public key that verifies everything signed here (PEM)."""
    with common.open() as home:
        text = home.keyring.public_key_pem.decode()
    if common.json:
        print_json({"public_key_pem": text})
    else:
        out.file.write(text)
    return 0


@app.command
def verify(
    certificate: Path,
    /,
    *,
    public_key: Path | None = None,
    common: Common = Common(),
) -> int:
    """Check an erasure's certificate: signature, checkpoint, and proof of every event in it.

    Args:
        certificate: The file.
        public_key: The signer's public key (PEM); with it nothing else is needed. Without it, the
            home's own key is used.
    """
    for path in (certificate, public_key):
        if path is not None and not path.is_file():
            raise NotFound(f"there is no file {str(path)!r}", path=str(path))
    if public_key is not None:
        pem = public_key.read_bytes()
    else:
        with common.open() as home:
            pem = home.keyring.public_key_pem
    check = verify_certificate(certificate.read_bytes(), pem)
    if common.json:
        print_json(check)
    elif check.valid:
        out.print(f"valid: signature, checkpoint and {check.events} events", highlight=False)
    else:
        for problem in check.problems:
            err.print(f"[red]{problem}[/red]")
    return 0 if check.valid else 1


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
