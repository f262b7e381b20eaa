from __future__ import annotations

from collections.abc import Callable

from bridge.config import Settings, TargetSettings

from .conftest import ENVIRON, WHOLE

Load = Callable[..., Settings]


def test_templates_see_of_an_integration_what_is_no_secret(loaded: Load) -> None:
    settings = loaded(WHOLE.replace("token: ${TOKEN}", "oauth: {client_id: x, client_secret: ${TOKEN}, redirect_url: http://l:1/b}"))
    sales = settings.targets["sales"]
    assert sales.scope()["oauth"] == {"client_id": "x", "redirect_url": "http://l:1/b"}
    assert settings.describe()["targets"]["sales"]["oauth"]["client_secret"] == "set"
    assert ENVIRON["TOKEN"] in set(settings.secrets())


def test_statements_are_read_with_their_values(loaded: Load) -> None:
    settings = loaded(WHOLE.replace("token:", "sql: {find: 'select 1 where p = :last10'}, token:"))
    assert settings.targets["sales"].sql["find"].names == ("last10",)
    assert settings.describe()["targets"]["sales"]["sql"] == {"find": "select 1 where p = :last10"}


def test_a_key_named_extra_is_a_key_like_any_other(loaded: Load) -> None:
    assert loaded("targets: {a: {crm: x, extra: 5}}").targets["a"].extra == {"extra": 5}


def test_options_may_be_given_whole_and_flat_ones_lie_over_them() -> None:
    target = TargetSettings.model_validate({"crm": "x", "options": {"deal": "always", "stage": "1"}, "deal": "none"})
    assert (target.options.deal, target.options.stage) == ("none", "1")
