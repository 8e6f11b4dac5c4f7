"""`counterfoil profile`: named settings for the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil.cli.command import Invalid, Out, local, pairs
from counterfoil.cli.late import group
from counterfoil.cli.options import argument
from counterfoil.cli.profiles import MEMBERS, Profiles, check_members, check_name, config_file
from counterfoil.cli.render import Record, Rows, plain

app = group("profile")

Name = Annotated[str, argument("NAME", "The profile's name.")]


@local(app, "list", "counterfoil profile list", tabular=True)
def list_(out: Out) -> None:
    """List the profiles, and which is in use."""
    found = Profiles(config_file())
    rows = [{"profile": name, "in_use": name == found.use, **values} for name, values in sorted(found.by_name.items())]
    columns = ("profile", "in_use", *MEMBERS)
    out.show(rows, Rows("profiles", rows, columns), plain(str(found.path), "dim"), columns=columns)


@local(app, "show", "counterfoil profile show work")
def show(out: Out, name: Name) -> None:
    """Show what a profile says."""
    values = dict(Profiles(config_file()).values(name))
    out.show(values, Record(values))


@local(app, "set", "counterfoil profile set work url=https://vouchers.example.org party=acme")
def set_(
    out: Out,
    name: Name,
    values: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE...", help=f"{', '.join(MEMBERS)}; no value removes.")
    ],
) -> None:
    """Set what a profile says; it is made if there is none. The rest of it stays.

    An option comes before the environment (COUNTERFOIL_URL and so on), that before the profile, and the profile before
    the default. --profile NAME or COUNTERFOIL_PROFILE chooses one; `profile use` the one for all other times.
    """
    check_name(name)
    given = pairs(values, "")
    check_members(given)
    if relative := [key for key in ("home", "keys", "vkeys", "ca") if given.get(key, "/")[:1] not in ("/", "")]:
        raise Invalid(f"{relative[0]}: an absolute path is expected, as a profile counts in every directory")
    for key, text in given.items():
        _check(key, text)
    profiles = Profiles(config_file())
    kept = profiles.by_name.get(name, {}) | given
    profiles.by_name[name] = {key: text for key, text in kept.items() if text}
    profiles.write()
    show_written = profiles.by_name[name]
    out.show(show_written, Record(show_written), plain(f"written to {profiles.path}", "dim"))


@local(app, "use", "counterfoil profile use work")
def use(out: Out, name: Name) -> None:
    """Use a profile whenever none is named."""
    profiles = Profiles(config_file())
    profiles.values(name)
    profiles.use = name
    profiles.write()
    out.show({"use": name}, Record({"use": name}))


def _check(key: str, text: str) -> None:
    """Raises `Invalid` for what no command could use; no text removes the value."""
    from counterfoil.settings import BadSetting, read_settings

    try:
        read_settings({key: text} if text else {})
    except BadSetting as problem:
        raise Invalid(f"{key}={text}: {str(problem).partition(': ')[2]}") from problem
