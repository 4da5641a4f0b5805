import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask_wtf import FlaskForm
from jinja2 import Undefined, UndefinedError, nodes
from markupsafe import Markup
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    HiddenField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Length, Optional

from portal import templating
from tests.portal.pages import TEMPLATES, faced_app, named, parsed

STATIC = TEMPLATES.parent / "portal" / "static"
COMPONENTS = sorted((TEMPLATES / "components").glob("*.html"))
ALL_TEMPLATES = sorted(TEMPLATES.rglob("*.html"))
AT = datetime(2026, 11, 23, 5, 5, tzinfo=UTC)


@pytest.fixture
def app() -> Flask:
    return faced_app(WTF_CSRF_ENABLED=False)


def render(app: Flask, source: str, *, path: str = "/", **names: object) -> str:
    with app.test_request_context(path):
        return render_template_string(source, **names)


# ------------------------------------------------------------------------------- strictness


def test_a_name_that_does_not_exist_stops_the_page(app: Flask) -> None:
    with pytest.raises(UndefinedError):
        render(app, "{{ case.summary }}", case={})
    # The sabotage arm: Jinja's own default prints nothing and nobody notices.
    app.jinja_env.undefined = Undefined
    app.jinja_env.cache.clear()
    assert render(app, "{{ case.summary }} ", case={}) == " "


def test_no_template_can_print_the_configuration(app: Flask) -> None:
    with pytest.raises(UndefinedError):
        render(app, "{{ config.SECRET_KEY }}")


# ------------------------------------------------------------------------------- times and days


@pytest.mark.parametrize(
    ("source", "path", "expected"),
    [
        ("{{ at|jst }}", "/", "2026年11月23日（月）14:05"),
        ("{{ at|jst }}", "/?lang=en", "Mon 23 November 2026, 14:05 JST"),
        ("{{ at|jst_date }}", "/", "2026年11月23日（月）"),
        ("{{ day|jst_date }}", "/", "2026年1月4日（日）"),
        ("{{ day|jst_date }}", "/?lang=en", "Sun 4 January 2026"),
        ("{{ late|jst }}", "/", "2026年11月24日（火）00:00"),
        ("{{ late|jst_date }}", "/", "2026年11月24日（火）"),
        ("{{ late|jst_since }}", "/", "2026年11月24日（火）"),
        ("{{ at|jst_since }}", "/", "2026年11月23日（月）14:05"),
        ("{{ late|jst_until }}", "/", "2026年11月23日（月）"),
        ("{{ late|jst_until }}", "/?lang=en", "Mon 23 November 2026"),
        ("{{ at|jst_until }}", "/", "2026年11月23日（月）14:05"),
        ("{{ at|isotime }}", "/", "2026-11-23T14:05+09:00"),
        ("{{ day|isotime }}", "/", "2026-01-04"),
        ("{{ at|wareki }}", "/", "令和8年11月23日"),
        ("{{ late|wareki }}", "/", "令和8年11月24日"),
        ("{{ at|wareki }}", "/?lang=en", "Mon 23 November 2026"),
        ("{{ before|wareki }}", "/", "1926年12月24日（金）"),
        ("{{ born|age(day) }}", "/", "7歳"),
        ("{{ born|age(day) }}", "/?lang=en", "7 years old"),
        ("{{ born|age(born.replace(year=2019)) }}", "/?lang=en", "1 year old"),
        ("{{ born|age(day.replace(day=5)) }}", "/", "8歳"),
    ],
)
def test_times_and_days_are_shown_in_japan(
    app: Flask, source: str, path: str, expected: str
) -> None:
    names = {
        "at": AT,
        "late": datetime(2026, 11, 23, 15, 0, tzinfo=UTC),
        "day": date(2026, 1, 4),
        "before": date(1926, 12, 24),
        "born": date(2018, 1, 5),
    }
    assert render(app, source, path=path, **names) == expected


def test_a_child_reads_days_and_hours_in_words_of_its_own(app: Flask) -> None:
    written = "{{ born|kids_date }} {{ day|kids_date }} {{ at|kids_time }} {{ night|kids_time }}"
    old = {
        "born": date(2018, 1, 5),
        "day": date(2019, 11, 23),
        "at": datetime(2019, 11, 23, 5, 5, tzinfo=UTC),
        "night": datetime(2019, 11, 23, 15, 0, tzinfo=UTC),
    }
    assert render(app, written, **old).split() == [
        "2018{年|ねん}1{月|がつ}{5日|いつか}（きんようび）",
        "2019{年|ねん}11{月|がつ}23{日|にち}（どようび）",
        "2019{年|ねん}11{月|がつ}23{日|にち}（どようび）",
        "ごご2{時|じ}5{分|ふん}",
        "2019{年|ねん}11{月|がつ}{24日|にじゅうよっか}（にちようび）",
        "ごぜん0{時|じ}",
    ]
    # This year goes without saying; every part is drawn with its reading.
    this_year = render(app, "{{ today()|kids_date }}")
    assert "年" not in this_year
    drawn = render(app, "{{ born|kids_date|ruby }}", **old)
    assert "<ruby>5日<rp>（</rp><rt>いつか</rt>" in drawn
    assert render(app, "{{ born|kids_date }}", path="/?lang=en", **old) == "Fri 5 January 2018"


@pytest.mark.parametrize(
    "name",
    ["jst", "jst_date", "jst_since", "jst_until", "isotime", "kids_date", "kids_time", "wareki"],
)
def test_a_time_without_a_zone_is_refused(app: Flask, name: str) -> None:
    naive = AT.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        render(app, f"{{{{ at|{name} }}}}", at=naive)


def test_days_left_are_counted_by_the_calendar_of_japan() -> None:
    midnight = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    assert templating.days_left(midnight, on=date(2026, 11, 24)) == 0
    assert templating.days_left(midnight - timedelta(minutes=1), on=date(2026, 11, 24)) == -1
    assert templating.days_left(date(2026, 11, 30), on=midnight) == 6
    elsewhere = datetime(2026, 11, 24, 0, 30, tzinfo=timezone(timedelta(hours=14)))
    assert templating.days_left(elsewhere, on=date(2026, 11, 23)) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"due": date(2026, 11, 26)}, "あと3日"),
        ({"due": date(2026, 11, 23)}, "きょうまで"),
        ({"due": date(2026, 11, 21)}, "2日超過"),
        ({"due": date(2026, 11, 21), "done": True}, "すみ"),
        ({"due": date(2026, 11, 26), "in_wareki": True}, "令和8年11月26日"),
    ],
)
def test_a_deadline_says_how_far_off_it_is(
    app: Flask, arguments: dict[str, object], expected: str
) -> None:
    source = """{% from "components/deadline.html" import deadline %}{{ deadline(**a) }}"""
    assert expected in render(app, source, a=arguments | {"on": date(2026, 11, 23)})


# ------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0"), (999, "999"), (1000, "1,000"), (1001, "1,000+"), (1_000_000, "1,000+")],
)
def test_counts_are_capped(number: int, expected: str) -> None:
    assert templating.capped(number) == expected


def test_line_breaks_are_kept_and_markup_is_not() -> None:
    assert templating.nl2br("一\r\n二\n三\r四<b>") == "一<br>\n二<br>\n三<br>\n四&lt;b&gt;"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{学校|がっこう}へ", "<ruby>学校<rp>（</rp><rt>がっこう</rt><rp>）</rp></ruby>へ"),
        ("{学校} {|} {a|} {a|b|c}", "{学校} {|} {a|} {a|b|c}"),
        (
            "<b>{一|いち}</b>",
            "&lt;b&gt;<ruby>一<rp>（</rp><rt>いち</rt><rp>）</rp></ruby>&lt;/b&gt;",
        ),
        ("{<i>|</rt>}", "<ruby>&lt;i&gt;<rp>（</rp><rt>&lt;/rt&gt;</rt><rp>）</rp></ruby>"),
        (Markup("<b>太字</b>"), "<b>太字</b>"),
    ],
)
def test_furigana_never_lets_markup_through(text: str, expected: str) -> None:
    assert templating.ruby(text) == expected


def test_names_of_codes_follow_the_language_of_the_page(app: Flask) -> None:
    source = "{{ label('org_type', 'school') }}"
    assert render(app, source) == "学校"
    assert render(app, source, path="/?lang=en") == "School"


# ------------------------------------------------------------------------------- language


@pytest.mark.parametrize(
    ("path", "cookie", "expected"),
    [
        ("/staff", None, "ja"),
        ("/staff?lang=en", None, "en"),
        ("/staff", "en", "en"),
        ("/staff?lang=ja", "en", "ja"),
        ("/staff?lang=xx", "en", "en"),
        ("/staff?lang=../../etc", "fr", "ja"),
    ],
)
def test_the_language_asked_for_wins_over_the_one_kept(
    app: Flask, path: str, cookie: str | None, expected: str
) -> None:
    client = app.test_client()
    if cookie:
        client.set_cookie(templating.LANGUAGE_COOKIE, cookie)
    assert parsed(client.get(path).text).get("lang") == expected


def test_a_chosen_language_is_kept_in_a_guarded_cookie_of_the_session(app: Flask) -> None:
    client = app.test_client()
    cookie = client.get("/staff?lang=en").headers["Set-Cookie"]
    assert cookie.startswith("__Host-lang=en;")
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "Secure",
        "HttpOnly",
        "Path=/",
        "SameSite=Lax",
    }
    assert "Set-Cookie" not in client.get("/staff?lang=en").headers
    assert "Set-Cookie" not in app.test_client().get("/staff?lang=fr").headers


def test_the_languages_of_a_page_keep_its_query_and_escape_it(app: Flask) -> None:
    source = "{% for _code, _name, url in languages %}{{ url }} {% endfor %}"
    urls = render(app, source, path="/a%22b?q=%3Cb%3E&lang=ja&q=2").split()
    assert urls == [
        "/a%22b?q=%3Cb%3E&amp;q=2&amp;lang=ja",
        "/a%22b?q=%3Cb%3E&amp;q=2&amp;lang=en",
    ]


def test_an_answer_to_a_post_offers_no_language_since_the_text_would_be_lost(app: Flask) -> None:
    with app.test_request_context("/", method="POST"):
        assert templating.shared_context()["languages"] == ()
    with app.test_request_context("/"):
        assert len(templating.shared_context()["languages"]) == 2


def test_a_mail_without_a_request_is_in_japanese(app: Flask) -> None:
    with app.app_context():
        assert render_template_string("{{ locale }} {{ at|jst_date }}", at=AT) == (
            "ja 2026年11月23日（月）"
        )


# ------------------------------------------------------------------------------- static files


def test_the_address_of_a_static_file_changes_with_its_content(app: Flask, tmp_path: Path) -> None:
    app.static_folder = str(tmp_path)
    sheet = tmp_path / "a.css"
    sheet.write_text("a{}")
    with app.test_request_context("/"):
        first = templating.asset("a.css")
        assert first == templating.asset("a.css")
        sheet.write_text("b{}")
        assert templating.asset("a.css").partition("?v=")[0] == first.partition("?v=")[0]
        assert templating.asset("a.css") != first


def test_drawings_hold_neither_script_nor_style_nor_addresses() -> None:
    drawings = sorted(STATIC.rglob("*.svg"))
    assert len(drawings) > 30
    foreign = re.compile(r"<(script|style|foreignObject|image|use|a)\b|\bon\w+=|\bstyle=|href=")
    assert [path.name for path in drawings if foreign.search(path.read_text())] == []


def test_style_and_script_fetch_nothing_from_outside_and_keep_nothing() -> None:
    style, script = (STATIC / "portal.css").read_text(), (STATIC / "portal.js").read_text()
    assert re.findall(r"@import|@font-face|https?:", style) == []
    assert set(re.findall(r"url\(([^)]*)\)", style)) == {'"icons/select.svg"'}
    # Of 1,500 pages that came in pieces Chromium 156 left 14 empty inside a queried container.
    assert re.findall(r"@container|container-type", style) == []
    keeps = r"localStorage|sessionStorage|indexedDB|document\.cookie|caches|serviceWorker|https?:"
    assert re.findall(keeps, script) == []
    assert len(script.encode()) < 12_000


# ------------------------------------------------------------------------------- templates


# Printed from a file: no browser gets it from us, and it must need nothing but itself.
SHEETS = {TEMPLATES / "installation" / "escrow.html"}


@pytest.mark.parametrize("path", sorted({*ALL_TEMPLATES} - SHEETS), ids=lambda path: path.stem)
def test_templates_hold_no_style_script_or_address_of_others(path: Path) -> None:
    source = path.read_text()
    inline = re.findall(r"\sstyle=|\son[a-z]+=\"|javascript:|<style|https?://|\|safe\b", source)
    assert inline == []
    for tag in re.findall(r"<script[^>]*>", source):
        assert 'nonce="{{ csp_nonce }}"' in tag


@pytest.mark.parametrize("path", ALL_TEMPLATES, ids=lambda path: path.stem)
def test_the_parts_that_a_template_names_exist_and_are_used(app: Flask, path: Path) -> None:
    tree = app.jinja_env.parse(path.read_text())
    calls = {node.name for node in tree.find_all(nodes.Name)}
    for part in tree.find_all(nodes.FromImport):
        assert (TEMPLATES / part.template.value).is_file()
        # A part may be taken in under another name: `import actions as buttons`.
        names = {name if isinstance(name, str) else name[1] for name in part.names}
        assert names <= calls, f"{path.name}: remove the unused import {names - calls}"
    icons = re.findall(r"icon\('([^']+)'\)", path.read_text())
    assert [name for name in icons if not (STATIC / "icons" / f"{name}.svg").is_file()] == []


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.stem)
def test_a_component_is_one_macro_that_says_what_it_is(app: Flask, path: Path) -> None:
    source = path.read_text()
    macros = [node.name for node in app.jinja_env.parse(source).find_all(nodes.Macro)]
    assert macros == [path.stem]
    assert re.match(r"\{# [A-Z「].+\. #\}$", source.splitlines()[0])


def test_the_guide_for_developers_names_every_component() -> None:
    guide = (TEMPLATES.parent / "docs" / "interface.md").read_text()
    assert [path.stem for path in COMPONENTS if f"`{path.stem}`" not in guide] == []


# ------------------------------------------------------------------------------- fields


class SampleForm(FlaskForm):
    submission = HiddenField(default="once")
    name = StringField(
        "名前", [DataRequired("名前を記入してください。")], description="ふだんの名前"
    )
    body = TextAreaField("見たこと", [DataRequired(), Length(max=5)])
    mail = EmailField("メール", [Optional()])
    ward = SelectField("区", choices=[SelectChoice("43101", "中央区")])
    urgency = RadioField(
        "緊急度",
        [DataRequired("えらんでください。")],
        choices=[SelectChoice("AA", "直ちに", {"data-hint": "電話で"}), SelectChoice("B", "数日")],
    )
    slices = SelectMultipleField(
        "範囲",
        [DataRequired()],
        choices=[SelectChoice("basic", "基本"), SelectChoice("home", "家")],
    )
    due = DateField("期日", [DataRequired()])
    born = DateField("生年月日", [DataRequired()], format=["%Y %m %d", "%Y-%m-%d"])
    sure = BooleanField("たしかめた", [DataRequired()], description="読み返して")


FORM = """{% extends "layouts/public.html" %}
{% from "components/post_form.html" import post_form %}
{% from "components/field.html" import field %}
{% block title %}見本{% endblock %}
{% block content %}<h1>見本</h1>{% call post_form(form) %}
{{ field(form.name) }}{{ field(form.body) }}{{ field(form.mail) }}{{ field(form.ward) }}
{{ field(form.urgency) }}{{ field(form.slices) }}{{ field(form.due) }}
{{ field(form.born, parts=true) }}{{ field(form.sure) }}
{% endcall %}{% endblock %}"""


def sample_form(app: Flask, **data: object) -> tuple[str, SampleForm]:
    with app.test_request_context("/", method="POST", data=data):
        form = SampleForm()
        form.validate()
        return render_template_string(FORM, form=form), form


def test_every_input_has_a_label_and_its_notes_exist(app: Flask) -> None:
    html, form = sample_form(app)
    page = parsed(html)
    ids = list(named(page, "id"))
    assert len(ids) == len(set(ids))
    assert set(named(page, "aria-describedby")) <= set(ids)
    labelled = set(named(page, "for"))
    inputs = [e for e in page.iter() if e.tag in ("input", "select", "textarea")]
    unlabelled = [e for e in inputs if e.get("type") != "hidden" and e.get("id") not in labelled]
    assert unlabelled == []
    assert len(inputs) > len(form.data)


def test_each_error_is_told_at_its_field_and_on_top(app: Flask) -> None:
    html, form = sample_form(app)
    page = parsed(html)
    ids = set(named(page, "id"))
    wrong = {field.id for field in form if field.errors}
    assert wrong == {"name", "body", "ward", "urgency", "slices", "due", "born", "sure"}
    assert {f"{name}-error" for name in wrong} <= ids
    links = [e.get("href") for e in page.findall(".//div[@role='alert']//a")]
    assert len(links) == len(wrong)
    assert {link.removeprefix("#") for link in links} <= ids
    assert page.find(".//input[@id='name']").get("aria-invalid") == "true"
    assert page.find(".//input[@id='mail']").get("aria-invalid") is None


def test_what_must_be_filled_in_is_said_in_words(app: Flask) -> None:
    page = parsed(sample_form(app)[0])
    marks = {
        "".join(label.itertext()).replace("\n", "").strip()
        for label in [*page.iter("label"), *page.iter("legend")]
    }
    assert {"名前※必須", "メール※任意", "緊急度※必須", "生年月日※必須"} <= {
        mark.replace(" ", "") for mark in marks
    }


def test_nothing_that_was_typed_is_cut_or_lost(app: Flask) -> None:
    typed = {
        "name": '<"𠮷&﨑>',
        "body": "六文字以上の文章",
        "mail": "not-an-address",
        "urgency": "B",
        "slices": ["home"],
        "due": "きのう",
        "born": ["2018", "13", "40"],
    }
    html, _form = sample_form(app, **typed)
    page = parsed(html)
    value = {e.get("id"): e.get("value") for e in page.iter("input")}
    assert value["name"] == typed["name"]
    assert value["due"] == typed["due"]
    assert [value["born"], value["born-month"], value["born-day"]] == typed["born"]
    assert page.find(".//textarea").text.strip() == typed["body"]
    checked = {e.get("value") for e in page.iter("input") if e.get("checked") is not None}
    assert checked == {"B", "home"}
    # The browser must not cut a pasted text either.
    assert set(named(page, "maxlength")) == set()
    assert set(named(page, "data-limit")) == {"5"}


def test_a_date_in_three_parts_comes_back_as_one(app: Flask) -> None:
    _html, form = sample_form(app, born=["２０１８", "4", "1"])
    assert form.born.data == date(2018, 4, 1)


def test_the_mark_of_a_single_submission_is_in_the_form_once(app: Flask) -> None:
    page = parsed(sample_form(app, submission="once")[0])
    hidden = [e for e in page.iter("input") if e.get("name") == "submission"]
    assert [e.get("value") for e in hidden] == ["once"]
