"""Somebody in a story, at a browser: the same sentences drive plain HTTP and a real Chromium."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from lxml import html as lxml_html
from playwright.sync_api import BrowserContext, Locator
from playwright.sync_api import Page as Tab

from portal.unit import Portal
from tests.second_factor import next_code
from tests.web import Browser, Page, words_on

Answers = dict[str, str | list[str]]


class Person(ABC):
    """What a person does at a browser, and what they see there."""

    @abstractmethod
    def opens(self, path: str) -> None:
        """Go to an address."""

    @abstractmethod
    def sends(self, **answers: str | list[str]) -> None:
        """Fill in the form that has these fields, and send it."""

    @abstractmethod
    def presses(self, words: str) -> None:
        """Press the button that says this."""

    @property
    @abstractmethod
    def status(self) -> int:
        """Return the status of the last answer."""

    @property
    @abstractmethod
    def path(self) -> str:
        """Return where the person is, without host and query."""

    @property
    @abstractmethod
    def words(self) -> str:
        """Return the words on the page, white space folded."""

    @abstractmethod
    def links(self, pattern: str) -> list[str]:
        """Return the paths of the page's links that match a pattern."""

    @abstractmethod
    def code(self) -> list[str]:
        """Return the six words of the code on the page."""

    @abstractmethod
    def choice(self, field: str, words: str) -> str:
        """Return the value of a select's or radio's answer that says this."""

    def follows(self, pattern: str) -> None:
        """Follow the one link whose path matches."""
        found = sorted(set(self.links(pattern)))
        assert len(found) == 1, f"{len(found)} links for {pattern!r}: {found}"
        self.opens(found[0])

    def signs_in(self, email: str, password: str) -> None:
        """Sign in with e-mail, password and a second factor."""
        self.opens("/sign-in")
        self.sends(email=email, password=password)
        assert self.path == "/second-factor", self.words
        self.sends(code=next_code(email))
        assert self.path == "/", self.words

    def takes_the_screen_back(self, path: str, email: str) -> None:
        """Go on to an address after the screen was turned round, which takes a second factor."""
        self.opens(path)
        assert self.path == "/handed-back", self.words
        self.sends(step_up_code=next_code(email))
        assert self.path == path, self.words

    def comes_back(self, code: Iterable[str], secret: str) -> None:
        """Open the own thread with return code and secret word."""
        self.opens("/child/")
        self.sends(code=" ".join(code), secret=secret)
        assert self.path == "/child/thread", self.words

    def sees(self, *texts: str) -> None:
        """See each of these words."""
        for text in texts:
            assert text in self.words, f"{text!r} is not on {self.path}: {self.words[:1500]}"

    def does_not_see(self, *texts: str) -> None:
        """See none of these words."""
        for text in texts:
            assert text not in self.words, f"{text!r} is on {self.path}"

    def finds_nothing_at(self, path: str) -> None:
        """Open an address and get the one answer for what is hidden or absent."""
        self.opens(path)
        assert self.status == 404, f"{path} answers {self.status}"

    def may_not_open(self, path: str) -> None:
        """Be refused at an address whatever stands there: nobody of this role reads cases."""
        self.opens(path)
        assert self.status == 403, f"{path} answers {self.status}"


class HttpPerson(Person):
    """A person whose browser is the test client."""

    def __init__(self, app: Portal) -> None:
        self._browser = Browser(app)
        self._page: Page | None = None
        self._path = ""

    def opens(self, path: str) -> None:
        self._arrive(self._browser.client.get(path, base_url="https://localhost"), path)

    def _arrive(self, response: Any, path: str) -> None:
        hops = 0
        while response.status_code in (302, 303):
            path = str(response.headers["Location"]).removeprefix("https://localhost")
            response = self._browser.client.get(path, base_url="https://localhost")
            hops += 1
            assert hops < 5
        self._page, self._path = Page(response), path.partition("?")[0]

    @property
    def _now(self) -> Page:
        assert self._page is not None, "the story has not opened a page yet"
        return self._page

    def _post(self, form: Any, answers: Answers) -> None:
        fields: list[tuple[str, str]] = [
            (name, value) for name, value in form.form_values() if name not in answers
        ]
        for name, value in answers.items():
            fields += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        data: dict[str, list[str]] = {}
        for name, text in fields:
            data.setdefault(name, []).append(text)
        action = form.action or self._path
        self._arrive(
            self._browser.client.post(action, data=data, base_url="https://localhost"), action
        )

    def sends(self, **answers: str | list[str]) -> None:
        assert self._now.tree is not None
        forms = [f for f in self._now.tree.forms if set(answers) <= set(f.fields.keys())]
        assert len(forms) == 1, f"{len(forms)} forms with {sorted(answers)} on {self._path}"
        self._post(forms[0], answers)

    def presses(self, words: str) -> None:
        assert self._now.tree is not None
        buttons = self._now.tree.xpath("//form//button[contains(., $words)]", words=words)
        assert len(buttons) == 1, f"{len(buttons)} buttons {words!r} on {self._path}"
        form = next(parent for parent in buttons[0].iterancestors() if parent.tag == "form")
        self._post(form, {})

    def code(self) -> list[str]:
        assert self._now.tree is not None
        found = self._now.tree.xpath("//ol[@class='receipt__words']//span/text()")
        return [str(word).strip() for word in found]

    def choice(self, field: str, words: str) -> str:
        assert self._now.tree is not None
        options = self._now.tree.xpath("//select[@name=$n]/option", n=field)
        inputs = self._now.tree.xpath("//label[input[@name=$n]]", n=field)
        found = [o.get("value") for o in options if words in o.text_content()]
        found += [i.find(".//input").get("value") for i in inputs if words in i.text_content()]
        assert len(found) == 1, f"{len(found)} answers {words!r} to {field} on {self._path}"
        return str(found[0])

    @property
    def status(self) -> int:
        return self._now.status

    @property
    def path(self) -> str:
        return self._path

    @property
    def words(self) -> str:
        return self._now.words

    def links(self, pattern: str) -> list[str]:
        assert self._now.tree is not None
        return [
            href
            for href in map(str, self._now.tree.xpath("//main//a/@href"))
            if re.fullmatch(pattern, href)
        ]


class ChromiumPerson(Person):
    """A person at a real browser, of whose taps and letters account is kept."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.tab: Tab = context.new_page()
        self._address = address
        self._status = 0
        self.taps = 0
        self.letters = 0
        self.tab.on("response", self._note)

    def _note(self, response: Any) -> None:
        if response.request.is_navigation_request() and response.status not in (302, 303):
            self._status = response.status

    def opens(self, path: str) -> None:
        self.tab.goto(self._address + path)

    def sends(self, **answers: str | list[str]) -> None:
        form = self.fills(**answers)
        with self.tab.expect_navigation():
            form.locator("button[type='submit']").first.click()
        self.taps += 1

    def fills(self, **answers: str | list[str]) -> Locator:
        """Fill in the form that has these fields, send nothing, and return the form."""
        form = self.tab.locator("main form")
        for name in answers:
            form = form.filter(has=self.tab.locator(f"[name='{name}']"))
        for name, value in answers.items():
            self._fill(form.locator(f"[name='{name}']"), value)
            # A tap for each field or choice; what is chosen is not typed.
            self.taps += 1 if isinstance(value, str) else len(value)
        return form

    def _fill(self, field: Any, value: str | list[str]) -> None:
        first = field.first
        if first.get_attribute("type") not in ("radio", "checkbox"):
            self._open_around(first)
        tag = first.evaluate("element => element.tagName")
        kind = first.get_attribute("type")
        if kind in ("radio", "checkbox"):
            for one in [value] if isinstance(value, str) else value:
                chosen = field.and_(self.tab.locator(f"[value='{one}']"))
                # The input lies beneath its picture; a finger meets the label.
                label = self.tab.locator(f"label[for='{chosen.get_attribute('id')}']")
                self._open_around(label)
                label.click()
        elif tag == "SELECT":
            first.select_option(value)
        elif field.count() > 1 and not isinstance(value, str):
            for part, text in enumerate(value):
                field.nth(part).fill(text)
                self.letters += len(text)
        else:
            first.fill(value)
            self.letters += len(value)

    def _open_around(self, place: Locator) -> None:
        """Open the folded group in which something stands; that is a tap more."""
        group = place.locator("xpath=ancestor::details[not(@open)]")
        if group.count():
            group.locator("summary").click()
            self.taps += 1

    def presses(self, words: str) -> None:
        with self.tab.expect_navigation():
            self.tab.locator("form button", has_text=words).click()
        self.taps += 1

    def touches(self, words: str) -> None:
        """Follow the one link that says this, as a finger does."""
        with self.tab.expect_navigation():
            self.tab.get_by_role("link", name=words, exact=True).click()
        self.taps += 1

    def code(self) -> list[str]:
        return self.tab.locator("ol.receipt__words span").all_text_contents()

    def choice(self, field: str, words: str) -> str:
        options = self.tab.locator(f"select[name='{field}'] option", has_text=words)
        labels = self.tab.locator("label", has_text=words)
        inputs = labels.locator(f"input[name='{field}']")
        found = options if options.count() else inputs
        assert found.count() == 1, f"{found.count()} answers {words!r} to {field}"
        return str(found.first.get_attribute("value"))

    @property
    def status(self) -> int:
        return self._status

    @property
    def path(self) -> str:
        return re.split(r"[?#]", self.tab.url.removeprefix(self._address))[0]

    @property
    def words(self) -> str:
        body = self.tab.locator("body").evaluate("body => body.outerHTML")
        return words_on(lxml_html.document_fromstring(body))

    def links(self, pattern: str) -> list[str]:
        found = self.tab.locator("main a").evaluate_all(
            "links => links.map(link => link.getAttribute('href'))"
        )
        return [href for href in found if href and re.fullmatch(pattern, href)]
