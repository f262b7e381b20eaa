from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.config import Own, Settings, load, of_site, site_of
from bridge.config.sites import find
from bridge.errors import ConfigError

SITE = """
own: {domains: [bakery.test]}
sources:
  shop: {provider: jivo, secret: '${SECRET}', target: sales}
targets:
  sales: {crm: sandbox, url: http://127.0.0.1:9000, token: '${TOKEN}'}
  more: {crm: sandbox, oauth: {same_as: sales2}}
  sales2: {crm: sandbox, oauth: {client_id: one}}
routes:
  - {source: shop, target: more, when: "page.url"}
"""
ENVIRON = {"KEY": "k" * 40, "SECRET": "of-the-environment-itself", "TOKEN": "t0k3n-of-nobody"}
Write = Callable[..., Settings]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Settings of config.yaml and the files named; a path's text."""

    def write(main: str = "include: sites/*.yaml\n", **files: str) -> Settings:
        (tmp_path / "sites").mkdir(exist_ok=True)
        (tmp_path / "config.yaml").write_text("key: ${KEY}\n" + main, encoding="utf-8")
        for name, text in files.items():
            (tmp_path / "sites" / name.replace("__", ".")).write_text(text, encoding="utf-8")
        return load(tmp_path / "config.yaml", ENVIRON)

    return write


def test_a_site_is_a_file_and_its_name_stands_before_all_its_connections_names(written: Write) -> None:
    settings = written(bakery__yaml=SITE)
    assert list(settings.sources) == ["bakery.shop"]
    assert list(settings.targets) == ["bakery.sales", "bakery.more", "bakery.sales2"]
    shop = settings.sources["bakery.shop"]
    assert (shop.name, shop.target) == ("bakery.shop", "bakery.sales")
    assert [(route.source, route.target) for route in settings.routes_of("bakery.shop")] == [
        ("bakery.shop", "bakery.more"), ("bakery.shop", "bakery.sales"),
    ]  # fmt: skip
    oauth = settings.targets["bakery.more"].oauth
    assert oauth is not None
    assert oauth.same_as == "bakery.sales2"
    assert settings.own_of("bakery.shop") == Own(domains=("bakery.test",))


def test_sites_beside_one_another_may_use_the_same_names(written: Write) -> None:
    settings = written("include: [sites/*.yaml]\nown: {emails: [us@agency.test]}\n" + SITE.replace("own:", "#"),
                       bakery__yaml=SITE, florist__yaml=SITE)  # fmt: skip
    assert list(settings.sources) == ["shop", "bakery.shop", "florist.shop"]
    assert settings.own_of("florist.shop") == Own(domains=("bakery.test",), emails=("us@agency.test",))
    assert settings.own_of("shop") == Own(emails=("us@agency.test",))
    assert (site_of("bakery.shop"), site_of("shop"), of_site("florist", settings.sources)) == ("bakery", "", ["florist.shop"])


def test_a_site_with_variables_of_its_own_sees_no_others(written: Write) -> None:
    settings = written(bakery__yaml=SITE, bakery__env="SECRET=of-the-bakery\nTOKEN=t0k3n-of-the-bakery\n", florist__yaml=SITE,
                       tailor__yaml=SITE, tailor__env="TOKEN=only-this\n")  # fmt: skip
    secrets = {name: one.secret[0].get_secret_value() for name, one in settings.sources.items()}
    assert secrets == {"bakery.shop": "of-the-bakery", "florist.shop": ENVIRON["SECRET"]}
    assert "the environment variable SECRET is not set" in settings.sites["tailor"].error
    assert "tailor.env" in settings.sites["tailor"].error
    assert "of-the-bakery" in set(settings.secrets())
    assert {path.name for path in settings.secret_files} == {"bakery.env"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SITE.replace("target: sales}", "traget: sales}"), ":4:47: sources.shop.traget: unknown key (did you mean target?)"),
        ("sources: {", "bakery.yaml:2:1: YAML:"),
        ("", "there is nothing in it"),
        ("store: sqlite:///x.db\n", ":1:1: store: does not belong into a customer's file; known here: timezone, language"),
        ("key: x\n", "key: does not belong"),
        (SITE.replace("target: more", "target: mroe"), ":10:20: routes.0.target: there is no target 'mroe'"),
    ],
)
def test_a_mistake_in_one_file_is_that_sites_alone_and_says_where_it_is(written: Write, text: str, said: str) -> None:
    settings = written(bakery__yaml=text, florist__yaml=SITE)
    assert list(settings.sources) == ["florist.shop"]
    assert said in settings.sites["bakery"].error
    assert "bakery.yaml" in settings.sites["bakery"].error
    assert settings.sites["florist"].error == ""


def test_a_file_that_cannot_be_read_or_named_is_that_sites_alone(written: Write, tmp_path: Path) -> None:
    written()
    (tmp_path / "sites" / "folder.yaml").mkdir()
    (tmp_path / "sites" / "bytes.yaml").write_bytes(b"sources: \xff")
    settings = written(florist__yaml=SITE, Бар__yaml=SITE, broken__yaml=SITE, broken__env="what is this\n")
    errors = {name: site.error for name, site in settings.sites.items()}
    assert "cannot be read: Is a directory" in errors["folder"]
    assert "it is not UTF-8 text" in errors["bytes"]
    assert "cannot be a site's name; name the file with Latin letters" in errors["Бар"]
    assert "broken.env:1: this is no line of the form" in errors["broken"]
    assert list(settings.sources) == ["florist.shop"]


def test_what_is_wrong_with_a_sites_option_is_said_by_its_own_place(written: Write) -> None:
    settings = written(bakery__yaml=SITE.replace("token: '${TOKEN}'", "token: '${TOKEN}', colour: red"))
    with pytest.raises(ConfigError, match=r"bakery\.yaml:6:72: targets\.bakery\.sales: unknown key `colour`"):
        settings.check_against(lambda _: ())


def test_a_pattern_that_fits_nothing_yet_is_no_mistake_but_a_name_that_leads_nowhere_is(tmp_path: Path) -> None:
    assert find(["sites/*.yaml"], tmp_path) == []
    with pytest.raises(ValueError, match=r"there is no file .*bakery\.yaml; correct the name, or remove it here"):
        find(["bakery.yaml"], tmp_path)


@pytest.mark.parametrize("pattern", ["/etc/*.yaml", "../*.yaml", "sites/../../x.yaml"])
def test_only_files_below_the_configuration_are_read(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ValueError, match="leads out of the folder"):
        find([pattern], tmp_path)


def test_two_files_of_one_name_are_refused_and_both_are_named(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "bakery.yaml").write_text(SITE)
    with pytest.raises(ValueError, match=r"b/bakery\.yaml and .*a/bakery\.yaml would both be the site 'bakery'"):
        find(["a/*.yaml", "b/*.yaml"], tmp_path)
    assert find(["a/*.yaml", "a/bakery.yaml"], tmp_path) == [tmp_path / "a" / "bakery.yaml"]


def test_a_wrong_include_is_a_mistake_of_the_whole_file_with_its_place(written: Write) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml:2:1: include: '/etc/\*\.yaml' leads out"):
        written("include: /etc/*.yaml\n")


OPS = """
key: ${KEY}
include: sites/*.yaml
ops: {password: '${OPS}'%s}
"""
ACCESS = SITE + "ops: {%s}\n"


def accessed(tmp_path: Path, main: str, ops: str) -> Settings:
    (tmp_path / "sites").mkdir(exist_ok=True)
    (tmp_path / "config.yaml").write_text(main, encoding="utf-8")
    (tmp_path / "sites" / "bakery.yaml").write_text(ACCESS % ops, encoding="utf-8")
    return load(tmp_path / "config.yaml", {**ENVIRON, "OPS": "p4ssw0rd-of-all", "THEIRS": "p4ssw0rd-of-theirs"})


def test_a_customers_file_says_who_of_them_may_look(tmp_path: Path) -> None:
    ops = "password: '${THEIRS}', tokens: [{name: reads, token: '${TOKEN}'}], users: [anna]"
    settings = accessed(tmp_path, OPS % ", user_header: X-User, trusted_proxies: [127.0.0.1]", ops)
    assert settings.sites["bakery"].error == ""
    theirs = settings.access["bakery"]
    assert (theirs.users, theirs.tokens[0].name, theirs.tokens[0].scope) == (("anna",), "reads", "read")
    assert {"p4ssw0rd-of-theirs", ENVIRON["TOKEN"], "p4ssw0rd-of-all"} <= set(settings.secrets()), "none of them gets into a log"
    only = settings.only("bakery")
    assert set(only.sources) == {"bakery.shop"}
    assert "p4ssw0rd-of-all" not in str(only.ops.password)


@pytest.mark.parametrize(
    ("main", "ops", "said"),
    [
        ("", "port: 9000", "ops.port: does not belong into a customer's file; known here: password, password_hash, users"),
        ("", "users: [anna]", "users are those whom a proxy names; set `ops.user_header` in"),
        ("", "password: in-clear", "a secret does not stand in this file in clear"),
        ("", "password_hash: '${THEIRS}'", "this is no hash of a password"),
        ("", "tokens: [{name: a, token: '${TOKEN}'}, {name: b, token: '${TOKEN}'}]", "two of the `tokens` are the same"),
    ],
)
def test_what_cannot_let_a_customer_in_is_said_with_the_remedy(tmp_path: Path, main: str, ops: str, said: str) -> None:
    settings = accessed(tmp_path, OPS % main, ops)
    assert said in settings.sites["bakery"].error
    assert settings.access == {}, "and lets nobody in"


def test_nobody_is_let_in_as_a_customer_where_everybody_sees_everything(tmp_path: Path) -> None:
    settings = accessed(tmp_path, OPS.replace("ops:", "#"), "password: '${THEIRS}'")
    assert "nobody is asked who they are, so all see everything" in settings.sites["bakery"].error


def test_users_whom_no_proxy_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="users are those whom a proxy names; set `user_header`"):
        accessed(tmp_path, OPS % ", users: [chief]", "password: '${THEIRS}'")
