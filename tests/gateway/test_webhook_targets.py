"""Where events may be sent: no URL, name or address leads into a network that only the gateway reaches."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

import pytest

from counterfoil.gateway.bounds import WEBHOOK_PORTS, WEBHOOK_URL_CHARS
from counterfoil.gateway.webhook_targets import BadTarget, Resolver, Target, judge, parse_target

PUBLIC = ("93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2a00:1450:4001:81b::200e")
FORBIDDEN = {
    "loopback": ("127.0.0.1", "127.9.9.9", "::1"),
    "unspecified": ("0.0.0.0", "0.1.2.3", "::"),
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1"),
    "link-local": ("169.254.1.1", "fe80::1"),
    "carrier-grade NAT": ("100.64.0.1", "100.127.255.255"),
    "metadata": ("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"),
    "multicast": ("224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"),
    "reserved": ("240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "2001:db8::1", "fec0::1"),
    "IPv4-mapped": ("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:8.8.8.8"),
    "NAT64": ("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::808:808"),
    "tunnelled": ("2002:7f00:1::", "2002:808:808::1", "2001:0:808:808::1"),
}


@pytest.mark.parametrize(("kind", "text"), [(kind, each) for kind, all_ in FORBIDDEN.items() for each in all_])
def test_an_address_that_is_not_of_the_public_internet_is_refused(kind: str, text: str) -> None:
    address = ip_address(text)
    with pytest.raises(BadTarget, match="forbidden_address"):
        judge(address, loopback=False)
    url = f"https://[{text}]/" if ":" in text else f"https://{text}/"
    with pytest.raises(BadTarget, match="forbidden_address"):
        parse_target(url, loopback=False)
    if kind == "loopback":
        judge(address, loopback=True)
    else:
        with pytest.raises(BadTarget):
            judge(address, loopback=True)


def test_public_addresses_are_taken() -> None:
    for text in PUBLIC:
        judge(ip_address(text), loopback=False)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hook.example/", "not_https"),
        ("ftp://hook.example/", "not_https"),
        ("//hook.example/", "not_https"),
        ("https://user@hook.example/", "has_credentials"),
        ("https://user:pass@hook.example/", "has_credentials"),
        ("https://@hook.example/", "has_credentials"),
        ("https://hook.example/#part", "has_fragment"),
        ("https://hook.example/#", "has_fragment"),
        ("https:///path", "not_a_host"),
        ("https://2130706433/", "not_a_host"),
        ("https://0x7f.1/", "not_a_host"),
        ("https://127.1/", "not_a_host"),
        ("https://0177.0.0.1/", "not_a_host"),
        ("https://hook.example./", "not_a_host"),
        ("https://hook..example/", "not_a_host"),
        ("https://hook%2eexample/", "not_a_url"),
        ("https://[::1%25lo]/", "not_a_url"),
        ("https://[::1/", "not_a_url"),
        ("https://hook.example\\@10.0.0.1/", "not_a_url"),
        ("https://hook.example/a b", "not_a_url"),
        ("https://hook.example/\r\nX: y", "not_a_url"),
        ("https://höok.example/", "not_a_url"),
        ("https://hook.example:http/", "not_a_url"),
        ("https://hook.example:99999/", "not_a_url"),
        ("https://hook.example:0/", "forbidden_port"),
        ("https://hook.example:22/", "forbidden_port"),
        ("https://hook.example:6379/", "forbidden_port"),
        ("https://hook.example/" + "x" * (WEBHOOK_URL_CHARS - 20), "too_long"),
    ],
)
@pytest.mark.parametrize("loopback", [False, True])
def test_a_url_is_refused_with_its_reason(url: str, code: str, loopback: bool) -> None:
    with pytest.raises(BadTarget) as raised:
        parse_target(url, loopback=loopback)
    assert raised.value.code == code


def test_a_url_is_taken_up_to_its_length_and_at_its_ports() -> None:
    longest = "https://hook.example/" + "x" * (WEBHOOK_URL_CHARS - 21)
    assert parse_target(longest, loopback=False).path == "/" + "x" * (WEBHOOK_URL_CHARS - 21)
    for port in WEBHOOK_PORTS:
        assert parse_target(f"https://Hook.Example:{port}/a?b=c", loopback=False) == Target(
            "https", "hook.example", port, "/a?b=c"
        )


def test_this_machine_is_named_where_that_is_set() -> None:
    for url in ("http://127.0.0.1:8080/", "https://localhost:1/", "http://[::1]/"):
        assert parse_target(url, loopback=True).path == "/"
        with pytest.raises(BadTarget):
            parse_target(url, loopback=False)


@pytest.mark.parametrize(
    ("answers", "refused"),
    [(PUBLIC, ""), ((PUBLIC[0], "10.0.0.1"), "forbidden_address"), (("fe80::1%eth0",), "forbidden_address")],
)
def test_all_addresses_of_a_name_are_judged(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[str, ...], refused: str
) -> None:
    asked = []

    def found(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in answers]

    monkeypatch.setattr(socket, "getaddrinfo", found)

    async def look_up() -> list[str]:
        resolver, target = Resolver(loopback=False), Target("https", "hook.example", 443, "/")
        try:
            both = await asyncio.gather(*(resolver.addresses(target) for _ in range(2)))
            return [str(each) for each in both[0]]
        finally:
            resolver.close()

    if refused:
        with pytest.raises(BadTarget, match=refused):
            asyncio.run(look_up())
    else:
        assert asyncio.run(look_up()) == list(answers)
    assert asked == ["hook.example"]  # a look-up that is under way is shared


def test_a_name_that_nobody_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*_arguments: Any, **_options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", found)

    async def look_up() -> None:
        await Resolver(loopback=False).addresses(Target("https", "hook.example", 443, "/"))

    with pytest.raises(BadTarget, match="no_such_host"):
        asyncio.run(look_up())
