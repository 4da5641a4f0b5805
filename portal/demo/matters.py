"""The six matters of the demo city, one for each way in which the rule decides (domain.md §4).

- あおい and りく are siblings; she consents to school and welfare division, he refuses.
- そら said 「児相に言わないで」; the duty to report goes through, and the person stays blocked.
- ひな is troubled by a teacher, who has an account and is excluded.
- みなと is sixteen, and his father must not know.
- ゆい came by a cafeteria's report; the watcher reads the points to watch; a wrong post is gone.
"""

import datetime as dt
from collections.abc import Iterable
from typing import ClassVar

from portal.demo.register import Record, demo_id, known_accounts
from portal.working_hours import jst

# Text by slice; a subject other than the child after the slice's name.
Words = tuple[tuple[str, str, str, str], ...]


class Clock:
    """Instants of the demo city, counted in days and hours from the moment it is loaded.

    Everything happens between nine and six, in the order in which it would.
    """

    OPENS: ClassVar = 9
    HOURS: ClassVar = 9

    def __init__(self, now: dt.datetime) -> None:
        """Take the present instant, aware."""
        self.now = now

    @property
    def today(self) -> dt.date:
        """Return the day in JST."""
        return jst(self.now).date()

    def back(self, days: float) -> dt.datetime:
        """Return the instant so many days ago; a negative number lies ahead.

        It is in office hours, unless that would be less long ago.
        """
        exact = jst(self.now - dt.timedelta(days=days))
        midnight = exact.replace(hour=0, minute=0, second=0, microsecond=0)
        share = (exact - midnight) / dt.timedelta(days=1)
        at_work = midnight + dt.timedelta(hours=self.OPENS + self.HOURS * share)
        return min(at_work, exact) if days >= 0 else at_work

    def day_of(self, days: float) -> dt.date:
        """Return the day in JST of the instant so many days ago."""
        return jst(self.back(days)).date()

    def ago(self, days: float) -> str:
        """Return the instant so many days ago, as a register writes it."""
        return self.back(days).isoformat()

    def ahead(self, days: float) -> str:
        """Return the instant so many days ahead, as a register writes it."""
        return self.ago(-days)


def cases(clock: Clock) -> list[Record]:
    """Return the six cases with entries, grants, exclusions and whom not to tell."""
    return [
        _aoi(clock),
        _riku(clock),
        _sora(clock),
        _hina(clock),
        _minato(clock),
        _yui(clock),
    ]


def households() -> list[Record]:
    """Return the one household: あおい and りく are sister and brother."""
    return [
        {
            "id": demo_id("household mihon"),
            "cases": [demo_id("case aoi"), demo_id("case riku")],
        }
    ]


def case_of(child: str, reference: str, opened: str, **rest: object) -> Record:
    """Return a case of a child as a register has it; ``rest`` replaces what is usual."""
    case: Record = {
        "id": demo_id(f"case {child}"),
        "reference": reference,
        "owner": demo_id("centre"),
        "child": demo_id(f"person {child}"),
        "status": "supporting",
        "opened": opened,
        "closed": None,
        "workers": [demo_id("counsellor")],
        "entries": [],
        "grants": [],
        "exclusions": [],
        "never_tell": [],
    }
    return case | rest


def entries_of(
    clock: Clock, child: str, words: Iterable[tuple[float, str, str, str, str]]
) -> list[Record]:
    """Return entries from (days ago, slice, subject, author, text); "" is the child itself."""
    people = known_accounts(full=True)
    return [
        {
            "id": demo_id(f"entry {child} {number}"),
            "slice": slice_,
            "subject": demo_id(f"person {subject or child}"),
            "author_agency": demo_id(people[author][1]),
            "author": demo_id(author),
            "at": clock.ago(days),
            "text": text,
            "retracted": None,
        }
        for number, (days, slice_, subject, author, text) in enumerate(words)
    ]


def consent_to(
    clock: Clock,
    child: str,
    agency: str,
    slices: list[str],
    *,
    subject: str = "",
    since: float = 20,
    until: float = 160,
    purpose: str = "support",
) -> Record:
    """Return a grant on the consent of a subject, "" for the child; since and until in days."""
    return {
        "id": demo_id(f"grant {child} {subject} {agency}"),
        "agency": demo_id(agency),
        "slices": slices,
        "subject": demo_id(f"person {subject or child}"),
        "purpose": purpose,
        "basis": "CONSENT",
        "necessity": "agencies_needed",
        "from": clock.ago(since),
        "until": clock.ahead(until),
        "ended": None,
    }


def _aoi(clock: Clock) -> Record:
    words = (
        (20, "basic", "", "counsellor", "小学6年。呼ばれたい名前は「あおちゃん」。"),
        (
            20,
            "summary",
            "",
            "counsellor",
            "放課後に一人でいることが多い。夕食も一人の日がある。",
        ),
        (
            19,
            "child_view",
            "",
            "counsellor",
            "「学校は好き。お母さんをこまらせたくない」",
        ),
        (19, "school", "", "counsellor", "放課後、図書室に最後まで残っていることが多いという。"),
        (12, "school", "", "nurse", "保健室で話した。朝ごはんを食べていない日が続いている。"),
        (18, "welfare", "", "counsellor", "給食費のことを気にしている。"),
        (18, "welfare", "haruka", "counsellor", "母は求職中。ひとり親の手当の申請はまだ。"),
        (9, "welfare", "", "officer", "就学援助の案内を用意した。来庁の日を相談中。"),
        (17, "home", "haruka", "counsellor", "母は夜の仕事を探している。体調がすぐれない。"),
        (16, "watch_points", "", "counsellor", "あおちゃんが来たら、名前で呼んでください。"),
        (15, "detail", "", "counsellor", "面談での詳しい話。弟の世話をすることもある。"),
    )
    return case_of(
        "aoi",
        "K7F-3QX-R4M",
        clock.ago(21),
        entries=entries_of(clock, "aoi", words),
        grants=[
            consent_to(clock, "aoi", "school", ["basic", "school", "watch_points"]),
            consent_to(clock, "aoi", "ward_welfare_43101", ["basic", "welfare"]),
            consent_to(clock, "aoi", "ward_welfare_43101", ["welfare"], subject="haruka"),
            consent_to(clock, "aoi", "cafeteria", ["watch_points"], purpose="watching"),
        ],
    )


def _riku(clock: Clock) -> Record:
    words = (
        (20, "basic", "", "counsellor", "中学3年。"),
        (19, "child_view", "", "counsellor", "「学校には言わないでほしい。自分で決めたい」。"),
        (19, "school", "", "counsellor", "週に2日ほど休んでいる。"),
    )
    never = {"agency": demo_id("junior_high"), "from": clock.ago(19), "until": None}
    return case_of(
        "riku",
        "M4T-9WD-C2H",
        clock.ago(21),
        entries=entries_of(clock, "riku", words),
        never_tell=[never],
    )


def _sora(clock: Clock) -> Record:
    words = (
        (6, "basic", "", "counsellor", "小学4年。"),
        (6, "safety", "", "counsellor", "家に帰りたくないと話した。腕にあざがあった。"),
        (6, "detail", "", "counsellor", "あざについて、本人は「ころんだ」と話した後に黙った。"),
        (
            6,
            "child_view",
            "",
            "counsellor",
            "「児相には言わないで」。先に通告のことを話した。",
        ),
        (4, "safety", "", "cgc_worker", "家庭訪問で本人に会い、安全を確認した。"),
    )
    return case_of(
        "sora",
        "R9H-6VN-T3K",
        clock.ago(7),
        entries=entries_of(clock, "sora", words),
        grants=[
            {
                "id": demo_id("grant sora cgc"),
                "agency": demo_id("cgc"),
                "slices": ["basic", "safety"],
                "subject": "*",
                "purpose": "statutory_report",
                "basis": "CAPA6",
                "necessity": "agencies_needed",
                "from": clock.ago(5),
                "until": clock.ahead(80),
                "ended": None,
            },
        ],
        never_tell=[
            {"agency": demo_id("cgc"), "from": clock.ago(6), "until": None},
            {"person": demo_id("person nami"), "from": clock.ago(6), "until": None},
        ],
    )


def _hina(clock: Clock) -> Record:
    words = (
        (14, "basic", "", "counsellor", "小学3年。"),
        (14, "summary", "", "counsellor", "教室で大きな声でしかられるのがこわい。"),
        (14, "school", "", "counsellor", "申立てのあった教職員について、本人の話を聞いた。"),
        (10, "school", "", "nurse", "保健室に来た。今日は教室に戻れた。"),
    )
    grant = consent_to(clock, "hina", "school", ["basic", "school"], since=13)
    return case_of(
        "hina",
        "C3J-7PX-D9W",
        clock.ago(15),
        entries=entries_of(clock, "hina", words),
        grants=[grant | {"accounts": [demo_id("nurse")]}],
        exclusions=[{"account": demo_id("teacher"), "from": clock.ago(15), "until": None}],
        never_tell=[{"person": demo_id("person teacher"), "from": clock.ago(14), "until": None}],
    )


def _minato(clock: Clock) -> Record:
    words = (
        (30, "basic", "", "counsellor", "高校1年。"),
        (30, "child_view", "", "counsellor", "「父には知られたくない」。"),
        (29, "home", "", "counsellor", "父の大声がこわく、夜は友だちの家にいることがある。"),
        (29, "health", "", "counsellor", "眠れない日が続いている。"),
        (11, "health", "", "child_health", "保健師が面談した。睡眠の記録をつけることにした。"),
    )
    return case_of(
        "minato",
        "W2X-5GK-M7R",
        clock.ago(31),
        entries=entries_of(clock, "minato", words),
        grants=[consent_to(clock, "minato", "ward_child_health_43102", ["basic", "health"])],
        never_tell=[
            {"person": demo_id("person minato_father"), "from": clock.ago(30), "until": None}
        ],
        workers=[demo_id("counsellor"), demo_id("investigator")],
    )


def _yui(clock: Clock) -> Record:
    words = (
        (40, "basic", "", "counsellor", "小学2年。呼ばれたい名前は「ゆいちゃん」。"),
        (
            40,
            "reporter",
            "",
            "counsellor",
            "こども食堂から。「小さいきょうだいの世話をしている」",
        ),
        (38, "summary", "", "counsellor", "きょうだいの世話で宿題ができない日がある。"),
        (37, "home", "yui_mother", "counsellor", "母は夜勤。祖母の手助けがある。"),
        (36, "watch_points", "", "counsellor", "ゆいちゃんが来たら、まず席にさそってください。"),
        (20, "watch_points", "", "watcher", "来た。よく食べて、友だちと笑っていた。"),
        (8, "school", "", "nurse", "別のこどものことを書いた誤り。"),
        (5, "progress", "", "counsellor", "宿題の時間がとれるようになった。見守りを続ける。"),
    )
    entries = entries_of(clock, "yui", words)
    entries[6]["retracted"] = clock.ago(7.9)
    return case_of(
        "yui",
        "T6N-4HD-X2Q",
        clock.ago(42),
        status="watching",
        entries=entries,
        grants=[
            consent_to(clock, "yui", "cafeteria", ["watch_points"], since=36, purpose="watching"),
            consent_to(clock, "yui", "school", ["basic", "school"], since=36, until=-3),
            {
                "id": demo_id("grant yui council"),
                "agency": demo_id("ward_child_health_43101"),
                "slices": ["basic", "summary"],
                "subject": "*",
                "purpose": "support",
                "basis": "CWA25_2",
                "necessity": "agencies_needed",
                "from": clock.ago(30),
                "until": clock.ahead(50),
                "ended": None,
            },
        ],
    )
