"""Fetches over HTTP: patient with servers, careful about where it is sent."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import structlog

from towpath.assets.sources.peers import Peers
from towpath.assets.sources.references import shown
from towpath.core.clock import SystemClock
from towpath.core.errors import NotFound, SchemaViolation, Unavailable, UsageError
from towpath.storage.files import disk_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path
    from typing import Self

_log = structlog.get_logger()
_T = TypeVar("_T")
_TIMEOUT_S = 30.0
_ATTEMPTS_MOST = 6
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 60.0
_REDIRECTS_MOST = 5
_PAGE_BYTES_MOST = 64 << 20
_CHUNK_BYTES = 1 << 20
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One whole answer.

    Attributes:
        url: Where it came from, redirects followed.
        following: What its `Link` header (RFC 8288) calls the next page; None where it does not.
        content: Its bytes.
    """

    url: str
    following: str | None
    content: bytes


class Web:
    """A client for one source.

    Connects to public machines, and to those that the declaration means (see `Peers`). Follows a few
    redirects by itself, so that each is checked; what was declared for one origin (headers with a
    token) is not sent to another, and never from TLS to none. The machine's proxy settings are not
    followed: a proxy would connect in our place, unchecked.

    Answers that promise to get better (408, 425, 429, 5xx, a broken connection) are tried again, six
    times in all, waiting as long as `Retry-After` says or twice as long each time, with jitter.

    Args:
        address: What the source declares, references resolved; names the machine that is meant.
        headers: Sent to that address's origin alone.
        private: See `Peers`.
        pause: Waits for a number of seconds.
    """

    def __init__(
        self,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        private: bool = False,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._origin = origin_of(address)
        self._headers = dict(headers or {})
        self._peers = Peers(address, private=private)
        self._pause = pause
        self._client = httpx.Client(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=False)

    def get(self, url: str, params: Mapping[str, str] | None = None) -> Page:
        """Return a whole answer of at most 64 MB.

        Raises:
            NotFound: 404 or 410.
            UsageError: Any other refusal, a redirect to where it may not go, a private machine.
            SchemaViolation: The answer is larger.
            Unavailable: It went wrong too often.
        """

        def fetch() -> Page:
            with self._answer(url, params, {}) as answer:
                following = answer.links.get("next", {}).get("url")
                return Page(url=str(answer.url), following=following, content=_whole(answer))

        return self._tried(url, fetch)

    def download(self, url: str, path: Path) -> None:
        """Write an answer to a file, carrying on where a broken connection left off if it can.

        Raises:
            NotFound: As for `get`, likewise the others.
        """
        with disk_errors(path), path.open("wb") as file:
            etag = ""

            def fetch() -> None:
                nonlocal etag
                there = file.tell() if etag else 0
                resume = {"Range": f"bytes={there}-", "If-Range": etag} if there else {}
                with self._answer(url, None, resume) as answer:
                    if answer.status_code != 206:
                        file.seek(0)
                        file.truncate()
                    etag = _strong_etag(answer)
                    for chunk in answer.iter_bytes():  # as they come: what came can be kept
                        file.write(chunk)

            self._tried(url, fetch)

    @contextmanager
    def _answer(
        self, url: str, params: Mapping[str, str] | None, more: Mapping[str, str]
    ) -> Generator[httpx.Response]:
        """Give a good answer, redirects followed."""
        for _ in range(_REDIRECTS_MOST + 1):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise UsageError(
                    f"{shown(url)!r} can't be fetched", remedy="Addresses begin with https://."
                )
            own = self._headers if origin_of(url) == self._origin else {}
            # Bytes as they lie there: a file's length and its parts mean nothing once decoded.
            request = self._client.build_request(
                "GET",
                httpx.URL(url).copy_merge_params(dict(params or {})),
                headers={"Accept-Encoding": "identity", **own, **more},
                extensions={"trace": self._peers.trace(parts.hostname)},
            )
            answer = self._client.send(request, stream=True)
            try:
                if answer.status_code not in _MOVED:
                    _check(answer, url)
                    yield answer
                    return
                url, params = _redirected(answer), None
            finally:
                answer.close()
        raise UsageError(f"{shown(url)} redirects more than {_REDIRECTS_MOST} times")

    def _tried(self, url: str, fetch: Callable[[], _T]) -> _T:
        """Fetch, again and again while that promises to help."""
        for failures in range(1, _ATTEMPTS_MOST + 1):
            wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (failures - 1))
            wait_s *= random.uniform(0.5, 1.0)  # noqa: S311 -- spreads retries, guards nothing
            try:
                return fetch()
            except httpx.TransportError as error:
                last, why = error, type(error).__name__
            except _TryAgain as again:
                last, why = again, again.why
                wait_s = wait_s if again.wait_s is None else min(_LONGEST_WAIT_S, again.wait_s)
            if failures == _ATTEMPTS_MOST:
                raise Unavailable(
                    f"{shown(url)} did not answer ({why}) in {failures} tries",
                    remedy="Try again later; an ingest carries on where it stopped.",
                    why=why,
                ) from last
            host = urlsplit(url).hostname
            _log.info("source.retried", host=host, why=why, wait_s=round(wait_s, 3))
            self._pause(wait_s)
        raise AssertionError  # the last failure was raised above

    def close(self) -> None:
        """Give connections back."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _TryAgain(Exception):
    """The server says that it may go better later."""

    def __init__(self, why: str, wait_s: float | None) -> None:
        super().__init__(why)
        self.why = why
        self.wait_s = wait_s


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", parts.port or default


def _check(answer: httpx.Response, url: str) -> None:
    code = answer.status_code
    if code in _TRY_AGAIN:
        raise _TryAgain(f"status {code}", _retry_after_s(answer))
    if code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise NotFound(f"there is nothing at {shown(url)}", address=shown(url))
    if not answer.is_success:
        keys = code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
        raise UsageError(
            f"{shown(url)} refuses to answer (status {code})",
            remedy="Check the credentials that the source names." if keys else "",
            status=code,
        )


def _redirected(answer: httpx.Response) -> str:
    here = str(answer.url)
    there = urljoin(here, answer.headers.get("location", ""))
    if urlsplit(here).scheme == "https" and urlsplit(there).scheme != "https":
        raise UsageError(f"{shown(here)} redirects to an address without TLS, and is not followed")
    return there


def _strong_etag(answer: httpx.Response) -> str:
    """Return what names these very bytes; a weak tag promises none, nor does one of encoded bytes."""
    encoded = answer.headers.get("content-encoding", "identity") != "identity"
    tag = answer.headers.get("etag", "")
    return tag if tag.startswith('"') and not encoded else ""


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Read `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date."""
    text = answer.headers.get("retry-after", "")
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - SystemClock().now()).total_seconds())
    except (TypeError, ValueError):
        return None


def _whole(answer: httpx.Response) -> bytes:
    content = bytearray()
    for chunk in answer.iter_bytes(_CHUNK_BYTES):
        content += chunk
        if len(content) > _PAGE_BYTES_MOST:
            raise SchemaViolation(
                f"an answer of {shown(str(answer.url))} is larger than {_PAGE_BYTES_MOST >> 20} MB",
                remedy="Ask for smaller pages, or fetch it as a file.",
            )
    return bytes(content)
