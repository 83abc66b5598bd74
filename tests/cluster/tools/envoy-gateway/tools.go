//go:build tools

package tools

// data: github.com/envoyproxy/gateway charts/gateway-helm

import (
	_ "github.com/envoyproxy/gateway/cmd/egctl"         // egctl
	_ "github.com/envoyproxy/gateway/cmd/envoy-gateway" // envoy-gateway
)
