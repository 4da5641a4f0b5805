"""Searching: what one may see is found in any spelling, and nothing else is, nor hinted at."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, text, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.codes import number_of
from portal.config import Config
from portal.database import SystemSession
from portal.queries import search
from portal.unit import Portal
from portal.vault import Scope, create_key, equip, seal, spelling_of
from tests import city as towns
from tests.city import add_consultation
from tests.counting import queries
from tests.web import Browser, Page

Browse = Callable[[str], Browser]
Write = Callable[[Callable[[Session, towns.City], Any]], Any]

URL = "/cases/search"
NOTHING = "見られるものの中には見つかりません"


@pytest.fixture
def write(config: Config, system: Engine, town: towns.City) -> Write:
    """Return a pen of the system role: what others do meanwhile."""

    def writing(what: Callable[[Session, towns.City], Any]) -> Any:
        with SystemSession(system) as session, session.begin():
            equip(session, config.keys)
            return what(session, town)

    return writing


def open_case(
    session: Session, town: towns.City, reference: str, names: tuple[str, str, str], **of_case: Any
) -> uuid.UUID:
    """Open a case of the centre about a child: family name, given name, ふりがな."""
    case = towns.add_case(session, town, reference, status=of_case.pop("status", "supporting"))
    family, given, kana = names
    child = m.Person()
    session.add(child)
    create_key(session, Scope("person", child.id))
    seal(session, child, family_name=family, given_name=given, kana=kana)
    session.flush()
    place = {"case_id": case.id, "owner_agency_id": case.owner_agency_id}
    link = towns.linked(case, child.id)
    texts = {"family_name": family, "given_name": given, "kana": kana}
    session.add_all([link, spelling_of(session, link, **texts)])
    for topic in of_case.get("topics", ()):
        session.add(m.CaseTopic(**place, topic=topic))
    session.flush()
    town.persons[reference] = child.id
    return case.id


def find(browser: Browser, words: str = "", status: int = 200, **values: str) -> Page:
    return browser.submit(URL, {"words": words, **values}, status)


def found(page: Page) -> list[str]:
    return [str(one) for one in page.tree.xpath("//*[@class='case-row__reference']/text()")]


@pytest.fixture
def names(write: Write) -> None:
    """Three children whose names are written in the ways that names are written here."""
    write(lambda s, t: open_case(s, t, "C3J-7PX-D9W", ("髙﨑", "みなと", "たかさき みなと")))
    write(lambda s, t: open_case(s, t, "M4T-9WD-C2H", ("𠮷田", "ジョン", "よしだ ジョン")))
    write(lambda s, t: open_case(s, t, "W2X-5GK-M7R", ("渡邉", "りょう", "わたなべ りょう")))


# What is typed, and whose case it finds.
SPELLINGS = {
    "C3J-7PX-D9W": ["髙﨑", "高崎", "高崎みなと", "髙﨑\u3000みなと", "タカサキ", "ﾀｶｻｷ", "みな"],
    "M4T-9WD-C2H": ["吉田", "𠮷田", "じよん", "ジョ"],
    "W2X-5GK-M7R": ["渡辺", "渡邊", "わたなべりょ", "w2x5gkm7r", "Ｗ２Ｘ－５ＧＫ－Ｍ７Ｒ"],
}


@pytest.mark.usefixtures("names")
def test_a_name_is_found_in_any_spelling(browse: Browse) -> None:
    counsellor = browse("counsellor")
    for reference, spellings in SPELLINGS.items():
        for typed in (reference, *spellings):
            assert found(find(counsellor, typed)) == [reference], typed


@pytest.mark.usefixtures("names")
def test_what_is_nobodys_name_finds_nobody(browse: Browse) -> None:
    """A sound mark makes another name; no match reaches from one name into the next."""
    counsellor = browse("counsellor")
    for typed in ("しよん", "とたか", "なと|たか", "C3J-7PX", "%%", "__"):
        page = find(counsellor, typed)
        assert found(page) == [], typed
        assert NOTHING in page.words


@pytest.mark.parametrize("typed", ["み", "ー", "ッー"])
def test_one_character_is_too_few(browse: Browse, typed: str) -> None:
    page = find(browse("counsellor"), typed, 422)
    assert "2文字以上で探してください。" in page.words


def test_nothing_is_looked_for_without_a_word_or_a_code(browse: Browse) -> None:
    page = find(browse("counsellor"), "", 422)
    assert "条件を選んでください。" in page.words


def test_others_find_what_is_shared_with_them(
    browse: Browse, town: towns.City, write: Write
) -> None:
    nurse = browse("nurse")
    typed = ["みほん", "K7F-3QXR"]
    absent = [find(nurse, words).text for words in ("ぬぬぬ", "R9H-6VN-T3K")]
    assert all(NOTHING in page for page in absent)
    hidden = [find(nurse, words) for words in typed]
    assert all(found(page) == [] and NOTHING in page.words for page in hidden)
    # The reference alone, where the name is not shared.
    write(lambda s, t: towns.add_grant(s, t, "school", ["school"]))
    assert [found(find(nurse, words)) for words in typed] == [[], ["K7F-3QXR"]]
    write(lambda s, t: towns.add_grant(s, t, "school", ["basic"]))
    assert [found(find(nurse, words)) for words in typed] == [["K7F-3QXR"], ["K7F-3QXR"]]
    assert found(find(browse("other_nurse"), "みほん")) == []
    # Taken back: gone from the next search on.
    write(lambda s, _t: s.execute(text("UPDATE grants SET ended_at = now()")))
    assert [found(find(nurse, words)) for words in typed] == [[], []]


@pytest.mark.parametrize("person", ["liaison", "clerk", "admin", "auditor", "volunteer", "lawyer"])
def test_who_lists_nothing_searches_nothing(browse: Browse, person: str) -> None:
    browse(person).get(URL, 403)
    browse(person).post(URL, {"words": "みほん"}, 403)


@pytest.mark.usefixtures("names")
def test_codes_narrow_a_search(browse: Browse, town: towns.City, write: Write) -> None:
    closed = ("C3J-7PX-D9Q", ("見本", "おわり", "みほん おわり"))
    write(lambda s, t: open_case(s, t, *closed, status="closed", topics=["MONEY"]))
    counsellor = browse("counsellor")
    assert found(find(counsellor, state="closed")) == ["C3J-7PX-D9Q"]
    assert found(find(counsellor, topic="MONEY")) == ["C3J-7PX-D9Q"]
    assert found(find(counsellor, topic="FAMILY")) == []
    assert found(find(counsellor, "みほん", state="closed")) == ["C3J-7PX-D9Q"]
    assert found(find(counsellor, "渡辺", state="closed")) == []
    school = str(town.agencies["school"])
    assert found(find(counsellor, school=school)) == []
    write(lambda s, t: towns.add_grant(s, t, "school", ["basic"]))
    assert found(find(counsellor, school=school)) == ["K7F-3QXR"]
    for name in ("state", "topic", "urgency", "school"):
        find(counsellor, "みほん", 422, **{name: "no such"})


def lay_on_the_desk(session: Session, town: towns.City) -> tuple[uuid.UUID, uuid.UUID]:
    item = add_consultation(session, town, "centre", 3)
    return item.id, item.thread_id


def test_a_consultation_is_found_by_its_number_on_the_own_desk_only(
    browse: Browse, town: towns.City, write: Write
) -> None:
    item_id, thread_id = write(lay_on_the_desk)
    number = number_of(thread_id)
    page = find(browse("counsellor"), number.lower().replace("-", ""))
    assert page.tree.xpath(f"//a[@href='/inbox/{item_id}']")
    assert NOTHING in find(browse("npo_worker"), number).words


def logged(event: str) -> Callable[[Session, towns.City], list[dict[str, Any]]]:
    rows = select(m.AuditEvent.details).where(m.AuditEvent.event == event)
    return lambda session, _town: list(session.scalars(rows.order_by(m.AuditEvent.happened_at)))


@pytest.mark.usefixtures("names")
def test_what_a_search_shows_is_logged_as_a_list(
    browse: Browse, write: Write, town: towns.City
) -> None:
    counsellor = browse("counsellor")
    find(counsellor, "渡辺")
    shown = write(
        lambda s, _t: s.scalar(select(m.Case.id).where(m.Case.reference == "W2X-5GK-M7R"))
    )
    assert write(logged("case.listed")) == [{"cases": [str(shown)]}]
    # Names that were compared and did not match were shown to nobody.
    find(counsellor, "ぬぬぬ")
    assert len(write(logged("case.listed"))) == 1
    assert write(logged("case.read")) == []


def open_many(write: Write, count: int, **of_case: Any) -> None:
    names = ("見本", "こども", "みほん こども")
    for number in range(count):
        reference = f"C3J-7PX-D9{'CDFGHJKMNP'[number]}"
        write(lambda s, t, r=reference: open_case(s, t, r, names, **of_case))


def onward(browser: Browser, page: Page) -> Page:
    """Press the button behind the list."""
    (form,) = [form for form in page.tree.forms if form.fields.get("at")]
    return browser.post(URL, dict(form.form_values()), 200)


def test_a_search_goes_on_behind_its_last_row_at_constant_cost(
    app: Portal, browse: Browse, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    counsellor = browse("counsellor")
    with queries(app) as few:
        find(counsellor, "みほん")
    open_many(write, 7)
    monkeypatch.setattr(search, "PAGE", 5)
    with queries(app) as many:
        page = find(counsellor, "みほん")
    assert len(many) == len(few), "\n".join(many)
    first, second = found(page), found(onward(counsellor, page))
    assert (len(first), len(second)) == (5, 3)
    assert len({*first, *second}) == 8


@pytest.fixture
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a search look through two cases, then through four more, and no further."""
    looks = (2, 4)
    monkeypatch.setattr(search, "LOOKS", looks)
    monkeypatch.setattr(search, "LOOKED_THROUGH", sum(looks))
    for name, make in (("BY_CODES", search._by_codes), ("BY_NAME", search._by_name)):
        monkeypatch.setattr(search, f"{name}", looking(make, looks))


def looking(make: Callable[..., Any], looks: tuple[int, ...]) -> dict[Any, Any]:
    ways = [("first", looks[0]), *(("older", size) for size in looks)]
    return {
        (*way, at_school): make(*way, at_school=at_school)
        for way in ways
        for at_school in (False, True)
    }


@pytest.mark.usefixtures("short_looks")
@pytest.mark.parametrize(("words", "state"), [("みほん", ""), ("", "supporting")])
def test_a_search_that_does_not_reach_the_end_says_so_and_goes_on(
    browse: Browse, write: Write, words: str, state: str
) -> None:
    """Nothing that is older than what one search looks through gets lost in silence."""
    counsellor = browse("counsellor")
    open_many(write, 9)
    page = find(counsellor, words, state=state)
    assert "新しいほうから6件の中だけを探しました" in page.words
    rest = onward(counsellor, page)
    assert "だけを探しました" not in rest.words
    assert len(found(page)) == 6
    assert sorted([*found(page), *found(rest)]) == sorted({*found(page), *found(rest)})
    assert len(found(rest)) == 4
    nobody = find(counsellor, "ぬぬぬ")
    assert "だけを探しました" in nobody.words
    assert NOTHING not in nobody.words
    assert NOTHING in onward(counsellor, nobody).words


@pytest.mark.usefixtures("short_looks")
def test_a_school_narrows_the_search_to_all_of_its_cases(
    browse: Browse, write: Write, town: towns.City
) -> None:
    """However many newer ones there are: its grants drive the search, not the newest cases."""
    write(lambda s, t: towns.add_grant(s, t, "school", ["basic"]))
    write(lambda s, t: towns.add_grant(s, t, "school", ["summary"]))
    open_many(write, 9)
    for words in ("みほん", ""):
        page = find(browse("counsellor"), words, school=str(town.agencies["school"]))
        assert found(page) == ["K7F-3QXR"]
        assert "だけを探しました" not in page.words


@pytest.mark.usefixtures("short_looks")
def test_a_case_of_two_circles_comes_once(browse: Browse, write: Write, town: towns.City) -> None:
    """A nurse who is of the team and named besides; the case stands twice in the projection."""
    write(lambda s, t: towns.add_grant(s, t, "school", ["basic"]))
    named_id = write(lambda s, t: towns.add_grant(s, t, "school", ["basic"]))
    named = update(m.Grant).where(m.Grant.id == named_id)
    write(lambda s, t: s.execute(named.values(account_ids=[t.accounts["nurse"]])))
    older = update(m.CaseAccess).where(m.CaseAccess.circle_id == town.accounts["nurse"])
    write(lambda s, _t: s.execute(older.values(last_visible_activity=towns.LONG_AGO)))
    rows = select(m.CaseAccess.circle_id).where(m.CaseAccess.agency_id == town.agencies["school"])
    assert len(write(lambda s, _t: s.scalars(rows).all())) == 2
    nurse = browse("nurse")
    for words, state in (("みほん", ""), ("", "supporting")):
        assert found(find(nurse, words, state=state)) == ["K7F-3QXR"]


def test_a_childs_destroyed_key_takes_the_spelling_with_it(browse: Browse, write: Write) -> None:
    """What a search compares lies under no key of the child, so the database drops it."""
    write(lambda s, t: open_case(s, t, "M4T-9WD-C2H", ("渡邉", "りょう", "わたなべ りょう")))
    spelled = select(m.Spelling.id)
    assert found(find(browse("counsellor"), "わたなべ")) == ["M4T-9WD-C2H"]
    before = write(lambda s, _t: s.scalars(spelled).all())
    write(
        lambda s, t: s.execute(
            delete(m.PersonKey).where(m.PersonKey.scope_id == t.persons["M4T-9WD-C2H"])
        )
    )
    assert len(write(lambda s, _t: s.scalars(spelled).all())) == len(before) - 1
    assert found(find(browse("counsellor"), "わたなべ")) == []


def test_a_spelling_of_another_person_does_not_open(browse: Browse, write: Write) -> None:
    """It is bound to case and person: moved in the database it is refused, not found."""
    write(lambda s, t: open_case(s, t, "M4T-9WD-C2H", ("渡邉", "りょう", "わたなべ りょう")))
    moved = text(
        "UPDATE spellings SET sealed = (SELECT sealed FROM spellings WHERE person_id = :from)"
        " WHERE person_id = :to"
    )
    write(
        lambda s, t: s.execute(moved, {"from": t.persons["M4T-9WD-C2H"], "to": t.persons["child"]})
    )
    find(browse("counsellor"), "ぬぬぬ", 500)


def test_a_name_that_was_searched_stands_in_no_address(browse: Browse) -> None:
    page = find(browse("counsellor"), "みほん")
    assert page.status == 200
    assert "みほん" not in page.response.request.url
