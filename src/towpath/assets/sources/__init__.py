"""Sources: rows that live elsewhere, read in batches that a load can carry on from."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily

if TYPE_CHECKING:
    from towpath.assets.sources.contract import Batch, Reading, Source
    from towpath.assets.sources.delta import Delta
    from towpath.assets.sources.files import Files
    from towpath.assets.sources.fitting import Fitting, parse_text
    from towpath.assets.sources.geo import GeoFiles
    from towpath.assets.sources.iceberg import Iceberg
    from towpath.assets.sources.paging import Link, Number, Paging, Token
    from towpath.assets.sources.rest import Rest
    from towpath.assets.sources.sql import Sql
    from towpath.assets.sources.tabular import Format
    from towpath.assets.sources.webtable import WebTable

# Each kind of source has libraries of its own.
__getattr__ = lazily(
    __name__,
    {
        "Batch": "contract",
        "Delta": "delta",
        "Files": "files",
        "Fitting": "fitting",
        "Format": "tabular",
        "GeoFiles": "geo",
        "Iceberg": "iceberg",
        "Link": "paging",
        "Number": "paging",
        "Paging": "paging",
        "Reading": "contract",
        "Rest": "rest",
        "Source": "contract",
        "Sql": "sql",
        "Token": "paging",
        "WebTable": "webtable",
        "parse_text": "fitting",
    },
)

__all__ = [
    "Batch",
    "Delta",
    "Files",
    "Fitting",
    "Format",
    "GeoFiles",
    "Iceberg",
    "Link",
    "Number",
    "Paging",
    "Reading",
    "Rest",
    "Source",
    "Sql",
    "Token",
    "WebTable",
    "parse_text",
]
