from __future__ import annotations

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from bridge.config.values import (
    HttpUrl,
    Name,
    Networks,
    OwnDomains,
    OwnEmails,
    OwnPhones,
    Region,
    Revealed,
    Secrets,
    Size,
    Span,
    StoreUrl,
    TargetUrl,
    Zone,
)


def read(kind: object, value: object) -> object:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(("written", "seconds"), [
    ("1.5s", 1.5), ("250ms", 0.25), ("10 min", 600), ("24h", 86400), ("90 days", 90 * 86400), ("2 weeks", 14 * 86400),
    ("2 years", 730 * 86400), (30, 30.0), (0.5, 0.5),
])  # fmt: skip
def test_a_span_is_read_as_seconds(written: object, seconds: float) -> None:
    assert read(Span, written) == seconds


@pytest.mark.parametrize("written", ["24", "h", "", "-5s", "5 fortnights", "1h30m", None, True, []])
def test_what_is_no_span_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(ValidationError, match="not a length of time; write a number and a unit"):
        read(Span, written)


@pytest.mark.parametrize(("written", "size"), [("2MiB", 2097152), ("512 KiB", 524288), ("1MB", 10**6), ("1.5kb", 1500), (7, 7)])
def test_a_size_is_read_as_bytes(written: object, size: int) -> None:
    assert read(Size, written) == size


@pytest.mark.parametrize("written", ["2", "2 Mi", "many", "", None, True])
def test_what_is_no_size_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(ValidationError, match="not a size; write a number and a unit, like 512KiB or 2MiB"):
        read(Size, written)


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        read(Size, "0MiB")


def test_a_secret_comes_from_a_reference_or_from_code_never_from_the_file() -> None:
    assert read(Secrets, Revealed("abc")) == (SecretStr("abc"),)
    assert read(Secrets, [Revealed("abc"), SecretStr("def")]) == (SecretStr("abc"), SecretStr("def"))
    with pytest.raises(ValidationError, match=r"write \$\{NAME\} or \$\{file:/run/secrets/name\}"):
        read(Secrets, "abc")
    with pytest.raises(ValidationError, match="the secret is empty"):
        read(Secrets, Revealed(""))


def test_a_refused_secret_does_not_stand_in_the_message() -> None:
    with pytest.raises(ValidationError) as caught:
        read(Secrets, "hunter2hunter2")
    assert "hunter2" not in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(("written", "kept"), [
    ("https://crm.firma.ru/", "https://crm.firma.ru"), ("http://10.0.0.5:8069", "http://10.0.0.5:8069"),
    ("https://firma.bitrix.invalid/rest/1/", "https://firma.bitrix.invalid/rest/1"),
])  # fmt: skip
def test_an_address_is_kept_as_written_but_for_the_last_slash(written: str, kept: str) -> None:
    assert read(HttpUrl, written) == kept


@pytest.mark.parametrize("written", ["crm.firma.ru", "ftp://x", "https://", "https://a b", "https://x:99999", "https://[::1"])
def test_what_is_no_web_address_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValidationError, match="is not a web address; write it whole"):
        read(HttpUrl, written)


def test_a_password_in_an_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="does not stand in an address"):
        read(HttpUrl, "https://user:pw@crm.firma.ru")


@pytest.mark.parametrize("written", ["https://crm.firma.ru/x", "smtps://mail.firma.ru", "smtp://127.0.0.1:25"])
def test_a_target_is_on_the_web_or_a_mail_server(written: str) -> None:
    assert read(TargetUrl, written) == written


@pytest.mark.parametrize("written", ["smtps://", "smtp://mail firma.ru", "smtps://mail.firma.ru:99999"])
def test_what_is_no_mail_servers_address_says_how_one_looks(written: str) -> None:
    with pytest.raises(ValidationError, match="write it like smtps"):
        read(TargetUrl, written)


def test_a_mail_servers_password_stands_not_in_its_address() -> None:
    with pytest.raises(ValidationError, match="does not stand in an address"):
        read(TargetUrl, "smtps://user:pw@mail.firma.ru")


def test_a_country_that_has_no_phones_is_refused_with_the_one_that_was_meant() -> None:
    region: TypeAdapter[str] = TypeAdapter(Region)
    assert region.validate_python("gb") == "GB"
    with pytest.raises(ValidationError, match="'UK' is no country with phone numbers \\(GB was meant, perhaps\\)"):
        region.validate_python("UK")
    with pytest.raises(ValidationError, match="'ZZ' is no country with phone numbers; write"):
        region.validate_python("ZZ")


def test_a_zone_a_region_and_a_name_are_known_or_refused() -> None:
    assert read(Zone, "Asia/Almaty") == "Asia/Almaty"
    assert read(Region, "kz") == "KZ"
    assert read(Name, "shop-2_b") == "shop-2_b"
    for kind, wrong, remedy in (
        (Zone, "Europe/Moskow", "write its name"), (Zone, "../etc/passwd", "write its name"), (Region, "RUS", "two letters"),
        (Region, None, "two letters"), (Name, "my shop", "Latin letters"), (Name, "", "Latin letters"),
        (Name, "a/b", "Latin letters"),
    ):  # fmt: skip
        with pytest.raises(ValidationError, match=remedy):
            read(kind, wrong)


def test_a_network_may_be_one_address_and_may_not_be_crooked() -> None:
    assert [str(network) for network in read(Networks, ["10.0.0.0/8", "fd00::1"])] == ["10.0.0.0/8", "fd00::1/128"]  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match="is no network"):
        read(Networks, "10.0.0.1/8")


@pytest.mark.parametrize("written", [
    "yourshop.ru", "YourShop.ru.", "https://www.yourshop.ru/about?x=1", "*.yourshop.ru", "@yourshop.ru", "www.yourshop.ru",
    "http://yourshop.ru:8080",
])  # fmt: skip
def test_a_domain_of_ours_is_understood_however_it_is_pasted(written: str) -> None:
    assert read(OwnDomains, written) == ("yourshop.ru",)


def test_a_domain_of_other_letters_is_one() -> None:
    assert read(OwnDomains, ["магазин.рф"]) == ("магазин.рф",)


@pytest.mark.parametrize(("kind", "written", "says"), [
    (OwnDomains, "shop", "no domain; write it like"), (OwnDomains, "sales@shop.ru", "belongs under `emails`"),
    (OwnDomains, "", "no domain"), (OwnDomains, "shop .ru", "no domain"),
    (OwnEmails, "@shop.ru", "belongs under `domains`"), (OwnEmails, "sales", "no e-mail address; write it like"),
    (OwnEmails, "Sales <sales@shop.ru>", "no e-mail address"), (OwnEmails, "a@shop.ru, b@shop.ru", "no e-mail address"),
    (OwnPhones, "тел. 8 495 123-45-67", "write the number alone"),
    (OwnPhones, "8 495 123-45-67 доб. 12", "write the number alone"),
    (OwnPhones, "1234", "no phone number"), (OwnPhones, "+7 495 123-45-67 / 8 916 123-45-67", "no phone number"),
])  # fmt: skip
def test_what_would_never_be_met_in_a_chat_is_refused(kind: object, written: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        read(kind, written)


@pytest.mark.parametrize("written", ["+7 495 123-45-67", "8(495)1234567", "(495) 123-45-67", "88005553535", "tel:+74951234567"])
def test_a_phone_of_ours_stands_alone_in_any_form(written: str) -> None:
    assert len(read(OwnPhones, [written])) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["sqlite:///data/x.db", "sqlite:////data/x.db", "postgresql://u:p@h/d", "postgres:///d?host=/run"])
def test_an_address_of_a_store_is_taken(written: str) -> None:
    assert read(StoreUrl, written) == written


@pytest.mark.parametrize("written", [
    "foo", "", "mysql://u:hunter2@h/d", "sqlite:data.db", "sqlite://data.db", "sqlite:///", "/data/x.db",
])  # fmt: skip
def test_what_is_no_address_of_a_store_is_refused_without_its_password(written: str) -> None:
    with pytest.raises(ValidationError, match=r"no address of a store; write sqlite:///data/chat2crm\.db") as caught:
        read(StoreUrl, written)
    assert "hunter2" not in caught.value.errors()[0]["msg"]
