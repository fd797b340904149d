#!/bin/sh
cat <<'TEXT'
Builds Python applications from source with this machine's own Python 3, in a virtual environment.
  Build:  pip install -r requirements.txt, pip install . for a project, collectstatic for Django
  Start:  gunicorn.conf.py with wsgi_app, app.sh, app.py, gunicorn with APP_MODULE or wsgi.py, manage.py runserver; on $PORT (8080)
Variables: PIP_INDEX_URL, PIP_TRUSTED_HOST, UPGRADE_PIP_TO_LATEST, ENABLE_PIPENV, PIN_PIPENV_VERSION, ENABLE_MICROPIPENV, DISABLE_SETUP_PY_PROCESSING, DISABLE_PYPROJECT_TOML_PROCESSING,
  DISABLE_COLLECTSTATIC, DISABLE_MIGRATE, APP_SCRIPT, APP_FILE, APP_MODULE, APP_HOME, APP_CONFIG, GUNICORN_CMD_ARGS, WEB_CONCURRENCY, PORT, HOST
TEXT
