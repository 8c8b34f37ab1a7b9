"""The secrets of one home: what signs, what hashes subjects, what seals a withdrawal's subject."""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from towpath.core.digests import canonical_json, digest_bytes
from towpath.core.errors import IntegrityError, NotFound, UsageError
from towpath.storage.files import disk_errors, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SECRET_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One signing key.

    Attributes:
        key_id: The first 16 hexadecimal digits of the SHA-256 of the raw public key.
        public_key_pem: What verifies its signatures.
        sign: Returns the 64-byte Ed25519 signature (RFC 8032) of a message.
    """

    key_id: str
    public_key_pem: bytes
    sign: Callable[[bytes], bytes]


class Keyring(Protocol):
    """Three keys, created on first use, kept outside database and blob store in 0600 files.

    The signing key proves checkpoints, releases and certificates; the subject key turns a person's
    identifier into a pseudonym that can't be guessed back without it; a sealing key is made per
    withdrawal and destroyed when the erasure is done, so that what it sealed is gone for good.

    The signing key may be replaced: a successor is `prepare`d, the log says so (`ledger.rotate_key`),
    and then it `succeed`s. Processes that hold the keyring open sign with the new one from then on.
    """

    @property
    def public_key_pem(self) -> bytes:
        """The Ed25519 public key, PEM, that verifies what is signed from now on."""
        ...

    @property
    def public_keys_pem(self) -> bytes:
        """That key, and after it all former ones: what verifies everything that was ever signed here."""
        ...

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the raw public key."""
        ...

    @property
    def origin(self) -> str:
        """The id of the first key there was: names the home and its log, and stays when keys go."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature (RFC 8032) of `message`."""
        ...

    def signer(self) -> Signer:
        """Return the present signing key, to say in what is signed whose signature it carries."""
        ...

    def prepare(self) -> Signer:
        """Return the successor of the signing key; made on the first call, and kept until it succeeds."""
        ...

    def succeed(self, key_id: str) -> None:
        """Make the prepared key the signing key, keep its predecessor's public half, destroy the rest.

        Idempotent, and safe to kill anywhere. Raises `NotFound` where no such key was prepared.
        """
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


class FileKeyring:
    """A keyring in a folder of its own, mode 0700.

    `signing.pem`, `subject.key`, `seals/`; of former signing keys the public halves in `former/`, by
    number; and `successor.pem` while a rotation is under way. Two processes that create it at the same
    moment end up with the same keys.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._seals = self._folder / "seals"
        self._former = self._folder / "former"
        self._signing = self._folder / "signing.pem"
        self._successor = self._folder / "successor.pem"
        with disk_errors(self._folder):
            for path in (self._folder, self._seals):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._once(self._signing, _fresh_signing_key)
            self._subject_key = self._once(self._folder / "subject.key", _fresh_secret)
        self._loaded: tuple[tuple[int, int], Signer] | None = None
        self.signer()

    @property
    def public_key_pem(self) -> bytes:
        """See `Keyring.public_key_pem`."""
        return self.signer().public_key_pem

    @property
    def public_keys_pem(self) -> bytes:
        """See `Keyring.public_keys_pem`."""
        return b"".join((self.public_key_pem, *reversed(self._former_keys())))

    @property
    def key_id(self) -> str:
        """See `Keyring.key_id`."""
        return self.signer().key_id

    @property
    def origin(self) -> str:
        """See `Keyring.origin`."""
        former = self._former_keys()
        return key_id_of(former[0]) if former else self.key_id

    def sign(self, message: bytes) -> bytes:
        """See `Keyring.sign`."""
        return self.signer().sign(message)

    def signer(self) -> Signer:
        """See `Keyring.signer`. Another process may have rotated: the file says which key it is."""
        with disk_errors(self._folder):
            stat = self._signing.stat()
            mark = (stat.st_ino, stat.st_mtime_ns)
            if self._loaded is None or self._loaded[0] != mark:
                self._loaded = (mark, _signer(self._signing))
        return self._loaded[1]

    def prepare(self) -> Signer:
        """See `Keyring.prepare`."""
        with disk_errors(self._folder):
            self._once(self._successor, _fresh_signing_key)
            return _signer(self._successor)

    def succeed(self, key_id: str) -> None:
        """See `Keyring.succeed`.

        The public half of the old key is kept first; one rename then is the change. The old key's
        bytes are overwritten after it, which a copy-on-write file system may not honour.
        """
        present = self.signer()
        if present.key_id == key_id:
            return
        with disk_errors(self._folder):
            if not self._successor.exists() or _signer(self._successor).key_id != key_id:
                if self.signer().key_id == key_id:  # another process was quicker
                    return
                raise NotFound(
                    f"no key {key_id} was prepared here",
                    remedy="Look in the log who rotated the key, and where its private half is kept.",
                )
            self._former.mkdir(mode=0o700, exist_ok=True)
            if present.public_key_pem not in self._former_keys():
                number = len(self._former_keys()) + 1
                kept = self._former / f"{number:06d}-{present.key_id}.pem"
                self._once(kept, lambda: present.public_key_pem)
            with self._signing.open("r+b") as old:
                self._successor.replace(self._signing)
                sync_folder(self._folder)
                old.write(bytes(os.fstat(old.fileno()).st_size))
                old.flush()
                os.fsync(old.fileno())

    def _former_keys(self) -> list[bytes]:
        """Return the public halves of former keys, oldest first."""
        if not self._former.is_dir():
            return []
        with disk_errors(self._former):
            return [path.read_bytes() for path in sorted(self._former.glob("[0-9]*.pem"))]

    def subject_hash(self, field: str, value: str) -> str:
        """See `Keyring.subject_hash`. The JSON pair keeps `a`+`bc` apart from `ab`+`c`."""
        message = canonical_json([field, value])
        return hmac.digest(self._subject_key, message, "sha256").hex()[:32]

    def seal(self, name: str, secret: bytes) -> bytes:
        """See `Keyring.seal`.

        The nonce is derived from key and secret, so that sealing the same secret again gives the same
        bytes, and two secrets under one name never share a nonce.
        """
        with disk_errors(self._seals):
            key = self._once(self._seal_path(name), _fresh_secret)
        nonce = hmac.digest(key, secret, "sha256")[:_NONCE_BYTES]
        return nonce + AESGCM(key).encrypt(nonce, secret, name.encode())

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """See `Keyring.unseal`."""
        with disk_errors(self._seals):
            try:
                key = self._seal_path(name).read_bytes()
            except FileNotFoundError as error:
                raise NotFound(
                    f"the sealing key {name!r} is gone",
                    remedy="It was shredded, so what it sealed can't be read by anybody any more.",
                ) from error
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError) as error:
            raise IntegrityError(f"what was sealed under {name!r} has been changed") from error

    def shred(self, name: str) -> None:
        """See `Keyring.shred`."""
        path = self._seal_path(name)
        with disk_errors(self._seals):
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return
            try:
                os.write(fd, bytes(os.fstat(fd).st_size))
                os.fsync(fd)
            finally:
                os.close(fd)
            path.unlink(missing_ok=True)
            sync_folder(self._seals)

    def _seal_path(self, name: str) -> Path:
        return self._seals / f"{digest_bytes(name.encode())}.key"

    def _once(self, path: Path, make: Callable[[], bytes]) -> bytes:
        """Return the file's content, made first if it is not there; the first maker wins."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            pass
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, make())
            os.fsync(fd)
            with suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            os.close(fd)
            temporary.unlink()
        sync_folder(path.parent)
        return path.read_bytes()


def key_id_of(public_key_pem: bytes) -> str:
    """Return the id by which what a key has signed names it."""
    return digest_bytes(_public_keys(public_key_pem)[0].public_bytes_raw())[:16]


def _signer(path: Path) -> Signer:
    key = _load_signing_key(path.read_bytes(), path)
    public = key.public_key()
    return Signer(
        key_id=digest_bytes(public.public_bytes_raw())[:16],
        public_key_pem=public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        sign=key.sign,
    )


def _fresh_signing_key() -> bytes:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _fresh_secret() -> bytes:
    return secrets.token_bytes(_SECRET_BYTES)


def _load_signing_key(pem: bytes, path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise IntegrityError(
            f"{path} is not a private key",
            remedy="Restore it from a backup: without it nothing signed so far can be continued.",
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise IntegrityError(f"{path} is not an Ed25519 key")
    return key


def verify_signature(public_key_pem: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` is the key's over `message`; needs nothing but the public key.

    The text may hold several keys, one after the other: then any of them will do.
    """
    return any(_has_signed(key, message, signature) for key in _public_keys(public_key_pem))


def _has_signed(key: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _public_keys(text: bytes) -> list[Ed25519PublicKey]:
    end = b"-----END PUBLIC KEY-----"
    keys: list[Ed25519PublicKey] = []
    for part in text.split(end)[:-1] or [text]:
        try:
            key = load_pem_public_key(part.strip() + b"\n" + end + b"\n")
        except ValueError as error:
            raise UsageError("the public key is not in PEM form") from error
        if not isinstance(key, Ed25519PublicKey):
            raise UsageError("the public key is not an Ed25519 key")
        keys.append(key)
    return keys
