"""`voltaic models add`: the facts of a model that the catalogue does not have, from a hub or from a folder."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.command import Command
from cli.output import ACCEPT, UNKNOWN, fail, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voltaic.models.architecture import Architecture

SCHEMA = "voltaic/added-model/v1"
TOLERANCE = 0.05
"""Share by which the checkpoint may differ from what its shapes say, before something is not understood."""
_SNAPSHOT = re.compile(r"models--(?P<owner>[^/]+?)--(?P<name>[^/]+)")

HELP = """Add a model: read its config.json, safetensors headers and model card, and keep the facts as one file.

From a hub (HF_ENDPOINT, else huggingface.co; HF_TOKEN for gated ones) or from a folder as a download leaves it. Weights
are never read. The file goes to your own folder (VOLTAIC_MODELS, else voltaic/models under XDG_DATA_HOME), or with
--stack to models/ beside Pulumi.yaml, where everyone who works with the stack sees it. voltaic models remove undoes it.
"""
EXAMPLES = """\b
Examples:
  voltaic models add Qwen/Qwen2.5-7B-Instruct-1M
  voltaic models add ./downloads/my-model --id my-team/my-model --stack

Exit codes: 0 added, 2 it could not be, 3 its family is not known.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("add", cls=Command, help=HELP, epilog=EXAMPLES, short_help="Add a model, from a hub or a folder.")(add)


def add(
    source: Annotated[str, typer.Argument(metavar="ID|DIR", help="Repository id, or a folder with a config.json.")],
    *,
    revision: Annotated[
        str | None, typer.Option(metavar="R", help="Branch, tag or commit; the main branch unless given.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Id by which it will be known; for a folder.")
    ] = None,
    stack: Annotated[bool, typer.Option("--stack", help="Keep it in models/ beside Pulumi.yaml.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what is known of it; accept a size that its shapes do not explain.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the facts, write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one document on stdout.")] = False,
) -> None:
    """Add a model."""
    faults = _usage(source, revision, name, stack=stack)
    if faults:
        fail("models add", faults, as_json=as_json, usage=True)
    from voltaic.models import known_model

    folder = _folder(stack=stack)
    asked = known_model(name or source)
    if asked is not None and not force and not Path(source).is_dir():
        fail("models add", [f"{asked.id}: is known already ({asked.file}). Replace it with --force"], as_json=as_json)
    row = _row(source, revision, name, as_json=as_json)
    architecture = _architecture(row, as_json=as_json)
    _check_size(row, architecture, force=force, as_json=as_json)
    file = _write(row, folder, force=force, as_json=as_json, dry_run=dry_run)
    _show(row, file, source, as_json=as_json, dry_run=dry_run)
    raise typer.Exit(ACCEPT)


def _usage(source: str, revision: str | None, name: str | None, *, stack: bool) -> list[str]:
    from voltaic.models import catalogue_files as files

    faults = []
    is_folder = Path(source).is_dir()
    if not source.strip():
        return ["ID|DIR: empty; give a repository id, or a folder with a config.json"]
    if not is_folder and not files.is_id(source):
        what = "is no folder, and no repository id, which would be ORGANISATION/NAME"
        faults.append(f"{source}: {what}")
    if is_folder and revision is not None:
        faults.append("--revision: a folder has only one; leave it out")
    if not is_folder and name is not None:
        faults.append("--id: a repository keeps its own id; leave it out")
    if name is not None and not files.is_id(name):
        faults.append(f"--id: {name!r} is no id; ids are ORGANISATION/NAME, of letters, digits, '.', '_' and '-'")
    if stack and files.beside_stack(Path.cwd()) is None:
        faults.append("--stack: no Pulumi.yaml here or in a folder above")
    if not stack and files.own_folder() is None:
        faults.append("no folder of your own: HOME is not set. Set VOLTAIC_MODELS to one, or use --stack")
    return faults


def _folder(*, stack: bool) -> Path:
    from voltaic.models import catalogue_files as files

    found = files.beside_stack(Path.cwd()) if stack else files.own_folder()
    assert found is not None  # noqa: S101  _usage has said so otherwise
    return found


def _row(source: str, revision: str | None, name: str | None, *, as_json: bool) -> dict[str, Any]:
    """Return the facts as a file of the catalogue has them."""
    if Path(source).is_dir():
        return _from_folder(source, name, as_json=as_json)
    from cli.hub import HubFault, read_repository

    try:
        with _progress(source) as say:
            found = read_repository(source, revision, say)
    except HubFault as fault:
        fail("models add", [str(fault)], as_json=as_json)
    where = f"of {found.id} at {found.revision}"
    return {
        "id": found.id,
        "config": found.config,
        "license": found.license,
        "gated": found.gated,
        "chat_template": found.chat_template,
        "weights_bytes": found.weights_bytes,
        "largest_file_bytes": found.largest_file_bytes,
        "sources": {
            "config": {"text": f"config.json {where}", "confidence": "read"},
            "weights_bytes": {"text": f"safetensors headers {where}", "confidence": "read"},
            "access": {"text": f"model card {where}", "confidence": "read"},
        },
    }


@contextmanager
def _progress(source: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is being read; nothing elsewhere."""
    from rich.console import Console

    with Console(stderr=True, highlight=False).status(f"{source}: asking the hub") as status:
        yield lambda what: status.update(f"{source}: {what}")


def _from_folder(source: str, name: str | None, *, as_json: bool) -> dict[str, Any]:
    from voltaic.models import InvalidConfig, InvalidModelDir, model_dir

    try:
        found = model_dir(source)
    except InvalidConfig as invalid:
        fail("models add", invalid.faults, as_json=as_json)
    except InvalidModelDir as invalid:
        fail("models add", [str(invalid)], as_json=as_json)
    config = dict(found.config or {})
    model_id = name or _id_of(Path(source).resolve(), config)
    if model_id is None:
        fail("models add", [f"{source}: says no id of its own. Name it with: --id ORGANISATION/NAME"], as_json=as_json)
    where = f"of the folder {Path(source).resolve().name}"
    sources = {
        "config": {"text": f"config.json {where}", "confidence": "read"},
        "access": {"text": f"not said by config.json {where}", "confidence": "unverified"},
    }
    if found.weights_bytes is not None:
        sources["weights_bytes"] = {"text": f"index or headers {where}", "confidence": "read"}
    return {
        "id": model_id,
        "config": config,
        "license": "not stated",
        "gated": False,
        "chat_template": _has_template(Path(source)),
        "weights_bytes": found.weights_bytes,
        "largest_file_bytes": None,
        "sources": sources,
    }


def _id_of(folder: Path, config: dict[str, Any]) -> str | None:
    """Return the id that a folder tells: of a download cache its path, else what its configuration says."""
    from voltaic.models.catalogue_files import is_id

    cached = _SNAPSHOT.search(str(folder))
    told = f"{cached['owner']}/{cached['name']}" if cached else config.get("_name_or_path")
    return told if isinstance(told, str) and "/" in told and is_id(told) else None


def _has_template(folder: Path) -> bool | None:
    if any((folder / name).is_file() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    try:
        tokenizer = json.loads((folder / "tokenizer_config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return bool(tokenizer.get("chat_template")) if isinstance(tokenizer, dict) else None


def _architecture(row: dict[str, Any], *, as_json: bool) -> Architecture:
    from voltaic.models import InvalidConfig, UnknownArchitecture, read_config

    try:
        return read_config(row["config"], where=f"config.json of {row['id']}")
    except InvalidConfig as invalid:
        fail("models add", invalid.faults, as_json=as_json)
    except UnknownArchitecture as unknown:
        try:
            fail("models add", [f"{row['id']}: {unknown}"], as_json=as_json)
        except typer.Exit:
            raise typer.Exit(UNKNOWN) from unknown


def _check_size(row: dict[str, Any], architecture: Architecture, *, force: bool, as_json: bool) -> None:
    """Refuse a checkpoint whose size its shapes do not explain: one of the two is not understood."""
    from voltaic.models import checkpoint_bytes
    from voltaic.models.stored import DTYPE_BYTES
    from voltaic.units import gib

    stored, stated = checkpoint_bytes(architecture), row["weights_bytes"]
    if stored is None or stated is None or force:
        return
    # A tied head that is stored again, and a data type that config.json does not tell, are no surprise.
    head = architecture.vocab * architecture.hidden * 2
    plain = stored // DTYPE_BYTES[architecture.dtype] if architecture.quantization is None else None
    expected = [stored, stored + head] + ([plain * 2, plain * 2 + head, plain * 4] if plain is not None else [])
    if min(abs(stated - size) for size in expected) > TOLERANCE * stated:
        why = (
            f"{row['id']}: its tensors are {gib(stated)}, the shapes of its config.json mean {gib(stored)}: one of the "
            "two is not understood, and a bill would be wrong. Add it all the same with --force"
        )
        fail("models add", [why], as_json=as_json)


def _write(row: dict[str, Any], folder: Path, *, force: bool, as_json: bool, dry_run: bool) -> Path:
    """Write the file as a whole or not at all."""
    from voltaic.models import catalogue_files as files
    from voltaic.models import known, known_model

    file = folder / files.file_name(row["id"])
    existing = known_model(row["id"])
    if existing is not None and not force:
        fail(
            "models add",
            [f"{existing.id}: is known already ({existing.file}). Replace it with --force"],
            as_json=as_json,
        )
    if dry_run:
        return file
    import tempfile

    content = json.dumps(row, indent=2, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(content)
            Path(name).chmod(0o644)
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        fail("models add", [f"{file}: cannot be written: {error.strerror or error}"], as_json=as_json)
    known.forget()
    return file


def _show(row: dict[str, Any], file: Path, source: str, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json({"schema": SCHEMA, "written": not dry_run, "file": str(file), **row})
        return
    from cli.model_facts import billions
    from voltaic.models import parameter_count, read_config
    from voltaic.units import gib

    architecture = read_config(row["config"])
    size = "size not known" if row["weights_bytes"] is None else gib(row["weights_bytes"])
    if not Path(source).is_dir() and row["id"] != source:
        print(f"{source} is {row['id']} on the hub.")
    print(
        f"{'Would add' if dry_run else 'Added'} {row['id']}: {architecture.model_type}, "
        f"{billions(parameter_count(architecture))} parameters, {size}, licence {row['license']}"
        f"{', gated' if row['gated'] else ''}"
    )
    print(f"{'Not written' if dry_run else 'Written'}: {file}")
    if not dry_run:
        print(f"Undo with: voltaic models remove {row['id']}")
