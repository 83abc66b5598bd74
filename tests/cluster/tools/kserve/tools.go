//go:build tools

package tools

// data: github.com/kserve/kserve charts/kserve-resources charts/kserve-runtime-configs charts/kserve-crd

import (
	_ "github.com/kserve/kserve/cmd/manager" // kserve-manager
)
