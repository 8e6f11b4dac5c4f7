"""A demo, whose keys everybody knows, is served beyond this machine only where somebody insists."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.cli.command import Invalid
from counterfoil.cli.gateway_server import refuse_open_demo
from counterfoil.demo.directory import make_instance
from counterfoil.instance import Instance
from tests.cli.command_line import invoke


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.0.1", "::1", "localhost"])
def test_on_this_machine_it_is_served(tmp_path: Path, host: str) -> None:
    refuse_open_demo(make_instance(tmp_path / "demo", 1), host, insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "market.example"])
def test_beyond_it_only_on_demand(tmp_path: Path, host: str) -> None:
    demo = make_instance(tmp_path / "demo", 1)
    with pytest.raises(Invalid, match="--insecure-demo"):
        refuse_open_demo(demo, host, insecure=False)
    (demo.root / "demo.json").unlink()  # its keys are still known
    with pytest.raises(Invalid, match="--insecure-demo"):
        refuse_open_demo(demo, host, insecure=False)
    refuse_open_demo(demo, host, insecure=True)
    refuse_open_demo(Instance.create(tmp_path / "home", "x.example", "Operator"), host, insecure=False)


def test_up_asks_for_it(tmp_path: Path) -> None:
    make_instance(tmp_path / "demo", 1)
    code, out, err = invoke("up", "--home", str(tmp_path / "demo"), "--host", "0.0.0.0", "--port", "0")
    assert (code, out) == (2, "")
    assert "anybody who reaches 0.0.0.0 could act for everybody" in " ".join(err.split())


@pytest.mark.parametrize("other", [("--prepare",), ("--gateway", "http://127.0.0.1:1"), ("--distributed",)])
def test_what_is_served_in_the_end_was_played_here(tmp_path: Path, other: tuple[str, ...]) -> None:
    code, out, err = invoke("demo", "--serve", "--home", str(tmp_path / "demo"), *other)
    assert (code, out) == (2, "")
    assert "--serve goes with a demo in one process" in " ".join(err.split())


def test_the_demo_that_is_served_stops_with_its_market_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Path] = []
    monkeypatch.setattr("counterfoil.cli.demo._play", lambda *given: {"audit": {"clean": True}, "weeks": given[4][3]})
    monkeypatch.setattr("counterfoil.cli.demo.tables", lambda report: [])
    monkeypatch.setattr("counterfoil.cli.demo._serve_demo", lambda _out, home: served.append(home))
    code, out, _ = invoke("demo", "--serve", "--json", "--home", str(tmp_path / "demo"))
    assert (code, served) == (0, [tmp_path / "demo"])
    assert '"weeks": 6' in out
