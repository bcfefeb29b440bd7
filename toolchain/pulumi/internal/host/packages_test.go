package host

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Versions of Python packages become those of plugins; those that have no counterpart are refused.
func TestSemanticVersion(t *testing.T) {
	for given, expected := range map[string]string{
		"1": "1.0.0", "1.2": "1.2.0", "4.25.0": "4.25.0", "1.2.3.4": "1.2.3.4",
		"1.2.3a4": "1.2.3-alpha.4", "1.2.3b4": "1.2.3-beta.4", "1.2.3rc4": "1.2.3-rc.4",
		"1.2.3.post4": "1.2.3+post4", "1.2.3.dev5": "1.2.3+dev5", "1.2.3rc4.post4.dev5": "1.2.3-rc.4+post4dev5",
		"1!2.0": "", "1.2+local": "", "": "", "latest": "", "1.": "",
	} {
		if version, err := semanticVersion(given); version != expected || (err == nil) != (expected != "") {
			t.Errorf("%q: %q, %v", given, version, err)
		}
	}
}

// install writes a package as an installer would.
func install(t *testing.T, packages, name, version, module, plugin string) {
	t.Helper()
	files := map[string]string{
		filepath.Join(name+"-"+version+".dist-info", "METADATA"): "Metadata-Version: 2.1\nName: " + name +
			"\nVersion: " + version + "\n",
	}
	if module != "" {
		files[filepath.Join(module, "__init__.py")] = "raise SystemExit('must not be imported')\n"
	}
	if plugin != "" {
		files[filepath.Join(module, "pulumi-plugin.json")] = plugin
	}
	for path, text := range files {
		full := filepath.Join(packages, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The providers are those that the environment's packages declare, or are named after; libraries are none.
func TestRequiredPackages(t *testing.T) {
	virtualenv, packages := bareEnvironment(t)
	install(t, packages, "pulumi_kubernetes", "4.25.0", "pulumi_kubernetes",
		`{"resource": true, "name": "kubernetes", "version": "4.25.0"}`)
	install(t, packages, "pulumi_random", "4.1.2rc1", "pulumi_random", `{"resource": true, "server": "https://s"}`)
	install(t, packages, "acme-cloud", "1.0", "acme_cloud",
		`{"resource": true, "name": "base", "version": "v2.0.0",
		  "parameterization": {"name": "acme", "version": "1.0.0", "value": "aGk="}}`)
	install(t, packages, "pulumi-old", "0.9", "pulumi_old", "")
	install(t, packages, "pulumi-helpers", "1.0", "pulumi_helpers", `{"resource": false}`)
	install(t, packages, "pulumi-policy", "1.21.0", "pulumi_policy", "")
	install(t, packages, "pulumi-nightly", "1.0+local", "pulumi_nightly", "")
	install(t, packages, "requests", "2.0", "requests", "")

	e := startEngine(t)
	h := serve(t, Options{EngineAddress: e.address})
	folder := t.TempDir()
	answer, err := h.GetRequiredPackages(within(t, time.Minute),
		&pulumirpc.GetRequiredPackagesRequest{Info: info(t, folder, virtualenv)})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, dependency := range answer.GetPackages() {
		text := dependency.GetKind() + " " + dependency.GetVersion() + " " + dependency.GetServer()
		if p := dependency.GetParameterization(); p != nil {
			text += p.GetName() + "@" + p.GetVersion() + "=" + string(p.GetValue())
		}
		found[dependency.GetName()] = strings.TrimSpace(text)
	}
	expected := map[string]string{
		"kubernetes": "resource v4.25.0",
		"random":     "resource v4.1.2-rc.1 https://s",
		"base":       "resource v2.0.0 acme@1.0.0=hi",
		"old":        "resource v0.9.0",
	}
	if !maps.Equal(found, expected) {
		t.Errorf("found %v, not %v", found, expected)
	}
}

// What is wrong with an environment is said, with the words of its Python.
func TestRequiredPackagesOfABrokenEnvironment(t *testing.T) {
	virtualenv, packages := bareEnvironment(t)
	install(t, packages, "pulumi-broken", "1.0", "pulumi_broken", "{not json")
	e := startEngine(t)
	h := serve(t, Options{EngineAddress: e.address})
	_, err := h.GetRequiredPackages(within(t, time.Minute),
		&pulumirpc.GetRequiredPackagesRequest{Info: info(t, t.TempDir(), virtualenv)})
	if err == nil || !strings.Contains(err.Error(), "JSONDecodeError") {
		t.Errorf("error: %v", err)
	}
}
