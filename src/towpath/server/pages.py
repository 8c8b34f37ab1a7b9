"""The web UI: files built into the package, one HTML page for every path, a strict policy.

A page is answered with a Content-Security-Policy that admits scripts from here only and styles that
carry a nonce made for this one answer; the page learns the nonce from its own `<meta>` element.
"""

from __future__ import annotations

import mimetypes
import secrets
from pathlib import Path

from litestar import Response

from towpath.core.errors import NotFound

STATIC = Path(__file__).with_name("static")

_NONCE = "__NONCE__"
_FOREVER = "public, max-age=31536000, immutable"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; "
    "style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Towpath</title>
<p>The web UI is not built into this installation; the API answers under <code>/api/v1</code>.</p>
"""


class Pages:
    """Answers for everything outside `/api`, from memory: the built files are a few megabytes."""

    def __init__(self, root: Path = STATIC) -> None:
        self._files = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }
        index = self._files.pop("index.html", None)
        self._index = _MISSING if index is None else index.decode()

    def answer(self, path: str) -> Response[bytes]:
        """Return a built file, or the page that routes `path` in the browser.

        Nothing from the path ever reaches the file system: it is looked up among the files that were there at the start.

        Raises:
            NotFound: The path looks like a file (or lies under `/api`), and there is none.
        """
        path = path.strip("/")
        file = self._files.get(path)
        if file is not None:
            media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
            caching = _FOREVER if path.startswith("assets/") else "no-cache"
            return Response(file, media_type=media_type, headers={"cache-control": caching})
        if path.split("/")[0] in ("api", "assets"):
            raise NotFound(f"there is nothing at /{path}", remedy="See /api/v1/openapi.json.")
        return self._page()

    def _page(self) -> Response[bytes]:
        nonce = secrets.token_urlsafe(16)
        return Response(
            self._index.replace(_NONCE, nonce).encode(),
            media_type="text/html; charset=utf-8",
            headers={
                "cache-control": "no-store",
                "content-security-policy": _POLICY.format(nonce=nonce),
            },
        )
