"""What a template fills in, and what it leaves out: the rules by which an empty value never does harm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bridge.errors import EmptyExpression
from bridge.mapping.language.expressions import Findings
from bridge.mapping.language.template_text import TemplateProblem
from bridge.mapping.language.templates import PathTemplate, RawTemplate, Template, TextTemplate

VISITOR = {"visitor": {"name": "Ann", "emails": ["a@b.ru"]}, "phones": ["+7916"], "count": 5, "missed": False}


def fill(raw: Any, **scope: Any) -> Any:
    return Template(raw).fill(scope)


def test_one_expression_keeps_the_type_and_several_become_text() -> None:
    assert Template({"a": "{phones}", "b": "{count}", "c": "{missed}", "d": "no {count}, {missed}, {phones}"}).fill(VISITOR) == {
        "a": ["+7916"],
        "b": 5,
        "c": False,
        "d": 'no 5, false, ["+7916"]',
    }


def test_doubled_braces_are_the_signs_themselves() -> None:
    assert fill("{{name}} is {name}", name="Ann") == "{name} is Ann"
    assert fill("{{}}") == "{}"
    assert fill("FIND {{{x}}}", x="y") == "FIND {y}"


def test_braces_brackets_and_quotes_within_an_expression_do_not_end_it() -> None:
    assert fill("{ {a: b} }", b=1) == {"a": 1}
    assert fill("<{concat('}', b)}>", b="1") == "<}1>"
    assert fill('{"x}y"}', **{"x}y": 1}) == 1
    assert fill("{a[?b == 'x}'] | [0].c}", a=[{"b": "x}", "c": 1}]) == 1


@given(st.text())
def test_what_people_write_is_never_read_as_a_template(text: str) -> None:
    assert fill({"a": "{text}", "b": ["<{text}>"]}, text=text) == ({"a": text, "b": [f"<{text}>"]} if text else {"b": [""]})
    assert fill("{text}", text="{secret}", secret="s") == "{secret}"


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_a_member_that_an_expression_left_empty_is_left_out(empty: Any) -> None:
    assert fill({"a": "{x}", "b": "c", "d": "<{x}>"}, x=empty) == {"b": "c"}


def test_zero_and_false_are_not_empty() -> None:
    assert fill({"a": "{x}", "b": "{y}"}, x=0, y=False) == {"a": 0, "b": False}


def test_an_object_whose_expressions_are_all_empty_goes_whole_also_from_a_list() -> None:
    contact = {
        "name": "{name}",
        "custom_fields_values": [
            {"field_code": "PHONE", "values": [{"value": "{phones[0]}", "enum_code": "WORK"}]},
            {"field_code": "EMAIL", "values": [{"value": "{emails[0]}", "enum_code": "WORK"}]},
        ],
    }
    assert fill(contact, name="Ann", emails=["a@b.ru"]) == {
        "name": "Ann",
        "custom_fields_values": [{"field_code": "EMAIL", "values": [{"value": "a@b.ru", "enum_code": "WORK"}]}],
    }
    assert fill(contact, name="Ann") == {"name": "Ann"}


def test_the_outermost_object_stays() -> None:
    assert fill({"result": "ok", "crm_link": "{client.card_url}"}) == {"result": "ok"}
    assert fill({"crm_link": "{client.card_url}"}) == {}


def test_an_object_without_expressions_stays() -> None:
    assert fill({"a": {"b": "c", "d": {}}, "e": []}) == {"a": {"b": "c", "d": {}}, "e": []}


def test_scalars_in_lists_stay_because_positions_matter() -> None:
    assert fill({"domain": [["phone", "=", "{x}"], "{x}"]}) == {"domain": [["phone", "=", None], None]}


def test_a_line_whose_expressions_are_all_empty_goes() -> None:
    text = "Chat with {name}\nPhone: {phone}, {extension}\nPage: {page}\nThe end"
    assert fill(text, name="Ann", phone="+7916") == "Chat with Ann\nPhone: +7916, \nThe end"
    assert fill({"a": "Phone: {x}\nE-mail: {y}"}) == {}


def test_lines_of_a_value_are_not_lines_of_the_template() -> None:
    assert fill("{text}\nend", text="a\n\nb") == "a\n\nb\nend"
    assert fill("x: {text}\nend", text="a\n\nb") == "x: a\n\nb\nend"


def test_names_of_members_are_templates_too() -> None:
    assert fill({"{field}": "{value}", "b": "c"}, field="UF_CRM_1", value=1) == {"UF_CRM_1": 1, "b": "c"}
    assert fill({"{field}": "{value}", "b": "c"}, value=1) == {"b": "c"}


def test_keep_sends_an_empty_value_on_purpose() -> None:
    template = Template({"a": "{x}", "b": {"c": "{x}", "d": "{x}"}, "e": "{x}"}).keeping(["a", "b.c"])
    assert template.fill({}) == {"a": None, "b": {"c": None}}
    assert template.fill({"x": ""}) == {"a": "", "b": {"c": ""}}


def test_keep_of_what_is_not_there_is_an_error() -> None:
    with pytest.raises(TemplateProblem, match="`keep` names 'z'"):
        Template({"a": "{x}"}).keeping(["z"])


@pytest.mark.parametrize(
    ("raw", "constant"), [("ok", True), ({"a": [{"b": "c"}, 1]}, True), ("{x}", False), ({"a": [{"b": "c {x}"}, 1]}, False)]
)
def test_what_is_the_same_in_every_scope_is_known(raw: Any, constant: bool) -> None:
    assert Template(raw).is_constant is constant


# -- searches ----------------------------------------------------------------------------------------------------------

SEARCHES = [
    {"customers": "{phone}", "limit": 20},
    {"filterGroups": [{"filters": [{"propertyName": "phone", "value": "{phone}"}]}]},
    {"domain": ["phone_sanitized", "=", "{phone}"]},
    "{phone}",
    "FIND {{{phone}}}",
    {"domain": "{[['phone', '=', phone]]}"},
    {"q": "{ {value: phone} }"},
    {"{phone}": "x"},
]


@pytest.mark.parametrize("raw", SEARCHES)
@pytest.mark.parametrize("phone", [None, "", "  "])
def test_nothing_is_ever_left_out_of_a_search(raw: Any, phone: Any) -> None:
    with pytest.raises(EmptyExpression, match="phone"):
        Template(raw).fill_strict({"phone": phone})


@pytest.mark.parametrize("raw", SEARCHES)
def test_a_search_with_its_value_is_filled(raw: Any) -> None:
    assert "+7916" in str(Template(raw).fill_strict({"phone": "+7916"}))


@pytest.mark.parametrize("value", [[], {}, [None], [""], {"a": None}, [["x", None]]])
def test_a_hole_inside_a_value_stops_a_search_as_well(value: Any) -> None:
    with pytest.raises(EmptyExpression):
        Template({"ids": "{ids}"}).fill_strict({"ids": value})


def test_a_fallback_within_the_expression_keeps_the_search() -> None:
    assert Template("{phone || email}").fill_strict({"email": "a@b.ru"}) == "a@b.ru"
    assert Template({"a": "{no}", "b": "{zero}"}).fill_strict({"no": False, "zero": 0}) == {"a": False, "b": 0}


# -- paths -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("17", "/clients/17/notes"),
        (17, "/clients/17/notes"),
        ("a/b", "/clients/a%2Fb/notes"),
        ("a b?c#d", "/clients/a%20b%3Fc%23d/notes"),
        ("a+b@c", "/clients/a%2Bb%40c/notes"),
        ("Ёж", "/clients/%D0%81%D0%B6/notes"),
        ("%2e%2e", "/clients/%252e%252e/notes"),
        ("...", "/clients/.../notes"),
    ],
)
def test_values_in_a_path_are_encoded(value: Any, path: str) -> None:
    assert PathTemplate("/clients/{client.id}/notes").fill({"client": {"id": value}}) == path


@pytest.mark.parametrize("value", [None, "", " ", ".", "..", [], {}, ["x"], True])
def test_a_path_without_its_value_or_with_dots_is_refused(value: Any) -> None:
    for filled in (PathTemplate("/clients/{client.id}/notes").fill, PathTemplate("/clients/{client.id}").fill_strict):
        with pytest.raises(EmptyExpression, match=r"client\.id"):
            filled({"client": {"id": value}})


def test_what_is_fixed_in_a_path_stays_as_it_is() -> None:
    assert PathTemplate("https://api.example.com/a?b=c&d={x}").fill({"x": "&"}) == "https://api.example.com/a?b=c&d=%26"


# -- texts -------------------------------------------------------------------------------------------------------------


def test_in_a_raw_text_braces_are_braces() -> None:
    template = RawTemplate("FIND {<<escape(phone, 'search')>>} IN PHONE FIELDS")
    assert template.fill({"phone": "+7(916)"}) == "FIND {\\+7\\(916\\)} IN PHONE FIELDS"
    with pytest.raises(EmptyExpression):
        template.fill_strict({})


def test_findings_of_expressions_are_collected() -> None:
    findings = Findings()
    Template({"a": "{lower(x)}"}).fill({"x": []}, findings)
    assert len(findings) == 1


def test_every_expression_is_known_by_its_place() -> None:
    template = Template({"a": ["x", {"b": "{c} {d}"}], "{e}": 5})
    assert [(path, expression.source) for path, expression in template.expressions] == [
        (("a", 1, "b"), "c"),
        (("a", 1, "b"), "d"),
        (("{e}",), "e"),
    ]


class Model(BaseModel):
    body: Template
    text: TextTemplate = TextTemplate("x")


def test_pydantic_reads_and_writes_them_as_they_were_written() -> None:
    model = Model.model_validate({"body": {"a": "{b}"}})
    assert model.model_dump() == {"body": {"a": "{b}"}, "text": "x"}
    assert Model(body=model.body) == model
    assert hash(model.body) == hash(Template({"a": "{b}"}))
    assert Template("a") != TextTemplate("a")
    assert repr(Template("a")) == "Template('a')"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"body": {"a": ["{b"]}}, r"\{ is not closed"),
        ({"body": "a } b"}, "a lone }"),
        ({"body": {"a": "{b c}"}}, "cannot be read from 'c'"),
        ({"body": "{}"}, "the expression is empty"),
        ({"body": "x", "text": {"client.name": None}}, "must be quoted"),
    ],
)
def test_a_template_that_cannot_be_read_says_why(raw: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Model.model_validate(raw)


@pytest.mark.parametrize(
    "hostile",
    ["'); raise SystemExit #", '"""\n\'\'\'', "\\", "\\'", "{{x}}", "\r\n\t\x00", "f'{{1}}'", "a\\\nb"],
)
def test_no_word_of_a_template_becomes_code(hostile: str) -> None:
    plain = hostile.replace("{{", "{").replace("}}", "}")
    assert Template({hostile: hostile, "list": [hostile]}).fill({}) == {plain: plain, "list": [plain] if plain else []}
    assert Template({f"{hostile}{{a}}": f"{hostile}{{a}}{hostile}\n{hostile}"}).fill({"a": "v"}) == {
        f"{plain}v": f"{plain}v{plain}\n{plain}"
    }
