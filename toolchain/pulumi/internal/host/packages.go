package host

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/logging"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// listPackages prints the distributions of an environment that may need a Pulumi plugin, as JSON.
//
//go:embed list_packages.py
var listPackages string

// libraries are packages whose names look like a provider's, but that need no plugin and do not say so.
var libraries = map[string]bool{"pulumi-policy": true, "pulumi-esc-sdk": true}

// installed is one line of listPackages' answer.
type installed struct {
	Name    string                   `json:"name"`
	Version string                   `json:"version"`
	Plugin  *plugin.PulumiPluginJSON `json:"plugin"`
}

// GetRequiredPackages lists the providers that the packages in the program's environment ask for. The environment is
// made first if the project names one that is not there.
func (h *Host) GetRequiredPackages(
	request context.Context, r *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	ctx, release := h.bound(request)
	defer release()
	program, err := open(r.GetInfo(), false)
	if err != nil {
		return nil, err
	}
	console, err := h.console(ctx)
	if err != nil {
		return nil, err
	}
	defer console.close()
	const languageTools, show = false, true
	directory := r.GetInfo().GetProgramDirectory()
	if err := program.EnsureVenv(ctx, directory, languageTools, show, console.info, console.fault); err != nil {
		return nil, err
	}
	printed, err := program.output(ctx, "-c", listPackages)
	if err != nil {
		return nil, fmt.Errorf("cannot list the packages of the program's environment: %w", err)
	}
	var found []installed
	if err := json.Unmarshal(printed, &found); err != nil {
		return nil, fmt.Errorf("cannot read the list of the environment's packages: %w", err)
	}
	answer := &pulumirpc.GetRequiredPackagesResponse{}
	for _, candidate := range found {
		if dependency := candidate.dependency(); dependency != nil {
			answer.Packages = append(answer.Packages, dependency)
		}
	}
	return answer, nil
}

// dependency returns what the package requires, or nil if it requires no plugin or none that can be named.
func (i installed) dependency() *pulumirpc.PackageDependency {
	if libraries[i.Name] || (i.Plugin != nil && !i.Plugin.Resource) {
		return nil
	}
	result := &pulumirpc.PackageDependency{Kind: "resource", Name: strings.TrimPrefix(i.Name, "pulumi-")}
	declared := ""
	if i.Plugin != nil {
		declared = i.Plugin.Version
		result.Server = i.Plugin.Server
		result.Parameterization = parameterization(i.Plugin.Parameterization)
		result.Extension = parameterization(i.Plugin.ExtensionParameterization)
		if i.Plugin.Name != "" {
			result.Name = i.Plugin.Name
		}
	}
	if declared == "" {
		derived, err := semanticVersion(i.Version)
		if err != nil {
			logging.V(5).Infof("package %s: %v", i.Name, err)
			return nil
		}
		declared = derived
	}
	result.Version = "v" + strings.TrimPrefix(declared, "v")
	return result
}

func parameterization(declared *plugin.PulumiParameterizationJSON) *pulumirpc.PackageParameterization {
	if declared == nil {
		return nil
	}
	return &pulumirpc.PackageParameterization{Name: declared.Name, Version: declared.Version, Value: declared.Value}
}
