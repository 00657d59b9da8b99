"""Who can reach the viewer, and what can be reached through it."""

import json
import re
import shutil
import socket
from pathlib import Path

import psutil
import pytest
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from cryoglean.viewer import api
from cryoglean.viewer.guard import MAX_BODY_BYTES, PAGE_COOKIE, Guard, Keys
from tests.viewer.conftest import Pages, Served

EVERYTHING = [
    "/api/run",
    "/api/micrographs",
    "/api/histograms",
    "/api/micrographs/0/picks",
    "/api/micrographs/0/image",
    "/api/micrographs/0/thumbnail",
    "/api/changes",
    "/api/openapi.json",
    "/api/nothing",
    "/nothing",
    "/docs",
]
CORRECTIONS = "/api/micrographs/0/corrections"


def test_it_listens_on_this_machine_alone(served: Served) -> None:
    listening = [
        c.laddr for c in psutil.Process(served.process).net_connections("inet") if c.status == "LISTEN"
    ]
    assert listening == [("127.0.0.1", served.port)]


@pytest.mark.parametrize("path", EVERYTHING)
@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", "Basic {token}", "Bearer {token}x"])
def test_without_the_token_nothing_is_told(served: Served, path: str, given: str | None) -> None:
    header = None if given is None else given.format(token=served.token)
    answer = served.ask(path, authorization=header)
    assert answer.status == 401
    assert set(json.loads(answer.read())) == {"detail"}


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
def test_without_the_token_nothing_is_done(served: Served, method: str) -> None:
    assert served.ask(CORRECTIONS, method=method, authorization=None).status == 401


def test_the_token_opens_nothing_when_it_stands_elsewhere(served: Served) -> None:
    assert served.ask(f"/api/run?token={served.token}", authorization=None).status == 401
    assert served.ask("/api/run", authorization=None, cookie=f"token={served.token}").status == 401


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=wrong&token={token}"])
def test_the_page_needs_the_token(served: Served, query: str) -> None:
    assert served.ask("/" + query.format(token=served.token), authorization=None).status == 401


def test_the_page_can_be_loaded_again_by_a_cookie_that_opens_nothing_else(served: Served) -> None:
    first = served.ask(f"/?token={served.token}", authorization=None)
    cookie = first.headers["set-cookie"]
    assert first.status != 401
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert served.token not in cookie
    pair = cookie.split(";")[0]
    assert served.ask("/", authorization=None, cookie=pair).status == first.status
    assert served.ask("/api/run", authorization=None, cookie=pair).status == 401
    key = pair.removeprefix(f"{PAGE_COOKIE}=")
    assert served.ask("/api/run", authorization=f"Bearer {key}").status == 401


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example:{port}",
        "127.0.0.1@evil.example",
        "evil.example@127.0.0.1",
        "127.0.0.1:{port}@evil.example",
        "127.0.0.2",
        "0.0.0.0:{port}",
        "192.168.1.1:{port}",
        "127.0.0.1/evil",
        "127.0.0.1:port",
        "[::1",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/api/run", "/?token={token}", "/assets/index.js"])
def test_other_names_than_this_machines_are_refused(served: Served, host: str, path: str) -> None:
    # A site that makes its own name mean 127.0.0.1 is one origin with what it then reads.
    answer = served.ask(path.format(token=served.token), host=host.format(port=served.port))
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:9999", "[::1]:8888", "localhost", "LOCALHOST:80"]
)
def test_the_name_may_be_that_of_the_other_end_of_a_tunnel(served: Served, host: str) -> None:
    host = host.format(port=served.port)
    assert served.ask("/api/run", host=host).status == 200
    assert served.ask("/api/run", host=host, origin=f"http://{host}").status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost:{port}",
        "null",
        "",
        "file://",
    ],
)
def test_pages_of_other_sites_are_refused(served: Served, origin: str) -> None:
    answer = served.ask("/api/run", origin=origin.format(port=served.port))
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


def test_two_hosts_are_none(served: Served) -> None:
    request = (
        f"GET /api/run HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nHost: evil.example\r\n"
        f"Authorization: Bearer {served.token}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall(request.encode())
        answer = connection.makefile("rb").readline()
    assert re.match(rb"HTTP/1.1 40[03] ", answer)


TRAVERSALS = [
    "/assets/../messages.py",
    "/assets/../../../../../../../../etc/passwd",
    "/assets/..%2fmessages.py",
    "/assets/%2e%2e/messages.py",
    "/assets/%2e%2e%2fmessages.py",
    "/assets/..%252fmessages.py",
    "/assets/..%5c..%5cmessages.py",
    "/assets/%c0%ae%c0%ae/messages.py",
    "/assets//etc/passwd",
    "/assets/%2fetc%2fpasswd",
    "/assets/./../index.html",
    "/assets/....//messages.py",
    "/assets/x%00.js",
    "/assets/",
    "/assets",
    "//etc/passwd",
    "/../../etc/passwd",
    "/api/micrographs/../../../etc/passwd",
    "/api/micrographs/..%2f..%2fetc%2fpasswd/image",
    "/api/micrographs/0/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out(served: Served, path: str) -> None:
    answer = served.ask(path)
    body = answer.read()
    assert answer.status in (400, 404, 422)
    assert b"root:" not in body
    assert b"pydantic" not in body
    assert "set-cookie" not in answer.headers


def test_no_link_leads_out_of_the_static_folder(
    open_page: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    static = tmp_path / "static"
    shutil.copytree(api.STATIC, static)
    monkeypatch.setattr(api, "STATIC", static)
    (tmp_path / "secret.txt").write_text("secret")
    (static / "assets" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (static / "assets" / "file.txt").write_text("no secret")
    page = open_page()
    assert page.get("/assets/file.txt").text == "no secret"
    answer = page.get("/assets/link.txt")
    assert answer.status_code == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize("number", ["-1", "4", "99999999999999999999", "0.5", "nan", "0x1", "0/..", "%30%00"])
def test_only_micrographs_of_the_run_can_be_asked_for(served: Served, number: str) -> None:
    for what in ("picks", "image", "thumbnail", "levels"):
        assert served.ask(f"/api/micrographs/{number}/{what}").status in (404, 422)


def test_oversized_requests_are_refused_without_being_read(served: Served) -> None:
    json_type = {"content_type": "application/json"}
    said = served.ask(CORRECTIONS, method="PUT", content_length=str(MAX_BODY_BYTES + 1), **json_type)
    assert said.status == 413
    chunk = b"40000\r\n" + b" " * 0x40000 + b"\r\n"
    chunks = chunk * (MAX_BODY_BYTES // 0x40000 + 1) + b"0\r\n\r\n"
    sent = served.ask(CORRECTIONS, method="PUT", body=chunks, transfer_encoding="chunked", **json_type)
    assert sent.status == 413
    assert served.ask("/api/run", padding="x" * 200_000).status in (400, 431)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"base_revision": 0}',
        b'{"base_revision": -1, "operations": []}',
        b'{"base_revision": 0, "operations": [{"op": "drop"}]}',
        b'{"base_revision": 0, "operations": [{"op": "add", "id": "a", "x": NaN, "y": 1}]}',
        b'{"base_revision": 0, "operations": [{"op": "add", "id": "a", "x": 1e999, "y": 1}]}',
        b'{"base_revision": 0, "operations": [{"op": "add", "id": "", "x": 1, "y": 1}]}',
        b'{"base_revision": 0, "operations": [{"op": "add", "id": "a", "x": 200, "y": 1}]}',
        b'{"base_revision": 0, "operations": [{"op": "move", "id": "a", "x": 1, "y": -1}]}',
        b'{"base_revision": 0, "operations": [{"op": "reject", "value": "perhaps"}]}',
        b'{"base_revision": 0, "operations": [], "more": 1}',
        b'{"base_revision": 0, "operations": ['
        + b'{"op": "delete", "id": "1.000,2.000"},' * 20_001
        + b"null]}",
    ],
)
def test_malformed_requests_get_one_clear_sentence(served: Served, body: bytes) -> None:
    answer = served.ask(CORRECTIONS, method="PUT", body=body, content_type="application/json")
    text = answer.read().decode()
    assert answer.status in (400, 422), text
    problem = json.loads(text)
    assert set(problem) == {"detail"}
    assert 5 < len(problem["detail"]) < 300
    assert "Traceback" not in text
    assert json.loads(served.ask("/api/micrographs/0/picks").read())["revision"] == 0


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "multipart/form-data", "application/x-www-form-urlencoded"]
)
def test_forms_of_other_sites_are_no_requests(served: Served, kind: str | None) -> None:
    body = b'{"base_revision": 0, "operations": [{"op": "reject", "value": true}]}'
    assert served.ask(CORRECTIONS, method="PUT", body=body, content_type=kind).status == 415


@pytest.mark.parametrize("path", ["/api/run", "/?token={token}", "/api/nothing", "/assets/nothing.js"])
def test_browsers_are_told_to_be_careful(served: Served, path: str) -> None:
    headers = served.ask(path.format(token=served.token)).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    if not path.startswith("/assets"):
        assert headers["cache-control"] == "no-store"


def test_a_socket_to_talk_both_ways_is_refused(served: Served) -> None:
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    answer = served.ask(
        "/api/run", authorization=None, sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==", **upgrade
    )
    assert answer.status in (400, 401, 403)


def test_no_socket_comes_past_the_guard() -> None:
    keys = Keys()

    async def talkative(scope: Scope, receive: Receive, send: Send) -> None:
        await WebSocket(scope, receive, send).accept()

    page = TestClient(Guard(talkative, keys), base_url="http://127.0.0.1:8000")
    told = {"authorization": f"Bearer {keys.token}"}
    with pytest.raises(WebSocketDisconnect), page.websocket_connect("/api/run", headers=told):
        pass


def test_it_still_answers_after_all_that(served: Served) -> None:
    assert json.loads(served.ask("/api/run").read())["micrographs"] == 4


def test_the_address_that_a_browser_is_started_with_serves_once() -> None:
    # It can be read in the list of processes, so it must be of no use afterwards.
    keys = Keys()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response("page")(scope, receive, send)

    page = TestClient(Guard(app, keys), base_url="http://127.0.0.1:8000", follow_redirects=False)
    for wrong in ("", "wrong", keys.token, keys.page):
        assert page.get("/", params={"once": wrong}).status_code == 401
    assert page.get("/api/run", params={"once": keys.once}).status_code == 401
    assert page.get("/", params={"once": keys.once}, headers={"host": "evil.example"}).status_code == 403
    first = page.get("/", params={"once": keys.once})
    assert first.status_code == 303
    assert first.headers["location"] == f"/?token={keys.token}"
    assert page.get("/", params={"once": keys.once}).status_code == 401
    assert page.get(first.headers["location"]).text == "page"
