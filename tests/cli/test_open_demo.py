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
