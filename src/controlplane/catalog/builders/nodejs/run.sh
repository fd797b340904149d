#!/bin/sh
# Starts a Node.js application: NODE_CMD, else the npm script NPM_RUN, else the start script.
. "${0%/*}/common.sh"
export npm_config_update_notifier=false npm_config_cache="${npm_config_cache:-${TMPDIR:-/tmp}/npm-cache}"
if [ "$DEV_MODE" = true ]; then : "${NODE_ENV:=development}"; else : "${NODE_ENV:=production}"; fi
export NODE_ENV
cd "$app_root/src" || exit 1
PATH="$app_root/src/node_modules/.bin:$PATH"
export PATH
if [ "$DEV_MODE" = true ] && [ -z "$SUPERVISED" ]; then
  if [ -x node_modules/.bin/nodemon ]; then
    exec nodemon --inspect="${DEBUG_PORT:-5858}"
  fi
  # Node's own watcher from 18.11 on.
  file=$(sed -n "s/^exec node '\{0,1\}\([^ ']*\)'\{0,1\}\$/\1/p" "$app_root/etc/start.sh" 2>/dev/null)
  if [ -n "$file" ] && node --watch --version >/dev/null 2>&1; then
    echo "---> nodemon is not among the dependencies: node --watch restarts the server"
    exec node --watch --inspect="${DEBUG_PORT:-5858}" "$file"
  fi
  supervise "$0"
fi
if [ -n "$NODE_CMD" ]; then
  exec /bin/sh -c "exec $NODE_CMD"
fi
if [ -z "$NPM_RUN" ] && [ -f "$app_root/etc/start.sh" ]; then
  . "$app_root/etc/start.sh"
fi
exec npm run "${NPM_RUN:-start}"
