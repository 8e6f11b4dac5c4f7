"""All pages, each listed once."""

from __future__ import annotations

from typing import Final

from counterfoil.console import forms, logs, market, programmes
from counterfoil.console.page import Page
from counterfoil.console.words import N_

PAGES: Final = (
    Page("market", "market.html", N_("Market"), market.read),
    Page("programmes", "programmes.html", N_("Programmes"), programmes.read_all),
    Page("programmes/{programme_id}", "programme.html", N_("Programme"), programmes.read),
    Page("logs", "logs.html", N_("Logs"), logs.read_all),
    Page("logs/{name:path}", "log.html", N_("Log"), logs.read),
    Page("sign-in", "sign_in.html", N_("Sign in"), lambda _look: {}),
    Page("command/{command}", "command.html", N_("Command"), forms.read_form),
)
