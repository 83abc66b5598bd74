//go:build tools

package tools

// data: sigs.k8s.io/karpenter kwok/apis/crds kwok/charts

import (
	_ "sigs.k8s.io/karpenter/kwok" // karpenter-kwok
)
