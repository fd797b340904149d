#!/bin/sh
# Builds a PHP application: dependencies with Composer where there is a composer.json.
#   COMPOSER_MIRROR      repository to install from, in place of packagist.org
#   COMPOSER_INSTALLER   URL of Composer's installer, if Composer is not on the machine; COMPOSER_VERSION: version it brings
#   COMPOSER_ARGS        more arguments of composer install
#   DOCUMENTROOT         folder that is served, e.g. /public; default /
set -e
. "${0%/*}/common.sh"
export COMPOSER_HOME="$scratch/composer" COMPOSER_CACHE_DIR="$cache/composer" COMPOSER_NO_INTERACTION=1 COMPOSER_ALLOW_SUPERUSER=1

take_source

# composer ARGUMENTS: that of the machine, of the source, or the one that was fetched.
composer() { php "$composer" "$@"; }

find_composer() {
  for composer in composer.phar "$scripts/bin/composer" "$cache/composer.phar"; do
    if [ -f "$composer" ]; then return; fi
  done
  installer=${COMPOSER_INSTALLER:-https://getcomposer.org/installer}
  say "Downloading Composer from $(shown "$installer") ..."
  case $COMPOSER_VERSION in
    1 | 2 | preview | snapshot) version="--$COMPOSER_VERSION" ;;
    '') version= ;;
    *) version="--version=${COMPOSER_VERSION#version=}" ;;
  esac
  php -r 'exit(@copy($argv[1], $argv[2]) ? 0 : 1);' "$installer" "$scratch/composer-setup.php" \
    && php "$scratch/composer-setup.php" --quiet --install-dir="$cache" --filename=composer.phar $version \
    || fail "composer.json asks for Composer, which is not on this machine and could not be fetched from $(shown "$installer"). Install it (Debian, Ubuntu: sudo apt-get install -y composer), or set COMPOSER_INSTALLER, or put composer.phar into the source."
  composer="$cache/composer.phar"
}

if [ -f composer.json ]; then
  restore vendor
  find_composer
  if [ -n "$COMPOSER_MIRROR" ]; then
    say "Using Composer repository $(shown "$COMPOSER_MIRROR")"
    composer config --global repositories.packagist composer "$COMPOSER_MIRROR"
    case $COMPOSER_MIRROR in http:*) composer config --global secure-http false ;; esac
  fi
  [ -f composer.lock ] || warn "there is no composer.lock: versions are resolved anew. Run \"composer update\" in the source and commit composer.lock for the same versions in every build."
  say "Installing dependencies: composer install $COMPOSER_ARGS ..."
  composer install --no-interaction --no-ansi --no-progress --optimize-autoloader $COMPOSER_ARGS \
    || fail "composer install failed. If it says that the lock file is not up to date, run \"composer update\" in the source and commit composer.lock; if it asks for an extension (ext-…), install it on this machine (Debian, Ubuntu: php-NAME); if a package could not be fetched, check the network or set COMPOSER_MIRROR."
fi

root=$app_root/src/${DOCUMENTROOT#/}
[ -d "$root" ] || fail "DOCUMENTROOT is $DOCUMENTROOT, and the source has no such folder."
[ -f "$root/index.php" ] || [ -f "$root/index.html" ] || [ -f "$root/.htaccess" ] || {
  [ ! -f public/index.php ] || fail "there is no index.php in ${DOCUMENTROOT:-/}, but one in public: set DOCUMENTROOT=/public."
  warn "there is no index.php in ${DOCUMENTROOT:-/}: the application answers only paths of its files. DOCUMENTROOT names another folder."
}
for script in php-post-assemble/*.sh; do
  [ ! -f "$script" ] || . "./$script"
done
say "Build completed."
