from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.config import Settings
from bridge.connections import sites
from bridge.errors import ConfigError

SITE = """
sources:
  shop: {provider: jivo, secret: '${SECRET}', target: sales}
targets:
  sales: {crm: sandbox, url: http://127.0.0.1:9000, token: '${SECRET}'}
"""
ENVIRON = {"KEY": "k" * 40, "SECRET": "s3cret-s3cret-s3cret"}
Read = Callable[..., Settings]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    (tmp_path / "sites").mkdir()
    (tmp_path / "config.yaml").write_text("key: ${KEY}\ninclude: sites/*.yaml\n")

    def write(before: Settings | None = None, **files: str) -> Settings:
        for name, text in files.items():
            (tmp_path / "sites" / f"{name}.yaml").write_text(text)
        return sites.load(tmp_path / "config.yaml", ENVIRON, before=before)

    return write


def test_a_mapping_that_is_not_there_is_the_fault_of_the_site_that_names_it(read: Read) -> None:
    settings = read(bakery=SITE.replace("crm: sandbox", "crm: sandbxo"), florist=SITE, tailor=SITE.replace("jivo", "jiwo"))
    assert list(settings.targets) == ["florist.sales"]
    faults = sites.faults(settings)
    said = "sites/bakery.yaml: targets.sales.crm: there is no crm mapping named 'sandbxo' (did you mean sandbox?)"
    assert said in faults["bakery"]
    assert "sites/tailor.yaml: sources.shop.provider: there is no provider mapping" in faults["tailor"]
    assert set(faults) == {"bakery", "tailor"}


def test_an_option_that_no_mapping_knows_is_the_sites_fault_with_its_place(read: Read) -> None:
    settings = read(bakery=SITE.replace("crm: sandbox", "crm: sandbox, colour: red"), florist=SITE)
    assert "bakery.yaml:5:25: targets.bakery.sales: unknown key `colour`" in sites.faults(settings)["bakery"]
    assert list(settings.targets) == ["florist.sales"]


def test_a_site_that_was_good_goes_on_as_it_was(read: Read) -> None:
    good = read(bakery=SITE, florist=SITE)
    bad = read(good, bakery="sources: {", florist=SITE.replace("9000", "9001"))
    assert list(bad.sources) == ["bakery.shop", "florist.shop"]
    assert bad.targets["bakery.sales"] == good.targets["bakery.sales"]
    assert bad.targets["florist.sales"].url == "http://127.0.0.1:9001"
    still_bad = read(bad, bakery=SITE.replace("crm: sandbox", "crm: nothing"))
    assert still_bad.targets["bakery.sales"] == good.targets["bakery.sales"], "also after a second mistake"
    assert sites.faults(read(still_bad, bakery=SITE)) == {}


def test_only_targets_of_a_site_with_a_fault_are_stopped_by_it(read: Read) -> None:
    settings = read(bakery="sources: {", florist=SITE)
    stopped = sites.stopped_by_faults(settings, ["bakery.sales", "florist.sales", "sales", "nobody.sales"])
    assert list(stopped) == ["bakery.sales"]
    assert "bakery.yaml:2:1" in stopped["bakery.sales"]


def test_config_yaml_itself_is_refused_as_ever(read: Read, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("key: ${KEY}\ninclude: sites/*.yaml\nrecieve: {}\n")
    with pytest.raises(ConfigError, match="recieve: unknown key"):
        read(florist=SITE)


def test_a_mapping_that_many_name_is_read_once(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(name: str, **options: object) -> object:
        asked.append(name)
        raise ConfigError(f"no {name}")

    monkeypatch.setattr(sites, "load_provider", counted)
    settings = read(bakery=SITE, florist=SITE, tailor=SITE)
    assert asked == ["jivo"]
    assert len(sites.faults(settings)) == 3
