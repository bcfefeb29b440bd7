"""The pack as a server of Pulumi's analyzer protocol (pulumi/analyzer.proto).

Pulumi's own policy SDK serves the same protocol, and reads all properties of a resource anew for every policy, which
for a pack of this many policies takes twenty times as long as to judge (docs/adr/0023-analyzer-protocol.md). Here they
are read once, only of what may be judged, and every policy tells its part of one judgement.
"""

from __future__ import annotations

import difflib
import sys
import threading
from concurrent import futures
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import grpc  # type: ignore[import-untyped]  # ships no types
from google.protobuf import empty_pb2  # type: ignore[import-untyped]  # the same
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from policies._policies import policies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policies._reports import Report

NAME: Final = "voltaic"
DESCRIPTION: Final = "Refuses model servers that would not start on the GPUs they are given, and says what to change."
LARGEST_MESSAGE: Final = 400 * 2**20
"""Bytes of one message, as in Pulumi's own SDK: a program with all its objects comes as one (pulumi_policy 1.21.0)."""
THREADS: Final = 4
"""Resources that are judged at once, as in Pulumi's own SDK."""
EVERY: Final = "all"
"""Key of the levels that stands for every policy; the engine has already set them, and hands it on all the same."""
PREFIXES: Final = ("kubernetes:", "voltaic:")
"""Beginnings of the types of all resources that may be judged."""

_MANDATORY: Final = analyzer_pb2.MANDATORY
_ADVISORY: Final = analyzer_pb2.ADVISORY
_LEVELS: Final = {"mandatory": _MANDATORY, "advisory": _ADVISORY}
_SEVERITIES: Final = {
    "mandatory": analyzer_pb2.POLICY_SEVERITY_HIGH,
    "advisory": analyzer_pb2.POLICY_SEVERITY_LOW,
}


class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    """Answers the engine. No method raises: the engine would show a bare gRPC error."""

    def __init__(self) -> None:
        self._levels = {name: _LEVELS[policy.level] for name, policy in policies().items()}
        self._misnamed: tuple[str, ...] = ()

    # The names of the methods are those of the protocol.

    def GetAnalyzerInfo(self, _request: Any, _context: Any) -> analyzer_pb2.AnalyzerInfo:  # noqa: N802
        """Return the policies; the engine asks once, before the program starts."""
        return analyzer_pb2.AnalyzerInfo(
            name=NAME,
            displayName=NAME,
            description=DESCRIPTION,
            version=_version(),
            supportsConfig=True,
            policies=[
                analyzer_pb2.PolicyInfo(
                    name=policy.name,
                    description=policy.title,
                    enforcementLevel=_LEVELS[policy.level],
                    severity=_SEVERITIES[policy.level],
                    policy_type=(
                        analyzer_pb2.POLICY_TYPE_STACK if policy.whole_program else analyzer_pb2.POLICY_TYPE_RESOURCE
                    ),
                )
                for policy in policies().values()
            ],
        )

    def GetPluginInfo(self, _request: Any, _context: Any) -> plugin_pb2.PluginInfo:  # noqa: N802
        """Return the version of the pack."""
        return plugin_pb2.PluginInfo(version=_version())

    def Configure(self, request: analyzer_pb2.ConfigureAnalyzerRequest, _context: Any) -> empty_pb2.Empty:  # noqa: N802
        """Take the levels: those of the policies, changed by `--policy-pack-config`."""
        stated = {name: config.enforcementLevel for name, config in request.policyConfig.items()}
        self._misnamed = tuple(sorted(stated.keys() - policies().keys() - {EVERY}))
        self._levels.update({name: level for name, level in stated.items() if name in policies()})
        return empty_pb2.Empty()

    def ConfigureStack(self, _request: Any, _context: Any) -> analyzer_pb2.AnalyzerStackConfigureResponse:  # noqa: N802
        """Take nothing: the host has set the stack's configuration in the environment."""
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Analyze(self, request: analyzer_pb2.AnalyzeRequest, _context: Any) -> analyzer_pb2.AnalyzeResponse:  # noqa: N802
        """Judge a resource by its inputs, before it is created or changed."""
        if not request.type.startswith(PREFIXES):
            return analyzer_pb2.AnalyzeResponse()
        from policies import _judgement  # noqa: PLC0415  the pack boots without the core

        return self._answer(_judgement.of_resource(request))

    def AnalyzeStack(  # noqa: N802
        self, request: analyzer_pb2.AnalyzeStackRequest, _context: Any
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judge what only all resources tell together, by their outputs, once the program has run."""
        objects = [resource for resource in request.resources if resource.type.startswith(PREFIXES)]
        if not objects and not self._misnamed:
            return analyzer_pb2.AnalyzeResponse()
        from policies import _judgement, _reports  # noqa: PLC0415  the same

        misnamed = [
            _reports.unreadable(
                "advisory",
                f"The policy configuration names {name}, and there is no such policy"
                + "".join(f"; did you mean {near}?" for near in difflib.get_close_matches(name, policies(), 1)),
                "A level for a policy that does not exist changes nothing, and Pulumi does not say so.",
                "Use a name of policies/README.md, or all.",
            )
            for name in self._misnamed
        ]
        return self._answer((*misnamed, *_judgement.of_program(objects)))

    def Remediate(self, _request: Any, _context: Any) -> analyzer_pb2.RemediateResponse:  # noqa: N802
        """Change nothing: to lower a number in silence is worse than to refuse it."""
        return analyzer_pb2.RemediateResponse()

    def _answer(self, reports: Iterable[Report]) -> analyzer_pb2.AnalyzeResponse:
        order = {name: place for place, name in enumerate(policies())}
        reports = sorted(reports, key=lambda report: order[report.policy])
        told = [(report, level) for report in reports if (level := self._level(report)) is not None]
        return analyzer_pb2.AnalyzeResponse(diagnostics=[self._diagnostic(report, level) for report, level in told])

    def _level(self, report: Report) -> analyzer_pb2.EnforcementLevel.ValueType | None:
        """Return the level at which a report is told; None where its policy is disabled."""
        level = self._levels[report.policy]
        if level == analyzer_pb2.DISABLED:
            return None
        # Nothing here remediates, so that what a policy of this level finds still stands.
        return _MANDATORY if level != _ADVISORY and not report.quiet else _ADVISORY

    def _diagnostic(
        self, report: Report, level: analyzer_pb2.EnforcementLevel.ValueType
    ) -> analyzer_pb2.AnalyzeDiagnostic:
        policy = policies()[report.policy]
        return analyzer_pb2.AnalyzeDiagnostic(
            policyName=policy.name,
            policyPackName=NAME,
            policyPackVersion=_version(),
            description=policy.title,
            message=f"{policy.title}\n{report.text}",
            enforcementLevel=level,
            severity=_SEVERITIES[policy.level],
            urn=report.urn,
        )


@cache
def _version() -> str:
    """Return the version of the pack, which is that of the project."""
    return metadata.version("voltaic")


def serve() -> None:
    """Serve the pack on a port of this machine, print the port, and return when the process is ended."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=THREADS), options=[("grpc.max_receive_message_length", LARGEST_MESSAGE)]
    )
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Pack(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop(0)
