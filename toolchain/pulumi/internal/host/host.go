// Package host serves Pulumi's language protocol for Python: it finds the packages that a program needs, runs programs
// and policy packs, and ends what it started when the engine says so or goes away.
//
// Which interpreter and package manager a project uses (pip, poetry or uv, and the virtual environment) is decided by
// Pulumi's own toolchain package, so that a project behaves as it does under the official host.
package host

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Options is what a host is told when it starts.
type Options struct {
	// Executor is the path of Pulumi's script that loads a program.
	Executor string
	// EngineAddress is where the engine listens, "host:port". It may come later, by Handshake.
	EngineAddress string
	// Tracing is an endpoint for traces that is handed on to programs; empty for none.
	Tracing string
	// Stdout and Stderr receive what programs print. The engine reads them from the streams of the host's process.
	Stdout, Stderr io.Writer
}

// Host implements the engine's view of a language.
type Host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	options Options
	engine  atomic.Pointer[string]
	// running ends when the host is to stop: every child process is bound to it.
	running context.Context
	cancel  context.CancelFunc
	// gone is called when an engine that introduced itself by Handshake stops answering.
	gone     context.CancelFunc
	children children
}

// New returns a host whose work ends when ctx does, and that calls gone when its engine has left.
func New(ctx context.Context, options Options, gone context.CancelFunc) *Host {
	host := &Host{options: options, gone: gone}
	host.running, host.cancel = context.WithCancel(ctx)
	host.engine.Store(&options.EngineAddress)
	return host
}

// engineAddress is the engine's address, or "" as long as nobody has told it.
func (h *Host) engineAddress() string {
	return *h.engine.Load()
}

// bound returns a context that ends with the request, or with the host. The caller calls the returned function.
func (h *Host) bound(request context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(request)
	stop := context.AfterFunc(h.running, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// Handshake tells the host where its engine is, when the engine attaches to a host that already runs.
func (h *Host) Handshake(
	_ context.Context, request *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	address := request.GetEngineAddress()
	h.engine.Store(&address)
	if err := watchEngine(h.running, address, h.gone); err != nil {
		return nil, err
	}
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

// GetPluginInfo returns the version of this host, which is the version of Pulumi that it was built from.
func (h *Host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// Cancel ends every program and plugin that this host runs. Their own calls then return.
func (h *Host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}
