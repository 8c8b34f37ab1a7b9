"""`towpath bundle …`: a service's champion as a folder that a gateway elsewhere can serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from towpath.cli.options import Common
from towpath.cli.printing import out, print_json
from towpath.operate.exports import install_bundle, write_bundle

app = App(name="bundle", help="A service's champion as a folder: create, install.")
_To = Annotated[Path, Parameter(name=["--to", "-t"])]


@app.command
def create(service: str, /, *, to: _To, common: Common = Common()) -> int:
    """Write the champion of a service, and what its route says of it, into a folder.

    A copy of a model that leaves the home is out of reach of an erasure: the log says that it was made.

    Args:
        service: The service's name.
        to: The folder.
    """
    with common.open() as home:
        made = write_bundle(
            home.ledger,
            home.blobs,
            home.keyring,
            environment=home.settings.environment,
            service=service,
            folder=to,
        )
    if common.json:
        print_json(made)
    else:
        out.print(f"{made.model} of {made.service} in {to}", highlight=False)
    return 0


@app.command
def install(folder: Path, /, *, common: Common = Common()) -> int:
    """Have the home's gateway serve a bundle. The home is made if it is not there.

    Args:
        folder: The bundle; only read.
    """
    from towpath.app.home import open_home

    with open_home(common.place()) as home:
        made = install_bundle(
            folder, home.ledger, home.blobs, home.keyring, home.settings.environment
        )
    if common.json:
        print_json(made)
    else:
        out.print(
            f"{made.service} is answered by {made.origin}, here {made.model}", highlight=False
        )
    return 0
