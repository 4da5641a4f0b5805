"""How somebody proved who it is: the words of a session's ``factors``, joined by "+".

A session is whole when one of them stands for a second factor. ``password`` and ``oidc`` alone do
not; ``passkey`` does alone, because a passkey is held and opened by a finger, a face or a PIN.
"""

# mfa: the organisation's own sign-on vouched for a second factor. demo: the demo's one button.
WHOLE = frozenset({"demo", "mfa", "passkey", "recovery", "totp"})


def is_whole(factors: str) -> bool:
    """Return whether a session with these factors may see and do more than prove another."""
    return not WHOLE.isdisjoint(factors.split("+"))


def joined(factors: str, kind: str) -> str:
    """Return the factors of a session in which another one was proven."""
    known = factors.split("+")
    return factors if kind in known else "+".join([*known, kind])
