"""Who may talk to the server: the page that was opened with the token, on this machine, and nobody else.

Other users of the machine can reach the port, and any web site that the user visits can make the browser send
requests to it. A token keeps out the former. Against the latter the names of host and origin are looked at:
a site cannot choose them, even where it makes its own name mean this machine (DNS rebinding).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 4 << 20
"""Bytes that a request may carry."""
HOSTS = ("127.0.0.1", "localhost", "::1")
PAGE_COOKIE = "cryoglean-page"
"""Lets the page be loaded again without the token, which it takes out of the address, and nothing else."""
SECURITY = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Keys:
    """What opens the server.

    Parameters
    ----------
    token : str
        For everything.
    page : str
        For the empty page alone.
    once : str
        For the page, one time: it stands in the command line of the browser that is started, which other
        users can read.
    """

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    page: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    once: str = field(default_factory=lambda: secrets.token_urlsafe(32))


@dataclass(frozen=True)
class _Refusal:
    status: HTTPStatus
    reason: str


class Guard:
    """Lets through what may come through, and adds the headers that make a browser careful.

    Parameters
    ----------
    app : ASGI application
        What to guard.
    keys : Keys
        What opens it.
    """

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        self._used_once = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = _Headers(scope)
        guarded = _with_headers(send, self._headers_for(scope, headers))
        refusal = _cross_site(headers)
        if refusal is None and self._opens_once(scope):
            await _redirect(f"/?token={self._keys.token}", guarded)
            return
        refusal = refusal or self._unknown(scope, headers) or _unreadable(scope, headers)
        if refusal is None and scope["method"] in ("POST", "PUT", "PATCH"):
            body = await _body(receive)
            refusal = None if body is not None else _too_large()
            receive = _replayed(body or b"", receive)
        if refusal is not None:
            await _refuse(refusal, guarded)
            return
        await self._app(scope, receive, guarded)

    def _unknown(self, scope: Scope, headers: _Headers) -> _Refusal | None:
        """Refuse whoever does not know what is needed here; files of the page itself are no secret."""
        path = scope["path"]
        if path.startswith("/assets/"):
            return None
        if path == "/":
            known = self._may_load_page(scope, headers)
            remedy = "open the address that `cryoglean view` has printed, with its token"
        else:
            kind, _, given = headers.get("authorization").partition(" ")
            known = kind.lower() == "bearer" and _same(given, self._keys.token)
            remedy = "load the page anew from the address that `cryoglean view` has printed"
        return (
            None if known else _Refusal(HTTPStatus.UNAUTHORIZED, f"the token is missing or wrong; {remedy}")
        )

    def _may_load_page(self, scope: Scope, headers: _Headers) -> bool:
        return self._has_token(scope) or _same(headers.cookie(PAGE_COOKIE), self._keys.page)

    def _has_token(self, scope: Scope) -> bool:
        return _same(_queried(scope, "token"), self._keys.token)

    def _opens_once(self, scope: Scope) -> bool:
        """Return whether a request has the key that opens the page once, and hear no more of it then."""
        if self._used_once or scope["path"] != "/" or not _same(_queried(scope, "once"), self._keys.once):
            return False
        self._used_once = True
        return True

    def _headers_for(self, scope: Scope, headers: _Headers) -> Mapping[str, str]:
        known = dict(SECURITY)
        if not scope["path"].startswith("/assets/"):
            known["cache-control"] = "no-store"
        if scope["path"] == "/" and self._has_token(scope) and _cross_site(headers) is None:
            known["set-cookie"] = f"{PAGE_COOKIE}={self._keys.page}; Path=/; HttpOnly; SameSite=Strict"
        return known


class _Headers:
    """Headers of a request; of one that is there twice nothing is believed."""

    def __init__(self, scope: Scope) -> None:
        self._all: list[tuple[str, str]] = [
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
        ]

    def get(self, name: str) -> str:
        """Return a header; '' where it is missing or ambiguous."""
        values = [value for key, value in self._all if key == name]
        return values[0] if len(values) == 1 else ""

    def has(self, name: str) -> bool:
        """Return whether there is such a header."""
        return any(key == name for key, _ in self._all)

    def cookie(self, name: str) -> str:
        """Return a cookie; '' where it is missing."""
        try:
            cookies = SimpleCookie(self.get("cookie"))
        except CookieError:
            return ""
        return cookies[name].value if name in cookies else ""


def _queried(scope: Scope, name: str) -> str:
    """Return a value of the query, the first of several; '' where there is none."""
    query: bytes = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get(name, [""])[0]


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(), wanted.encode())


def _cross_site(headers: _Headers) -> _Refusal | None:
    """Refuse requests to another name than this machine's own, and those that another site's page makes."""
    host = headers.get("host")
    try:
        named = urlsplit(f"//{host}")
        _ = named.port
    except ValueError:
        named = urlsplit("")
    if named.hostname not in HOSTS or named.netloc != host or "@" in host:
        return _Refusal(HTTPStatus.FORBIDDEN, "this server answers to 127.0.0.1 and localhost alone")
    if headers.has("origin") and headers.get("origin") != f"http://{host}":
        return _Refusal(HTTPStatus.FORBIDDEN, "requests from pages of other sites are refused")
    return None


def _unreadable(scope: Scope, headers: _Headers) -> _Refusal | None:
    """Refuse bodies that are too large or not JSON, before they are read."""
    if scope["method"] not in ("POST", "PUT", "PATCH"):
        return None
    length = headers.get("content-length")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        return _too_large()
    if headers.get("content-type").split(";")[0].strip().lower() != "application/json":
        return _Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "wanted JSON, with content-type application/json")
    return None


def _too_large() -> _Refusal:
    return _Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request may carry {MAX_BODY_BYTES >> 20} MiB at most"
    )


async def _body(receive: Receive) -> bytes | None:
    """Read the body of a request; None where it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Hand out a body that was read already."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    async def careful(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.encode(): value.encode() for name, value in headers.items()}
            kept = [(name, value) for name, value in message["headers"] if name.lower() not in own]
            message = {**message, "headers": [*kept, *own.items()]}
        await send(message)

    return careful


async def _redirect(target: str, send: Send) -> None:
    headers = [(b"location", target.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": int(HTTPStatus.SEE_OTHER), "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(refusal: _Refusal, send: Send) -> None:
    body = json.dumps({"detail": refusal.reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": int(refusal.status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
