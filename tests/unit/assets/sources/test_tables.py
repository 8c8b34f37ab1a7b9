"""Tables of other engines, geospatial files and web pages: what is special about each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import load_catalog
from pyogrio.raw import write_arrow

from towpath.assets.datasets import Column
from towpath.assets.sources import Delta, GeoFiles, Iceberg, Reading, WebTable
from towpath.assets.sources.optional import need
from towpath.core.errors import InvalidProject, NotFound, SchemaViolation, Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = (Column(name="id", type="int64"), Column(name="name", type="string"))


def table(*ids: int) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "name": [f"n{one}" for one in ids]})


def ids(source: Any, folder: Path, after: Any = None) -> tuple[list[int], Any]:
    batches = list(source.read(Reading(columns=COLUMNS, folder=folder, after=after)))
    found = [one for batch in batches if batch.rows.height for one in batch.rows["id"]]
    return sorted(found), batches[-1].position


# -- Delta ---------------------------------------------------------------------------------------------


def test_a_delta_table_that_changed_is_read_again(tmp_path: Path):
    place = tmp_path / "t"
    deltalake.write_deltalake(place, table(1, 2, 3))
    found, position = ids(Delta("t"), tmp_path)
    deltalake.write_deltalake(place, table(4), mode="append")
    assert ids(Delta("t"), tmp_path, position)[0] == [4]
    deltalake.DeltaTable(place).delete("id = 2")
    again, position = ids(Delta("t"), tmp_path, position)
    assert (found, again) == ([1, 2, 3], [1, 3, 4])
    assert ids(Delta("t"), tmp_path, position)[0] == []
    assert ids(Delta("t", version=0), tmp_path) == ([1, 2, 3], None)


def test_a_delta_load_keeps_to_the_version_it_began_with(tmp_path: Path):
    place = tmp_path / "t"
    for one in (1, 2, 3):
        deltalake.write_deltalake(place, table(one), mode="append")
    batches = list(Delta("t").read(Reading(columns=COLUMNS, folder=tmp_path)))
    first = next(one.position for one in batches if one.position is not None)
    deltalake.write_deltalake(place, table(4), mode="append")
    rest, end = ids(Delta("t"), tmp_path, first)
    assert len(rest) == 2
    assert 4 not in rest
    assert ids(Delta("t"), tmp_path, end)[0] == [4]


def test_a_delta_table_that_is_not_there(tmp_path: Path):
    with pytest.raises(NotFound, match="no Delta table"):
        ids(Delta("nothing"), tmp_path)
    deltalake.write_deltalake(tmp_path / "t", table(1))
    with pytest.raises(Unavailable, match="at version 7"):
        ids(Delta("t", version=7), tmp_path)


# -- Iceberg -------------------------------------------------------------------------------------------


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Any]:
    properties = {
        "type": "sql",
        "uri": f"sqlite:///{tmp_path}/c.db",
        "warehouse": f"file://{tmp_path}/w",
    }
    opened = load_catalog("default", **properties)
    opened.create_namespace("shop")
    yield opened
    opened.close()


def orders(tmp_path: Path, **options: Any) -> Iceberg:
    properties = {"type": "sql", "uri": f"sqlite:///{tmp_path}/c.db"}
    return Iceberg("shop.orders", {**properties, "warehouse": f"file://{tmp_path}/w"}, **options)


def test_an_iceberg_table_that_changed_is_read_again(catalog: Any, tmp_path: Path):
    made = catalog.create_table("shop.orders", schema=table(1).schema)
    assert ids(orders(tmp_path), tmp_path) == ([], {"snapshot": None})
    made.append(table(1, 2, 3))
    _, position = ids(orders(tmp_path), tmp_path)
    first = made.current_snapshot().snapshot_id
    made.append(table(4))
    made.append(table(5))
    assert ids(orders(tmp_path), tmp_path, position)[0] == [4, 5]
    made.delete("id = 2")
    again, position = ids(orders(tmp_path), tmp_path, position)
    assert again == [1, 3, 4, 5]
    assert ids(orders(tmp_path), tmp_path, position)[0] == []
    assert ids(orders(tmp_path, snapshot=first), tmp_path) == ([1, 2, 3], None)


def test_an_iceberg_load_keeps_to_the_snapshot_it_began_with(catalog: Any, tmp_path: Path):
    made = catalog.create_table("shop.orders", schema=table(1).schema)
    for one in (1, 2, 3):
        made.append(table(one))
    batches = list(orders(tmp_path).read(Reading(columns=COLUMNS)))
    first = next(one.position for one in batches if one.position is not None)
    made.append(table(4))
    rest, end = ids(orders(tmp_path), tmp_path, first)
    assert len(rest) == 2
    assert 4 not in rest
    assert ids(orders(tmp_path), tmp_path, end)[0] == [4]


def test_an_iceberg_table_that_is_not_there(catalog: Any, tmp_path: Path):
    with pytest.raises(NotFound, match=r"no table 'shop\.orders'"):
        ids(orders(tmp_path), tmp_path)
    with pytest.raises(Unavailable, match="does not answer"):
        ids(Iceberg("shop.orders", {"type": "nonsense"}), tmp_path)
    with pytest.raises(InvalidProject, match=r"namespace\.name"):
        Iceberg("orders")


# -- geospatial ----------------------------------------------------------------------------------------

POINT = bytes.fromhex("0101000000000000000000f03f0000000000000040")
STOPS = (
    Column(name="name", type="string"),
    Column(name="shape", type="binary", nullable=True),
)


def stops() -> pa.Table:
    return pa.table({"name": ["a", "b"], "geometry": pa.array([POINT, None], pa.binary())})


def write_with_gdal(path: Path, driver: str, crs: str | None) -> None:
    write_arrow(
        stops().slice(0, 1) if driver == "FlatGeobuf" else stops(),  # it has no place for none
        path,
        driver=driver,
        geometry_name="geometry",
        geometry_type="Point",
        crs=crs,
    )


def write_geoparquet(path: Path, **column: Any) -> None:
    told = {"encoding": "WKB", "geometry_types": ["Point"], **column}
    about = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": told}}
    pq.write_table(stops().replace_schema_metadata({"geo": json.dumps(about)}), path)


def shapes(source: GeoFiles, folder: Path) -> list[Any]:
    batches = source.read(Reading(columns=STOPS, folder=folder))
    rows = pl.concat([one.rows for one in batches if one.rows.height])
    return rows.select("name", "shape").rows()


@pytest.mark.parametrize("name", ["s.geojson", "s.gpkg", "s.fgb", "s.parquet"])
def test_geometries_come_as_well_known_binary(tmp_path: Path, name: str):
    drivers = {"geojson": "GeoJSON", "gpkg": "GPKG", "fgb": "FlatGeobuf"}
    if name.endswith("parquet"):
        write_geoparquet(tmp_path / name)
    else:
        write_with_gdal(tmp_path / name, drivers[name[2:]], "EPSG:4326")
    found = sorted(shapes(GeoFiles(name, geometry="shape"), tmp_path))
    assert found == [("a", POINT), ("b", None)][: len(found)]
    assert len(found) == (1 if name.endswith("fgb") else 2)


def test_a_reference_system_that_is_not_expected_is_refused(tmp_path: Path):
    write_with_gdal(tmp_path / "m.gpkg", "GPKG", "EPSG:3857")
    assert shapes(GeoFiles("m.gpkg", geometry="shape", crs="EPSG:3857"), tmp_path)
    with pytest.raises(
        SchemaViolation, match="is in the reference system EPSG:3857, not EPSG:4326"
    ):
        shapes(GeoFiles("m.gpkg", geometry="shape", crs="EPSG:4326"), tmp_path)


def test_longitude_and_latitude_have_several_names(tmp_path: Path):
    write_geoparquet(tmp_path / "a.parquet")
    write_geoparquet(tmp_path / "b.parquet", crs={"id": {"authority": "EPSG", "code": 4326}})
    for crs in ("EPSG:4326", "OGC:CRS84", None):
        assert len(shapes(GeoFiles("*.parquet", geometry="shape", crs=crs), tmp_path)) == 4


def test_parquet_that_is_not_geospatial_is_named(tmp_path: Path):
    pq.write_table(stops(), tmp_path / "plain.parquet")
    with pytest.raises(SchemaViolation, match=r"plain\.parquet is not GeoParquet"):
        shapes(GeoFiles("plain.parquet", geometry="shape"), tmp_path)
    write_geoparquet(tmp_path / "other.parquet", encoding="point")
    with pytest.raises(SchemaViolation, match="encoded as point, not WKB"):
        shapes(GeoFiles("other.parquet", geometry="shape"), tmp_path)
    (tmp_path / "broken.geojson").write_text('{"type": "secret"')
    with pytest.raises(SchemaViolation, match=r"broken\.geojson can't be read") as caught:
        shapes(GeoFiles("broken.geojson", geometry="shape"), tmp_path)
    assert "secret" not in str(caught.value)


# -- web pages -----------------------------------------------------------------------------------------

PAGE = b"""<html><body>
<table id="menu"><tr><td>Home</td></tr></table>
<table><caption>Cities</caption>
<tr><th rowspan="2">id</th><th colspan="2">name</th></tr>
<tr><th>short</th><th>long</th></tr>
<tr><td>007</td><td> A </td><td>Aa</td></tr>
<tr><td>008</td><td colspan="2">B</td></tr>
<tr><td></td><td>NA</td><td>-</td></tr>
</table></body></html>"""


def cells(source: WebTable, *names: str) -> list[Any]:
    columns = tuple(Column(name=name, type="string", nullable=True) for name in names)
    [batch] = source.read(Reading(columns=columns))
    return batch.rows.select(names).rows()


def test_headings_and_cells_may_span(scripted: Any):
    scripted.says("/p", (200, {}, PAGE))
    found = cells(
        WebTable(f"{scripted.url}/p", match="Aa", header=2), "id", "name short", "name long"
    )
    assert found == [("007", "A", "Aa"), ("008", "B", "B"), (None, None, "-")]


def test_a_table_is_found_by_what_is_in_it_or_by_its_place(scripted: Any):
    scripted.says("/p", (200, {}, b"<table><tr><th>x</th></tr><tr><td>1</td></tr></table>" * 2))
    assert cells(WebTable(f"{scripted.url}/p", place=1), "x") == [("1",)]
    with pytest.raises(SchemaViolation, match="has 2 tables, and number 2 was asked for"):
        cells(WebTable(f"{scripted.url}/p", place=2), "x")
    with pytest.raises(SchemaViolation, match="has no table with 'nothing' in it"):
        cells(WebTable(f"{scripted.url}/p", match="nothing"), "x")
    scripted.says("/p", (200, {}, b"<p>none</p>"))
    with pytest.raises(SchemaViolation, match=r"has no table$|has no table\."):
        cells(WebTable(f"{scripted.url}/p"), "x")


@pytest.mark.parametrize(
    "declare", [lambda: WebTable("x.html"), lambda: WebTable("https://x.org", header=0)]
)
def test_a_page_that_can_not_be_read_is_refused_when_it_is_declared(declare: Any):
    with pytest.raises(InvalidProject):
        declare()


def test_a_package_that_is_missing_is_named_with_the_way_to_get_it():
    with pytest.raises(UsageError, match=r"pip install 'towpath\[sources\]'"):
        need("no_such_package_here.at_all", what="such a thing")
