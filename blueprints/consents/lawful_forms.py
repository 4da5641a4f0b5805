"""Forms of sharing by law and in an emergency."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, DateTimeLocalField, RadioField, SelectField
from wtforms import SelectMultipleField as ManyField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.validators import DataRequired, InputRequired

from blueprints.consents.fields import (
    REASON,
    WORDS,
    PresetForm,
    ReadersAskedForm,
    UnlinkedForm,
    agency_choices,
    key,
    nothing,
    reason_field,
    staff_choices,
    within_the_century,
)
from portal import models as m
from portal.forms import CleanLongText, CleanText, PortalForm, SubmissionField, choices_of
from portal.queries.directory import StaffRow
from portal.services.emergencies import Telling
from portal.templating import label
from portal.vocabulary import EMERGENCY_SLICES, shareable_with
from portal.working_hours import JST

NECESSITY = "agencies_needed"


class MomentField(DateTimeLocalField):
    """A moment as the clock on the wall shows it in Japan; ``instant`` is aware."""

    def __init__(self, label: Any, validators: list[Any], **options: Any) -> None:
        super().__init__(
            label, validators, format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], **options
        )

    @property
    def instant(self) -> dt.datetime:
        """Return the moment; only of a form that was valid."""
        if self.data is None:
            raise ValueError("the form lets no empty moment through")
        return self.data.replace(tzinfo=JST)


def now_in_japan() -> dt.datetime:
    """Return the present minute by the clock on the wall, to begin a form with."""
    return dt.datetime.now(JST).replace(second=0, microsecond=0, tzinfo=None)


class CallMixin:
    """The phone call that goes with what is shared: when, and who took it."""

    phoned_at = MomentField(
        _l("電話した日時"),
        [InputRequired(_l("電話した日時を入力してください。"))],
        default=now_in_japan,
    )
    phoned_to = CleanText(
        _l("電話で話した相手"),
        [DataRequired(_l("電話で話した相手を入力してください。"))],
        description=_l("例）児童相談所 受付 佐藤さん"),
    )


class LawfulForm(UnlinkedForm, PresetForm):
    """What every share by law asks for."""

    submission = SubmissionField()
    slices = ManyField(
        _l("伝える項目"),
        [DataRequired(_l("項目を1つ以上選んでください。"))],
        choices=choices_of("slice", *shareable_with("cgc")),
        description=_l("必要なものだけを選びます。だれの情報であっても、選んだ項目が見えます。"),
    )
    last_day = DateField(
        _l("いつまで"),
        [InputRequired(_l("いつまでかを入力してください。")), within_the_century],
        description=_l("この日の終わりまで見えます。"),
    )
    necessity = RadioField(
        _l("共有の必要性"),
        [InputRequired(_l("必要性を選んでください。"))],
        choices=choices_of("necessity"),
        default=NECESSITY,
    )
    reason = reason_field(_l("伝える理由"), _l("伝える理由を入力してください。"))


class DutyForm(ReadersAskedForm, LawfulForm):
    """「法律にもとづいて伝える」: which duty, to whom, what and why; it is sent at once."""

    basis = RadioField(
        _l("どの法律にもとづきますか"),
        [InputRequired(_l("法律を選んでください。"))],
    )
    agency = SelectField(_l("伝える機関"), [DataRequired(_l("機関を選んでください。"))], coerce=key)
    told = CleanLongText(
        _l("こどもに先に話したこと、または話さない理由"),
        limit=REASON,
        description=_l(
            "同意を聞くふりをせずに、正直に話します。急ぐときは空のまま送り、電話の記録といっしょに"
            "書けます。「伝えてほしくない人」の記録があるときは、先に書きます。"
        ),
    )
    second = SelectField(
        _l("いっしょに決めた職員"),
        coerce=key,
        description=_l("「伝えてほしくない人」の記録があるときは、必ず2人で決めます。"),
    )

    def __init__(
        self,
        agencies: Iterable[m.Agency],
        bases: Iterable[SelectChoice],
        seconds: Iterable[StaffRow],
        **options: Any,
    ) -> None:
        """Take whom some duty may name, the duties, and the colleagues who may decide with."""
        super().__init__(**options)
        self.basis.choices = list(bases)
        self.agency.choices = [
            nothing(_("選んでください")),
            *agency_choices(agencies),
        ]
        self.second.choices = [nothing(_("なし")), *staff_choices(seconds)]


class ReportRecordForm(CallMixin, PortalForm):
    """The phone call of a report, and what the child was told."""

    told = CleanLongText(
        _l("こどもに話したこと、または話していない理由"),
        [DataRequired(_l("こどもに話したか、話していない場合はその理由を入力してください。"))],
        limit=REASON,
    )


class PermissionForm(ReadersAskedForm, LawfulForm):
    """What the law permits, proposed to the director with everything its row asks for."""

    basis = RadioField(
        _l("どの法律にもとづきますか"), [InputRequired(_l("法律を選んでください。"))]
    )
    statute = SelectField(
        _l("もとになる条項"),
        description=_l("「法令に基づく提供」のときだけ、もとになる法律の条項を選びます。"),
    )
    purpose = RadioField(
        _l("目的"),
        [InputRequired(_l("目的を選んでください。"))],
        choices=choices_of("purpose"),
    )
    ruled_out = RadioField(
        _l("本人（保護者）に聞かない理由"),
        [InputRequired(_l("どちらかを選んでください。どちらでもないときは、聞いてください。"))],
        choices=[
            SelectChoice("impossible", _l("聞くことができない")),
            SelectChoice("endangers", _l("聞くと、こどもに危険がある")),
        ],
    )
    why_not_asked = CleanLongText(
        _l("その事情"),
        [DataRequired(_l("聞かない事情を入力してください。"))],
        limit=REASON,
    )
    told = CleanLongText(
        _l("こどもに先に話したこと、または話さない理由"),
        [DataRequired(_l("こどもに先に話したか、話さない場合はその理由を入力してください。"))],
        limit=REASON,
    )
    told_first = BooleanField(_l("こどもに先に話しました。"))
    new_facts = CleanLongText(
        _l("あとから分かった新しい事実"),
        limit=REASON,
        description=_l("本人が「つたえないで」と言ったか、取りやめた項目があるときに書きます。"),
    )
    request_no = CleanText(
        _l("求めの文書の番号"), description=_l("文書による求めに応じるときだけ。")
    )
    meeting = SelectField(
        _l("決めた会議"), coerce=key, description=_l("要対協の情報交換のときだけ。")
    )

    def offer(
        self,
        bases: Iterable[SelectChoice],
        statutes: Iterable[SelectChoice],
        meetings: Iterable[m.Meeting],
        slices: Iterable[str],
    ) -> None:
        """Fill in what can be chosen between these two agencies."""
        self.basis.choices = list(bases)
        self.statute.choices = [nothing(_("なし")), *statutes]
        self.meeting.choices = [
            nothing(_("なし")),
            *(
                SelectChoice(row.id, f"{row.held_on}　{label('meeting', row.kind)}")
                for row in meetings
            ),
        ]
        self.slices.choices = choices_of("slice", *slices)()


class DecisionForm(PortalForm):
    """Why a proposal is refused."""

    words = CleanLongText(
        _l("承認しない理由"),
        [DataRequired(_l("承認しない理由を入力してください。"))],
        limit=WORDS,
    )


class ViewForm(PortalForm):
    """Opening a case in an emergency, for oneself and for a day."""

    reference = CleanText(
        _l("受付番号"),
        [DataRequired(_l("受付番号を入力してください。"))],
        description=_l("例）K7F-3QX-R4M"),
    )
    reason = reason_field(
        _l("いま開く理由"),
        _l("いま開く理由を入力してください。"),
        description=_l("こどもの命やからだに、どんな危険がせまっているか"),
    )
    on_duty = BooleanField(
        _l("わたしは、いま当番（または担当）です。"),
        [DataRequired(_l("当番（または担当）の職員だけが、緊急に開けます。"))],
    )


class ProvisionForm(CallMixin, ReadersAskedForm, UnlinkedForm):
    """An emergency provision: after the phone call, with a second person."""

    submission = SubmissionField()
    slices = ManyField(
        _l("伝える項目"),
        [DataRequired(_l("項目を1つ以上選んでください。"))],
        choices=choices_of("slice", *EMERGENCY_SLICES),
        default=["basic", "contact", "safety"],
    )
    statute = RadioField(
        _l("もとになる条項"), [InputRequired(_l("もとになる条項を選んでください。"))]
    )
    reason = reason_field(
        _l("せまっている危険"), _l("どんな危険がせまっているかを入力してください。")
    )
    second = SelectField(
        _l("確かめるもう1人の職員"),
        [DataRequired(_l("もう1人の職員を選んでください。"))],
        coerce=key,
        description=_l("この人のホームにすぐ出ます。24時間のうちに、確かめるか、おわらせます。"),
    )
    told = CleanLongText(
        _l("こどもに先に話したこと、または話せない理由"),
        limit=REASON,
        description=_l("「伝えてほしくない人」の記録があるときは、先に書きます。"),
    )

    def offer(self, statutes: Iterable[SelectChoice], seconds: Iterable[StaffRow]) -> None:
        """Fill in the statutes that reach the agency, and the colleagues."""
        self.statute.choices = list(statutes)
        self.second.choices = [nothing(_("選んでください")), *staff_choices(seconds)]


class ConfirmForm(PortalForm):
    """The second person finds the provision right."""

    words = CleanLongText(_l("確かめたこと"), limit=WORDS)


class EndForm(PortalForm):
    """An emergency ends before its time."""

    words = CleanLongText(
        _l("おわらせる理由"),
        [DataRequired(_l("おわらせる理由を入力してください。"))],
        limit=WORDS,
    )


class ReviewForm(PortalForm):
    """What is found when an emergency is over; never empty."""

    finding = RadioField(
        _l("振り返って"),
        [InputRequired(_l("振り返りを選んでください。"))],
        choices=[
            SelectChoice("right", _l("必要で、範囲も適切だった")),
            SelectChoice("too_much", _l("必要だったが、範囲が広すぎた")),
            SelectChoice("wrong", _l("必要ではなかった")),
        ],
    )
    words = reason_field(_l("分かったこと"), _l("分かったことを入力してください。"))
    child_told = RadioField(
        _l("こどもに話しましたか"),
        [InputRequired(_l("こどもに話したかを選んでください。"))],
        choices=[
            SelectChoice(
                "yes", _l("話した"), {"data-hint": _l("話した日と、話した職員を入れます。")}
            ),
            SelectChoice(
                "later",
                _l("まだ話していない"),
                {"data-hint": _l("いつまでに話すかを入れます。話すまで、ホームに残ります。")},
            ),
        ],
    )
    told_day = DateField(
        _l("話した日（まだのときは、いつまでに話すか）"),
        [
            InputRequired(_l("話した日、または、いつまでに話すかを入力してください。")),
            within_the_century,
        ],
    )
    told_by = SelectField(_l("話した職員（話したときだけ）"), coerce=key)
    told = CleanLongText(
        _l("こどもに話したこと、または話せない理由"),
        [DataRequired(_l("こどもに話したこと、または話せない理由を入力してください。"))],
        limit=REASON,
    )

    def __init__(self, staff: Iterable[StaffRow], **options: Any) -> None:
        """Take who of the centre may have told the child."""
        super().__init__(**options)
        self.told_by.choices = [nothing(_("選んでください")), *staff_choices(staff)]

    def telling(self) -> Telling:
        """Return what was said about the child; only of a form that was valid."""
        if self.child_told.data == "yes":
            return Telling(self.told.data, on=self.told_day.data, by=self.told_by.data)
        return Telling(self.told.data, later=self.told_day.data)

    def validate(self, extra_validators: Any = None) -> bool:
        """Whoever says that the child was told says by whom."""
        valid = bool(super().validate(extra_validators))
        if self.child_told.data == "yes" and not self.told_by.data:
            self.told_by.errors = [_("こどもに話した職員を選んでください。")]
            return False
        return valid


class EntrustForm(UnlinkedForm, PresetForm):
    """What an entrusted NPO needs for a task."""

    slices = ManyField(
        _l("見せる項目"),
        [DataRequired(_l("項目を1つ以上選んでください。"))],
        description=_l("委託した仕事に必要な、いちばん少ない項目だけを選びます。"),
    )
    reason = reason_field(_l("この仕事に必要な理由"), _l("必要な理由を入力してください。"))
