"""The receipt of a consent, in the shape of ISO/IEC TS 27560 (law-and-practice.md §2.4).

It names agencies, kinds of data, dates and words; people are numbers by which nobody is found, and
no text of the case is in it. Its schema is ``docs/consent-receipt.schema.json``.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.codes import number_of
from portal.policy.bundles import purpose_for
from portal.queries.sharing import shortened_to
from portal.vocabulary import CONSENT

SCHEMA_VERSION = "portal-consent-receipt/1"
# Everything is kept in the one country whose law applies.
JURISDICTION = "JP"
Part = dict[str, Any]


def receipt_of(session: Session, consent: m.Consent, *, entrance: str) -> Part:
    """Return the receipt of a consent to sharing, as JSON can hold it.

    Args:
        session: of the owner, or of who gave the consent.
        consent: to sharing; it need not be answered yet.
        entrance: the address at which the giver comes back and takes back.

    """
    items, events, grants = _rows(session, consent)
    agencies = _agencies(session, consent, items, events)
    wordings = _wordings(session, events)
    return {
        "header": {
            "schema_version": SCHEMA_VERSION,
            "receipt_id": number_of(consent.id),
            "record_id": str(consent.id),
            "pii_principal_id": number_of(consent.subject_id),
            "given_by": consent.giver_kind,
            "on_behalf_of_the_child": consent.for_person_id is not None,
        },
        "processing": {
            "privacy_notice": _notice(wordings.get(consent.wording_id)),
            "collection_method": consent.method,
            "jurisdiction": JURISDICTION,
            "storage_locations": [JURISDICTION],
            "withdrawal_method": entrance,
            "purposes": [
                _purpose(
                    agency,
                    consent,
                    items[agency.id],
                    grants.get(agency.id),
                    shortened_to(event for event in events if event.agency_id == agency.id),
                )
                for agency in agencies
                if agency.id != consent.owner_agency_id
            ],
        },
        "parties": [_party(agency, consent, entrance) for agency in agencies],
        "events": [_event(event, wordings) for event in events],
    }


def _rows(
    session: Session, consent: m.Consent
) -> tuple[
    Mapping[uuid.UUID, list[m.ConsentItem]], Sequence[m.ConsentEvent], Mapping[uuid.UUID, m.Grant]
]:
    items: dict[uuid.UUID, list[m.ConsentItem]] = defaultdict(list)
    answered = select(m.ConsentItem).where(m.ConsentItem.consent_id == consent.id)
    for item in session.scalars(answered.order_by(m.ConsentItem.bundle, m.ConsentItem.id)):
        items[item.agency_id].append(item)
    steps = select(m.ConsentEvent).where(m.ConsentEvent.consent_id == consent.id)
    events = session.scalars(steps.order_by(m.ConsentEvent.happened_at, m.ConsentEvent.id)).all()
    given = select(m.Grant).where(m.Grant.consent_id == consent.id)
    grants = {grant.agency_id: grant for grant in session.scalars(given)}
    return items, events, grants


def _agencies(
    session: Session,
    consent: m.Consent,
    items: Mapping[uuid.UUID, list[m.ConsentItem]],
    events: Iterable[m.ConsentEvent],
) -> list[m.Agency]:
    """Return the owner first, then the agencies asked about, by type and name."""
    ids = {consent.owner_agency_id, *items, *(e.agency_id for e in events if e.agency_id)}
    found = session.scalars(select(m.Agency).where(m.Agency.id.in_(ids))).all()
    return sorted(found, key=lambda a: (a.id != consent.owner_agency_id, a.type, a.name, a.id))


def _wordings(
    session: Session, events: Iterable[m.ConsentEvent]
) -> Mapping[uuid.UUID | None, m.Wording]:
    ids = {event.wording_id for event in events if event.wording_id is not None}
    found = session.scalars(select(m.Wording).where(m.Wording.id.in_(ids)))
    return {wording.id: wording for wording in found}


def _notice(wording: m.Wording | None) -> Part | None:
    """Return the words that were explained; None where the consent came with a register."""
    if wording is None:
        return None
    return {
        "version": wording.version,
        "level": wording.level,
        "language": wording.language,
        "text": wording.body,
    }


def _purpose(
    agency: m.Agency,
    consent: m.Consent,
    items: Sequence[m.ConsentItem],
    grant: m.Grant | None,
    shortened: dt.date | None,
) -> Part:
    days = (*(item.last_day for item in items), shortened)
    last_days = [day for day in days if day is not None]
    return {
        "purpose": purpose_for(agency.type),
        "lawful_basis": CONSENT,
        "necessity": None if grant is None else grant.necessity,
        "pii_controllers": [str(consent.owner_agency_id)],
        "recipient_third_parties": [str(agency.id)],
        "retention_period": {"until": min(last_days).isoformat() if last_days else None},
        "pii_information": [
            {"bundle": item.bundle, "pii_types": item.slices, "answer": item.answer}
            for item in items
        ],
        "pii_optional": True,
    }


def _party(agency: m.Agency, consent: m.Consent, entrance: str) -> Part:
    owner = agency.id == consent.owner_agency_id
    return {
        "party_id": str(agency.id),
        "name": agency.name,
        "type": agency.type,
        "role": "pii_controller" if owner else "recipient",
        # The ward is what the portal keeps of where an agency is.
        "address": agency.ward,
        "contact": entrance if owner else None,
    }


def _event(event: m.ConsentEvent, wordings: Mapping[uuid.UUID | None, m.Wording]) -> Part:
    wording = wordings.get(event.wording_id)
    return {
        "event_time": event.happened_at.isoformat(),
        "event_type": "sharing",
        "event_state": event.state,
        "validity_duration": _duration(event.happened_at, event.valid_until),
        "entity_id": _who(event),
        "party_id": None if event.agency_id is None else str(event.agency_id),
        "wording_version": None if wording is None else wording.version,
        "wording_level": None if wording is None else wording.level,
    }


def _duration(since: dt.datetime, until: dt.datetime | None) -> str | None:
    """Return how long a state holds by itself as an ISO 8601 duration, None without an end."""
    return None if until is None else f"PT{int((until - since).total_seconds())}S"


def _who(event: m.ConsentEvent) -> str:
    """Return who did it: staff, or somebody who came by code; a number, never a name."""
    if event.account_id is not None:
        return f"staff:{number_of(event.account_id)}"
    if event.thread_id is not None:
        return f"visitor:{number_of(event.thread_id)}"
    return "register"


__all__ = ["SCHEMA_VERSION", "receipt_of"]
