"""The Python environment: made from its lock, complete or not at all, and left alone while nothing changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolchain.setup import environment, pins, uv
from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from tests.toolchain.conftest import Checkout

#: Stands for uv: it makes an environment with the Python that it is told, and writes down what it is asked.
FAKE_UV = r"""#!/bin/sh
echo "$*" >> "$GO_LOG"
case "$1 $2" in
--version*) echo "uv ${FAKE_UV_VERSION:-0.9.1} (x 2026)" ;;
"venv "*)
    shift; while [ "$1" != --python ]; do shift; done
    python=$2
    for folder in "$@"; do :; done
    mkdir -p "$folder/bin" && printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" > "$folder/bin/python"
    chmod +x "$folder/bin/python" ;;
"pip $FAKE_UV_FAILS") echo "${FAKE_UV_FAULT:-no such package}" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def machine(checkout: Checkout) -> dict[str, str]:
    """A machine with uv; returns its environment."""
    checkout.program("uv", FAKE_UV)
    return checkout.environ | {"FAKE_UV_FAILS": ""}


def test_environment_is_made_from_the_lock(checkout: Checkout, machine: dict[str, str]) -> None:
    """Packages come with hashes from requirements.txt, are compiled once, and the project is installed as it lies."""
    environment.ensure(checkout.layout, machine)
    python = checkout.layout.python
    assert checkout.go_calls[1:] == [
        f"venv --quiet --python {environment.base_interpreter()} --no-python-downloads {checkout.layout.venv}",
        f"pip sync --python {python} --require-hashes --compile-bytecode requirements.txt",
        f"pip install --python {python} --no-deps --no-build-isolation --editable .",
    ]
    assert environment.is_current(checkout.layout, environment.base_interpreter())


def test_nothing_happens_while_nothing_changes(checkout: Checkout, machine: dict[str, str]) -> None:
    """The second set-up runs no program at all."""
    environment.ensure(checkout.layout, machine)
    checkout.log.unlink()
    environment.ensure(checkout.layout, machine | {"PATH": "/nowhere"})
    assert checkout.go_calls == []


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_changed_lock_is_installed(checkout: Checkout, machine: dict[str, str], name: str) -> None:
    """A changed lock or project is installed into the environment that is there."""
    environment.ensure(checkout.layout, machine)
    checkout.log.unlink()
    with (checkout.layout.root / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    environment.ensure(checkout.layout, machine)
    assert [call.split()[1] for call in checkout.go_calls[1:]] == ["sync", "install"]


def test_moved_checkout_is_installed_anew(checkout: Checkout, machine: dict[str, str]) -> None:
    """Scripts in an environment name its place: a checkout that was moved is not taken for set up."""
    environment.ensure(checkout.layout, machine)
    moved = type(checkout.layout)(checkout.layout.root.with_name("moved"), checkout.layout.cache)
    checkout.layout.root.rename(moved.root)
    assert not environment.is_current(moved, environment.base_interpreter())


def test_environment_of_another_python_is_made_anew(checkout: Checkout, machine: dict[str, str]) -> None:
    """An environment whose Python is gone or another is replaced."""
    environment.ensure(checkout.layout, machine)
    checkout.layout.python.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    (checkout.layout.venv / ".voltaic-stamp").unlink()
    checkout.log.unlink()
    environment.ensure(checkout.layout, machine)
    assert any(call.startswith("venv") for call in checkout.go_calls)


@pytest.mark.parametrize("step", ["sync", "install"])
def test_failed_installation_is_not_taken_for_done(checkout: Checkout, machine: dict[str, str], step: str) -> None:
    """When a package cannot be had, the message has the installer's words, and the next set-up tries again."""
    with pytest.raises(SetupError) as failure:
        environment.ensure(checkout.layout, machine | {"FAKE_UV_FAILS": step})
    assert str(failure.value) == (
        "the Python environment could not be made:\n  no such package\n"
        "mend what it says (most often the access to the package index), then run this again"
    )
    assert not environment.is_current(checkout.layout, environment.base_interpreter())
    environment.ensure(checkout.layout, machine)
    assert environment.is_current(checkout.layout, environment.base_interpreter())


def test_unknown_certificate(checkout: Checkout, machine: dict[str, str]) -> None:
    """Behind a proxy with a certificate of its own, the error names the variables that help."""
    fault = "cause: invalid peer certificate: UnknownIssuer"
    with pytest.raises(SetupError) as failure:
        environment.ensure(checkout.layout, machine | {"FAKE_UV_FAILS": "sync", "FAKE_UV_FAULT": fault})
    assert str(failure.value) == (
        f"the Python environment could not be made:\n  {fault}\nset UV_SYSTEM_CERTS=true (the machine's certificates) "
        "or SSL_CERT_FILE (a file of your own), then run this again"
    )


def test_missing_lock_is_said(checkout: Checkout, machine: dict[str, str]) -> None:
    """A checkout without its lock is reported with how to restore it."""
    (checkout.layout.root / "requirements.txt").unlink()
    with pytest.raises(SetupError, match=r"requirements\.txt; restore with `git checkout requirements\.txt`"):
        environment.ensure(checkout.layout, machine)


def test_sources_are_compiled(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's own packages are compiled, also where Python is told not to; a faulty file harms nobody else."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name, text in (("good", "x = 1\n"), ("bad", "x = = 1\n")):
        (checkout.layout.root / "voltaic").mkdir(exist_ok=True)
        (checkout.layout.root / "voltaic" / f"{name}.py").write_text(text, encoding="utf-8")
    environment.compile_sources(checkout.layout)
    compiled = {path.name.split(".")[0] for path in (checkout.layout.root / "voltaic").rglob("*.pyc")}
    assert compiled == {"good"}


def test_uv_of_the_user_is_used(checkout: Checkout, machine: dict[str, str]) -> None:
    """A uv on PATH that is new enough is used."""
    assert uv.find(checkout.layout, machine) == checkout.programs / "uv"


def test_old_uv_is_replaced(checkout: Checkout, machine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A uv that is too old is left alone, and the pinned one is installed into the checkout with pip, by its hash."""
    pip = checkout.program(
        "python-with-pip",
        '#!/bin/sh\necho "$*" >> "$GO_LOG"\nwhile [ "$1" != --target ]; do shift; done\n'
        'mkdir -p "$2/bin" && echo uv > "$2/bin/uv"\n',
    )
    monkeypatch.setattr(sys, "executable", str(pip))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    found = uv.find(checkout.layout, machine | {"FAKE_UV_VERSION": "0.6.17"})
    assert found.is_relative_to(checkout.layout.tools)
    assert "--require-hashes" in checkout.go_calls[-1]
    checkout.log.unlink()
    assert uv.find(checkout.layout, machine) == found
    assert checkout.go_calls == []


def test_uv_that_cannot_be_installed(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without uv and without the package index, the message says so, and nothing is left behind."""
    pip = checkout.program("python-with-pip", "#!/bin/sh\necho 'index does not answer' >&2\nexit 1\n")
    monkeypatch.setattr(sys, "executable", str(pip))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    with pytest.raises(SetupError, match="could not be installed with pip:\n  index does not answer"):
        uv.find(checkout.layout, checkout.environ)
    assert list(checkout.layout.tools.iterdir()) == []


@pytest.mark.parametrize(("upgrade", "option"), [(False, ""), (True, "--upgrade ")])
def test_lock(checkout: Checkout, machine: dict[str, str], upgrade: bool, option: str) -> None:  # noqa: FBT001
    """The lock is written for all systems with hashes and without the index's address; newer versions on request."""
    pins.lock(checkout.layout, machine, upgrade=upgrade)
    call = next(call for call in checkout.go_calls if "pyproject.toml" in call)
    assert call == (
        "pip compile --universal --generate-hashes --no-emit-index-url --quiet --python-version 3.11 --group dev"
        f" --output-file requirements.txt {option}pyproject.toml"
    )


def test_locks_in_the_repository_have_hashes_and_no_addresses() -> None:
    """Every pinned package has hashes, and no file names an index."""
    root = Path(__file__).parents[2]
    for path in (root / "requirements.txt", *(root / "toolchain" / "setup").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        blocks = [block for block in text.replace("\\\n", " ").splitlines() if "==" in block.split(";")[0]]
        assert blocks
        assert all("--hash=sha256:" in block for block in blocks), path
        assert "://" not in text, path


@pytest.mark.slow
def test_real_environment_of_nothing(tmp_path: Path, checkout: Checkout) -> None:
    """With the real uv: a checkout whose lock is one package gets an environment in which it can be imported."""
    real = uv.find(type(checkout.layout)(Path(__file__).parents[2], tmp_path), dict(os.environ))
    checkout.program("uv", f'#!/bin/sh\nexec "{real}" "$@"\n')
    root = checkout.layout.root
    lines = (root / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", "\\\0").splitlines()
    wanted = [
        line.replace("\0", "\n")
        for line in lines
        if line.split("==")[0] in {"hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers"}
    ]
    (root / "requirements.txt").write_text("\n".join(wanted) + "\n", encoding="utf-8")
    for name in ("README.md", "LICENSE"):
        (root / name).write_text("x\n", encoding="utf-8")
    (root / "cli").mkdir()
    (root / "cli" / "__init__.py").write_text("", encoding="utf-8")
    environment.ensure(checkout.layout, dict(os.environ) | {"PATH": checkout.environ["PATH"]})
    done = subprocess.run(
        [checkout.layout.python, "-c", "import hatchling, cli; print(cli.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout == f"{root}/cli/__init__.py\n"
    assert list(checkout.layout.venv.rglob("hatchling/__pycache__/*.pyc"))
