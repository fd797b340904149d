#!/bin/sh
# Builds a Ruby application: gems of its Gemfile into ./bundle, assets of Rails.
#   RACK_ENV, RAILS_ENV          default production: gems of development and test are left out
#   RUBYGEM_MIRROR               server of gems in place of rubygems.org
#   DISABLE_ASSET_COMPILATION    true: no assets:precompile
set -e
. "${0%/*}/common.sh"
export RACK_ENV="${RACK_ENV:-production}"
export RAILS_ENV="${RAILS_ENV:-$RACK_ENV}"
export BUNDLE_APP_CONFIG="$app_root/src/.bundle" BUNDLE_USER_CACHE="$cache/bundle" BUNDLE_GLOBAL_GEM_CACHE=true BUNDLE_SILENCE_ROOT_WARNING=true BUNDLE_DISABLE_VERSION_CHECK=true

take_source
rm -rf .bundle

bundle() { ruby -S bundle "$@"; }

if [ -f Gemfile ]; then
  ruby -e 'require "bundler"' 2>/dev/null || fail "the Gemfile asks for Bundler, which this Ruby does not have. Install it (Debian, Ubuntu: sudo apt-get install -y bundler; else: gem install bundler)."
  restore bundle
  # Bundler's own file: each "bundle config" would take as long as a small installation.
  mkdir -p .bundle
  {
    printf '%s\n' '---' 'BUNDLE_PATH: "./bundle"'
    [ "$RACK_ENV" != production ] || echo 'BUNDLE_WITHOUT: "development:test"'
    [ ! -f Gemfile.lock ] || echo 'BUNDLE_DEPLOYMENT: "true"'
    [ -z "$RUBYGEM_MIRROR" ] || echo "BUNDLE_MIRROR__HTTPS://RUBYGEMS__ORG/: \"$RUBYGEM_MIRROR\""
  } > .bundle/config
  [ -z "$RUBYGEM_MIRROR" ] || say "Using gem server $(shown "$RUBYGEM_MIRROR")"
  if [ -f Gemfile.lock ]; then
    say "Installing gems of the lock file: bundle install ..."
  else
    warn "there is no Gemfile.lock: versions are resolved anew. Run \"bundle lock\" in the source and commit it for the same versions in every build."
    say "Installing gems: bundle install ..."
  fi
  bundle install --jobs 4 --retry 2 || fail "bundle install failed. If it says that the lock file does not fit the Gemfile or the platform, run \"bundle lock --add-platform $(ruby -e 'print Gem::Platform.local')\" in the source and commit Gemfile.lock; if the Ruby version does not fit, change \"ruby\" in the Gemfile (this machine has $(ruby -e 'print RUBY_VERSION')); if a native extension could not be built, install Ruby's headers and a compiler; if a gem could not be fetched, check the network or set RUBYGEM_MIRROR."
  [ ! -d "$artifacts" ] || bundle clean >/dev/null 2>&1 || true
  # The address of a mirror is of no use to what runs.
  sed -i '/^BUNDLE_MIRROR/d' .bundle/config
fi

if [ "$RACK_ENV" = production ] && [ "$DISABLE_ASSET_COMPILATION" != true ] && [ -f Gemfile ] && [ -f Rakefile ] && bundle exec rake -T assets:precompile 2>/dev/null | grep -q assets:precompile; then
  say "Compiling assets: rake assets:precompile ..."
  SECRET_KEY_BASE_DUMMY=1 bundle exec rake assets:precompile
fi

# How it is served is decided here, once.
server=
if [ ! -f config.ru ]; then
  [ -f bin/rails ] || fail "there is no config.ru, which tells how to start the application. Add one, e.g.: run MyApp"
  server=rails
elif [ -f Gemfile ]; then
  server=$(ruby -rbundler/setup -e 'gems = Gem.loaded_specs; puts gems["puma"] ? "puma" : gems["rackup"] || (gems["rack"] && gems["rack"].version < Gem::Version.new("3")) ? "rackup" : ""')
  [ -n "$server" ] || fail "none of the gems can serve the application. Add \"gem 'puma'\" to the Gemfile."
elif has puma; then
  server=puma
elif has rackup; then
  server=rackup
else
  fail "neither puma nor rackup is on this machine, and there is no Gemfile that would bring one. Add a Gemfile with \"gem 'puma'\"."
fi
printf '%s' "$server" > "$app_root/etc/ruby-server"
say "Build completed."
