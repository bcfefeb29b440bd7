package host

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

const (
	// engineCheckInterval is how soon a host whose engine was killed notices and leaves.
	engineCheckInterval = 5 * time.Second
	// shutdownLimit is how long a stopping host waits for its calls. The engine kills a host after 5 seconds, and would
	// leave the processes that are in groups of their own.
	shutdownLimit = 4 * time.Second
)

// Serve serves until ctx ends or the engine is gone, calls ready with the port once, and leaves no child behind.
func Serve(ctx context.Context, options Options, ready func(port int)) error {
	if options.Stdout == nil {
		options.Stdout = os.Stdout
	}
	if options.Stderr == nil {
		options.Stderr = os.Stderr
	}
	// stopping ends with the process's own life; h.running ends also when the engine cancels an operation.
	stopping, stop := context.WithCancel(ctx)
	defer stop()
	h := New(stopping, options, stop)
	defer h.children.kill()
	if options.EngineAddress != "" {
		if err := watchEngine(stopping, options.EngineAddress, stop); err != nil {
			return err
		}
	}

	cancel := make(chan bool)
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancel,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, h)
			return nil
		},
		Options: rpcutil.TracingServerInterceptorOptions(nil),
	})
	if err != nil {
		return fmt.Errorf("cannot serve: %w", err)
	}
	ready(handle.Port)

	select {
	case err := <-handle.Done:
		return err
	case <-stopping.Done():
	}
	close(cancel)
	select {
	case err := <-handle.Done:
		return err
	case <-time.After(shutdownLimit):
		return nil // what still runs is killed by the deferred call
	}
}

// watchEngine calls gone when the engine at address stops answering, as long as ctx lasts.
func watchEngine(ctx context.Context, address string, gone context.CancelFunc) error {
	if err := rpcutil.Healthcheck(ctx, address, engineCheckInterval, gone); err != nil {
		return fmt.Errorf("cannot watch the engine at %s: %w", address, err)
	}
	return nil
}
