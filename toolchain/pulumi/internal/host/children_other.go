//go:build unix && !linux

package host

import "syscall"

// attributes puts a child into a group of its own. Only Linux ends a child with its parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
