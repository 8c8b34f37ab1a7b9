"""The secrets of one home: what signs, what hashes subjects, what seals a withdrawal's subject."""

from __future__ import annotations

from typing import Protocol


class Keyring(Protocol):
    """Three keys, created on first use, kept outside database and blob store in 0600 files.

    The signing key proves checkpoints, releases and certificates; the subject key turns a person's
    identifier into a pseudonym that can't be guessed back without it; a sealing key is made per
    withdrawal and destroyed when the erasure is done, so that what it sealed is gone for good.
    """

    @property
    def public_key_pem(self) -> bytes:
        """The Ed25519 public key, PEM, that verifies everything signed here."""
        ...

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the raw public key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature (RFC 8032) of `message`."""
        ...

    def subject_hash(self, field: str, value: str) -> str:
        """Return the keyed hash (HMAC-SHA-256, 32 hexadecimal digits) of `field=value`.

        Data sets that name the subject column differently share a subject by sharing the *field*
        (the declared subject, for instance `tailnum`).
        """
        ...

    def seal(self, name: str, secret: bytes) -> bytes:
        """Encrypt `secret` (AES-256-GCM) under a fresh key kept under `name`; idempotent per name."""
        ...

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """Return what `seal` sealed. Raises `NotFound` once the key has been shredded."""
        ...

    def shred(self, name: str) -> None:
        """Destroy the sealing key `name`: overwrite, sync, unlink. Absent keys are fine."""
        ...
