"""The rest of the demo city: 35 more agencies of every kind, and who works in them.

With the 25 of ``register`` they are sixty. Public bodies carry their real names, except schools:
those, private bodies and every person are invented (law-and-practice.md §5). A cram school, a
clinic and the family court have no account: the centre phones them (domain.md §1).
"""

from typing import Final

# Key, type, name, legal form, ward.
AGENCIES: Final = (
    ("east_elementary", "school", "見本東小学校", "municipal", "43102"),
    ("west_elementary", "school", "見本西小学校", "municipal", "43103"),
    ("south_elementary", "school", "見本南小学校", "municipal", "43104"),
    ("north_elementary", "school", "見本北小学校", "municipal", "43105"),
    ("river_elementary", "school", "見本川尻台小学校", "municipal", "43104"),
    ("lake_elementary", "school", "見本湖畔小学校", "municipal", "43102"),
    ("attached_elementary", "school", "見本大学附属小学校", "national", "43101"),
    ("central_junior", "school", "見本中央中学校", "municipal", "43101"),
    ("west_junior", "school", "見本西中学校", "municipal", "43103"),
    ("south_junior", "school", "見本南中学校", "municipal", "43104"),
    ("north_junior", "school", "見本北中学校", "municipal", "43105"),
    ("high_school", "school", "見本高等学校", "prefectural", "43101"),
    ("commercial_high", "school", "見本商業高等学校", "municipal", "43103"),
    ("private_high", "school", "見本学園高等学校", "private", "43105"),
    ("special_school", "school", "みほん支援学校", "prefectural", "43104"),
    ("kindergarten", "nursery", "見本幼稚園", "municipal", "43101"),
    ("nursery", "nursery", "みほんひばり保育園", "private", "43102"),
    ("childrens_garden", "nursery", "認定こども園みほんの森", "private", "43104"),
    ("prefecture_board", "board_of_education", "熊本県教育委員会", "prefectural", None),
    ("police_east", "police", "熊本東警察署", "prefectural", None),
    ("police_south", "police", "熊本南警察署", "prefectural", None),
    ("police_north", "police", "熊本北合志警察署", "prefectural", None),
    ("npo_learning", "npo", "NPO法人まなびや見本", "private", None),
    ("npo_parents", "npo", "NPO法人みほん子育ての輪", "private", None),
    ("cafeteria_east", "cafeteria", "こども食堂ひだまり見本", "private", "43102"),
    ("cafeteria_west", "cafeteria", "見本町みんなの食堂", "private", "43103"),
    ("cafeteria_south", "cafeteria", "おかえり食堂みほん", "private", "43104"),
    ("cafeteria_north", "cafeteria", "こども食堂つばめ見本", "private", "43105"),
    ("welfare_experts", "expert_welfare", "提携福祉専門家", "private", None),
    ("clinic", "medical", "みほんこどもクリニック", "private", "43101"),
    ("hospital", "medical", "見本総合病院", "private", "43102"),
    ("mind_clinic", "medical", "みほんこころの診療所", "private", "43103"),
    ("cram_school", "cram_club", "みほん進学教室", "private", "43101"),
    ("swim_club", "cram_club", "見本スイミングクラブ", "private", "43104"),
    ("family_court", "family_court", "熊本家庭裁判所", "national", None),
)

# Key, name, agency, role, manager, on the default team.
_NAMED: Final = (
    ("counsellor2", "見本 あずさ", "centre", "center_counselor", False, False),
    ("counsellor3", "見本 こうへい", "centre", "center_counselor", False, False),
    ("counsellor4", "見本 まゆみ", "centre", "center_counselor", False, False),
    ("counsellor5", "見本 たける", "centre", "center_counselor", False, False),
    ("clerk2", "見本 すみれ", "centre", "center_clerk", False, False),
    ("clerk3", "見本 ひろし", "centre", "center_clerk", False, False),
    ("social_worker", "見本 みちこ", "school", "school_social_worker", False, True),
    ("junior_principal", "見本 よしお", "junior_high", "school_principal", True, False),
    ("junior_team", "見本 かずや", "junior_high", "school_team", False, True),
    ("lawyer2", "見本 せいじ", "lawyers", "expert", False, False),
    ("welfare_expert", "見本 ふじこ", "welfare_experts", "expert", True, False),
    ("npo_worker2", "見本 はじめ", "npo", "npo_worker", False, True),
    ("cgc_worker2", "見本 さとる", "cgc", "cgc_worker", False, True),
    ("coach_account", "北岡 ごう", "commercial_high", "school_staff", False, True),
    ("city_officer", "見本 いくこ", "city_hall", "mayor_officer", True, True),
)

# Who works in an agency of each type: post, role, manager, on the default team.
_STAFF: Final = {
    "school": (
        ("principal", "school_principal", True, False),
        ("nurse", "school_nurse", False, True),
        ("team", "school_team", False, True),
    ),
    "nursery": (
        ("principal", "school_principal", True, True),
        ("teacher", "school_team", False, True),
    ),
    "board_of_education": (("officer", "boe_staff", True, True),),
    "police": (("liaison", "police_liaison", True, True),),
    "npo": (("worker", "npo_worker", True, True),),
    "cafeteria": (
        ("operator", "cafeteria_operator", True, False),
        ("volunteer", "cafeteria_volunteer", False, False),
        ("watcher", "watcher", False, True),
    ),
    "ward": (
        ("chief", "ward_worker", True, True),
        ("officer", "ward_worker", False, True),
    ),
}
# Divisions whose people are named in ``register``; there one colleague is enough.
_KNOWN_DIVISIONS: Final = (
    "ward_welfare_43101",
    "ward_child_health_43102",
    "ward_protection_43101",
)
# Key, family name, given name, ふりがな, what they like to be called, years since birth.
PERSONS: Final = (
    ("haruto", "山吹", "はると", "やまぶき はると", "はるくん", 7),
    ("kaori", "山吹", "かおり", "やまぶき かおり", "", None),
    # Nobody has asked her yet when she was born.
    ("mio", "水前", "みお", "すいぜん みお", "みおさん", None),
    ("mio_mother", "水前", "ゆかり", "すいぜん ゆかり", "", None),
    ("tsumugi", "𠮷川", "つむぎ", "よしかわ つむぎ", "つむちゃん", 11),
    ("tsumugi_father", "𠮷川", "あつし", "よしかわ あつし", "", None),
    ("classmate", "有明", "さき", "ありあけ さき", "", 11),
    ("kota", "立田", "こうた", "たつた こうた", "こうた", 16),
    ("coach", "北岡", "ごう", "きたおか ごう", "", None),
    ("ramune", "", "", "", "らむね", None),
    ("himari", "花畑", "ひまり", "はなばたけ ひまり", "ひまちゃん", 9),
    ("himari_grandmother", "花畑", "ふみ", "はなばたけ ふみ", "", None),
)
_FAMILY: Final = ("見本", "三保", "美本", "御本", "未本")
_GIVEN: Final = (
    *("あかり", "いさむ", "うめこ", "えいじ", "おりえ", "かつみ", "きよみ", "くにお", "けいこ"),
    *("こずえ", "さゆり", "しげる", "すずか", "せいこ", "そうた", "たまき", "ちから", "つねお"),
    *("てるみ", "とおる", "なおこ", "にしき", "ぬいこ", "ねね", "のりこ", "はるお", "ひさし"),
    *("ふみえ", "へいた", "ほなみ", "まこと", "みずほ", "むつみ", "めい", "もとき", "やよい"),
    *("ゆたか", "よしの", "らん", "りょうこ", "るみ", "れいじ", "ろく", "わかな"),
)


def accounts(divisions: tuple[str, ...]) -> tuple[tuple[str, str, str, str, bool, bool], ...]:
    """Return the further accounts as ``register`` writes them.

    ``divisions`` are the keys of the wards' divisions, which have people of their own.
    """
    rows = list(_NAMED)
    places = [(key, kind) for key, kind, *_rest in AGENCIES if kind in _STAFF]
    places += [(key, "ward") for key in divisions]
    for agency, kind in places:
        staff = _STAFF[kind][1:] if agency in _KNOWN_DIVISIONS else _STAFF[kind]
        for post, role, manager, on_team in staff:
            rows.append((f"{agency}_{post}", _name(len(rows)), agency, role, manager, on_team))
    return tuple(rows)


def _name(number: int) -> str:
    # Both lists in step, so that no name comes twice in the city.
    return f"{_FAMILY[number % len(_FAMILY)]} {_GIVEN[number % len(_GIVEN)]}"
