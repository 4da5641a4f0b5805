"""Forms of the ends of sharing: another school, lost authority, an agency that leaves."""

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.validators import DataRequired, InputRequired

from blueprints.consents.fields import REASON, agency_choices, key, nothing, people_choices
from portal import models as m
from portal.forms import CleanLongText, PortalForm, SubmissionField
from portal.queries.people import PersonRow


class SchoolForm(PortalForm):
    """Which school the child has left."""

    school = RadioField(
        _l("どの学校・園をはなれましたか"),
        [InputRequired(_l("学校・園を選んでください。"))],
        coerce=key,
    )

    def __init__(self, schools: Iterable[m.Agency], **options: Any) -> None:
        """Take the schools that see something of the case."""
        super().__init__(**options)
        self.school.choices = agency_choices(schools)


class AuthorityForm(PortalForm):
    """Who no longer holds parental authority."""

    person = RadioField(
        _l("親権・監護の権限がなくなった人"),
        [InputRequired(_l("だれかを選んでください。"))],
        coerce=key,
    )

    def __init__(self, people: Iterable[PersonRow], **options: Any) -> None:
        """Take the people of the case; its guardians are offered."""
        super().__init__(**options)
        self.person.choices = people_choices(p for p in people if p.kind == "guardian")


class ConcealForm(PortalForm):
    """Whether it must be hidden where the child is."""

    concealed = RadioField(
        _l("秘匿（支援措置）"),
        [InputRequired(_l("どちらかを選んでください。"))],
        choices=[
            SelectChoice(
                "yes",
                _l("秘匿にする"),
                {
                    "data-hint": _l(
                        "連絡先と学校の項目は、法律の義務がなければ、どの機関にも見えません。"
                        "書いた機関の名前は、ほかの機関に見えません。"
                    )
                },
            ),
            SelectChoice("no", _l("秘匿にしない")),
        ],
    )
    reason = CleanLongText(
        _l("秘匿にする、または解く理由"),
        [DataRequired(_l("理由を入力してください。"))],
        limit=REASON,
        description=_l("センターの中だけで読みます。例）支援措置の決定通知を受け取った"),
    )


class DepartureForm(PortalForm):
    """Which agency leaves the scheme."""

    submission = SubmissionField()
    agency = SelectField(
        _l("連携からはなれる機関"), [DataRequired(_l("機関を選んでください。"))], coerce=key
    )
    sure = BooleanField(
        _l("この機関への共有が、すべてのケースでいますぐ終わることを確かめました。")
    )
    # Whether only what would no longer be seen is asked for.
    previewing = False

    def __init__(self, agencies: Iterable[m.Agency], **options: Any) -> None:
        """Take the agencies that take part."""
        super().__init__(**options)
        self.agency.choices = [nothing(_("選んでください")), *agency_choices(agencies)]
        self.sure.flags.required = True

    def validate(self, extra_validators: Any = None) -> bool:
        """Nothing ends before somebody has said to be sure."""
        valid = bool(super().validate(extra_validators))
        if valid and not self.previewing and not self.sure.data:
            self.sure.errors = [_("確かめてから、チェックを入れてください。")]
            return False
        return valid
