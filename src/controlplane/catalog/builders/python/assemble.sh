#!/bin/sh
# Builds a Python application: dependencies into the virtual environment at /opt/app-root, static files collected for Django.
#   PIP_INDEX_URL                    index to install from; PIP_TRUSTED_HOST for one without TLS
#   UPGRADE_PIP_TO_LATEST            newest pip, setuptools and wheel first
#   ENABLE_PIPENV                    install from Pipfile.lock; PIN_PIPENV_VERSION: with that pipenv
#   ENABLE_MICROPIPENV               install with micropipenv: requirements.txt, Pipfile.lock or poetry.lock
#   DISABLE_SETUP_PY_PROCESSING, DISABLE_PYPROJECT_TOML_PROCESSING   do not install the project itself
#   DISABLE_COLLECTSTATIC            do not run Django's collectstatic
#   APP_HOME                         folder with wsgi.py or manage.py
set -e
. "${0%/*}/common.sh"
export PIP_CACHE_DIR="$cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONUNBUFFERED=1 PIPENV_CACHE_DIR="$cache/pipenv"
python="$app_root/bin/python"

"$python" -c '' 2>/dev/null || {
  say "Making the virtual environment ..."
  "$scripts/bin/python3" -m venv "$app_root"
}

take_source

# pip ARGUMENTS: with the likely cause where it fails.
pip() {
  "$python" -m pip "$@" || fail "pip $1 failed. If a package could not be fetched, check the network, or name an index with PIP_INDEX_URL; if one does not fit this Python ($("$python" -c 'import platform; print(platform.python_version())')), change its version in the requirements."
}

[ -z "$PIP_INDEX_URL" ] || say "Using package index $(shown "$PIP_INDEX_URL")"
if [ -n "$UPGRADE_PIP_TO_LATEST" ]; then
  say "Upgrading pip, setuptools and wheel ..."
  pip install --upgrade pip setuptools wheel
fi
installed=
if [ -n "$ENABLE_PIPENV" ]; then
  [ -f Pipfile ] || fail "ENABLE_PIPENV is set and there is no Pipfile."
  say "Installing dependencies via pipenv ..."
  pip install "pipenv${PIN_PIPENV_VERSION:+==$PIN_PIPENV_VERSION}"
  export PIPENV_IGNORE_VIRTUALENVS=0 VIRTUAL_ENV="$app_root"
  if [ -f Pipfile.lock ]; then
    "$python" -m pipenv install --deploy --system || fail "pipenv failed. If it says that Pipfile.lock is out of date, run \"pipenv lock\" in the source and commit Pipfile.lock."
  else
    warn "there is no Pipfile.lock: versions are resolved anew. Run \"pipenv lock\" and commit it for the same versions in every build."
    "$python" -m pipenv install --system --skip-lock
  fi
  installed=yes
elif [ -n "$ENABLE_MICROPIPENV" ]; then
  say "Installing dependencies via micropipenv ..."
  pip install micropipenv
  "$python" -m micropipenv install --deploy || fail "micropipenv failed: it needs a requirements.txt, a Pipfile.lock or a poetry.lock that fits its manifest."
  installed=yes
elif [ -f requirements.txt ]; then
  say "Installing dependencies from requirements.txt ..."
  pip install -r requirements.txt
  installed=yes
elif [ -f Pipfile ]; then
  warn "there is a Pipfile, which is read only with ENABLE_PIPENV=true."
fi
if [ -z "$DISABLE_SETUP_PY_PROCESSING" ] && { [ -f setup.py ] || [ -f setup.cfg ]; }; then
  say "Installing the application ..."
  pip install .
  installed=yes
elif [ -z "$DISABLE_SETUP_PY_PROCESSING$DISABLE_PYPROJECT_TOML_PROCESSING" ] && [ -f pyproject.toml ] && grep -Eq '^\[(project|build-system|tool\.poetry)\]' pyproject.toml; then
  say "Installing the application ..."
  pip install .
  installed=yes
fi
[ -n "$installed" ] || say "No requirements.txt, setup.py or pyproject.toml: nothing to install"

manage=${APP_HOME:-.}/manage.py
if [ -z "$DISABLE_COLLECTSTATIC" ] && [ -f "$manage" ] && "$python" -c 'import django' 2>/dev/null; then
  say "Collecting Django static files ..."
  "$python" "$manage" collectstatic --noinput --dry-run >/dev/null 2>&1 && "$python" "$manage" collectstatic --noinput || warn "collectstatic was left out, since its settings do not allow it (no STATIC_ROOT, or a database that is not here)"
fi

if [ ! -f "${APP_SCRIPT:-app.sh}" ] && [ ! -f "${APP_FILE:-app.py}" ] && [ -z "$APP_MODULE" ] && [ ! -f gunicorn.conf.py ] && [ ! -f "${APP_HOME:-.}/wsgi.py" ] && [ ! -f "$manage" ] && [ ! -f setup.py ] && [ ! -f setup.cfg ] && [ -z "$(find . -mindepth 2 -maxdepth 3 -name wsgi.py 2>/dev/null | head -n 1)" ]; then
  fail 'nothing tells how to start the application. Name its file app.py (or set APP_FILE), or its script app.sh (APP_SCRIPT), or add gunicorn to requirements.txt and a wsgi.py (or set APP_MODULE).'
fi
if [ -n "$APP_MODULE" ] && [ ! -f "${APP_SCRIPT:-app.sh}" ] && [ ! -f "${APP_FILE:-app.py}" ] && ! "$python" -c 'import gunicorn' 2>/dev/null; then
  fail "APP_MODULE ($APP_MODULE) is served by gunicorn, which is not installed. Add gunicorn to requirements.txt."
fi
say "Build completed."
