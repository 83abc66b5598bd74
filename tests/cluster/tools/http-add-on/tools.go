//go:build tools

package tools

// data: github.com/kedacore/http-add-on config/operator config/interceptor config/scaler

import (
	_ "github.com/kedacore/http-add-on/interceptor" // http-interceptor
	_ "github.com/kedacore/http-add-on/operator"    // http-operator
	_ "github.com/kedacore/http-add-on/scaler"      // http-scaler
)
