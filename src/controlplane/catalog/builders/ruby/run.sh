#!/bin/sh
# Starts a Ruby application on $PORT (8080): with puma, else rackup.
. "${0%/*}/common.sh"
export RACK_ENV="${RACK_ENV:-production}"
export RAILS_ENV="${RAILS_ENV:-$RACK_ENV}"
export BUNDLE_APP_CONFIG="$app_root/src/.bundle" BUNDLE_SILENCE_ROOT_WARNING=true RAILS_LOG_TO_STDOUT="${RAILS_LOG_TO_STDOUT:-true}" RAILS_SERVE_STATIC_FILES="${RAILS_SERVE_STATIC_FILES:-true}"
cd "$app_root/src" || exit 1

through=
[ ! -f Gemfile ] || through="ruby -S bundle exec"
case $(cat "$app_root/etc/ruby-server" 2>/dev/null) in
  puma)
    say "Serving with puma ($RACK_ENV) ..."
    exec $through puma --environment "$RACK_ENV" --bind "tcp://$HOST:$PORT" --threads "${PUMA_MIN_THREADS:-0}:${PUMA_MAX_THREADS:-16}" --workers "${PUMA_WORKERS:-0}" config.ru
    ;;
  rails)
    exec $through rails server --environment "$RAILS_ENV" --binding "$HOST" --port "$PORT" --pid "${TMPDIR:-/tmp}/rails.pid"
    ;;
esac
say "Serving with rackup ($RACK_ENV) ..."
warn "puma is not among the gems; add it for anything but small loads."
exec $through rackup --env "$RACK_ENV" --pid "${TMPDIR:-/tmp}/rack.$$.pid" --host "$HOST" --port "$PORT"
