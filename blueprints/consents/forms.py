"""Forms of consent, sharing, and whom not to tell."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, RadioField, SelectField
from wtforms import SelectMultipleField as ManyField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.validators import DataRequired, InputRequired, Optional

from blueprints.consents.fields import (
    REASON,
    WORDS,
    ReadersAskedForm,
    UnlinkedForm,
    agency_choices,
    agency_folds,
    key,
    nothing,
    people_choices,
    reason_field,
    staff_choices,
)
from blueprints.consents.wording import CHILD, Voice
from portal import models as m
from portal.forms import (
    CleanEmail,
    CleanLongText,
    CleanText,
    PortalForm,
    SubmissionField,
    choices_of,
)
from portal.policy.bundles import bundles_for, bundles_to_ask, purpose_for, slices_of
from portal.queries.directory import StaffRow
from portal.queries.people import PersonRow
from portal.services.consents import (
    DEFAULT_MONTHS,
    METHODS,
    OTHER_CHILDREN,
    YES,
    Answers,
    Asking,
    Deed,
)
from portal.templating import jst_date, kids_date, label
from portal.vocabulary import SLICES


def givers(people: Iterable[PersonRow], barred: Collection[uuid.UUID] = ()) -> list[PersonRow]:
    """Return who can be asked: the child, and grown-ups for their own data.

    Whoever is ``barred``, concerned or not to know, is never offered; other children are asked in
    a case of their own.
    """
    return [p for p in people if p.kind not in OTHER_CHILDREN and p.id not in barred]


class AskedForm(PortalForm):
    """Who is asked and how: what consents to a share and to an action have in common."""

    submission = SubmissionField()
    giver = RadioField(
        _l("だれに聞きますか"),
        [InputRequired(_l("だれに聞くかを選んでください。"))],
        coerce=key,
        description=_l("同意で見えるのは、同意した人自身の情報だけです。"),
    )
    method = RadioField(
        _l("聞き方"),
        [InputRequired(_l("聞き方を選んでください。"))],
        choices=choices_of("consent_method", *METHODS),
    )
    witness = SelectField(
        _l("いっしょに聞いた職員"),
        coerce=key,
        description=_l("口頭（電話など）のときは、もう1人の職員と聞きます。"),
    )

    def __init__(
        self,
        people: Iterable[PersonRow],
        witnesses: Iterable[StaffRow],
        barred: Collection[uuid.UUID] = (),
        **options: Any,
    ) -> None:
        """Take the people of the case, the colleagues who may have heard it, and whom not to ask.

        Nobody is offered who is ``barred``.
        """
        super().__init__(**options)
        self.giver.choices = people_choices(givers(people, barred))
        self.witness.choices = [nothing(_("なし")), *staff_choices(witnesses)]


class StartForm(AskedForm):
    """Whom to ask about which agencies."""

    agencies = ManyField(
        _l("どの機関について聞きますか"),
        [DataRequired(_l("機関を1つ以上選んでください。"))],
        coerce=key,
    )
    whose = RadioField(
        _l("だれの情報について聞きますか"),
        [Optional()],
        choices=[
            SelectChoice("own", _l("聞く人自身の情報")),
            SelectChoice(
                "child",
                _l("こどもの情報（親権者などに聞くとき）"),
                {"data-hint": _l("こども本人の同意にそえる同意です。これだけでは共有できません。")},
            ),
        ],
        default="own",
    )
    # Before an agency is contacted; left out where it was recorded (domain.md §2).
    necessity = RadioField(
        _l("共有の必要性（3つの条件のどれか）"),
        [Optional()],
        choices=choices_of("necessity"),
        description=_l("聞くことは先にできますが、記録するまで共有はできません。"),
    )
    grounds = CleanLongText(_l("そう判断した理由"), limit=REASON)
    alone_because = SelectField(
        _l("共同親権の1人だけが同意する理由"),
        choices=lambda: [nothing(_("なし（2人に聞く、または単独親権）")), *_reasons_alone()],
        description=_l("民法824条の2により、1人で決められるときだけ選びます。"),
    )

    def __init__(
        self, agencies: Sequence[m.Agency], shown: Collection[uuid.UUID] = (), **options: Any
    ) -> None:
        """Take the agencies that can be asked about, and which of them see something already."""
        super().__init__(**options)
        self.agencies.choices = agency_folds(agencies, _what_is_asked, shown)
        self.types = {agency.id: agency.type for agency in agencies}
        self.witness.description = _(
            "口頭（電話など）のときは、もう1人の職員と聞くか、その日のうちに記録を書きます。"
        )

    def leave_out_necessity(self) -> None:
        """Ask nothing about the necessity: it is on record."""
        del self.necessity, self.grounds

    @property
    def states_necessity(self) -> bool:
        """Return whether the form says which condition holds."""
        return "necessity" in self and bool(self.necessity.data)

    def validate(self, extra_validators: Any = None) -> bool:
        """A condition comes with the reason why it holds."""
        valid = bool(super().validate(extra_validators))
        if self.states_necessity and not self.grounds.data and not self.grounds.errors:
            self.grounds.errors = [_("そう判断した理由を書いてください。")]
            return False
        return valid

    def asking(self, words: str, level: str, language: str) -> Asking:
        """Return what was chosen, with the words that will be read out."""
        return Asking(
            for_child=self.whose.data == "child",
            alone_because=self.alone_because.data or None,
            giver_id=self.giver.data,
            agency_ids=tuple(self.agencies.data or ()),
            method=self.method.data,
            witness_id=self.witness.data,
            words=words,
            level=level,
            language=language,
        )


class ActionForm(AskedForm):
    """Consent to something that will be done."""

    what = CleanLongText(
        _l("これから何をしますか"),
        [DataRequired(_l("何をするかを入力してください。"))],
        limit=REASON,
        description=_l("例）担任の先生に、席をかえてもらうよう話す"),
    )
    agreed = RadioField(
        _l("本人の答え"),
        [InputRequired(_l("答えを選んでください。"))],
        choices=[
            SelectChoice("yes", _l("してもよい")),
            SelectChoice("no", _l("しないでほしい")),
        ],
    )
    said_back = CleanLongText(
        _l("本人のことば"), limit=WORDS, description=_l("自分のことばで言いなおしたもの")
    )

    def deed(self) -> Deed:
        """Return what was written."""
        return Deed(
            giver_id=self.giver.data,
            what=self.what.data,
            agreed=self.agreed.data == "yes",
            method=self.method.data,
            witness_id=self.witness.data,
            said_back=self.said_back.data,
        )


def _what_is_asked(agency: m.Agency) -> str:
    """Return what a yes to everything that is asked about an agency opens, and for what."""
    opened = {code for b in bundles_for(agency.type) for code in slices_of(b, agency.type)}
    return str(
        _(
            "%(purpose)sのために：%(slices)s",
            purpose=label("purpose", purpose_for(agency.type)),
            slices=str(_("、")).join(label("slice", code) for code in SLICES if code in opened),
        )
    )


def _reasons_alone() -> list[SelectChoice]:
    return choices_of("alone_because")()


class AnswerForm(PortalForm):
    """The person's own screen: three answers to each question, nothing chosen before.

    It is drawn card by card; what is not on the card that was sent stays as it was kept.
    """

    months = RadioField(validators=[Optional()], coerce=int)
    not_to_tell = CleanLongText(limit=WORDS, label="")
    said_back = CleanLongText(limit=WORDS, label="")
    note = CleanLongText(
        _l("きょうの記録（職員が書きます）"),
        limit=REASON,
        description=_l(
            "電話した時刻と番号、読み上げて確かめたこと。いっしょに聞いた職員がいないとき。"
        ),
    )

    questions: Mapping[tuple[uuid.UUID, str], str]
    voice: Voice
    # Only at the end must everything be there.
    finishing = False

    def answers(self) -> Answers:
        """Return what was answered; a question without an answer is left out."""
        said = {place: self[name].data for place, name in self.questions.items()}
        return Answers(
            {place: answer for place, answer in said.items() if answer},
            self.months.data or DEFAULT_MONTHS,
            self.said_back.data,
            self.not_to_tell.data,
            self.note.data,
        )

    def answer_to(self, agency_id: uuid.UUID, bundle: str) -> str | None:
        """Return what was answered to a question so far."""
        return self[self.questions[agency_id, bundle]].data or None

    @property
    def some_yes(self) -> bool:
        """Return whether anything was said yes to so far."""
        return any(self[name].data == YES for name in self.questions.values())

    def kept(self, sent: Collection[str]) -> dict[str, str]:
        """Return the values to keep of the fields that were sent, by name."""
        ours = {*self.questions.values(), "months", "not_to_tell", "said_back", "note"}
        return {name: str(self[name].data or "") for name in ours & set(sent)}

    def validate(self, extra_validators: Any = None) -> bool:
        """A yes is said back in own words before the end, and a call is written down."""
        valid = bool(super().validate(extra_validators))
        if self.finishing and self.note.flags.required and not self.note.data:
            self.note.errors = [
                *self.note.errors,
                _("その日の記録を書いてください。電話した時刻と番号、読み上げて確かめたことです。"),
            ]
            valid = False
        if self.finishing and self.some_yes and not self.said_back.data:
            self.said_back.errors = [*self.said_back.errors, str(self.voice.not_said_back)]
            valid = False
        return valid


def answer_form(
    agencies: Sequence[m.Agency],
    last_days: Mapping[int, dt.date],
    voice: Voice,
    formdata: MultiDict[str, str],
    by_duty: Mapping[uuid.UUID, Collection[str]],
) -> AnswerForm:
    """Return the form with a question for each bundle of each agency.

    Args:
        agencies: those asked about.
        last_days: for each length in months the last day on which a yes then holds.
        voice: how the person is spoken to.
        formdata: what was kept so far, and over it what was sent.
        by_duty: the slices that a duty opens to an agency; nobody is asked about those for show.

    """
    questions = {
        (agency.id, bundle): f"q-{agency.id.hex}-{bundle}"
        for agency in agencies
        for bundle in bundles_to_ask(agency.type, by_duty.get(agency.id, ()))
    }
    fields = {
        name: RadioField(
            voice.bundles[bundle],
            [Optional()],
            description=voice.hints[bundle],
            choices=[SelectChoice(code, text) for code, text in voice.answers.items()],
        )
        for (_agency, bundle), name in questions.items()
    }
    spoken = {"questions": questions, "voice": voice, "for_child": voice is CHILD}
    form: AnswerForm = type("Questions", (AnswerForm,), {**fields, **spoken})(formdata=formdata)
    for name in ("months", "not_to_tell", "said_back"):
        form[name].label.text = getattr(voice, name)
        form[name].description = getattr(voice, f"{name}_hint")
    form.months.choices = [
        SelectChoice(months, voice.lengths[months], {"data-hint": until_words(day, voice)})
        for months, day in last_days.items()
    ]
    return form


class ObjectionForm(PortalForm):
    """Why a child of 12 to 15 does not want a guardian to be asked."""

    words = reason_field(
        _l("本人が、親権者などに聞かないでほしいと言う理由"),
        _l("理由を入力してください。"),
        description=_l("もっともな理由があるときは、本人の同意だけで共有できます。"),
    )


def until_words(day: dt.date, voice: Voice) -> str:
    """Return until when, as the person is spoken to."""
    written = kids_date(day) if voice is CHILD else jst_date(day)
    return _("%(day)sまで", day=written)  # type: ignore[no-any-return]


class ReadersForm(ReadersAskedForm):
    """「この学校で見せない人は」, asked by itself."""

    def __init__(self, staff: Sequence[StaffRow], **options: Any) -> None:
        """Take the staff of the agency."""
        super().__init__(**options)
        self.offer_readers(staff)


class ShareForm(UnlinkedForm):
    """The last step: what was previewed is shared."""

    readers = HiddenField()
    # What was answered to 「見せない人は」; empty where nobody was asked yet.
    asked = HiddenField()

    # Whether the agency is one where somebody may be the one concerned.
    must_ask = False

    def validate(self, extra_validators: Any = None) -> bool:
        """Before a share with a school the centre is asked 「この学校で見せない人は」."""
        valid = bool(super().validate(extra_validators))
        if self.must_ask and not self.asked.data:
            self.form_errors.append(_("この機関に見せない人がいるかを、先に選んでください。"))
            return False
        return valid

    def account_ids(self) -> tuple[uuid.UUID, ...]:
        """Return the readers the preview was made for; none where they cannot be read."""
        return parsed_ids(self.readers.data or "")


def parsed_ids(text: str) -> tuple[uuid.UUID, ...]:
    """Return the ids of a list with commas; none at all where one of them is no id."""
    try:
        return tuple(uuid.UUID(part) for part in text.split(",") if part)
    except ValueError:
        return ()


class TakeBackForm(PortalForm):
    """Taking a consent back for somebody who asked for it."""

    asked_by = RadioField(
        _l("だれが「やめる」と言いましたか"),
        [InputRequired(_l("だれが言ったかを選んでください。"))],
        coerce=key,
    )

    def __init__(self, people: Iterable[PersonRow], **options: Any) -> None:
        """Take who gave this consent, and the child."""
        super().__init__(**options)
        self.asked_by.choices = people_choices(people)


class WishTargetForm(PortalForm):
    """Whom a wish means: an agency, a person of the case, or somebody of the staff."""

    agency = SelectField(_l("機関"), coerce=key)
    person = SelectField(_l("ケースの人"), coerce=key)
    # Whose e-mail it is, once somebody looked.
    account_id: uuid.UUID | None = None
    email = CleanEmail(
        _l("職員のメールアドレス"),
        description=_l("職員1人だけに伝えてほしくないとき"),
    )

    def __init__(
        self, agencies: Iterable[m.Agency], people: Iterable[PersonRow], **options: Any
    ) -> None:
        """Take the agencies, and the people of the case but the child."""
        super().__init__(**options)
        self.agency.choices = [nothing(_("選ばない")), *agency_choices(agencies)]
        others = [person for person in people if not person.is_child]
        self.person.choices = [nothing(_("選ばない")), *people_choices(others)]


class WishForm(WishTargetForm):
    """「伝えてほしくない人」, in the child's words or already by name."""

    submission = SubmissionField()
    words = CleanLongText(
        _l("本人のことば"),
        limit=WORDS,
        description=_l("だれのことかまだわからないときは、ことばだけを残します。"),
    )
    relationship = SelectField(_l("本人との関係"))

    def __init__(self, *known: Any, **options: Any) -> None:
        super().__init__(*known, **options)
        self.relationship.choices = [nothing(_("選ばない")), *choices_of("relationship")()]


class StaffSearchForm(PortalForm):
    """Looking for somebody inside an agency, by name or e-mail."""

    agency = SelectField(_l("機関"), [DataRequired(_l("機関を選んでください。"))], coerce=key)
    typed = CleanText(_l("名前かメールアドレス（一部でもよい）"))

    def __init__(self, agencies: Iterable[m.Agency], **options: Any) -> None:
        """Take every agency."""
        super().__init__(**options)
        self.agency.choices = [nothing(_("選んでください")), *agency_choices(agencies)]


class ExcludeForm(PortalForm):
    """Closing the case to somebody found by a search."""

    submission = SubmissionField()
    account = RadioField(
        _l("見せない人"), [InputRequired(_l("見せない人を選んでください。"))], coerce=key
    )
    reason = CleanText(
        _l("理由"),
        [DataRequired(_l("理由を入力してください。"))],
        limit=WORDS,
        description=_l("センターの中だけで読みます。例）申立てのあった教職員、親族"),
    )

    def __init__(self, staff: Iterable[StaffRow], **options: Any) -> None:
        """Take whom the search found."""
        super().__init__(**options)
        self.account.choices = staff_choices(staff)


__all__ = [
    "ActionForm",
    "AnswerForm",
    "ExcludeForm",
    "ObjectionForm",
    "ReadersForm",
    "ShareForm",
    "StaffSearchForm",
    "StartForm",
    "TakeBackForm",
    "WishForm",
    "WishTargetForm",
    "answer_form",
    "givers",
    "parsed_ids",
    "until_words",
]
