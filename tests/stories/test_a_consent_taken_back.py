"""A concern becomes a case, an agency sees only its slice, and a consent taken back is gone."""

import re
from collections.abc import Callable
from datetime import date, timedelta

from tests.city import PASSWORD, City
from tests.stories.people import Person

REPORT = "いつも同じ服で、おかわりを何度もする子がいます。"
CHILD_SCHOOL = "放課後、図書室に最後まで残っている。"
CHILD_WELFARE = "給食費のことを気にしている。"
CHILD_DETAIL = "だれにも見せない、くわしい話。"
MOTHER_WELFARE = "母は仕事を探している。"
NURSE_POST = "保健室で話した。笑顔があった。"
OFFICER_POST = "就学援助の案内をした。"
WATCH_POINT = "来たら名前で呼んで、あいさつを。"
ACTION_RESULT = "朝、三日つづけて会えた。"
SCHOOL, WELFARE = "見本第一小学校", "見本区福祉課"
HAND_OVER, STOP = "引きつぐ", "やめる"
STOPPED, NO_CASES, SAFETY_TASK = "やめました", "見られるケースはまだありません", "安全"
SHARED, ASKED = "ケースが共有されました", "対応の依頼が届きました"
ADVICE = "ひとり親の手当の案内を先に。"


def at_work(somebody: Callable[[], Person], name: str) -> Person:
    """Return somebody of the city who has signed in."""
    person = somebody()
    person.signs_in(f"{name}@example.jp", PASSWORD)
    return person


def writes(person: Person, case: str, slice_: str, subject: str, text: str) -> None:
    """Write an entry into a slice about somebody."""
    person.opens(f"{case}/entries/new")
    person.sends(slice=slice_, subject=subject, text=text)


def consents(
    counsellor: Person,
    case: str,
    giver: str,
    yes: dict[str, tuple[str, ...]],
    said_back: str,
    *,
    whose: str = "own",
) -> str:
    """Turn the screen round: somebody answers card by card about some agencies.

    Returns the address of the consent.
    """
    counsellor.opens(f"{case}/consents/new")
    agencies = {name: counsellor.choice("agencies", name) for name in yes}
    counsellor.sends(
        giver=counsellor.choice("giver", giver),
        whose=whose,
        method="screen",
        agencies=list(agencies.values()),
    )
    counsellor.presses("はじめる" if "ひなちゃん" in giver else "始める")
    for name in sorted(yes, key=lambda name: name != SCHOOL):
        counsellor.sees(name)
        place = agencies[name].replace("-", "")
        counsellor.sends(**{f"q-{place}-{bundle}": "yes" for bundle in yes[name]})
    counsellor.sends(said_back=said_back)
    consent = counsellor.path.removesuffix("/hand-back")
    counsellor.takes_the_screen_back(consent, "counsellor@example.jp")
    return consent


def shares(counsellor: Person, consent: str, agency_id: object, *, ask_readers: bool) -> None:
    """Look at exactly what the agency will see, and open it."""
    counsellor.opens(f"{consent}/agencies/{agency_id}")
    if ask_readers:
        counsellor.sends(**{"readers-whom": "none"})
    counsellor.presses("この内容で共有する")


def gives_code(counsellor: Person, case: str, name: str, secret: str) -> list[str]:
    """Let somebody of the case make up a secret word, and hand over the code."""
    counsellor.opens(f"{case}/people")
    links = counsellor.links(rf"{case}/people/[0-9a-f-]{{36}}/code")
    # The child stands first, then who was added.
    counsellor.opens(links[0 if name == "child" else 1])
    counsellor.sends(secret=secret)
    return counsellor.code()


def test_a_consent_taken_back_is_gone_on_the_next_request(  # noqa: PLR0915  (it is one story)
    somebody: Callable[[], Person], town: City
) -> None:
    """From a volunteer's three minutes to a closed case, and everything seen between."""
    volunteer = somebody()
    volunteer.opens("/report/mihon-shokudo")
    volunteer.sends(words=REPORT)
    volunteer.sees("受け取りました。ありがとうございます。")

    npo = at_work(somebody, "npo_worker")
    npo.opens("/inbox")
    npo.follows(r"/inbox/[0-9a-f-]{36}")
    npo.sees(REPORT)
    npo.follows(r"/inbox/[0-9a-f-]{36}/hand-over")
    npo.presses(HAND_OVER)

    counsellor = at_work(somebody, "counsellor")
    counsellor.opens("/inbox")
    counsellor.follows(r"/inbox/[0-9a-f-]{36}")
    counsellor.sees(REPORT)
    counsellor.follows(r"/inbox/[0-9a-f-]{36}/accept")
    counsellor.sees("くり返されるおそれがある")
    counsellor.sends(
        family_name="見本",
        given_name="ひなた",
        called="ひなちゃん",
        kana="みほん ひなた",
        birth_date=[str(date.today().year - 14), "12", "31"],  # noqa: DTZ011  (thirteen all year)
        urgency="B",
        grounds="食事のことが続いている。",
    )
    case = counsellor.path
    assert re.fullmatch(r"/cases/[0-9a-f-]{36}", case)

    # The child, thirteen, is met; an agency is needed; the mother belongs to the case too.
    day = date.today() - timedelta(days=1)  # noqa: DTZ011  (a day before today in any zone)
    counsellor.opens(f"{case}/support/new")
    counsellor.sends(
        check_in="met",
        met_on=[str(day.year), str(day.month), str(day.day)],
        account_of_it="センターで話を聞いた。中学1年、13歳。",
    )
    counsellor.opens(f"{case}/necessity")
    counsellor.sends(necessity="agencies_needed", grounds="学校と福祉課の協力がいる。")
    counsellor.opens(f"{case}/people/new")
    counsellor.sends(
        subject_kind="guardian", relationship="mother", family_name="見本", given_name="はるか"
    )
    counsellor.opens(f"{case}/entries/new")
    child, mother = (
        counsellor.choice("subject", "ひなちゃん"),
        counsellor.choice("subject", "はるか"),
    )
    for slice_, subject, text in (
        ("basic", child, "中学1年。呼ばれたい名前はひなちゃん。"),
        ("school", child, CHILD_SCHOOL),
        ("watch_points", child, WATCH_POINT),
        ("welfare", child, CHILD_WELFARE),
        ("detail", child, CHILD_DETAIL),
        ("welfare", mother, MOTHER_WELFARE),
    ):
        writes(counsellor, case, slice_, subject, text)

    # Nobody else sees anything before somebody said yes.
    nurse = at_work(somebody, "nurse")
    officer = at_work(somebody, "officer")
    for colleague in (nurse, officer):
        colleague.finds_nothing_at(case)

    # At thirteen the mother's word is needed beside her daughter's: she holds parental authority.
    counsellor.opens(f"{case}/people")
    counsellor.follows(rf"{case}/people/[0-9a-f-]{{36}}/guardian")
    counsellor.sends(authority="sole", lives_with="y")
    told = {SCHOOL: ("school", "watch"), WELFARE: ("living",)}
    of_child = consents(
        counsellor,
        case,
        "ひなちゃん",
        told,
        "学校と福祉課にだけ、つたえていい。",
    )
    counsellor.opens(f"{of_child}/agencies/{town.agencies['welfare']}")
    counsellor.sees("親権者などの同意も必要です")
    consents(counsellor, case, "はるか", told, "娘がよいなら。", whose="child")
    counsellor.opens(f"{of_child}/agencies/{town.agencies['welfare']}")
    counsellor.sees(CHILD_WELFARE)
    counsellor.does_not_see(MOTHER_WELFARE, CHILD_DETAIL, CHILD_SCHOOL)
    shares(counsellor, of_child, town.agencies["school"], ask_readers=True)
    shares(counsellor, of_child, town.agencies["welfare"], ask_readers=False)
    of_mother = consents(counsellor, case, "はるか", {WELFARE: ("living",)}, "福祉課だけ。")
    shares(counsellor, of_mother, town.agencies["welfare"], ask_readers=False)
    childs_code = gives_code(counsellor, case, "child", "ひまわり")
    mothers_code = gives_code(counsellor, case, "mother", "あさがお")

    # The nurse was told of it; she sees her slices and the reason on each, and not the others.
    nurse.opens("/notifications")
    nurse.sees(SHARED, "ひなちゃん")
    nurse.opens("/cases")
    nurse.follows(case)
    nurse.sees(CHILD_SCHOOL, WATCH_POINT, "閲覧できる理由", "同意")
    nurse.does_not_see(CHILD_WELFARE, MOTHER_WELFARE, CHILD_DETAIL, REPORT)
    nurse.opens(f"{case}/entries/new?slice=school")
    nurse.sends(slice="school", subject=child, text=NURSE_POST)
    counsellor.opens(f"{case}/actions/new")
    due = date.today() + timedelta(days=7)  # noqa: DTZ011
    counsellor.sends(
        agency=str(town.agencies["school"]),
        kind="watch",
        due_on=due.isoformat(),
        request="朝のようすを見てください。",
    )
    nurse.opens("/actions")
    nurse.follows(r"/actions/[0-9a-f-]{36}")
    action = nurse.path
    nurse.presses("引き受ける")
    nurse.opens(f"{action}/finish")
    nurse.sends(words=ACTION_RESULT)

    # The welfare officer likewise, until the mother takes hers back.
    officer.opens(case)
    officer.sees(CHILD_WELFARE, MOTHER_WELFARE)
    officer.does_not_see(CHILD_SCHOOL, CHILD_DETAIL)
    officer.opens(f"{case}/entries/new?slice=welfare")
    officer.sends(slice="welfare", subject=child, text=OFFICER_POST)
    mother_herself = somebody()
    mother_herself.comes_back(mothers_code, "あさがお")
    mother_herself.opens("/child/record")
    # What she agreed to beside her daughter, and what is her own: that alone she takes back.
    mother_herself.sees(SCHOOL, WELFARE, "お子さんの情報", "あなた自身の情報")
    mother_herself.does_not_see("読んだ ところ")
    for stop in mother_herself.links(r"/child/record/[0-9a-f-]{36}/stop"):
        mother_herself.opens(stop)
        if "あなた自身の情報" in mother_herself.words:
            mother_herself.presses(STOP)
            break
    mother_herself.sees(STOPPED)
    officer.opens(case)
    officer.sees(CHILD_WELFARE, OFFICER_POST)
    officer.does_not_see(MOTHER_WELFARE)

    # The lawyer reads a brief without names and advises.
    counsellor.opens("/meetings/new")
    counsellor.sends(held_on=date.today().isoformat())  # noqa: DTZ011
    meeting = counsellor.path
    counsellor.sends(account=str(town.accounts["lawyer"]))
    counsellor.opens(f"{meeting}{case}/brief")
    counsellor.sends(
        question="手当の案内をどの順にすればよいか。",
        text="見本 ひなたは食事に困っている。母の見本 はるかは求職中。",
        parties="見本 ひなた、見本 はるか",
    )
    counsellor.sees("手当の案内")
    counsellor.does_not_see("はるかは求職中")
    counsellor.presses("専門家に出す")
    assert counsellor.status == 200, counsellor.words
    counsellor.does_not_see("専門家に出す")
    lawyer = at_work(somebody, "lawyer")
    lawyer.may_not_open(case)
    lawyer.opens("/advice")
    lawyer.follows(r"/advice/parties/[0-9a-f-]{36}")
    lawyer.sees("見本 ひなた")
    lawyer.sends(conflict="no")
    lawyer.opens("/advice")
    lawyer.follows(r"/advice/briefs/[0-9a-f-]{36}")
    lawyer.sees("手当の案内をどの順に")
    lawyer.does_not_see("ひなた", "はるか")
    lawyer.sends(assent="advice", text=ADVICE)
    counsellor.opens(f"{case}/advice")
    counsellor.sees(ADVICE)
    nurse.opens(case)
    nurse.does_not_see(ADVICE)

    # Progress has a next date; then the child takes back what the school was told.
    counsellor.opens(f"{case}/progress")
    counsellor.sends(finding="朝ごはんを食べる日がふえた。", next_on=due.isoformat())
    child_herself = somebody()
    child_herself.comes_back(childs_code, "ひまわり")
    child_herself.sends(text="学校には、もう いわないで。")
    child_herself.opens("/child/record")
    child_herself.sees("見本第一小学校", "見本区福祉課")
    stops = child_herself.links(r"/child/record/[0-9a-f-]{36}/stop")
    for stop in stops:
        child_herself.opens(stop)
        if "見本第一小学校" in child_herself.words:
            child_herself.presses(STOP)
            break
    child_herself.sees(STOPPED)

    # The nurse's next request: nothing but her own words.
    nurse.finds_nothing_at(case)
    nurse.finds_nothing_at(action)
    nurse.opens("/cases")
    nurse.does_not_see("ひなちゃん")
    assert nurse.links(r"/cases/[0-9a-f-]{36}") == []
    nurse.sees(NO_CASES)
    nurse.opens("/notifications")
    nurse.does_not_see(SHARED, ASKED, "ひなちゃん")
    nurse.sees("お知らせはありません")
    nurse.opens("/own-records")
    nurse.sees(NURSE_POST, ACTION_RESULT)
    nurse.does_not_see(CHILD_SCHOOL, WATCH_POINT, "ひなちゃん")
    assert nurse.links(r"/cases/.*") == []
    # The welfare division still sees what it may; the centre has a safety task.
    officer.opens(case)
    officer.sees(CHILD_WELFARE)
    counsellor.opens(case)
    counsellor.sees(SAFETY_TASK, NURSE_POST)
    counsellor.opens("/notifications")
    counsellor.sees("期限のある確認が加わりました", "返事が届きました", "機関から新しい記録")

    counsellor.opens(f"{case}/closure")
    counsellor.sends(
        outcome="improved",
        child_view="いったんおわり。また話せると聞いて、ほっとしたと話した。",
        summary="食事の心配がへり、就学援助につながった。",
    )
    counsellor.opens(case)
    counsellor.sees("終結")
    officer.finds_nothing_at(case)
