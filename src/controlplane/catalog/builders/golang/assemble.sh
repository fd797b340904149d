#!/bin/sh
# Builds a Go application into one program.
#   IMPORT_URL      import path of the source, where it has no go.mod and imports itself by it
#   INSTALL_URL     package to build, as an import path or a folder (./cmd/server); default: the source itself, or its one main package
#   GO_BUILD_ARGS   more arguments of go build
set -e
. "${0%/*}/common.sh"
export GOCACHE="$cache/go-build" GOMODCACHE="$cache/go-mod" GOENV=off GOTOOLCHAIN="${GOTOOLCHAIN:-local}" GOTMPDIR="${TMPDIR:-/tmp}" HOME="${HOME:-$app_root/src}"
# Module files that nobody may write could not be deleted with the cache.
export GOFLAGS="${GOFLAGS:+$GOFLAGS }-modcacherw"
export GOPATH="$scratch/go"
if [ -z "$CGO_ENABLED" ] && ! has gcc && ! has cc && ! has clang; then export CGO_ENABLED=0; fi

take_source
version=$(go env GOVERSION)
hint="If a module could not be fetched, check the network or set GOPROXY; if go.sum lacks an entry, run \"go mod tidy\" in the source and commit go.mod and go.sum; if the code asks for a newer Go than this machine's ($version), install that."
target=$INSTALL_URL

if [ -f go.mod ]; then
  wanted=$(sed -n 's/^go \([0-9.]*\).*/\1/p' go.mod | head -n 1)
  newest=$(printf '%s\n%s\n' "${wanted:-0}" "${version#go}" | sort -V | tail -n 1)
  [ "$newest" = "${version#go}" ] || [ -z "$wanted" ] || warn "go.mod asks for Go $wanted and this machine has $version."
  export GO111MODULE=on
else
  # As before modules: the source lies at its import path, dependencies in vendor or Godeps.
  export GO111MODULE=off
  GOFLAGS=${GOFLAGS%-modcacherw}
  if [ -n "$IMPORT_URL" ]; then
    mkdir -p "$GOPATH/src/${IMPORT_URL%/*}"
    cp -RPf "$app_root/src" "$GOPATH/src/$IMPORT_URL"
    cd "$GOPATH/src/$IMPORT_URL"
    target=${INSTALL_URL:-$IMPORT_URL}
  fi
  [ ! -d Godeps/_workspace ] || GOPATH="$PWD/Godeps/_workspace:$GOPATH"
fi

if [ -z "$target" ]; then
  if ls ./*.go >/dev/null 2>&1 && grep -q '^package main' ./*.go; then
    target=.
  else
    mains=$(go list -f '{{if eq .Name "main"}}{{.Dir}}{{end}}' ./... 2>"$scratch/list.log" | sed "s#^$PWD#.#") || { cat "$scratch/list.log" >&2; fail "the packages of the source cannot be listed. $hint"; }
    case $(echo "$mains" | grep -c .) in
      0) fail "the source has no main package. If it lies in a folder of the repository, name that folder as context directory." ;;
      1) target=$mains ;;
      *) fail "the source has several main packages: $(echo $mains). Set INSTALL_URL to the one that is the application, e.g. INSTALL_URL=$(echo "$mains" | head -n 1)." ;;
    esac
  fi
fi
case $target in /*) target=".${target#"$PWD"}" ;; esac
say "Building: go build $GO_BUILD_ARGS $target ($version) ..."
go build -o "$app_root/gobinary" $GO_BUILD_ARGS "$target" || fail "go build failed. $hint"
[ -f "$app_root/gobinary" ] || fail "$target is no main package: nothing came of it that can be started."
say "Build completed."
