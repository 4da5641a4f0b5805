"""A sentence for each reason why a share, a consent or a wish is refused."""

from collections.abc import Callable
from typing import Final, TypeVar

from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from portal.extensions import db
from portal.forms import PortalForm
from portal.services.denials import WrongTargetError
from portal.services.sharing import RefusedShareError

T = TypeVar("T")

SENTENCES: Final = {
    "answer": _l("この答えは選べません。画面をもう一度開いてください。"),
    "asked_anew": _l(
        "この同意は、この機関について一度使われています。もう一度、本人に聞いてください。"
    ),
    "authority_unknown": _l(
        "この年齢のこどもの情報には、本人の同意のほかに、親権者などの同意も必要です。だれが親権者"
        "かを「ケースの人」に記録してください。"
    ),
    "basis_not_offered": _l("この根拠は、この画面では使えません。"),
    "beside_the_childs": _l(
        "これは、こどもの同意にそえる同意です。共有は、こども本人の同意の画面から行ってください。"
    ),
    "child_is_adult": _l(
        "本人が18歳になっているため、保護者の同意は使えません。本人に聞いてください。"
    ),
    "child_not_told_first": _l(
        "本人が「つたえないで」と言った（または取りやめた）項目です。こどもに先に話してから、"
        "話したことを入力してください。"
    ),
    "child_not_told_later": _l("こどもに話したこと、または話せない理由を入力してください。"),
    "child_told_by": _l("こどもに話した職員を選んでください。"),
    "child_told_day": _l("こどもに話した日（まだのときは、話す予定の日）を確かめてください。"),
    "consent_of_another": _l("同意した本人の情報だけを共有できます。"),
    "consent_without_giver": _l("共有についての同意の記録がありません。"),
    "centre_receives_no_reports": _l("センターは、通告の受付先に指定されていません。"),
    "director_only": _l("警察への共有は、所長が行います。所長に依頼してください。"),
    "duty_stands": _l(
        "この機関には、法律の義務で伝えています。伝えるかどうかを、形だけ聞くことはしません。"
        "義務で伝えたことを、正直に話してください。"
    ),
    "emergency_not_over": _l("緊急の扱いがおわってから、振り返りを書いてください。"),
    "emergency_slice": _l("緊急のときに見せられるのは、基本情報・連絡先・安全・健康だけです。"),
    "end_without_reason": _l("おわらせる理由を入力してください。"),
    "giver_must_not_know": _l(
        "「伝えてほしくない人」か、関係するとされる人のため、この人には聞きません。知らせません。"
    ),
    "guardian_missing": _l(
        "この年齢のこどもの情報には、本人の同意のほかに、親権者などの同意も必要です。先に聞いてく"
        "ださい。"
    ),
    "guardian_refused": _l(
        "親権者などが「伝えてよい」と言っていない項目は、同意では共有できません。"
    ),
    "holders_disagree": _l(
        "親権者の答えが分かれています。さしせまった事情で、いっしょに暮らす親権者が1人で同意した"
        "とき以外は、法律の根拠があるかを、支援方針会議で弁護士と確かめてください。"
    ),
    "in_own_case": _l(
        "きょうだいや、ほかのこどもの情報は、そのこどものケースで、本人に聞いてください。"
    ),
    "law_left": _l(
        "この年齢のこどもの情報には親権者などの同意も必要ですが、聞ける人がいません（関係するとさ"
        "れる人と、知らせてはいけない人には、聞かず、知らせません）。残っているのは法律にもとづく"
        "共有です。"
    ),
    "longer_than_consented": _l("同意された期間より長く共有できません。"),
    "meeting_not_held": _l("この会議は、まだ開かれていません。開かれた会議を選んでください。"),
    "method": _l("聞き方を選んでください。"),
    "never_reads": _l("この機関には、共有できません。"),
    "never_tell_agency": _l(
        "「伝えてほしくない」という本人の意思があるため、この機関には共有できません。"
    ),
    "never_tell_unlinked": _l(
        "「伝えてほしくない人」がだれか、まだ結びついていません。"
        "読む人の中にその人がいないことを確かめてください。"
    ),
    "new_facts_missing": _l(
        "本人が「つたえないで」と言った（または取りやめた）項目です。"
        "そのあとに分かった新しい事実を、20文字以上で入力してください。"
    ),
    "no_necessity": _l(
        "共有の必要性がまだ記録されていません。先に「緊急度・面会・判断」で、"
        "3つの条件のどれに当たるかを記録してください。"
    ),
    "not_a_giver": _l("ケースの人を選んでください。"),
    "not_by_consent": _l("法律にもとづく共有は、取りやめの対象ではありません。"),
    "not_consented": _l("「つたえていい」と言われていないため、共有できません。"),
    "not_for_the_child": _l(
        "こどもの情報について答えられるのは、親権者・未成年後見人と、親権者に聞けないときの里親・"
        "施設長・児童相談所長です。「ケースの人」の記録を確かめてください。"
    ),
    "not_minimum": _l("委託先に見せられるのは、委託した仕事に必要な項目だけです。"),
    "not_of_agency": _l("選んだ人は、いまこの機関で働いていません。"),
    "not_on_duty": _l("当番（または担当）の職員だけが、緊急に開けます。"),
    "not_said_back": _l("きめたことを、じぶんの ことばで おしえてください。ここに かいてね。"),
    "not_said_whether_told": _l("こどもに先に話したか、話さない場合はその理由を入力してください。"),
    "not_theirs": _l("取りやめられるのは、同意した人か、こども本人です。"),
    "note_too_late": _l(
        "電話で聞いたことは、その日のうちに記録します。きょうもう一度聞くか、いっしょに聞いた職員"
        "と聞きなおしてください。"
    ),
    "other_holder_missing": _l(
        "共同親権のため、もう1人の親権者の同意も必要です。さしせまった事情など、1人で同意できる"
        "理由があるときは、聞くときに選んでください。"
    ),
    "own_proposal": _l(
        "自分の提案を、自分で決めることはできません。ほかの所長に依頼してください。"
    ),
    "over_already": _l("期限が過ぎています。"),
    "phone_missing": _l("電話で話した相手を入力してください。"),
    "phone_time": _l("電話した日時を確かめてください。24時間以内の、もう終わった電話です。"),
    "reason_too_short": _l("理由を20文字以上で入力してください。"),
    "refusal_without_reason": _l("承認しない理由を入力してください。"),
    "review_empty": _l("振り返りを選び、分かったことを20文字以上で入力してください。"),
    "second_person": _l(
        "センターのもう1人の職員を選んでください。「伝えてほしくない」という意思に反して"
        "伝えるときと、緊急のときは、必ず2人で扱います。"
    ),
    "slice": _l("この機関に共有できない項目が含まれています。"),
    "task_over": _l("この依頼は、もうおわっています。"),
    "too_long_for_police": _l("警察への共有は、30日までです。"),
    "witness": _l(
        "口頭の場合は、いっしょに聞いたセンターの職員を選ぶか、その日の記録を書いてください。"
    ),
}
WRONG_TARGET = _l(
    "だれに伝えてほしくないかを、1つだけ選んでください。わからないときは、"
    "ことばをそのまま書いてください。"
)


def sentence(error: RefusedShareError) -> str:
    """Return why something is refused, in the language of the page."""
    if error.because is not None:
        locale = get_locale()
        return error.because.en if locale and locale.language == "en" else error.because.ja
    return str(SENTENCES[error.code])


def attempt(form: PortalForm, deed: Callable[[], T]) -> T | None:
    """Return what the deed returns, or None with the reason of its refusal on the form.

    A refused deed leaves nothing behind, whatever it had written before it was refused.
    """
    try:
        with db.session.begin_nested():
            return deed()
    except RefusedShareError as error:
        form.form_errors.append(sentence(error))
    except WrongTargetError:
        form.form_errors.append(str(WRONG_TARGET))
    return None


__all__ = ["SENTENCES", "attempt", "sentence"]
