"""Worked examples: Nanning's published one, and those derived from the texts of Beijing, Chengdu, Shanghai and IndiaAI.

Nanning data bureau: contract 2025-01-01 to 2026-12-31, CNY 200,000 settled, reference period 2025-03-01 to 2025-12-31:
(305/729) x 20 = 8.3676 and x 30 % = 2.5102, in 10,000 yuan, four decimals, not rounded up.
"""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.programme.reading import BadDocument
from counterfoil.programme.values import written
from tests.programme.given import fact, judged, line, rules, units

IN = {
    "cn-nanning-2025": [fact("operates_in", ["CN-GX-01"]), fact("legal_form", "ENTERPRISE")],
    "cn-beijing-2023": [
        fact("registered_in", ["CN", "CN-BJ"]),
        fact("legal_form", "ENTERPRISE"),
        fact("industry", ["MANUFACTURING"]),
        fact("other_municipal_subsidy", False),
    ],
    "cn-chengdu-2025": [fact("registered_in", ["CN-SC-01"])],
    "cn-shanghai-2025": [fact("registered_in", ["CN-SH"])],
    "in-indiaai-compute-2025": [fact("recognised_as", ["DPIIT_STARTUP"])],
}
CONTRACT = {"signed": "2024-12-20", "starts": "2025-01-01", "ends": "2026-12-31"}
ALL_AT_ONCE = ["APPLIED", "GRANTED", "PAID"]


def counted(cap: str, amount: str, *events: str, on: str = "2025-02-01") -> dict[str, Any]:
    return {"counted": [{"cap": cap, "subject": "acme", "event": e, "on": on, "amount": amount} for e in events]}


VECTORS = [
    ("G1", "cn-nanning-2025", "200000", {"contract": CONTRACT, "events": ALL_AT_ONCE}, [], "25102"),
    ("G2", "cn-beijing-2023", "12000000", {}, [], "2000000"),
    ("G3", "cn-beijing-2023", "6000000", counted("per-year", "1200000", "APPLIED"), [], "800000"),
    ("G9", "cn-chengdu-2025", "1000000", {}, [], "600000"),
    ("G10", "cn-chengdu-2025", "1000000", counted("per-year", "4800000", "GRANTED", on="2026-01-05"), [], "200000"),
    ("G11", "cn-shanghai-2025", "1000000", {}, [], "300000"),
    ("G12", "cn-shanghai-2025", "1000000", {}, [fact("early_small", True, "issuer", "2026-01-01")], "1000000"),
    ("G13", "cn-shanghai-2025", "12000000", {"model": True}, [], "5000000"),
    ("G14", "in-indiaai-compute-2025", "100000", {"approved": {"project": "1000000"}}, [], "40000"),
    ("G15", "in-indiaai-compute-2025", "100000", {}, [fact("track", "FOUNDATION_MODEL")], "100000"),
]


@pytest.mark.parametrize(("name", "programme", "amount", "other", "facts", "subsidy"), VECTORS)
def test_a_vector(
    name: str, programme: str, amount: str, other: dict[str, Any], facts: list[Any], subsidy: str
) -> None:
    given = dict(other)
    lines = [line(amount, instrument="MODEL", sku="MODEL_API") if given.pop("model", False) else line(amount)]
    day = "2025-06-01" if programme == "cn-beijing-2023" else "2026-01-10"
    found = judged(rules(programme), day, lines, *IN[programme], *facts, **given)
    assert found.refusal is None, found.refusal
    assert found.subsidy == units(subsidy), [each.sentence for each in found.steps]


def test_nanning_says_each_step() -> None:
    found = judged(
        rules("cn-nanning-2025"),
        "2026-01-10",
        [line("200000")],
        *IN["cn-nanning-2025"],
        contract=CONTRACT,
        events=ALL_AT_ONCE,
    )
    assert [each.sentence for each in found.lines[0].steps][1:] == [
        "305 of 729 days: 200,000 x 305/729 = 83,676.268861...",
        "83,676.268861..., truncate to 1: 83,676",
        "30 % of 83,676 = 25,102.8 (tier settled)",
        "25,102.8, truncate to 1: 25,102",
    ]
    assert written(found.eligible) == "83,676"
    assert found.steps[-1].sentence.startswith(
        "cap per-year (beneficiary, each calendar year) not reached: 0 of 2,000,000"
    )


def test_an_inclusive_count_would_be_another_amount() -> None:
    inclusive = rules("cn-nanning-2025", benefit__prorata__day_count="INCLUSIVE")
    found = judged(
        inclusive, "2026-01-10", [line("200000")], *IN["cn-nanning-2025"], contract=CONTRACT, events=ALL_AT_ONCE
    )
    assert written(found.eligible) == "83,835"
    half_up = rules("cn-nanning-2025", benefit__rounding={"mode": "HALF_UP", "quantum": "1"})
    found = judged(
        half_up, "2026-01-10", [line("200000")], *IN["cn-nanning-2025"], contract=CONTRACT, events=ALL_AT_ONCE
    )
    assert found.subsidy == units("25103")


def test_shenzhens_rules_contradict_each_other_and_the_lower_one_counts() -> None:
    made = rules("shenzhen")
    here = fact("registered_in", ["CN-GD-03"])
    young = fact("founded_on", "2025-03-01")
    found = judged(made, "2025-06-01", [line("1000000")], here, young)
    assert found.subsidy == units("500000")
    assert [each.code for each in found.steps if each.code == "aggregate_limit"] == ["aggregate_limit"]
    with_other = judged(made, "2025-06-01", [line("1000000")], here, young, other_support={"province": "300000"})
    assert with_other.subsidy == units("200000")
    below = judged(made, "2025-06-01", [line("499999.99")], here, young)
    assert below.refusal is not None
    assert below.refusal.code == "below_floor"
    assert judged(made, "2025-06-01", [line("500000")], here, young).subsidy == units("250000")


def test_hangzhou_pays_by_the_origin_of_chips_under_one_cap() -> None:
    made = rules("hangzhou")
    here = fact("registered_in", ["CN-ZJ-01"])
    lines = [
        line("10000000", id="a", facts=[fact("accelerator_origin", "DOMESTIC")]),
        line("10000000", id="b", facts=[fact("accelerator_origin", "OTHER")]),
        line("10000000", id="c"),
    ]
    found = judged(made, "2025-06-01", lines, here)
    assert found.subsidy == units("5000000")
    assert found.lines[2].refusal is not None
    assert found.lines[2].refusal.sentence == "no tier applies (nobody attested accelerator_origin)"
    more = [line("30000000", facts=[fact("accelerator_origin", "DOMESTIC")])]
    assert judged(made, "2025-06-01", more, here).subsidy == units("8000000")
    waived = judged(made, "2025-06-01", more, here, fact("key_project", True, "issuer"))
    assert waived.subsidy == units("9000000")
    itself = judged(made, "2025-06-01", more, here, fact("key_project", True, "acme"))
    assert itself.subsidy == units("8000000"), "the applicant's own word does not count"


def test_an_allocation_in_kind_converts_and_is_counted_in_hours() -> None:
    made = rules("in-kind")
    form = fact("legal_form", "UNIVERSITY")
    lines = [
        {"id": "1", "sku": "GPU_COMPUTE", "quantity": "1000", "unit": "H100_GPU_HOUR"},
        {"id": "2", "sku": "GPU_COMPUTE", "quantity": "500", "unit": "GPU_HOUR"},
    ]
    found = judged(made, "2026-02-01", lines, form)
    assert found.subsidy == units("3000")
    lines[0]["unit"] = "TPU_HOUR"
    refused = judged(made, "2026-02-01", lines, form)
    assert refused.lines[0].refusal is not None
    assert refused.lines[0].refusal.code == "unit_not_convertible"
    assert refused.subsidy == units("500")


THIRDS = [
    {"from_unit": "CARD_HOUR", "rate": "1/3"},
    {"from_unit": "CARD_HOUR", "rate": "2/7", "provider": "norn"},
    {"from_unit": "NODE_HOUR", "rate": "8", "provider": "norn"},
]


@pytest.mark.parametrize(
    ("unit", "provider", "quantity", "amount"),
    [
        ("CARD_HOUR", "skuld", "9", "3"),
        ("CARD_HOUR", "skuld", "10", "3.33"),  # 3 1/3, rounded once, at the end
        ("CARD_HOUR", "norn", "7", "2"),
        ("CARD_HOUR", "norn", "10", "2.85"),
        ("NODE_HOUR", "norn", "2", "16"),
        ("NODE_HOUR", "skuld", "2", "0"),  # norn's conversion is nobody else's
    ],
)
def test_an_allocation_converts_by_a_fraction_and_by_its_providers_own(
    unit: str, provider: str, quantity: str, amount: str
) -> None:
    rounding = {"mode": "TRUNCATE", "quantum": "0.01"}
    made = rules("in-kind", conversions=THIRDS, benefit__floor=..., benefit__rounding=rounding)
    asked = [{"id": "1", "sku": "GPU_COMPUTE", "quantity": quantity, "unit": unit, "provider_id": provider}]
    found = judged(made, "2026-02-01", asked, fact("legal_form", "UNIVERSITY"))
    assert found.subsidy == units(amount)
    said = found.lines[0].refusal or found.lines[0].steps[1]
    rate = {"skuld": "1/3", "norn": "2/7"}.get(provider) if unit == "CARD_HOUR" else "8"
    assert amount == "0" or f" x {rate} = " in said.sentence, said.sentence


def test_a_floor_and_a_cap_of_a_quantity_are_in_the_programmes_unit() -> None:
    limits = {"benefit__floor": {"measure": "QUANTITY", "amount": "16"}, "conversions": THIRDS}
    cap = {"id": "most", "scope": "PROJECT", "period": {"kind": "PROGRAMME"}, "of": "QUANTITY", "amount": "20"}
    made = rules("in-kind", **limits, benefit__caps=[cap])
    for nodes, granted in (("1", "0"), ("2", "16"), ("3", "20")):  # of 8 GPU-hours each
        asked = [{"id": "1", "sku": "GPU_COMPUTE", "quantity": nodes, "unit": "NODE_HOUR", "provider_id": "norn"}]
        found = judged(made, "2026-02-01", asked, fact("legal_form", "UNIVERSITY"), subjects={"PROJECT": "p"})
        assert found.subsidy == units(granted), nodes


def test_a_rate_in_kind_is_a_number_or_a_fraction() -> None:
    for rate in ("0", "1.5", "1/3", "7/2"):
        rules("in-kind", conversions=[{"from_unit": "CARD_HOUR", "rate": rate}])
    for rate in ("1/0", "30%", "1e3", "0.3333333", "-1", "1/3.5"):
        with pytest.raises(BadDocument, match="conversions"):
            rules("in-kind", conversions=[{"from_unit": "CARD_HOUR", "rate": rate}])


def test_rules_in_new_combinations() -> None:
    made = rules("mixed")
    small = [fact("employees", 30), fact("turnover", 2_000_000), fact("legal_form", "ENTERPRISE")]
    lines = [
        line("12100", id="1", tax="2100", quantity="4000"),
        line("60000", id="2", quantity="20000", class_id="h100-80gb", region="eu"),
        line("9000", id="3", instrument="DATA", sku="CORPUS"),
        line("5000", id="4", sku="STORAGE"),
    ]
    found = judged(made, "2026-03-01", lines, *small, other_support={"regional": "1000"})
    # line 1: 10,000 net, 1,000 of it paid by others: 9,000 x 2/3 = 6,000; line 2: 21,000 x 2/3 + 39,000 / 8 = 18,875;
    # line 3: 4,500
    assert found.subsidy == units("29375")
    # a third and a sixth of a micro-unit go to the first payer
    assert found.payers == (("state", 14_687_500_001), ("city", 9_791_666_666), ("fund", 4_895_833_333))
    assert found.lines[3].refusal is not None
    assert found.lines[3].refusal.code == "sku_excluded"
    counts = {(each.cap, each.event): each.amount for each in found.counts}
    assert counts["both", "GRANTED"] == found.subsidy
    assert counts["how-often", "GRANTED"] == 1
    assert counts["regime:DE_MINIMIS", "GRANTED"] == found.subsidy
