"""Forms of what one is told: by mail when, and whom an alarm rings."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField
from wtforms.validators import ValidationError

from portal.forms import PortalForm
from portal.services.notifications import Choices, is_quiet

# What stands for nothing chosen.
NONE = ""
HOURS = tuple(map(str, range(24)))
# So many people are rung in turn before the first is rung again.
PLACES = tuple(f"place_{number}" for number in range(1, 7))


def _hour(field: SelectField) -> int | None:
    return int(field.data) if field.data else None


class MailForm(PortalForm):
    """When mail may come."""

    daily_at = SelectField(
        _l("メールの回数"),
        description=_l("1日1回にすると、えらんだ時刻のあとに、まとめて届きます。"),
    )
    quiet_from = SelectField(_l("メールを止める時間の始まり"))
    quiet_until = SelectField(
        _l("メールを止める時間の終わり"),
        description=_l("止めているあいだのお知らせは、終わってから届きます。"),
    )

    def __init__(self, chosen: Choices | None = None, **options: Any) -> None:
        """Show what was chosen."""
        super().__init__(obj=chosen, **options)
        self.daily_at.choices = [
            (NONE, _("お知らせのたびに")),
            *((hour, _("1日1回、%(hour)s時", hour=hour)) for hour in HOURS),
        ]
        hours = [(hour, _("%(hour)s時", hour=hour)) for hour in HOURS]
        self.quiet_from.choices = self.quiet_until.choices = [(NONE, _("止めない")), *hours]
        for field in (self.daily_at, self.quiet_from, self.quiet_until):
            field.data = field.data or NONE

    @property
    def chosen(self) -> Choices:
        """Return what was chosen."""
        return Choices(_hour(self.daily_at), _hour(self.quiet_from), _hour(self.quiet_until))

    def validate_quiet_until(self, field: SelectField) -> None:
        """Refuse half a time, and one that never ends."""
        if bool(self.quiet_from.data) != bool(field.data):
            raise ValidationError(
                _l("始まりと終わりの両方をえらぶか、両方を「止めない」にしてください。")
            )
        if field.data and field.data == self.quiet_from.data:
            raise ValidationError(_l("始まりと終わりは、ちがう時刻にしてください。"))

    def validate_daily_at(self, field: SelectField) -> None:
        """Refuse a daily mail at an hour in which none comes."""
        typed = (self.quiet_from.data, self.quiet_until.data, field.data)
        # What is no hour is refused as no choice of the list.
        hours = all(each in HOURS for each in typed if each)
        if hours and field.data and is_quiet(self.chosen, int(field.data)):
            raise ValidationError(_l("メールを止める時間のほかの時刻をえらんでください。"))


class DutyForm(PortalForm):
    """Whom an alarm rings, in which order."""

    place_1 = SelectField(_l("1番目"))
    place_2 = SelectField(_l("2番目"))
    place_3 = SelectField(_l("3番目"))
    place_4 = SelectField(_l("4番目"))
    place_5 = SelectField(_l("5番目"))
    place_6 = SelectField(_l("6番目"))
    before = HiddenField()

    def __init__(
        self, people: Mapping[uuid.UUID, str], listed: Sequence[uuid.UUID], **options: Any
    ) -> None:
        """Take who can be rung, and the list as it stands."""
        shown = {name: str(key) for name, key in zip(PLACES, listed, strict=False)}
        super().__init__(data={**shown, "before": ",".join(map(str, listed))}, **options)
        for field in self.place_fields:
            field.choices = [
                (NONE, _("なし")),
                *((str(key), name) for key, name in people.items()),
            ]
            field.data = field.data or NONE

    @property
    def place_fields(self) -> list[SelectField]:
        """Return the fields of the places, the first place first."""
        return [self[name] for name in PLACES]

    @property
    def account_ids(self) -> list[uuid.UUID]:
        """Return who was put on the list, in order; gaps are closed."""
        return [uuid.UUID(field.data) for field in self.place_fields if field.data]

    @property
    def listed_before(self) -> list[str]:
        """Return the list that the form showed."""
        return [part for part in (self.before.data or "").split(",") if part]

    def validate_place_6(self, _field: SelectField) -> None:
        """Refuse the same person twice."""
        named = [field.data for field in self.place_fields if field.data]
        if len(set(named)) != len(named):
            raise ValidationError(_l("同じ人が2回えらばれています。1人は1回だけにしてください。"))
