"""The server's token: where it is read, and whether a server needs one."""

import secrets
from ipaddress import ip_address

from voiceagent.config.settings import ServerSettings
from voiceagent.config.values import secret_token
from voiceagent.errors import VoiceAgentError


def read_token(server: ServerSettings) -> str | None:
    """Return the token, None for none. Raises VoiceAgentError for a file that cannot be read or holds no good one."""
    if server.token is not None or server.token_file is None:
        return server.token
    try:
        return secret_token(server.token_file.read_text().strip())
    except OSError as error:
        raise VoiceAgentError(f"server.token_file: {server.token_file} cannot be read ({error.strerror}).") from error
    except ValueError as error:  # not UTF-8, or no good token; the text of neither is told
        advice = f"it should hold a token of one line, such as {new_token()}"
        raise VoiceAgentError(f"server.token_file: {server.token_file} holds no good token: {advice}") from error


def new_token() -> str:
    """Return a token that nobody has seen."""
    return secrets.token_urlsafe(24)


def exposure(server: ServerSettings) -> str | None:
    """Return why others than this machine may reach the server, None where they cannot."""
    if not is_loopback(server.host):
        return f"server.host is {server.host}"
    if server.hosts:
        return f"server.hosts names {', '.join(server.hosts)}"
    return None


def require_guard(server: ServerSettings) -> None:
    """Raise VoiceAgentError where others may reach a server that asks nobody who they are."""
    why = exposure(server)
    if why and not server.open and read_token(server) is None:
        raise VoiceAgentError(
            f"{why}, so other machines can reach this server, and everyone who does could use it. Give it a token,"
            f" which its clients must know:\n  VOICEAGENT_TOKEN={new_token()} voiceagent serve ...\n"
            "or in a file of its own: --set server.token_file=FILE. If everybody who reaches it may come in (a proxy"
            " asks who they are, or the network is yours alone): --set server.open=true. See docs/security.md."
        )


def is_loopback(host: str) -> bool:
    """Return whether an address or name is of this machine alone; a name other than localhost is not."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback  # ::ffff:127.0.0.1 on a socket of both kinds
