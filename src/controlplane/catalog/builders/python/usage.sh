#!/bin/sh
cat <<'TEXT'
Builds Python applications from source with this machine's own Python 3, in a virtual environment.
  Build:  pip install -r requirements.txt, pip install . for a project, collectstatic for Django
  Start:  app.sh, app.py, gunicorn with APP_MODULE or wsgi.py, manage.py runserver; on $PORT (8080)
Variables: PIP_INDEX_URL, PIP_TRUSTED_HOST, APP_SCRIPT, APP_FILE, APP_MODULE, APP_CONFIG, PORT, HOST, DISABLE_MIGRATE, DISABLE_COLLECTSTATIC, DISABLE_SETUP_PY_PROCESSING, ENABLE_PIPENV
TEXT
