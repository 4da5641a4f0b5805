"""Second factors: authenticator apps, passkeys and recovery codes, each use of them once.

Who asks is the account itself, signed in at least by its password; when a factor may be added is
decided at the door (``portal.auth``). Sources: security.md A3 and A4, RFC 6238, WebAuthn level 3.
"""

import datetime as dt
import hmac
import uuid
from dataclasses import dataclass
from typing import Any

import pyotp
from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from portal import models as m
from portal.audit import Event, record
from portal.passwords import draw
from portal.policy.terms import clock
from portal.services.once import write_once
from portal.vault import recovery_hash_for, reveal, seal

STEP_SECONDS = 30
# A phone's clock may be one step off, in either direction.
STEPS_OFF = 1
RECOVERY_CODES = 10


@dataclass(frozen=True)
class Site:
    """What a passkey is bound to: ``rp_id`` is the host, ``origin`` scheme, host and port."""

    rp_id: str
    origin: str
    name: str


@dataclass(frozen=True)
class KnownPasskey:
    """A passkey of somebody's: when it was added and used last, aware."""

    id: uuid.UUID
    recorded_at: dt.datetime
    used_at: dt.datetime | None


@dataclass(frozen=True)
class Factors:
    """What an account can prove itself by; ``codes`` counts the recovery codes that are left."""

    passkeys: tuple[KnownPasskey, ...]
    app: bool
    codes: int

    @property
    def any(self) -> bool:
        """Return whether there is a second factor at all; printed codes alone are none."""
        return self.app or bool(self.passkeys)


def factors_of(session: Session, account_id: uuid.UUID) -> Factors:
    """Return the factors that an account can use now."""
    passkeys = tuple(
        KnownPasskey(row.id, row.recorded_at, row.used_at)
        for row in session.scalars(_passkeys(account_id))
    )
    codes = session.scalar(
        select(func.count()).select_from(m.RecoveryCode).where(*_unused(account_id))
    )
    return Factors(passkeys, _secret_of(session, account_id) is not None, codes or 0)


def draw_secret() -> str:
    """Return a new secret for an authenticator app: 160 random bits in Base32."""
    return pyotp.random_base32(32)


def app_address(secret: str, who: str, product: str) -> str:
    """Return the ``otpauth:`` address that a phone's camera or a tap gives to the app."""
    return pyotp.TOTP(secret).provisioning_uri(name=who, issuer_name=product)


def add_app(session: Session, account_id: uuid.UUID, secret: str, code: str) -> bool:
    """Take an authenticator app in place of the one before, if its code is right.

    Returns False where the code is wrong, and changes nothing then.
    """
    step = _step_of(secret, code, clock(session))
    if step is None:
        return False
    _end_app(session, account_id)
    row = m.TotpSecret(account_id=account_id, used_step=step)
    seal(session, row, secret=secret)
    session.add(row)
    session.flush()
    record(session, Event.FACTOR_ADDED, kind="totp")
    return True


def use_app(session: Session, account_id: uuid.UUID, code: str) -> bool:
    """Use a code of the account's app; return False for a wrong one and for one used before."""
    row = _secret_of(session, account_id)
    if row is None:
        return False
    step = _step_of(reveal(session, row, "secret"), code, clock(session))
    if step is None:
        return False
    # The row decides between codes that come at once: whoever waits finds the step used.
    taken = (
        update(m.TotpSecret)
        .where(m.TotpSecret.id == row.id, m.TotpSecret.used_step < step)
        .values(used_step=step)
    )
    return _rows(session, taken) == 1


def end_app(session: Session, account_id: uuid.UUID) -> None:
    """Take the account's authenticator app away."""
    if _end_app(session, account_id):
        record(session, Event.FACTOR_ENDED, kind="totp")


def draw_recovery_codes(session: Session, account_id: uuid.UUID) -> list[str]:
    """Make new recovery codes in place of all before; they are shown this once."""
    codes = [draw() for _ in range(RECOVERY_CODES)]
    left = update(m.RecoveryCode).where(*_unused(account_id))
    session.execute(left.values(ended_at=func.portal_clock()))
    for code in codes:
        code_hash = recovery_hash_for(session, account_id, code)
        session.add(m.RecoveryCode(account_id=account_id, code_hash=code_hash))
    session.flush()
    record(session, Event.FACTOR_ADDED, kind="recovery")
    return codes


def use_recovery_code(session: Session, account_id: uuid.UUID, code: str) -> bool:
    """Use up a recovery code; return False for one that is wrong, used or replaced."""
    used = (
        update(m.RecoveryCode)
        .where(
            *_unused(account_id),
            m.RecoveryCode.code_hash == recovery_hash_for(session, account_id, _as_drawn(code)),
        )
        .values(used_at=func.portal_clock())
    )
    return _rows(session, used) == 1


def passkey_creation(session: Session, account_id: uuid.UUID, who: str, site: Site) -> Any:
    """Return what the browser needs to make a passkey, with a new challenge, for JSON."""
    known = session.scalars(_passkeys(account_id))
    options = generate_registration_options(
        rp_id=site.rp_id,
        rp_name=site.name,
        user_id=account_id.bytes,
        user_name=who,
        authenticator_selection=AuthenticatorSelectionCriteria(
            # Kept in the device, so that it is found without an address on a shared machine, and
            # opened by a finger, a face or a PIN: the passkey is both factors at once.
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=row.credential_id) for row in known],
    )
    return options_to_json_dict(options)


def add_passkey(
    session: Session, account_id: uuid.UUID, answer: str, challenge: bytes, site: Site
) -> bool:
    """Take a passkey that the browser made; return False where the answer does not hold."""
    try:
        made = verify_registration_response(
            credential=parse_registration_credential_json(answer),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except WebAuthnException:
        return False
    row = m.Passkey(
        account_id=account_id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )
    if write_once(session, row):
        record(session, Event.FACTOR_ADDED, kind="passkey")
    return True


def end_passkey(session: Session, account_id: uuid.UUID, passkey_id: uuid.UUID) -> None:
    """Take one of the account's passkeys away; anybody else's is not there."""
    ended = update(m.Passkey).where(
        m.Passkey.id == passkey_id,
        m.Passkey.account_id == account_id,
        m.Passkey.ended_at.is_(None),
    )
    if _rows(session, ended.values(ended_at=func.portal_clock())):
        record(session, Event.FACTOR_ENDED, kind="passkey")


def passkey_request(session: Session, account_id: uuid.UUID | None, site: Site) -> Any:
    """Return what the browser needs to ask for a passkey, with a new challenge, for JSON.

    Without an account any passkey of this portal that the device holds will do.
    """
    known = () if account_id is None else session.scalars(_passkeys(account_id))
    options = generate_authentication_options(
        rp_id=site.rp_id,
        allow_credentials=[PublicKeyCredentialDescriptor(id=row.credential_id) for row in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def credential_of(answer: str) -> bytes | None:
    """Return which passkey a browser's answer speaks of, None where it cannot be read."""
    try:
        return parse_authentication_credential_json(answer).raw_id
    except WebAuthnException:
        return None


def new_sign_count(
    answer: str, challenge: bytes, site: Site, *, public_key: bytes, sign_count: int
) -> int | None:
    """Return the passkey's counter where a browser's answer proves it, else None."""
    try:
        proven = verify_authentication_response(
            credential=parse_authentication_credential_json(answer),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except WebAuthnException:
        return None
    return proven.new_sign_count


def use_passkey(
    session: Session, account_id: uuid.UUID, answer: str, challenge: bytes, site: Site
) -> bool:
    """Prove the account by one of its passkeys; return False where the answer does not hold."""
    wanted = _passkeys(account_id).where(m.Passkey.credential_id == credential_of(answer))
    row = session.scalars(wanted).one_or_none()
    if row is None:
        return False
    count = new_sign_count(
        answer, challenge, site, public_key=row.public_key, sign_count=row.sign_count
    )
    if count is None:
        return False
    note_passkey_used(session, account_id, row.credential_id, count)
    return True


def note_passkey_used(
    session: Session, account_id: uuid.UUID, credential_id: bytes, sign_count: int
) -> None:
    """Keep the counter of a passkey that was proven, and when that was."""
    used = update(m.Passkey).where(
        m.Passkey.account_id == account_id, m.Passkey.credential_id == credential_id
    )
    session.execute(used.values(sign_count=sign_count, used_at=func.portal_clock()))


def give_pledge(session: Session, account_id: uuid.UUID) -> None:
    """Keep the pledge of secrecy of the present fiscal year; given twice, it is kept once."""
    year: int = session.execute(select(func.fiscal_year())).scalar_one()
    # The same id for the same pledge, so that a form sent twice makes one.
    key = uuid.uuid5(account_id, f"pledge {year}")
    if write_once(session, m.Pledge(id=key, account_id=account_id, fiscal_year=year)):
        record(session, Event.PLEDGED, year=year)


def _passkeys(account_id: uuid.UUID) -> Any:
    return (
        select(m.Passkey)
        .where(m.Passkey.account_id == account_id, m.Passkey.ended_at.is_(None))
        .order_by(m.Passkey.recorded_at, m.Passkey.id)
    )


def _unused(account_id: uuid.UUID) -> tuple[Any, ...]:
    return (
        m.RecoveryCode.account_id == account_id,
        m.RecoveryCode.used_at.is_(None),
        m.RecoveryCode.ended_at.is_(None),
    )


def _secret_of(session: Session, account_id: uuid.UUID) -> m.TotpSecret | None:
    holding = select(m.TotpSecret).where(
        m.TotpSecret.account_id == account_id, m.TotpSecret.ended_at.is_(None)
    )
    return session.scalars(holding).one_or_none()


def _end_app(session: Session, account_id: uuid.UUID) -> bool:
    holding = update(m.TotpSecret).where(
        m.TotpSecret.account_id == account_id, m.TotpSecret.ended_at.is_(None)
    )
    return _rows(session, holding.values(ended_at=func.portal_clock())) > 0


def _step_of(secret: str, code: str, now: dt.datetime) -> int | None:
    """Return the step of 30 seconds that a code belongs to, the latest first."""
    typed = "".join(code.split())
    present = int(now.timestamp()) // STEP_SECONDS
    app = pyotp.TOTP(secret)
    matching = (
        step
        for step in range(present + STEPS_OFF, present - STEPS_OFF - 1, -1)
        if hmac.compare_digest(app.generate_otp(step).encode(), typed.encode())
    )
    return next(matching, None)


def _as_drawn(code: str) -> str:
    """Return a recovery code as it was printed, however it was typed."""
    letters = "".join(each for each in code.lower() if each.isalnum())
    return "-".join(letters[start : start + 5] for start in range(0, len(letters), 5))


def _rows(session: Session, statement: Any) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)  # noqa: S101  (what an UPDATE always gives)
    return result.rowcount
