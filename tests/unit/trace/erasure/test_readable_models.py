"""How replacements were made, and what they recognise, is legible on the page and in the PDF."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from missing import missing

from towpath.trace.erasure.readable import as_page, as_pdf, sections_of

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "certificate.json").read_bytes()
)
BEFORE, AFTER = "b" * 64, "a" * 64
AGAIN = {
    "step": "count-3",
    "dataset": "dataset:rides@7",
    "shard": [3, 16],
    "before": BEFORE,
    "after": AFTER,
}


def tried(auc: float) -> dict[str, Any]:
    return {
        "auc": {"value": auc, "low": auc - 0.1, "high": auc + 0.1},
        "tpr": {"value": 0.25, "low": 0.125, "high": 0.5},
        "rows": 12,
    }


TESTED = {
    "attack": "LiRA",
    "shadows": 32,
    "tells": True,
    "control": tried(0.9),
    "before": tried(0.8),
    "after": tried(0.5),
    "same_answers": False,
}


def certificate(**said: Any) -> bytes:
    models = [{**one, **said} if one["replacement"] else one for one in DOCUMENT["models"]]
    return json.dumps({**DOCUMENT, "models": models}).encode()


@pytest.mark.parametrize(
    ("method", "words"), [("sisa", "the shards that changed (SISA)"), ("downdate", "down-dated exactly")]
)  # fmt: skip
def test_which_shard_was_made_again_is_named_with_its_digests(method: str, words: str) -> None:
    unlearning = {
        "method": method, "steps": {"computed": 2, "found": 15}, "shards": 16, "again": [AGAIN],
    }  # fmt: skip
    page = as_page(certificate(unlearning=unlearning))
    for fact in (words, "rides@7, shard 3 of 16", BEFORE, AFTER):
        assert fact in page


def test_full_retraining_says_so() -> None:
    unlearning = {"method": "retrain", "steps": {"computed": 2, "found": 0}}
    page = as_page(certificate(unlearning=unlearning))
    assert "trained again from all that was left" in page
    assert ">everything<" in page


def test_a_test_that_found_nothing_stands_beside_its_control() -> None:
    page = as_page(certificate(membership=TESTED))
    for fact in ("0.90 (0.80 to 1.00)", "0.80 (0.70 to 0.90)", "0.50 (0.40 to 0.60)"):
        assert fact in page
    assert "fails its control" not in page
    assert "fails its control" in as_page(certificate(membership={**TESTED, "tells": False}))


def test_a_test_that_was_not_made_says_why() -> None:
    page = as_page(certificate(membership={"skipped": "it is too dear"}))
    assert "not tested: it is too dear" in page


def test_a_certificate_from_before_says_nothing_of_it() -> None:
    titles = {one.title for one in sections_of(json.dumps(DOCUMENT).encode())}
    assert not titles & {
        "How the replacements were made",
        "Whether the replacements recognise the erased rows",
    }


def test_the_pdf_has_both() -> None:
    try:
        import fpdf  # noqa: F401
        from pypdf import PdfReader
    except ImportError:
        missing("fpdf2 and pypdf are not installed")
    unlearning = {"method": "downdate", "steps": {}, "shards": 16, "again": [AGAIN]}
    made = as_pdf(certificate(unlearning=unlearning, membership=TESTED))
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(made)).pages)
    tight = re.sub(r"\s", "", text)
    for fact in ("down-datedexactly", BEFORE, AFTER, "0.90(0.80to1.00)"):
        assert fact in tight
