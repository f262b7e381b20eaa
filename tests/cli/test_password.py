from __future__ import annotations

from place import Place

from bridge.config.passwords import holds


def test_a_line_for_the_configuration_is_printed(place: Place) -> None:
    done = place.run("password", input="correct horse\n")
    assert done.exit_code == 0
    assert holds("correct horse", done.stdout.strip())


def test_a_short_one_is_refused(place: Place) -> None:
    done = place.run("password", input="short\n")
    assert (done.exit_code, "at least 10" in done.output) == (2, True)
