package host

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

// InstallDependencies makes the environment of a program or plugin and sends what the package manager prints.
func (h *Host) InstallDependencies(
	r *pulumirpc.InstallDependenciesRequest, answer pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	ctx, release := h.bound(answer.Context())
	defer release()
	program, err := open(r.GetInfo(), r.GetIsPlugin())
	if err != nil {
		return err
	}
	streams, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(answer, r.GetIsTerminal())
	if err != nil {
		return err
	}
	defer func() { _ = streams.Close() }()
	const show = true
	directory, languageTools := r.GetInfo().GetProgramDirectory(), r.GetUseLanguageVersionTools()

	fmt.Fprintf(stdout, "Installing dependencies of %s\n", directory)
	if r.GetIsPlugin() {
		buildable, err := toolchain.IsBuildablePackage(directory)
		if err != nil {
			return err
		}
		if buildable { // it is run as an installed package
			if err := program.EnsureVenv(ctx, directory, languageTools, show, stdout, stderr); err != nil {
				return err
			}
			command, err := program.ModuleCommand(ctx, "pip", "install", directory)
			if err != nil {
				return err
			}
			command.Stdout, command.Stderr = stdout, stderr
			if err := command.Run(); err != nil {
				return fmt.Errorf("cannot install the plugin in %s: %w", directory, err)
			}
		}
	}
	if err := program.InstallDependencies(ctx, directory, languageTools, show, stdout, stderr); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "Installed")
	return streams.Close()
}

// Template prepares a new project for its package manager.
func (h *Host) Template(
	request context.Context, r *pulumirpc.TemplateRequest,
) (*pulumirpc.TemplateResponse, error) {
	ctx, release := h.bound(request)
	defer release()
	program, err := open(r.GetInfo(), false)
	if err != nil {
		return nil, err
	}
	directory := r.GetInfo().GetProgramDirectory()
	if err := program.PrepareProject(ctx, r.GetProjectName(), directory, false, nil, nil); err != nil {
		return nil, err
	}
	return &pulumirpc.TemplateResponse{}, nil
}
