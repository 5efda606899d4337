"""Results as JUnit XML, as test reporters of CI read it."""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from voiceagent.errors import VoiceAgentError
from voiceagent.evals.report.terminal import details
from voiceagent.evals.suite import Result

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has not."""


def junit(results: Sequence[Result]) -> str:
    """Return the document."""
    suite = ElementTree.Element(
        "testsuite",
        name="voiceagent evaluate",
        tests=str(len(results)),
        failures=str(sum(not result.passed for result in results)),
        skipped=str(sum(result.skipped is not None for result in results)),
        errors="0",
        time=f"{sum(result.seconds for result in results):.3f}",
    )
    for result in results:
        name = result.name if result.number == 1 else f"{result.name} (repetition {result.number})"
        file = result.written.tree.origin.source
        case = ElementTree.SubElement(
            suite, "testcase", classname=Path(file).stem, name=name, file=file, time=f"{result.seconds:.3f}"
        )
        if result.skipped is not None:
            ElementTree.SubElement(case, "skipped", message=_text(result.skipped))
        elif not result.passed:
            failure = ElementTree.SubElement(case, "failure", message=_text("; ".join(result.failures)))
            failure.text = _text("\n".join(details(result)))
        if result.notes:
            ElementTree.SubElement(case, "system-out").text = _text("\n".join(result.notes))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def write(path: Path, text: str) -> None:
    """Write a report. Raises VoiceAgentError where it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise VoiceAgentError(f"Cannot write {path} ({error.strerror}); give a file in an existing folder.") from error


def _text(text: str) -> str:
    return _NO_XML.sub("?", text)
