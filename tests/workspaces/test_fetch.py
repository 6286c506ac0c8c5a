"""Addresses people name: which are connected to, and that the name is resolved once."""

from __future__ import annotations

import pytest

from ide.fetch import Refusal, check_url, is_public


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1", "::ffff:8.8.8.8", "::ffff:10.0.0.1"),
        *("64:ff9b::0a00:1", "64:ff9b::808:808", "2002:0a00:0001::", "2001::1", "::7f00:1"),
    ],
)
def test_addresses_that_are_not_of_the_open_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111"])
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(address)


async def test_a_public_address_is_given_back_with_its_port() -> None:
    checked = await check_url("https://8.8.8.8/x", ("https",))
    assert (checked.host, checked.port, checked.address, checked.internal) == ("8.8.8.8", 443, "8.8.8.8", False)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "0x7f000001", "017700000001", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_however_it_is_written_loopback_is_refused(host: str) -> None:
    with pytest.raises(Refusal):
        await check_url(f"http://{host}:80/", ("http",))


@pytest.mark.parametrize(
    ("allowed", "works"),
    [
        ("localhost", True),
        ("localhost:9", True),
        ("LOCALHOST", True),
        ("localhost:8", False),
        ("host", False),
        ("", False),
    ],
)
async def test_an_internal_host_is_reached_only_where_the_setting_names_it(allowed: str, works: bool) -> None:
    asked = check_url("http://localhost:9/", ("http",), internal_hosts=[allowed])
    if works:
        assert (await asked).internal
        return
    with pytest.raises(Refusal) as caught:
        await asked
    assert "TANDEM_INTERNAL_HOSTS" in caught.value.do


@pytest.mark.parametrize(
    "url",
    ["", "x", "//x", "https:///x", "https://x:99999/", "https://x\\@y/", "https://a b/", "https://u@x/", "ftp://x/"],
)
async def test_what_is_no_usable_address_is_refused_with_advice(url: str) -> None:
    with pytest.raises(Refusal) as caught:
        await check_url(url, ("https",))
    assert caught.value.do


async def test_a_host_that_is_not_there_is_told() -> None:
    with pytest.raises(Refusal) as caught:
        await check_url("https://nothing.invalid/", ("https",))
    assert "cannot be found" in caught.value.what
