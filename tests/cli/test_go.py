from __future__ import annotations

from place import Place

from bridge.store import Store, TargetStop


def test_a_stopped_target_goes_on_and_the_reason_is_repeated(place: Place) -> None:
    async def stop(store: Store) -> None:
        await store.stop_target(TargetStop(target="sales", reason="brake", detail="too many", since=1.0))

    async def stops(store: Store) -> int:
        return len(await store.stops())

    place.on_store(stop)
    done = place.run("go", "sales")
    assert done.exit_code == 0, done.output
    assert "more new clients than allowed within an hour. too many\n" in done.stdout
    assert place.on_store(stops) == 0
    assert place.run("go", "sales").stdout == "sales is not stopped.\n"


def test_a_target_that_does_not_exist_names_those_that_do(place: Place) -> None:
    async def nothing(_store: Store) -> None: ...

    place.on_store(nothing)
    done = place.run("go", "sale")
    assert done.exit_code == 2
    assert "did you mean sales?" in done.stderr
