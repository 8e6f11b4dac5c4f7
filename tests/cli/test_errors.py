"""What stops a command is said in lines that a person can read, with its exit code, and never as a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.cli.command import CANNOT, Invalid, Out, guarded
from counterfoil.cli.render import Rows
from tests.cli.command_line import invoke


def test_a_table_without_rows_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Out(json=False).show(None, Rows("vouchers", [], ("voucher_id", "face"), ("face",)))
    assert capsys.readouterr().out == "vouchers: none\n"


def test_an_error_of_several_lines_is_shown_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise Invalid("2 lines are wrong:", "line 2: \x1b[2J", "line 3: no")

    assert guarded(Out(json=False), fail) == CANNOT
    assert capsys.readouterr().err == "error: 2 lines are wrong:\n  line 2: \\x1b[2J\n  line 3: no\n"


@pytest.mark.parametrize("held", ["{", "garbage", "[]", '"text"', '{"host": "a.example"}'])
def test_a_damaged_instance_is_named(tmp_path: Path, held: str) -> None:
    (tmp_path / "instance.json").write_text(held)
    code, out, err = invoke("up", "--home", str(tmp_path))
    assert (code, out) == (CANNOT, "")
    assert f"{tmp_path / 'instance.json'} is damaged: restore it" in err.replace("\n", "")


@pytest.mark.parametrize("words", [("up", "--home"), ("demo", "--home"), ("audit",), ("init", "--home")])
def test_a_file_in_the_place_of_a_directory_is_named(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = invoke(*words, str(tmp_path / "file" / "below"))
    assert code == CANNOT
    assert str(tmp_path / "file") in err.replace("\n", "")
