"""What comes out of the printer: whose it is on every sheet, nothing to press, nothing hidden."""

import re
from collections.abc import Callable

import pytest

from tests.blueprints.test_consents import answered
from tests.blueprints.test_meetings import called, released
from tests.browser.conftest import PICTURES
from tests.city import City
from tests.stories.days import (  # noqa: F401
    KNOWN,
    OF_THE_CASE,
    AtWork,
    Browse,
    OpenTo,
    TakeBack,
    browse,
    hidden_from,
    open_to,
    shown_to,
    take_back,
    written,
)
from tests.stories.watched import WatchedPerson

pytestmark = pytest.mark.browser

# A4 without its margins, in CSS pixels.
SHEET = {"width": 680, "height": 960}
CAREFUL = "取扱注意"
SEVERAL = 8
_OVER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def printed() -> Callable[[WatchedPerson, str], str]:
    """Return a function that gives the words of a page's print-out, and keeps the sheets to see."""

    def sheets_of(person: WatchedPerson, path: str) -> str:
        person.opens(path)
        tab, size = person.tab, person.tab.viewport_size
        tab.set_viewport_size(SHEET)
        tab.emulate_media(media="print")
        words = tab.locator("body").inner_text()
        shown = tab.locator("button, .button, nav, input, select, textarea")
        assert not [each for each in shown.all() if each.is_visible()], path
        assert tab.evaluate(_OVER) <= 0, f"{path} is wider than the sheet"
        name = re.sub(r"/[0-9a-f-]{36}", "", path).strip("/").replace("/", "-")
        tab.pdf(path=PICTURES / "paper" / f"{name}.pdf", prefer_css_page_size=True)
        tab.emulate_media(media="screen")
        assert size is not None
        tab.set_viewport_size(size)
        return str(words)

    return sheets_of


Printed = Callable[[WatchedPerson, str], str]


def test_the_sheets_of_the_centre(
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
    printed: Printed,
) -> None:
    counsellor, colleague = at_work("counsellor", 1280), browse("counsellor")
    # Enough for several sheets.
    fields = {"slice": "detail", "subject": str(town.persons["child"])}
    for number in range(SEVERAL):
        told = f"{number}回目の面談。" + "図書室で、ゆっくり話を聞いた。" * 30
        colleague.submit(f"{written}/entries/new", {**fields, "text": told})
    consent = answered(colleague, town, "school", "school")
    meeting = called(colleague, town, "lawyer")
    brief = released(colleague, town, meeting)
    # Closed sections are on paper too: nobody can open them there.
    case = printed(counsellor, written)
    assert not [words for words in KNOWN.values() if words not in case]
    for path in (written, f"{written}/glance", f"{written}/sights", meeting, brief):
        words = printed(counsellor, path)
        assert CAREFUL in words, path
        assert "みほん市こどもの権利サポートセンター　見本 counsellor" in words
    # What a child takes home says nothing of the counsellor's screen.
    receipt = printed(counsellor, f"{consent}/receipt")
    assert "つたえていい" in receipt
    assert CAREFUL not in receipt
    assert "見本 counsellor" not in receipt


def test_a_print_out_shows_what_its_reader_may_see_and_is_in_the_log(  # noqa: PLR0917
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    written: str,  # noqa: F811
    open_to: OpenTo,  # noqa: F811
    take_back: TakeBack,  # noqa: F811
    printed: Printed,
) -> None:
    grant, nurse = open_to("school", "basic", "school"), at_work("nurse", 1280)
    for path in (written, f"{written}/glance"):
        words = printed(nurse, path)
        assert "見本第一小学校　見本 nurse" in words
        assert not [hidden for hidden in hidden_from("basic", "school") if hidden in words]
    sheet = printed(nurse, written)
    assert not [shown for shown in shown_to("basic", "school") if shown not in sheet]
    # Whoever prints has opened the page, and that is what the log tells the centre.
    assert "見本 nurse" in browse("counsellor").get(f"{written}/log").words
    # Taken back while the page stands open: what is printed anew is the empty answer.
    take_back(grant)
    gone = printed(nurse, written)
    assert not [words for words in (*KNOWN.values(), *OF_THE_CASE) if words in gone]


def test_the_monthly_list(
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    written: str,  # noqa: F811
    open_to: OpenTo,  # noqa: F811
    printed: Printed,
) -> None:
    open_to("school", "basic", "school")
    browse("nurse").get(written)
    words = printed(at_work("auditor", 1280), "/log/month")
    assert CAREFUL in words
    assert "見本第一小学校" in words
    assert not [hidden for hidden in (*KNOWN.values(), *OF_THE_CASE) if hidden in words]
