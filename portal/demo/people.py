"""The people whom the sign-in page of a demo offers, one button each."""

from dataclasses import dataclass

import pyotp

from portal.demo.register import agencies, demo_id, email, known_accounts


@dataclass(frozen=True)
class DemoPerson:
    """Somebody of the demo city who can sign in.

    ``agency`` is the Japanese name of the agency that the person acts for; ``what`` says in a few
    words what there is to try as this person.
    """

    email: str
    name_ja: str
    name_en: str
    agency: str
    what_ja: str
    what_en: str


@dataclass(frozen=True)
class OrdinarySignIn:
    """What somebody of the demo city signs in with as people do outside a demo.

    Everybody may know it: the demo stays on one machine and nobody in it exists.
    """

    key: str
    password: str
    secret: str

    @property
    def email(self) -> str:
        """Return the person's address."""
        return email(self.key)

    def code(self) -> str:
        """Return what the authenticator app would show now."""
        return pyotp.TOTP(self.secret).now()


ORDINARY = OrdinarySignIn(
    "nurse", "あさがおに あさの みずを やる", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
)

# Account, what there is to try in Japanese and in English; in the order of the sign-in page.
_TRY = (
    ("counsellor", "相談員：受付、ケース、同意と共有", "Counsellor: inbox, cases, consent"),
    ("director", "所長：すべてのケース", "Director: every case"),
    ("investigator", "調査員：通告者のことは担当でなければ見えません", "Investigator"),
    ("clerk", "事務担当：入力だけ、本文は見えません", "Clerk: types in, reads no case text"),
    ("nurse", "養護教諭：あおちゃんとひなちゃんのケース", "School nurse: two shared cases"),
    ("principal", "校長：チームと共有の管理、本文は見えません", "Principal: manages readers"),
    ("teacher", "教職員：対応チームではなく、除外もされています", "Teacher, excluded"),
    ("nurse2", "養護教諭：きょうだいは断ったので、何も見えません", "Nurse: a refusal"),
    ("officer", "福祉課：就学援助、母の同意した記録", "Ward welfare officer"),
    ("child_health", "保健こども課：みなとさんの健康", "Health and children officer"),
    ("cgc_worker", "児童福祉司：通告を受けたケース", "Child welfare officer"),
    ("cgc_mother", "児相の職員：「伝えてほしくない人」本人", "The person never to be told"),
    ("liaison", "警察連携担当：緊急の1件、24時間だけ", "Police liaison: one case, 24 hours"),
    ("npo_worker", "NPO：食堂からの知らせ", "NPO worker: reports of the cafeteria"),
    ("volunteer", "ボランティア：気になることを伝える", "Volunteer: tell of a concern"),
    ("watcher", "見守り担当：見守りのポイント", "Watcher: points to watch"),
    ("lawyer", "提携弁護士：支援方針会議の助言", "Lawyer: weekly advice"),
    ("auditor", "監査責任者：だれが何を見たか", "Audit officer: who read what"),
    ("admin", "システム管理者：機関とアカウントだけ", "Administrator: agencies, accounts"),
)


def _people() -> tuple[DemoPerson, ...]:
    names = {agency["id"]: agency["name"] for agency in agencies()}
    known = known_accounts()
    return tuple(
        DemoPerson(email(key), known[key][0], known[key][0], names[demo_id(known[key][1])], ja, en)
        for key, ja, en in _TRY
    )


DEMO_PEOPLE: tuple[DemoPerson, ...] = _people()
