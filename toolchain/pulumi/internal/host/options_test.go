package host

import (
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/protobuf/types/known/structpb"
)

func stringValue(text string) *structpb.Value { return structpb.NewStringValue(text) }

// Options name the package manager, the environment and the type checker.
func TestParseOptions(t *testing.T) {
	given := &structpb.Struct{Fields: map[string]*structpb.Value{
		"toolchain": stringValue("uv"), "virtualenv": stringValue(".venv"), "typechecker": stringValue("pyright"),
	}}
	parsed, err := parseOptions(&pulumirpc.ProgramInfo{RootDirectory: "/r", ProgramDirectory: "/r/p", Options: given})
	expected := toolchain.PythonOptions{
		Root: "/r", ProgramDir: "/r/p", Virtualenv: ".venv",
		Toolchain: toolchain.Uv, Typechecker: toolchain.TypeCheckerPyright,
	}
	if err != nil || parsed != expected {
		t.Errorf("parsed %+v, error %v", parsed, err)
	}
}

// All faulty options are named in one error, with what is allowed.
func TestParseOptionsNamesAllFaults(t *testing.T) {
	_, err := parseOptions(&pulumirpc.ProgramInfo{Options: &structpb.Struct{Fields: map[string]*structpb.Value{
		"toolchain": stringValue("conda"), "virtualenv": structpb.NewNumberValue(3), "typechecker": stringValue("pyre"),
	}}})
	for _, part := range []string{
		"virtualenv is 3, but must be a text",
		`toolchain is "conda", but must be pip or poetry or uv`,
		`typechecker is "pyre", but must be mypy or pyright`,
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
}

// Plugins get an environment of their own where they name none; programs and policy packs do not.
func TestOpenGivesPluginsAnEnvironment(t *testing.T) {
	for plugin, expected := range map[bool]string{true: pluginVirtualenv, false: ""} {
		opened, err := open(&pulumirpc.ProgramInfo{RootDirectory: t.TempDir()}, plugin)
		if err != nil || opened.options.Virtualenv != expected {
			t.Errorf("plugin %v: environment %q, error %v", plugin, opened.options.Virtualenv, err)
		}
	}
	if _, err := open(nil, false); err == nil {
		t.Error("a request about no program is accepted")
	}
}
