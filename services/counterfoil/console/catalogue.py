"""All pages, each listed once."""

from __future__ import annotations

from typing import Final

from counterfoil.console import forms, market
from counterfoil.console.page import Page
from counterfoil.console.words import N_

PAGES: Final = (
    Page("market", "market.html", N_("Market"), market.read),
    Page("sign-in", "sign_in.html", N_("Sign in"), lambda _look: {}),
    Page("command/{command}", "command.html", N_("Command"), forms.read_form),
)
