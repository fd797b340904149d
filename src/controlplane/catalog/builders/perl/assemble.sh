#!/bin/sh
# Builds a Perl application: modules of its cpanfile into ./extlib.
#   CPAN_MIRROR         server to install from
#   ENABLE_CPAN_TEST    true: the modules' own tests decide
#   PSGI_FILE           file of the PSGI application; set and empty: none, scripts run as CGI
set -e
. "${0%/*}/common.sh"
export PERL_CPANM_HOME="$cache/cpanm"

take_source
export PERL5LIB="$app_root/src/extlib/lib/perl5" PATH="$PATH:$app_root/src/extlib/bin"

if [ -f cpanfile ] || [ -f Makefile.PL ] || [ -f Build.PL ]; then
  restore extlib
  if has cpanm; then
    tests=--notest
    [ "$ENABLE_CPAN_TEST" != true ] || tests=
    mirror=
    if [ -n "$CPAN_MIRROR" ]; then
      say "Using CPAN mirror $(shown "$CPAN_MIRROR")"
      mirror="--mirror $CPAN_MIRROR --mirror-only"
    fi
    say "Installing modules: cpanm --installdeps ..."
    cpanm $tests $mirror -l extlib --installdeps . || fail "cpanm failed. If a module could not be fetched, check the network or set CPAN_MIRROR; if one could not be compiled, install a C compiler and make."
  elif [ -f cpanfile ] && perl -ne 'exit 1 if /^\s*(?:test_)?requires\s+(?!.?perl\b)/' cpanfile; then
    say "The cpanfile names no modules"
  else
    missing=$(perl -ne 'print "$1 " if /^\s*requires\s+.?([\w:]+)/ and $1 ne "perl" and not eval "require $1"' cpanfile 2>/dev/null || true)
    [ -f cpanfile ] && [ -z "$missing" ] || fail "the application asks for modules (${missing:-Makefile.PL, Build.PL}), and cpanm is not on this machine. Install it (Debian, Ubuntu: sudo apt-get install -y cpanminus; else: curl -L https://cpanmin.us | perl - App::cpanminus)."
    say "This machine has every module that the cpanfile names"
  fi
fi

rm -f "$app_root/etc/psgi"
if [ "${PSGI_FILE-unset}" = unset ]; then
  set -- ./*.psgi
  [ $# -ne 1 ] || [ ! -f "$1" ] || PSGI_FILE=${1#./}
  [ $# -le 1 ] || [ -f app.psgi ] || fail "there are several .psgi files ($*). Set PSGI_FILE to the one that is the application."
  [ $# -le 1 ] || PSGI_FILE=app.psgi
fi
if [ -n "$PSGI_FILE" ]; then
  [ -f "$PSGI_FILE" ] || fail "PSGI_FILE is $PSGI_FILE, and the source has no such file."
  perl -c "$PSGI_FILE" 2>&1 || fail "$PSGI_FILE cannot be compiled; the lines above tell why. A module that is missing is named in the cpanfile: requires 'NAME';"
  printf '%s' "$PSGI_FILE" > "$app_root/etc/psgi"
  say "Serving the PSGI application $PSGI_FILE"
elif [ -f index.pl ] || [ -f index.cgi ] || [ -n "$(find . -maxdepth 1 \( -name '*.pl' -o -name '*.cgi' \) | head -n 1)" ]; then
  say "Serving scripts (*.pl, *.cgi) as CGI"
else
  fail "there is neither a .psgi file nor a script (*.pl, *.cgi). Add app.psgi or index.pl, or set PSGI_FILE."
fi
say "Build completed."
