"""Pages: one for every path, files by name only, a policy with a fresh nonce."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from towpath.core.errors import NotFound
from towpath.server.pages import Pages

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    root = tmp_path / "static"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text('<meta property="csp-nonce" nonce="__NONCE__">')
    (root / "favicon.svg").write_text("<svg/>")
    (root / "assets" / "index-1a2b.js").write_text("run()")
    (tmp_path / "secret.txt").write_text("secret")
    return Pages(root)


@pytest.mark.parametrize("path", ["", "/", "/models/late/3", "/runs/0192", "/favicon.png"])
def test_every_other_path_is_the_page(path: str, pages: Pages):
    response = pages.answer(path)
    assert response.media_type == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"


def test_each_answer_has_a_nonce_of_its_own(pages: Pages):
    first, second = pages.answer("/"), pages.answer("/")
    assert first.content != second.content
    nonce = first.content.decode().split('nonce="')[1].rstrip('">')
    policy = first.headers["content-security-policy"]
    assert f"'nonce-{nonce}'" in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy


def test_built_files_are_kept_for_ever_and_others_are_asked_for_again(pages: Pages):
    script = pages.answer("/assets/index-1a2b.js")
    assert script.content == b"run()"
    assert script.media_type == "text/javascript"
    assert "immutable" in script.headers["cache-control"]
    assert pages.answer("/favicon.svg").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/assets/gone.js", "/api/v1/nothing", "/api", "/assets"])
def test_a_missing_file_is_not_the_page(path: str, pages: Pages):
    with pytest.raises(NotFound):
        pages.answer(path)


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/assets/../../secret.txt", "/assets/%2e%2e/secret.txt", "//secret.txt"],
)
def test_no_path_leaves_the_folder(path: str, pages: Pages):
    try:
        content = pages.answer(path).content
    except NotFound:
        return
    assert b"secret" not in content


def test_an_installation_without_pages_says_so(tmp_path: Path):
    assert b"not built" in Pages(tmp_path / "absent").answer("/").content
