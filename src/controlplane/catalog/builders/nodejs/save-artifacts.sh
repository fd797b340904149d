#!/bin/sh
# One tar on standard output: what the next build need not fetch again.
. "${0%/*}/common.sh"
save node_modules
