//go:build tools

package tools

import (
	_ "github.com/kedacore/http-add-on/interceptor" // http-interceptor
	_ "github.com/kedacore/http-add-on/operator"    // http-operator
	_ "github.com/kedacore/http-add-on/scaler"      // http-scaler
)
