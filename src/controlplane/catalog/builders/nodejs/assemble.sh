#!/bin/sh
# Builds a Node.js application: dependencies from the lock file if there is one, the build script, then only what production needs.
#   NODE_ENV        default production
#   DEV_MODE        true: development dependencies stay, the server restarts when files change
#   NPM_MIRROR      registry to install from
#   NPM_BUILD       script to build with; default build
set -e
app_root=${APP_ROOT:-/opt/app-root}
source=${S2I_SOURCE:-/tmp/src}
artifacts=${source%/src}/artifacts
scratch=${source%/src}

fail() {
  echo "error: $1" >&2
  exit 1
}

if [ "$DEV_MODE" = true ]; then : "${NODE_ENV:=development}"; else : "${NODE_ENV:=production}"; fi
export NODE_ENV
export npm_config_cache="$scratch/npm-cache" npm_config_update_notifier=false npm_config_fund=false npm_config_audit="${NPM_AUDIT:-false}" npm_config_loglevel="${NPM_LOGLEVEL:-warn}"
if [ -n "$NPM_MIRROR" ]; then
  echo "---> Using npm mirror $NPM_MIRROR"
  export npm_config_registry="$NPM_MIRROR"
fi

echo "---> Installing application source ..."
mkdir -p "$app_root/src" "$app_root/etc"
cp -Rf "$source/." "$app_root/src/"
cd "$app_root/src"
rm -f "$app_root/etc/start.sh"
[ -f package.json ] || [ -f server.js ] || fail "there is neither a package.json nor a server.js. If the application lies in a folder of the repository, name that folder as context directory."

if [ -d "$artifacts/node_modules" ] && [ ! -d node_modules ]; then
  echo "---> Restoring node_modules of the previous build ..."
  mv "$artifacts/node_modules" node_modules
fi

if [ -f package.json ]; then
  if [ -f package-lock.json ] || [ -f npm-shrinkwrap.json ]; then
    echo "---> Installing dependencies from the lock file: npm ci ..."
    NODE_ENV=development npm ci
  else
    echo "---> Installing dependencies: npm install ..."
    NODE_ENV=development npm install
  fi
  if node -e 'process.exit(((require("./package.json").scripts || {})[process.argv[1]]) ? 0 : 1)' "${NPM_BUILD:-build}"; then
    echo "---> Building: npm run ${NPM_BUILD:-build} ..."
    npm run "${NPM_BUILD:-build}"
  fi
  if [ "$NODE_ENV" != development ] && node -e 'process.exit(Object.keys(require("./package.json").devDependencies || {}).length ? 0 : 1)'; then
    echo "---> Removing development dependencies: npm prune ..."
    npm prune
  fi
fi

if [ -z "$NODE_CMD$NPM_RUN" ]; then
  echo "---> Looking for the start command ..."
  node "${0%/*}/start-command.js" > "$app_root/etc/start.sh" || fail 'nothing tells how to start the application. Add "scripts": { "start": "node server.js" } to package.json, or set NPM_RUN (a script of package.json) or NODE_CMD (a command) in the build.'
fi
# Any user of group 0 may write here, as OpenShift starts applications under a uid of its choosing.
chmod -R g=u "$app_root/src" 2>/dev/null || true
echo "---> Build completed."
