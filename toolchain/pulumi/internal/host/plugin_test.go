package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// collect reads a plugin's messages to their end.
func collect(t *testing.T, answer pulumirpc.LanguageRuntime_RunPluginClient) (stdout, stderr string, codes []int32) {
	t.Helper()
	for {
		message, err := answer.Recv()
		if errors.Is(err, io.EOF) {
			return stdout, stderr, codes
		} else if err != nil {
			t.Fatal(err)
		}
		if len(codes) > 0 {
			t.Errorf("%v comes after the exit code", message)
		}
		switch output := message.GetOutput().(type) {
		case *pulumirpc.RunPluginResponse_Stdout:
			stdout += string(output.Stdout)
		case *pulumirpc.RunPluginResponse_Stderr:
			stderr += string(output.Stderr)
		case *pulumirpc.RunPluginResponse_Exitcode:
			codes = append(codes, output.Exitcode)
		}
	}
}

// A plugin is run with its arguments, folder and environment; what it prints is sent, its exit code last.
func TestRunPluginStreamsAndExitCode(t *testing.T) {
	for _, code := range []int32{0, 7} {
		e := startEngine(t)
		h := serve(t, Options{EngineAddress: e.address})
		pwd := t.TempDir()
		folder := write(t, map[string]string{"__main__.py": `
import os, sys
print("out", sys.argv[1:], os.environ["GIVEN"], os.getcwd())
print("err", file=sys.stderr)
sys.exit(int(sys.argv[1]))
`})
		answer, err := h.RunPlugin(within(t, time.Minute), &pulumirpc.RunPluginRequest{
			Pwd: pwd, Args: []string{strconv.Itoa(int(code)), "more"}, Env: []string{"GIVEN=yes"}, Kind: "resource",
			Info: info(t, folder, environment(t)),
		})
		if err != nil {
			t.Fatal(err)
		}
		stdout, stderr, codes := collect(t, answer)
		if expected := fmt.Sprintf("out ['%d', 'more'] yes %s\n", code, pwd); stdout != expected || stderr != "err\n" {
			t.Errorf("printed %q and %q, not %q", stdout, stderr, expected)
		}
		if len(codes) != 1 || codes[0] != code {
			t.Errorf("exit codes %v, not one %d", codes, code)
		}
	}
}

// clashing counts the messages that are sent while another one is.
type clashing struct {
	pulumirpc.LanguageRuntime_RunPluginServer

	sending, clashes atomic.Int32
}

func (c *clashing) Send(*pulumirpc.RunPluginResponse) error {
	if c.sending.Add(1) > 1 {
		c.clashes.Add(1)
	}
	time.Sleep(time.Millisecond)
	c.sending.Add(-1)
	return nil
}

// Output and errors that come at once are sent one after the other.
func TestRunPluginSendsOneMessageAtATime(t *testing.T) {
	stream := &clashing{}
	answer := &inTurn{LanguageRuntime_RunPluginServer: stream}
	var senders sync.WaitGroup
	for range 4 {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for range 5 {
				if err := answer.Send(&pulumirpc.RunPluginResponse{}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	senders.Wait()
	if clashes := stream.clashes.Load(); clashes != 0 {
		t.Errorf("%d messages were sent while another one was", clashes)
	}
}

// A folder that is no plugin is refused with what it lacks.
func TestRunPluginNeedsAProgram(t *testing.T) {
	e := startEngine(t)
	h := serve(t, Options{EngineAddress: e.address})
	answer, err := h.RunPlugin(within(t, time.Minute),
		&pulumirpc.RunPluginRequest{Kind: "resource", Info: info(t, t.TempDir(), environment(t))})
	if err == nil {
		_, err = answer.Recv()
	}
	if err == nil || !strings.Contains(err.Error(), "neither a __main__.py nor a pyproject.toml") {
		t.Errorf("error: %v", err)
	}
}

const pack = `
import os
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

with open("seen", "w") as file:
    file.write(" ".join(os.environ[name] for name in ("PULUMI_PROJECT", "PULUMI_STACK", "PULUMI_DRY_RUN", "PULUMI_CONFIG")))
PolicyPack("pack", policies=[
    ResourceValidationPolicy(name="rule", description="A rule.", validate=lambda args, report: report("no")),
], enforcement_level=EnforcementLevel.MANDATORY)
`

// A real policy pack is served through the proxy, with the stack's configuration, and ends when the engine hangs up.
func TestRunPluginServesAPolicyPack(t *testing.T) {
	e := startEngine(t)
	h := serve(t, Options{EngineAddress: e.address})
	folder := write(t, map[string]string{"__main__.py": pack, "PulumiPolicy.yaml": "runtime: python\n"})
	ctx, hangUp := context.WithCancel(within(t, time.Minute))
	answer, err := h.RunPlugin(ctx, &pulumirpc.RunPluginRequest{
		Args: []string{e.address}, Env: os.Environ(), Kind: "analyzer", Info: info(t, folder, environment(t)),
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := answer.Recv()
	if err != nil {
		t.Fatal(err)
	}
	port := strings.TrimSpace(string(first.GetStdout()))
	connection, err := grpc.NewClient("127.0.0.1:"+port, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	analyzer := pulumirpc.NewAnalyzerClient(connection)
	if _, err := analyzer.ConfigureStack(ctx, &pulumirpc.AnalyzerStackConfigureRequest{
		Project: "project", Stack: "stack", DryRun: true, Config: map[string]string{"project:key": "value"},
	}); err != nil {
		t.Fatal(err)
	}
	info, err := analyzer.GetAnalyzerInfo(ctx, &emptypb.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	if info.GetName() != "pack" || len(info.GetPolicies()) != 1 {
		t.Errorf("info: %v", info)
	}
	seen, err := os.ReadFile(folder + "/seen")
	if expected := `project stack true {"project:key":"value"}`; err != nil || string(seen) != expected {
		t.Errorf("the pack saw %s (%v), not %s", seen, err, expected)
	}
	hangUp()
	eventually(t, "the pack ends", 5*time.Second, func() bool {
		_, err := analyzer.GetPluginInfo(context.Background(), &emptypb.Empty{})
		return err != nil
	})
}

// A pack that cannot be imported is reported, with what its Python says.
func TestRunPluginReportsABrokenPack(t *testing.T) {
	e := startEngine(t)
	h := serve(t, Options{EngineAddress: e.address})
	folder := write(t, map[string]string{"__main__.py": "import no_such_module", "PulumiPolicy.yaml": "runtime: python\n"})
	answer, err := h.RunPlugin(within(t, time.Minute), &pulumirpc.RunPluginRequest{
		Args: []string{e.address}, Env: os.Environ(), Kind: "analyzer", Info: info(t, folder, environment(t)),
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := answer.Recv()
	if err != nil {
		t.Fatal(err)
	}
	connection, err := grpc.NewClient("127.0.0.1:"+strings.TrimSpace(string(first.GetStdout())),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_, _ = pulumirpc.NewAnalyzerClient(connection).ConfigureStack(
		within(t, time.Minute), &pulumirpc.AnalyzerStackConfigureRequest{Project: "p", Stack: "s"})
	said := ""
	for err == nil {
		var message *pulumirpc.RunPluginResponse
		message, err = answer.Recv()
		said += string(message.GetStderr()) + string(message.GetStdout())
	}
	if !strings.Contains(said, "No module named 'no_such_module'") {
		t.Errorf("said: %s", said)
	}
	if errors.Is(err, io.EOF) {
		t.Error("the pack's failure looks like a good end")
	}
}
