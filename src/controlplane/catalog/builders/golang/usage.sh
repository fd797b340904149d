#!/bin/sh
cat <<'TEXT'
Builds Go applications from source with this machine's own Go.
  Build:  go build of the source's main package, with modules, or without them at IMPORT_URL
  Start:  the program, on $PORT (8080), in the folder of the source
Variables: IMPORT_URL, INSTALL_URL, GO_BUILD_ARGS, GO_RUN_ARGS, GOPROXY, GONOSUMDB, GOPRIVATE, GOFLAGS, CGO_ENABLED, PORT, HOST
TEXT
