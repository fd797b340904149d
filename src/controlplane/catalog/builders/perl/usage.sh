#!/bin/sh
cat <<'TEXT'
Builds Perl applications from source with this machine's own Perl.
  Build:  cpanm --installdeps into ./extlib if there is a cpanfile, Makefile.PL or Build.PL
  Start:  the one .psgi file with starman, plackup or a small server of the builder's own, else scripts (*.pl, *.cgi) as CGI; on $PORT (8080)
Variables: CPAN_MIRROR, ENABLE_CPAN_TEST, PSGI_FILE, PSGI_RELOAD, PSGI_URI_PATH, HTTPD_START_SERVERS, HTTPD_MAX_REQUEST_WORKERS, PORT, HOST
TEXT
