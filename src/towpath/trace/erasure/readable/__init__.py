"""A certificate for people: one set of sections, as a page that stands alone and as a PDF."""

from towpath.trace.erasure.readable.page import as_page
from towpath.trace.erasure.readable.pdf import as_pdf
from towpath.trace.erasure.readable.sections import Section, sections_of

__all__ = ["Section", "as_page", "as_pdf", "sections_of"]
