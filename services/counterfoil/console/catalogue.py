"""All pages, each listed once."""

from __future__ import annotations

from typing import Final

from counterfoil.console import (
    auctions,
    contracts,
    credit,
    disclosure,
    forms,
    issuer,
    logs,
    market,
    oversight,
    programmes,
    provider,
    start_up,
    statements,
    supply,
)
from counterfoil.console.page import Page
from counterfoil.console.parties import home
from counterfoil.console.words import N_

PAGES: Final = (
    Page("market", "market.html", N_("Market"), market.read),
    Page("auctions", "auctions.html", N_("Auctions"), auctions.read_all),
    Page("auctions/{auction_id}", "auction.html", N_("Auction"), auctions.read),
    Page("credit", "credit.html", N_("Credit market"), credit.read),
    Page("classes", "classes.html", N_("Accelerator classes"), supply.classes),
    Page("programmes", "programmes.html", N_("Programmes"), programmes.read_all),
    Page("programmes/{programme_id}", "programme.html", N_("Programme"), programmes.read),
    Page("programmes/{programme_id}/disclosure", "disclosure.html", N_("Public disclosure"), disclosure.read),
    Page("logs", "logs.html", N_("Logs"), logs.read_all),
    Page("logs/{name:path}", "log.html", N_("Log"), logs.read),
    Page("start-up", "start_up.html", N_("Start-up"), home("beneficiary", "start-up", start_up.read)),
    Page("start-up/{party_id}", "start_up.html", N_("Start-up"), start_up.read),
    Page("provider", "provider.html", N_("Provider"), home("provider", "provider", provider.read)),
    Page("provider/{party_id}", "provider.html", N_("Provider"), provider.read),
    Page("issuer", "issuer.html", N_("Issuer"), home("issuer", "issuer", issuer.read)),
    Page("issuer/{party_id}", "issuer.html", N_("Issuer"), issuer.read),
    Page("contracts/{contract_id}", "contract.html", N_("Contract"), contracts.read),
    Page("statements/{party_id}", "statement.html", N_("Statement"), statements.read),
    Page("parties/{party_id}", "party.html", N_("Party"), oversight.party),
    Page("audit", "audit.html", N_("Audit"), oversight.audit),
    Page("operation", "operation.html", N_("Operation"), oversight.operation),
    Page("sign-in", "sign_in.html", N_("Sign in"), lambda _look: {}),
    Page("command/{command}", "command.html", N_("Command"), forms.read_form),
)
