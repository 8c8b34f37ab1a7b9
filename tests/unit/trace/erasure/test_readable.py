"""A certificate is readable as a page and as a PDF, which say what it says and carry it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from missing import missing

from towpath.core.errors import UsageError
from towpath.trace.erasure.readable import as_page, as_pdf, sections_of

GOLDEN = Path(__file__).parent / "golden"
CERTIFICATE = (GOLDEN / "certificate.json").read_bytes()
DOCUMENT: dict[str, Any] = json.loads(CERTIFICATE)


def facts() -> list[str]:
    """Return what must be legible in any form."""
    versions = [one for data in DOCUMENT["datasets"] for one in data["versions"]]
    return [
        DOCUMENT["erasure"],
        DOCUMENT["subject"],
        *(one[side] for one in versions for side in ("before", "after")),
        *(one["model"].removeprefix("model:") for one in DOCUMENT["models"]),
        DOCUMENT["log"]["checkpoint"]["root"],
        DOCUMENT["signature"],
        "Nothing of the subject was found",
    ]


def test_sections_say_all_that_the_document_says() -> None:
    titles = [one.title for one in sections_of(CERTIFICATE)]
    assert titles[0] == "The request"
    assert titles[-1] == "Proof"
    assert "Models retired, and what took their place" in titles


def test_a_page_stands_alone_and_carries_the_document() -> None:
    page = as_page(CERTIFICATE)
    for fact in facts():
        assert fact in page
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    carried = re.search(r"data:application/json;base64,([A-Za-z0-9+/=]+)", page)
    assert carried is not None
    assert base64.b64decode(carried[1]) == CERTIFICATE


def test_whoever_withdrew_in_the_same_moment_finds_their_hash() -> None:
    riders = [
        {
            "erasure": f"e{place}",
            "subject": f"{place:032x}",
            "requested_at": DOCUMENT["requested_at"],
        }
        for place in range(2)
    ]
    page = as_page(json.dumps({**DOCUMENT, "riders": riders}).encode())
    assert "All that was held of 3 subjects, each one tailnum, has been removed." in page
    assert "Nothing of the subjects was found." in page
    for one in riders:
        assert one["subject"] in page
        assert one["erasure"] in page
    assert "Withdrawn together" not in as_page(CERTIFICATE)


def test_names_are_text_on_a_page() -> None:
    document = json.loads(CERTIFICATE)
    document["field"] = "<img src=x onerror=alert(1)>"
    document["out_of_reach"] = ["copies of <b>late</b>"]
    page = as_page(json.dumps(document).encode())
    assert "<img" not in page
    assert "<b>" not in page
    assert "copies of &lt;b&gt;late&lt;/b&gt;" in page


@pytest.mark.parametrize("given", [b"", b"{}", b'{"towpath": "bundle"}', b"[1]"])
def test_what_is_no_certificate_is_refused(given: bytes) -> None:
    with pytest.raises(UsageError):
        as_page(given)


def test_a_pdf_says_what_the_document_says_and_carries_it() -> None:
    try:
        import fpdf  # noqa: F401
        from pypdf import PdfReader
    except ImportError:
        missing("fpdf2 and pypdf are not installed")
    made = as_pdf(CERTIFICATE)
    assert made == as_pdf(CERTIFICATE)  # the same document, the same bytes
    reader = PdfReader(BytesIO(made))
    text = "\n".join(page.extract_text() for page in reader.pages)
    tight = re.sub(r"\s", "", text)
    for fact in facts():
        assert re.sub(r"\s", "", fact) in tight
    golden = (GOLDEN / "certificate.txt").read_text(encoding="utf-8")
    assert text.split() == golden.split()
    [(name, [carried])] = reader.attachments.items()
    assert name == f"erasure-{DOCUMENT['erasure']}.json"
    assert carried == CERTIFICATE


def test_a_certificate_is_verified_in_a_folder_with_nothing_else(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "certificate.json", tmp_path)
    shutil.copy(GOLDEN / "public.pem", tmp_path / "key.pem")
    program = Path(sys.executable).with_name("towpath")
    command = [str(program), "audit", "verify", "certificate.json", "--offline"]
    environ = {"PATH": "/nowhere", "HOME": str(tmp_path / "none")}
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=environ, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("valid: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["certificate.json", "key.pem"]
    text = (tmp_path / "certificate.json").read_text()
    (tmp_path / "certificate.json").write_text(text.replace('"rows_removed":2', '"rows_removed":3'))
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=environ, check=False
    )
    assert done.returncode == 1
    assert "the signature is not that of this key" in done.stderr
