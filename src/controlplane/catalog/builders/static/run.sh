#!/bin/sh
# Serves the site on $PORT (8080).
app_root=${APP_ROOT:-/opt/app-root}
export PORT="${PORT:-8080}" HOST="${HOST:-0.0.0.0}"
root=${STATIC_ROOT:-$(cat "$app_root/etc/static-root" 2>/dev/null || echo .)}
exec node "${0%/*}/server.js" "$app_root/src/$root"
