"""Geospatial files as a source: GeoParquet by Arrow, everything else by GDAL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import pyarrow.parquet as pq

from towpath.assets.sources.contract import Batch
from towpath.assets.sources.framing import frame_of
from towpath.assets.sources.optional import need
from towpath.assets.sources.places import find_items
from towpath.assets.sources.references import refuse_credentials, shown_place
from towpath.assets.sources.seen import Seen
from towpath.core.errors import SchemaViolation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.assets.sources.contract import Reading
    from towpath.assets.sources.places import Item
    from towpath.ledger.records import Json

_PARQUET = (".parquet", ".geoparquet", ".pq")
_LONGITUDE_LATITUDE = "OGC:CRS84"  # what GeoParquet and GeoJSON mean when they say nothing
_SAME_GROUND = ("OGC:CRS84", "EPSG:4326", "CRS84")


@dataclass(frozen=True, slots=True)
class GeoFiles:
    """Features of GeoParquet, GeoJSON, GeoPackage, FlatGeobuf or Shapefile: `GeoFiles("stops.geojson")`.

    Geometries come as well-known binary (OGC 06-103r4): declare the column `bytes`. They are not
    transformed; say which reference system you expect, and other files are refused. Incremental as
    `Files` are.

    Attributes:
        location: A path or pattern, `s3://bucket/pattern` or an `https://` address.
        layer: Which layer of a file that has several.
        geometry: What to call the column of geometries.
        crs: The reference system that is expected, such as `EPSG:4326`; None for any.
        private: Whether an address may lie in the private network.
    """

    location: str
    layer: str | None = field(default=None, kw_only=True)
    geometry: str = field(default="geometry", kw_only=True)
    crs: str | None = field(default=None, kw_only=True)
    private: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse an address with a password in it."""
        refuse_credentials(self.location, what="geospatial files")

    @property
    def kind(self) -> str:
        """See `Source.kind`."""
        return "geo"

    @property
    def incremental(self) -> bool:
        """See `Source.incremental`."""
        return not self.location.startswith(("http://", "https://"))

    def describe(self) -> Json:
        """See `Source.describe`."""
        return {"location": shown_place(self.location), "layer": self.layer, "crs": self.crs}

    def read(self, reading: Reading) -> Iterator[Batch]:
        """See `Source.read`. A file is carried on in its middle, at the feature that came next."""
        items = find_items(
            self.location, folder=reading.folder, environ=reading.environ, private=self.private
        )
        seen = Seen(reading.after, items)
        for item in seen.left():
            with item.fetch() as path:
                read = seen.rows_into(item)
                is_parquet = path.suffix.lower() in _PARQUET
                features = self._geoparquet if is_parquet else self._by_gdal
                for rows in features(path, item, reading, skip=read):
                    first, read = read, read + rows.height
                    yield Batch(
                        rows=rows,
                        origin=item.name,
                        first_row=first,
                        position=seen.within(item, read, rows.height),
                        done=seen.share(0),
                    )
            seen.finish(item)
        end = seen.at_the_end() if self.incremental else None
        yield Batch(rows=pl.DataFrame(), position=end, done=1.0)

    def _by_gdal(
        self, path: Path, item: Item, reading: Reading, *, skip: int
    ) -> Iterator[pl.DataFrame]:
        gdal = need("pyogrio.raw", what="geospatial files")
        errors = need("pyogrio.errors", what="geospatial files")
        wanted = [name for name in reading.names if name != self.geometry]
        try:
            with gdal.open_arrow(
                path,
                layer=self.layer,
                columns=wanted,
                read_geometry=self.geometry in reading.names,
                skip_features=skip,
                batch_size=reading.batch_rows,
                use_pyarrow=True,
            ) as (about, reader):
                self._check_crs(item, about["crs"])
                inner = about["geometry_name"] or "wkb_geometry"
                for batch in reader:
                    rows = frame_of(batch)
                    yield rows.rename({inner: self.geometry}, strict=False)
        except (errors.DataSourceError, errors.DataLayerError, errors.FieldError) as error:
            raise SchemaViolation(
                f"{item.name} can't be read as a geospatial file ({type(error).__name__})",
                remedy="Check its ending, and the layer's name.",
                file=item.name,
            ) from error

    def _geoparquet(
        self, path: Path, item: Item, reading: Reading, *, skip: int
    ) -> Iterator[pl.DataFrame]:
        try:
            parquet = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 22)
            about = msgspec.json.decode((parquet.schema_arrow.metadata or {})[b"geo"])
            column = about["columns"][about["primary_column"]]
        except (KeyError, msgspec.DecodeError, OSError, ValueError) as error:
            raise SchemaViolation(
                f"{item.name} is not GeoParquet: it does not say where its geometries are",
                remedy="Read it as tp.sources.Files if it has none.",
                file=item.name,
            ) from error
        if column["encoding"] != "WKB":
            raise SchemaViolation(
                f"the geometries of {item.name} are encoded as {column['encoding']}, not WKB",
                remedy="Write it with the WKB encoding.",
                file=item.name,
            )
        self._check_crs(item, _name_of(column.get("crs", _LONGITUDE_LATITUDE)))
        inner = about["primary_column"]
        names = [inner if name == self.geometry else name for name in reading.names]
        there = [name for name in names if name in parquet.schema_arrow.names]
        for batch in parquet.iter_batches(reading.batch_rows, columns=there):
            rows = frame_of(batch)
            if skip >= rows.height:
                skip -= rows.height
                continue
            yield rows[skip:].rename({inner: self.geometry}, strict=False)
            skip = 0

    def _check_crs(self, item: Item, found: str | None) -> None:
        wanted = self.crs
        if wanted is None or found == wanted:
            return
        if found in _SAME_GROUND and wanted in _SAME_GROUND:
            return
        raise SchemaViolation(
            f"{item.name} is in the reference system {found or 'that it does not name'}, not {wanted}",
            remedy="Transform it first, for instance with ogr2ogr -t_srs.",
            file=item.name,
        )


def _name_of(crs: Any) -> str | None:
    """Return `AUTHORITY:CODE` of a reference system in PROJJSON."""
    if not isinstance(crs, dict):
        return crs
    identity = crs.get("id") or {}
    return f"{identity['authority']}:{identity['code']}" if "code" in identity else crs.get("name")
