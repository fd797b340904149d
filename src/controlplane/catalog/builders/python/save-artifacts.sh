#!/bin/sh
# pip has no artifacts worth keeping: a virtual environment of other requirements would carry what was removed from them.
exec tar cf - --files-from /dev/null
