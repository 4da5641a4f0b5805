"""What tells of cases beside the cases says only what the rule shows, also after a withdrawal.

The list of notifications, the count beside its name, the first page's counts, a search by POST, the
picture and the printed page of a case, and mail: at once, as a digest, and from jobs that were
queued before the withdrawal. Random worlds get notifications of nearly everything for everybody;
what shows is compared with the oracle, in both directions. ``WORLDS`` says how many worlds,
``PEOPLE`` how many people of each open pages; mail is compared for all of them.
"""

from __future__ import annotations

import os
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text, true

from portal import models as m
from portal.database import SystemSession, system_session
from portal.policy.permissions import Action, allows
from portal.services import notifications as telling
from portal.vault import equip
from tests.conftest import Database
from tests.letters import Box, send_all, served_mail
from tests.rules.city import AT, City
from tests.rules.sight import by_oracle, pairs
from tests.rules.test_canaries import Sweep, Viewer, chosen, leaks, open_walls, withheld
from tests.rules.waiting import COMES, Hearer, Waiting, all_names
from tests.rules.worlds import name_canaries
from tests.site import Site, Visitor, faults, links
from tests.web import Page

WORLDS = int(os.environ.get("WORLDS", "20"))
PEOPLE = int(os.environ.get("PEOPLE", "2"))
LIST, SEARCH, NOTIFICATIONS = "/cases", "/cases/search", "/notifications"
OF_CASE = r"/cases/([0-9a-f-]{36})$"
# Where entries stand beside the page of the case itself, which is printed as it is.
OF_CASES = frozenset({"cases.index", "cases.own_records"})
# So many pictures each looks at, of cases that show first.
PICTURED = 3
TOKEN = re.compile(r"[0-9a-f]{12}")


@dataclass
class Town:
    """Random worlds on one portal with what waits in them, and the mail server of their people."""

    sweep: Sweep
    box: Box
    config: Any
    worlds: dict[int, Waiting] = field(default_factory=dict)
    ids: dict[int, Any] = field(default_factory=dict)
    asked: int = 0
    shown: int = 0

    def settle(self, seeds: range) -> None:
        """Load the worlds and write what waits there, and a first round of notifications."""
        for seed in seeds:
            world, self.ids[seed] = self.sweep.world(seed)
            waiting = self.worlds[seed] = Waiting.draw(world, seed, AT)
            with self._writing() as session:
                waiting.write(session)
        self.tell()

    def tell(self) -> None:
        """Write a round of notifications, of which nobody was told by mail yet."""
        for waiting in self.worlds.values():
            with self._writing() as session:
                waiting.write_told(session, waiting.draw_told())

    @contextmanager
    def _writing(self) -> Iterator[SystemSession]:
        engine = self.sweep.site.system
        with system_session(engine, reason="what waits in a random world") as session:
            equip(session, self.sweep.city.database.keys)
            yield session

    def everybody(self, waiting: Waiting) -> Iterator[Hearer]:
        """Yield all people of a world, each acting for each of its agencies."""
        for pair in pairs(waiting.world):
            yield Hearer(waiting, pair, by_oracle(waiting.world, pair, AT))

    # -------------------------------------------------------------------------------------- mail

    def queue_letters_for_some(self) -> None:
        """Let the worker write the letters of every other account, and send none."""
        accounts = [each["id"] for w in self.worlds.values() for each in w.world["accounts"]]
        with self._writing() as session:
            for account_id in accounts[::2]:
                telling.tell_by_mail(session, uuid.UUID(account_id))

    def let_everybody_be_told(self) -> None:
        """No choice of hours holds anything back any more: what waited for its hour is due."""
        with self.sweep.site.system.begin() as connection:
            connection.execute(text("DELETE FROM mail_choices"))
        for waiting in self.worlds.values():
            waiting.choices = dict.fromkeys(waiting.choices, "at once")

    def mailed(self) -> Counter[str]:
        """Let the worker do what it does each minute; return to whom mail went, by account."""
        before = len(self.box.messages)
        with self._writing() as session:
            telling.tell_all_by_mail(session)
        send_all(self.config)
        sent = self.box.messages[before:]
        return Counter(str(message["To"]).partition("@")[0] for message in sent)

    def unmailed(self) -> set[str]:
        """Return the notifications that no letter which left has told of, and nobody has read."""
        found = self.sweep.site.rows(
            "SELECT n.id FROM notifications n LEFT JOIN notices t ON t.id = n.notice_id"
            " WHERE n.read_at IS NULL AND t.sent_at IS NULL"
        )
        return {str(row.id) for row in found}

    def due_by_mail(self, among: set[str]) -> Counter[str]:
        """Return to whom the oracle sends mail, for what of some notifications shows."""
        due: set[str] = set()
        for waiting in self.worlds.values():
            for hearer in self.everybody(waiting):
                account_id = hearer.pair[0]
                if waiting.choices[account_id] in COMES and any(
                    row["id"] in among for row in hearer.told()
                ):
                    due.add(account_id)
        return Counter(due)

    def words_in_mail(self) -> list[str]:
        """Return what stands in any mail and says something of a case."""
        everything = "\n".join(
            message.as_string() + str(message.get_body(("plain",)).get_content())
            for message in self.box.messages
        )
        words = {"カナリア", *TOKEN.findall("\n".join(_texts(self)))}
        for waiting in self.worlds.values():
            words |= all_names(waiting)
            words |= {each["name"] for each in waiting.world["agencies"]}
        return sorted(word for word in words if word in everything)

    def read(self) -> set[str]:
        """Return the notifications that somebody has read."""
        found = self.sweep.site.rows("SELECT id FROM notifications WHERE read_at IS NOT NULL")
        return {str(row.id) for row in found}

    # ------------------------------------------------------------------------------------- pages

    def complaints(self, *, of_cases: bool = True) -> list[str]:
        """Let some people of each world look around; return how it differs from the oracle.

        ``of_cases`` says whether they also open the cases themselves.
        """
        found: list[str] = []
        for seed, waiting in self.worlds.items():
            for viewer in chosen(waiting.world, seed, PEOPLE):
                hearer = Hearer(waiting, viewer.pair, viewer.sight)
                look = Look(self, hearer, self.sweep.site.at(viewer.person))
                what = [*look.told(), *look.waits(), *look.searched(), *look.pictured()]
                what += [*look.listed(), *look.marked()]
                what += self._of_cases(viewer, seed) if of_cases else []
                self.asked += look.asked
                self.shown += look.shown
                found += [f"world {seed}, {viewer.person.label}: {each}" for each in what]
        return found

    def _of_cases(self, viewer: Viewer, seed: int) -> list[str]:
        looked = self.sweep.look(viewer, self.ids[seed], OF_CASES)
        return leaks(looked, viewer) + withheld(looked, viewer) + looked.complaints

    def withdraw(self) -> None:
        """End every grant of every world, in the database and for the oracle."""
        with self.sweep.site.system.begin() as connection:
            # Of an unlawful world some end before they begin, which is no withdrawal.
            connection.execute(
                text(
                    "UPDATE grants SET ended_at = portal_clock()"
                    " WHERE ended_at IS NULL OR ended_at > portal_clock()"
                )
            )
        for waiting in self.worlds.values():
            waiting.withdraw()


def _texts(town: Town) -> Iterator[str]:
    for waiting in town.worlds.values():
        yield from waiting.tokens().values()
        for pair in name_canaries(waiting.world).values():
            yield from pair


@dataclass
class Look:
    """What one person is shown of what waits."""

    town: Town
    hearer: Hearer
    visitor: Visitor
    asked: int = 0
    shown: int = 0

    def _get(self, url: str) -> Page:
        self.asked += 1
        return self.visitor.get(url)

    def _beyond(self, place: str, page: Page, typed: str = "") -> Iterator[str]:
        """Yield what a page holds of the names, words and references of what is hidden.

        What was ``typed`` stands in its field again and tells nothing.
        """
        yield from (f"{place}: {fault}" for fault in faults(page))
        content = page.text + str(page.response.headers)
        content = content.replace(typed, "") if typed else content
        named = all_names(self.hearer.waiting) - self.hearer.named()
        yield from (f"{place} shows {name}" for name in sorted(named) if name in content)
        for kind, id_ in self.town.sweep.tokens.in_(content.encode()):
            if kind != "name" or id_ not in self.hearer.sight["persons"]:
                yield f"{place} shows {kind} {id_}"
        for id_, token in self.hearer.waiting.tokens().items():
            if token in content:
                yield f"{place} shows the words of {id_}"

    def told(self) -> Iterator[str]:
        """Compare the list of notifications, page by page, and the count beside its name."""
        right = {row["id"] for row in self.hearer.told()}
        seen: set[str] = set()
        waiting, opened = [NOTIFICATIONS], set()
        while waiting:
            url = waiting.pop()
            opened.add(url)
            page = self._get(url)
            yield from self._beyond(NOTIFICATIONS, page)
            seen |= set(_ids(page.tree, "//form/@action", r"/notifications/([0-9a-f-]{36})/open"))
            further = [one for one in links(page, url) if one.startswith(f"{NOTIFICATIONS}?")]
            waiting += [one for one in further if one not in opened]
        self.shown += len(seen)
        yield from (f"{NOTIFICATIONS} shows {one}" for one in sorted(seen - right))
        yield from (f"{NOTIFICATIONS} lacks {one}" for one in sorted(right - seen))
        unread = right - self.town.read()
        if self.hearer.standing is not None and _badge(page) != min(len(unread), 101):
            yield f"the count beside its name is {_badge(page)} and not {len(unread)}"

    def waits(self) -> Iterator[str]:
        """Compare the counts of the first page."""
        page = self._get("/")
        yield from self._beyond("/", page)
        counts, right = _counts(page), self.hearer.counts()
        self.shown += sum(counts.values())
        if counts != right:
            yield f"/ counts {counts} and not {right}"

    def searched(self) -> Iterator[str]:
        """Search by references and names, shown and hidden, and by what every name begins with."""
        standing = self.hearer.standing
        if standing is None or not allows(standing, Action.LIST_CASES):
            return
        form = self._get(SEARCH).form()
        for words, right in self._wanted():
            self.asked += 1
            page = self.visitor.send(SEARCH, [*{**form, "words": words}.items()])
            yield from self._beyond(SEARCH, page, words)
            seen = set(_ids(page.tree, "//main//a/@href", OF_CASE))
            self.shown += len(seen)
            yield from (f"{SEARCH} shows {one}, of {words}" for one in sorted(seen - right))
            yield from (f"{SEARCH} lacks {one}, of {words}" for one in sorted(right - seen))

    def pictured(self) -> Iterator[str]:
        """Compare how much the pictures of some cases hold: entries by agency, and measures."""
        standing = self.hearer.standing
        if standing is None or not allows(standing, Action.READ_CASES):
            return
        shown = self.hearer.sight["cases"]
        cases = sorted(self.hearer.waiting.world["cases"], key=lambda row: row["id"] not in shown)
        for case in cases[:PICTURED]:
            place = f"/cases/{case['id']}/glance"
            page = self._get(place)
            yield from self._beyond(place, page)
            seen = _pictured(page) if page.status == 200 else None
            right = self.hearer.pictured(case)
            self.shown += sum(seen or ())
            if seen != right:
                yield f"/cases/…/glance has {seen} and not {right} of {case['id']}"

    def listed(self) -> Iterator[str]:
        """Compare how much the list says is new in each case."""
        standing = self.hearer.standing
        if standing is None or not allows(standing, Action.LIST_CASES):
            return
        page = self._get(LIST)
        yield from self._beyond(LIST, page)
        assert page.tree is not None
        seen = {
            address: _number(row, ".//p[@class='case-row__tags']")
            for row in page.tree.xpath("//li[@class='case-row']")
            for address in _ids(row, ".//a/@href", OF_CASE)
        }
        counts, right = (
            {key: number for key, number in seen.items() if number},
            self.hearer.listed(),
        )
        self.shown += sum(counts.values())
        if counts != right:
            yield f"{LIST} counts as new {counts} and not {right}"

    def marked(self) -> Iterator[str]:
        """Compare what the pages of some cases mark as new since the last visit."""
        standing = self.hearer.standing
        if standing is None or not allows(standing, Action.READ_CASES):
            return
        for case in self.hearer.waiting.world["cases"][:PICTURED]:
            page, right = self._get(f"/cases/{case['id']}"), self.hearer.marked(case)
            place = "//li[.//p[@class='timeline__new']]/@id"
            found = _ids(page.tree, place, r"entry-([0-9a-f-]{36})")
            seen = set(found) if page.status == 200 else None
            self.shown += len(seen or ())
            if seen != right:
                yield f"/cases/… marks as new {seen} and not {right} of {case['id']}"

    def _wanted(self) -> Iterator[tuple[str, set[str]]]:
        """Yield what is typed and the cases that it may find: a few shown and a few hidden."""
        world, sight = self.hearer.waiting.world, self.hearer.sight
        people = [row.split() for row in sorted(sight["case_people"])]
        yield "カナリア", {case_id for case_id, _ in people}
        for case in _half(world["cases"], lambda case: case["id"] in sight["cases"]):
            yield case["reference"], {case["id"]} & sight["cases"]
        for person_id, (family, _given) in _half(
            sorted(name_canaries(world).items()), lambda pair: pair[0] in sight["persons"]
        ):
            yield family, {case_id for case_id, who in people if who == person_id}


def _half(rows: Any, shown: Callable[[Any], bool]) -> list[Any]:
    """Return one that shows and two that are hidden."""
    return [*[row for row in rows if shown(row)][:1], *[row for row in rows if not shown(row)][:2]]


def _ids(tree: Any, place: str, pattern: str) -> Iterator[str]:
    for address in tree.xpath(place):
        found = re.search(pattern, str(address))
        if found:
            yield found[1]


def _badge(page: Page) -> int:
    """Return the count beside the way to the notifications, 0 where there is none."""
    return _number(page.tree, f"//nav//a[@href='{NOTIFICATIONS}']/span")


def _counts(page: Page) -> dict[str, int]:
    """Return how much of each kind the first page says that there is."""
    assert page.tree is not None
    titles = page.tree.xpath("//main//h2[starts-with(@id,'waiting-')]/@id")
    return {
        str(title).removeprefix("waiting-"): _number(page.tree, f"//h2[@id='{title}']/span")
        for title in titles
    }


def _pictured(page: Page) -> tuple[int, int]:
    """Return how many entries and how many measures the tables of a picture hold."""
    assert page.tree is not None
    tables = page.tree.xpath("//main//table[.//caption]")
    bodies = [[row.xpath("./td") for row in each.xpath("./tbody/tr[th]")] for each in tables]
    if not bodies:
        return 0, 0
    entries, actions = bodies
    return sum(int(cells[0].text_content().replace(",", "")) for cells in entries), len(actions)


def _number(tree: Any, place: str) -> int:
    found = re.search(r"\d+", "".join(tree.xpath(f"{place}//text()")))
    return int(found[0]) if found else 0


@pytest.fixture
def town(clone: Callable[[], Database]) -> Iterator[Town]:
    """A portal without worlds, and a real mail server on loopback."""
    database = clone()
    city = City.found(database)
    site = Site(database.server, database.name, database.config)
    with served_mail(site.config) as (box, config):
        yield Town(Sweep(city, site), box, config)
    site.close()


def test_what_tells_of_cases_says_what_the_rule_shows_also_after_a_withdrawal(
    town: Town, record_property: Callable[[str, object], None]
) -> None:
    town.settle(range(WORLDS))
    unmailed = town.unmailed()
    assert town.mailed() == town.due_by_mail(unmailed)
    # Of the cases themselves another sweep (`test_canaries`) says the same, on more pages.
    found = town.complaints(of_cases=False)
    assert found == [], "\n".join(found[:100])
    mailed, shown = len(town.box.messages), town.shown
    assert mailed > WORLDS
    assert shown > WORLDS * PEOPLE * 5

    # Queued before it, looked at and sent after it.
    town.tell()
    town.queue_letters_for_some()
    unmailed = town.unmailed()
    town.withdraw()
    town.let_everybody_be_told()
    assert town.mailed() == town.due_by_mail(unmailed)
    found = town.complaints()
    assert found == [], "\n".join(found[:100])
    assert town.words_in_mail() == []
    dropped = town.sweep.site.rows("SELECT id FROM notices WHERE dropped_at IS NOT NULL")
    assert len(dropped) > 0, "of some letters in the queue nothing was left to tell"
    record_property("worlds", WORLDS)
    record_property("requests", town.asked + town.sweep.asked)
    record_property("mails", len(town.box.messages))
    record_property("letters dropped", len(dropped))


# ------------------------------------------------------------------------------- the control arms


@pytest.mark.parametrize(
    ("models", "place"),
    [
        ([m.Notification], NOTIFICATIONS),
        ([m.Action, m.Task, m.InboxItem], "/ counts"),
        ([m.Spelling, m.Case, m.CaseAccess], SEARCH),
        ([m.Action], "/cases/…/glance"),
        ([m.Entry, m.SliceKey], "cases.show"),
    ],
)
def test_with_open_walls_the_sweep_finds_it(
    town: Town, monkeypatch: pytest.MonkeyPatch, models: list[type[m.Base]], place: str
) -> None:
    town.settle(range(4))
    open_walls(town.sweep.site, monkeypatch, models)
    assert [what for what in town.complaints() if f": {place}" in what] != []


def test_mail_that_does_not_ask_the_rule_is_found(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The letters in the queue, too: nobody asks again whether something is left to tell of."""
    monkeypatch.setattr(telling, "notifications", lambda _row: true())
    town.settle(range(2))
    assert town.mailed() - town.due_by_mail(town.unmailed()) != Counter()
    town.tell()
    town.queue_letters_for_some()
    unmailed = town.unmailed()
    town.withdraw()
    town.let_everybody_be_told()
    assert town.mailed() - town.due_by_mail(unmailed) != Counter()
