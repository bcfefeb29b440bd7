"""Settings as plain values mean what the settings that pydantic reads mean."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from voltaic import settings
from voltaic.settings.decisive import Decisive, decisive, keys

MODEL = "mistralai/Mistral-7B-Instruct-v0.2"


def test_every_plain_setting_is_a_setting_of_the_stack() -> None:
    """Each key leads to the field of `Settings` with the same name, which is absent as the same value."""
    whole = settings.Settings.model_fields
    assert {name: info.alias for name, info in whole.items() if name in keys().values()} == {
        name: key for key, name in keys().items()
    }
    assert all(whole[field.name].default == field.default for field in fields(Decisive)[2:-1])


@pytest.mark.parametrize("profile", ["v100-2gpu", "a100-80gb x4"])
@pytest.mark.parametrize("model", [MODEL, "/data/model", "somebody/unknown"])
def test_two_plain_settings_derive_what_a_stack_file_derives(profile: str, model: str) -> None:
    """The short way and the reader of stack files end in the same spec."""
    plain = settings.of_profile_and_model(profile, model)
    assert plain is not None
    read = settings.read({"profile": profile, "model": model}, where="x")
    assert decisive(read) == plain
    assert settings.serving_spec(plain) == settings.serving_spec(read)


@pytest.mark.parametrize(
    ("profile", "model"),
    [("v900-2gpu", MODEL), ("", MODEL), ("v100-2gpu", ""), ("v100-2gpu", "a b"), ("v100-2gpu", "x" * 254)],
)
def test_what_is_at_fault_is_left_to_the_reader(profile: str, model: str) -> None:
    """The short way takes nothing that the reader of stack files refuses."""
    assert settings.of_profile_and_model(profile, model) is None
    with pytest.raises(settings.InvalidSettings):
        settings.read({"profile": profile, "model": model}, where="x")


def test_a_change_sets_and_removes_keys() -> None:
    """None is what the key means where it is absent."""
    stack = Decisive("v100-2gpu", MODEL, quantization="bitsandbytes", replicas=2)
    changed = stack.changed({"quantization": None, "replicas": None, "maxBatchSize": 3})
    assert changed == Decisive("v100-2gpu", MODEL, max_batch_size=3)
    assert changed.stated() == {"profile": "v100-2gpu", "model": MODEL, "maxBatchSize": 3}


def test_deriving_a_spec_needs_no_pydantic() -> None:
    """What `voltaic plan` derives for a profile and a model loads neither pydantic nor typer."""
    code = (
        "import sys; from voltaic import settings; "
        f"settings.serving_spec(settings.of_profile_and_model('v100-2gpu', '{MODEL}')); "
        "print(sorted({'pydantic', 'typer', 'rich'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
