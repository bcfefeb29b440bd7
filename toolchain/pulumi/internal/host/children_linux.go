package host

import "syscall"

// attributes puts a child into a group of its own, and has the kernel kill it if this host is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
