package host

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/protobuf/types/known/structpb"
)

// About tells which Python and which package manager a program uses; without a program, those of the machine.
func (h *Host) About(request context.Context, r *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	ctx, release := h.bound(request)
	defer release()
	info := r.GetInfo()
	if info == nil {
		machine, err := structpb.NewStruct(map[string]any{"toolchain": "pip"})
		if err != nil {
			return nil, err
		}
		info = &pulumirpc.ProgramInfo{Options: machine}
	}
	program, err := open(info, false)
	if err != nil {
		return nil, err
	}
	found, err := program.About(ctx)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{
		Executable: found.PythonExecutable,
		Version:    found.PythonVersion.String(),
		Metadata: map[string]string{
			"toolchain":        toolchain.Name(program.options.Toolchain),
			"toolchainVersion": found.ToolchainVersion.String(),
			"typechecker":      toolchain.TypeCheckerName(program.options.Typechecker),
		},
	}, nil
}

// GetProgramDependencies lists the Python packages of a program, with those that they require if asked.
func (h *Host) GetProgramDependencies(
	request context.Context, r *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	ctx, release := h.bound(request)
	defer release()
	program, err := open(r.GetInfo(), false)
	if err != nil {
		return nil, err
	}
	packages, err := program.ListPackages(ctx, r.GetTransitiveDependencies())
	if err != nil {
		return nil, fmt.Errorf("cannot list the program's packages: %w", err)
	}
	answer := &pulumirpc.GetProgramDependenciesResponse{}
	for _, found := range packages {
		answer.Dependencies = append(answer.Dependencies,
			&pulumirpc.DependencyInfo{Name: found.Name, Version: found.Version})
	}
	return answer, nil
}

// RuntimeOptionsPrompts lists what `pulumi new` asks for a Python project.
func (h *Host) RuntimeOptionsPrompts(
	_ context.Context, r *pulumirpc.RuntimeOptionsRequest,
) (*pulumirpc.RuntimeOptionsResponse, error) {
	given := r.GetInfo().GetOptions().AsMap()
	answer := &pulumirpc.RuntimeOptionsResponse{}
	ask := func(key, question string, choices ...*pulumirpc.RuntimeOptionPrompt_RuntimeOptionValue) {
		answer.Prompts = append(answer.Prompts, &pulumirpc.RuntimeOptionPrompt{
			Key:         key,
			Description: question,
			PromptType:  pulumirpc.RuntimeOptionPrompt_STRING,
			Choices:     choices,
			Default:     choices[0],
		})
	}
	choice := func(value string) *pulumirpc.RuntimeOptionPrompt_RuntimeOptionValue {
		return &pulumirpc.RuntimeOptionPrompt_RuntimeOptionValue{
			PromptType: pulumirpc.RuntimeOptionPrompt_STRING, StringValue: value, DisplayName: value,
		}
	}
	manager, chosen := given["toolchain"]
	_, hasEnvironment := given["virtualenv"]
	if !chosen {
		others := plugin.MakeExecutablePromptChoices("poetry", "uv")
		ask("toolchain", "Package manager that installs the program's dependencies", append(
			[]*pulumirpc.RuntimeOptionPrompt_RuntimeOptionValue{choice("pip")}, others...)...)
	}
	if manager == "pip" && !hasEnvironment {
		ask("virtualenv", "Folder of the program's virtual environment", choice(pluginVirtualenv))
	}
	return answer, nil
}
