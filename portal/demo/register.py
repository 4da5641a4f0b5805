"""The demo city's agencies and people, as a register in the world format.

Public bodies carry their real names; every person, school, cafeteria and NPO is invented
(law-and-practice.md §5). Twenty-five agencies in five wards are the small city, sixty the full one
(``portal.demo.neighbours`` has the others).
"""

import datetime as dt
import uuid
from typing import Any

from portal.demo import neighbours

Record = dict[str, Any]

_NAMESPACE = uuid.UUID("6d1f3a52-0c5e-4d0b-9d0a-6c1d2b7f4e10")

WARDS = {"43101": "中央区", "43102": "東区", "43103": "西区", "43104": "南区", "43105": "北区"}
_DIVISIONS = {
    "ward_child_health": "保健こども課",
    "ward_welfare": "福祉課",
    "ward_protection": "保護課",
}

# Key, type, name, legal form, ward; beside these, three divisions in each ward.
_AGENCIES = (
    ("centre", "support_center", "熊本市こどもの権利サポートセンター", "municipal", None),
    ("cgc", "cgc", "熊本市児童相談所", "municipal", None),
    ("board", "board_of_education", "熊本市教育委員会", "municipal", None),
    ("city_hall", "mayor_department", "熊本市 市長事務部局", "municipal", None),
    ("school", "school", "見本第一小学校", "municipal", "43101"),
    ("junior_high", "school", "見本第二中学校", "municipal", "43102"),
    ("police", "police", "熊本中央警察署", "prefectural", None),
    ("npo", "npo", "NPO法人みほん", "private", None),
    ("cafeteria", "cafeteria", "こども食堂みほん", "private", "43101"),
    ("lawyers", "expert_lawyer", "提携弁護士", "private", None),
)

# Key, name, agency, role, manager, on the default team.
_ACCOUNTS = (
    ("director", "見本 さくら", "centre", "center_director", True, False),
    ("counsellor", "見本 ゆうき", "centre", "center_counselor", False, False),
    ("investigator", "見本 いずみ", "centre", "center_investigator", False, False),
    ("clerk", "見本 みのり", "centre", "center_clerk", False, False),
    ("principal", "見本 ただし", "school", "school_principal", True, False),
    ("nurse", "見本 かおる", "school", "school_nurse", False, True),
    ("teacher", "吉野 けん", "school", "school_staff", False, True),
    ("nurse2", "見本 ちひろ", "junior_high", "school_nurse", True, True),
    ("officer", "見本 まさる", "ward_welfare_43101", "ward_worker", True, True),
    ("child_health", "見本 のぞみ", "ward_child_health_43102", "ward_worker", True, True),
    ("protection", "見本 あきら", "ward_protection_43101", "ward_worker", True, True),
    ("cgc_worker", "見本 しのぶ", "cgc", "cgc_worker", True, True),
    ("cgc_mother", "見本 なみ", "cgc", "cgc_worker", False, True),
    ("liaison", "見本 まもる", "police", "police_liaison", True, True),
    ("boe", "見本 すすむ", "board", "boe_staff", True, True),
    ("npo_worker", "見本 つばさ", "npo", "npo_worker", True, True),
    ("operator", "見本 はな", "cafeteria", "cafeteria_operator", True, False),
    ("volunteer", "見本 みつる", "cafeteria", "cafeteria_volunteer", False, False),
    ("watcher", "見本 ともみ", "cafeteria", "watcher", False, True),
    ("lawyer", "見本 りつこ", "lawyers", "expert", True, False),
    ("auditor", "見本 きよし", "city_hall", "audit_officer", False, False),
    ("admin", "見本 おさむ", "city_hall", "sysadmin", False, False),
)

# People who are known to the centre and also have an account.
_PERSON_OF_ACCOUNT = {"teacher": "teacher", "cgc_mother": "nami", "coach_account": "coach"}

# Key, family name, given name, ふりがな, what they like to be called, years since birth.
_PERSONS = (
    ("aoi", "見本", "あおい", "みほん あおい", "あおちゃん", 12),
    ("riku", "見本", "りく", "みほん りく", "りっくん", 15),
    ("haruka", "見本", "はるか", "みほん はるか", "", None),
    ("sora", "髙﨑", "そら", "たかさき そら", "そら", 10),
    ("nami", "髙﨑", "なみ", "たかさき なみ", "", None),
    ("hina", "佐藤", "ひな", "さとう ひな", "ひなちゃん", 9),
    ("teacher", "吉野", "けん", "よしの けん", "", None),
    ("minato", "𠮷田", "みなと", "よしだ みなと", "みなと", 16),
    ("minato_father", "𠮷田", "つよし", "よしだ つよし", "", None),
    ("yui", "田中", "ゆい", "たなか ゆい", "ゆいちゃん", 8),
    ("yui_mother", "田中", "めぐみ", "たなか めぐみ", "", None),
)


def demo_id(key: str) -> str:
    """Return the id that something of the demo city always has."""
    return str(uuid.uuid5(_NAMESPACE, key))


def email(key: str) -> str:
    """Return the address of an account of the demo city."""
    return f"{key.replace('_', '-')}@example.jp"


def agencies(*, full: bool = False) -> list[Record]:
    """Return the 25 agencies, or all 60; public bodies sit on the regional council since April."""
    rows = [*_AGENCIES]
    for ward, ward_name in WARDS.items():
        rows += [
            (f"{kind}_{ward}", kind, f"{ward_name} {name}", "municipal", ward)
            for kind, name in _DIVISIONS.items()
        ]
    if full:
        rows += neighbours.AGENCIES
    return [
        {
            "id": demo_id(key),
            "type": kind,
            "name": name,
            "legal_form": form,
            "ward": ward,
            "council": [] if form == "private" else [{"from": "2026-04-01T00:00:00+09:00"}],
        }
        for key, kind, name, form, ward in rows
    ]


def _people(*, full: bool) -> tuple[tuple[str, str, str, str, bool, bool], ...]:
    divisions = tuple(f"{kind}_{ward}" for ward in WARDS for kind in _DIVISIONS)
    return (*_ACCOUNTS, *neighbours.accounts(divisions)) if full else _ACCOUNTS


def accounts(*, full: bool = False) -> list[Record]:
    """Return everybody who can sign in."""
    return [
        {
            "id": demo_id(key),
            "email": email(key),
            "name": name,
            "person": _person_of(key),
            "disabled": False,
            "memberships": [
                {
                    "agency": demo_id(agency),
                    "role": role,
                    "manager": manager,
                    "from": "2026-04-01T00:00:00+09:00",
                    "until": None,
                }
            ],
        }
        for key, name, agency, role, manager, _on_team in _people(full=full)
    ]


def _person_of(account: str) -> str | None:
    person = _PERSON_OF_ACCOUNT.get(account)
    return None if person is None else demo_id(f"person {person}")


def teams(*, full: bool = False) -> list[Record]:
    """Return the default teams; the centre has none, it reads as the owner."""
    members: dict[str, list[str]] = {}
    schools = {key for key, kind, *_rest in (*_AGENCIES, *neighbours.AGENCIES) if kind == "school"}
    for key, _name, agency, _role, _manager, on_team in _people(full=full):
        if on_team:
            members.setdefault(agency, []).append(key)
    return [
        {
            "id": demo_id(f"team {agency}"),
            "agency": demo_id(agency),
            "name": "学校内対応チーム" if agency in schools else "担当チーム",
            "default": True,
            "members": [
                {"account": demo_id(key), "from": "2026-04-01T00:00:00+09:00"} for key in keys
            ],
        }
        for agency, keys in members.items()
    ]


def persons(today: dt.date, *, full: bool = False) -> list[Record]:
    """Return the children and the people around them, as old as they are today."""
    return [
        {
            "id": demo_id(f"person {key}"),
            "family_name": family,
            "given_name": given,
            "kana": kana,
            "called": called,
            "birth_date": None if years is None else birthday(today, key, years),
        }
        for key, family, given, kana, called, years in (
            (*_PERSONS, *neighbours.PERSONS) if full else _PERSONS
        )
    ]


def names_of(person: str) -> dict[str, str]:
    """Return how somebody is called, by the names of the columns."""
    (names,) = (row[1:5] for row in _PERSONS if row[0] == person)
    return dict(zip(("family_name", "given_name", "kana", "called"), names, strict=True))


def birthday(today: dt.date, key: str, years: int) -> str:
    """Return the date of birth of somebody who is so many years old today."""
    # Some day in the first half of the year, so that nobody's age depends on the day of a demo.
    day = 1 + sum(key.encode()) % 28
    month = 1 + sum(key.encode()) % 3
    age_reached = (today.month, today.day) >= (month, day)
    return dt.date(today.year - years - (0 if age_reached else 1), month, day).isoformat()


def known_accounts(*, full: bool = False) -> dict[str, tuple[str, str]]:
    """Return name and agency key of each account, by the account's key."""
    return {key: (name, agency) for key, name, agency, *_rest in _people(full=full)}
