package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pluginVirtualenv is the environment of a plugin that names none: plugins never use the machine's own packages.
const pluginVirtualenv = "venv"

// parseOptions reads the `runtime.options` of a project file. All faults are reported at once.
func parseOptions(info *pulumirpc.ProgramInfo) (toolchain.PythonOptions, error) {
	parsed := toolchain.PythonOptions{Root: info.GetRootDirectory(), ProgramDir: info.GetProgramDirectory()}
	var faults []string
	read := func(key string, use func(string) bool, allowed ...string) {
		value, given := info.GetOptions().AsMap()[key]
		if !given {
			return
		}
		if text, ok := value.(string); !ok {
			faults = append(faults, fmt.Sprintf("%s is %v, but must be a text", key, value))
		} else if !use(text) {
			faults = append(faults, fmt.Sprintf("%s is %q, but must be %s", key, text, strings.Join(allowed, " or ")))
		}
	}
	read("virtualenv", func(path string) bool { parsed.Virtualenv = path; return true })
	read("toolchain", func(name string) bool {
		switch name {
		case "pip":
			parsed.Toolchain = toolchain.Pip
		case "poetry":
			parsed.Toolchain = toolchain.Poetry
		case "uv":
			parsed.Toolchain = toolchain.Uv
		default:
			return false
		}
		return true
	}, "pip", "poetry", "uv")
	read("typechecker", func(name string) bool {
		switch name {
		case "mypy":
			parsed.Typechecker = toolchain.TypeCheckerMypy
		case "pyright":
			parsed.Typechecker = toolchain.TypeCheckerPyright
		default:
			return false
		}
		return true
	}, "mypy", "pyright")
	if len(faults) > 0 {
		return parsed, status.Error(codes.InvalidArgument, "runtime options: "+strings.Join(faults, "; "))
	}
	return parsed, nil
}

// project is a program or plugin together with the tool chain that runs it.
type project struct {
	toolchain.Toolchain
	options toolchain.PythonOptions
}

// open finds the tool chain of a program. A plugin (but not a policy pack) has an environment of its own.
func open(info *pulumirpc.ProgramInfo, plugin bool) (project, error) {
	if info == nil {
		return project{}, status.Error(codes.InvalidArgument, "the request does not say which program it is about")
	}
	options, err := parseOptions(info)
	if err != nil {
		return project{}, err
	}
	ownPackages := options.Toolchain == toolchain.Pip || options.Toolchain == toolchain.Auto
	if plugin && ownPackages && options.Virtualenv == "" {
		options.Virtualenv = pluginVirtualenv
	}
	chain, err := toolchain.ResolveToolchain(options)
	if err != nil {
		return project{}, err
	}
	return project{Toolchain: chain, options: options}, nil
}

// output runs Python in the project's environment and returns what it prints.
func (p project) output(ctx context.Context, arguments ...string) ([]byte, error) {
	command, err := p.Command(ctx, arguments...)
	if err != nil {
		return nil, err
	}
	var complaint strings.Builder
	command.Stderr = &complaint
	printed, err := command.Output()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", command.Path, err), errors.New(strings.TrimSpace(complaint.String())))
	}
	return printed, nil
}
