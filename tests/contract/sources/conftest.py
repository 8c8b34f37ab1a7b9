"""Sources of every kind over the same rows, each in a real file, database, table or server."""

from __future__ import annotations

import gzip
import json
import sqlite3
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import polars as pl
import psycopg
import pyarrow as pa
import pytest

from towpath.assets.datasets import Schema
from towpath.assets.sources import (
    Delta,
    Files,
    GeoFiles,
    Iceberg,
    Number,
    Rest,
    Source,
    Sql,
    Token,
    WebTable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

START = datetime(2024, 1, 1, tzinfo=UTC)


class Order(Schema):
    """What each source holds; `note` is null in every third row."""

    id: int
    at: datetime
    amount: float
    paid: bool
    note: str | None


def orders(first: int, count: int) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "id": list(numbers),
            "at": [START + timedelta(minutes=n) for n in numbers],
            "amount": [n / 4 for n in numbers],
            "paid": [n % 2 == 0 for n in numbers],
            "note": [None if n % 3 == 0 else f"note, {n}" for n in numbers],
        },
        schema=Order.polars_schema(),
    )


@dataclass
class Place:
    """Where rows are.

    Attributes:
        source: Reads them.
        add: Puts further rows there.
        environ: What its references stand for.
        folder: What its paths are relative to.
    """

    source: Source
    add: Callable[[pl.DataFrame], object]
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)


class Served:
    """A web server on loopback whose answers a test decides."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.pages: Callable[[str, dict[str, str]], tuple[bytes, dict[str, str]]] | None = None
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                served.asked.append(self.path)
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                assert served.pages is not None
                body, headers = served.pages(parts.path, query)
                self.send_response(200)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, rows: pl.DataFrame) -> None:
        at = rows["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        self.rows += rows.with_columns(at).to_dicts()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def served() -> Iterator[Served]:
    server = Served()
    yield server
    server.close()


# -- one function per kind ---------------------------------------------------------------------------


def as_csv(rows: pl.DataFrame) -> bytes:
    return rows.write_csv().encode()


def as_json_lines(rows: pl.DataFrame) -> bytes:
    at = rows["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return rows.with_columns(at).write_ndjson().encode()


def as_arrow(rows: pl.DataFrame) -> bytes:
    sink = pa.BufferOutputStream()
    table = rows.to_arrow()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=40)
    return sink.getvalue().to_pybytes()


def as_parquet(rows: pl.DataFrame) -> bytes:
    import io

    file = io.BytesIO()
    rows.write_parquet(file, row_group_size=40)
    return file.getvalue()


FORMATS = {
    "parquet": (".parquet", as_parquet),
    "csv": (".csv", as_csv),
    "csv-packed": (".csv.gz", lambda rows: gzip.compress(as_csv(rows))),
    "jsonl": (".jsonl", as_json_lines),
    "arrow": (".arrow", as_arrow),
}


def files(name: str, folder: Path) -> Place:
    ending, encode = FORMATS[name]
    count = iter(range(1000))

    def add(rows: pl.DataFrame) -> None:
        (folder / "in").mkdir(exist_ok=True)
        (folder / "in" / f"part-{next(count):03}{ending}").write_bytes(encode(rows))

    return Place(source=Files(f"in/*{ending}"), add=add, folder=folder)


def sqlite(folder: Path) -> Place:
    def add(rows: pl.DataFrame) -> None:
        with sqlite3.connect(folder / "shop.db") as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS orders (id INTEGER, at TEXT, amount NUMERIC, "
                "paid INTEGER, note TEXT, ignored BLOB)"
            )
            texts = rows.with_columns(pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S"))
            connection.executemany("INSERT INTO orders VALUES (?,?,?,?,?,x'00')", texts.rows())
        connection.close()

    source = Sql("sqlite:///shop.db", "SELECT * FROM orders", cursor="at")
    return Place(source=source, add=add, folder=folder)


def postgres(folder: Path, url: str) -> Place:
    def add(rows: pl.DataFrame) -> None:
        with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS orders (id bigint, at timestamptz, "
                "amount numeric(12, 2), paid boolean, note text)"
            )
            cursor.executemany("INSERT INTO orders VALUES (%s,%s,%s,%s,%s)", rows.rows())

    return Place(
        source=Sql("postgresql:${ORDERS_DB}", "orders", cursor="id"),
        add=add,
        folder=folder,
        environ={"ORDERS_DB": url.removeprefix("postgresql:")},
    )


def rest_by_link(folder: Path, served: Served) -> Place:
    def pages(path: str, query: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        since = query.get("since", "")
        found = [row for row in served.rows if row["at"] >= since]
        at = int(query.get("from", 0))
        headers = {}
        if at + 50 < len(found):
            rest = f"&since={since}" if since else ""
            headers["Link"] = f'<{path}?from={at + 50}{rest}>; rel="next"'
        return json.dumps(found[at : at + 50]).encode(), headers

    served.pages = pages
    source = Rest(
        f"{served.url}/orders",
        headers={"X-Api-Key": "${ORDERS_KEY}"},
        cursor="at",
        since="since",
    )
    return Place(source=source, add=served.add, folder=folder, environ={"ORDERS_KEY": "hidden-key"})


def rest_by_token(folder: Path, served: Served) -> Place:
    def pages(_path: str, query: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        found = [row for row in served.rows if row["id"] >= int(query.get("min_id", -1))]
        at = int(query.get("after", "t0")[1:])
        token = f"t{at + 50}" if at + 50 < len(found) else None
        wrapped = [{"order": row} for row in found[at : at + 50]]
        return json.dumps({"data": {"orders": wrapped}, "meta": {"next": token}}).encode(), {}

    served.pages = pages
    source = Rest(
        f"{served.url}/orders",
        records="data.orders",
        paging=Token("after", at="meta.next"),
        cursor="order.id",
        since="min_id",
    )
    return Place(source=source, add=served.add, folder=folder)


def rest_by_number(folder: Path, served: Served) -> Place:
    def pages(_path: str, query: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        at, size = int(query["offset"]), int(query["limit"])
        return json.dumps({"items": served.rows[at : at + size]}).encode(), {}

    served.pages = pages
    paging = Number("offset", size_param="limit", size=40, start=0, of_rows=True)
    source = Rest(f"{served.url}/orders", records="items", paging=paging)
    return Place(source=source, add=served.add, folder=folder)


def iceberg(folder: Path) -> Place:
    from pyiceberg.catalog import load_catalog

    properties = {
        "type": "sql",
        "uri": f"sqlite:///{folder}/catalog.db",
        "warehouse": f"file://{folder}/warehouse",
    }

    def add(rows: pl.DataFrame) -> None:
        catalog = load_catalog("shop", **properties)
        catalog.create_namespace_if_not_exists("shop")
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        catalog.create_table_if_not_exists("shop.orders", schema=table.schema).append(table)
        catalog.close()

    return Place(source=Iceberg("shop.orders", properties, name="shop"), add=add, folder=folder)


def delta(folder: Path) -> Place:
    import deltalake

    def add(rows: pl.DataFrame) -> None:
        table = rows.with_columns(pl.col("id").mod(3).alias("part"))
        deltalake.write_deltalake(folder / "orders", table, mode="append", partition_by=["part"])

    return Place(source=Delta("orders"), add=add, folder=folder)


def web_file(folder: Path, served: Served) -> Place:
    def pages(path: str, _query: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        assert path == "/orders.jsonl"
        return ("\n".join(map(json.dumps, served.rows)) + "\n").encode(), {}

    served.pages = pages
    return Place(source=Files(f"{served.url}/orders.jsonl"), add=served.add, folder=folder)


def web_table(folder: Path, served: Served) -> Place:
    def pages(_path: str, _query: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        names = ["id", "at", "amount", "paid", "note"]
        cells = "".join(
            "<tr>"
            + "".join(f"<td> {'' if row[n] is None else row[n]} </td>" for n in names)
            + "</tr>"
            for row in served.rows
        )
        head = "".join(f"<th>{name}</th>" for name in names)
        page = (
            "<table><tr><th>menu</th></tr><tr><td>none</td></tr></table>"
            f"<table><tr>{head}</tr>{cells}</table>"
        )
        return page.encode(), {"Content-Type": "text/html"}

    served.pages = pages
    return Place(source=WebTable(served.url, match="amount"), add=served.add, folder=folder)


def bucket(folder: Path, url: str) -> Place:
    import obstore
    from obstore.store import S3Store

    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    store = S3Store(parts.netloc, config=query, client_options={"allow_http": True})
    count = iter(range(1000))

    def add(rows: pl.DataFrame) -> None:
        obstore.put(store, f"orders/part-{next(count)}.parquet", as_parquet(rows))

    address = (
        f"s3://{parts.netloc}/orders/*.parquet?endpoint={query['endpoint']}&region=us-east-1"
        "&access_key_id=test&secret_access_key=${ORDERS_SECRET}"
    )
    return Place(source=Files(address), add=add, folder=folder, environ={"ORDERS_SECRET": "test"})


def geo(name: str, folder: Path) -> Place:
    from pyogrio.raw import write_arrow

    count = iter(range(1000))
    point = bytes.fromhex("0101000000000000000000f03f0000000000000040")
    ending, driver = {"geojson": (".geojson", "GeoJSON"), "gpkg": (".gpkg", "GPKG")}[name]

    def add(rows: pl.DataFrame) -> None:
        at = rows["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        table = rows.with_columns(at, pl.lit(point).alias("geometry")).to_arrow(
            compat_level=pl.CompatLevel.oldest()
        )
        write_arrow(
            table,
            folder / f"stops-{next(count)}{ending}",
            driver=driver,
            geometry_name="geometry",
            geometry_type="Point",
            crs="EPSG:4326",
        )

    return Place(source=GeoFiles(f"stops-*{ending}"), add=add, folder=folder)


KINDS: dict[str, tuple[Callable[..., Place], tuple[str, ...]]] = {
    **{name: (lambda folder, name=name: files(name, folder), ()) for name in FORMATS},
    "s3": (bucket, ("s3_url",)),
    "web-file": (web_file, ("served",)),
    "sqlite": (sqlite, ()),
    "postgres": (postgres, ("empty_pg_url",)),
    "rest-link": (rest_by_link, ("served",)),
    "rest-token": (rest_by_token, ("served",)),
    "rest-number": (rest_by_number, ("served",)),
    "iceberg": (iceberg, ()),
    "delta": (delta, ()),
    "geojson": (lambda folder: geo("geojson", folder), ()),
    "gpkg": (lambda folder: geo("gpkg", folder), ()),
    "webtable": (web_table, ("served",)),
}
MARKS = {"s3": pytest.mark.s3, "postgres": pytest.mark.postgres}


@pytest.fixture(params=[pytest.param(name, marks=MARKS.get(name, ())) for name in KINDS])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place of every kind, with 120 rows in it."""
    make, wanted = KINDS[request.param]
    made = make(tmp_path, *(request.getfixturevalue(name) for name in wanted))
    made.add(orders(0, 120))
    return made


@pytest.fixture
def make_orders() -> Callable[[int, int], pl.DataFrame]:
    return orders


@pytest.fixture
def order_columns() -> tuple[Any, ...]:
    return Order.columns()
