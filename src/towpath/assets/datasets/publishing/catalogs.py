"""Iceberg catalogs: the home's own, and those that PyIceberg's settings name."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyiceberg.catalog import load_catalog

from towpath.core.errors import NotFound, TowpathError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from pyiceberg.catalog import Catalog

OWN = "towpath"
# Whose errors say that a catalog, or the place of its metadata, is not as it should be.
_BEHIND = ("pyiceberg", "sqlalchemy", "psycopg", "requests", "urllib3", "pyarrow", "botocore")


@contextmanager
def open_catalog(name: str, folder: Path) -> Generator[Catalog]:
    """Open a catalog for a while, and translate what it raises meanwhile.

    Args:
        name: `towpath` for an SQLite catalog in `folder`, else a name that PyIceberg's settings know
            (`~/.pyiceberg.yaml`, `PYICEBERG_CATALOG__NAME__URI`, …). Credentials stay there.
        folder: The home's folder for published metadata.

    Raises:
        NotFound: The settings know no such catalog.
        Unavailable: The catalog, or the place of its metadata, does not answer.
    """
    try:
        catalog = load_catalog(name, **_own(folder)) if name == OWN else load_catalog(name)
    except ValueError as error:
        raise NotFound(
            f"there is no Iceberg catalog {name!r}",
            remedy="Describe it in PyIceberg's settings (~/.pyiceberg.yaml or "
            f"PYICEBERG_CATALOG__{name.upper()}__URI), or use 'towpath', the home's own.",
            catalog=name,
        ) from error
    except Exception as error:
        if (explained := _explained(name, error)) is None:
            raise
        raise explained from error
    try:
        yield catalog
    except Exception as error:
        if (explained := _explained(name, error)) is None:
            raise
        raise explained from error
    finally:
        catalog.close()


def _own(folder: Path) -> dict[str, str]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder.absolute()
    return {
        "type": "sql",
        "uri": f"sqlite:///{place}/catalog.db",
        "warehouse": f"file://{place}/warehouse",
    }


def _explained(name: str, error: Exception) -> Unavailable | None:
    """Return what to raise for an error of the libraries behind a catalog; None for one of ours."""
    library = type(error).__module__.partition(".")[0]
    behind = library in _BEHIND or isinstance(error, OSError | ValueError)
    if isinstance(error, TowpathError) or not behind:
        return None
    detail = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return Unavailable(
        f"Iceberg catalog {name!r} does not answer: {detail}",
        remedy="Check its address, credentials and network, then publish again.",
        catalog=name,
    )
