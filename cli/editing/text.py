"""Edits of a stack file as text: what is not asked for stays as it is, to the byte. Pure.

Positions come from the YAML parser and the text between them is left alone, so that comments, order, quotes and
encrypted values need no care; the result is read back and compared with what was asked for.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

REMOVED: Final = None
"""The value that takes a key away."""
CONFIG: Final = "config"
INDENT: Final = "  "
_PLAIN: Final = re.compile(r"[A-Za-z/][\w./@+-]*(:[\w./@+-]+)*", re.ASCII)
"""Text that every YAML reader takes as that text, but for the words below."""
_WORDS: Final = re.compile(r"y|yes|n|no|true|false|on|off|null|none", re.IGNORECASE)
_UNPRINTED: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that YAML wants escaped (YAML 1.2.2, 5.1 and 5.4)."""
_COMMENT: Final = re.compile(r"[ \t]+#[^\n\r]*")


class Uneditable(ValueError):  # noqa: N818  named for what it says
    """A text that cannot be edited in place; it says why and what to do."""


def edited(text: str, changes: Mapping[str, Any]) -> str:
    """Return a stack file with these keys of its configuration set, or removed where None.

    Args:
        text: the file; empty for a new one.
        changes: by full key (`voltaic:model`), in the order in which new ones are added: text, numbers, truth values,
            lists and objects.

    Raises:
        Uneditable: it is no mapping with a mapping `config`, or is written in a way that only a person can edit.
    """
    before = _config(text)
    kept = {key: value for key, value in before.items() if key not in changes}
    wanted = kept | {key: value for key, value in changes.items() if value is not REMOVED}
    found = text
    for key, value in changes.items():
        if value is not REMOVED or key in before:
            found = _one(found, key, value)
    after = _config(found)
    if not _same_file(text, found, after, wanted):
        raise Uneditable("this YAML is written in a way that cannot be edited safely: change it in an editor")
    return found


def _one(text: str, key: str, value: Any) -> str:
    line_end = "\r\n" if "\r\n" in text else "\n"
    root = _composed(text)
    config = _child(root, CONFIG)
    if config is None:
        body = text if not text or text.endswith(("\n", "\r")) else text + line_end
        return f"{body}{CONFIG}:{line_end}{INDENT}{key}: {scalar(value)}{line_end}"
    if not isinstance(config, yaml.MappingNode) or not config.value:
        return _opened(text, root, config, f"{INDENT}{key}: {scalar(value)}", line_end)
    if config.flow_style:
        raise Uneditable(f"{CONFIG} is written in braces: write one setting a line")
    found = next(((name, node) for name, node in config.value if name.value == key), None)
    if found is not None:
        if value is REMOVED and len(config.value) == 1:  # nothing below it would be no mapping
            parent = next(name for name, node in root.value if node is config)
            return f"{text[: parent.start_mark.index]}{CONFIG}: {{}}{line_end}{text[_end(text, found[0]) :]}"
        return _replaced(text, *found, value, line_end)
    indent = " " * config.value[0][0].start_mark.column
    end = _end(text, config.value[-1][0])
    gap = "" if text[:end].endswith(("\n", "\r")) else line_end
    return f"{text[:end]}{gap}{indent}{key}: {scalar(value)}{line_end}{text[end:]}"


def _opened(text: str, root: Any, config: Any, line: str, line_end: str) -> str:
    """Return the text with the first line of a configuration that is empty: `config:` or `config: {}`."""
    name = next(name for name, node in root.value if node is config)
    rest = text[config.end_mark.index :] if config.end_mark.index > config.start_mark.index else ""
    if not rest:
        rest = text[name.end_mark.index :].partition(":")[2]
    tail, newline, more = rest.partition("\n")
    del newline
    return f"{text[: name.end_mark.index]}:{tail.rstrip()}{line_end}{line}{line_end}{more}"


def _replaced(text: str, name: Any, node: Any, value: Any, line_end: str) -> str:
    start, end = text.rfind("\n", 0, name.start_mark.index) + 1, _end(text, name)
    if value is REMOVED:
        return text[:start] + text[end:]
    one_line = isinstance(node, yaml.ScalarNode) and node.style in {None, "'", '"'} and _on_one_line(node)
    if one_line and node.end_mark.index > node.start_mark.index:
        written = scalar(value, node.style)
        return text[: node.start_mark.index] + written + text[node.end_mark.index :]
    comment = _COMMENT.match(text, name.end_mark.index + 1)
    indent = " " * name.start_mark.column
    ends = "" if end == len(text) and not text.endswith(("\n", "\r")) else line_end
    kept = comment.group() if comment and isinstance(node, yaml.ScalarNode) else ""
    written = f"{text[name.start_mark.index : name.end_mark.index]}: {scalar(value)}{kept}"
    return f"{text[:start]}{indent}{written}{ends}{text[end:]}"


def _on_one_line(node: Any) -> bool:
    return bool(node.start_mark.line == node.end_mark.line)


def _end(text: str, name: Any) -> int:
    """Return where the next line begins that is no part of a key's value: what is indented deeper is."""
    column = name.start_mark.column
    end = position = _next_line(text, name.end_mark.index)
    while position < len(text):
        following = _next_line(text, position)
        line = text[position:following]
        bare = line.strip()
        depth = len(line) - len(line.lstrip(" "))
        if bare and depth <= column and not (depth == column and re.match(r"-(\s|$)", bare)):
            break
        position = following
        if bare:
            end = position
    return end


def _next_line(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def scalar(value: Any, style: str | None = None) -> str:
    """Return a value as YAML on one line, in the quotes that were there.

    Args:
        value: what is said.
        style: the quote of the value that it takes the place of; None: none.
    """
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int):
        text = str(value)
    elif isinstance(value, str):
        safe = _PLAIN.fullmatch(value) is not None and _WORDS.fullmatch(value) is None
        style = style or (None if safe else '"')
        text = value
    else:
        return _quoted(value)
    if style == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return _quoted(text) if style else text


def _quoted(value: Any) -> str:
    """Return a value as JSON that every YAML reader takes: pairs of surrogates, which JSON joins, YAML does not."""
    return _UNPRINTED.sub(lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(value, ensure_ascii=False))


def _composed(text: str) -> Any:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise Uneditable(f"not YAML{f' (line {mark.line + 1})' if mark else ''}") from None


def _child(root: Any, name: str) -> Any:
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode):
        raise Uneditable("not one mapping of keys")
    return next((node for key, node in root.value if key.value == name), None)


def _config(text: str) -> dict[str, Any]:
    """Return the configuration that a text holds."""
    found = _loaded(text).get(CONFIG)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Uneditable(f"{CONFIG} is no mapping of keys")
    return found


def _loaded(text: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise Uneditable(f"not YAML{f' (line {mark.line + 1})' if mark else ''}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Uneditable("not one mapping of keys")
    return found


def _same_file(old: str, new: str, config: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether a text says what was asked for, and everything else as before."""
    before, after = _loaded(old), _loaded(new)
    rest = ({key: value for key, value in whole.items() if key != CONFIG} for whole in (before, after))
    return (
        next(rest) == next(rest)
        and config.keys() == wanted.keys()
        and all(_as_written(config[key]) == _as_written(value) for key, value in wanted.items())
    )


def _as_written(value: Any) -> Any:
    """Return a value so that `2` and `"2"`, which Pulumi hands over alike, are the same."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value
