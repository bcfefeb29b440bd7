"""`voltaic chat`: questions to the served model, answered in the terminal."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.cluster.options import ContextOption, NamespaceOption, StackOption  # noqa: TC001  typer reads them
from cli.command import Command
from cli.output import INTERRUPTED, fail, print_json
from cli.reaching.access import ModelOption, UrlOption, model_of, opened

if TYPE_CHECKING:
    from cli.reaching.access import Way
    from cli.reaching.api import Api, Piece

HELP = """Ask the served model, and see the answer as it is written.

Without QUESTION it is read from stdin, or on a terminal one after another: an empty line or Ctrl-D ends. Ctrl-C stops
an answer. The key comes from the Secret of the stack, where you may read it, or from VOLTAIC_API_KEY.
"""
EXAMPLES = """\b
Examples:
  voltaic chat "What is a V100?"
  voltaic chat --max-tokens 50 --temperature 0 < question.txt
  voltaic chat --url http://127.0.0.1:8080/v1 --json "Say hello."

Exit codes: 0 answered, 2 the server does not answer as asked, 130 stopped by Ctrl-C.
"""
SCHEMA = "voltaic/chat/v1"
HOTTEST = 2.0
"""Highest temperature that OpenAI's API knows (platform.openai.com, chat completions)."""


@dataclass
class Answer:
    """What came of one question."""

    text: str = ""
    pieces: int = 0
    finish: str | None = None
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    first_seconds: float | None = None
    """From the question to the first piece."""
    seconds: float = 0.0
    stopped: bool = False

    def take(self, piece: Piece, seconds: float) -> None:
        """Take a piece that came so many seconds after the question."""
        if piece.text:
            self.pieces += 1
            self.first_seconds = self.first_seconds or seconds
            self.seconds = seconds
            self.text += piece.text
        self.finish = piece.finish or self.finish
        if piece.usage:
            self.prompt_tokens = piece.usage.get("prompt_tokens")
            self.answer_tokens = piece.usage.get("completion_tokens")

    @property
    def rate(self) -> float | None:
        """Tokens a second once the first is there; None: too few to say."""
        tokens = self.answer_tokens or self.pieces
        if self.first_seconds is None or tokens < 2 or self.seconds <= self.first_seconds:  # noqa: PLR2004  a distance
            return None
        return (tokens - 1) / (self.seconds - self.first_seconds)


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "chat",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Ask the served model a question.",
        rich_help_panel="Operate",
    )
    command(chat)


def chat(
    question: Annotated[str | None, typer.Argument(metavar="[QUESTION]", help="What to ask.")] = None,
    *,
    stack: StackOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    url: UrlOption = None,
    model: ModelOption = None,
    system: Annotated[str | None, typer.Option("--system", metavar="TEXT", help="System prompt.")] = None,
    max_tokens: Annotated[
        str | None, typer.Option("--max-tokens", metavar="N", help="Longest answer. Default: the server's.")
    ] = None,
    temperature: Annotated[
        str | None, typer.Option(metavar="T", help="0 (always the likeliest word) to 2. Default: the server's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one chat document on stdout.")] = False,
) -> None:
    """Ask the served model."""
    options = _options(max_tokens, temperature, as_json=as_json)
    many = question is None and sys.stdin.isatty() and not as_json
    if question is None and not many:
        question = sys.stdin.read().strip()
    if question is not None and not question:
        fail("chat", ["the question is empty: give it as an argument, or on stdin"], as_json=as_json, usage=True)
    with opened("chat", stack, context, namespace, url=url, as_json=as_json) as way, way.api() as api:
        name = model_of(way, api, model)
        said: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
        if question is not None:
            answer = _ask(api, way, {"model": name, "messages": [*said, _user(question)], **options}, show=not as_json)
            if as_json:
                print_json(document(answer, name))
            raise typer.Exit(INTERRUPTED if answer.stopped else 0)
        print(f"{name}. An empty line or Ctrl-D ends, Ctrl-C stops an answer.", file=sys.stderr)
        while asked := _next():
            said.append(_user(asked))
            answer = _ask(api, way, {"model": name, "messages": said, **options}, show=True)
            said.append({"role": "assistant", "content": answer.text})


def _options(max_tokens: str | None, temperature: str | None, *, as_json: bool) -> dict[str, Any]:
    """Return what a request says of length and temperature.

    Raises:
        typer.Exit: it cannot be read.
    """
    found: dict[str, Any] = {}
    faults = []
    if max_tokens is not None:
        if max_tokens.isdecimal() and int(max_tokens):
            found["max_tokens"] = int(max_tokens)
        else:
            faults.append(f"--max-tokens {max_tokens}: give a whole number from 1")
    if temperature is not None:
        try:
            found["temperature"] = float(temperature)
        except ValueError:
            found["temperature"] = -1.0
        if not 0 <= found["temperature"] <= HOTTEST:
            faults.append(f"--temperature {temperature}: give a number from 0 to {HOTTEST:g}")
    if faults:
        fail("chat", faults, as_json=as_json, usage=True)
    return found


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _next() -> str:
    try:
        return input("> ").strip()
    except (EOFError, KeyboardInterrupt):
        print()
        return ""


def _ask(api: Api, way: Way, body: dict[str, Any], *, show: bool) -> Answer:
    """Return the answer to one question, shown while it comes."""
    from cli.printable import printable
    from cli.reaching.api import ApiError

    answer = Answer()
    began = time.monotonic()
    stream = api.stream(body)
    try:
        for piece in stream:
            answer.take(piece, time.monotonic() - began)
            if show and piece.text:
                sys.stdout.write(printable(piece.text, keep="\n\t"))
                sys.stdout.flush()
    except KeyboardInterrupt:
        answer.stopped = True
    except ApiError as error:
        if show and answer.text:
            print()
        if error.kind == "key" and way.why_no_key:
            raise ApiError("key", error.message, way.why_no_key, error.status) from None
        raise
    finally:
        stream.close()  # type: ignore[attr-defined]  # it is a generator; its end ends the answer at the server too
    answer.seconds = answer.seconds or time.monotonic() - began
    if show:
        if not answer.text.endswith("\n"):
            print()
        print(summary(answer), file=sys.stderr)
    return answer


def summary(answer: Answer) -> str:
    """Return one line on how an answer came."""
    tokens = f"{answer.answer_tokens} tokens" if answer.answer_tokens else f"{answer.pieces} pieces"
    parts = [f"{tokens} in {answer.seconds:.1f} s"]
    if answer.first_seconds is not None:
        parts.append(f"the first after {answer.first_seconds:.2f} s")
    if answer.rate is not None:
        parts.append(f"then {answer.rate:.1f} a second")
    if answer.stopped:
        parts.append("stopped")
    elif answer.finish == "length":
        parts.append("cut off at the longest answer (--max-tokens)")
    return "; ".join(parts)


def document(answer: Answer, model: str) -> dict[str, Any]:
    """Return an answer for machines; seconds."""
    return {
        "schema": SCHEMA,
        "model": model,
        "answer": answer.text,
        "finish_reason": answer.finish,
        "stopped": answer.stopped,
        "prompt_tokens": answer.prompt_tokens,
        "answer_tokens": answer.answer_tokens,
        "pieces": answer.pieces,
        "first_seconds": answer.first_seconds,
        "seconds": answer.seconds,
        "tokens_per_second": answer.rate,
    }
