package host

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// sleeper is a stand-in for Pulumi's script: a program that starts a child of its own, says so, and sleeps.
const sleeper = `
import os, signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])
with open("pids.part", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename("pids.part", "pids")
time.sleep(600)
`

// sleeping is a program that sleeps under a host.
type sleeping struct {
	folder  string
	program *pulumirpc.RunRequest
}

func newSleeping(t *testing.T, arguments ...string) sleeping {
	t.Helper()
	folder := write(t, map[string]string{"exec.py": sleeper})
	return sleeping{folder, &pulumirpc.RunRequest{
		Pwd: folder, Args: arguments, Info: info(t, folder, environment(t)), Project: "p", Stack: "s",
	}}
}

// pids waits until the program sleeps, and returns its process and its child's.
func (s sleeping) pids(t *testing.T) []int {
	t.Helper()
	path := filepath.Join(s.folder, "pids")
	eventually(t, "the program starts", 20*time.Second, func() bool { _, err := os.Stat(path); return err == nil })
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, word := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, pid)
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	}
	return found
}

func expectGone(t *testing.T, limit time.Duration, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d is gone", pid), limit, func() bool { return !alive(pid) })
	}
}

// runSleeping starts the program under a host of this process; the channel gets Run's answer.
func runSleeping(t *testing.T, ctx context.Context, s sleeping) (served, []int, chan *pulumirpc.RunResponse) {
	t.Helper()
	e := startEngine(t)
	t.Chdir(s.folder) // the stand-in does not change into the program's folder
	h := serve(t, Options{Executor: filepath.Join(s.folder, "exec.py"), EngineAddress: e.address})
	answered := make(chan *pulumirpc.RunResponse, 1)
	go func() {
		answer, _ := h.Run(ctx, s.program)
		answered <- answer
	}()
	return h, s.pids(t), answered
}

// Cancelling ends the program and what the program has started; neither the program nor the call adds anything to the
// engine's word.
func TestCancelLeavesNoChild(t *testing.T) {
	h, pids, answered := runSleeping(t, within(t, time.Minute), newSleeping(t))
	if _, err := h.Cancel(within(t, time.Minute), &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	expectGone(t, 5*time.Second, pids...)
	if answer := <-answered; !answer.GetBail() || answer.GetError() != "" {
		t.Errorf("answer: %v", answer)
	}
	if printed := h.printed.String(); printed != "" {
		t.Errorf("the program printed %q", printed)
	}
}

// A program that does not heed the first signal is killed, before the engine would lose patience with the host.
func TestCancelKillsAStubbornProgram(t *testing.T) {
	h, pids, _ := runSleeping(t, within(t, time.Minute), newSleeping(t, "stubborn"))
	began := time.Now()
	if _, err := h.Cancel(within(t, time.Minute), &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	expectGone(t, shutdownLimit, pids...)
	if took := time.Since(began); took < graceTime/2 {
		t.Errorf("killed after %v, which leaves no time to end by itself", took)
	}
}

// An engine that hangs up takes its program with it.
func TestAnAbandonedCallLeavesNoChild(t *testing.T) {
	ctx, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	_, pids, _ := runSleeping(t, ctx, newSleeping(t))
	hangUp()
	expectGone(t, 5*time.Second, pids...)
}

// hostProcess starts a host in a process group of its own, as the engine does, with a sleeping program.
func hostProcess(t *testing.T, e *engine, s sleeping) (*exec.Cmd, []int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self, e.address)
	command.Dir = s.folder
	command.Env = append(os.Environ(), asHost+"="+filepath.Join(s.folder, "exec.py"))
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	h := client(t, port)
	go func() { _, _ = h.Run(context.Background(), s.program) }()
	return command, s.pids(t)
}

// The engine ends a host by an interrupt to its process group: nothing of it is left, and it ends well.
func TestAnInterruptedHostLeavesNoChild(t *testing.T) {
	for _, kind := range []string{"obedient", "stubborn"} {
		t.Run(kind, func(t *testing.T) {
			command, pids := hostProcess(t, startEngine(t), newSleeping(t, kind))
			if err := syscall.Kill(-command.Process.Pid, syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- command.Wait() }()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("the host ended with %v", err)
				}
			case <-time.After(5 * time.Second):
				t.Error("the host lives longer than the engine waits")
			}
			expectGone(t, time.Second, pids...)
		})
	}
}

// A host that is killed takes its program with it, where the kernel can do that.
func TestAKilledHostLeavesNoProgram(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a child with its parent")
	}
	command, pids := hostProcess(t, startEngine(t), newSleeping(t))
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	expectGone(t, 5*time.Second, pids[0])
}

// A host whose engine was killed notices, and leaves with everything that it runs.
func TestAHostLeavesWithItsEngine(t *testing.T) {
	e := startEngine(t)
	command, pids := hostProcess(t, e, newSleeping(t))
	e.stop()
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		t.Fatal("the host stays without an engine")
	}
	expectGone(t, time.Second, pids...)
}
