// Command pulumi-resource-kubernetes is Pulumi's Kubernetes provider.
//
// The published module keeps the provider in a package and its schema in a file that Go does not let another module
// embed. The two JSON files beside this one are therefore placeholders: a plain `go build` uses them and gives a provider
// that serves stacks; the set-up builds with `-overlay`, which puts the files of the required module in their place and
// gives the whole provider, `pulumi import` included.
package main

import (
	"bytes"
	_ "embed"
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

const (
	name = "kubernetes"
	// fallbackVersion is what a build without the linker's stamp reports: the release that go.mod requires.
	fallbackVersion = "4.25.0"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var mapping []byte

// versioned returns the schema with its version as first key, as the release has it. The file has none.
func versioned(schema []byte, version string) []byte {
	open := []byte("{")
	stamp := fmt.Appendf(nil, "{%q:%q,", "version", version)
	return bytes.Replace(schema, open, stamp, 1)
}

func main() {
	release := version.Version
	if release == "" {
		release = fallbackVersion
	}
	provider.Serve(name, release, versioned(schema, release), mapping)
}
