"""What the market comes to, for anybody: a quote, what can be had in each hour, and a price index with its scarcity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from counterfoil.contract.limits import MAX_BID_HOURS, MAX_NODES, MAX_NOTICE_HOURS
from counterfoil.contract.times import DAY, HOUR, format_hour, format_time, parse_hour
from counterfoil.core.rule_fields import Rules
from counterfoil.core.rules import RULES, rules_of
from counterfoil.gateway.answers import positions_of, query_responses, respond
from counterfoil.gateway.bounds import INDEX_DAYS, INDEX_TRADES, SCAN_WITHIN, SHOWN_HOURS
from counterfoil.gateway.context import Context
from counterfoil.gateway.indexing import daily
from counterfoil.gateway.levels import Market
from counterfoil.gateway.parameters import WaitFor, check_parameters, wait_for
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.quoting import Asked, Counts
from counterfoil.gateway.rows import AMOUNT_SCHEMA, TIME_SCHEMA, parameter_schema
from counterfoil.matching.orders import Bid, Offer, Plan
from counterfoil.matching.passes import pass_at
from counterfoil.matching.times import floor_hour
from counterfoil.matching.views import TRADES
from counterfoil.ports import Row, ViewReader

_ANY_PRICE: Final = 10**15
_LAST: Final = 1 << 62  # the place in line of an order that comes now
_INTEGER: Final = {"type": "integer"}
_HOUR: Final = parameter_schema("hour")
_MARKET: Final = {name: {"type": "string"} for name in ("class_id", "region", "currency")}
_ClassId = Annotated[str, Query(max_length=63)]
_Currency = Annotated[str, Query(min_length=3, max_length=8)]
_Hour = Annotated[str | None, Query(pattern=_HOUR["pattern"])]


def _object(**properties: Any) -> dict[str, Any]:
    """The schema of an object that has all of its members."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _maybe(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [dict(schema), {"type": "null"}]}


_QUOTE: Final = _object(
    **_MARKET, nodes=_INTEGER, hours=_INTEGER, time=TIME_SCHEMA,
    fills={
        "type": "array",
        "items": _object(
            price=AMOUNT_SCHEMA, nodes=_INTEGER, gpus_per_node=_INTEGER, first_hour=_HOUR, cost=AMOUNT_SCHEMA
        ),
    },
    nodes_left=_INTEGER, cost=AMOUNT_SCHEMA, position_limited={"type": "boolean"},
)  # fmt: skip
_HOURS: Final = _object(
    **_MARKET,
    hours={"type": "array", "items": _object(
        hour=_HOUR, nodes=_INTEGER, lowest_price=_maybe(AMOUNT_SCHEMA), nodes_at_lowest=_INTEGER
    )},
)  # fmt: skip
_INDEX: Final = _object(
    **_MARKET,
    days={"type": "array", "items": _object(
        day={"type": "string", "format": "date"}, index=_maybe(AMOUNT_SCHEMA), mean=AMOUNT_SCHEMA,
        lowest=AMOUNT_SCHEMA, highest=AMOUNT_SCHEMA, gpu_hours=_INTEGER, trades=_INTEGER, groups=_INTEGER,
    )},
    scarcity=_object(
        free_node_hours=_INTEGER, sold_node_hours=_INTEGER, wanted_node_hours=_maybe(_INTEGER),
        cover_bps=_maybe(_INTEGER), rsi_bps=_maybe(_INTEGER),
    ),
)  # fmt: skip


def router(context: Context) -> APIRouter:
    """Three routes."""
    routes = APIRouter()
    _add_quote(routes, context)
    _add_hours(routes, context)
    _add_index(routes, context)
    return routes


async def _read(
    context: Context, request: Request, known: tuple[str, ...], wanted: WaitFor, read: Callable[..., object]
) -> JSONResponse:
    """What `read` makes of views and positions, in a thread of long queries. Raises `Problem`."""
    backend = context.backend
    check_parameters(request, known)
    who = await context.readers.of(request)
    await wait_for(backend, context.views, wanted)

    def work() -> JSONResponse:
        with backend.views.consistent_read(SCAN_WITHIN) as views:
            positions = positions_of(backend, views)
            shown, reached = cast("tuple[object, dict[str, int]]", read(views, positions, who.party_id))
        return respond(backend, shown, {**positions, **reached})

    return await context.pools.scans.run(work)


def _hour_of(text: str | None, otherwise: int) -> int:
    try:
        return otherwise if text is None else parse_hour(text)
    except ValueError as problem:
        raise Problem(ProblemCode.BAD_REQUEST, f"{problem}") from problem


def _rules(views: ViewReader) -> Rules:
    """Those in force."""
    named = [int(cast(int, row["rules"])) for row in views.page("rules", {}, None, len(RULES))]
    return rules_of(max(named))


def _named(market: Market) -> dict[str, str]:
    return dict(zip(("class_id", "region", "currency"), market, strict=True))


# quotes -------------------------------------------------------------------------------------------------------------


def _add_quote(routes: APIRouter, context: Context) -> None:
    shown = query_responses("What would come of it", _QUOTE, ProblemCode.BAD_REQUEST, ProblemCode.UNKNOWN_PARAMETER)
    known = (
        "class_id", "region", "currency", "nodes", "hours", "earliest", "latest", "limit_price", "min_nodes",
        "min_reclaim_notice", "programme_id",
    )  # fmt: skip

    @routes.get(
        "/v1/quote",
        operation_id="quote",
        summary="What the matching rule would do with a bid now",
        description=(
            "`position_limited`: groups may hold a share of each delivery day only; what a group holds is not in "
            "the quote, and a bid that would pass the limit gets less."
        ),
        responses=shown,
    )
    async def quote(
        request: Request,
        class_id: _ClassId,
        region: _ClassId,
        currency: _Currency,
        nodes: Annotated[int, Query(ge=1, le=MAX_NODES)],
        hours: Annotated[int, Query(ge=1, le=MAX_BID_HOURS)],
        earliest: Annotated[
            _Hour, Query(description="the first hour at which it may start; default: as soon as any")
        ] = None,
        latest: Annotated[_Hour, Query(description="the last; default: as late as any offer lets it")] = None,
        limit_price: Annotated[
            int | None, Query(ge=0, le=_ANY_PRICE, description="micro-units per GPU-hour; default: any price")
        ] = None,
        min_nodes: Annotated[
            int | None,
            Query(ge=1, le=MAX_NODES, description="in parts of so many nodes at least; default: in one piece"),
        ] = None,
        programme_id: Annotated[
            str | None, Query(max_length=63, description="only of providers that it pays; default: of all")
        ] = None,
        min_reclaim_notice: Annotated[
            int | None,
            Query(ge=1, le=MAX_NOTICE_HOURS, description="only of offers with so many hours of notice of a reclaim"),
        ] = None,
        wanted: WaitFor = None,
    ) -> JSONResponse:
        market = (class_id, region, currency)

        def read(views: ViewReader, positions: Mapping[str, int], party_id: str | None) -> object:
            now, rules = context.backend.now(), _rules(views)
            first = _hour_of(earliest, floor_hour(now, rules))
            last = _hour_of(latest, max(first, now // HOUR + rules.max_horizon_hours))
            if last < first or (min_nodes or 1) > nodes:
                raise Problem(ProblemCode.BAD_REQUEST, "`latest` is before `earliest`, or `min_nodes` above `nodes`")
            bid = Bid(
                bid_id="quote", seq=_LAST, beneficiary_id=party_id or "", group_id=_group(views, party_id),
                programme_id=programme_id or "", currency=currency, classes=(class_id,), regions=(region,),
                nodes=nodes, hours=hours, earliest=first, latest=last,
                limit_price=_ANY_PRICE if limit_price is None else limit_price, partial=min_nodes is not None,
                min_nodes=min_nodes or 1, min_notice=min_reclaim_notice or 0,
            )  # fmt: skip
            asked = Asked(bid, pass_at(now, rules), _counts(views, market, programme_id), partial(_group, views))
            plan, reached = context.depth.plan_of(asked, positions)
            quoted = _quoted(bid, plan, _gpus(views, class_id), now)
            return {**quoted, "position_limited": _limited(views, class_id, region)}, reached

        return await _read(context, request, known, wanted, read)


def _quoted(bid: Bid, plan: Plan, gpus: int, now: int) -> dict[str, Any]:
    fills = [
        {
            "price": str(match.price), "nodes": match.nodes, "gpus_per_node": gpus,
            "first_hour": format_hour(match.first_hour), "cost": str(match.price * match.nodes * gpus * bid.hours),
        }
        for match in plan.matches
    ]  # fmt: skip
    return {
        **_named((bid.classes[0], bid.regions[0], bid.currency)), "nodes": bid.nodes, "hours": bid.hours,
        "time": format_time(now), "fills": fills, "nodes_left": bid.nodes - sum(each.nodes for each in plan.matches),
        "cost": str(sum(int(str(each["cost"])) for each in fills)),
    }  # fmt: skip


def _limited(views: ViewReader, class_id: str, region: str) -> bool:
    """Whether groups may hold so much of a delivery day only: then a bid may get less than is quoted."""
    row = views.get("position_limits", (class_id, region))
    return row is not None and row["share_bps"] is not None


def _group(views: ViewReader, party_id: str | None) -> str:
    """The group of a party; of nobody, one that nobody belongs to."""
    row = None if party_id is None else views.get("parties", (party_id,))
    return "" if row is None else str(row["group_id"])


def _gpus(views: ViewReader, class_id: str) -> int:
    """Of a node of the class as it is now; 1 if there is none."""
    rows = views.page("classes", {"class_id": class_id}, None, 500)
    return max(((cast(int, row["version"]), cast(int, row["gpus_per_node"])) for row in rows), default=(0, 1))[1]


def _counts(views: ViewReader, market: Market, programme_id: str | None) -> Counts:
    """As matching judges pairs: no halt, and a provider that the programme pays."""
    halts = {
        (row["class_id"], row["region"], row["provider_id"])
        for row in views.page("halts", {"status": "halted"}, None, 500)
    }
    gpus, known = _gpus(views, market[0]), dict[str, bool]()
    programme = None if programme_id is None else views.get("programmes", (programme_id,))
    issuer = None if programme is None else _group(views, str(programme["issuer_id"]))

    def pays(provider_id: str) -> bool:
        if programme_id is None:
            return True
        listing = views.get("listings", (programme_id, provider_id))
        return listing is not None and listing["status"] == "listed" and _group(views, provider_id) != issuer

    def counts(offer: Offer) -> bool:
        if offer.gpus_per_node != gpus:
            return False
        barred = ((None,) * 3, (market[0], None, None), (*market[:2], None), (None, None, offer.provider_id))
        if any(each in halts for each in barred):
            return False
        if offer.provider_id not in known:
            known[offer.provider_id] = pays(offer.provider_id)
        return known[offer.provider_id]

    return counts


# what can be had by hour --------------------------------------------------------------------------------------------


def _add_hours(routes: APIRouter, context: Context) -> None:
    shown = query_responses("The hours", _HOURS, ProblemCode.BAD_REQUEST, ProblemCode.UNKNOWN_PARAMETER)

    @routes.get(
        "/v1/depth/hours",
        operation_id="depth_by_hour",
        summary="What can be had in each delivery hour",
        responses=shown,
    )
    async def hours_(
        request: Request,
        class_id: _ClassId,
        region: _ClassId,
        currency: _Currency,
        first: Annotated[_Hour, Query(description="default: the first that can still be bought")] = None,
        hours: Annotated[int, Query(ge=1, le=SHOWN_HOURS)] = 168,
        wanted: WaitFor = None,
    ) -> JSONResponse:
        market = (class_id, region, currency)

        def read(views: ViewReader, positions: Mapping[str, int], _party_id: str | None) -> object:
            start = _hour_of(first, floor_hour(context.backend.now(), _rules(views)))
            found, reached = context.depth.by_hour(market, start, hours, positions)
            rows = [
                {
                    "hour": format_hour(start + nth), "nodes": each.total(),
                    "lowest_price": str(min(each)) if each else None,
                    "nodes_at_lowest": each[min(each)] if each else 0,
                }
                for nth, each in enumerate(found)
            ]  # fmt: skip
            return {**_named(market), "hours": rows}, reached

        return await _read(context, request, ("class_id", "region", "currency", "first", "hours"), wanted, read)


# the index ----------------------------------------------------------------------------------------------------------


def _add_index(routes: APIRouter, context: Context) -> None:
    shown = query_responses("The index", _INDEX, ProblemCode.BAD_REQUEST, ProblemCode.UNKNOWN_PARAMETER)

    @routes.get(
        "/v1/index",
        operation_id="index",
        summary="A market's price by day, and how scarce it is now",
        description=(
            "`index`: of the GPU-hours traded on a day (UTC), by price, the price of the middle one; no group of "
            "related parties counts for more than a third, and with fewer than three there is none. `cover_bps`, "
            "`rsi_bps`: what is free from now on, and that without the largest supplier, in basis points of what "
            "open bids want; "
            "null where fewer than three groups bid."
        ),
        responses=shown,
    )
    async def index(
        request: Request,
        class_id: _ClassId,
        region: _ClassId,
        currency: _Currency,
        days: Annotated[int, Query(ge=1, le=INDEX_DAYS)] = 30,
        wanted: WaitFor = None,
    ) -> JSONResponse:
        market = (class_id, region, currency)

        def read(views: ViewReader, positions: Mapping[str, int], _party_id: str | None) -> object:
            now = context.backend.now()
            since = (now // DAY - days + 1) * DAY
            found = daily(_trades(views, market, since), lambda party: _group(views, party) or party)
            scarcity, reached = context.depth.scarcity_of(market, floor_hour(now, _rules(views)), positions)
            return {**_named(market), "days": found, "scarcity": scarcity}, reached

        return await _read(context, request, ("class_id", "region", "currency", "days"), wanted, read)


def _trades(views: ViewReader, market: Market, since: int) -> list[Row]:
    """The market's trades from a time on, the newest first. Raises `Problem` if they are too many."""
    rows: list[Row] = []
    after: tuple[object, ...] | None = None
    while page := views.page(TRADES.name, _named(market), after, 500, newest=True, since=since):
        rows += page
        after = TRADES.place_of(page[-1])
        if len(rows) > INDEX_TRADES:
            raise Problem(ProblemCode.SCAN_TOO_LONG, "ask for fewer days")
    return rows
