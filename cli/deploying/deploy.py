"""`up` from the stack file to a server that answers: judged, previewed, agreed to, deployed, and told all the while."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.deploying import locks
from cli.output import ACCEPT, BAD_INPUT, INTERRUPTED, REFUSE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.deploying.engine import Runner, Work
    from cli.deploying.teller import Teller
    from cli.deploying.watching import Expected
    from cli.pull_request.engine import Run
    from cli.pull_request.model import Message, Said, Side
    from cli.pull_request.project import Project, StackFile
    from cli.pull_request.secrets import Secrets
    from cli.pull_request.workplace import Place
    from cli.stacks import Stack

MOST: Final = 20
"""Findings or messages that are told one by one."""
UNREACHED: Final = frozenset({"no-kubeconfig", "bad-kubeconfig", "no-context", "unreachable", "untrusted", "login"})
"""Kinds of errors with which no deployment can begin (cli.cluster.errors)."""
ALLOWED: Final = "allowUnknown"
"""Setting by which an owner deploys what cannot be judged."""


class Ended(Exception):  # noqa: N818  named for what it says
    """The run is over before its time; everything about it was told."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Session:
    """One stack and everything by which it is deployed."""

    project: Project
    stack: Stack
    file: StackFile
    place: Place
    runner: Runner
    teller: Teller
    secrets: Secrets

    def learn(self) -> None:
        """Take what is known to be secret out of everything that is told from now on."""
        self.teller.redact = self.secrets.redactor()


def opened(stack: Stack, teller: Teller) -> Session:
    """Return what a run needs.

    Raises:
        Unreadable: there is no pulumi, or no project.
    """
    import os

    from cli.deploying.engine import Runner
    from cli.pull_request import project as projects
    from cli.pull_request.secrets import Secrets
    from cli.pull_request.tools import environment
    from cli.pull_request.workplace import Place, backend_of

    project = projects.find(Path.cwd())
    env = environment(project.root)
    # A state in a folder that is named relative to here is one of here, as Pulumi has it, though it runs elsewhere.
    url = backend_of(project, env)
    if url is not None and url.startswith("file://"):
        env = {**env, "PULUMI_BACKEND_URL": url}
    file = project.here(stack.name)
    if file is None:
        raise projects.Unreadable(f"there is no {project.file_name(stack.name)} in {project.root}")
    secrets = Secrets(os.environ)
    secrets.add_file(file, project)
    place = Place(project.root, env, stack.name, ephemeral=False)
    session = Session(project, stack, file, place, Runner(teller), teller, secrets)
    session.learn()
    return session


def judged(session: Session) -> Side:
    """Return the stack file judged; ends the run where it is refused, unknown or not valid."""
    from cli.pull_request import findings, sides

    side = sides.side(session.project, session.file, session.file.name)
    teller, stack = session.teller, session.stack.name
    if side.outcome == "failed":
        for fault in side.faults:
            teller.tell("fault", fault, outcome="failed")
        teller.tell("done", f"{stack} was not deployed: its file is not valid.", outcome="failed")
        raise Ended(BAD_INPUT)
    from cli.pull_request.engine import Run

    allowed = side.stated.get(ALLOWED) == "true"
    if side.outcome == "refuse" or (side.outcome == "unknown" and not allowed):
        for said in findings.findings(side, Run()):
            if said.level == "mandatory":
                _tell_finding(teller, said)
        for way in findings.ways(side, stack):
            teller.tell("way-out", "\n".join([f"Proven way out: {way.text}", *way.commands]), commands=way.commands)
        if side.outcome == "unknown":
            command = f"pulumi config set -s {stack} {ALLOWED} true"
            teller.tell("way-out", f"To deploy it all the same, at your own risk: {command}", commands=[command])
        word = "refused" if side.outcome == "refuse" else "unknown"
        teller.tell("done", f"{stack} is {word}: {side.subject}. Nothing was changed.", outcome="failed", verdict=word)
        raise Ended(REFUSE if side.outcome == "refuse" else UNKNOWN)
    teller.tell("verdict", f"{stack}: {side.subject}: {_verdict(side)}", verdict=side.outcome, subject=side.subject)
    return side


def _verdict(side: Side) -> str:
    from voltaic import units

    if side.bill is None:
        return "accepted" if side.outcome == "accept" else "unknown, and allowed by allowUnknown"
    gpu = side.bill.worst
    room = f"{units.gib(gpu.total)} of {units.gib(gpu.budget)} on the fullest GPU"
    return f"accepted, {room}" if side.outcome == "accept" else f"unknown, and allowed by allowUnknown; {room}"


def _tell_finding(teller: Teller, said: Said) -> None:
    about = f", {said.about}" if said.about else ""
    lines = [f"{said.rule} ({said.level}{about}): {said.message}"]
    lines += [f"{word}: {text}" for word, text in (("Why", said.why), ("Way out", said.fix)) if text]
    teller.tell(
        "finding",
        "\n".join(lines),
        rule=said.rule,
        level=said.level,
        message=said.message,
        why=said.why,
        fix=said.fix,
        about=said.about,
    )


def reached(session: Session) -> None:
    """End the run where the cluster cannot be reached with this login: then nothing is begun."""
    from cli.cluster import ClusterError, connect

    teller, stack = session.teller, session.stack
    try:
        kubeconfig = session.place.env.get("KUBECONFIG")
        with (
            teller.status("asking the cluster"),
            connect(kubeconfig, context=stack.context, namespace=stack.namespace) as cluster,
        ):
            cluster.pods(stack.labels)
    except ClusterError as error:
        if error.kind in UNREACHED:
            teller.tell("cluster", f"{error.message}\n{error.fix}".strip(), outcome="failed", kind=error.kind)
            teller.tell("done", f"Nothing of {stack.name} was changed.", outcome="failed")
            raise Ended(BAD_INPUT) from None


def ready_state(session: Session, *, recover: bool = True, create: bool = True) -> Mapping[str, Any]:
    """Return the state, with nobody's lock on it and nothing pending; ends the run where that cannot be had.

    Args:
        session: the stack.
        recover: whether what a killed run had begun is compared with the cluster first.
        create: whether a stack that the backend does not know is made.
    """
    from pulumi.automation.errors import CommandError

    from cli.pull_request import engine
    from cli.pull_request.workplace import local_path, state_file

    place, runner, teller, stack = session.place, session.runner, session.teller, session.stack.name
    url = place.env.get("PULUMI_BACKEND_URL", "")
    if url.startswith("file://"):
        held = list(locks.of_files(local_path(url, place.env), stack))
        repairs = locks.repairs(state_file(url, session.project, stack, place.env))
        if repairs and all(locks.stale(lock) for lock in held):
            _end_cut_off(session, repairs)
        if held:
            end_locked(session, locks.told(held, stack), held)
    try:
        with teller.status(f"reading the state of {stack}"):
            if not engine.has_stack(place, runner):
                if not create:
                    teller.tell("done", f"{stack} has no state here: nothing of it is deployed.", outcome="done")
                    raise Ended(ACCEPT)
                runner.command(place.env).run(["stack", "init", stack, "--no-select"], str(place.folder), {})
                teller.tell("state", f"{stack} is new here: its state was made.")
                return {}
            if any(True for _ in _encrypted(session)):
                session.secrets.add(engine.opened_config(place, runner))
            state = engine.exported(place, runner, open_secrets=True)
        from cli.pull_request.secrets import of_state

        session.secrets.add(of_state(state))
        session.learn()
        if recover:
            _recover(session, locks.pending(state))
    except CommandError as fault:
        end_failed(session, str(fault))
    return state


def _encrypted(session: Session) -> Any:
    from cli.pull_request.project import secrets_in

    return secrets_in(session.file.config)


def _recover(session: Session, begun: list[str]) -> None:
    """Compare with the cluster what an earlier run left in the middle; what it made is adopted, since names are fixed.

    A state does not know of an update that was cancelled or failed, and would call the next one needless.
    """
    teller, stack = session.teller, session.stack.name
    if begun:
        text = f"An earlier run was killed while it worked on {', '.join(begun)}: compared with the cluster first."
    elif not _last_went_well(session):
        text = f"The last run of {stack} failed or was interrupted: compared with the cluster first."
    else:
        return
    teller.tell("recovered", text, begun=begun)
    words = ["refresh", "--clear-pending-creates", "--yes", "--skip-preview", "--stack", stack]
    with teller.status(f"comparing {stack} with the cluster"):
        session.runner.command(session.place.env).run(words, str(session.place.folder), {})


def _last_went_well(session: Session) -> bool:
    """Return whether the last run that is written down did; where none is, nothing went wrong."""
    import json

    words = ["stack", "history", "--json", "--page-size", "1", "--stack", session.stack.name]
    done = session.runner.command(session.place.env).run(words, str(session.place.folder), {})
    listed = json.loads(done.stdout or "[]")
    return not listed or listed[0].get("result") != "failed"


def _end_cut_off(session: Session, repairs: list[str]) -> None:
    """End the run with how the state is mended that a killed run left half written."""
    stack = session.stack.name
    commands = [*repairs, f"pulumi cancel --yes -s {stack}"]
    lines = [
        f"The state of {stack} is half written: a run was killed while it wrote it. What it holds is whole.",
        *(f"Mend it with: {command}" for command in repairs),
        f"Give the lock back with: {commands[-1]}",
        "Then run the same command again: what was made since then is found in the cluster.",
    ]
    session.teller.tell("locked", "\n".join(lines), outcome="failed", stale=True, commands=commands)
    raise Ended(BAD_INPUT)


def end_locked(session: Session, text: str, held: list[locks.Lock]) -> None:
    """End the run with who holds the stack."""
    stale = bool(held) and all(locks.stale(lock) for lock in held)
    command = f"pulumi cancel --yes -s {session.stack.name}"
    session.teller.tell("locked", text, outcome="failed", stale=stale, commands=[command] if stale else [])
    raise Ended(BAD_INPUT)


def end_failed(session: Session, said: str) -> None:
    """End the run with what Pulumi says where it could not even begin."""
    if locks.is_locked(said):
        held = locks.of_text(said)
        end_locked(session, locks.told(held, session.stack.name), held)
    lines = [line.strip().removeprefix("stderr: ") for line in said.splitlines() if line.strip()]
    errors = [line.partition("error:")[2].strip() for line in lines if "error:" in line] or lines[-3:]
    for text in dict.fromkeys(errors):
        session.teller.tell("message", text, outcome="failed", severity="error")
    session.teller.tell(
        "done", f"Pulumi could not work on {session.stack.name}. Nothing was changed.", outcome="failed"
    )
    raise Ended(BAD_INPUT)


def previewed(session: Session, side: Side, pack: Path) -> int:
    """Tell what would change, and return how many objects do; ends the run where a policy refuses or it fails."""
    from cli.pull_request import engine, life, words

    teller = session.teller
    with teller.status(f"previewing {session.stack.name}"):
        run = engine.preview(session.place, pack, session.runner)
    if run.failed and not run.began:
        end_failed(session, run.said)
    _tell_said(session, side, run)
    if run.failed or any(found.level == "mandatory" for found in run.violations):
        teller.tell("done", f"{session.stack.name} was not deployed: nothing was changed.", outcome="failed")
        raise Ended(REFUSE)
    steps = tuple(run.steps.values())
    changes = [step for step in steps if step.op not in {"same", "read"} and step.is_kubernetes]
    counted: dict[str, int] = {}
    for step in changes:
        counted[step.op] = counted.get(step.op, 0) + 1
    told = ", ".join(f"{count} to {op}" for op, count in counted.items()) or "nothing changes"
    lines = [f"Plan: {told}"]
    lines += [f"{found.kind} {found.name} {words.pods(found)}" for found in life.pods(steps)]
    lines += [
        f"{found.kind} {found.name} {words.volume(found)}" for found in life.volumes(steps) if found.fate != "stays"
    ]
    lost = any(found.fate == "lost" for found in life.volumes(steps))
    teller.tell("plan", "\n".join(lines), changes=counted, outcome="lost" if lost else "plan")
    return len([step for step in steps if step.op not in {"same", "read"}])


def _tell_said(session: Session, side: Side, run: Run) -> None:
    """Tell what policies and the run say beside the verdict; a finding once."""
    from cli.pull_request import findings

    every = findings.findings(side, run)
    for said in [said for said in every if said.level == "mandatory"][:MOST]:
        _tell_finding(session.teller, said)
    advice = [said for said in every if said.level != "mandatory"]
    if advice:
        rules = ", ".join(dict.fromkeys(said.rule for said in advice))
        text = f"Advice that refuses nothing: {rules}. Read it with: voltaic preview -s {session.stack.name}"
        session.teller.tell("advice", text, rules=[said.rule for said in advice])
    told = [message for message in run.messages if not findings.is_told(message, side)]
    for message in told[:MOST]:
        tell_message(session.teller, message)


def tell_message(teller: Teller, message: Message) -> None:
    """Tell a warning or an error of the run."""
    outcome = "failed" if message.severity == "error" else "warning"
    teller.tell("message", f"{message.severity}: {message.text}", outcome=outcome, severity=message.severity)


def expected(session: Session, side: Side) -> Expected:
    """Return what is known of the start before it begins."""
    from cli.deploying.watching import Expected
    from cli.pull_request import sides
    from voltaic import host, settings

    if side.verdict is None:
        return Expected()
    spec = side.verdict.spec
    chosen = settings.read(sides.values(session.project, session.file), where=session.file.name)
    size = int(host.plan(chosen, spec).download)
    return Expected(spec.release.engine, side.start, size or None)


def ended(session: Session, side: Side, work: Work) -> int:
    """Tell how a deployment ended, what is left, and what to type next; return the exit code."""
    teller, stack = session.teller, session.stack.name
    if work.interrupted:
        return interrupted(session, work)
    if work.run.failed:
        if not work.run.began:
            end_failed(session, work.run.said)
        if locks.is_locked(work.run.said):
            end_failed(session, work.run.said)
        _tell_said(session, side, work.run)
        refused = any(found.level == "mandatory" for found in work.run.violations)
        if refused:
            text = f"{stack} was not deployed: a policy refuses it."
        else:
            text = (
                f"{stack} is not deployed as wished: {_count(len(work.failed), 'object')} failed, "
                f"{len(work.done)} changed.\nWhy, and what mends it: voltaic doctor --stack {stack}\n"
                f"Then go on with: voltaic up --stack {stack}"
            )
        teller.tell("done", text, outcome="failed", changed=len(work.done), failed=len(work.failed))
        return REFUSE
    changed = [found for found in work.done if found.is_object]
    unchanged = "" if not work.unchanged else f", {work.unchanged} unchanged"
    teller.tell(
        "done",
        f"{stack} is deployed: {_count(len(changed), 'object')} changed{unchanged}.",
        outcome="done",
        changed=len(changed),
        outputs=dict(work.outputs),
    )
    next_steps(session, work.outputs)
    return ACCEPT


def next_steps(session: Session, outputs: Mapping[str, Any]) -> None:
    """Tell where the stack is reached, and what to type next."""
    teller, stack = session.teller, session.stack.name
    lines = ["Reach it"]
    lines += [f"{name}  {outputs[key]}" for key, name in (("apiUrl", "API "), ("chatUrl", "chat")) if outputs.get(key)]
    lines.append(f"once this runs: voltaic forward --stack {stack}")
    teller.tell("reach", "\n".join(lines), urls={key: outputs.get(key) for key in ("apiUrl", "chatUrl")})
    asked = [
        ("is it well?", f"voltaic status --stack {stack}"),
        ("ask it", f"voltaic chat --stack {stack}"),
        ("test it", f"voltaic test --stack {stack}"),
    ]
    if outputs.get("chatUrl"):
        asked.append(("login of the page", f"pulumi stack output -s {stack} --show-secrets chatAdminPassword"))
    width = max(len(word) for word, _ in asked)
    teller.tell("next", "\n".join(["Next", *(f"{word:<{width}}  {command}" for word, command in asked)]))


def interrupted(session: Session, work: Work, command: str = "up") -> int:
    """Tell what an interrupted run left, and how to go on; return the exit code."""
    stack = session.stack.name
    lines = [f"Interrupted. {_count(len(work.done), 'resource')} changed before that."]
    if work.left:
        lines.append(f"Left in the middle: {', '.join(str(found) for found in work.left)}")
    if session.runner.stopped:
        lines.append(f"Give the lock back with: pulumi cancel --yes -s {stack}")
    lines.append(f"Go on with: voltaic {command} --stack {stack}")
    if command == "up":
        lines.append(f"Or take it down with: voltaic destroy --stack {stack}")
    left = [str(found) for found in work.left]
    session.teller.tell("done", "\n".join(lines), outcome="failed", left=left, stopped=session.runner.stopped)
    return INTERRUPTED


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
