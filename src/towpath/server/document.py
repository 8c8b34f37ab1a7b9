"""The OpenAPI document as a file: what the web UI's types are generated from.

`python -m towpath.server.document ui/openapi.json` writes it; a test holds that file to be current.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import msgspec

from towpath.server.application import create_server
from towpath.server.contract import Access, Services


def openapi_document() -> bytes:
    """Return the API's OpenAPI 3.1 document, indented, in a stable order."""
    nothing = cast(Services, None)  # handlers are described here, never called
    schema: dict[str, Any] = create_server(nothing, Access()).litestar.openapi_schema.to_schema()
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=1) + b"\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(openapi_document())
