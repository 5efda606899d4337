"""The certificate and key that the server is given, checked before anything is loaded."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

from voiceagent.config.settings import ServerSettings
from voiceagent.errors import VoiceAgentError


def require_tls(server: ServerSettings) -> None:
    """Raise VoiceAgentError for a certificate and key that cannot be served with; nothing where there are none."""
    if server.tls_cert is None or server.tls_key is None:
        return
    _read("tls_cert", server.tls_cert)
    if b"ENCRYPTED" in _read("tls_key", server.tls_key):
        raise _error(
            "tls_key", server.tls_key, "is encrypted; write it without a pass phrase: `openssl pkey -in ... -out ...`"
        )
    expires = expires_at(server.tls_cert)
    if expires < datetime.now(UTC):
        raise _error("tls_cert", server.tls_cert, f"expired on {expires:%Y-%m-%d}; renew it")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(server.tls_cert, server.tls_key)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            what = f"is not the key of the certificate in {server.tls_cert}; give the pair that was made together"
        else:
            what = f"is no private key in PEM that goes with {server.tls_cert} ({error.reason or error})"
        raise _error("tls_key", server.tls_key, what) from error


def expires_at(certificate: Path) -> datetime:
    """Return when a certificate expires. Raises VoiceAgentError where the file holds none."""
    from cryptography import x509  # only where there is a certificate

    try:
        return x509.load_pem_x509_certificate(_read("tls_cert", certificate)).not_valid_after_utc
    except ValueError as error:
        raise _error("tls_cert", certificate, "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)") from error


def _read(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _error(setting, path, f"cannot be read ({error.strerror})") from error


def _error(setting: str, path: Path, what: str) -> VoiceAgentError:
    return VoiceAgentError(f"server.{setting}: {path} {what}.")
