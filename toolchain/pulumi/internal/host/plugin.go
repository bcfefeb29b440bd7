package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

// errNoDebugger says what this host leaves to the official one.
var errNoDebugger = errors.New(
	"this language host cannot attach a debugger: install the official Pulumi release, or run without --attach-debugger")

// RunPlugin runs a policy pack or another plugin, sends what it prints, and its exit code last.
func (h *Host) RunPlugin(r *pulumirpc.RunPluginRequest, answer pulumirpc.LanguageRuntime_RunPluginServer) error {
	if h.engineAddress() == "" {
		return errNoEngine
	}
	if r.GetAttachDebugger() {
		return errNoDebugger
	}
	ctx, release := h.bound(answer.Context())
	defer release()
	isPack := r.GetKind() == string(apitype.AnalyzerPlugin)
	plugin, err := open(r.GetInfo(), !isPack)
	if err != nil {
		return err
	}
	arguments, err := pluginArguments(r, plugin.options.Root, isPack)
	if err != nil {
		return err
	}
	command, err := plugin.Command(ctx, arguments...)
	if err != nil {
		return err
	}
	if command.Env == nil {
		command.Env = os.Environ()
	}
	answer = &inTurn{LanguageRuntime_RunPluginServer: answer}
	streams, stdout, stderr, err := rpcutil.MakeRunPluginStreams(answer, false)
	if err != nil {
		return err
	}
	defer func() { _ = streams.Close() }()

	command.Stderr = stderr
	if isPack {
		err = h.runPack(ctx, r, command, stdout)
	} else {
		command.Dir = r.GetPwd()
		command.Env = append(command.Env, r.GetEnv()...)
		command.Stdout = stdout
		err = h.runCommand(command, syscall.SIGTERM, command.Wait)
	}
	if ctx.Err() != nil {
		return ctx.Err() // nobody listens any more
	}
	code, err := exitCode(err)
	if err != nil {
		return fmt.Errorf("cannot run the plugin in %s: %w", r.GetInfo().GetProgramDirectory(), err)
	}
	return answer.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: code}})
}

// inTurn sends one message at a time. Output and errors are copied side by side, and a gRPC stream takes no two messages
// at once: the first of both would each send the header.
type inTurn struct {
	pulumirpc.LanguageRuntime_RunPluginServer

	mutex sync.Mutex
}

// Send waits for its turn and sends a message.
func (s *inTurn) Send(message *pulumirpc.RunPluginResponse) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.LanguageRuntime_RunPluginServer.Send(message)
}

// pluginArguments is how Python is started for a plugin: a policy pack by the module pulumi.policy, a folder with a
// __main__.py by itself, an installed package by the module pulumi.run.plugin.
func pluginArguments(r *pulumirpc.RunPluginRequest, root string, isPack bool) ([]string, error) {
	folder := r.GetInfo().GetProgramDirectory()
	_, err := os.Stat(filepath.Join(root, "__main__.py"))
	if errors.Is(err, os.ErrNotExist) {
		name, err := buildablePackage(root)
		if err != nil {
			return nil, err
		}
		return append([]string{"-m", "pulumi.run.plugin", name}, r.GetArgs()...), nil
	} else if err != nil {
		return nil, err
	}
	if isPack {
		return append(append([]string{"-u", "-m", "pulumi.policy"}, r.GetArgs()...), folder), nil
	}
	return append([]string{folder}, r.GetArgs()...), nil
}

// buildablePackage returns the name of the package in root, for a plugin without a __main__.py.
func buildablePackage(root string) (string, error) {
	buildable, err := toolchain.IsBuildablePackage(root)
	if err != nil {
		return "", err
	}
	if !buildable {
		return "", fmt.Errorf("%s has neither a __main__.py nor a pyproject.toml with a [build-system]", root)
	}
	declared, err := toolchain.LoadPyproject(root)
	if err != nil {
		return "", err
	}
	return declared.Project.Name, nil
}

// runPack runs a policy pack. A pack reads the stack's configuration from its environment, so it is started only when
// the engine has sent that to the proxy, which then stands between the two.
func (h *Host) runPack(
	ctx context.Context, r *pulumirpc.RunPluginRequest, command *exec.Cmd, stdout io.Writer,
) error {
	proxy, port, err := sdk.NewPolicyProxy(ctx, stdout)
	if err != nil {
		return fmt.Errorf("cannot serve the policy pack: %w", err)
	}
	stack, err := proxy.AwaitConfiguration(ctx)
	if err != nil {
		return fmt.Errorf("the engine has not said which stack the policy pack is for: %w", err)
	}
	if stack != nil {
		variables, err := packConfiguration(stack)
		if err != nil {
			return err
		}
		command.Env = append(command.Env, variables...)
	}
	command.Env = append(command.Env, r.GetEnv()...)
	command.Dir = r.GetInfo().GetProgramDirectory() // packs import and read what lies beside them
	command.Stdout = port
	// A pack has no state to save: it is killed at once, so that no run waits for it to end.
	return h.runCommand(command, syscall.SIGKILL, func() error { return proxy.Attach(ctx, command) })
}

// packConfiguration is the stack as a policy pack finds it in its environment.
func packConfiguration(stack *pulumirpc.AnalyzerStackConfigureRequest) ([]string, error) {
	var variables []string
	for _, variable := range []struct{ name, value string }{
		{"PULUMI_ORGANIZATION", stack.GetOrganization()},
		{"PULUMI_PROJECT", stack.GetProject()},
		{"PULUMI_STACK", stack.GetStack()},
		{"PULUMI_DRY_RUN", strconv.FormatBool(stack.GetDryRun())},
	} {
		if variable.value != "" {
			variables = append(variables, variable.name+"="+variable.value)
		}
	}
	if stack.GetConfig() != nil {
		encoded, err := json.Marshal(stack.GetConfig())
		if err != nil {
			return nil, fmt.Errorf("cannot hand on the stack's configuration: %w", err)
		}
		variables = append(variables, "PULUMI_CONFIG="+string(encoded))
	}
	return variables, nil
}

// runCommand starts a command and follows it with wait.
func (h *Host) runCommand(command *exec.Cmd, first syscall.Signal, wait func() error) error {
	finish, err := h.children.start(command, first)
	if err != nil {
		return err
	}
	defer finish()
	return wait()
}

// exitCode reads the exit code out of what waiting for a command returned.
func exitCode(err error) (int32, error) {
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // the latter: it ended well, but left something behind
		return 0, nil
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return int32(exit.ExitCode()), nil
	case errors.As(err, &exit):
		return 0, fmt.Errorf("it was ended from outside (%w)", exit)
	default:
		return 0, err
	}
}
