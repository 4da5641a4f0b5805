"""Replies to begin from: what can be said, and to whom in which language."""

from collections.abc import Mapping
from types import MappingProxyType

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

# Who the words are for, and how the page calls it; a child's thread shows the last first.
LEVELS: Mapping[str, LazyString] = MappingProxyType(
    {"adult": _l("大人に"), "plain": _l("やさしい日本語で"), "child": _l("こどもに")}
)

# What is said: that it arrived, that one would like to meet, that one is still at it, and that the
# door stays open.
REPLIES: Mapping[str, LazyString] = MappingProxyType(
    {
        "received": _l("受け取ったことを伝える"),
        "meet": _l("会って話したいと伝える"),
        "waiting": _l("もう少し待ってほしいと伝える"),
        "again": _l("いつでも話せると伝える"),
    }
)


def in_order(consulter: str) -> list[tuple[str, LazyString]]:
    """Return the levels for who consults, the likeliest first."""
    levels = list(LEVELS.items())
    return levels[::-1] if consulter == "CHILD" else levels
