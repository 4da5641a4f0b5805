"""Fields and choices that the forms of consent, of sharing by law and of ends have in common."""

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from wtforms import BooleanField, DateField, RadioField
from wtforms import SelectMultipleField as ManyField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from portal import models as m
from portal.forms import CleanLongText, CleanText, PortalForm, as_id
from portal.queries.directory import StaffRow
from portal.queries.people import PersonRow
from portal.templating import label
from portal.vocabulary import SHORTEST_REASON, codes, presets_for

# A sentence or two; a child's words are never cut, so the limits are generous.
WORDS = 1_000
REASON = 4_000
# What a button that ticks a preset sends, before the purpose.
PRESET = "preset:"
WARD_DIVISIONS = ("ward_child_health", "ward_welfare", "ward_protection")
FIRST_DAY, LAST_DAY = dt.date(2000, 1, 1), dt.date(2100, 12, 31)
NONE, NAMES, UNKNOWN = "none", "names", "unknown"


def key(value: Any) -> uuid.UUID | None:
    """Return an id, or None where nothing was chosen; raises ValueError for anything else."""
    return None if value in (None, "") else as_id(value)


def role_of(person: PersonRow) -> str:
    """Return who somebody is to the case, with the name: 母（はるか）."""
    if person.is_child:
        kind = _("こども本人")
    elif person.relationship:
        kind = label("relationship", person.relationship)
    else:
        kind = label("subject", person.kind)
    return str(_("%(kind)s（%(name)s）", kind=kind, name=person.called) if person.called else kind)


def nothing(text: str | LazyString) -> SelectChoice:
    """Return the choice that chooses nothing."""
    return SelectChoice("", text)


def people_choices(people: Iterable[PersonRow]) -> list[SelectChoice]:
    """Return people of a case as choices."""
    return [SelectChoice(person.id, role_of(person)) for person in people]


def staff_choices(rows: Iterable[StaffRow]) -> list[SelectChoice]:
    """Return staff as choices, by name and role."""
    return [
        SelectChoice(row.account_id, f"{row.name}（{label('role', row.role)}）") for row in rows
    ]


def agency_choices(agencies: Iterable[m.Agency]) -> list[SelectChoice]:
    """Return agencies as choices, under the kind of place and the ward that people look for."""
    return [
        SelectChoice(agency.id, agency.name, {}, _group_of(agency))
        for agency in sorted(agencies, key=_place_of)
    ]


def agency_folds(
    agencies: Iterable[m.Agency], about: Callable[[m.Agency], str], shown: Collection[uuid.UUID]
) -> list[SelectChoice]:
    """Return agencies as choices that fold by kind of place; each says its ward.

    Args:
        agencies: in any order.
        about: what is true of every agency of a kind, and is said once for all of them.
        shown: the agencies that see something already; they come first, and stand open.

    """
    ordered = sorted(agencies, key=_place_of)
    first = [
        SelectChoice(
            agency.id,
            _name_and_ward(agency),
            {"data-open": True, "data-hint": about(agency)},
            _("いま共有している機関"),
        )
        for agency in ordered
        if agency.id in shown
    ]
    others = [
        SelectChoice(
            agency.id,
            _name_and_ward(agency),
            {"data-about": about(agency)},
            _("区役所") if agency.type in WARD_DIVISIONS else label("org_type", agency.type),
        )
        for agency in ordered
        if agency.id not in shown
    ]
    return [*first, *others]


def _name_and_ward(agency: m.Agency) -> str:
    # A division of a ward has it in its name.
    if agency.ward is None or agency.type in WARD_DIVISIONS:
        return agency.name
    ward = label("ward", agency.ward)
    return str(_("%(kind)s（%(name)s）", kind=agency.name, name=ward))


def _place_of(agency: m.Agency) -> tuple[int, str, int, str]:
    rank = codes("org_type").index
    of_ward = agency.type in WARD_DIVISIONS
    # The divisions of one ward stand together, where the first of their kinds would stand.
    first = min(map(rank, WARD_DIVISIONS)) if of_ward else rank(agency.type)
    return first, agency.ward or "", rank(agency.type), agency.name


def _group_of(agency: m.Agency) -> str:
    kind = label("org_type", agency.type)
    if agency.ward is None:
        return kind
    ward = label("ward", agency.ward)
    if agency.type in WARD_DIVISIONS:
        return str(_("%(ward)sの区役所", ward=ward))
    return str(_("%(kind)s（%(name)s）", kind=kind, name=ward))


def within_the_century(_form: BaseForm, field: DateField) -> None:
    """Refuse a day that nobody can mean; the last of the calendar has no day after it."""
    if field.data is not None and not FIRST_DAY <= field.data <= LAST_DAY:
        raise ValidationError(_("2000年から2100年までの日にしてください。"))


def reason_field(text: Any, missing: Any, **options: Any) -> CleanLongText:
    """Return a field for a reason, which is never short."""
    short = _l("20文字以上で入力してください。")
    checks = [DataRequired(missing), Length(min=SHORTEST_REASON, message=short)]
    return CleanLongText(text, checks, limit=REASON, **options)


class UnlinkedForm(PortalForm):
    """That no recipient is meant by a wish that nobody linked to a person yet."""

    nobody_unlinked = BooleanField(
        _l("読む人の中に、本人が「伝えてほしくない」と言った人がいないことを確かめました。")
    )


class PresetForm(PortalForm):
    """Slices that can be ticked by purpose (``portal.vocabulary.presets``), and changed then."""

    presets: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def offer_presets(self, agency_type: str, among: Iterable[str]) -> None:
        """Offer what is usual for an agency of this type, as far as it can be shared here."""
        can_be = set(among)
        self.presets = {
            purpose: tuple(code for code in slices if code in can_be)
            for purpose, slices in presets_for(agency_type).items()
            if can_be & set(slices)
        }

    def tick(self, step: str) -> bool:
        """Tick what the pressed button names; return whether one of these buttons was pressed."""
        if not step.startswith(PRESET):
            return False
        purpose = step.removeprefix(PRESET)
        self.slices.data = list(self.presets.get(purpose, ()))
        if "purpose" in self and purpose in {code for code, *_rest in self.purpose.iter_choices()}:
            self.purpose.data = purpose
        return True


class ReadersAskedForm(PortalForm):
    """「この学校で見せない人は」: nobody, these, or not known yet, where only some people read.

    A duty to a school or a proposal asks it like a share by consent does (domain.md §4).
    """

    whom = RadioField(
        _l("この機関に、見せない人はいますか"),
        [Optional()],
        choices=[
            SelectChoice(
                NONE,
                _l("いない"),
                {"data-hint": _l("この機関の対応チーム（ふだん読む人）が読みます。")},
            ),
            SelectChoice(
                NAMES,
                _l("いる（だれかわかっている）"),
                {"data-hint": _l("選んだ人には、このケースがあることも見えなくなります。")},
            ),
            SelectChoice(
                UNKNOWN,
                _l("まだわからない"),
                {"data-hint": _l("選んだ人だけが読みます。")},
            ),
        ],
    )
    accounts = ManyField(_l("職員"), coerce=key)
    why_hidden = CleanText(
        _l("見せない理由"),
        limit=WORDS,
        description=_l("センターの中だけで読みます。例）申立てのあった教職員、親族"),
    )

    # Whether somebody of the agency may be the one concerned: nothing is chosen before then.
    must_ask = True

    def offer_readers(self, staff: Sequence[StaffRow], *, must_ask: bool = True) -> None:
        """Fill in the staff of the agency; without a question the default team reads."""
        self.must_ask = must_ask
        self.whom.flags.required = must_ask
        self.accounts.choices = staff_choices(staff)
        ids = {row.account_id for row in staff}
        # Of another agency, where that was chosen anew.
        self.accounts.data = [chosen for chosen in self.accounts.data or () if chosen in ids]
        if not must_ask and not (self.whom.data and staff):
            self.whom.data = NONE

    def named(self) -> tuple[uuid.UUID, ...]:
        """Return the only readers; () where the default team reads."""
        return tuple(self.accounts.data or ()) if self.whom.data == UNKNOWN else ()

    def hidden(self) -> tuple[uuid.UUID, ...]:
        """Return to whom the case is closed before anything is shared."""
        return tuple(self.accounts.data or ()) if self.whom.data == NAMES else ()

    def validate(self, extra_validators: Any = None) -> bool:
        """Ask where it must be asked; whoever is named is named."""
        valid = bool(super().validate(extra_validators))
        if self.must_ask and not self.whom.data:
            self.whom.errors = [_("見せない人がいるかを選んでください。")]
            return False
        if self.whom.data in (NAMES, UNKNOWN) and not self.accounts.data:
            self.accounts.errors = [_("職員を選んでください。")]
            return False
        return valid


__all__ = [
    "NAMES",
    "NONE",
    "PRESET",
    "REASON",
    "UNKNOWN",
    "WORDS",
    "PresetForm",
    "ReadersAskedForm",
    "UnlinkedForm",
    "agency_choices",
    "agency_folds",
    "key",
    "nothing",
    "people_choices",
    "reason_field",
    "role_of",
    "staff_choices",
    "within_the_century",
]
