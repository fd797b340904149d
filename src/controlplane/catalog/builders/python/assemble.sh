#!/bin/sh
# Builds a Python application: dependencies into the virtual environment at /opt/app-root, static files collected for Django.
#   PIP_INDEX_URL                    index to install from; PIP_TRUSTED_HOST for one without TLS
#   DISABLE_SETUP_PY_PROCESSING      do not install the project itself
#   DISABLE_COLLECTSTATIC            do not run Django's collectstatic
#   ENABLE_PIPENV                    install from Pipfile.lock
set -e
app_root=${APP_ROOT:-/opt/app-root}
source=${S2I_SOURCE:-/tmp/src}
export PIP_CACHE_DIR="${source%/src}/pip-cache" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONUNBUFFERED=1
python="$app_root/bin/python"

fail() {
  echo "error: $1" >&2
  exit 1
}

"$python" -c '' 2>/dev/null || {
  echo "---> Making the virtual environment ..."
  "${0%/*}/bin/python3" -m venv "$app_root"
}

echo "---> Installing application source ..."
mkdir -p "$app_root/src"
cp -Rf "$source/." "$app_root/src/"
cd "$app_root/src"

[ -n "$PIP_INDEX_URL" ] && echo "---> Using package index ${PIP_INDEX_URL}" | sed 's#//[^/@]*@#//#'
installed=
if [ -n "$ENABLE_PIPENV" ] && [ -f Pipfile ]; then
  echo "---> Installing dependencies via pipenv ..."
  "$python" -m pip install pipenv
  if [ -f Pipfile.lock ]; then "$python" -m pipenv install --deploy --system; else "$python" -m pipenv install --system; fi
  installed=yes
elif [ -f requirements.txt ]; then
  echo "---> Installing dependencies from requirements.txt ..."
  "$python" -m pip install -r requirements.txt
  installed=yes
fi
if [ -z "$DISABLE_SETUP_PY_PROCESSING" ] && { [ -f setup.py ] || [ -f setup.cfg ] || { [ -f pyproject.toml ] && grep -Eq '^\[(project|build-system|tool\.poetry)\]' pyproject.toml; }; }; then
  echo "---> Installing the application ..."
  "$python" -m pip install .
  installed=yes
fi
[ -n "$installed" ] || echo "---> No requirements.txt, setup.py or pyproject.toml: nothing to install"

if [ -z "$DISABLE_COLLECTSTATIC" ] && [ -f manage.py ] && "$python" -c 'import django' 2>/dev/null; then
  echo "---> Collecting Django static files ..."
  "$python" manage.py collectstatic --noinput --dry-run >/dev/null 2>&1 && "$python" manage.py collectstatic --noinput || echo "WARNING: collectstatic was left out, since its settings do not allow it"
fi

if [ ! -f "${APP_SCRIPT:-app.sh}" ] && [ ! -f "${APP_FILE:-app.py}" ] && [ -z "$APP_MODULE" ] && [ ! -f wsgi.py ] && [ ! -f manage.py ] && [ ! -f setup.py ]; then
  fail 'nothing tells how to start the application. Name its file app.py (or set APP_FILE), or its script app.sh (APP_SCRIPT), or add gunicorn to requirements.txt and a wsgi.py (or set APP_MODULE).'
fi
chmod -R g=u "$app_root/src" 2>/dev/null || true
echo "---> Build completed."
