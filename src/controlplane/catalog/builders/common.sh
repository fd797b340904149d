# Read by the scripts of every builder.
app_root=${APP_ROOT:-/opt/app-root}
source=${S2I_SOURCE:-/tmp/src}
scratch=${source%/src}
artifacts=$scratch/artifacts
# What may be kept for the next build of the project; without one, a folder that goes with the build.
cache=${S2I_DEPENDENCY_CACHE:-$scratch/cache}
scripts=${0%/*}

say() { echo "---> $*"; }

warn() { echo "WARNING: $*"; }

fail() {
  echo "error: $*" >&2
  exit 1
}

# has PROGRAM: whether it can be run.
has() { command -v "$1" >/dev/null 2>&1; }

# supervise COMMAND...: runs it so that a hang-up (SIGHUP) starts it again: how files that are put into a running container take effect under DEV_MODE.
# What ends by itself waits for the next hang-up, since the file that comes next may mend it. Whoever sends one finds the number in the file.
supervise() {
  echo $$ > "${TMPDIR:-/tmp}/.slipway-dev.pid"
  export SUPERVISED=true
  trap 'again=yes; kill -TERM "$child" 2>/dev/null' HUP
  trap 'trap "" HUP; kill -TERM "$child" 2>/dev/null; wait; exit 143' TERM INT
  while :; do
    again=
    "$@" &
    child=$!
    # A signal ends the wait, not yet the child.
    while kill -0 "$child" 2>/dev/null; do wait "$child"; status=$?; done
    if [ -z "$again" ]; then
      warn "the application ended with $status; it is started again when files are synced"
      sleep 2147483647 &
      child=$!
      wait "$child"
      kill "$child" 2>/dev/null
    fi
    say "Starting the application again ..."
  done
}

# Copies the source to where the application will run, and goes there.
take_source() {
  say "Installing application source ..."
  mkdir -p "$app_root/src" "$app_root/etc" "$cache"
  cp -RPf "$source/." "$app_root/src/"
  cd "$app_root/src"
}

# restore NAME: what save-artifacts of the previous build gave.
restore() {
  if [ -d "$artifacts/$1" ] && [ ! -e "$1" ]; then
    say "Restoring $1 of the previous build ..."
    mv "$artifacts/$1" "$1"
  fi
}

# save NAME...: those folders of the application that are there, as one tar on standard output.
save() {
  cd "$app_root/src" || exit 1
  for name in "$@"; do
    shift
    [ -e "$name" ] && set -- "$@" "$name"
  done
  if [ $# -eq 0 ]; then exec tar cf - --files-from /dev/null; fi
  exec tar cf - "$@"
}

# Passwords of a URL are nobody's to read in a log.
shown() { echo "$1" | sed 's#//[^/@]*@#//#'; }

# Where the application listens.
export PORT="${PORT:-8080}" HOST="${HOST:-0.0.0.0}"
