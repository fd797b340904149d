#!/bin/sh
# Starts the program; it listens on $PORT (8080).
. "${0%/*}/common.sh"
cd "$app_root/src" || exit 1
exec "$app_root/gobinary" $GO_RUN_ARGS
