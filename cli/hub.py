"""What a model hub says of a repository: configuration, headers and model card. Weights are never read.

The endpoint is `HF_ENDPOINT`, else the hub of Hugging Face. The token is read by the library, from `HF_TOKEN` or where
its own log-in keeps it, and goes to the endpoint alone. What a server answers to a refusal is never repeated: it has
seen the token.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from huggingface_hub import HfApi, ModelInfo

MOST_BYTES = 16 * 2**20
"""Bytes of a configuration file that is fetched."""
MOST_FILES = 1024
"""Weights files of one repository whose headers are read."""
TIMEOUT = 30.0
"""Seconds that a server may take to begin its answer."""
SHORT_TIMEOUT = 5.0
"""The same where the answer is only one of many."""
_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_QUANTIZERS = (("quantize_config.json", "gptq"), ("quant_config.json", "awq"))
_TEMPLATES = ("chat_template.jinja", "chat_template.json")


class HubFault(Exception):  # noqa: N818  named for what it says
    """Why a repository could not be read, and what to do."""


@dataclass(frozen=True, slots=True)
class Repository:
    """What a repository says without its weights."""

    id: str
    """As the hub spells it, which may differ from what was asked."""
    revision: str
    """Commit."""
    config: dict[str, Any]
    """`config.json`, with the quantizer's own file as `quantization_config` where it has none."""
    license: str
    gated: bool
    chat_template: bool | None
    weights_bytes: int
    """Bytes of all tensors, from the headers of the files that engines load."""
    largest_file_bytes: int | None


def read_repository(model_id: str, revision: str | None, say: Callable[[str], None]) -> Repository:
    """Read a repository.

    Args:
        model_id: repository id.
        revision: commit, branch or tag; None: the main branch.
        say: is told what is being done.

    Raises:
        HubFault: with the reason and the way out.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    with _explained(model_id, revision), tempfile.TemporaryDirectory(prefix="voltaic-") as folder:
        api = HfApi(endpoint=_endpoint(), library_name="voltaic")
        say("model card")
        info = api.model_info(model_id, revision=revision, files_metadata=True, timeout=TIMEOUT)
        return _Reader(api, info, Path(folder), say).read()


def gated(model_id: str, revision: str | None) -> bool:
    """Return whether the hub lets in only accounts that it knows; one that was let in hears so too.

    Raises:
        HubFault: with the reason and the way out.
    """
    from huggingface_hub import HfApi

    with _explained(model_id, revision):
        info = HfApi(endpoint=_endpoint(), library_name="voltaic").model_info(
            model_id, revision=revision, timeout=SHORT_TIMEOUT
        )
    return bool(info.gated)


class _Reader:
    """Reads one commit of a repository."""

    def __init__(self, api: HfApi, info: ModelInfo, folder: Path, say: Callable[[str], None]) -> None:
        self.api = api
        self.info = info
        self.folder = folder
        self.say = say
        self.sizes = {file.rfilename: file.size for file in info.siblings or ()}

    def read(self) -> Repository:
        config = self._json("config.json")
        if config is None:
            other = " It has params.json, which other programs read." if "params.json" in self.sizes else ""
            raise HubFault(f"{self.info.id}: has no config.json, which holds the shapes of the model.{other}")
        if config.get("quantization_config") is None:
            config = {**config, **self._quantizer()}
        weights, files = self._weights()
        sizes = [self.sizes.get(file) for file in files]
        known = [size for size in sizes if size is not None]
        return Repository(
            id=self.info.id,
            revision=self.info.sha or "main",
            config=config,
            license=self._license(),
            gated=bool(self.info.gated),
            chat_template=self._chat_template(),
            weights_bytes=weights,
            largest_file_bytes=max(known) if known and len(known) == len(sizes) else None,
        )

    def _json(self, name: str) -> dict[str, Any] | None:
        """Return the object that a file of the repository holds; None where there is no such file."""
        if name not in self.sizes:
            return None
        self.say(name)
        if (self.sizes[name] or 0) > MOST_BYTES:
            raise HubFault(f"{self.info.id}: {name} is larger than {MOST_BYTES // 2**20} MiB; no configuration is.")
        path = self.api.hf_hub_download(
            self.info.id, name, revision=self.info.sha, cache_dir=self.folder, etag_timeout=TIMEOUT
        )
        try:
            found = json.loads(Path(path).read_bytes())
        except (ValueError, RecursionError) as error:
            raise HubFault(f"{self.info.id}: {name} is not JSON.") from error
        if not isinstance(found, dict):
            raise HubFault(f"{self.info.id}: {name} holds no object.")
        return found

    def _quantizer(self) -> dict[str, Any]:
        for name, method in _QUANTIZERS:
            content = self._json(name)
            if content is not None:
                return {"quantization_config": {"quant_method": method, **content}}
        return {}

    def _weights(self) -> tuple[int, list[str]]:
        """Return the bytes of all tensors that engines load, and the files that hold them."""
        files = self._weights_files()
        total = 0
        for number, file in enumerate(files, start=1):
            self.say(f"header {number} of {len(files)}")
            header = self.api.parse_safetensors_file_metadata(
                self.info.id, file, revision=self.info.sha, timeout=TIMEOUT
            )
            spans = [tensor.data_offsets for tensor in header.tensors.values()]
            if any(not 0 <= start <= end <= 2**50 for start, end in spans):
                raise HubFault(f"{self.info.id}: the header of {file} names tensors that cannot be.")
            total += sum(end - start for start, end in spans)
        return total, files

    def _weights_files(self) -> list[str]:
        index = self._json(_INDEX) if _SINGLE not in self.sizes else None
        if index is not None:
            named = index.get("weight_map")
            files = sorted({str(name) for name in named.values()}) if isinstance(named, dict) else []
            if not files or any(name not in self.sizes for name in files) or len(files) > MOST_FILES:
                raise HubFault(f"{self.info.id}: {_INDEX} names weights files that are not there.")
            return files
        if _SINGLE in self.sizes:
            return [_SINGLE]
        # Quantizers name their one file after themselves; Mistral's consolidated copy repeats the tensors.
        other = [
            name
            for name in self.sizes
            if name.endswith(".safetensors") and "/" not in name and not name.startswith("consolidated")
        ]
        if len(other) == 1:
            return other
        raise HubFault(
            f"{self.info.id}: has no weights in safetensors whose sizes could be read"
            f"{self._instead()}. Download it, and give the folder: voltaic models add DIR"
        )

    def _instead(self) -> str:
        kinds = {"GGUF": ".gguf", "PyTorch files": ".bin", "checkpoints": ".pt"}
        found = [kind for kind, ending in kinds.items() if any(name.endswith(ending) for name in self.sizes)]
        return f", only {' and '.join(found)}" if found else ""

    def _license(self) -> str:
        card = self.info.card_data
        stated = card.get("license") if card is not None else None
        if stated == "other":
            stated = card.get("license_name") or stated if card is not None else stated
        if isinstance(stated, list):
            stated = ", ".join(str(name) for name in stated)
        tags = [tag.removeprefix("license:") for tag in self.info.tags or () if tag.startswith("license:")]
        return str(stated or (tags[0] if tags else "not stated"))

    def _chat_template(self) -> bool | None:
        if any(name in self.sizes for name in _TEMPLATES):
            return True
        tokenizer = self._json("tokenizer_config.json")
        return None if tokenizer is None else bool(tokenizer.get("chat_template"))


@contextmanager
def _explained(model_id: str, revision: str | None) -> Iterator[None]:
    """Turn what the library raises into one sentence with a way out."""
    from huggingface_hub import errors

    network: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]  # of whichever client it is built on
    token = "set HF_TOKEN to the token of an account that was let in"  # noqa: S105  a sentence
    try:
        yield
    except errors.GatedRepoError as error:
        raise HubFault(
            f"{model_id}: is gated, and this account was not let in. Accept its terms at its page on the hub, then "
            f"{token}."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise HubFault(f"{model_id}: has no revision {revision!r}. Name a branch, tag or commit of it.") from error
    except errors.RepositoryNotFoundError as error:
        raise HubFault(
            f"{model_id}: the hub has no such repository, or it is private. Check its spelling. If private, {token}."
        ) from error
    except (errors.NotASafetensorsRepoError, errors.SafetensorsParsingError) as error:
        raise HubFault(f"{model_id}: a header of its safetensors files cannot be read.") from error
    except errors.HFValidationError as error:
        raise HubFault(f"{model_id}: is no repository id; ids are ORGANISATION/NAME.") from error
    except errors.OfflineModeIsEnabled as error:
        raise HubFault("HF_HUB_OFFLINE is set, so the hub is not asked. Unset it, or add a folder.") from error
    except errors.HfHubHTTPError as error:
        raise HubFault(_refused(model_id, error, token)) from error
    except (network, errors.LocalEntryNotFoundError, OSError) as error:
        raise HubFault(
            f"{model_id}: {_endpoint()} cannot be reached ({type(error).__name__}). Where there is no network, add a "
            "folder with its config.json: voltaic models add DIR"
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise HubFault(f"{model_id}: the hub's answer cannot be understood ({type(error).__name__}).") from error


def _endpoint() -> str:
    """Return the hub's address.

    Raises:
        HubFault: HF_ENDPOINT is no address.
    """
    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    if not endpoint.startswith(("https://", "http://")) or "@" in endpoint or not endpoint.isprintable():
        raise HubFault("HF_ENDPOINT: is no address such as https://huggingface.co")
    return endpoint


def _refused(model_id: str, error: Any, token: str) -> str:
    status = error.response.status_code if error.response is not None else None
    if status in {401, 403}:
        return f"{model_id}: the hub answered {status}: access is refused. Where it is yours to read, {token}."
    return f"{model_id}: the hub answered {status or 'nothing'}. Try again later."
