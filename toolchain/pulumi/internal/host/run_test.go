package host

import (
	"strings"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// run runs a real program with Pulumi's real script.
func run(t *testing.T, program string, change func(*pulumirpc.RunRequest)) (*pulumirpc.RunResponse, served, *engine) {
	t.Helper()
	e := startEngine(t)
	h := serve(t, Options{Executor: executor(t), EngineAddress: e.address})
	folder := write(t, map[string]string{"__main__.py": program})
	request := &pulumirpc.RunRequest{
		Project: "program", Stack: "test", Organization: "organization", Pwd: folder, Parallel: 4,
		MonitorAddress: e.address, Info: info(t, folder, environment(t)),
	}
	if change != nil {
		change(request)
	}
	answer, err := h.Run(within(t, time.Minute), request)
	if err != nil {
		t.Fatal(err)
	}
	return answer, h, e
}

// A program finds its stack, configuration and secrets, and what it prints reaches the engine's streams.
func TestRunGivesTheProgramItsStack(t *testing.T) {
	answer, h, _ := run(t, `
import pulumi
config = pulumi.Config()
print(pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization(), pulumi.runtime.is_dry_run())
print(config.require("plain"), pulumi.runtime.is_config_secret("program:hidden"))
pulumi.ComponentResource("a:b:C", "c", {"x": 1})
`, func(r *pulumirpc.RunRequest) {
		r.DryRun = true
		r.Config = map[string]string{"program:plain": "a value", "program:hidden": "a secret"}
		r.ConfigSecretKeys = []string{"program:hidden"}
	})
	if answer.GetError() != "" || answer.GetBail() {
		t.Fatalf("answer: %v, printed: %s", answer, h.printed)
	}
	const expected = "program test organization True\na value True\n"
	if h.printed.String() != expected {
		t.Errorf("printed %q, not %q", h.printed, expected)
	}
}

// Exit code 32 means that the user has seen the reason: nothing is added to it.
func TestRunBailsWhenTheProgramHasSaidWhy(t *testing.T) {
	answer, _, e := run(t, "raise ValueError('the shards do not fit')", nil)
	if answer.GetError() != "" || !answer.GetBail() {
		t.Errorf("answer: %v", answer)
	}
	if !strings.Contains(e.messages(), "ValueError: the shards do not fit") {
		t.Errorf("the engine was told: %s", e.messages())
	}
}

// A program that ends badly without a word is reported with its exit code, or with the signal that ended it.
func TestRunReportsHowTheProgramEnded(t *testing.T) {
	for program, expected := range map[string]string{
		"import os; os._exit(3)":                                  "the program ended with exit code 3",
		"import os, signal; os.kill(os.getpid(), signal.SIGKILL)": "the program was ended from outside (signal: killed)",
	} {
		if answer, _, _ := run(t, program, nil); answer.GetError() != expected || answer.GetBail() {
			t.Errorf("%s: %v", program, answer)
		}
	}
}

// An environment that is not there is an error that says how to make it, not a crash of the host.
func TestRunNeedsItsEnvironment(t *testing.T) {
	e := startEngine(t)
	h := serve(t, Options{Executor: executor(t), EngineAddress: e.address})
	folder := write(t, map[string]string{"__main__.py": ""})
	_, err := h.Run(within(t, time.Minute), &pulumirpc.RunRequest{Pwd: folder, Info: info(t, folder, "absent")})
	if err == nil || !strings.Contains(err.Error(), "-m venv") {
		t.Errorf("error: %v", err)
	}
}

// A type checker that the project asks for is run first, and what it finds is shown.
func TestRunChecksTypesFirst(t *testing.T) {
	e := startEngine(t)
	h := serve(t, Options{Executor: executor(t), EngineAddress: e.address})
	folder := write(t, map[string]string{"__main__.py": "number: int = 'text'\nprint('ran')\n"})
	described := info(t, folder, environment(t))
	described.Options.Fields["typechecker"] = stringValue("mypy")
	_, err := h.Run(within(t, time.Minute), &pulumirpc.RunRequest{Pwd: folder, Info: described})
	if err == nil || !strings.Contains(err.Error(), "Incompatible types in assignment") {
		t.Errorf("error: %v", err)
	}
	if strings.Contains(h.printed.String(), "ran") {
		t.Error("the program ran all the same")
	}
}

// Without an engine nothing can run; after a handshake it can.
func TestRunNeedsAnEngine(t *testing.T) {
	h := serve(t, Options{Executor: executor(t)})
	folder := write(t, map[string]string{"__main__.py": "print('ran')"})
	request := &pulumirpc.RunRequest{Project: "p", Stack: "s", Pwd: folder, Info: info(t, folder, environment(t))}
	if _, err := h.Run(within(t, time.Minute), request); err == nil || !strings.Contains(err.Error(), "Handshake") {
		t.Fatalf("error: %v", err)
	}
	e := startEngine(t)
	request.MonitorAddress = e.address
	if _, err := h.Handshake(within(t, time.Minute),
		&pulumirpc.LanguageHandshakeRequest{EngineAddress: e.address}); err != nil {
		t.Fatal(err)
	}
	answer, err := h.Run(within(t, time.Minute), request)
	if err != nil || answer.GetError() != "" || h.printed.String() != "ran\n" {
		t.Errorf("answer: %v, error: %v, printed: %s", answer, err, h.printed)
	}
}

// A debugger is refused with what to do instead.
func TestRunRefusesADebugger(t *testing.T) {
	answer, _, _ := run(t, "print('ran')", func(r *pulumirpc.RunRequest) { r.AttachDebugger = true })
	if !strings.Contains(answer.GetError(), "without --attach-debugger") {
		t.Errorf("answer: %v", answer)
	}
}
