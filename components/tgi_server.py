"""The inference server: Text Generation Inference, judged before any object of it exists."""

# No `from __future__ import annotations` here: Pulumi makes a schema of components from their annotations, and cannot
# read them as text (pulumi 3.259.0 provider/experimental/analyzer.py).

import shlex
from dataclasses import fields
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import core
from pydantic.alias_generators import to_camel

from components import commands, network, refusal, secret_values, storage
from components.deployment import CACHE, Made, Server, deployment
from components.names import Owner, name_of
from voltaic import document, hardware, hidden, host, judge, models, settings, units
from voltaic.engines.tgi import deployment as images
from voltaic.memory.bill import Bill
from voltaic.spec import ServingSpec
from voltaic.verdict import Verdict

HUGGING_FACE_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Both: releases before 2.1.0 read the second name only."""
API_KEY_VARIABLE = "API_KEY"
NOT_SETTINGS = ("namespace", "hf_token", "api_key")
"""Arguments that may be promises, and are not read as settings."""


class TGIServerArgs(TypedDict):
    """What is served, on what, and within which limits; in the words of the stack's configuration.

    Everything but secrets and namespace is plain: the verdict needs values, not promises of them.
    """

    profile: str
    model: str
    model_revision: NotRequired[str]
    engine: NotRequired[str]
    engine_version: NotRequired[str]
    image: NotRequired[str]
    quantization: NotRequired[str]
    dtype: NotRequired[str]
    gpus: NotRequired[int]
    shards: NotRequired[int]
    replicas: NotRequired[int]
    max_input_tokens: NotRequired[int]
    max_total_tokens: NotRequired[int]
    max_batch_prefill_tokens: NotRequired[int]
    max_batch_total_tokens: NotRequired[int]
    max_batch_size: NotRequired[int]
    extra_args: NotRequired[list[str]]
    node_selector: NotRequired[dict[str, str]]
    tolerations: NotRequired[list[dict[str, str]]]
    labels: NotRequired[dict[str, str]]
    model_cache_size: NotRequired[str]
    """Kubernetes quantity: `100Gi`."""
    model_cache_storage_class: NotRequired[str]
    model_cache_ephemeral: NotRequired[bool]
    model_cache_delete_on_destroy: NotRequired[bool]
    download_megabytes_per_second: NotRequired[int]
    allow_unknown: NotRequired[bool]
    webui_enabled: NotRequired[bool]
    """Whether a chat page will ask this server; a release without `/v1` routes is refused then. Absent: no."""
    context: NotRequired[str]
    """Context of the kubeconfig, to ask why a pod does not start; absent: the current one."""
    namespace: pulumi.Input[str]
    hf_token: NotRequired[pulumi.Input[str]]
    api_key: NotRequired[pulumi.Input[str]]
    """Absent: generated."""


SECRET_ARGS = ("hf_token", "api_key")
"""Arguments that never stand in the component's own properties, which policies read in plain text."""


class TGIServer(pulumi.ComponentResource):
    """TGI in a Deployment, with its model cache, its secrets and its Service.

    The component registers itself with what decides whether it starts, so that a policy pack can judge it before any
    object of it exists. Without a pack it asks the same judge itself.
    """

    url: pulumi.Output[str]
    """Address inside the cluster."""
    service: pulumi.Output[str]
    model: pulumi.Output[str]
    """Name under which it serves the model."""
    api_key: pulumi.Output[str | None]
    """Key that the API asks for; None where the release cannot ask for one."""
    launcher_command: pulumi.Output[str]
    """What the container runs, as a shell takes it."""

    def __init__(self, name: str, args: TGIServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the server and, if the judge lets it through, its objects.

        Args:
            name: logical name, and the first part of every object's name.
            args: what is served, on what, and within which limits.
            opts: options of the component.

        Raises:
            pulumi.RunError: the arguments are not valid, or this server would not start. Nothing is created then, and
                what runs stays as it is.
        """
        server = read(name, args)
        judged = judge(server.spec)
        super().__init__("voltaic:index:TGIServer", name, properties(server, judged), opts)
        # Only now: Pulumi makes an output of every property, under its name.
        self.server, self.judged = server, judged
        # Raised after the registration: policies have seen it, and objects that are merely left out would be deleted.
        with_page = bool(args.get("webui_enabled"))
        problem = refusal.refusal(judged, allow_unknown=server.settings.allow_unknown, with_page=with_page)
        page = refusal.no_chat(server.spec.release) if with_page and not server.facts.chat_completions else None
        if problem or page:
            raise pulumi.RunError("\n".join(text for text in (problem, page) if text))
        for warning in warnings(server):
            pulumi.log.warn(warning, self)

        owner = Owner(self, name, "inference", args["namespace"], server.settings.labels)
        # Kept even beside a key of one's own, to come back to.
        generated = secret_values.generated(owner, "api-key")
        variables = _secrets(owner, server, args, generated)
        account = network.service_account(owner)
        claimed = None if server.settings.model_cache_ephemeral else name_of(_cache(owner, server))
        network.service(owner)
        network.own_namespace_only(owner)
        if server.settings.replicas > 1:
            network.one_pod_at_a_time(owner)
        deployment(owner, server, Made(name_of(account), claimed, variables, generated))

        key = variables.get(API_KEY_VARIABLE)
        self.kubernetes_name = owner.name
        self.address = f"http://{owner.name}:{network.PORT}"
        self.url = pulumi.Output.format("http://{0}.{1}.svc:{2}", owner.name, args["namespace"], network.PORT)
        self.service = pulumi.Output.from_input(owner.name)
        self.model = pulumi.Output.from_input(str(server.spec.model.id))
        self.api_key = pulumi.Output.secret(key.value) if key else pulumi.Output.from_input(None)
        self.launcher_command = pulumi.Output.from_input(launcher_command(server.spec))
        self.register_outputs(
            {
                "url": self.url,
                "service": self.service,
                "model": self.model,
                "api_key": self.api_key,
                "launcher_command": self.launcher_command,
            }
        )


def read(name: str, args: TGIServerArgs) -> Server:
    """Return what the arguments mean.

    Raises:
        pulumi.RunError: they are not valid, with every fault; or they show a secret.
    """
    values: dict[str, Any] = {to_camel(key): value for key, value in args.items() if key not in NOT_SETTINGS}
    values |= {to_camel(key): hidden.HIDDEN for key in SECRET_ARGS if key in args}
    try:
        chosen = settings.read(values, where=name)
        spec = settings.serving_spec(chosen)
        plan = host.plan(chosen, spec, where=name)
    except settings.InvalidSettings as error:
        raise pulumi.RunError(str(error)) from None
    options = [word.partition("=")[0] for word in chosen.extra_args if word.startswith("-")]
    open_secrets = [option for option in options if hidden.is_secret(option)]
    if open_secrets:
        raise pulumi.RunError(
            f"{name}: extraArgs holds {', '.join(open_secrets)}, and would show a secret to everybody who may see the "
            f"pod or the state. Leave it out; the key of the API is set with: {commands.to_hide('apiKey')}"
        )
    facts = images.deployment(spec.release.version, spec.gpu.vendor if spec.gpu else "nvidia")
    profile = hardware.profile(chosen.profile)
    return Server(
        settings=chosen,
        spec=spec,
        gpu=profile.gpu,
        gpus=spec.gpus or profile.count,
        plan=plan,
        facts=facts,
        image=chosen.image or facts.image,
        profile=profile.name,
    )


def properties(server: Server, verdict: Verdict) -> dict[str, Any]:
    """Return the component's own properties: plain, resolved, and free of secrets, for policies to judge."""
    plan = server.plan
    return {
        "spec": document.line_from_spec(server.spec),
        "settings": settings.Stack.of(server.settings).values(),
        "allowUnknown": server.settings.allow_unknown,
        "verdict": verdict.verdict,
        "memory": verdict.bill.document() if isinstance(verdict.bill, Bill) else {},
        "profile": server.profile,
        "image": server.image,
        "replicas": server.settings.replicas,
        "host": {figure.name: getattr(plan, figure.name).value for figure in fields(plan)},
    }


def warnings(server: Server) -> list[str]:
    """Return what works but is worth knowing before it is deployed."""
    chosen, spec, facts = server.settings, server.spec, server.facts
    known = models.known_model(str(spec.model.id))
    found = []
    if chosen.model_cache_ephemeral:
        found.append(
            "modelCacheEphemeral: the weights end with the pod, and every start downloads "
            f"{units.gib(server.plan.download.value)} again while it holds the GPUs."
        )
    elif chosen.replicas > 1:
        found.append(
            f"replicas: {chosen.replicas} pods share a model cache that one node at a time can mount; a pod on another "
            f"node waits for it. Take one node for all, or: {commands.to_set('modelCacheEphemeral', value=True)}"
        )
    if known is not None and known.gated and chosen.hf_token is None:
        found.append(
            f"{spec.model.id} is gated: the download ends with 401 without a token of an account that was let in. "
            f"Set it with: {commands.to_hide('hfToken')}"
        )
    if facts.root_because is not None:
        found.append(
            f"{spec.release} runs as root, since {facts.root_because}: a namespace that enforces Pod Security "
            "`restricted` refuses its pods. Another release with: "
            f"{commands.to_choose('engineVersion', 'VERSION')}"
        )
    if not facts.api_key:
        found.append(f"{spec.release} cannot ask for a key: every pod of the namespace may use the API.")
    return found


def launcher_command(spec: ServingSpec) -> str:
    """Return environment and arguments as one line for a shell; values that come from Secrets are left out."""
    environment = [f"{name}={value}" for name, value in sorted(spec.command.env.items()) if value is not None]
    return shlex.join([*environment, "text-generation-launcher", *spec.command.args])


def _cache(owner: Owner, server: Server) -> core.v1.PersistentVolumeClaim:
    """Return the volume that keeps the weights, with a warning where one that exists cannot hold them."""
    stated = server.settings.model_cache_size is not None
    claim = storage.claim(
        owner,
        CACHE,
        size=server.plan.cache.value,
        size_key="modelCacheSize",
        size_is_stated=stated,
        storage_class=server.settings.model_cache_storage_class,
        keep=not server.settings.model_cache_delete_on_destroy,
        context=server.settings.context,
    )
    least, wanted = server.plan.download.value, units.quantity(server.plan.cache.value)

    def compare(size: int) -> None:
        if size < least:
            pulumi.log.warn(
                f"the model cache was made with {units.quantity(size)}, and {server.spec.model.id} alone takes "
                f"{units.gib(least)}. If the StorageClass lets volumes grow: "
                f"{commands.to_set('modelCacheSize', value=wanted)}",
                owner.resource,
            )

    storage.size_of(claim).apply(compare)
    return claim


def _secrets(
    owner: Owner, server: Server, args: TGIServerArgs, generated: pulumi.Output[str]
) -> dict[str, secret_values.Variable]:
    """Return the variables that come from Secrets, by name, and make the Secrets."""
    found: dict[str, secret_values.Variable] = {}
    if "hf_token" in args:
        token = args["hf_token"]
        made = secret_values.secret(owner, "huggingface", {"token": token})
        for variable in HUGGING_FACE_VARIABLES:
            found[variable] = secret_values.Variable(name_of(made), "token", token)
    if server.facts.api_key:
        key = args.get("api_key", generated)
        made = secret_values.secret(owner, "api", {"key": key})
        found[API_KEY_VARIABLE] = secret_values.Variable(name_of(made), "key", key)
    return found
