"""Whatever is wrong with a mapping says file:line:column, what is wrong, and what to do."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from bridge.errors import MappingError
from bridge.mapping.load import FOLDERS, available, kind_of, load, load_crm, load_provider, shipped

PROVIDER = """\
mapping_language: 1
title: Mine
verify:
  scheme: none
at: event
events:
  end:
    as: chat_finished
fields:
  chat_id: chat.id
messages:
  each: messages
  role: type
  roles:
    0: visitor
    1: operator
    true: internal
  text: text
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


# -- by name and by path -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FOLDERS)
def test_every_shipped_mapping_loads(kind: str) -> None:
    names = available(kind)  # type: ignore[arg-type] # parametrised by text
    assert names
    for name, path in names.items():
        loaded = load(kind, name)  # type: ignore[arg-type] # parametrised by text
        assert loaded.mapping.name == name
        assert loaded.mapping.origin == str(path)
        assert loaded.path == path
        assert loaded.folder == path.parent / name
        assert len(loaded.mapping.digest) == 16


def test_shipped_mappings_lie_in_the_checkout() -> None:
    assert (shipped() / "README.md").is_file()


def test_a_mapping_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = written(tmp_path, "mine", PROVIDER)
    for given in (path, str(path)):
        mapping = load_provider(given)
        assert (mapping.name, mapping.title, mapping.origin) == ("mine", "Mine", str(path))


def test_roles_and_events_compare_as_text(tmp_path: Path) -> None:
    messages = load_provider(written(tmp_path, "mine", PROVIDER)).messages
    assert messages is not None
    assert messages.roles == {"0": "visitor", "1": "operator", "true": "internal"}


def test_the_users_own_folders_come_first(tmp_path: Path) -> None:
    name = next(iter(available("provider")))
    own = written(tmp_path / "providers", name, PROVIDER)
    assert load_provider(name, search=[tmp_path]).origin == str(own)
    assert available("provider", search=[tmp_path])[name] == own
    assert load_provider(name).origin != str(own)


def test_an_unknown_name_lists_the_known_ones() -> None:
    name = next(iter(available("provider")))
    with pytest.raises(MappingError, match=rf"no provider mapping named '{name}x' \(did you mean {name}\?\); there are: "):
        load_provider(name + "x")
    with pytest.raises(MappingError, match="no crm mapping named"):
        load_crm(name)


def test_a_missing_or_unreadable_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="no such file"):
        load_provider("./nothing.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("title: Ёж".encode("cp1251"))
    with pytest.raises(MappingError, match="save it as UTF-8"):
        load_provider(latin)


def test_the_digest_changes_with_the_meaning_and_not_with_the_layout(tmp_path: Path) -> None:
    first = load_provider(written(tmp_path, "a", PROVIDER)).digest
    assert load_provider(written(tmp_path, "b", "# remark\n" + PROVIDER.replace("text: text", "text:   'text'"))).digest == first
    assert load_provider(written(tmp_path, "c", PROVIDER.replace("text: text", "text: body"))).digest != first


# -- extends -----------------------------------------------------------------------------------------------------------


def test_extends_changes_only_what_it_names(tmp_path: Path) -> None:
    written(tmp_path, "base", PROVIDER)
    path = written(
        tmp_path,
        "mine",
        """\
        mapping_language: 1
        extends: base
        title: Changed
        events:
          end: ~
          stop:
            as: chat_finished
        messages:
          roles:
            2: bot
        """,
    )
    mapping = load_provider(path)
    assert (mapping.title, mapping.name) == ("Changed", "mine")
    assert set(mapping.events) == {"stop"}
    assert mapping.messages is not None
    assert mapping.messages.roles == {"0": "visitor", "1": "operator", "true": "internal", "2": "bot"}
    assert mapping.messages.text is not None
    assert mapping.digest != load_provider("base", search=[tmp_path]).digest


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ("", ["create", "note", "lead"]),
        ("create: {json: {name: '{phones[0]}'}}", ["note", "lead"]),
        ("note: {post: '/calls'}", ["create", "lead"]),
        ("entities: {lead: {note: {post: '/calls'}}}", ["create", "note"]),
        ("create: {post: '/leads', remove: {post: '/leads/{client.id}/delete'}}", ["create", "note", "lead"]),
    ],
)
def test_what_deletes_a_record_is_not_inherited_by_what_makes_another(changes: str, left: list[str], tmp_path: Path) -> None:
    base = """\
        mapping_language: 1
        extends: sandbox
        entities:
          lead:
            note:
              post: '/leads/{client.id}/notes'
              remove:
                delete: '/lead-notes/{note.id}'
        """
    written(tmp_path / "crms", "base", base)
    mine = load_crm(written(tmp_path / "crms", "mine", f"mapping_language: 1\nextends: base\n{changes}\n"))

    lead = mine.entities["lead"].note
    parts = {"create": mine.create, "note": mine.note, "lead": lead}
    assert [name for name, part in parts.items() if part is not None and part.remove is not None] == left
    given = mine.create.remove
    if "remove" in changes:
        assert given is not None
        assert (given.method, given.delete) == ("POST", None)


def test_ones_own_mapping_can_extend_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    name = next(iter(available("provider")))
    written(tmp_path / "providers", name, f"mapping_language: 1\nextends: {name}\ntitle: Ours\n")
    mapping = load_provider(name, search=[tmp_path])
    assert mapping.title == "Ours"
    assert mapping.events == load_provider(name).events


def test_a_problem_points_into_the_file_it_comes_from(tmp_path: Path) -> None:
    base = written(tmp_path, "base", PROVIDER)
    path = written(tmp_path, "mine", "mapping_language: 1\nextends: base\nfields:\n  visitor.name: 'a..b'\n")
    with pytest.raises(MappingError) as caught:
        load_provider(path)
    assert caught.value.message.startswith(f"{path}:4:20: fields.visitor.name: ")
    base.write_text(PROVIDER.replace("chat.id", "chat..id"), encoding="utf-8")
    path.write_text("mapping_language: 1\nextends: base\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        load_provider(path)
    assert caught.value.message.startswith(f"{base}:10:17: fields.chat_id: ")


@pytest.mark.parametrize("nothing", ["~", "null", "NULL", ""])
def test_a_marker_that_is_null_is_taken_out_and_not_looked_for_as_a_word(tmp_path: Path, nothing: str) -> None:
    path = written(tmp_path, "mine", f"mapping_language: 1\nextends: sandbox\nnote:\n  marker: {nothing}\n")
    assert load_crm("sandbox").note.marker.kind == "field"
    assert load_crm(path).note.marker.kind == "none"


def test_null_in_a_search_is_refused_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, "mine", "mapping_language: 1\nextends: sandbox\nfind:\n  - with: phone\n    get: /clients\n"
                                     "    query: {phone: null}\n")  # fmt: skip
    with pytest.raises(MappingError) as caught:
        load_crm(path)
    assert caught.value.message.startswith(f"{path}:6:20: phone: there is no value")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mapping_language: 1\nextends: nothing\n", "2:10: extends: there is no provider mapping named 'nothing'"),
        ("mapping_language: 1\nextends: mine\n", "2:10: extends: 'mine' cannot extend itself"),
        ("mapping_language: 1\nextends: [a]\n", "2:10: extends: the name of one other mapping"),
        ("mapping_language: 1\nextends: base\nidle: ~\n", "3:7: idle: ~ takes a key out, but there is none"),
        ("mapping_language: 1\nextends: base\nfetch:\n  a: ~\n", "4:6: a: there is no value"),
    ],
)
def test_an_extension_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, says: str) -> None:
    written(tmp_path, "base", PROVIDER)
    path = written(tmp_path, "mine", text)
    with pytest.raises(MappingError) as caught:
        load_provider(path)
    assert caught.value.message.startswith(f"{path}:{says}")


def test_mappings_that_extend_one_another_are_refused(tmp_path: Path) -> None:
    written(tmp_path, "a", "mapping_language: 1\nextends: b\n")
    written(tmp_path, "b", "mapping_language: 1\nextends: a\n")
    with pytest.raises(MappingError, match="no circle"):
        load_provider(tmp_path / "a.yaml")


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("title: Mine\n", ""), "1:1: `title` is missing"),
        (("scheme: none", "scheme: nothing"), "4:11: verify.scheme: 'nothing' is not one of 'none', 'equality'"),
        (("at: event", "att: event"), "5:1: att: there is no key 'att' here (did you mean at?); the keys are: mapping_language"),
        (("as: chat_finished", "sa: chat_finished"), "8:5: events.end.sa: there is no key 'sa' here (did you mean as?)"),
        (("as: chat_finished", "as: finished"), "8:9: events.end.as: 'finished' is not one of 'chat_started'"),
        (("chat_id: chat.id", "chat_id: chat.id ==="), "10:22: fields.chat_id: "),
        (
            ("chat_id: chat.id", "chat_id: 'lowr(chat.id)'"),
            "10:13: fields.chat_id: there is no function lowr() (did you mean lower?)",
        ),
        (("chat_id: chat.id", "chat_di: chat.id"), "10:3: fields.chat_di: there is no field 'chat_di' (did you mean chat_id?)"),
        (
            ("chat_id: chat.id", "chat_id: {chat.id}"),
            "10:12: {chat.id} without quotes is an object to YAML: quote it: '{chat.id}'",
        ),
        (
            ("chat_id: chat.id", "chat_id: [chat]"),
            "10:12: fields.chat_id: an expression is text; what begins with [ or { must be quoted",
        ),
        (("chat_id: chat.id", "chat_id:"), "10:11: fields.chat_id: there is no value"),
        (("1: operator", "1: agent"), "16:8: messages.roles.1: 'agent' is not one of"),
        (("text: text\n", ""), "12:3: messages: `each` needs `role:` and `text:`"),
        (("mapping_language: 1", "mapping_language: 2"), "1:19: mapping_language: this program speaks version 1, not '2'"),
        (("mapping_language: 1\n", ""), "1:1: `mapping_language` is missing; write mapping_language: 1 at the head"),
        (("verify:\n  scheme: none", "verify: none"), "3:9: verify: an object (names with values) is expected here, not 'none'"),
        (("title: Mine", "title: [Mine]"), "2:8: title: text is expected here, not a list"),
        (("at: event", "at: event\nidle: soon"), "6:7: idle: 'soon' is not a length of time; write a number and a unit"),
        (
            ("at: event", "at: event\nplaceholders: '(a+)+b'"),
            "6:16: placeholders: on a hostile text this pattern could take for ever",
        ),
        (("at: event", "at: event\nplaceholders: 'ab('"), "6:18: placeholders: this is no regular expression"),
        (
            ("at: event", "at: event\nanswers:\n  default:\n    json:\n      a: 'x {b..c}'"),
            "9:16: answers.default.json.a: the expression cannot be read",
        ),
        (
            ("at: event", "at: event\nanswers:\n  default:\n    status: 5x"),
            "8:13: answers.default.status: a whole number is expected here, not '5x'",
        ),
        (
            ("at: event", "at: event\nanswers:\n  default:\n    status: 404"),
            "8:13: answers.default.status: it must be 299 or less",
        ),
        (("at: event", "at: event\nfetch:\n  a:\n    query: {x: y}"), "8:5: fetch.a: a request has exactly one of get"),
        (
            ("as: chat_finished", "as: chat_finished\n    fetch: parts"),
            "9:12: events.end.fetch: there is no 'parts' under `fetch`; there are: none",
        ),
        (("at: event", "at: event\nscale:\n  captrued: done"), "7:3: scale.captrued: there is no quality rule 'captrued'"),
    ],
)
def test_every_error_names_its_place_and_the_remedy(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    assert change[0] in PROVIDER
    path = written(tmp_path, "mine", PROVIDER.replace(*change, 1))
    with pytest.raises(MappingError) as caught:
        load_provider(path)
    assert caught.value.message.startswith(f"{path}:{says}"), caught.value.message


def test_all_errors_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = PROVIDER.replace("scheme: none", "scheme: x").replace("chat.id", "a..b").replace("1: operator", "1: agent")
    with pytest.raises(MappingError) as caught:
        load_provider(written(tmp_path, "mine", text))
    lines = [line.rpartition("mine.yaml:")[2].split(":")[0] for line in caught.value.message.splitlines()]
    assert lines == ["4", "10", "16"]


def test_a_file_that_holds_no_keys_is_no_mapping(tmp_path: Path) -> None:
    for text in ("", "- a\n", "text\n"):
        with pytest.raises(MappingError, match="a mapping is an object with keys"):
            load_provider(written(tmp_path, "mine", text))


def test_the_kind_is_told_by_the_folder_or_by_the_keys(tmp_path: Path) -> None:
    assert kind_of(written(tmp_path / "crms", "x", PROVIDER)) == "crm"
    assert kind_of(written(tmp_path, "x", PROVIDER)) == "provider"
    assert kind_of(written(tmp_path, "y", "base_url: x\n")) == "crm"
    with pytest.raises(MappingError, match="a folder named providers or crms"):
        kind_of(written(tmp_path, "z", "title: x\n"))


def test_a_file_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="it cannot be read"):
        kind_of(tmp_path / "nothing.yaml")


def test_a_name_that_no_crm_template_sees_is_refused_where_it_stands(tmp_path: Path) -> None:
    """What is empty is left out of a request or not asked at all, and nothing would ever say so."""
    path = written(tmp_path / "crms", "mine", """\
        mapping_language: 1
        title: Mine
        extends: sandbox
        card_url: '{target.url}/{contact.id}'
        """)
    with pytest.raises(MappingError, match=rf"{path}:4:11: card_url: contact.id: nothing is called contact here"):
        load_crm(path)


def test_a_path_that_is_extended_is_meant_from_the_file_that_names_it(tmp_path: Path) -> None:
    written(tmp_path / "providers", "base", PROVIDER)
    path = written(tmp_path / "providers", "mine", "mapping_language: 1\ntitle: Other\nextends: ./base.yaml\n")
    assert load_provider(path).title == "Other"


def test_a_mapping_that_would_extend_itself_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "providers", "mine", "mapping_language: 1\ntitle: Mine\nextends: mine\n")
    with pytest.raises(MappingError, match="'mine' cannot extend itself"):
        load_provider(path)
