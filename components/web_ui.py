"""The chat page: Open WebUI, closed by default, with our server as its only provider."""

# No `from __future__ import annotations` here: Pulumi makes a schema of components from their annotations, and cannot
# read them as text (pulumi 3.259.0 provider/experimental/analyzer.py).

from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import apps, core, meta

from components import commands, diagnosis, network, open_webui, pod, refusal, secret_values, storage
from components.deployment import SECRETS_ANNOTATION, strategy, wait_for
from components.names import Owner, name_of
from components.port_forward import CHAT_PORTS
from voltaic.open_webui import facts as page_facts

DATA, SCRATCH = "data", "scratch"
"""Names of the pod's volumes."""
VARIABLES = {
    "secretKey": "WEBUI_SECRET_KEY",
    "adminPassword": "WEBUI_ADMIN_PASSWORD",
    "apiKey": "OPENAI_API_KEY",
    "databaseUrl": "DATABASE_URL",
}
"""Variable of the page by key in its Secrets."""
LOGIN = "login"
"""Part of the name of the Secret that goes with the chat data, and outlives the stack with them."""


class WebUIArgs(TypedDict):
    """What the page shows, and where it keeps what people write."""

    namespace: pulumi.Input[str]
    api_url: str
    """Address of the OpenAI-compatible API inside the cluster, ending in `/v1`."""
    engine: str
    """Engine and release that answer there, for messages: `tgi 3.0.1`."""
    model: str
    """Name under which it serves the model."""
    chat_completions: bool
    """Whether it answers `/v1/chat/completions`; without, the page is refused."""
    lists_models: bool
    """Whether it answers `/v1/models`; without, the page is told the model's name."""
    api_key: NotRequired[pulumi.Input[str]]
    """Key of the API; absent: it asks for none."""
    answer_tokens: NotRequired[int]
    """Length of an answer to ask for, tokens; absent: the engine's own."""
    version: NotRequired[str]
    image: NotRequired[str]
    admin_email: str
    admin_password: NotRequired[pulumi.Input[str]]
    """Absent: generated."""
    kept_login: NotRequired[dict[str, str]]
    """What an earlier stack left of the login that goes with the chat data, by key of its Secret."""
    database_url: NotRequired[pulumi.Input[str]]
    """PostgreSQL in place of SQLite on the volume."""
    data_size: int
    """Size of the volume, bytes."""
    storage_class: NotRequired[str]
    on_network_storage: bool
    """Whether that class is a network file system."""
    keep_data: bool
    """Whether the volume outlives the stack."""
    labels: NotRequired[dict[str, str]]
    context: NotRequired[str]
    """Context of the kubeconfig, to ask why a pod does not start; absent: the current one."""


class WebUI(pulumi.ComponentResource):
    """Open WebUI in one pod, with its volume, its secrets and its Service."""

    url: pulumi.Output[str]
    """Address inside the cluster."""
    service: pulumi.Output[str]
    admin_email: pulumi.Output[str]
    admin_password: pulumi.Output[str]

    def __init__(self, name: str, args: WebUIArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the page and its objects.

        Args:
            name: logical name, and the first part of every object's name.
            args: what the page shows, and where it keeps what people write.
            opts: options of the component.

        Raises:
            pulumi.RunError: the page could not work; nothing is created or changed then.
        """
        properties = {key: value for key, value in args.items() if key not in SECRET_ARGS}
        super().__init__("voltaic:index:WebUI", name, properties, opts)
        no_chat = None if args["chat_completions"] else refusal.no_chat(args["engine"])
        problems = [problem for problem in (no_chat, sqlite_on_network(args)) if problem]
        if problems:
            raise pulumi.RunError("\n".join(problems))
        owner = Owner(self, name, "chat", args["namespace"], args.get("labels", {}))
        secrets = _secrets(owner, args)
        made = Made(
            secrets=secrets,
            service_account=name_of(network.service_account(owner)),
            claim=name_of(_claim(owner, args)),
        )
        network.service(owner)
        network.own_namespace_only(owner)
        _deployment(owner, args, made)
        self.kubernetes_name = owner.name
        self.url = pulumi.Output.format("http://{0}.{1}.svc:{2}", owner.name, args["namespace"], network.PORT)
        self.service = pulumi.Output.from_input(owner.name)
        self.admin_email = pulumi.Output.from_input(args["admin_email"])
        self.admin_password = pulumi.Output.secret(secrets["WEBUI_ADMIN_PASSWORD"].value)
        self.register_outputs(
            {
                "url": self.url,
                "service": self.service,
                "admin_email": self.admin_email,
                "admin_password": self.admin_password,
            }
        )


SECRET_ARGS = ("api_key", "admin_password", "kept_login", "database_url")
"""Arguments that never stand in the component's own properties, which policies read in plain text."""


def sqlite_on_network(args: WebUIArgs) -> str | None:
    """Return why the chats would be lost; None where they are safe."""
    if not args["on_network_storage"] or "database_url" in args:
        return None
    return (
        "webuiStorageClass: chats would be kept in SQLite on a network file system, where it locks up and loses them. "
        "Choose a class of local or block volumes, or keep them in PostgreSQL with: "
        f"{commands.to_hide('webuiDatabaseUrl')}"
    )


def _secrets(owner: Owner, args: WebUIArgs) -> dict[str, secret_values.Variable]:
    """Return the variables that come from Secrets, by name, and make the Secrets.

    What goes with the chat data is kept as long as they are: the administrator of a database that exists keeps the
    password, and people stay logged in.
    """
    kept = args.get("kept_login", {})
    password = secret_values.generated(owner, "admin-password", kept.get("adminPassword"))
    login: dict[str, pulumi.Input[str]] = {
        "secretKey": secret_values.generated(owner, "secret-key", kept.get("secretKey")),
        "adminPassword": args.get("admin_password", password),
    }
    others: dict[str, pulumi.Input[str]] = {}
    if "api_key" in args:
        others["apiKey"] = args["api_key"]
    if "database_url" in args:
        others["databaseUrl"] = args["database_url"]
    found: dict[str, secret_values.Variable] = {}
    for part, values, keep in ((LOGIN, login, args["keep_data"]), ("", others, False)):
        if values:
            name = name_of(secret_values.secret(owner, part, values, keep=keep))
            found |= {VARIABLES[key]: secret_values.Variable(name, key, value) for key, value in values.items()}
    return found


@dataclass(frozen=True, slots=True)
class Made:
    """Objects that the pod refers to, and that are made before it."""

    secrets: dict[str, secret_values.Variable]
    """Variables by name that are set from Secrets."""
    service_account: pulumi.Output[str]
    claim: pulumi.Output[str]


def _claim(owner: Owner, args: WebUIArgs) -> core.v1.PersistentVolumeClaim:
    return storage.claim(
        owner,
        DATA,
        size=args["data_size"],
        size_key="webuiDataSize",
        size_is_stated=True,
        storage_class=args.get("storage_class"),
        keep=args["keep_data"],
        context=args.get("context"),
    )


def _deployment(owner: Owner, args: WebUIArgs, made: Made) -> apps.v1.Deployment:
    facts = page_facts()
    rollout, probes = facts["rollout"], facts["probes"]
    deadline = probes["period_seconds"] * probes["startup_failures"] + rollout["image_pull_seconds"]
    timeout = f"{deadline + rollout['margin_seconds']}s"
    return apps.v1.Deployment(
        owner.logical_name(),
        metadata=owner.metadata(annotations=wait_for(1)),
        spec=apps.v1.DeploymentSpecArgs(
            replicas=1,
            strategy=strategy(1),
            progress_deadline_seconds=deadline,
            revision_history_limit=2,
            selector=meta.v1.LabelSelectorArgs(match_labels=owner.selector),
            template=core.v1.PodTemplateSpecArgs(
                metadata=meta.v1.ObjectMetaArgs(
                    labels=owner.labels,
                    annotations={
                        SECRETS_ANNOTATION: secret_values.digest(made.secrets, made.secrets["WEBUI_SECRET_KEY"].value)
                    },
                ),
                spec=core.v1.PodSpecArgs(
                    service_account_name=made.service_account,
                    automount_service_account_token=False,
                    enable_service_links=False,
                    security_context=pod.pod_security(facts["user"]["uid"], facts["user"]["gid"]),
                    containers=[_container(owner, args, made)],
                    volumes=[pod.claimed_volume(DATA, made.claim), pod.empty_volume(SCRATCH)],
                ),
            ),
        ),
        opts=owner.options(
            custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout, delete=timeout),
            hooks=diagnosis.of_deployment(owner, args.get("context")),
        ),
    )


def _container(owner: Owner, args: WebUIArgs, made: Made) -> core.v1.ContainerArgs:
    facts = page_facts()
    probes, resources = facts["probes"], facts["resources"]
    origins = [f"http://{host}:{port}" for port in CHAT_PORTS for host in ("localhost", "127.0.0.1")]
    plain = open_webui.environment(
        api_url=args["api_url"],
        model=args["model"],
        lists_models=args["lists_models"],
        answer_tokens=args.get("answer_tokens"),
        origins=origins,
    )
    plain["WEBUI_ADMIN_EMAIL"] = args["admin_email"]
    fixed = {"memory": resources["memory"], "ephemeral-storage": resources["ephemeral_storage"]}
    period, timeout = probes["period_seconds"], probes["timeout_seconds"]
    return core.v1.ContainerArgs(
        name=owner.component,
        image=open_webui.image(args.get("version"), args.get("image")),
        env=[
            *pod.variables(plain),
            *(
                pod.from_secret(name, made.secrets[name].secret, made.secrets[name].key)
                for name in sorted(made.secrets)
            ),
        ],
        ports=[core.v1.ContainerPortArgs(name="http", container_port=network.PORT, protocol="TCP")],
        resources=core.v1.ResourceRequirementsArgs(
            limits={**fixed, "cpu": resources["cpu_limit"]}, requests={**fixed, "cpu": resources["cpu_request"]}
        ),
        startup_probe=pod.probe(probes["startup"], period=period, timeout=timeout, failures=probes["startup_failures"]),
        readiness_probe=pod.probe(probes["readiness"], period=period, timeout=timeout, failures=probes["failures"]),
        liveness_probe=pod.probe(probes["liveness"], period=period, timeout=timeout, failures=probes["failures"]),
        volume_mounts=[
            core.v1.VolumeMountArgs(name=DATA, mount_path=facts["data"]["path"]),
            core.v1.VolumeMountArgs(name=SCRATCH, mount_path=pod.SCRATCH),
        ],
        security_context=pod.container_security(),
        termination_message_policy="FallbackToLogsOnError",
    )
