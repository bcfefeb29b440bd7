"""Print the distributions that have a pulumi-plugin.json, or a name like a provider's, as a JSON list."""

import importlib.metadata
import importlib.util
import json
import pathlib
import re

listed: dict[str, dict[str, object] | None] = {}
for distribution in importlib.metadata.distributions():
    name = distribution.metadata["Name"]
    if not name or name in listed:  # the first on the path is the one that is imported
        continue
    canonical = re.sub(r"[-_.]+", "-", name).lower()
    plugin = None
    try:
        spec = importlib.util.find_spec(name.replace("-", "_"))
    except (ImportError, ValueError):
        spec = None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = pathlib.Path(folder, "pulumi-plugin.json")
        if path.is_file():
            plugin = json.loads(path.read_text(encoding="utf-8"))
            break
    if plugin is not None or canonical.startswith("pulumi-"):
        listed[name] = {"name": canonical, "version": distribution.version, "plugin": plugin}
    else:
        listed[name] = None
print(json.dumps([entry for entry in listed.values() if entry]))
