package host

import (
	"fmt"
	"regexp"
	"strings"
)

// pythonVersion matches the versions of Python packages that have a counterpart among semantic versions.
var pythonVersion = regexp.MustCompile(
	`^(?P<release>\d+(?:\.\d+)*)(?:(?P<stage>a|b|rc)(?P<number>\d+))?(?:\.post(?P<post>\d+))?(?:\.dev(?P<dev>\d+))?$`)

// stages are Python's pre-release letters in the words of semantic versions.
var stages = map[string]string{"a": "alpha", "b": "beta", "rc": "rc"}

// semanticVersion translates the version of a Python package into that of its plugin: 1.2 is 1.2.0, 1.2.3rc4 is
// 1.2.3-rc.4, 1.2.3.post4.dev5 is 1.2.3+post4dev5. Versions with an epoch or a local part have no counterpart.
func semanticVersion(version string) (string, error) {
	match := pythonVersion.FindStringSubmatch(version)
	if match == nil {
		return "", fmt.Errorf("version %q of a Python package has no plugin version", version)
	}
	part := func(name string) string { return match[pythonVersion.SubexpIndex(name)] }

	numbers := strings.Split(part("release"), ".")
	for len(numbers) < 3 {
		numbers = append(numbers, "0")
	}
	result := strings.Join(numbers, ".")
	if stage := part("stage"); stage != "" {
		result += "-" + stages[stage] + "." + part("number")
	}
	build := ""
	if post := part("post"); post != "" {
		build += "post" + post
	}
	if dev := part("dev"); dev != "" {
		build += "dev" + dev
	}
	if build != "" {
		result += "+" + build
	}
	return result, nil
}
