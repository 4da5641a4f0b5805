"""Sentences that several pages of a case share."""

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.policy.explain import OWNER
from portal.queries.reasons import Reason
from portal.queries.sheet import Subject
from portal.templating import jst, jst_date, label


def whose(subject: Subject) -> str:
    """Return whose data something is, in words: こども本人, or 母（はるか）."""
    if not subject.kind:
        return str(_("氏名が共有されていない人"))
    if subject.is_child:
        kind = _("こども本人")
    elif subject.relationship:
        kind = label("relationship", subject.relationship)
    else:
        kind = label("subject", subject.kind)
    if subject.called:
        return str(_("%(kind)s（%(name)s）", kind=kind, name=subject.called))
    return str(kind)


def why(reason: Reason, slice_: str = "") -> str:
    """Return the sentence after 「閲覧できる理由」: 同意（2026年12月1日まで）, and so on."""
    if reason.lane == OWNER and slice_ == "reporter":
        return str(_("所長、またはこのケースの担当として"))
    if reason.lane == OWNER:
        return str(_("センターの担当として"))
    parts = [part for part in (_on_what(reason), _until(reason)) if part]
    return str(_("%(lane)s（%(more)s）", lane=_LANES[reason.lane], more=_("、").join(parts)))


_LANES = {
    "consent": _l("同意"),
    "law": _l("法律"),
    "contract": _l("委託"),
    "emergency": _l("緊急"),
}


def _on_what(reason: Reason) -> str:
    """Return which law or contract it is; a consent and an emergency need no more words."""
    locale = str(get_locale())
    if reason.lane == "law":
        return f"{reason.law(locale)} {reason.name(locale)}"
    return reason.name(locale) if reason.lane == "contract" else ""


def _until(reason: Reason) -> str:
    """Return until when: the last day, in an emergency also the hour; a share always ends."""
    if reason.until is None or reason.last_day is None:
        return str(_("期限なし"))
    if reason.lane == "emergency":
        return str(_("%(end)sまで", end=jst(reason.until)))
    return str(_("%(day)sまで", day=jst_date(reason.last_day)))
