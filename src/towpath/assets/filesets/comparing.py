"""What a folder would be as a version, without storing any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.suppression import asking
from towpath.assets.filesets.listing import list_source
from towpath.assets.filesets.rows import describe, with_files
from towpath.assets.filesets.storing import Hashing, Known

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from towpath.assets.filesets.changing import Base
    from towpath.assets.filesets.declaration import FileSet
    from towpath.assets.filesets.parts import Parts


def rows_of_source(parts: Parts, fileset: FileSet, source: Path | str, base: Base) -> pl.DataFrame:
    """Return the rows that an add would commit on top of a version.

    Reads what the stat cache can't vouch for, and remembers it for the add.
    """
    listing = list_source(source)
    cache = parts.open_cache(fileset.name, listing.root)
    known = Known(files={file.path: file for file in listing.files})
    hashing = Hashing(cache, known, None)
    hashing.recall()
    hashing.read([path for path in known.files if path not in known.digests])
    cache.save()
    described = describe(fileset, list(known.files), given=None, before=base.rows)
    wanted = base.suppression.filter(
        fileset.dataset, described, parts.keyring, among=asking(parts.ledger)
    )
    return with_files(wanted, known.files, known.digests, base.rows)
