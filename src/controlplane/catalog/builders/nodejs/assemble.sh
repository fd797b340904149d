#!/bin/sh
# Builds a Node.js application: dependencies from the lock file if there is one, the build script, then only what production needs.
#   NODE_ENV        default production
#   DEV_MODE        true: development dependencies stay, the server restarts when files change
#   NPM_MIRROR      registry to install from; NPM_TOKEN: the token it asks for
#   NPM_BUILD       script to build with; default build
set -e
. "${0%/*}/common.sh"

if [ "$DEV_MODE" = true ]; then : "${NODE_ENV:=development}"; else : "${NODE_ENV:=production}"; fi
export NODE_ENV
export npm_config_cache="$cache/npm" npm_config_update_notifier=false npm_config_fund=false npm_config_audit="${NPM_AUDIT:-false}" npm_config_loglevel="${npm_config_loglevel:-${NPM_LOGLEVEL:-warn}}"
if [ -n "$NPM_MIRROR" ]; then
  say "Using npm mirror $(shown "$NPM_MIRROR")"
  export npm_config_registry="$NPM_MIRROR"
fi
if [ -n "$NPM_TOKEN" ]; then
  registry=${npm_config_registry:-https://registry.npmjs.org/}
  registry=${registry#*://}
  # npm itself puts the token in, so that no file holds it.
  printf '//%s:_authToken=${NPM_TOKEN}\n' "${registry#*@}" > "$scratch/npmrc"
  export npm_config_userconfig="$scratch/npmrc"
fi

take_source
rm -f "$app_root/etc/start.sh"
[ -f package.json ] || [ -f server.js ] || fail "there is neither a package.json nor a server.js. If the application lies in a folder of the repository, name that folder as context directory."
plan=$(node "$scripts/plan.js") || exit 1
eval "$plan"
[ -z "$plan_no_run" ] || fail "NPM_RUN names the script \"$NPM_RUN\", which package.json does not have. Scripts there: $plan_no_run."

# install: npm's own work, with the likely cause where it fails.
install() {
  if [ -n "$plan_lock" ]; then
    say "Installing dependencies from the lock file: npm ci ..."
    NODE_ENV=development npm ci || fail "npm ci failed. If it says that package.json and the lock file are not in sync, run \"npm install\" in the source and commit package-lock.json. If a package could not be fetched, check the network, or name a registry with NPM_MIRROR."
  else
    [ -z "$plan_other_lock" ] || warn "$plan_other_lock is another package manager's lock file and is not read: versions are resolved anew. For the same versions in every build run \"npm install\" and commit package-lock.json."
    say "Installing dependencies: npm install ..."
    NODE_ENV=development npm install || fail "npm install failed. If a package could not be fetched, check the network, or name a registry with NPM_MIRROR."
  fi
}

if [ -n "$plan_manifest" ]; then
  kept="$cache/node_modules/$plan_key"
  if [ -n "$plan_key" ] && [ -d "$kept" ] && [ ! -e node_modules ]; then
    say "Restoring node_modules of an earlier build with the same lock file ..."
    cp -RPf "$kept" node_modules
    touch "$kept"
  else
    restore node_modules
    install
    if [ -n "$plan_key" ] && [ -n "$S2I_DEPENDENCY_CACHE" ] && [ -d node_modules ]; then
      mkdir -p "$cache/node_modules"
      # The two used last stay.
      ls -1t "$cache/node_modules" | tail -n +2 | while read -r name; do rm -rf "$cache/node_modules/$name"; done
      cp -RPf node_modules "$cache/node_modules/new" && mv "$cache/node_modules/new" "$kept" || rm -rf "$cache/node_modules/new"
    fi
  fi
  if [ -n "$plan_build" ]; then
    say "Building: npm run ${NPM_BUILD:-build} ..."
    npm run "${NPM_BUILD:-build}"
  elif [ -n "$NPM_BUILD" ]; then
    warn "package.json has no script \"$NPM_BUILD\" (NPM_BUILD); nothing is built."
  fi
  if [ "$NODE_ENV" != development ] && [ -n "$plan_dev" ]; then
    say "Removing development dependencies: npm prune ..."
    npm prune
  fi
fi

if [ -z "$NODE_CMD$NPM_RUN" ]; then
  if [ -n "$plan_start" ]; then
    printf '%s' "$plan_start" > "$app_root/etc/start.sh"
  else
    say "Looking for the start command ..."
    node "$scripts/plan.js" start > "$app_root/etc/start.sh" || fail 'nothing tells how to start the application. Add "scripts": { "start": "node server.js" } to package.json, or set NPM_RUN (a script of package.json) or NODE_CMD (a command) in the build.'
  fi
fi
say "Build completed."
