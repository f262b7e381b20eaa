"""Fetching a file from wherever a payload says it lies, from a real server that may mean us harm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network

import pytest
from file_place import PAGE, PDF, PNG, Place, Rebinding, file_place

from bridge.errors import FileAddressRefused, FileTooLarge, FileTypeRefused, FileUnreachable
from bridge.files.fetching import REDIRECTS, TRIES, Fetcher
from bridge.files.kinds import Limits

#: what a person allows who runs the chat on the same machine: this very address, and no other of that network
OURS = Limits(private=(ip_network("127.0.0.1/32"),), within=5.0)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with file_place(a_png=PNG, plan_pdf=PDF, empty_png=b"", page_png=PAGE, gone_png=404) as made:
        yield made


async def test_a_file_comes_with_a_name_and_the_type_that_its_bytes_have(place: Place) -> None:
    got = await Fetcher().fetch(f"{place.url}/plan.pdf?sig=a%2Fb+c", OURS, name="../план кухни.png")

    assert (got.name, got.type, got.data) == ("план кухни.png.pdf", "application/pdf", PDF)
    path, headers = place.asked[0]
    assert path == "/plan.pdf?sig=a%2Fb+c"
    assert set(headers) == {"host", "accept", "accept-encoding", "user-agent", "connection"}
    assert headers["accept-encoding"] == "identity"


async def test_what_has_no_name_is_called_as_its_address_ends(place: Place) -> None:
    assert (await Fetcher().fetch(f"{place.url}/a.png", OURS)).name == "a.png"


@pytest.mark.parametrize("address", [
    "http://127.0.0.1:{port}/a.png", "http://localhost:{port}/a.png", "http://[::1]:{port}/a.png", "http://0.0.0.0:{port}/a.png",
    "http://10.0.0.1/a.png", "http://169.254.169.254/latest/meta-data", "http://192.168.1.1/", "http://100.64.0.1/",
    "http://[::ffff:127.0.0.1]:{port}/a.png", "http://[fd00::1]/", "http://[64:ff9b::7f00:1]/", "http://224.0.0.1/",
    "http://[2002:7f00:1::]/",
])
async def test_nothing_is_fetched_from_a_private_network(place: Place, address: str) -> None:
    with pytest.raises(FileAddressRefused):
        await Fetcher().fetch(address.format(port=place.port), replace(OURS, private=()))

    assert place.asked == []


async def test_an_address_as_one_number_leads_nowhere_either(place: Place) -> None:
    """2130706433 is 127.0.0.1 to some resolvers."""
    with pytest.raises((FileAddressRefused, FileUnreachable)):
        await Fetcher().fetch(f"http://2130706433:{place.port}/a.png", replace(OURS, private=()))

    assert place.asked == []


@pytest.mark.parametrize("address", [
    "file:///etc/passwd", "ftp://files.example/a", "/a.png", "", "http://", "data:text/plain,hello", "http://u:p@127.0.0.1/a.png",
    "http://127.0.0.1:99999/", "javascript:alert(1)", "//files.example/a.png",
])
async def test_what_is_no_web_address_is_refused_before_anything_is_asked(address: str) -> None:
    with pytest.raises(FileAddressRefused, match="no web address"):
        await Fetcher().fetch(address, OURS)


async def test_a_name_that_stands_for_a_private_address_is_refused(place: Place) -> None:
    with pytest.raises(FileAddressRefused, match="private network"):
        await Fetcher(Rebinding(["127.0.0.2"])).fetch(f"http://files.example:{place.port}/a.png", OURS)

    assert place.asked == []


async def test_of_several_addresses_of_a_name_only_allowed_ones_are_connected_to(place: Place) -> None:
    got = await Fetcher(Rebinding(["127.0.0.2", "127.0.0.1"])).fetch(f"http://files.example:{place.port}/a.png", OURS)

    assert got.data == PNG


async def test_a_name_that_is_rebound_after_the_first_answer_is_refused_at_its_connection(place: Place) -> None:
    """The first look-up gives an allowed address, which leads on to the same name; by then that stands for another one."""
    rebinding = Rebinding(["127.0.0.1"], ["127.0.0.2"])

    with pytest.raises(FileAddressRefused):
        await Fetcher(rebinding).fetch(
            f"http://files.example:{place.port}/to?where=http://files.example:{place.port}/a.png", OURS
        )

    assert (len(place.asked), rebinding.asked) == (1, 2)


@pytest.mark.parametrize("where", [
    "http://127.0.0.2:{port}/a.png", "//127.0.0.2:{port}/a.png", "http://localhost:{port}/b", "file:///etc/passwd",
])
async def test_a_redirect_into_a_private_network_is_refused(place: Place, where: str) -> None:
    only_version_4 = Rebinding(["127.0.0.3"])

    with pytest.raises(FileAddressRefused):
        await Fetcher(only_version_4).fetch(f"{place.url}/to?where={where.format(port=place.port)}", OURS)

    assert len(place.asked) == 1


async def test_a_redirect_is_followed_and_one_without_an_end_is_not(place: Place) -> None:
    got = await Fetcher().fetch(f"{place.url}/to?where=/a.png", OURS)
    assert got.data == PNG
    place.asked.clear()

    with pytest.raises(FileUnreachable, match="leads on more than 3 times"):
        await Fetcher().fetch(f"{place.url}/round", OURS)
    assert len(place.asked) == REDIRECTS + 1


@pytest.mark.parametrize("path", ["/endless", "/said-large"])
async def test_no_more_is_read_than_allowed(place: Place, path: str) -> None:
    most = 256 * 1024

    with pytest.raises(FileTooLarge, match=r"larger than 0.25 MiB"):
        await Fetcher().fetch(place.url + path, replace(OURS, most=most))

    assert place.sent < 100 * most  # what the sockets between us took, and no gigabytes


async def test_a_file_of_just_the_largest_size_is_taken(place: Place) -> None:
    assert (await Fetcher().fetch(f"{place.url}/a.png", replace(OURS, most=len(PNG)))).data == PNG
    with pytest.raises(FileTooLarge):
        await Fetcher().fetch(f"{place.url}/a.png", replace(OURS, most=len(PNG) - 1))


async def test_a_file_that_drips_is_given_up_in_time(place: Place) -> None:
    with pytest.raises(FileUnreachable, match=r"did not come within 0.3 s"):
        await Fetcher().fetch(f"{place.url}/drip", replace(OURS, within=0.3))

    assert len(place.asked) == 1


async def test_what_comes_compressed_is_not_unpacked(place: Place) -> None:
    with pytest.raises(FileTypeRefused, match="not unpacked"):
        await Fetcher().fetch(f"{place.url}/bomb", OURS)

    assert place.sent < 100_000


async def test_a_page_that_calls_itself_a_picture_is_refused(place: Place) -> None:
    with pytest.raises(FileTypeRefused, match="a page or a program"):
        await Fetcher().fetch(f"{place.url}/page.png", OURS, name="photo.png", declared="image/png")


async def test_an_empty_file_is_of_no_kind(place: Place) -> None:
    with pytest.raises(FileTypeRefused):
        await Fetcher().fetch(f"{place.url}/empty.png", OURS)


async def test_a_kind_that_is_not_wanted_is_named(place: Place) -> None:
    with pytest.raises(FileTypeRefused, match="It is application/pdf; copied are: images"):
        await Fetcher().fetch(f"{place.url}/plan.pdf", replace(OURS, groups=("images",)))


async def test_a_link_that_has_run_out_is_said_so_and_not_asked_again(place: Place) -> None:
    with pytest.raises(FileUnreachable, match="404 was answered; the link may have run out"):
        await Fetcher().fetch(f"{place.url}/gone.png", OURS)

    assert len(place.asked) == 1


async def test_a_server_that_stumbles_is_asked_once_more(place: Place) -> None:
    place.stumbles["/a.png"] = 1
    assert (await Fetcher().fetch(f"{place.url}/a.png", OURS)).data == PNG

    place.stumbles["/a.png"] = TRIES
    with pytest.raises(FileUnreachable, match="503 was answered"):
        await Fetcher().fetch(f"{place.url}/a.png", OURS)
    assert len(place.asked) == 2 + TRIES


async def test_a_connection_that_breaks_gives_no_half_a_file(place: Place) -> None:
    with pytest.raises(FileUnreachable, match="broke"):
        await Fetcher().fetch(f"{place.url}/breaks", OURS)

    assert len(place.asked) == TRIES
