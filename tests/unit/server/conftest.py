from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from seeded_artifacts import seed_artifact
from seeded_data import seed_data
from seeded_home import SeededHome, seed_home
from seeded_labels import seed_labels
from seeded_runs import seed_runs
from seeded_searches import seed_searches
from seeded_spend import seed_spend
from served import served

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededHome]:
    """A home that has lived through the loop; read it, don't change it."""
    folder = tmp_path_factory.mktemp("home")
    seeded = seed_home(folder, days=12, per_day=4)
    seed_data(seeded, folder)
    seed_labels(seeded, folder)
    seed_runs(seeded)
    seeded.searches += seed_searches(seeded)
    seed_spend(seeded)
    yield seeded
    seeded.close()


@pytest.fixture(scope="session")
def artifact(home: SeededHome) -> str:
    """The digest of a table that a step made."""
    return seed_artifact(home)


@pytest.fixture(scope="session")
def url(home: SeededHome) -> Iterator[str]:
    with served(home.services) as url:
        yield url


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def get(client: httpx.Client) -> Any:
    """Ask the API for something that is there."""

    def get(path: str, **params: Any) -> Any:
        answer = client.get(f"/api/v1{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get
