"""The beginning of the story: parties, programmes as documents, and applications decided by what others attest."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from counterfoil.contract.applications import ApplicationLine, CapSet, ContractDays
from counterfoil.contract.scalars import Role
from counterfoil.contract.times import DAY
from counterfoil.demo.accelerators import ACCELERATORS, CARDS_PER_NODE, Accelerator
from counterfoil.demo.cities import CITIES, COMMITTEE, PROVIDERS, City, Provider, document
from counterfoil.demo.model import CNY, Firm
from counterfoil.demo.story_driver import StoryDriver
from counterfoil.issuance.commands import (
    AppointAuditor,
    AppropriateBudget,
    AttestFact,
    DecideApplication,
    ListProvider,
    PublishProgramme,
    PutDocument,
    RegisterClass,
    RegisterParty,
    ReviewApplication,
    SubmitApplication,
)
from counterfoil.ports import Row
from counterfoil.programme.documents import cut
from counterfoil.programme.reading import read_document

_CARD_HOUR: Final = 10 * CNY
"""About what a card-hour costs, to say how many a contract has."""
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
    _register(driver, "treasury", "Treasury of the market", ("treasurer",))
    _register(driver, "audit-office", "Audit office", ("auditor",))
    _register(driver, COMMITTEE, "Project committee (fictional)", ("issuer",))
    driver.send("operator", AppointAuditor(auditor_id="audit-office", programme_id=None))
    for provider in PROVIDERS:
        _register(driver, provider.party_id, f"{provider.name} (fictional)", ("provider",))
    for firm in firms:
        _register(driver, firm.party_id, f"{firm.name} (fictional)", ("beneficiary",))
    for accelerator in ACCELERATORS:
        driver.send("operator", _class(accelerator))
    for city in CITIES:
        _register(driver, city.party_id, f"City of {city.name} (fictional)", ("issuer",))
    driver.settle()
    for city in CITIES:
        _publish(driver, city)
    driver.settle()


def _register(driver: StoryDriver, party_id: str, name: str, roles: tuple[Role, ...]) -> None:
    driver.send("operator", RegisterParty(
        party_id=party_id, name=name, roles=roles, group_id=party_id, key=driver.prove(party_id),
        recovery_key=None, looks_like=None,
    ))  # fmt: skip


def _class(accelerator: Accelerator) -> RegisterClass:
    return RegisterClass(
        class_id=accelerator.class_id,
        version=1,
        description=f"{accelerator.name}, nodes of {CARDS_PER_NODE}",
        mem_mb=accelerator.memory_mb,
        gpus_per_node=CARDS_PER_NODE,
        bf16_mtflops_nominal=None,
        bf16_mtflops_attested=None,
        interconnect=None,
        sources=("counterfoil/demo/data/classes.csv",),
    )


def _publish(driver: StoryDriver, city: City) -> None:
    """The city's document, piece by piece, its publication, budget and listings."""
    data = read_document(document(city)).data
    digest, pieces = sha256(data).digest(), cut(data)
    for number, octets in enumerate(pieces):
        body = PutDocument(sha256=digest, piece=number, pieces=len(pieces), octets=octets)
        driver.send(city.party_id, body)
    driver.send(city.party_id, PublishProgramme(programme_id=city.programme_id, document_sha256=digest))
    budget = AppropriateBudget(programme_id=city.programme_id, amount=city.budget, document="Budget 2026")
    driver.send(city.party_id, budget)
    for provider in listed(city):
        driver.send(city.party_id, ListProvider(programme_id=city.programme_id, provider_id=provider.party_id))


# applications -------------------------------------------------------------------------------------------------------


def grant(driver: StoryDriver, firms: list[Firm]) -> None:
    """Each start-up applies once; what its city's document asks for is attested and reviewed; then the city decides."""
    by_id = {firm.party_id: firm for firm in firms}
    for firm in firms:
        _attest(driver, firm, None)
        driver.send(firm.party_id, _application(driver, firm))
    driver.settle()
    waiting = driver.rows("applications", status="submitted")
    for row in waiting:
        _attest(driver, by_id[str(row["beneficiary_id"])], str(row["application_id"]))
    for row in waiting:
        if not row["ready"]:
            body = ReviewApplication(application_id=str(row["application_id"]), step=1, passes=True, reason="Seen")
            driver.send(COMMITTEE, body)
    for row in waiting:  # of each programme in the order in which they came
        _decide(driver, by_id[str(row["beneficiary_id"])], row)
    driver.settle()


def _attest(driver: StoryDriver, firm: Firm, application_id: str | None) -> None:
    """The facts about the firm, or about its application."""
    texts = {"city": firm.city.code, "hours": f"{firm.contract // _CARD_HOUR}", "small": f"{firm.small}".lower()}
    for fact in _FACTS[firm.city.template]:
        if fact.of_project is (application_id is not None):
            values = fact.values if firm.eligible else fact.otherwise
            body = AttestFact(
                party_id=firm.party_id, application_id=application_id, line=None, name=fact.name,
                values=tuple(each.format(**texts) for each in values), on=driver.clock.now() // DAY,
                source="Register (fictional)",
            )  # fmt: skip
            driver.send(firm.city.party_id if fact.by_issuer else "operator", body)


def _application(driver: StoryDriver, firm: Firm) -> SubmitApplication:
    """For a contract with one of the city's providers, of half a year or longer."""
    today = driver.clock.now() // DAY
    providers = listed(firm.city)
    line = ApplicationLine(
        id="1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=firm.contract, tax=0, quantity=0, unit=None,
        class_id=None, region=None, provider_id=providers[len(firm.name) % len(providers)].party_id, starts=None,
        ends=None,
    )  # fmt: skip
    digest = sha256(f"Contract of {firm.name}".encode()).digest()
    signed = ContractDays(sha256=digest, signed=today, starts=today, ends=today + 180 + len(firm.name) * 5)
    return SubmitApplication(
        programme_id=firm.city.programme_id, corrects=None, project_id=None, lines=(line,), contract=signed,
        other_support=(), evidence=(digest,),
    )  # fmt: skip


def _decide(driver: StoryDriver, firm: Firm, row: Row) -> None:
    caps = (_PROJECT_CAP,) if firm.city.template == "in-indiaai-compute-2025" and firm.eligible else ()
    driver.send(firm.city.party_id, DecideApplication(
        application_id=str(row["application_id"]), decision="approved" if firm.eligible else "rejected", caps=caps,
        reason="Complete" if firm.eligible else "Not eligible",
    ))  # fmt: skip
