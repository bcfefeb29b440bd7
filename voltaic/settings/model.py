"""The settings of one stack, in flat camelCase keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from voltaic import hardware, kubernetes_names
from voltaic.settings.decisive import LONGEST_MODEL, MODEL
from voltaic.settings.kinds import Boolean, Choice, Secret, Size, Text, Whole
from voltaic.settings.structures import Arguments, Labels, Toleration, Tolerations

if TYPE_CHECKING:
    from pydantic import ValidationInfo

MOST_TOKENS = 2**32 - 1
"""Tokens: the engine's messages count them in 32 bits (TGI v3.0.1 proto/v3/generate.proto, uint32)."""
MOST_REPLICAS = 2**31 - 1
"""Replicas of a Deployment: int32 (Kubernetes apps/v1)."""
MOST_SHARDS = 2**31 - 1
"""Shards: what any launcher can hold. A count that is merely wrong for this node is judged, with its reason."""

DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
DNS_NAME = rf"{DNS_LABEL}(\.{DNS_LABEL})*"
IMAGE = r"[a-z0-9][\w.-]*(:[0-9]{1,5})?(/[a-z0-9][\w.-]*)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?"


def _engines() -> tuple[str, ...]:
    from voltaic import engines  # noqa: PLC0415 - reads data files, only when asked

    return engines.deployable()


def _profiles() -> tuple[str, ...]:
    return tuple(profile.name for profile in hardware.profiles())


def _profile_form() -> str:
    models = ", ".join(gpu.name for gpu in hardware.gpu_models())
    return f"v100-2gpu, or a GPU model and its count in one node such as v100-16gb x2; GPU models: {models}"


def _profile(name: str) -> str | None:
    try:
        return hardware.profile(name).name
    except hardware.UnknownProfile:
        return None


def _gpus(info: ValidationInfo) -> int | None:
    name = info.data.get("profile")
    return hardware.profile(name).count if isinstance(name, str) else None


def _gpus_allowed(info: ValidationInfo) -> str:
    most = _gpus(info)
    if most is None:
        return "1 to the count of the profile"
    return f"1 to {most}" if most > 1 else "1"


def _tokens_allowed(info: ValidationInfo) -> str:
    context = _context(info.data.get("model"))
    return f"1 to {context or 'the context of the model'}, tokens"


def _context(model: object) -> int | None:
    from voltaic.models import known_model  # noqa: PLC0415 - reads the catalogue, only for a fault

    known = known_model(model) if isinstance(model, str) else None
    return known.architecture.max_positions if known else None


def _version_hint(text: str) -> str | None:
    if text.startswith("v"):
        return f"Set it with: pulumi config set engineVersion {text[1:]}"
    if text == "latest":
        return "latest changes under a running stack: name a release."
    return "Give all three numbers, in quotes in YAML."


def _image_hint(text: str) -> str | None:
    return "Leave out https://." if "://" in text else None


def _unquantized_hint(text: str) -> str | None:
    return "Serve without quantization with: pulumi config rm quantization" if text.lower() == "none" else None


_DTYPES = {"fp16": "float16", "half": "float16", "bf16": "bfloat16", "fp32": "float32", "float": "float32"}
_TOKENS = Whole(unit="tokens", most=MOST_TOKENS, describe=_tokens_allowed)
_VISIBLE = r"[!-~]+"
_STORAGE_CLASS = Text(form="the name of a StorageClass", pattern=DNS_NAME)
_BOOLEAN = Boolean()
_SIZE = Size()


class Settings(BaseModel):
    """What a stack file says. What is left out is None and derived from profile and model by the core."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
        strict=True,
    )

    profile: Annotated[
        str,
        Choice(
            words=_profiles,
            other_names={},
            normal=_profile,
            form=_profile_form,
        ),
    ] = Field(description="The GPUs of one node: a GPU model times a count, such as v100-2gpu.")
    model: Annotated[
        str,
        Text(
            form="a repository id such as mistralai/Mistral-7B-Instruct-v0.2, or an absolute path",
            pattern=MODEL,
            longest=LONGEST_MODEL,
        ),
    ] = Field(description="The model: a Hugging Face repository id, or a path inside the image or the model cache.")
    model_revision: Annotated[
        str | None, Text(form="a commit, tag or branch of the model repository", pattern=r"[\w][\w./-]*")
    ] = Field(default=None, description="Commit, tag or branch of the model repository. Default: its main branch.")

    engine: Annotated[str | None, Choice(words=_engines, other_names={"text-generation-inference": "tgi"})] = Field(
        default=None, description="The inference engine. Default: tgi."
    )
    engine_version: Annotated[
        str | None,
        Text(
            form="a release such as 3.0.1",
            pattern=r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}([.-][0-9A-Za-z.-]+)?",
            hint=_version_hint,
        ),
    ] = Field(default=None, description="Release of the engine. Default: the one proven for the profile's GPU.")
    image: Annotated[
        str | None,
        Text(
            form="name:tag, name@sha256:… or name:tag@sha256:…, such as registry.example/tgi:3.0.1",
            pattern=IMAGE,
            longest=512,
            hint=_image_hint,
        ),
    ] = Field(default=None, description="Image in place of the release's own, for a mirror. Default: of the release.")
    quantization: Annotated[
        str | None,
        Text(
            form="a method of the engine such as bitsandbytes", pattern=r"(?!none$)[a-z0-9-]+", hint=_unquantized_hint
        ),
    ] = Field(default=None, description="Quantization method of the engine. Default: none.")
    dtype: Annotated[str | None, Choice(words=lambda: ("float16", "bfloat16", "float32"), other_names=_DTYPES)] = Field(
        default=None, description="Data type of weights and cache. Default: float16 on a GPU without bfloat16."
    )
    gpus: Annotated[int | None, Whole(unit="GPUs", most=MOST_SHARDS, most_of=_gpus, describe=_gpus_allowed)] = Field(
        default=None, description="GPUs of one pod. Default: all of the profile."
    )
    shards: Annotated[int | None, Whole(unit="shards", most=MOST_SHARDS)] = Field(
        default=None,
        description="Tensor-parallel processes. Default: 1 where the GPU runs the layer split, else one a GPU.",
    )
    replicas: Annotated[int, Whole(unit="replicas", least=0, most=MOST_REPLICAS)] = Field(
        default=1, description="Pods that serve the model; 0 parks the server and keeps the cache."
    )

    max_input_tokens: Annotated[int | None, _TOKENS] = Field(
        default=None, description="Longest prompt of one request, tokens. Default: what fits."
    )
    max_total_tokens: Annotated[int | None, _TOKENS] = Field(
        default=None, description="Prompt and answer of one request together, tokens. Default: what fits."
    )
    max_batch_prefill_tokens: Annotated[int | None, _TOKENS] = Field(
        default=None, description="Prompt tokens read in one step over all requests, tokens. Default: what fits."
    )
    max_batch_total_tokens: Annotated[int | None, _TOKENS] = Field(
        default=None, description="Tokens of all running requests together, tokens. Default: what fits."
    )
    max_batch_size: Annotated[int | None, Whole(unit="requests", most=MOST_TOKENS)] = Field(
        default=None, description="Requests that run at the same time. Default: what fits."
    )
    extra_args: Annotated[tuple[str, ...], Arguments()] = Field(
        default=(), description="Further launcher arguments, passed on as they are and judged like the rest."
    )

    namespace: Annotated[str | None, Text(form="a DNS label such as team-a", pattern=DNS_LABEL, longest=63)] = Field(
        default=None, description="Kubernetes namespace. Default: that of the kubeconfig context."
    )
    create_namespace: Annotated[bool, _BOOLEAN] = Field(
        default=False, description="Create the namespace; needs rights over the whole cluster."
    )
    context: Annotated[str | None, Text(form="the name of a kubeconfig context", pattern=r"\S+")] = Field(
        default=None, description="Context of the kubeconfig. Default: its current one."
    )
    node_selector: Annotated[Mapping[str, str] | None, Labels()] = Field(
        default=None, description="Node labels to ask for in place of the GPU's usual product label."
    )
    tolerations: Annotated[tuple[Toleration, ...] | None, Tolerations()] = Field(
        default=None, description="Tolerations in place of the usual one for the GPU's resource name."
    )
    labels: Annotated[Mapping[str, str], Labels(reserved=kubernetes_names.OWN_LABELS)] = Field(
        default_factory=dict, description="Labels added to every object."
    )

    hf_token: Annotated[SecretStr | None, Secret(form="an access token, without spaces", pattern=_VISIBLE)] = Field(
        default=None, description="Hugging Face token, for gated models."
    )
    api_key: Annotated[SecretStr | None, Secret(form="printable text without spaces", pattern=_VISIBLE)] = Field(
        default=None, description="Key that the API asks for. Default: generated."
    )

    model_cache_size: Annotated[int | None, _SIZE] = Field(
        default=None, description="Size of the volume that keeps the weights, such as 100Gi. Default: from the profile."
    )
    model_cache_storage_class: Annotated[str | None, _STORAGE_CLASS] = Field(
        default=None, description="StorageClass of the model cache. Default: that of the cluster."
    )
    model_cache_ephemeral: Annotated[bool, _BOOLEAN] = Field(
        default=False, description="Keep the weights in the pod alone: every restart downloads them again."
    )
    model_cache_delete_on_destroy: Annotated[bool, _BOOLEAN] = Field(
        default=False, description="Delete the model cache with the stack; kept otherwise."
    )
    download_megabytes_per_second: Annotated[int | None, Whole(unit="megabytes a second", most=100_000)] = Field(
        default=None, description="Bandwidth to the model hub, for the time that a start may take. Default: assumed."
    )

    webui_enabled: Annotated[bool, _BOOLEAN] = Field(default=True, description="Run the chat page beside the server.")
    webui_version: Annotated[
        str | None, Text(form="a release such as 0.6.5", pattern=r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}")
    ] = Field(default=None, description="Release of Open WebUI. Default: the one that voltaic was tested with.")
    webui_image: Annotated[
        str | None, Text(form="name:tag, name@sha256:… or both", pattern=IMAGE, longest=512, hint=_image_hint)
    ] = Field(default=None, description="Image in place of Open WebUI's own, for a mirror.")
    webui_admin_email: Annotated[
        str, Text(form="an address such as admin@example.org", pattern=r"[^\s@]+@[^\s@]+\.[^\s@.]+")
    ] = Field(default="admin@voltaic.local", description="Login of the first administrator of the chat page.")
    webui_admin_password: Annotated[SecretStr | None, Secret(form="8 characters or more", pattern=r".{8,}")] = Field(
        default=None, description="Password of that administrator. Default: generated."
    )
    webui_data_size: Annotated[int, _SIZE] = Field(
        default=10 * 2**30, description="Size of the volume that keeps chats and uploads."
    )
    webui_storage_class: Annotated[str | None, _STORAGE_CLASS] = Field(
        default=None, description="StorageClass of the chat data. Default: that of the cluster."
    )
    webui_data_delete_on_destroy: Annotated[bool, _BOOLEAN] = Field(
        default=False, description="Delete the chat data with the stack; kept otherwise."
    )
    webui_network_storage: Annotated[bool | None, _BOOLEAN] = Field(
        default=None,
        description="The chat data lies on a network file system (NFS, CephFS, SMB). Default: by the class's name.",
    )
    webui_database_url: Annotated[
        SecretStr | None,
        Secret(form="a URL such as postgresql://user:password@host:5432/name", pattern=r"postgres(ql)?://[!-~]+"),
    ] = Field(default=None, description="PostgreSQL database for the chat data in place of a file on the volume.")

    allow_unknown: Annotated[bool, _BOOLEAN] = Field(
        default=False, description="Deploy what cannot be judged for want of facts; a refusal is never let through."
    )
