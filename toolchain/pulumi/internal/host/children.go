package host

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// graceTime is how long a process that is told to end may take to end before it is killed.
const graceTime = 2 * time.Second

// children keeps the processes that a host has started, each the leader of a process group of its own, so that what a
// program itself started can be ended with it. The zero value is ready.
type children struct {
	mutex  sync.Mutex
	groups map[int]struct{}
}

// start starts cmd and remembers it. When the context of cmd ends, first is sent to its whole group, and what is left
// after graceTime is killed. The caller waits for cmd itself and then calls the returned function, which ends whatever
// cmd has left behind.
func (c *children) start(cmd *exec.Cmd, first syscall.Signal) (finish func(), err error) {
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error {
		return signalGroup(cmd.Process.Pid, first)
	}
	cmd.WaitDelay = graceTime

	done := make(chan struct{})
	started := make(chan error)
	go func() {
		// Where the kernel ends children with their parent, "parent" means this thread: it must outlive the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			<-done
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}

	pid := cmd.Process.Pid
	c.mutex.Lock()
	if c.groups == nil {
		c.groups = map[int]struct{}{}
	}
	c.groups[pid] = struct{}{}
	c.mutex.Unlock()
	return sync.OnceFunc(func() {
		_ = signalGroup(pid, syscall.SIGKILL)
		c.mutex.Lock()
		delete(c.groups, pid)
		c.mutex.Unlock()
		close(done)
	}), nil
}

// kill ends every process that is still there, at once.
func (c *children) kill() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for pid := range c.groups {
		_ = signalGroup(pid, syscall.SIGKILL)
	}
}

// signalGroup sends a signal to a process group. That nobody is left in it is no error.
func signalGroup(pid int, signal syscall.Signal) error {
	err := syscall.Kill(-pid, signal)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
