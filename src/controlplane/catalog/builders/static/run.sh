#!/bin/sh
# Serves the site on $PORT (8080).
. "${0%/*}/common.sh"
root=${STATIC_ROOT:-$(cat "$app_root/etc/static-root" 2>/dev/null || echo .)}
exec node "$scripts/server.js" "$app_root/src/$root"
