#!/bin/sh
# Starts a Node.js application: NODE_CMD, else the npm script NPM_RUN, else the start script.
app_root=${APP_ROOT:-/opt/app-root}
export PORT="${PORT:-8080}" HOST="${HOST:-0.0.0.0}" npm_config_update_notifier=false npm_config_cache="${npm_config_cache:-${TMPDIR:-/tmp}/npm-cache}"
if [ "$DEV_MODE" = true ]; then : "${NODE_ENV:=development}"; else : "${NODE_ENV:=production}"; fi
export NODE_ENV
cd "$app_root/src" || exit 1
PATH="$app_root/src/node_modules/.bin:$PATH"
export PATH
if [ "$DEV_MODE" = true ] && [ -x node_modules/.bin/nodemon ]; then
  exec nodemon --inspect="${DEBUG_PORT:-5858}"
fi
if [ -n "$NODE_CMD" ]; then
  exec /bin/sh -c "exec $NODE_CMD"
fi
if [ -z "$NPM_RUN" ] && [ -f "$app_root/etc/start.sh" ]; then
  . "$app_root/etc/start.sh"
fi
exec npm run "${NPM_RUN:-start}"
