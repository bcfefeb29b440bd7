package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// errNoEngine says that the host was started by hand and nobody has introduced an engine.
var errNoEngine = errors.New("no engine is known: pass its address as argument, or call Handshake first")

// console shows passing messages in the engine's display while an environment is made.
type console struct {
	info, fault io.Writer
	close       func()
}

// console connects to the engine. Messages end with ctx.
func (h *Host) console(ctx context.Context) (console, error) {
	address := h.engineAddress()
	if address == "" {
		return console{}, errNoEngine
	}
	connection, err := grpc.NewClient(
		address, grpc.WithTransportCredentials(insecure.NewCredentials()), rpcutil.GrpcChannelOptions())
	if err != nil {
		return console{}, fmt.Errorf("cannot reach the engine at %s: %w", address, err)
	}
	engine := pulumirpc.NewEngineClient(connection)
	stream := rand.Int32() // messages of one stream belong together
	writer := func(severity pulumirpc.LogSeverity) io.Writer {
		return writerFunc(func(text []byte) error {
			_, err := engine.Log(ctx, &pulumirpc.LogRequest{
				Severity:  severity,
				Message:   strings.ToValidUTF8(string(text), "\ufffd"),
				StreamId:  stream,
				Ephemeral: true,
			})
			return err
		})
	}
	return console{
		info:  writer(pulumirpc.LogSeverity_INFO),
		fault: writer(pulumirpc.LogSeverity_ERROR),
		close: func() { _ = connection.Close() },
	}, nil
}

// writerFunc makes a writer of a function that takes everything or fails.
type writerFunc func([]byte) error

func (f writerFunc) Write(text []byte) (int, error) {
	if err := f(text); err != nil {
		return 0, err
	}
	return len(text), nil
}
