// Command pulumi-language-python lets Pulumi run programs and policy packs that are written in Python.
//
// The engine starts it with its own address as the only argument and reads the port that it serves on from the first
// line of its output. It is made for machines where the host of the official release cannot be had.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"

	"voltaic/toolchain/pulumi/internal/host"
)

// executorName is the script of Pulumi's Python package that loads a program; it lies beside this binary.
const executorName = "pulumi-language-python-exec"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-language-python:", err)
		os.Exit(1)
	}
}

func run() error {
	showVersion := flag.Bool("version", false, "print the version and exit")
	tracing := flag.String("tracing", "", "endpoint for traces, handed on to the program")
	executor := flag.String("use-executor", "", "script that loads the program, in place of the one beside this binary")
	flag.Parse() // the engine's own flags, -v and -logtostderr, come with the logging package

	if *showVersion {
		fmt.Println(version.Version)
		return nil
	}
	logging.InitLogging(false, 0, false)

	script, err := findExecutor(*executor)
	if err != nil {
		return err
	}
	// The engine ends its plugins with an interrupt, a terminal that closes with a hang-up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return host.Serve(ctx, host.Options{
		Executor:      script,
		EngineAddress: flag.Arg(0),
		Tracing:       *tracing,
	}, func(port int) { fmt.Println(port) })
}

// findExecutor returns the path of the script that loads programs.
func findExecutor(given string) (string, error) {
	path := given
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("cannot tell where this program lies: %w", err)
		}
		path = filepath.Join(filepath.Dir(self), executorName)
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s is missing: it belongs beside this program", path)
	} else if err != nil {
		return "", err
	}
	return path, nil
}
