"""What an image is made of is listed in a form that scanners read."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "sbom"
STATUS = """\
Package: libgomp1
Status: install ok installed
Architecture: amd64
Source: gcc-12
Version: 12.2.0-14+deb12u1
Description: GCC OpenMP (GOMP) support library
 GOMP is an implementation of OpenMP.

Package: removed
Status: deinstall ok config-files
Architecture: all
Version: 1:1.0~rc1
"""


def components(*arguments: str) -> dict[str, dict]:
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    found = {component["bom-ref"]: component for component in document["components"]}
    assert len(found) == len(document["components"]), "each is named once"
    return found


def test_the_packages_of_the_interpreter_are_listed_with_versions_and_licences() -> None:
    from importlib.metadata import version

    numpy = components()[f"pkg:pypi/numpy@{version('numpy')}"]
    assert (numpy["name"], numpy["version"]) == ("numpy", version("numpy"))
    assert "BSD" in json.dumps(numpy["licenses"])


def test_debians_packages_are_listed_if_they_are_installed(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(STATUS)
    found = components("--debian", str(tmp_path / "status"))
    debian = {reference: component for reference, component in found.items() if reference.startswith("pkg:deb/")}
    assert list(debian) == ["pkg:deb/debian/libgomp1@12.2.0-14%2Bdeb12u1?arch=amd64"]
    assert [component["name"] for component in debian.values()] == ["libgomp1"]
