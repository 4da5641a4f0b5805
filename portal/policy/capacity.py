"""Who may consent, for whose data: the decision table (law-and-practice.md §2.1, domain.md §3).

A consent opens only data of who gave it. Adults answer for themselves, a neighbour or relative for
the own data alone. For a child's data the child's own word is always needed, and a no always ends
the matter; whether a guardian's word is needed beside it says ``TABLE``, by the child's age and by
what stands in the guardians' way. Whoever is concerned or must not know is neither asked nor told:
where that leaves nobody to ask, a young child's word is not enough, and only a law is left.

Everything here is pure: the services bring what is recorded. No statute fixes these ages; the
city's legal section has to confirm the table, and sets the ages (``Config.consent_ages``).
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from portal.config import ConsentAges
from portal.vocabulary import known
from portal.working_hours import ADULT_AGE, age_on

SOLE, JOINT, MINOR_GUARDIAN, FOSTER, FACILITY, CGC_HEAD, NO_AUTHORITY = (
    known("authority", code)
    for code in (
        *("sole", "joint", "minor_guardian", "foster_parent", "facility_head", "cgc_head"),
        "none",
    )
)
HOLDERS: Final = (SOLE, JOINT, MINOR_GUARDIAN)
# They stand in where no holder of parental authority can be asked (Child Welfare Act arts. 33-2,
# 47); where one can, that one is asked.
SUBSTITUTES: Final = (FOSTER, FACILITY, CGC_HEAD)
# One of two holders alone: in urgent circumstances, for acts of everyday care, or where the other
# cannot exercise it (Civil Code art. 824-2, in force since 2026-04-01).
URGENT, DAILY, OTHER_UNABLE = (
    known("alone_because", code) for code in ("urgent", "daily", "other_unable")
)


class Band(StrEnum):
    """How far a child's own word carries, by age."""

    YOUNG = "young"
    MIDDLE = "middle"
    OLDER = "older"
    ADULT = "adult"


class Way(StrEnum):
    """What stands in the guardians' way."""

    CLEAR = "clear"
    BARRED = "barred"
    DISPUTE = "dispute"


class Need(StrEnum):
    """What the table asks for beside the child's own yes."""

    NOTHING = "nothing"
    GUARDIANS = "guardians"
    GUARDIANS_UNLESS_OBJECTION = "guardians_unless_objection"
    # In urgency the holder with whom the child lives; otherwise a law.
    LIVING_WITH_IN_URGENCY = "living_with_in_urgency"
    LAW = "law"


TABLE: Final[Mapping[tuple[Band, Way], Need]] = MappingProxyType(
    {
        (Band.YOUNG, Way.CLEAR): Need.GUARDIANS,
        (Band.YOUNG, Way.BARRED): Need.LAW,
        (Band.YOUNG, Way.DISPUTE): Need.LIVING_WITH_IN_URGENCY,
        (Band.MIDDLE, Way.CLEAR): Need.GUARDIANS_UNLESS_OBJECTION,
        (Band.MIDDLE, Way.BARRED): Need.LAW,
        (Band.MIDDLE, Way.DISPUTE): Need.LIVING_WITH_IN_URGENCY,
        **{(band, way): Need.NOTHING for band in (Band.OLDER, Band.ADULT) for way in Way},
    }
)


@dataclass(frozen=True)
class Guardian:
    """Somebody who may answer for the child, as it is recorded.

    Attributes:
        authority: a code of the list ``authority``; None while nobody recorded it.
        concerned: alleged to be a violator.
        never_told: a never-tell that holds names this person.

    """

    person_id: uuid.UUID
    authority: str | None = None
    lives_with: bool = True
    concerned: bool = False
    never_told: bool = False

    @property
    def barred(self) -> bool:
        """Return whether this person is neither asked nor told, whatever the authority."""
        return self.concerned or self.never_told


@dataclass(frozen=True)
class Word:
    """What a guardian answered for the child's data; ``alone_because`` where answering alone."""

    yes: bool
    alone_because: str | None = None


@dataclass(frozen=True)
class Decision:
    """What a share of a person's data by consent needs, and whether it is there.

    Attributes:
        need: the cell of the table, NOTHING where the data are an adult's or the giver's own.
        ask: the guardians whose answer counts and is still missing.
        left_out: those who are neither asked nor told.
        counted: those whose yes is needed and there.
        refusal: why the consent does not suffice (a code), None where it does.

    """

    need: Need
    band: Band | None = None
    ask: tuple[uuid.UUID, ...] = ()
    left_out: tuple[uuid.UUID, ...] = ()
    counted: tuple[uuid.UUID, ...] = ()
    refusal: str | None = None


def band_of(birth: dt.date | None, day: dt.date, ages: ConsentAges) -> Band:
    """Return the band of a child born on a day; unknown ages are taken for the youngest.

    Args:
        birth: the child's, None where nobody knows.
        day: today in JST; the birthday itself counts.
        ages: of the city.

    """
    if birth is None:
        return Band.YOUNG
    age = age_on(birth, day)
    if age >= ADULT_AGE:
        return Band.ADULT
    if age >= ages.alone:
        return Band.OLDER
    return Band.MIDDLE if age >= ages.with_guardian else Band.YOUNG


def askable(guardians: Iterable[Guardian]) -> tuple[Guardian, ...]:
    """Return the guardians whose word counts for the child: holders, else who stands in."""
    free = [guardian for guardian in guardians if not guardian.barred]
    holders = tuple(guardian for guardian in free if guardian.authority in HOLDERS)
    return holders or tuple(guardian for guardian in free if guardian.authority in SUBSTITUTES)


def decide(
    band: Band,
    guardians: Iterable[Guardian],
    words: Mapping[uuid.UUID, Word] = MappingProxyType({}),
    *,
    objects: bool = False,
) -> Decision:
    """Return what sharing the child's data by consent needs beside the child's own yes.

    Args:
        band: of the child.
        guardians: everybody recorded who may answer for the child.
        words: what guardians answered for this share, by person.
        objects: the child objects to asking them, for a reason that was recorded (12 to 15).

    """
    everybody = tuple(guardians)
    able = askable(everybody)
    answers = {g.person_id: words[g.person_id] for g in able if g.person_id in words}
    need = TABLE[band, _way(able, answers)]
    left_out = tuple(g.person_id for g in everybody if g.barred)
    if need is Need.GUARDIANS_UNLESS_OBJECTION and objects:
        need = Need.NOTHING
    if need is Need.NOTHING:
        return Decision(need, band, left_out=left_out)
    if need is Need.LAW:
        return Decision(need, band, left_out=left_out, refusal=_no_guardian(everybody))
    if need is Need.LIVING_WITH_IN_URGENCY:
        living = _living_with_in_urgency(able, answers)
        refusal = None if living else "holders_disagree"
        return Decision(need, band, left_out=left_out, counted=living, refusal=refusal)
    yes = tuple(g for g in able if g.person_id in answers and answers[g.person_id].yes)
    refusal = _missing(everybody, yes, answers)
    ask = tuple(g.person_id for g in able if g.person_id not in answers) if refusal else ()
    return Decision(need, band, ask, left_out, tuple(g.person_id for g in yes), refusal)


def _way(able: tuple[Guardian, ...], answers: Mapping[uuid.UUID, Word]) -> Way:
    if not able:
        return Way.BARRED
    said = {word.yes for word in answers.values()}
    return Way.DISPUTE if said == {True, False} else Way.CLEAR


def _no_guardian(everybody: tuple[Guardian, ...]) -> str:
    """Return why nobody can be asked: nothing is recorded yet, or a law is all that is left."""
    unknown = any(g.authority is None and not g.barred for g in everybody)
    return "authority_unknown" if unknown or not everybody else "law_left"


def _living_with_in_urgency(
    able: tuple[Guardian, ...], answers: Mapping[uuid.UUID, Word]
) -> tuple[uuid.UUID, ...]:
    return tuple(
        g.person_id
        for g in able
        if g.lives_with
        and (w := answers.get(g.person_id)) is not None
        and w.yes
        and w.alone_because == URGENT
    )


def _missing(
    everybody: tuple[Guardian, ...],
    yes: tuple[Guardian, ...],
    answers: Mapping[uuid.UUID, Word],
) -> str | None:
    """Return what the guardians' word lacks: one alone, or both who hold authority jointly.

    Where the other holder is left out, the one who may know decides alone: what keeps the other
    from being told is the urgency of Civil Code art. 824-2.
    """
    if any(not word.yes for word in answers.values()):
        return "guardian_refused"
    if not yes:
        return "guardian_missing"
    if any(g.authority != JOINT or answers[g.person_id].alone_because for g in yes):
        return None
    joint = [g for g in everybody if g.authority == JOINT]
    # A second holder whom nobody wrote down yet is still a second holder.
    enough = len(joint) > 1 and all(g.barred or g in yes for g in joint)
    return None if enough else "other_holder_missing"


__all__ = [
    "HOLDERS",
    "SUBSTITUTES",
    "TABLE",
    "Band",
    "Decision",
    "Guardian",
    "Need",
    "Way",
    "Word",
    "askable",
    "band_of",
    "decide",
]
