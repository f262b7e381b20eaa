from __future__ import annotations

import pytest

from bridge.errors import Busy
from bridge.transport.departure import _departure, departed, leaving_when


def test_who_is_not_asked_may_have_left_at_any_moment() -> None:
    assert departed()


async def test_a_request_has_left_when_it_was_let_go_and_not_when_it_was_stopped() -> None:
    async def goes() -> None: ...

    async def stays() -> None:
        raise Busy("a pause")

    with leaving_when(goes):
        assert not departed()
        one = _departure.get()
        assert one is not None
        await one.comes()
        assert departed()
    with leaving_when(stays):
        two = _departure.get()
        assert two is not None
        with pytest.raises(Busy):
            await two.comes()
        assert not departed()
    assert departed()
