from bridge.crm.clients import read_client, shows
from bridge.mapping.schema.crm import ClientFields
from bridge.model import Client


def fields(**given: str) -> ClientFields:
    return ClientFields.model_validate({"id": "id", **given})


def test_a_record_reads_as_a_client_with_the_record_kept() -> None:
    record = {"id": 7, "n": "Анна", "p": ["+7", None, "+7"], "e": [{"v": "a@b.c"}], "o": [3, "Olga"], "w": "2026"}

    client = read_client(
        record, fields(name="n", phones="p", emails="e[].v", owner="o[0]", changed_at="w", external_id="x"), "lead"
    )

    assert client == Client(
        id="7", entity="lead", name="Анна", phones=("+7",), emails=("a@b.c",), owner="3", changed_at="2026", record=record
    )


def test_false_is_nothing_as_some_crms_write_it() -> None:
    client = read_client({"id": 7, "n": False, "p": False}, fields(name="n", phones="[p]", owner="n"), "client")

    assert client is not None
    assert (client.name, client.phones, client.owner) == (None, (), None)


def test_a_record_may_name_its_own_kind() -> None:
    client = read_client({"id": 1, "t": "company"}, fields(entity="t"), "client")

    assert client is not None
    assert client.entity == "company"


def test_a_record_without_an_id_is_nobody() -> None:
    assert read_client({"n": "Анна"}, fields(), "client") is None


def test_a_client_shows_what_stands_among_its_own() -> None:
    client = Client(id="1", phones=("8 912 345-67-89 доб. 12",), emails=("Anna@Example.com",))

    assert shows(client, phones=["+79123456789"])
    assert shows(client, emails=["anna@example.com"])
    assert not shows(client, phones=["+79123456780"], emails=["other@example.com"])
    assert not shows(Client(id="1"), phones=["+79123456789"])


def test_a_field_whose_name_only_the_configuration_knows_is_read_by_it() -> None:
    target = {"fields": {"site_id": "UF_7"}, "token": "the-key"}

    client = read_client({"id": 1, "UF_7": "u-1"}, fields(external_id="get(@, target.fields.site_id)"), "client", target=target)
    spying = read_client({"id": 1}, fields(name="target.token"), "client", target=target)

    assert client is not None
    assert (client.external_id, client.record) == ("u-1", {"id": 1, "UF_7": "u-1"})
    assert spying is not None
    assert spying.name is None
