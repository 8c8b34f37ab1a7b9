"""A certificate as a PDF that carries the signed document as an attachment.

The same document gives the same bytes, whenever and wherever it is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.core.clock import parse_time
from towpath.core.errors import UsageError
from towpath.trace.erasure.readable.sections import (
    finding_of,
    lead_of,
    read_certificate,
    sections_of,
)

if TYPE_CHECKING:
    from towpath.trace.erasure.readable.sections import Section

_MARGIN_MM = 18
_LINE_MM = 4.6
_SMALL_MM = 3.6
_PLAIN = str.maketrans({"–": "-", "—": "-", "→": "->", "…": "...", "’": "'", "“": '"', "”": '"'})


def as_pdf(certificate: bytes) -> bytes:
    """Return a certificate as a PDF of A4 pages.

    Args:
        certificate: The signed document, byte for byte; it is attached.

    Raises:
        UsageError: It is no certificate, or the extra `pdf` is not installed.
    """
    document = read_certificate(certificate)
    pdf = _open(document)
    for section in sections_of(certificate):
        _set(pdf, section)
    pdf.embed_file(
        basename=f"erasure-{document['erasure']}.json",
        bytes=certificate,
        desc="The signed certificate",
        creation_date=parse_time(document["certified_at"]),
        modification_date=parse_time(document["certified_at"]),
    )
    return bytes(pdf.output())


def _open(document: dict[str, Any]) -> Any:
    try:
        from fpdf import FPDF  # noqa: PLC0415 -- optional
    except ImportError as error:
        raise UsageError(
            "a PDF needs a package that is not installed",
            remedy="Run: pip install 'towpath[pdf]'. Or print the page (--as html).",
        ) from error

    class Certificate(FPDF):
        def footer(self) -> None:
            self.set_y(-_MARGIN_MM + 4)
            self.set_font("helvetica", size=8)
            self.cell(0, 4, f"Erasure {document['erasure']}")
            self.cell(0, 4, f"{self.page_no()} / {{nb}}", align="R")

    pdf = Certificate(format="A4")
    pdf.set_creation_date(parse_time(document["certified_at"]))
    pdf.set_title(f"Certificate of erasure {document['erasure']}")
    pdf.set_creator("Towpath")
    pdf.set_producer("Towpath")
    pdf.set_lang("en")
    pdf.set_margins(_MARGIN_MM, _MARGIN_MM)
    pdf.set_auto_page_break(auto=True, margin=_MARGIN_MM)
    pdf.add_page()
    pdf.set_font("helvetica", "B", 20)
    pdf.cell(0, 10, "Certificate of erasure", align="L", new_x="LMARGIN", new_y="NEXT")
    lead = f"{lead_of(document)} {finding_of(document)}"
    pdf.set_font("helvetica", size=10)
    pdf.multi_cell(0, _LINE_MM, _plain(lead), align="L", new_x="LMARGIN", new_y="NEXT")
    return pdf


def _set(pdf: Any, section: Section) -> None:
    if pdf.will_page_break(24):  # a heading stays with what it heads
        pdf.add_page()
    pdf.ln(5)
    pdf.set_font("helvetica", "B", 11.5)
    pdf.multi_cell(0, 6, _plain(section.title), align="L", new_x="LMARGIN", new_y="NEXT")
    if section.text:
        pdf.set_font("helvetica", size=9)
        pdf.multi_cell(0, _LINE_MM, _plain(section.text), align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(1)
    if section.rows and len(section.rows[0]) == 1:
        pdf.set_font("helvetica", size=9)
        for row in section.rows:
            pdf.multi_cell(
                0, _LINE_MM, f"- {_plain(row[0])}", align="L", new_x="LMARGIN", new_y="NEXT"
            )
    elif section.rows:
        _tabulate(pdf, section)


def _tabulate(pdf: Any, section: Section) -> None:
    pdf.set_font("helvetica", size=8)
    pdf.set_draw_color(190)
    pdf.set_line_width(0.15)
    count = len(section.rows[0])
    widths = (3, 9) if not section.head else tuple(_width(section, n) for n in range(count))
    with pdf.table(
        col_widths=widths,
        line_height=_SMALL_MM,
        padding=(0.7, 1, 0.7, 0),
        borders_layout="HORIZONTAL_LINES",
        first_row_as_headings=bool(section.head),
        text_align="LEFT",
        wrapmode="CHAR" if section.codes else "WORD",
    ) as table:
        if section.head:
            table.row([_plain(name) for name in section.head])
        for row in section.rows:
            cells = table.row()
            for column, text in enumerate(row):
                code = column in section.codes
                pdf.set_font("courier" if code else "helvetica", size=6.6 if code else 8)
                cells.cell(_plain(text))
            pdf.set_font("helvetica", size=8)


def _width(section: Section, column: int) -> float:
    """Return a column's share: digests are wide, counts narrow."""
    longest = max(len(row[column]) for row in (*section.rows, section.head))
    return float(min(max(longest, 9), 34))


def _plain(text: str) -> str:
    """Return text in the letters that a PDF's own fonts have."""
    return text.translate(_PLAIN).encode("latin-1", "replace").decode("latin-1")
