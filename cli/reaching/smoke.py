"""What `voltaic test` asks of a server and a chat page, one function a question."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cli.reaching.access import model_of
from cli.reaching.api import Api, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.reaching.access import Way

Outcome = Literal["passed", "failed", "skipped"]
QUESTION = "Count from one to ten in words."
TOKENS = 24
"""Longest answer to each question: enough for a word to stop at, and a few seconds on the slowest GPU."""
STOPPED = frozenset({"stop", "stop_sequence", "eos_token"})
"""Why an answer ended that was not too long: as OpenAI says it, and as TGI 2 and 3 do (router/src/lib.rs)."""
LEAST_WORDS = 3
DOCTOR = "Why, and what mends it: voltaic doctor"


class Skip(Exception):  # noqa: N818  named for what it says
    """A question that does not apply here; the text says why."""


class Fault(Exception):  # noqa: N818  named for what it says
    """An answer that is not as it should be: message and way out."""

    def __init__(self, message: str, fix: str = DOCTOR) -> None:
        self.message, self.fix = message, fix
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Result:
    """How one question went."""

    name: str
    outcome: Outcome
    seconds: float
    message: str = ""
    fix: str = ""


class Smoke:
    """The questions.

    Args:
        way: how the server is reached.
        api: client of it.
        model: name to ask for the model by; None: the first that is served.
    """

    def __init__(self, way: Way, api: Api, model: str | None) -> None:
        self.way, self.api, self.asked = way, api, model
        self.words = ""
        """A whole answer, once there was one."""

    def health(self) -> str:
        """The server says that it is ready."""
        answer = self.api.get("/health")
        if answer.status_code == 404:  # noqa: PLR2004  HTTP: not found
            raise Skip(f"{self.way.title} has no /health")
        if not answer.is_success:
            raise Fault(f"/health answers HTTP {answer.status_code}: the model is not loaded, or the server is ill.")
        return ""

    def models(self) -> str:
        """The model is listed."""
        self._needs("/v1/models")
        names = self.api.models()
        if not names:
            raise Fault("/v1/models lists none.")
        if self.asked is not None and self.asked not in names:
            raise Fault(f"/v1/models lists {', '.join(names)}, not {self.asked}.", "Ask with --model for one of them")
        return ", ".join(names)

    def completion(self) -> str:
        """A question is answered as a whole."""
        self._needs("/v1/chat/completions")
        found = self.api.complete(self._body())
        choice = found["choices"][0]
        self.words = str((choice.get("message") or {}).get("content") or "")
        if not self.words.strip():
            raise Fault("The answer is empty.", "Does the model know how to chat? Try: voltaic chat")
        usage = found.get("usage") or {}
        return f"{usage['completion_tokens']} tokens" if "completion_tokens" in usage else ""

    def streaming(self) -> str:
        """An answer comes in pieces."""
        self._needs("/v1/chat/completions")
        began, first, pieces, finish = time.monotonic(), None, 0, None
        for piece in self.api.stream(self._body()):
            if piece.text:
                pieces += 1
                first = first or time.monotonic() - began
            finish = piece.finish or finish
        if not pieces or first is None:
            raise Fault("The stream has no text in it.")
        if finish is None:
            raise Fault("The stream ended without saying why: it was cut off.")
        return f"{pieces} pieces, the first after {first:.2f} s"

    def stop(self) -> str:
        """A stop sequence ends the answer."""
        self._needs("/v1/chat/completions")
        words = self.words.split()
        if len(words) < LEAST_WORDS:
            raise Skip("no answer that is long enough to be stopped")
        word = words[len(words) // 2].strip(".,;:!?\"'")
        if not word:
            raise Skip("no word to stop at in the answer")
        found = self.api.complete({**self._body(), "stop": [word]})
        choice = found["choices"][0]
        text = str((choice.get("message") or {}).get("content") or "")
        before, met, after = text.partition(word)
        if met and after.strip():
            raise Fault(
                f"Asked to stop at {word!r}, the answer went on after it ({len(after)} characters).",
                "Programs that rely on stop sequences get too much; the release of the engine decides it",
            )
        if not met and choice.get("finish_reason") not in STOPPED and len(before) >= len(self.words):
            raise Skip("the model answered differently the second time, without the word to stop at")
        return f"at {word!r}"

    def together(self) -> str:
        """Two questions at once are both answered."""
        self._needs("/v1/chat/completions")

        def one(_: int) -> float:
            began = time.monotonic()
            with Api(self.way.url, self.way.key, self.way.title) as api:
                api.complete(self._body())
            return time.monotonic() - began

        began = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            alone = list(pool.map(one, range(2)))
        return f"each {max(alone):.2f} s at most, {time.monotonic() - began:.2f} s together"

    def wrong_key(self) -> str:
        """A key that is wrong is refused."""
        self._needs("/v1/chat/completions")
        if self.way.key is None:
            raise Skip("no key is known here, so none is asked for, or it may not be read")
        if not self._asks_for_key():
            raise Skip(f"{self.way.title} cannot ask for a key")
        with Api(self.way.url, secrets.token_hex(16), self.way.title) as api:
            try:
                api.complete({**self._body(), "max_tokens": 1})
            except ApiError as error:
                if error.kind == "key":
                    return ""
                raise
        raise Fault(
            "A wrong key is taken: everybody who reaches the server may use it.",
            "Set the key of the engine; for a stack: pulumi config set --secret apiKey",
        )

    def metrics(self) -> str:
        """The engine tells what it is doing."""
        from voltaic.engines import metrics

        engine = self.way.engine
        if engine is not None and (option := metrics.needs(engine.name)) and self._tells_nothing():
            raise Skip(f"{engine.title} tells nothing without {option}")
        answer = self.api.get(metrics.PATH)
        found = metrics.recognised(metrics.read(answer.text)) if answer.is_success else None
        if found is None and engine is None:
            raise Skip(f"{metrics.PATH} tells nothing that is known here (HTTP {answer.status_code})")
        if found is None:
            raise Fault(f"{metrics.PATH} tells nothing (HTTP {answer.status_code}): monitoring sees no load.")
        return ""

    def page(self) -> str:
        """The chat page is up."""
        answer = self._page("/health")
        if not answer.is_success:
            raise Fault(f"/health of the chat page answers HTTP {answer.status_code}.")
        if not self._page("/").is_success:
            raise Fault("The chat page does not show itself.")
        return ""

    def login(self) -> str:
        """The chat page asks who one is, and lets nobody sign up."""
        try:
            features = self._page("/api/config").json().get("features") or {}
        except (ValueError, AttributeError):
            raise Fault("/api/config of the chat page cannot be read: is it Open WebUI?") from None
        if not features.get("auth", True):
            raise Fault("The chat page asks for no login: everybody who reaches it may chat.", "Set WEBUI_AUTH=True")
        if features.get("enable_signup"):
            raise Fault("Everybody may sign up at the chat page.", "Set ENABLE_SIGNUP=False")
        return "sign-up is closed"

    def _page(self, path: str) -> Any:
        if self.way.page is None:
            raise Skip(self.way.why_no_page or "no --page-url was given")
        with Api(self.way.page) as page:
            return page.get(path)

    def _tells_nothing(self) -> bool:
        return not self.api.get("/metrics").is_success

    def _asks_for_key(self) -> bool:
        from voltaic.engines import api_keys

        spec = self.way.spec
        return spec is None or api_keys.asks(spec, spec.command.env, whole=False) is not False

    def _needs(self, path: str) -> None:
        """Skip what this release of the engine does not have."""
        spec = self.way.spec
        if spec is None or spec.release.engine != "tgi":
            return
        from voltaic.engines.tgi.deployment import deployment

        facts = deployment(spec.release.version)
        if not {"/v1/models": facts.lists_models, "/v1/chat/completions": facts.chat_completions}[path]:
            raise Skip(f"{spec.release} has no {path}")

    def _body(self) -> dict[str, Any]:
        return {
            "model": model_of(self.way, self.api, self.asked),
            "messages": [{"role": "user", "content": QUESTION}],
            "max_tokens": TOKENS,
            "temperature": 0,
        }


def results(way: Way, model: str | None) -> Iterator[Result]:
    """Ask every question, and yield how each went."""
    with way.api() as api:
        smoke = Smoke(way, api, model)
        questions: list[tuple[str, Callable[[], str]]] = [
            ("health", smoke.health),
            ("models", smoke.models),
            ("completion", smoke.completion),
            ("streaming", smoke.streaming),
            ("stop sequence", smoke.stop),
            ("two at once", smoke.together),
            ("wrong key refused", smoke.wrong_key),
            ("metrics", smoke.metrics),
            ("chat page", smoke.page),
            ("chat page login", smoke.login),
        ]
        for name, ask in questions:
            yield _asked(name, ask, way)


def _asked(name: str, ask: Callable[[], str], way: Way) -> Result:
    began = time.monotonic()
    try:
        said = ask()
    except Skip as reason:
        return Result(name, "skipped", time.monotonic() - began, str(reason))
    except Fault as fault:
        return Result(name, "failed", time.monotonic() - began, fault.message, fault.fix)
    except ApiError as error:
        fix = way.why_no_key if error.kind == "key" and way.why_no_key else error.fix or DOCTOR
        return Result(name, "failed", time.monotonic() - began, error.message, fix)
    return Result(name, "passed", time.monotonic() - began, said)
