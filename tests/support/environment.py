"""The lock and `environment.yml`, which is made from it: one list of versions, in two forms.

`make lock` runs this as a program, in a fresh environment, to renew both files; a test compares
them.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

LOCK = Path("requirements.lock")
LAB_LOCK = Path("requirements-lab.lock")
ENVIRONMENT = Path("environment.yml")


def locked_versions() -> dict[str, str]:
    """Return every package in the lock and its version."""
    lines = LOCK.read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normal(name): version for name, version in pairs}


def direct_dependencies() -> list[str]:
    """Return the packages that pyproject.toml names."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return sorted(normal(re.match(r"[\w.-]+", entry).group()) for entry in named)


def normal(name: str) -> str:
    """Return a package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def environment() -> str:
    """Return what environment.yml must say: the direct dependencies at their locked versions."""
    versions = locked_versions()
    pins = "".join(f"      - {name}=={versions[name]}\n" for name in direct_dependencies())
    return (
        "# For conda and Binder; made from requirements.lock by `make lock`.\n"
        "name: metanet\n"
        "channels:\n  - conda-forge\n"
        "dependencies:\n  - python=3.11\n  - make\n  - pip\n  - pip:\n"
        "      - --constraint requirements.lock\n"
        f"{pins}      - --editable .\n"
    )


def freeze() -> str:
    """Return the versions installed beside this Python; a CPU build's suffix is left out."""
    command = [sys.executable, "-m", "pip", "freeze", "--all", "--exclude-editable"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [re.sub(r"\+.*", "", line) for line in output.splitlines()]
    kept = [line for line in lines if "==" in line and not line.startswith("pip==")]
    return "# Every package of the project, made by `make lock`.\n" + "\n".join(kept) + "\n"


def lab() -> str:
    """Return what is installed beside this Python beyond the lock: JupyterLab and its needs."""
    known = LOCK.read_text().splitlines()
    return (
        "# What JupyterLab needs beyond requirements.lock (`make lab` installs it, `make lock` "
        "renews it).\n" + "".join(f"{x}\n" for x in freeze().splitlines()[1:] if x not in known)
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["lab"]:
        LAB_LOCK.write_text(lab())
    else:
        LOCK.write_text(freeze())
        ENVIRONMENT.write_text(environment())
