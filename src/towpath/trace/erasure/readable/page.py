"""A certificate as one HTML file: no script, no other file, light, dark and printed."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from towpath.trace.erasure.readable.sections import (
    finding_of,
    lead_of,
    read_certificate,
    sections_of,
)

if TYPE_CHECKING:
    from towpath.trace.erasure.readable.sections import Section

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --line: #d9dee3; --paper: #fff;
  --back: #f4f6f8; --good: #17693a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b0; --line: #343b43;
  --paper: #1b1f24; --back: #121518; --good: #6fd49a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 60rem; margin: 2rem auto; padding: 2.5rem 3rem; background: var(--paper);
  border: 1px solid var(--line); border-radius: 6px; }
header { border-bottom: 2px solid var(--ink); padding-bottom: 1rem; margin-bottom: 1.5rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
p { margin: .3rem 0 .7rem; max-width: 46rem; color: var(--soft); }
.found { color: var(--good); font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
thead th { color: var(--soft); font-weight: 500; }
tbody th { width: 14rem; }
code { font: .82em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
code.short { overflow-wrap: normal; white-space: nowrap; }
td:first-child { min-width: 5.5rem; }
thead + tbody code:not(.short) { display: inline-block; min-width: 15rem; }
footer { margin-top: 2rem; color: var(--soft); font-size: .85rem; }
a { color: inherit; }
@media (max-width: 40rem) { main { margin: 0; padding: 1.2rem; border: 0; border-radius: 0; }
  tbody th { width: 8rem; } }
@media print { @page { size: A4; margin: 18mm 16mm; }
  :root { color-scheme: light; --ink: #000; --soft: #333; --line: #bbb; --paper: #fff; --back: #fff;
    --good: #000; }
  body { font-size: 10.5pt; } main { margin: 0; padding: 0; border: 0; max-width: none; }
  .wide { overflow: visible; } section { break-inside: avoid-page; } h2 { break-after: avoid; } tr { break-inside: avoid; }
  thead { display: table-header-group; } .save { display: none; }
  thead + tbody code:not(.short) { min-width: 0; } }
"""

_SHORT = 24  # what stays on one line


def as_page(certificate: bytes) -> str:
    """Return a certificate as a page that stands alone.

    Args:
        certificate: The signed document, byte for byte; the page carries it, to be saved.

    Raises:
        UsageError: It is no certificate.
    """
    document = read_certificate(certificate)
    parts = [_section(one) for one in sections_of(certificate)]
    inside = base64.b64encode(certificate).decode()
    name = escape(f"erasure-{document['erasure']}.json", quote=True)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Certificate of erasure {escape(document['erasure'])}</title>"
        f"<style>{_STYLE}</style></head><body><main>"
        f"<header><h1>Certificate of erasure</h1>"
        f"<p>{escape(lead_of(document))} "
        f'<span class="found">{escape(finding_of(document))}</span></p></header>'
        f"{''.join(parts)}"
        f'<footer><span class="save"><a download="{name}" '
        f'href="data:application/json;base64,{inside}">Save the signed document</a></span></footer>'
        "</main></body></html>\n"
    )


def _section(section: Section) -> str:
    text = f"<p>{escape(section.text)}</p>" if section.text else ""
    return f"<section><h2>{escape(section.title)}</h2>{text}{_table(section)}</section>"


def _table(section: Section) -> str:
    if not section.rows:
        return ""
    if len(section.rows[0]) == 1:
        items = "".join(f"<li>{escape(row[0])}</li>" for row in section.rows)
        return f"<ul>{items}</ul>"
    head = ""
    if section.head:
        cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in section.head)
        head = f"<thead><tr>{cells}</tr></thead>"
    body = "".join(_row(section, row) for row in section.rows)
    return f'<div class="wide"><table>{head}<tbody>{body}</tbody></table></div>'


def _row(section: Section, row: tuple[str, ...]) -> str:
    cells: list[str] = []
    for column, text in enumerate(row):
        shown = escape(text)
        if column in section.codes:
            kind = ' class="short"' if len(text) <= _SHORT else ""
            shown = f"<code{kind}>{shown}</code>"
        named = not section.head and column == 0
        cells.append(f'<th scope="row">{shown}</th>' if named else f"<td>{shown}</td>")
    return f"<tr>{''.join(cells)}</tr>"
