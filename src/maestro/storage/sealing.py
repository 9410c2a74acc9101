"""Secrets that have to be read again, sealed with a key that is not in the database."""

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from maestro.errors import StorageUnavailable

_NONCE_BYTES = 12


class SecretBox:
    """AES-256-GCM; `about` ties a text to what it belongs to, so none can be moved elsewhere."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, about: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(
            nonce + self._cipher.encrypt(nonce, secret, about.encode())
        ).decode()

    def unseal(self, text: str, about: str) -> bytes:
        """Raises StorageUnavailable where another key sealed it, or it was changed."""
        try:
            raw = base64.b64decode(text, validate=True)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError):
            raise StorageUnavailable(
                f"a secret of {about!r} cannot be read: it was sealed with another key; machines "
                "that share a database need the same MAESTRO_AUDIT_KEY"
            ) from None


def webhook_box(audit_key: bytes) -> SecretBox:
    """Its key is made of the one that seals the audit log."""
    return SecretBox(hmac.new(audit_key, b"webhook secrets", hashlib.sha256).digest())
