from ipaddress import ip_network

import pytest

from bridge.networks import belongs, household, is_in, is_public, read_address

NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(("address", "inside"), [
    ("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("fd00::1%eth0", True), ("11.0.0.1", False), ("", False), (None, False),
    ("x", False), ("10.1.2.3:80", False), ("10.1.2", False),
])  # fmt: skip
def test_an_address_is_in_a_network_however_it_is_written(address: str | None, inside: bool) -> None:
    assert is_in(address, NETWORKS) is inside


def test_an_address_of_one_version_is_in_no_network_of_the_other() -> None:
    assert not belongs(read_address("fd00::1"), [ip_network("0.0.0.0/0")])
    assert not belongs(read_address("10.1.2.3"), [ip_network("::/0")])


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.256", "[::1]"])
def test_a_name_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        read_address(text)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "1.1.1.1%eth0"])
def test_an_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "192.88.99.1", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "2002:7f00:1::", "2001:0:7f00:1::",
    "2001:db8::1",
])
def test_what_is_somebody_s_own_or_wraps_another_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_a_name_is_not_public_either() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        is_public("localhost")


@pytest.mark.parametrize(("address", "whose"), [
    ("203.0.113.9", "203.0.113.9"),
    ("::ffff:203.0.113.9", "203.0.113.9"),  # as a socket for both versions writes it
    ("2001:db8:1:2::3", "2001:db8:1:2::/64"),
    ("2001:db8:1:2:ffff:ffff:ffff:ffff%eth0", "2001:db8:1:2::/64"),
    ("not: an address", "not: an address"),
    ("", ""),
])  # fmt: skip
def test_whoever_has_one_address_of_version_6_has_all_of_its_network(address: str, whose: str) -> None:
    assert household(address) == whose
