"""A look into artefacts, by digest or by the run and step that made them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from litestar.params import FromPath

from towpath.build.pipelines.reading.artifacts import find_artifact
from towpath.build.pipelines.reading.previewing import personal_columns, preview
from towpath.server.resources.artifacts import ArtifactColumn, ArtifactPreview
from towpath.server.routes.given import Given
from towpath.server.routes.reading import read
from towpath.server.views.values import number

if TYPE_CHECKING:
    from towpath.build.pipelines.reading.previewing import Preview


@read("/artifacts/{name:str}", tag="runs")
def show_artifact(services: Given, name: FromPath[str]) -> ArtifactPreview:
    """Show what can be shown of an artefact; `name` is a digest, `RUN.STEP` or `RUN.STEP.N`.

    A `/` in a step's name is written `:`.
    """
    found = find_artifact(services.ledger, name.replace(":", "/"))
    with services.ledger.read() as tx:
        personal = personal_columns(tx)
    return _resource(preview(found, services.blobs, personal=personal))


def _resource(shown: Preview) -> ArtifactPreview:
    data = base64.b64encode(shown.image).decode()
    columns = [
        ArtifactColumn(
            name=one.name,
            type=one.type,
            hidden=one.hidden,
            nulls=one.nulls,
            distinct=one.distinct,
            mean=number(one.mean),
            low=number(one.low) if isinstance(one.low, float) else one.low,
            high=number(one.high) if isinstance(one.high, float) else one.high,
        )
        for one in shown.columns
    ]
    head = [
        {key: number(one) if isinstance(one, float) else one for key, one in row.items()}
        for row in shown.head
    ]
    return ArtifactPreview(
        kind=shown.kind,
        digest=shown.digest,
        type=shown.type,
        codec=shown.codec,
        size_bytes=shown.size_bytes,
        rows=shown.rows,
        profiled=shown.profiled,
        columns=columns,
        head=head,
        facts=shown.facts,
        text=shown.text,
        image=f"data:{shown.media};base64,{data}" if shown.image else None,
        cut=shown.cut,
    )


HANDLERS = [show_artifact]
