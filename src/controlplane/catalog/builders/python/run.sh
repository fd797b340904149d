#!/bin/sh
# Starts a Python application, in the order Red Hat's Python builder does: gunicorn's own configuration, app.sh, app.py, gunicorn, Django's own server.
. "${0%/*}/common.sh"
export PYTHONUNBUFFERED=1
python="$app_root/bin/python"
cd "$app_root/src" || exit 1
if [ "$DEV_MODE" = true ] && [ -z "$SUPERVISED" ]; then supervise "$0"; fi

imports() { "$python" -c "import $1" 2>/dev/null; }

if [ -z "$APP_MODULE" ] && [ -f gunicorn.conf.py ] && grep -q '^wsgi_app' gunicorn.conf.py && imports gunicorn; then
  say "Serving application with gunicorn (gunicorn.conf.py) ..."
  exec "$python" -m gunicorn --bind "$HOST:$PORT"
fi
script=${APP_SCRIPT-app.sh}
if [ -f "$script" ]; then
  say "Running application from script ($script) ..."
  case $script in /*) ;; *) script="./$script" ;; esac
  [ -x "$script" ] && exec "$script"
  exec /bin/sh "$script"
fi
file=${APP_FILE-app.py}
if [ -f "$file" ]; then
  say "Running application from Python script ($file) ..."
  exec "$python" "$file"
fi
[ -z "$APP_HOME" ] || cd "$APP_HOME" || exit 1
if [ -f manage.py ] && [ -z "$DISABLE_MIGRATE" ] && imports django; then
  say "Migrating database ..."
  "$python" manage.py migrate --noinput
fi
if imports gunicorn; then
  module=$APP_MODULE
  [ -z "$module" ] && [ -f wsgi.py ] && module=wsgi
  if [ -z "$module" ]; then
    found=$(find . -mindepth 2 -maxdepth 3 -name wsgi.py -not -path './lib/*' | head -n 1)
    [ -n "$found" ] && module=$(echo "${found#./}" | sed 's#/#.#g; s#\.py$##')
  fi
  if [ -z "$module" ] && [ -f setup.py ]; then module=$("$python" setup.py --name 2>/dev/null); fi
  if [ -n "$module" ]; then
    say "Serving application with gunicorn ($module) ..."
    if [ -z "$WEB_CONCURRENCY" ]; then
      cores=$("$python" -c 'import os; print(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)')
      WEB_CONCURRENCY=$((cores * 2))
      [ "$WEB_CONCURRENCY" -le 12 ] || WEB_CONCURRENCY=12
    fi
    export WEB_CONCURRENCY
    if [ -n "$APP_CONFIG" ]; then exec "$python" -m gunicorn "$module" --config "$APP_CONFIG"; fi
    if [ -n "$GUNICORN_CMD_ARGS" ]; then exec "$python" -m gunicorn "$module"; fi
    exec "$python" -m gunicorn "$module" --bind "$HOST:$PORT" --access-logfile=-
  fi
fi
if [ -f manage.py ]; then
  say "Serving application with 'manage.py runserver' ..."
  warn "this is Django's development server; add gunicorn to requirements.txt for anything else."
  exec "$python" manage.py runserver --noreload "$HOST:$PORT"
fi
fail "nothing tells how to start the application: there is neither app.sh, app.py, a WSGI module with gunicorn, nor manage.py."
