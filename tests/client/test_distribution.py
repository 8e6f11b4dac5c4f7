"""The two wheels: the client's stands alone, with the oldest and the newest dependencies that it allows."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Sequence
from email import message_from_bytes
from pathlib import Path

import httpx
import pytest

import counterfoil
from tests.e2e.founding import found_a_market
from tests.e2e.running import Shell, serving
from tests.lacking import leave_out

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "python"
PACKAGE = ROOT / "services" / "counterfoil"
VENDOR = PACKAGE / "console" / "static" / "vendor"
SITE = PACKAGE / "site"
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
ALONE = """
import importlib.util, pkgutil, counterfoil
assert "site-packages" in counterfoil.__file__, counterfoil.__file__
for module in pkgutil.walk_packages(counterfoil.__path__, "counterfoil."):
    importlib.import_module(module.name)
for served in ("gateway", "core", "catalogue", "storage"):
    assert importlib.util.find_spec(f"counterfoil.{served}") is None, served
from importlib.resources import files
assert (files("counterfoil") / "py.typed").is_file()
import counterfoil.client
for name in counterfoil.client.__all__:
    getattr(counterfoil.client, name)
"""


def wheel(project: Path, folder: Path) -> Path:
    done = subprocess.run([sys.executable, "-c", BUILD, str(folder)], cwd=project, check=True, capture_output=True,
                          text=True, timeout=60)  # fmt: skip
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The client's and the server's."""
    if not (VENDOR.exists() and SITE.exists()):
        leave_out("what the wheel contains is not made: make console-assets docs")
    folder = tmp_path_factory.mktemp("wheels")
    return wheel(CLIENT, folder), wheel(ROOT, folder)


def modules(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def requirements(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("/METADATA")]
        return message_from_bytes(archive.read(name)).get_all("Requires-Dist") or []


def test_the_wheels_divide_the_package(wheels: tuple[Path, Path]) -> None:
    client, server = map(modules, wheels)
    assert client & server == set()
    sources = {f"counterfoil/{path.relative_to(PACKAGE).as_posix()}" for path in PACKAGE.rglob("*") if path.is_file()}
    assert client | server == {each for each in sources if "__pycache__" not in each}
    assert "counterfoil/gateway/app.py" in server
    assert "counterfoil/client/blocking.py" in client


def test_no_wheel_is_built_without_its_assets(tmp_path: Path) -> None:
    """Whatever is missing, changed or added stops the build, with what helps."""
    if not VENDOR.exists():
        leave_out("the console's assets are not made: make console-assets")
    hook = runpy.run_path(str(ROOT / "clients" / "console" / "hatch_build.py"))
    faults: Callable[[Path], list[str]] = hook["faults"]
    assert faults(VENDOR) == []
    copy = tmp_path / "services" / "counterfoil" / "console" / "static" / "vendor"
    shutil.copytree(VENDOR, copy)
    (copy / "htmx.min.js").write_text("alert(1)")
    (copy / "counterfoil-client.js").unlink()
    (copy / "more.js").touch()
    assert faults(copy) == ["counterfoil-client.js is missing", "htmx.min.js was changed", "more.js is not listed"]
    build = hook["ConsoleAssets"](str(tmp_path), {}, None, None, "", "wheel")
    build.initialize("editable", {})
    with pytest.raises(RuntimeError, match="make docs"):
        build.initialize("standard", {})
    site = tmp_path / SITE.relative_to(ROOT)
    site.mkdir()
    (site / "index.html").touch()
    with pytest.raises(RuntimeError, match="make console-assets"):
        build.initialize("standard", {})
    shutil.rmtree(copy)
    assert faults(copy) == ["assets.json is not there"]


def test_third_party_assets_are_listed(wheels: tuple[Path, Path]) -> None:
    """Of each: the version and hash that the lock has, its licence, and the licence's text beside it."""
    locked = json.loads((ROOT / "clients" / "console" / "package-lock.json").read_text())["packages"]
    with zipfile.ZipFile(wheels[1]) as archive:
        listed = json.loads(archive.read("counterfoil/console/static/vendor/assets.json"))
        notices = archive.read("counterfoil/console/static/vendor/NOTICES.txt").decode()
    others = {each["package"]: each for each in listed.values() if "integrity" in each}
    assert set(others) == set(locked[""]["dependencies"])
    for name, each in others.items():
        assert {
            key: locked[f"node_modules/{name}"][key] for key in ("version", "integrity", "license")
        }.items() <= each.items()
        assert f"{name} {each['version']} ({each['license']})" in notices


def test_they_ask_for_ranges(wheels: tuple[Path, Path]) -> None:
    """Exact versions are in the locks; but both wheels of this tree have the same version."""
    exact = [each for path in wheels for each in requirements(path) if "==" in each.partition(";")[0]]
    assert exact == [f"counterfoil-client=={counterfoil.__version__}"]
    for path in wheels:
        for each in requirements(path):
            assert ">=" in each or each in exact, each


def test_the_client_asks_for_nothing_newer_than_the_server() -> None:
    """Where both wheels are installed, one version fits both: the server's range lies within the client's."""
    client, server = (tomllib.loads((each / "pyproject.toml").read_text())["project"] for each in (CLIENT, ROOT))
    lowest = {name: tuple(map(int, low.split("."))) for name, low in map(bounds, server["dependencies"])}
    for name, low in map(bounds, client["dependencies"]):
        assert tuple(map(int, low.split("."))) <= lowest[name], name


def bounds(requirement: str) -> tuple[str, str]:
    found = re.match(r"([a-z0-9-]+)[>=]=([0-9.]+)", requirement)
    assert found is not None, requirement
    return found[1], found[2]


@pytest.fixture(scope="module", params=["lowest-direct", "highest"])
def alone(request: pytest.FixtureRequest, wheels: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the client's wheel, what it needs, and pytest."""
    return environment(tmp_path_factory.mktemp(request.param), request.param, wheels[0], "pytest>=9.2,<10")


def environment(folder: Path, resolution: str, *wanted: str | Path) -> Path:
    """The interpreter of a new environment with what is wanted and its dependencies."""
    python = folder / "venv" / "bin" / "python"
    made = uv("venv", "--python", sys.executable, folder / "venv")
    words = ("pip", "install", "--resolution", resolution, "--python", python, *wanted)
    done = uv(*words) if made.returncode == 0 else made
    if done.returncode != 0:
        leave_out(f"the package index does not give what a wheel needs: {done.stderr[-1_500:]}")
    return python


def uv(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uv", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=200)


def run(command: Sequence[str | Path], folder: Path, environment: dict[str, str] | None = None) -> str:
    kept = {name: value for name, value in (environment or dict(os.environ)).items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=kept, check=False, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[-6_000:]
    return done.stdout


def test_it_stands_alone(alone: Path, tmp_path: Path) -> None:
    run([alone, "-W", "error", "-c", ALONE], tmp_path)


def test_its_tests(alone: Path, tmp_path: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider", "-c", "/dev/null", f"--rootdir={CLIENT}", f"--basetemp={tmp_path / 't'}")
    printed = run([alone, "-m", "pytest", *options, CLIENT / "tests"], tmp_path)
    assert re.search(r"^\d{3} passed", printed, re.MULTILINE), printed


@pytest.mark.e2e
def test_what_its_readme_shows(alone: Path, tmp_path: Path) -> None:
    """Issuer, provider, start-up and auditor, in one program, against an instance that is served."""
    blocks = re.findall(r"^```python\n(.*?)^```", (CLIENT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    program = tmp_path / "program.py"
    program.write_text("\n".join(blocks))
    shell = Shell(tmp_path / "home")
    shell.ok("init", "--host", "market.example")
    with serving(shell):
        found_a_market(shell, tmp_path)
        printed = run([alone, program], tmp_path, shell.environment)
    assert "filled ['1800000']" in printed
    assert "unknown_order" in printed


@pytest.mark.e2e
def test_the_server_starts_with_the_oldest(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    """Both wheels alone serve console and documentation, with all that pages load, where no Node is on the path."""
    python = environment(tmp_path, "lowest-direct", *wheels)
    printed = run(
        [python, "-c", "import counterfoil.bootstrap.embedded, counterfoil.gateway.app, counterfoil.cli.up"], tmp_path
    )
    assert printed == ""
    assert counterfoil.__version__ in run([python.parent / "counterfoil", "--version"], tmp_path)
    shell = Shell(tmp_path / "home")
    shell.ok("init", "--host", "market.example")
    shell.more = {"PATH": str(tmp_path)}
    with serving(shell, python=python):
        page = httpx.get(f"{shell.url}/console/market").raise_for_status().text
        assert "make console-assets" not in page
        loaded = re.findall(r'(?:src|href)="(/console/static/[^"]+)"', page)
        base = loaded[0].partition("/static/")[2].partition("/")[0]
        assert any(each.endswith("vendor/htmx.min.js") for each in loaded)
        for each in (*loaded, f"/console/static/{base}/vendor/counterfoil-client.js"):
            assert httpx.get(f"{shell.url}{each}").status_code == 200, each
        assert httpx.get(f"{shell.url}/docs/").status_code == 200
