//go:build tools

package tools

// data: github.com/kedacore/keda/v2 config/rbac config/metrics-server

import (
	_ "github.com/kedacore/keda/v2/cmd/adapter"  // keda-adapter
	_ "github.com/kedacore/keda/v2/cmd/operator" // keda-operator
)
