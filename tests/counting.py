"""Counting the queries of a page, to prove that a longer list costs no more of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from portal.extensions import db
from portal.unit import Portal
from tests.web import Browser


@contextmanager
def queries(app: Portal) -> Iterator[list[str]]:
    """Collect the statements that the application sends to the database meanwhile."""
    sent: list[str] = []
    with app.app_context():
        engine = db.engine

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def assert_constant(
    app: Portal, browser: Browser, url: str, grow: Callable[[], object], most: int = 40
) -> None:
    """Open a page, let its rows become more, and expect as many queries as before (sweep 13).

    The page must have changed, or nothing was shown of what grew. ``most`` is a bound on the
    number itself.
    """
    browser.get(url)
    with queries(app) as before:
        short = browser.get(url)
    grow()
    with queries(app) as after:
        long = browser.get(url)
    assert len(long.text) > len(short.text), "what grew is not on the page"
    assert len(after) == len(before), "\n".join(after)
    assert len(before) <= most, f"{len(before)} queries"
