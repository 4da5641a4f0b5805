"""The words of the table of arrivals and departures, as a school's office writes them.

They are what stands in a file, not on a page: a table is written and read in Japanese whatever the
language of the page, and the English words are understood as well.
"""

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from portal.vocabulary import label
from portal.working_hours import ONE_DAY, fiscal_year

ARRIVAL, DEPARTURE = "arrival", "departure"
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {"着任": ARRIVAL, "離任": DEPARTURE, ARRIVAL: ARRIVAL, DEPARTURE: DEPARTURE}
)
HEAD: Final = ("種別", "氏名", "メールアドレス", "機関", "役割", "管理者", "日付")
YES, NO = ("はい", "yes"), ("", "いいえ", "no")
# A line that begins so is an example or a note.
REMARK: Final = "#"


def template_rows(today: dt.date) -> list[tuple[str, ...]]:
    """Return the head and two examples for the coming 1 April."""
    april = dt.date(fiscal_year(today) + 1, 4, 1)
    arriving = ("見本 かおる", "kaoru@example.jp", "", label("role", "school_nurse"), "")
    leaving = ("", "akira@example.jp", "", "", "")
    return [
        HEAD,
        (f"{REMARK}着任", *arriving, april.isoformat()),
        (f"{REMARK}離任", *leaving, (april - ONE_DAY).isoformat()),
    ]
