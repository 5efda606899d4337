"""Where calibrations are kept: one JSON file per device, in `configs/calibration/` or the user's cache folder.

The shipped folder is taken where it can be written, as in a checkout; else the user's, which is also looked at first.
"""

import json
import os
import re
import sys
from pathlib import Path

from pydantic import ValidationError

from voiceagent.app.calibration.form import FORM, Calibration, Calibrations
from voiceagent.config.files import shipped
from voiceagent.errors import VoiceAgentError

FOLDER = "calibration"


def folders() -> tuple[Path, Path]:
    """Return where calibrations are looked for: the user's folder, and the one that comes with voiceagent."""
    caches = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    own = Path(os.environ.get("XDG_CACHE_HOME") or caches) / "voiceagent" / FOLDER
    return own, shipped() / FOLDER


def file_name(device: str) -> str:
    """Return the name of the device's file."""
    return re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-") + ".json"


def default_place(device: str) -> Path:
    """Return the file that a new calibration of this device is written to."""
    own, common = folders()
    there = common if common.exists() else common.parent
    return (common if os.access(there, os.W_OK) else own) / file_name(device)


def load(path: Path) -> Calibrations:
    """Read a file. Raises VoiceAgentError when it is missing or malformed."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(data, dict) and data.get("form") != FORM:
            raise VoiceAgentError(_broken(path, f"it has the form {data.get('form')}, and this version writes {FORM}"))
        return Calibrations.model_validate(data)
    except OSError as error:
        raise VoiceAgentError(f"The calibration {path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise VoiceAgentError(_broken(path, f"{where}: {first['msg']}" if where else first["msg"])) from error
    except ValueError as error:  # no UTF-8, no JSON
        raise VoiceAgentError(_broken(path, str(error))) from error


def require_place(path: Path, device: str) -> None:
    """Check, before minutes of measuring, that the result can be written there. Raises VoiceAgentError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(13, "it may not be written")
    except OSError as error:
        raise VoiceAgentError(f"Cannot write {path} ({error.strerror}): give another file with -o.") from error
    if path.exists() and (other := load(path).device) != device:
        raise VoiceAgentError(f"{path} is about another device, {other}, and this is {device}: give another file.")


def keep(path: Path, device: str, calibration: Calibration) -> None:
    """Write a calibration to the device's file, in place of an older one of the same settings."""
    older = load(path).calibrations if path.exists() else ()
    others = [one for one in older if one.settings != calibration.settings]
    text = Calibrations(device=device, calibrations=(*others, calibration)).model_dump_json(indent=2)
    on_one_line = re.sub(r"\[\s*([-+.\de,\s]*?)\s*\]", lambda found: f"[{' '.join(found[1].split())}]", text)
    part = path.with_suffix(".part")
    part.write_text(on_one_line + "\n", encoding="utf-8")
    part.replace(path)


def _broken(path: Path, why: str) -> str:
    return f"The calibration {path} cannot be used ({why}): delete it, and run `voiceagent calibrate` again."
