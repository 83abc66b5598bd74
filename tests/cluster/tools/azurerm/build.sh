#!/usr/bin/env bash
# Builds the real azurerm provider from its Go module and lays it out as a Terraform filesystem mirror.
# Once per version: about 13 minutes on two cores, 3.6 GB of memory, 225 MB of result. Prints the mirror's path.
set -euo pipefail

module=github.com/hashicorp/terraform-provider-azurerm
version=v1.44.1-0.20260824201233-fae580791926 # the module has no v5 path, so its tag v5.2.0 is reached by the commit
sum='h1:SOgvTJZXNyxmkHHHx8ifgotbvhOi/eadVkoyBNr+4hk='
release=5.2.0

command -v go >/dev/null || {
  echo "azurerm $release cannot be built: no \`go\` on this machine; install Go 1.26.6 or later" >&2
  exit 3
}

mirror=${WORKADAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/workaday}/providers
folder=$mirror/registry.terraform.io/hashicorp/azurerm/$release/$(go env GOOS)_$(go env GOARCH)
binary=$folder/terraform-provider-azurerm_v$release

if [[ ! -x $binary ]]; then
  found=$(go mod download -json "$module@$version" | sed -n 's/^\t"Sum": "\(.*\)",$/\1/p')
  [[ $found == "$sum" ]] || {
    echo "azurerm $release: the module's checksum is $found, not the pinned $sum" >&2
    exit 1
  }
  mkdir -p "$folder"
  scratch=$(mktemp -d "$folder/.build.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  echo "building azurerm $release (about 13 minutes, once)" >&2
  # One package at a time: its largest ones need more than a gigabyte each. No symbol table: half the size.
  GOBIN=$scratch nice -n 19 go install -p 1 -trimpath \
    -ldflags "-s -w -X $module/version.ProviderVersion=$release" "$module@$version" >&2
  mv "$scratch/terraform-provider-azurerm" "$binary" # whole or not at all
fi
echo "$mirror"
