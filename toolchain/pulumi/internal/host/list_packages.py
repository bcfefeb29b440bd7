"""Print the distributions that have a pulumi-plugin.json, or a name like a provider's, as a JSON list."""

import importlib.metadata
import importlib.util
import json
import os
import re

listed = {}
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
        path = os.path.join(folder, "pulumi-plugin.json")
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                plugin = json.load(file)
            break
    if plugin is not None or canonical.startswith("pulumi-"):
        listed[name] = {"name": canonical, "version": distribution.version, "plugin": plugin}
    else:
        listed[name] = None
print(json.dumps([entry for entry in listed.values() if entry]))
