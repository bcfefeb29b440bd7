package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

// exitShown is the exit code of a program that has already shown its user why it ends.
const exitShown = 32

// Run runs a program to its end. The answer's error is for the user; bail means that there is nothing to add.
func (h *Host) Run(request context.Context, r *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	if h.engineAddress() == "" {
		return nil, errNoEngine
	}
	if r.GetAttachDebugger() {
		return &pulumirpc.RunResponse{Error: errNoDebugger.Error()}, nil
	}
	ctx, release := h.bound(request)
	defer release()
	program, err := open(r.GetInfo(), false)
	if err != nil {
		return nil, err
	}
	if err := program.ValidateVenv(ctx); err != nil {
		return nil, err
	}
	if err := h.checkTypes(ctx, program); err != nil {
		return nil, err
	}
	command, err := program.Command(ctx, h.programArguments(r)...)
	if err != nil {
		return nil, err
	}
	if command.Env == nil {
		command.Env = os.Environ()
	}
	configuration, err := programConfiguration(r)
	if err != nil {
		return nil, err
	}
	command.Env = append(command.Env, configuration...)
	// Files, not pipes: what a dying program has written is with the engine before it is gone.
	command.Stdout, command.Stderr = h.options.Stdout, h.options.Stderr

	// Not an interrupt: on that Python would show its user a traceback.
	finish, err := h.children.start(command, syscall.SIGTERM)
	if err != nil {
		return nil, fmt.Errorf("cannot start the program: %w", err)
	}
	defer finish()
	err = command.Wait()
	if ctx.Err() != nil {
		return &pulumirpc.RunResponse{Bail: true}, nil // the engine itself has ended it and says so
	}
	return runResponse(err), nil
}

// runResponse says how a program has ended.
func runResponse(err error) *pulumirpc.RunResponse {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}
	case !errors.As(err, &exit):
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("cannot follow the program: %v", err)}
	case exit.ExitCode() == exitShown:
		return &pulumirpc.RunResponse{Bail: true}
	case exit.ExitCode() >= 0:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program ended with exit code %d", exit.ExitCode())}
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program was ended from outside (%v)", exit)}
	}
}

// programArguments is the command line of Pulumi's script that loads a program.
func (h *Host) programArguments(r *pulumirpc.RunRequest) []string {
	arguments := []string{h.options.Executor}
	for _, option := range []struct{ name, value string }{
		{"monitor", r.GetMonitorAddress()},
		{"engine", h.engineAddress()},
		{"project", r.GetProject()},
		{"stack", r.GetStack()},
		{"organization", r.GetOrganization()},
		{"root_directory", r.GetInfo().GetRootDirectory()},
		{"pwd", r.GetPwd()},
		{"dry_run", strconv.FormatBool(r.GetDryRun())},
		{"parallel", strconv.Itoa(int(r.GetParallel()))},
		{"tracing", h.options.Tracing},
	} {
		if option.value != "" {
			arguments = append(arguments, "--"+option.name, option.value)
		}
	}
	arguments = append(arguments, r.GetInfo().GetEntryPoint())
	return append(arguments, r.GetArgs()...)
}

// programConfiguration is the stack's configuration as a program finds it in its environment.
func programConfiguration(r *pulumirpc.RunRequest) ([]string, error) {
	values, secrets := r.GetConfig(), r.GetConfigSecretKeys()
	if secrets == nil {
		secrets = []string{}
	}
	var environment []string
	if values != nil {
		encoded, err := json.Marshal(values)
		if err != nil {
			return nil, fmt.Errorf("cannot hand on the configuration: %w", err)
		}
		environment = append(environment, "PULUMI_CONFIG="+string(encoded))
	}
	encoded, err := json.Marshal(secrets)
	if err != nil {
		return nil, fmt.Errorf("cannot hand on the names of the secrets: %w", err)
	}
	return append(environment, "PULUMI_CONFIG_SECRET_KEYS="+string(encoded)), nil
}

// checkTypes runs the type checker that the project asks for, if it does, over the program.
func (h *Host) checkTypes(ctx context.Context, program project) error {
	var arguments []string
	switch program.options.Typechecker {
	case toolchain.TypeCheckerMypy:
		arguments = []string{"mypy"}
		if environment, err := program.VirtualEnvPath(ctx); err == nil && environment != "" {
			if inside, err := filepath.Rel(program.options.ProgramDir, environment); err == nil {
				arguments = append(arguments, "--exclude", inside)
			}
		}
	case toolchain.TypeCheckerPyright:
		arguments = []string{"pyright"}
	default:
		return nil
	}
	name := arguments[0]
	arguments = append(arguments, program.options.ProgramDir)
	command, err := program.ModuleCommand(ctx, name, arguments[1:]...)
	if err != nil {
		return err
	}
	command.Dir = program.options.ProgramDir
	if found, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("the type checker %s does not accept the program (%w):\n%s", name, err, found)
	}
	return nil
}
