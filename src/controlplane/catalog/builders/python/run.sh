#!/bin/sh
# Starts a Python application, in the order Red Hat's Python builder does: app.sh, app.py, gunicorn, Django's own server.
app_root=${APP_ROOT:-/opt/app-root}
export PORT="${PORT:-8080}" HOST="${HOST:-0.0.0.0}" PYTHONUNBUFFERED=1
python="$app_root/bin/python"
cd "$app_root/src" || exit 1

has() { "$python" -c "import $1" 2>/dev/null; }

if [ -f gunicorn.conf.py ] && grep -q '^wsgi_app' gunicorn.conf.py && has gunicorn; then
  exec "$python" -m gunicorn --bind "$HOST:$PORT"
fi
script=${APP_SCRIPT:-app.sh}
if [ -f "$script" ]; then
  echo "---> Running application from script ($script) ..."
  case $script in /*) ;; *) script="./$script" ;; esac
  [ -x "$script" ] && exec "$script"
  exec /bin/sh "$script"
fi
file=${APP_FILE:-app.py}
if [ -f "$file" ]; then
  echo "---> Running application from Python script ($file) ..."
  exec "$python" "$file"
fi
manage=${APP_HOME:-.}/manage.py
if [ -f "$manage" ] && [ -z "$DISABLE_MIGRATE" ] && has django; then
  echo "---> Migrating database ..."
  "$python" "$manage" migrate --noinput
fi
if has gunicorn; then
  module=$APP_MODULE
  [ -z "$module" ] && [ -f wsgi.py ] && module=wsgi
  if [ -z "$module" ]; then
    found=$(find . -mindepth 2 -maxdepth 3 -name wsgi.py -not -path './lib/*' | head -n 1)
    [ -n "$found" ] && module=$(echo "${found#./}" | sed 's#/#.#g; s#\.py$##')
  fi
  if [ -z "$module" ] && [ -f setup.py ]; then module=$("$python" setup.py --name 2>/dev/null); fi
  if [ -n "$module" ]; then
    echo "---> Serving application with gunicorn ($module) ..."
    exec "$python" -m gunicorn "$module" --bind "$HOST:$PORT" --access-logfile=- ${APP_CONFIG:+--config "$APP_CONFIG"}
  fi
fi
if [ -f "$manage" ]; then
  echo "---> Serving application with 'manage.py runserver' ..."
  echo "WARNING: this is Django's development server; add gunicorn to requirements.txt for anything else."
  exec "$python" "$manage" runserver --noreload "$HOST:$PORT"
fi
echo "error: nothing tells how to start the application: there is neither app.sh, app.py, a WSGI module with gunicorn, nor manage.py." >&2
exit 1
