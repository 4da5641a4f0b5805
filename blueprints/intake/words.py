"""Words that several pages of the intake share."""

from flask_babel import get_locale
from flask_babel import gettext as _

from portal.queries.reasons import Reason
from portal.vocabulary import bases


def basis_words(code: str) -> str:
    """Return the name of a legal basis with its law, in the language of the page."""
    reason, locale = Reason("law", code), str(get_locale())
    return str(_("%(kind)s（%(name)s）", kind=reason.name(locale), name=reason.law(locale)))


def basis_asks(code: str) -> str:
    """Return what a legal basis asks for, in the language of the page."""
    basis = bases()[code]
    return basis.conditions_en if str(get_locale()) == "en" else basis.conditions_ja
