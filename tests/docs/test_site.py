"""The documentation site: built strictly, from the code as it is, and asking no other host for anything."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx
import pytest
from fastapi import FastAPI

from counterfoil.contract.refusals import Code
from counterfoil.core.rules import RULES
from counterfoil.gateway import documentation
from counterfoil.ops.metrics import METRICS
from counterfoil.settings import NAMES, PREFIX
from counterfoil.vocabulary import VOCABULARY
from docs.hooks.site import POLICY, ROOT, rewritten
from tests.cli.test_help import EVERY

_LOADED: Final = re.compile(
    r"<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)=\"?(?:https?:)?//", re.IGNORECASE
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
        timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4_000:]
    return folder


def text(site: Path, page: str) -> str:
    return (site / f"reference/{page}.html").read_text("utf-8")


def test_the_reference_has_everything(site: Path) -> None:
    """What was added to the code without its page following has no heading here."""
    commands, events, refusals = (text(site, name) for name in ("commands", "events", "refusals"))
    for body in VOCABULARY.service_of:
        assert f">{body.TYPE} v{body.V}<" in commands
    for name in VOCABULARY.events:
        assert f">{name}<" in events
    for code in Code:
        assert f"<code>{code.value}</code>" in refusals
    for version in RULES:
        assert f">Version {version}<" in text(site, "rules")
    for metric in METRICS:
        assert f"<code>{metric}</code>" in text(site, "metrics")
    for setting in NAMES:
        assert f"<code>{PREFIX}{setting.upper()}</code>" in text(site, "settings")
    for path in EVERY:
        assert f">{' '.join(path)}<" in text(site, f"command-line/{path[0]}" if len(path) > 1 else "command-line")


def test_no_other_host_is_asked(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = path.read_text("utf-8")
        assert not _LOADED.search(page), path
        assert 'style="' not in page, path  # the policy has no inline styles
    for path in site.rglob("*.css"):
        assert not re.search(r"url\(\"?(https?:)?//|@import", path.read_text("utf-8")), path


def test_what_is_searched_is_there(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    found = {each["location"].partition("#")[0] for each in index["docs"]}
    assert {"reference/commands.html", "tutorials/first-market.html", "explanation/money.html"} <= found
    assert all((site / each).is_file() for each in found if each)


def asked(folder: Path, *requests: tuple[str, str]) -> list[httpx.Response]:
    """The answers of a gateway whose site is in `folder`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    documentation.mount(app, folder)

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            return [await client.request(method, path) for method, path in requests]

    return asyncio.run(ask())


def test_it_is_served_under_a_policy_of_its_own(site: Path) -> None:
    begin, page, outside, nowhere, posted, bare = asked(
        site, ("GET", "/docs/"), ("GET", "/docs/reference/commands.html"), ("GET", "/docs/%2e%2e/gateway/app.py"),
        ("GET", "/docs/nothing.html"), ("POST", "/docs/"), ("GET", "/docs"),
    )  # fmt: skip
    policy = begin.headers["content-security-policy"]
    assert begin.status_code == 200
    assert "unsafe" not in policy
    assert (site / POLICY).read_text().split() == re.findall(r"'sha256-[^']+'", policy)
    assert page.headers["content-security-policy"] == policy
    assert (outside.status_code, nowhere.status_code, posted.status_code) == (404, 404, 405)
    assert (bare.status_code, bare.headers["location"]) == (307, "docs/")


def test_an_installation_without_it_says_how_to_have_it(tmp_path: Path) -> None:
    (answer,) = asked(tmp_path, ("GET", "/docs/reference/commands.html"))
    assert answer.status_code == 404
    assert "make docs" in answer.text


def test_links_lead_to_pages_or_nowhere() -> None:
    pages = {"index.md", "how-to/run-it.md", "reference/refusals.md", "tutorials/first-audit.md"}
    given = (
        "[a](../schemas/refusals.md#x) [b](../services/counterfoil/ports.py) [c](https://a.example) [d](#e) "
        "[f](tutorials/first-audit.md)"
    )
    made = "[a](reference/refusals.md#x) b [c](https://a.example) [d](#e) [f](tutorials/first-audit.md)"
    assert rewritten(given, "docs/index.md", "index.md", pages) == made
    run_it = rewritten("[a](../docs/tutorials/first-audit.md)", "infra/README.md", "how-to/run-it.md", pages)
    assert run_it == "[a](../tutorials/first-audit.md)"
