package host

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// About names the environment's Python and the package manager.
func TestAbout(t *testing.T) {
	h := serve(t, Options{})
	virtualenv := environment(t)
	answer, err := h.About(within(t, time.Minute), &pulumirpc.AboutRequest{Info: info(t, t.TempDir(), virtualenv)})
	if err != nil {
		t.Fatal(err)
	}
	if answer.GetExecutable() != filepath.Join(virtualenv, "bin", "python") || !strings.HasPrefix(answer.GetVersion(), "3.") {
		t.Errorf("answer: %v", answer)
	}
	if answer.GetMetadata()["toolchain"] != "Pip" || answer.GetMetadata()["typechecker"] != "None" {
		t.Errorf("metadata: %v", answer.GetMetadata())
	}
}

// Without a program, About speaks of the machine's own Python.
func TestAboutWithoutAProgram(t *testing.T) {
	h := serve(t, Options{})
	answer, err := h.About(within(t, time.Minute), &pulumirpc.AboutRequest{})
	if err != nil || answer.GetExecutable() == "" {
		t.Errorf("answer: %v, error: %v", answer, err)
	}
}

// The packages of a program are listed with their versions.
func TestGetProgramDependencies(t *testing.T) {
	h := serve(t, Options{})
	answer, err := h.GetProgramDependencies(within(t, time.Minute), &pulumirpc.GetProgramDependenciesRequest{
		Info: info(t, t.TempDir(), environment(t)), TransitiveDependencies: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dependency := range answer.GetDependencies() {
		if dependency.GetName() == "pulumi" && dependency.GetVersion() != "" {
			return
		}
	}
	t.Errorf("pulumi is not among %v", answer.GetDependencies())
}

// The host's version is that of Pulumi.
func TestGetPluginInfo(t *testing.T) {
	h := serve(t, Options{})
	answer, err := h.GetPluginInfo(within(t, time.Minute), &emptypb.Empty{})
	if err != nil || answer.GetVersion() != version.Version {
		t.Errorf("answer: %v, error: %v", answer, err)
	}
}

// A new project is asked for its package manager, then for its environment, and for nothing that is given.
func TestRuntimeOptionsPrompts(t *testing.T) {
	h := serve(t, Options{})
	for _, example := range []struct {
		given    map[string]any
		expected []string
	}{
		{map[string]any{}, []string{"toolchain"}},
		{map[string]any{"toolchain": "pip"}, []string{"virtualenv"}},
		{map[string]any{"toolchain": "pip", "virtualenv": ".venv"}, nil},
		{map[string]any{"toolchain": "uv"}, nil},
	} {
		options, err := structpb.NewStruct(example.given)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := h.RuntimeOptionsPrompts(within(t, time.Minute),
			&pulumirpc.RuntimeOptionsRequest{Info: &pulumirpc.ProgramInfo{Options: options}})
		if err != nil {
			t.Fatal(err)
		}
		var asked []string
		for _, prompt := range answer.GetPrompts() {
			asked = append(asked, prompt.GetKey())
			if prompt.GetDefault().GetStringValue() == "" || len(prompt.GetChoices()) == 0 {
				t.Errorf("prompt without choice: %v", prompt)
			}
		}
		if strings.Join(asked, " ") != strings.Join(example.expected, " ") {
			t.Errorf("%v: asked for %v", example.given, asked)
		}
	}
}

// What this host leaves to the official one is refused as unimplemented, which the engine understands.
func TestUnimplemented(t *testing.T) {
	h := serve(t, Options{})
	_, err := h.GenerateProject(within(t, time.Minute), &pulumirpc.GenerateProjectRequest{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("error: %v", err)
	}
}

// fakePython stands for the machine's Python: it makes an "environment" whose Python is itself, and says what it is asked.
const fakePython = `#!/bin/sh
echo "asked: $*"
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
case "$*" in *broken*) echo "cannot install" >&2; exit 1 ;; esac
`

// Dependencies are installed in a new environment, and what the package manager prints is sent.
func TestInstallDependencies(t *testing.T) {
	machine := write(t, map[string]string{"fake-python": fakePython})
	t.Setenv("PULUMI_PYTHON_CMD", "fake-python")
	t.Setenv("PATH", machine+string(os.PathListSeparator)+os.Getenv("PATH"))
	h := serve(t, Options{})
	folder := write(t, map[string]string{"requirements.txt": "pulumi\n"})
	answer, err := h.InstallDependencies(within(t, time.Minute),
		&pulumirpc.InstallDependenciesRequest{Info: info(t, folder, "environment")})
	if err != nil {
		t.Fatal(err)
	}
	said := ""
	for {
		message, err := answer.Recv()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		said += string(message.GetStdout())
	}
	for _, part := range []string{
		"Installing dependencies of " + folder, "asked: -m pip install -r requirements.txt", "Installed\n",
	} {
		if !strings.Contains(said, part) {
			t.Errorf("%q is not in: %s", part, said)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "environment", "bin", "python")); err != nil {
		t.Error(err)
	}
}

// A failed installation is an error with the package manager's words.
func TestInstallDependenciesFails(t *testing.T) {
	machine := write(t, map[string]string{"fake-python": strings.ReplaceAll(fakePython, "*broken*", "*requirements*")})
	t.Setenv("PULUMI_PYTHON_CMD", "fake-python")
	t.Setenv("PATH", machine+string(os.PathListSeparator)+os.Getenv("PATH"))
	h := serve(t, Options{})
	folder := write(t, map[string]string{"requirements.txt": "pulumi\n"})
	answer, err := h.InstallDependencies(within(t, time.Minute),
		&pulumirpc.InstallDependenciesRequest{Info: info(t, folder, "environment")})
	for err == nil {
		_, err = answer.Recv()
	}
	if !strings.Contains(err.Error(), "cannot install") {
		t.Errorf("error: %v", err)
	}
}
