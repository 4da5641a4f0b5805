"""What every template may use: strict undefined names, filters, globals and the page's language.

Instants come in as aware datetimes (UTC in the database) and are shown in Japan Standard Time; days
are dates. Everything here only presents: no database, no permission.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, urlencode

from flask import Flask, Response, current_app, has_request_context, request, url_for
from flask_babel import get_locale, gettext, ngettext
from jinja2 import StrictUndefined
from markupsafe import Markup, escape

from portal import vocabulary, working_hours
from portal.extensions import babel
from portal.headers import csp_nonce

TIME_ZONE = "Asia/Tokyo"
LANGUAGES = {"ja": "日本語", "en": "English"}
DEFAULT_LANGUAGE = "ja"
LANGUAGE_COOKIE = "__Host-lang"
COUNT_CAP = 1000

WEEKDAYS_JA = "月火水木金土日"
# How the days of a month are read that are not read as their number.
KIDS_DAYS: Final = MappingProxyType(
    {
        1: "ついたち",
        2: "ふつか",
        3: "みっか",
        4: "よっか",
        5: "いつか",
        6: "むいか",
        7: "なのか",
        8: "ようか",
        9: "ここのか",
        10: "とおか",
        14: "じゅうよっか",
        20: "はつか",
        24: "にじゅうよっか",
    }
)
KIDS_WEEKDAYS: Final = ("げつ", "か", "すい", "もく", "きん", "ど", "にち")
NOON: Final = 12
RUBY_MARKUP = re.compile(r"\{([^{}|]+)\|([^{}|]+)\}")
RUBY_ELEMENT = r"<ruby>\1<rp>（</rp><rt>\2</rt><rp>）</rp></ruby>"
LINE_BREAK = re.compile(r"\r\n|\r|\n")


def init_templating(app: Flask) -> None:
    """Set up Jinja and the languages of `app`; reads `app.config["DEMO"]` at each page."""
    babel.init_app(
        app,
        default_locale=DEFAULT_LANGUAGE,
        default_timezone=TIME_ZONE,
        locale_selector=select_locale,
    )
    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = True
    environment.lstrip_blocks = True
    # The configuration holds keys and passwords; what a template cannot name it cannot print.
    environment.globals.pop("config", None)
    environment.globals.update(
        asset=asset, days_left=days_left, icon=icon, label=label, now_drawn=now_drawn, today=today
    )
    environment.filters.update(
        age=age,
        capped=capped,
        furigana=furigana,
        isotime=isotime,
        jst=jst,
        jst_date=jst_date,
        jst_since=jst_since,
        jst_until=jst_until,
        kids_date=kids_date,
        kids_time=kids_time,
        nl2br=nl2br,
        ruby=ruby,
        wareki=wareki,
    )
    app.context_processor(shared_context)
    app.after_request(remember_language)


def shared_context() -> dict[str, Any]:
    """Return the names that every template has; they that need a sign-in are empty signed out."""
    names: dict[str, Any] = {
        "acting": None,
        "badge": 0,
        "demo": bool(current_app.config.get("DEMO", False)),
        "hotlines": hotlines(),
        "leave_url": "/child/leave",
        "locale": _language(),
        "navigation": (),
        "product": gettext("こどもの権利 連携ポータル"),
        "rests_in": None,
        "sign_out_url": None,
    }
    if has_request_context():
        names["csp_nonce"] = csp_nonce()
        names["languages"] = _languages_of_this_page()
    return names


def hotlines() -> tuple[tuple[str, str, str], ...]:
    """Return the numbers for every page of a child: number, whose it is, when it is answered.

    Source: law-and-practice.md §6.5.
    """
    free = gettext("いつでも・お{金|かね}は かからない")
    return (
        ("110", gettext("{警察|けいさつ}"), gettext("いま あぶないとき")),
        ("119", gettext("{救急車|きゅうきゅうしゃ}"), gettext("けがや {病気|びょうき}のとき")),
        ("189", gettext("{児童相談所|じどうそうだんじょ}"), free),
        ("0120-0-78310", gettext("24{時間|じかん} こどもSOS"), free),
        (
            "0120-99-7777",
            gettext("チャイルドライン"),
            gettext("{毎日|まいにち} ごご4{時|じ}から9{時|じ}"),
        ),
    )


def select_locale() -> str:
    """Return the language asked for by `?lang=`, else the one chosen before, else Japanese."""
    if not has_request_context():
        return DEFAULT_LANGUAGE
    for wish in (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wish in LANGUAGES:
            return wish
    return DEFAULT_LANGUAGE


def remember_language(response: Response) -> Response:
    """Keep a language chosen by `?lang=` until the browser is closed (shared tablets)."""
    wish = request.args.get("lang")
    if wish in LANGUAGES and wish != request.cookies.get(LANGUAGE_COOKIE):
        response.set_cookie(LANGUAGE_COOKIE, wish, secure=True, httponly=True, samesite="Lax")
    return response


def label(list_name: str, code: str) -> str:
    """Return the name of `code` in the code list `list_name`, in the page's language."""
    return vocabulary.label(list_name, code, _language())


def jst(moment: datetime) -> str:
    """Return an aware `moment` as 2026年11月23日（月）14:05 in JST; ValueError if it is naive."""
    local = working_hours.jst(moment)
    if _language() == "en":
        return f"{jst_date(local)}, {local:%H:%M} JST"
    return f"{jst_date(local)}{local:%H:%M}"


def jst_date(day: date) -> str:
    """Return a date, or an aware datetime's day in JST, as 2026年11月23日（月）."""
    local = _day(day)
    if _language() == "en":
        return f"{local:%a} {local.day} {local:%B} {local.year}"
    return f"{local.year}年{local.month}月{local.day}日（{WEEKDAYS_JA[local.weekday()]}）"


def jst_since(moment: datetime) -> str:
    """Return when a period begins: the day alone where it begins with one, else with the time."""
    return jst_date(moment) if _begins_a_day(moment) else jst(moment)


def jst_until(moment: datetime) -> str:
    """Return when a period ends: its last day where it ends with one, else with the time."""
    if _begins_a_day(moment):
        return jst_date(working_hours.instant_to_inclusive(moment))
    return jst(moment)


def _begins_a_day(moment: datetime) -> bool:
    return working_hours.jst(moment).time() == time.min


def kids_date(day: date, *, year: bool = False) -> str:
    """Return a date as a child of eight reads it, to be drawn by ``ruby``: {11月|…}26{日|…}.

    The year stands only where it is not this one, or where a paper is to be kept (``year``); the
    day of the week is written out.
    """
    local = _day(day)
    if _language() == "en":
        return jst_date(local)
    this_year = local.year == today().year and not year
    written = "" if this_year else f"{local.year}{{年|ねん}}"
    named = f"{{{local.day}日|{KIDS_DAYS[local.day]}}}" if local.day in KIDS_DAYS else ""
    number = named or f"{local.day}{{日|にち}}"
    return f"{written}{local.month}{{月|がつ}}{number}（{KIDS_WEEKDAYS[local.weekday()]}ようび）"


def kids_time(moment: datetime) -> str:
    """Return an aware `moment` as a child reads it: the day, ごぜん or ごご, the hour."""
    if _language() == "en":
        return jst(moment)
    local = working_hours.jst(moment)
    half = "ごぜん" if local.hour < NOON else "ごご"
    minutes = f"{local.minute}{{分|ふん}}" if local.minute else ""
    return f"{kids_date(local)} {half}{local.hour % NOON}{{時|じ}}{minutes}"


def isotime(moment: date) -> str:
    """Return the value of a `<time datetime>` attribute, in JST where `moment` has a time."""
    if isinstance(moment, datetime):
        return working_hours.jst(moment).isoformat(timespec="minutes")
    return moment.isoformat()


def wareki(day: date) -> str:
    """Return a day with its era, 令和8年11月23日; in English, and before 昭和, as `jst_date`."""
    if _language() == "en":
        return jst_date(day)
    try:
        return working_hours.wareki(_day(day))
    except ValueError:
        return jst_date(day)


def age(born: date, on: date | None = None) -> str:
    """Return the age in whole years on a day (today in JST unless given), as 8歳.

    Raises ValueError before the birth.
    """
    years = working_hours.age_on(born, _day(on) if on else today())
    text: str = ngettext("%(num)s歳", "%(num)s歳", years)
    return text


def capped(number: int, cap: int = COUNT_CAP) -> str:
    """Return a count with separators; one above `cap` as 1,000+: nobody counts on from there."""
    return f"{cap:,}+" if number > cap else f"{number:,}"


def nl2br(text: str) -> Markup:
    """Return `text` escaped, with its line breaks kept."""
    return Markup("<br>\n").join(escape(line) for line in LINE_BREAK.split(text))


def ruby(text: str) -> Markup:
    """Return `text` escaped, with {漢字|かんじ} turned into ruby; other braces stay as they are."""
    marked = RUBY_MARKUP.sub(RUBY_ELEMENT, str(escape(text)))
    return Markup(marked)  # noqa: S704 -- it was escaped in the line before.


def furigana(text: str) -> Markup:
    """Return a text of several lines with its ruby, as a reply to a child is written."""
    return Markup("<br>\n").join(ruby(line) for line in LINE_BREAK.split(text))


def now_drawn() -> datetime:
    """Return the time at which a page is drawn, for the sheets that are printed of it (UTC).

    Its name is no variable that a view gives a page: that would hide it from the layout.
    """
    return datetime.now(UTC)


def today() -> date:
    """Return today's date in Japan."""
    return working_hours.jst(datetime.now(UTC)).date()


def days_left(due: date, on: date | None = None) -> int:
    """Return the days from `on` (today in JST unless given) until `due`; negative when overdue."""
    return (_day(due) - (_day(on) if on else today())).days


def asset(filename: str) -> str:
    """Return the URL of a static file, with a digest of its content so that it may be cached."""
    path = Path(current_app.static_folder or "") / filename
    return url_for("static", filename=filename, v=_digest(path, path.stat().st_mtime_ns))


def icon(name: str) -> Markup:
    """Return the drawing `static/icons/<name>.svg` to stand inline, hidden from screen readers."""
    return _drawing(Path(current_app.static_folder or "") / "icons" / f"{name}.svg")


@lru_cache(maxsize=64)
def _digest(path: Path, _changed_at: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@lru_cache(maxsize=128)
def _drawing(path: Path) -> Markup:
    drawing = path.read_text(encoding="utf-8").strip()
    return Markup(drawing)  # noqa: S704 -- a file of ours, named by a template of ours.


def _language() -> str:
    locale = get_locale()
    return locale.language if locale else DEFAULT_LANGUAGE


def _languages_of_this_page() -> tuple[tuple[str, str, str], ...]:
    """Return code, own name and URL of each language; none on an answer to a post.

    There a change of language would mean another request and lose what was typed.
    """
    if request.method not in {"GET", "HEAD"}:
        return ()
    here = quote(request.script_root + request.path)
    arguments = request.args.to_dict(flat=False)
    return tuple(
        (code, name, f"{here}?{urlencode(arguments | {'lang': [code]}, doseq=True)}")
        for code, name in LANGUAGES.items()
    )


def _day(day: date) -> date:
    return working_hours.jst(day).date() if isinstance(day, datetime) else day
