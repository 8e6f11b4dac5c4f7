"""The beginning of the story: parties, programmes as documents, and applications decided by what others attest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from counterfoil.accelerators import bundled_class
from counterfoil.contract.applications import ApplicationLine, CapSet, ContractDays
from counterfoil.contract.limits import MAX_BATCH_COMMANDS
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import Role
from counterfoil.contract.times import DAY
from counterfoil.demo.accelerators import ACCELERATORS, Accelerator
from counterfoil.demo.cities import CITIES, COMMITTEE, PROVIDERS, City, Provider, document
from counterfoil.demo.model import CNY, Firm
from counterfoil.demo.story_driver import StoryDriver
from counterfoil.issuance.class_commands import RegisterClass
from counterfoil.issuance.commands import (
    AppointAuditor,
    AppropriateBudget,
    AttestFact,
    DecideApplication,
    ListProvider,
    PublishProgramme,
    PutDocument,
    RegisterParty,
    ReviewApplication,
    SubmitApplication,
)
from counterfoil.ports import Row
from counterfoil.programme.documents import cut
from counterfoil.programme.reading import read_document

_CARD_HOUR: Final = 10 * CNY
"""About what a card-hour costs, to say how many a contract has."""
_PARTIES_AT_ONCE: Final = 32
_DECISIONS_AT_ONCE: Final = 8
"""What these decide fits into an entry."""
_COMMITTEE_STEP: Final = 1
_PROJECT_CAP: Final = CapSet(cap="project", amount=2_000_000 * CNY)


class _Known(NamedTuple):
    """A fact that a template asks for: its values if the firm is eligible, if it is not, and who attests it.

    `of_project`: it is about the application. `{city}` is the city's code, `{hours}` the contract's card-hours.
    """

    name: str
    values: tuple[str, ...]
    otherwise: tuple[str, ...]
    by_issuer: bool = False
    of_project: bool = False


_HERE: Final = _Known("registered_in", ("XC", "{city}"), ("XC", "XC-99"))
_FACTS: Final[Mapping[str, tuple[_Known, ...]]] = {
    "cn-beijing-2023": (
        _HERE,
        _Known("legal_form", ("ENTERPRISE",), ("ENTERPRISE",)),
        _Known("industry", ("SOFTWARE_INFORMATION_SERVICES",), ("RETAIL",)),
        _Known("other_municipal_subsidy", ("false",), ("true",), by_issuer=True),
    ),
    "cn-chengdu-2025": (_HERE,),
    "cn-shanghai-2025": (_HERE, _Known("early_small", ("{small}",), ("{small}",), by_issuer=True)),
    "in-indiaai-compute-2025": (
        _Known("recognised_as", ("MSME",), ("LISTED_COMPANY",)),
        _Known("gpu_hours", ("{hours}",), ("{hours}",), of_project=True),
        _Known("gpus", ("256",), ("256",), of_project=True),
    ),
}


def listed(city: City) -> tuple[Provider, ...]:
    """The providers that a city accredits: four in five."""
    return tuple(each for number, each in enumerate(PROVIDERS) if (number + city.number) % 5)


def found(driver: StoryDriver, firms: list[Firm]) -> None:
    """Parties, accelerator classes, programmes, budgets and listings."""
    parties = [
        _party(driver, "treasury", "Treasury of the market", "treasurer"),
        _party(driver, "audit-office", "Audit office", "auditor"),
        _party(driver, COMMITTEE, "Project committee (fictional)", "issuer"),
        *(_party(driver, each.party_id, f"{each.name} (fictional)", "provider") for each in PROVIDERS),
        *(_party(driver, each.party_id, f"{each.name} (fictional)", "beneficiary") for each in firms),
        *(_party(driver, each.party_id, f"City of {each.name} (fictional)", "issuer") for each in CITIES),
    ]
    driver.send_all("operator", parties, _PARTIES_AT_ONCE)
    classes = [_class(each) for each in ACCELERATORS]
    driver.send_all("operator", [AppointAuditor(auditor_id="audit-office", programme_id=None), *classes])
    driver.settle()
    for city in CITIES:
        driver.send_all(city.party_id, _programme(city))
    driver.settle()


def _party(driver: StoryDriver, party_id: str, name: str, role: Role) -> RegisterParty:
    return RegisterParty(
        party_id=party_id, name=name, roles=(role,), group_id=party_id, key=driver.prove(party_id), recovery_key=None,
        looks_like=None,
    )  # fmt: skip


def _class(accelerator: Accelerator) -> RegisterClass:
    """What public sources say of it; the trace's nodes have eight cards."""
    return bundled_class(accelerator.bundled, accelerator.class_id)


def _programme(city: City) -> list[Body]:
    """The city's document, piece by piece, its publication, budget and listings."""
    data = read_document(document(city)).data
    digest, pieces = sha256(data).digest(), cut(data)
    programme_id = city.programme_id
    return [
        *(
            PutDocument(sha256=digest, piece=number, pieces=len(pieces), octets=octets)
            for number, octets in enumerate(pieces)
        ),
        PublishProgramme(programme_id=programme_id, document_sha256=digest),
        AppropriateBudget(programme_id=programme_id, amount=city.budget, document="Budget 2026"),
        *(ListProvider(programme_id=programme_id, provider_id=provider.party_id) for provider in listed(city)),
    ]


# applications -------------------------------------------------------------------------------------------------------


def grant(driver: StoryDriver, firms: list[Firm]) -> None:
    """Each start-up applies once; what its city's document asks for is attested and reviewed; then the city decides."""
    by_id = {firm.party_id: firm for firm in firms}
    _send_by_author(driver, [each for firm in firms for each in _facts(driver, firm, None)])
    for firm in firms:
        driver.send(firm.party_id, _application(driver, firm))
    driver.settle()
    waiting = [(by_id[str(row["beneficiary_id"])], row) for row in driver.rows("applications", status="submitted")]
    of_projects = [each for firm, row in waiting for each in _facts(driver, firm, str(row["application_id"]))]
    _send_by_author(driver, of_projects)
    reviews = [
        ReviewApplication(application_id=str(row["application_id"]), step=_COMMITTEE_STEP, passes=True, reason="Seen")
        for _, row in waiting
        if not row["ready"]
    ]
    driver.send_all(COMMITTEE, reviews)
    decisions = [(firm.city.party_id, _decision(firm, row)) for firm, row in waiting]
    _send_by_author(driver, decisions, _DECISIONS_AT_ONCE)  # of each programme in the order in which they came
    driver.settle()


def _send_by_author(driver: StoryDriver, signed: Sequence[tuple[str, Body]], at_once: int = MAX_BATCH_COMMANDS) -> None:
    """Send commands in batches, each author's in their order."""
    for author in dict.fromkeys(author for author, _ in signed):
        driver.send_all(author, [body for by, body in signed if by == author], at_once)


def _facts(driver: StoryDriver, firm: Firm, application_id: str | None) -> Iterator[tuple[str, Body]]:
    """Who attests what of the firm, or of its application."""
    texts = {"city": firm.city.code, "hours": f"{firm.contract // _CARD_HOUR}", "small": f"{firm.small}".lower()}
    for fact in _FACTS[firm.city.template]:
        if fact.of_project is (application_id is not None):
            values = fact.values if firm.eligible else fact.otherwise
            yield firm.city.party_id if fact.by_issuer else "operator", AttestFact(
                party_id=firm.party_id, application_id=application_id, line=None, name=fact.name,
                values=tuple(each.format(**texts) for each in values), on=driver.clock.now() // DAY,
                source="Register (fictional)",
            )  # fmt: skip


def line_of(firm: Firm, amount: int, starts: int | None = None, ends: int | None = None) -> ApplicationLine:
    """A line of the firm's contract: compute for an amount, from the provider that it chose of those listed."""
    providers = listed(firm.city)
    return ApplicationLine(
        id="1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=amount, tax=0, quantity=0, unit=None,
        class_id=None, region=None, provider_id=providers[len(firm.name) % len(providers)].party_id, starts=starts,
        ends=ends,
    )  # fmt: skip


def _application(driver: StoryDriver, firm: Firm) -> SubmitApplication:
    """For a contract with one of the city's providers, of half a year or longer."""
    today = driver.clock.now() // DAY
    digest = sha256(f"Contract of {firm.name}".encode()).digest()
    signed = ContractDays(sha256=digest, signed=today, starts=today, ends=today + 180 + len(firm.name) * 5)
    return SubmitApplication(
        programme_id=firm.city.programme_id, corrects=None, project_id=None, lines=(line_of(firm, firm.contract),),
        contract=signed,
        other_support=(), evidence=(digest,),
    )  # fmt: skip


def _decision(firm: Firm, row: Row) -> DecideApplication:
    caps = (_PROJECT_CAP,) if firm.city.template == "in-indiaai-compute-2025" and firm.eligible else ()
    return DecideApplication(
        application_id=str(row["application_id"]), decision="approved" if firm.eligible else "rejected", caps=caps,
        reason="Complete" if firm.eligible else "Not eligible",
    )  # fmt: skip
