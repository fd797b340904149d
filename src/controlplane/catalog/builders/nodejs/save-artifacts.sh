#!/bin/sh
# One tar on standard output: what the next build need not fetch again.
cd "${APP_ROOT:-/opt/app-root}/src" || exit 1
[ -d node_modules ] || mkdir node_modules
exec tar cf - node_modules
