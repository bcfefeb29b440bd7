"""Takes secrets out of texts that others will read: known values in every spelling, tokens by form, named values."""

from __future__ import annotations

import base64
import html
import json
import re
import string
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic import facts_files
from voltaic.hidden import HIDDEN, is_secret, secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

SHORTEST = 4
"""Characters from which a value is hidden; hiding shorter ones would eat digits and units of the message itself."""
LEAST_FORM = 12
"""Characters below which a text has no form of a secret."""
LONGEST_WORD = 128
"""Characters of the longest text whose form is remembered."""
LEAST_LINE = 8
"""Characters from which one line of a secret of several lines is hidden alone."""
_MORE_NAMES = re.compile(
    r"(^|[_-])(PASS(PHRASE|WD|CODE)?|(ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION)[_-]?KEY([_-]?ID)?|PAT|DSN|AUTHORIZATION)$",
    re.IGNORECASE,
)
"""Names of secrets beside those of an engine's arguments and variables: they stand in configuration and environment."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ASSIGNED = re.compile(
    r"""(?P<name>-{0,2}[A-Za-z][\w.-]*)(?P<quote>["']?)(?P<sign>[ \t]*[:=][ \t]*)"""
    r"""(?P<value>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;"'(){}\[\]]+)"""
)
_OPTION = re.compile(r"(?P<name>--?[A-Za-z][\w-]*)(?P<sign>[ \t]+)(?P<value>[^\s-]\S*)")
_UNRESERVED = (string.ascii_letters + string.digits + "-._~").encode()
"""What stands in a URL as it is (RFC 3986 section 2.3)."""
_ENDS_LINE = re.compile(r"[ \t\r,}\]]*(?:\n|\Z)")
_SWITCHES = frozenset({"--secret"})
"""Options that take no value: `pulumi config set --secret hfToken` names a key."""


def is_secret_name(name: str) -> bool:
    """Return whether what stands under this name is a secret: `hfToken`, `HF_TOKEN`, `PULUMI_CONFIG_PASSPHRASE`."""
    words = _HUMP.sub("_", name)
    return is_secret(words) or _MORE_NAMES.search(words) is not None


def of_environment(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of variables whose name says that they are secret."""
    for name, value in environment.items():
        if is_secret_name(name) and value:
            yield value


def found_in(values: Any) -> Iterator[str]:
    """Yield texts that stand under the name of a secret: keys of objects, variables of containers, options in lists."""
    left = [values]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            named = {str(value.get("name")): value.get("value")}
            for key, item in [*value.items(), *named.items()]:
                if isinstance(item, str):
                    if is_secret_name(str(key)):
                        yield item
                else:
                    left.append(item)
        elif isinstance(value, list | tuple):
            yield from secrets_of([item if isinstance(item, str) else "" for item in value], {})
            left.extend(value)


def redactor(values: Iterable[str]) -> Callable[[str], str]:
    """Return a function that hides these values in a text, in every usual spelling, and what looks like a secret."""
    known = _pattern(values)

    def redact(text: str) -> str:
        if known is not None:
            text = known.sub(HIDDEN, text)
        for token in _tokens():
            text = token.sub(_hide_token, text)
        return _OPTION.sub(_hide_option, _ASSIGNED.sub(_hide_assigned, text))

    return redact


def everywhere(value: Any, redact: Callable[[str], str]) -> Any:
    """Return plain data with every text in it redacted, keys of objects too, and values under secret names hidden."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {
            redact(str(key)): HIDDEN if isinstance(item, str) and is_secret_name(str(key)) else everywhere(item, redact)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [everywhere(item, redact) for item in value]
    return value


def _pattern(values: Iterable[str]) -> re.Pattern[str] | None:
    """Return what matches any spelling of any value, the longest first."""
    spellings = {spelling for value in values for spelling in _spellings(value) if len(spelling) >= SHORTEST}
    if not spellings:
        return None
    return re.compile("|".join(re.escape(one) for one in sorted(spellings, key=lambda one: (-len(one), one))))


def _spellings(value: str) -> Iterator[str]:
    stripped = value.strip()
    if len(stripped) < SHORTEST:
        return
    for text in (value, stripped):
        data = text.encode("utf-8", "surrogatepass")
        plain = base64.b64encode(data).decode()
        yield from (text, plain, plain.rstrip("="), base64.urlsafe_b64encode(data).decode(), data.hex())
        yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1])
        # The text itself may hold what no URL can.
        yield from (_percent(data, _UNRESERVED), _percent(data, _UNRESERVED + b"/"), html.escape(text))
        yield _percent(data, _UNRESERVED + b" ").replace(" ", "+")
    yield from (line.strip() for line in stripped.splitlines() if len(line.strip()) >= LEAST_LINE)


def form_of(text: str) -> tuple[str, str] | None:
    """Return the name of the first form of secret that stands in a text, and the secret itself; None: there is none."""
    if len(text) < LEAST_FORM:
        return None
    return _of_word(text) if len(text) <= LONGEST_WORD else _form_of(text)


def _form_of(text: str) -> tuple[str, str] | None:
    for name, pattern in zip(_forms(), _tokens(), strict=True):
        found = pattern.search(text)
        if found is not None:
            return name, found["secret"] if "secret" in pattern.groupindex else found[0]
    return None


_of_word = lru_cache(maxsize=4096)(_form_of)
"""The words of manifests repeat themselves."""


@cache
def _forms() -> tuple[str, ...]:
    return tuple(str(fact["name"]) for fact in _facts())


def _percent(data: bytes, kept: bytes) -> str:
    """Return bytes as URLs have them: all but these as `%2F`."""
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in data)


@cache
def _tokens() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(fact["pattern"]) for fact in _facts())


@cache
def _facts() -> tuple[dict[str, Any], ...]:
    return tuple(facts_files.table(Path(__file__).with_name("redaction.toml"))["token"])


def _hide_token(found: re.Match[str]) -> str:
    if "secret" not in found.re.groupindex:
        return HIDDEN
    start, end = (place - found.start() for place in found.span("secret"))
    return found[0][:start] + HIDDEN + found[0][end:]


def _hide_assigned(found: re.Match[str]) -> str:
    """Hide the value of `name=value` and `"name": "value"`; after a bare colon only what ends its line.

    A sentence such as `hfToken: missing. Set it with …` names a key, and gives no value.
    """
    name, value = found["name"], found["value"]
    if not is_secret_name(name) or value == HIDDEN:
        return found[0]
    if ":" in found["sign"] and value[0] not in "\"'" and _ENDS_LINE.match(found.string, found.end()) is None:
        return found[0]
    return f"{name}{found['quote']}{found['sign']}{_hidden_like(value)}"


def _hide_option(found: re.Match[str]) -> str:
    if found["name"] in _SWITCHES or not is_secret_name(found["name"]) or found["value"] == HIDDEN:
        return found[0]
    return f"{found['name']}{found['sign']}{_hidden_like(found['value'])}"


def _hidden_like(value: str) -> str:
    quoted = value[0] if value[0] in "\"'" and len(value) > 1 and value[-1] == value[0] else ""
    return f"{quoted}{HIDDEN}{quoted}"
