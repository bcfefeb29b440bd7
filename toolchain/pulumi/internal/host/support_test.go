package host

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// asHost makes this test binary behave as a host: "EXECUTOR ENGINE".
const asHost = "VOLTAIC_TEST_AS_HOST"

func TestMain(m *testing.M) {
	if executor, ok := os.LookupEnv(asHost); ok {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		options := Options{Executor: executor, EngineAddress: os.Args[1]}
		if err := Serve(ctx, options, func(port int) { fmt.Println(port) }); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// engine is a stand-in for Pulumi's engine and resource monitor.
type engine struct {
	pulumirpc.UnimplementedEngineServer
	pulumirpc.UnimplementedResourceMonitorServer

	address string
	stop    func()
	mutex   sync.Mutex
	logged  []string
}

func startEngine(t *testing.T) *engine {
	t.Helper()
	e := &engine{}
	cancel := make(chan bool)
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{Cancel: cancel, Init: func(server *grpc.Server) error {
		pulumirpc.RegisterEngineServer(server, e)
		pulumirpc.RegisterResourceMonitorServer(server, e)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	e.address = fmt.Sprintf("127.0.0.1:%d", handle.Port)
	e.stop = sync.OnceFunc(func() { close(cancel) })
	t.Cleanup(e.stop)
	return e
}

func (e *engine) Log(_ context.Context, r *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.logged = append(e.logged, r.GetMessage())
	return &emptypb.Empty{}, nil
}

func (e *engine) messages() string {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return strings.Join(e.logged, "\n")
}

func (e *engine) GetRootResource(
	context.Context, *pulumirpc.GetRootResourceRequest,
) (*pulumirpc.GetRootResourceResponse, error) {
	return &pulumirpc.GetRootResourceResponse{}, nil
}

func (e *engine) SetRootResource(
	context.Context, *pulumirpc.SetRootResourceRequest,
) (*pulumirpc.SetRootResourceResponse, error) {
	return &pulumirpc.SetRootResourceResponse{}, nil
}

func (e *engine) SupportsFeature(
	context.Context, *pulumirpc.SupportsFeatureRequest,
) (*pulumirpc.SupportsFeatureResponse, error) {
	return &pulumirpc.SupportsFeatureResponse{}, nil
}

func (e *engine) RegisterResource(
	_ context.Context, r *pulumirpc.RegisterResourceRequest,
) (*pulumirpc.RegisterResourceResponse, error) {
	urn := "urn:pulumi:test::program::" + r.GetType() + "::" + r.GetName()
	return &pulumirpc.RegisterResourceResponse{Urn: urn, Object: r.GetObject()}, nil
}

func (e *engine) RegisterResourceOutputs(
	context.Context, *pulumirpc.RegisterResourceOutputsRequest,
) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// served is a host that this process serves, and what its programs print.
type served struct {
	pulumirpc.LanguageRuntimeClient
	printed *syncBuffer
	stop    context.CancelFunc
	ended   chan error
}

// serve serves a host until the test ends.
func serve(t *testing.T, options Options) served {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	printed := &syncBuffer{}
	if options.Stdout == nil {
		options.Stdout, options.Stderr = printed, printed
	}
	port := make(chan int, 1)
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, options, func(p int) { port <- p }) }()
	t.Cleanup(func() {
		stop()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("the host does not stop")
		}
	})
	select {
	case p := <-port:
		return served{client(t, p), printed, stop, ended}
	case err := <-ended:
		t.Fatalf("the host does not serve: %v", err)
	}
	panic("unreachable")
}

func client(t *testing.T, port int) pulumirpc.LanguageRuntimeClient {
	t.Helper()
	connection, err := grpc.NewClient(
		fmt.Sprintf("127.0.0.1:%d", port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return pulumirpc.NewLanguageRuntimeClient(connection)
}

// syncBuffer is a buffer that several goroutines may write to.
type syncBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(text []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(text)
}

func (b *syncBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

// environment returns the checkout's Python environment, which has the Pulumi package.
func environment(t *testing.T) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		candidate := filepath.Join(folder, ".venv")
		if _, err := os.Stat(filepath.Join(candidate, "bin", "python")); err == nil {
			return candidate
		}
	}
	t.Fatal("these tests need the Python environment of the checkout: run `make setup`")
	return ""
}

// bareEnvironment makes an environment without any package and returns it and its folder of packages.
func bareEnvironment(t *testing.T) (environmentPath, packages string) {
	t.Helper()
	python := filepath.Join(environment(t), "bin", "python")
	made := filepath.Join(t.TempDir(), "venv")
	if out, err := exec.Command(python, "-m", "venv", "--without-pip", made).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(made, "lib", "python3*", "site-packages"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages of %s: %v %v", made, found, err)
	}
	return made, found[0]
}

// executor returns Pulumi's script that loads programs: beside the built host, or in Go's module cache.
func executor(t *testing.T) string {
	t.Helper()
	const name = "pulumi-language-python-exec"
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "..", "bin", name)
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3").Output()
	if err != nil {
		t.Fatalf("cannot find %s: %v", name, err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "python", "cmd", name)
}

// write makes a folder with the given files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// info describes a program in folder that uses the pip toolchain and the given environment.
func info(t *testing.T, folder, virtualenv string) *pulumirpc.ProgramInfo {
	t.Helper()
	options, err := structpb.NewStruct(map[string]any{"toolchain": "pip", "virtualenv": virtualenv})
	if err != nil {
		t.Fatal(err)
	}
	return &pulumirpc.ProgramInfo{RootDirectory: folder, ProgramDirectory: folder, EntryPoint: ".", Options: options}
}

// within returns a context that ends when a test has taken too long.
func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until check holds.
func eventually(t *testing.T, what string, limit time.Duration, check func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if check() {
			return
		}
	}
	t.Fatalf("not within %v: %s", limit, what)
}

// alive tells whether a process runs; a zombie does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	out, err := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}
