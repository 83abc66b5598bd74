//go:build tools

package tools

import (
	_ "github.com/kedacore/keda/v2/cmd/adapter"  // keda-adapter
	_ "github.com/kedacore/keda/v2/cmd/operator" // keda-operator
)
