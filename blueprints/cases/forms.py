"""Forms of the cases area."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import DateTimeLocalField, HiddenField, SelectField, SelectMultipleField
from wtforms.validators import DataRequired, Optional, ValidationError

from blueprints.cases.words import whose
from portal.forms import SHORT_TEXT, CleanLongText, CleanText, PortalForm, SubmissionField, as_id
from portal.models import Agency
from portal.queries.notifications import Hearers
from portal.queries.search import SHORTEST, Wanted
from portal.queries.sheet import Subject
from portal.services.entries import Place
from portal.services.notifications import Asked
from portal.templating import label
from portal.text import fold_kana
from portal.vocabulary import SLICES, codes

# A reason is read by somebody in a hurry; what happened belongs into the new entry.
REASON = 1_000
# No name is longer.
SEARCHED = 100
YEARS = range(2000, 2101)


class PostForm(PortalForm):
    """A post into a slice; only slices and people are offered that the writer may write about."""

    submission = SubmissionField()
    slice = SelectField(
        _l("どの項目に書きますか"), [DataRequired(_l("どの項目に書くかを選んでください。"))]
    )
    subject = SelectField(
        _l("だれについてですか"),
        coerce=as_id,
        description=_l("その人の同意などで見られる機関だけが読めます。"),
    )
    text = CleanLongText(_l("内容"), [DataRequired(_l("内容を入力してください。"))])
    tell = SelectMultipleField(
        _l("とくに読んでほしい人"),
        coerce=as_id,
        description=_l("えらんだ人に、お知らせが届きます。この項目を見られない人には届きません。"),
    )

    def __init__(
        self,
        places: Iterable[Place],
        subjects: Mapping[uuid.UUID, Subject],
        hearers: Hearers,
        **options: Any,
    ) -> None:
        """Take where the writer may write, the people as far as known, and who can be told."""
        super().__init__(**options)
        self.hearers = hearers
        self.tell.choices = [*hearers.agencies.items(), *hearers.colleagues.items()]
        self.places = frozenset(places)
        slices = {code for code, _who in self.places}
        offered = [(code, label("slice", code)) for code in SLICES if code in slices]
        # Nothing is chosen beforehand: the first slice is the one that the most agencies read.
        self.slice.choices = [("", _("選んでください")), *offered] if len(offered) > 1 else offered
        people = {who for _code, who in self.places}
        ordered = [who for who in subjects if who in people]
        ordered += sorted(people - set(ordered))
        self.subject.choices = [(who, whose(subjects.get(who, Subject(who)))) for who in ordered]

    @property
    def asked(self) -> Asked:
        """Return who is asked to read it."""
        named = set(self.tell.data or ())
        hearers = self.hearers
        return Asked(named & hearers.colleagues.keys(), named & hearers.agencies.keys())

    def validate(self, extra_validators: Any = None) -> bool:
        """Refuse a slice and a person that go together in no share."""
        if not super().validate(extra_validators):
            return False
        if (self.slice.data, self.subject.data) not in self.places:
            self.subject.errors = [_("この項目では、この人について書けません。")]
            return False
        return True


class QuickForm(PortalForm):
    """How the child is, in two taps: the usual slice, about the child."""

    submission = SubmissionField()
    slice = HiddenField()
    subject = HiddenField()
    text = CleanLongText(_l("ようすを書く"))


class HearForm(PortalForm):
    """What an agency told by phone, into a slice that is open to it."""

    submission = SubmissionField()
    agency = SelectField(
        _l("電話で話した機関"), [DataRequired(_l("電話で話した機関を選んでください。"))]
    )
    heard_from = CleanText(
        _l("話した人の役職"),
        limit=SHORT_TEXT,
        description=_l("名前は書きません。例：教頭、担任、担当のワーカー"),
        validators=[DataRequired(_l("話した人の役職を入力してください。"))],
    )
    slice = SelectField(
        _l("どの項目に書きますか"), [DataRequired(_l("どの項目に書くかを選んでください。"))]
    )
    subject = SelectField(_l("だれについてですか"), coerce=as_id)
    text = CleanLongText(
        _l("話されたとおりの内容"), [DataRequired(_l("話された内容を入力してください。"))]
    )

    def __init__(
        self,
        places: Mapping[uuid.UUID, frozenset[Place]],
        agencies: Mapping[uuid.UUID, str],
        subjects: Mapping[uuid.UUID, Subject],
        **options: Any,
    ) -> None:
        """Take where each agency could write, the agencies' names, and the people of the case."""
        super().__init__(**options)
        self.places = places
        everywhere = frozenset[Place]().union(*places.values())
        named = sorted((name, str(id_)) for id_, name in agencies.items() if places.get(id_))
        slices, people = ({place[index] for place in everywhere} for index in (0, 1))
        chosen = ("", _("選んでください"))
        self.agency.choices = [chosen, *((id_, name) for name, id_ in named)]
        offered = [(code, label("slice", code)) for code in SLICES if code in slices]
        self.slice.choices = [chosen, *offered]
        self.subject.choices = [(who, whose(subjects[who])) for who in subjects if who in people]

    @property
    def heard(self) -> dict[str, Any]:
        """Return the words of ``entries.hear``."""
        return {
            "entry_id": self.submission.data,
            "agency_id": as_id(self.agency.data),
            "slice_": self.slice.data,
            "subject_id": self.subject.data,
            "heard_from": self.heard_from.data,
            "text": self.text.data,
        }

    def validate_slice(self, field: SelectField) -> None:
        """Refuse a slice that is not open to this agency for this person."""
        agency_id = next((id_ for id_ in self.places if str(id_) == self.agency.data), None)
        place = field.data, self.subject.data
        if agency_id is not None and place not in self.places[agency_id]:
            raise ValidationError(
                _l(
                    "この機関には、この人のこの項目が共有されていません。ほかの項目を選んでください。"
                )
            )


class RetractForm(PortalForm):
    """Taking a wrong post back, and saying it right."""

    submission = SubmissionField()
    successor = SubmissionField()
    reason = CleanText(
        _l("取り消す理由"),
        [DataRequired(_l("取り消す理由を入力してください。"))],
        limit=REASON,
        description=_l("例）別のこどもの記録を書いてしまった"),
    )
    text = CleanLongText(
        _l("正しい内容"),
        description=_l("書きなおすときだけ入力します。同じ項目に、新しい記録として入ります。"),
    )


class SearchForm(PortalForm):
    """What is looked for; an owner also by what only an owner knows of a case."""

    CONDITIONS = ("state", "topic", "urgency", "school")

    words = CleanText(
        _l("番号か名前"),
        limit=SEARCHED,
        description=_l(
            "受付番号、または名前やふりがなの一部（2文字以上）。例）K7F-3QX-R4M、みほん"
        ),
    )
    state = SelectField(_l("状況"))
    topic = SelectField(_l("相談の内容"))
    urgency = SelectField(_l("緊急度"))
    school = SelectField(_l("共有している学校・園"))
    at = HiddenField()

    def __init__(self, schools: Iterable[Agency], *, at_centre: bool, **options: Any) -> None:
        """Take the schools to choose from, and whether the codes of an owner are offered."""
        super().__init__(**options)
        lists = {"state": "case_status", "topic": "topic", "urgency": "urgency"}
        for name, list_name in lists.items():
            known = [(code, label(list_name, code)) for code in codes(list_name)]
            self[name].choices = [("", _("すべて")), *known]
        self.school.choices = [("", _("すべて")), *((str(one.id), one.name) for one in schools)]
        if not at_centre:
            del self.topic, self.urgency, self.school

    def validate(self, extra_validators: Any = None) -> bool:
        """Refuse a search for nothing, and one for a single character."""
        if not super().validate(extra_validators):
            return False
        if self.words.data and len(fold_kana(self.words.data)) < SHORTEST:
            self.words.errors = [_("2文字以上で探してください。")]
        elif not self.words.data and not self.narrowed:
            self.words.errors = [_("番号か名前を入力するか、条件を選んでください。")]
        return not self.words.errors

    @property
    def narrowed(self) -> bool:
        """Return whether a condition is chosen."""
        return any(self[name].data for name in self.CONDITIONS if name in self)

    @property
    def wanted(self) -> Wanted:
        """Return what is looked for, once it is validated."""
        given = {name: self[name].data or "" for name in ("topic", "urgency") if name in self}
        school = self.school.data if "school" in self else None
        return Wanted(
            words=self.words.data or "",
            status=self.state.data or "",
            school=as_id(school) if school else None,
            **given,
        )


class ReferenceForm(PortalForm):
    """Opening one case by its reference, for those who never list."""

    reference = CleanText(
        _l("受付番号"),
        [DataRequired(_l("受付番号を入力してください。"))],
        limit=SHORT_TEXT,
        description=_l("センターから電話で聞いた番号です。例）K7F-3QX-R4M"),
    )


class MomentForm(PortalForm):
    """A moment in Japanese time; it changes nothing and stands in the address, without a token."""

    class Meta:
        """Sent by GET."""

        csrf = False

    at = DateTimeLocalField(
        _l("いつの時点か"),
        [Optional()],
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        description=_l("空けておくと、いまの時点になります。"),
    )

    def validate_at(self, field: DateTimeLocalField) -> None:
        """Keep to years that a case can have."""
        if field.data is not None and field.data.year not in YEARS:
            raise ValidationError(_("2000年から2100年までの日にしてください。"))
