"""A thief, a dishonest treasurer, an issuer with a shell company, an operator, and a pair that colludes.

Each is played through the public commands against a real `counterfoil up`. Each act is refused here, or found by the
audit at the end with its evidence: DECISIONS says which, and why.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil.cli.values import format_amount
from counterfoil.contract.times import DAY, HOUR, format_hour, format_time, parse_hour
from counterfoil.runtime.clock import ClockDriver
from tests.e2e.founding import BLOCK, PROGRAMME, found_a_market
from tests.e2e.running import STOPS_WITHIN, Shell, eventually, idle, move_on, serving

pytestmark = pytest.mark.e2e

START = int(time.time()) // 3_600 * HOUR
OTHERS = {
    "shell": "provider", "lab": "beneficiary", "twin": "provider", "umpire": "operator", "cashier": "treasurer",
}  # fmt: skip


class Town(Shell):
    """A served market that goes by a clock file."""

    process: subprocess.Popen[str]
    made: list[dict[str, Any]]
    """Contracts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "home")
        self._clock_file = folder / "clock"
        ClockDriver.create(self._clock_file, START)
        self.clock, self.made = ClockDriver(self._clock_file), []

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command."""
        return {**super().environment, "COUNTERFOIL_CLOCK": str(self._clock_file)}

    def event(self, *words: str | Path) -> Any:
        """The first event of a command that must be accepted."""
        return self.soon(*words)["events"][0]

    def refused(self, code: str, *words: str | Path) -> str:
        """Run a command that must be refused with `code`; returns the fields that say why."""
        ran = self.run(*words, "--json")
        assert (ran.code, ran.out) == (4, ""), f"{words} was accepted: {ran.out}"
        assert ran.error["code"] == code, ran.err
        return json.dumps(ran.error["fields"])

    def wait_until(self, moment: int) -> None:
        """Move the clock on, and wait until every log has decided what was due."""
        move_on(self, self.clock, moment)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A served market; when all attackers have been played it is stopped."""
    folder = tmp_path_factory.mktemp("town")
    town = Town(folder)
    town.ok("init", "--host", "town.example", "--operator-name", "Example town")
    with serving(town) as process:
        found_a_market(town, folder)
        for name, role in OTHERS.items():
            town.ok("keys", "new", name)
            town.ok("party", "register", name, "--name", name.title(), "--role", role, "--as", "operator")
        town.process = process
        yield town
    town.clock.close()


HOURS = 6
HOLDS = 8 * 60  # GPU-minutes of a node's hour


def contract(town: Town, provider: str) -> dict[str, Any]:
    """A contract of this provider with acme, for six hours from an hour later on."""
    first = town.clock.now() // HOUR + 2
    window = ("--from", format_hour(first), "--until", format_hour(first + HOURS))
    town.soon("offer", "post", *BLOCK, "--nodes", "1", *window, "--price", "1.80", "--as", provider)
    mine = ("offer", "list", "--where", "status=open", "--where", f"provider_id={provider}")
    eventually(lambda: town.ok(*mine))
    span = ("--earliest", format_hour(first), "--latest", format_hour(first))
    bid = ("bid", "place", "--programme", PROGRAMME, *BLOCK, "--nodes", "1", "--hours", str(HOURS), "--price", "2.00")
    town.soon(*bid, *span, "--as", "acme")
    starts = ("usage", "contracts", "--where", f"provider_id={provider}")
    (made,) = eventually(lambda: [each for each in town.ok(*starts) if parse_hour(each["first_hour"]) == first])
    town.made.append(made)
    return dict(made)


def delivered(town: Town, made: dict[str, Any]) -> str:
    """All hours of a contract are reported at once; the report's id."""
    first = parse_hour(made["first_hour"])
    town.wait_until((first + HOURS) * HOUR)
    readings = [word for hour in range(first, first + HOURS) for word in ("--reading", f"{format_hour(hour)}={HOLDS}")]
    reported = town.event("usage", "report", made["contract_id"], *readings, "--as", made["provider_id"])
    return str(reported["report_id"])


def claimed(town: Town, provider: str) -> tuple[str, str]:
    """A contract that is delivered, whose dispute window has passed, and its claim: the ids of both."""
    made = contract(town, provider)
    delivered(town, made)
    town.wait_until(town.clock.now() + 3 * DAY)
    completed = ("usage", "contracts", "--where", f"provider_id={provider}", "--where", "status=completed")
    eventually(lambda: town.ok(*completed))
    words = ("--programme", PROGRAMME, "--invoice", f"{provider} 1", "--contract", made["contract_id"])
    return made["contract_id"], str(town.event("claim", "submit", *words, "--as", provider)["claim_id"])


def related(town: Town, party: str, group: str, by: str = "operator") -> None:
    """Somebody attests that a party has belonged to a group since the market began."""
    since = ("--since", format_time(START), "--source", "Company register, sheet 7")
    town.ok("party", "group", party, "--group", group, *since, "--as", by)


# each attacker ------------------------------------------------------------------------------------------------------


def test_a_thief(town: Town) -> None:
    """It has a key of lab, and locks lab out; lab has a recovery key that it keeps offline."""
    for name in ("lab-offline", "thief", "thief-offline", "lab-2", "squatter"):
        town.ok("keys", "new", name)
    town.ok("keys", "set-recovery", "lab-offline", "--as", "lab")
    old = town.ok("keys", "show", "lab")["key_id"]
    town.ok("keys", "add", "thief", "--as", "lab")
    thief = ("--as", "lab", "--key", "thief")
    town.ok("keys", "revoke", "lab", old, "--reason", "mine now", *thief)
    town.refused("key_revoked", "keys", "add", "lab-2", "--as", "lab")
    town.refused("key_not_proven", "keys", "set-recovery", "thief-offline", *thief)
    town.refused("key_for_other_use", "party", "recover", "lab-2", *thief)
    town.refused(
        "role_not_allowed",
        "balance",
        "withdraw",
        "lab",
        "--currency",
        "USD",
        "--amount",
        "1",
        "--reference",
        "OUT-7",
        *thief,
    )
    town.ok("party", "recover", "lab-2", "--as", "lab", "--key", "lab-offline")
    town.refused("key_revoked", "party", "close", "--reason", "spite", *thief)
    town.ok("keys", "add", "thief-offline", "--as", "lab", "--key", "lab-2")  # a key file that lab found, now its own


def test_a_dishonest_treasurer(town: Town) -> None:
    """It counts money twice, credits what no bank can pay, and pays a company of its own."""
    deposit = ("balance", "deposit", "acme", "--currency", "USD", "--as", "treasury", "--amount")
    again = town.refused("reference_already_used", *deposit, "900", "--reference", " in – ACME")
    assert json.loads(again)["kind"] == "deposit"
    town.refused("not_whole_minor_units", *deposit, "0.000001", "--reference", "IN-77")
    withdraw = ("balance", "withdraw", "acme", "--currency", "USD", "--as", "treasury", "--amount")
    town.refused("exceeds_available", *withdraw, "90000", "--reference", "OUT-77")
    _, claim = claimed(town, "norn")
    town.ok("claim", "approve", claim, "--as", "springfield")
    settle = ("claim", "settle", "--programme", PROGRAMME, "--claim", claim, "--as", "springfield")
    closed = town.event(*settle)
    settlement, amount = closed["settlement_id"], format_amount(int(closed["amount"]))
    town.refused("role_not_allowed", "claim", "approve", claim, "--as", "treasury")
    related(town, "treasury", "norn")
    pay = (
        "claim",
        "pay",
        settlement,
        "norn",
        "--reference",
        "SEPA 4711",
        "--paid-on",
        format_time(town.clock.now())[:10],
        "--amount",
        amount,
        "--as",
    )
    town.refused("duties_not_separate", *pay, "treasury")
    town.refused("duties_not_separate", "balance", "deposit", "norn", "--currency", "USD", "--amount", "1",
                 "--reference", "IN-78", "--as", "treasury")  # fmt: skip
    town.soon(*pay, "cashier")
    town.refused("unknown_settlement", *pay, "cashier")  # it is paid, and closed


def test_an_issuer_with_a_shell_company(town: Town) -> None:
    """One relation is known from the start; the other comes out when a claim of the shell waits for approval."""
    related(town, "shell", "springfield")
    accredit = ("programme", "list-provider", PROGRAMME)
    town.refused("duties_not_separate", *accredit, "shell", "--as", "springfield")
    town.refused("role_not_allowed", "party", "group", "shell", "--group", "shell", "--source", "none",
                 "--as", "springfield")  # fmt: skip
    town.ok(*accredit, "twin", "--as", "springfield")
    town.soon(
        "balance",
        "deposit",
        "twin",
        "--currency",
        "USD",
        "--amount",
        "900",
        "--reference",
        "IN-twin",
        "--as",
        "cashier",
    )
    _, claim = claimed(town, "twin")
    related(town, "twin", "springfield")
    town.refused("duties_not_separate", "claim", "approve", claim, "--as", "springfield")


def test_an_operator(town: Town) -> None:
    """It speaks for a party, and for itself in a dispute, and a second operator takes the first one's place."""
    for name in ("planted", "umpire-2"):
        town.ok("keys", "new", name)
    propose = ("party", "propose-recovery", "acme", "--new", "planted", "--reason", "lost", "--as", "operator")
    recovery = town.event(*propose)["recovery_id"]
    early = ("party", "close", "--reason", "done with it", "--as", "acme", "--key", "planted")
    town.refused("unknown_key", *early)
    town.ok("party", "object", recovery, "--reason", "nothing is lost", "--as", "acme")
    town.wait_until(town.clock.now() + 4 * DAY)
    town.refused("unknown_key", *early)
    take = ("party", "propose-recovery", "operator", "--new", "umpire-2", "--reason", "lost", "--as", "umpire")
    town.refused("root_operator", *take)
    disputed = delivered(town, contract(town, "norn"))
    town.soon("usage", "dispute", disputed, "--reason", "it stood still", "--as", "acme")
    related(town, "norn", "operator", by="umpire")
    resolve = ("usage", "resolve", disputed, "--gpu-minutes", str(HOURS * HOLDS), "--reason", "no", "--as")
    town.refused("duties_not_separate", *resolve, "operator")
    town.refused("duties_not_separate", "party", "group", "norn", "--group", "norn", "--source", "none",
                 "--as", "operator")  # fmt: skip
    town.soon(*resolve, "umpire")


def test_a_pair_that_colludes(town: Town) -> None:
    """Nothing is known until it has traded; then it trades no more, and the audit shows what it did."""
    made = contract(town, "norn")
    related(town, "acme", "operator", by="umpire")
    window = (made["first_hour"], "--latest", made["first_hour"])
    bid = ("bid", "place", "--programme", PROGRAMME, *BLOCK, "--nodes", "1", "--hours", "1", "--price", "9")
    town.refused("duties_not_separate", *bid, "--earliest", *window, "--as", "acme")
    issue = ("voucher", "issue", "--programme", PROGRAMME, "--beneficiary", "acme", "--amount", "10")
    town.refused("duties_not_separate", *issue, "--as", "springfield")


def test_the_audit_lists_what_nobody_could_refuse(town: Town) -> None:
    """Recoveries by whom, relations that came out late, and what the related hold together, each with its place."""
    eventually(lambda: idle(town))
    town.process.send_signal(signal.SIGTERM)
    assert town.process.wait(STOPS_WITHIN) == 0
    report = town.ok("audit", town.home)
    assert report["clean"], json.dumps(report["findings"])
    (issuance,) = (log for log in report["logs"] if "/issuance/" in log["origin"])
    recoveries = {(each["party_id"], each["proposed_by"]) for each in issuance["recoveries"]}
    assert recoveries == {("lab", None)}
    relations = {(each["party_id"], each["group_id"], each["attested_by"]) for each in issuance["relations"]}
    assert relations >= {("twin", "springfield", "operator"), ("acme", "operator", "umpire")}
    together = {(each["where"], each["duties"]) for log in report["logs"] for each in log["together"]}
    contracts = {each["contract_id"] for each in town.made}
    assert ("springfield-2026", "issuer and provider") in together
    assert {where for where, _ in together} & contracts, together
