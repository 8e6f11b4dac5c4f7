"""The reverse proxy's configuration: nginx takes it as it is, and passes requests and streams to a gateway."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
import trustme
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from counterfoil.gateway.app import create_app
from counterfoil.gateway.peers import peer_of
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.gateway.server import server_config
from tests.gateway.harness import PUBLIC, DeliverToBoth
from tests.gateway.world import Market, deposit
from tests.lacking import leave_out

CONFIGURATION = Path(__file__).parents[2] / "infra" / "nginx" / "counterfoil.conf"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
NAME = "market.example.org"
SNI = {"sni_hostname": NAME}
PEER = "127.0.0.2"
SPOOFED = {"X-Forwarded-For": "10.0.0.1"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Seen:
    """ASGI middleware that knows who asked."""

    peers: ClassVar[list[str]] = []

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            self.peers.append(peer_of(scope))
        await self._app(scope, receive, send)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Market, int]]:
    """A market and its gateway's port; it believes the proxy, and has one name."""
    relay = AnswerRelay()
    market = Market(tmp_path_factory.mktemp("market"), DeliverToBoth(relay)).open()
    app = create_app(market.system.backend(), relay, replace(PUBLIC, hosts=frozenset({NAME}), proxies=("127.0.0.1",)))
    app.add_middleware(Seen)
    config = server_config(app, None, ("127.0.0.1",), log_config=None, timeout_graceful_shutdown=1)
    server, listener = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    market.system.start()
    thread.start()
    try:
        yield market, listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        market.system.close()


@pytest.fixture(scope="module")
def proxy(gateway: tuple[Market, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of the proxy."""
    if NGINX is None:
        leave_out("there is no nginx: apt-get install nginx-light")
    home, (_, upstream), plain, tls = tmp_path_factory.mktemp("nginx"), gateway, free_port(), free_port()
    authority = trustme.CA()
    certificate = authority.issue_cert(NAME)
    certificate.private_key_and_cert_chain_pem.write_to_path(str(home / "tls.pem"))
    text = CONFIGURATION.read_text()
    for before, after in (
        ("server 127.0.0.1:8440;", f"server 127.0.0.1:{upstream};"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{tls} ssl;"),
        ("/etc/counterfoil/tls/fullchain.pem", str(home / "tls.pem")),
        ("/etc/counterfoil/tls/privkey.pem", str(home / "tls.pem")),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    (home / "counterfoil.conf").write_text(text)
    folders = "".join(f"{kind}_temp_path {home};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    main = f"daemon off;\nmaster_process off;\npid {home}/pid;\nerror_log {home}/error.log;\nevents {{}}\n"
    (home / "nginx.conf").write_text(f"{main}http {{\naccess_log off;\n{folders}include {home}/counterfoil.conf;\n}}\n")
    command = [NGINX, "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    running = subprocess.Popen(command)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    try:
        until_open(tls)
        transport = httpx.HTTPTransport(verify=context, local_address=PEER)
        with httpx.Client(base_url=f"https://127.0.0.1:{tls}", headers={"Host": NAME}, transport=transport) as client:
            yield client
    finally:
        running.terminate()
        running.wait(10)


def until_open(port: int) -> None:
    ends = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < ends, "nginx does not listen"
            time.sleep(0.01)
        else:
            return


def test_commands_and_logs_pass(gateway: tuple[Market, int], proxy: httpx.Client) -> None:
    market, _ = gateway
    answer = proxy.post(
        "/v1/commands", content=market.sign("treasury", deposit("lab-1", 1)), headers=SPOOFED, extensions=SNI
    )
    assert answer.status_code == 200
    assert Seen.peers == [PEER]  # and not the proxy, whatever the peer says
    assert answer.headers["strict-transport-security"]
    assert proxy.get("/log/ledger/main/vkey", extensions=SNI).headers["access-control-allow-origin"] == "*"
    assert proxy.post("/v1/commands", content=b"x" * 70_000, extensions=SNI).status_code == 413


def test_a_stream_is_not_held_back(gateway: tuple[Market, int], proxy: httpx.Client) -> None:
    with proxy.stream("GET", "/v1/events?from=ledger:0", extensions=SNI) as response:
        first = next(line for line in response.iter_lines() if line.startswith("id:"))
        assert "ledger:1" in first
