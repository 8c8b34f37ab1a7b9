"""The UI's types are generated from a file, and the file is what the server answers."""

from __future__ import annotations

import json
from pathlib import Path

from towpath.server.document import openapi_document

COMMITTED = Path(__file__).parents[3] / "ui" / "openapi.json"


def test_the_committed_document_is_current():
    current = openapi_document()
    assert json.loads(COMMITTED.read_bytes()) == json.loads(current), (
        "run `just ui-types` and commit what changes"
    )


def test_every_operation_has_a_name_and_a_summary_line():
    document = json.loads(openapi_document())
    operations = [one for item in document["paths"].values() for one in item.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    assert all(one["description"] for one in operations)
