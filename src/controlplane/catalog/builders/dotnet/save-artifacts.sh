#!/bin/sh
# NuGet's packages never come into the image; they are kept in the cache of the project's builds.
. "${0%/*}/common.sh"
save
