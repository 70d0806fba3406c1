# Sourced by the scripts of this folder, which are those of ../git-fsync-all: the same git, with the
# syncs that it makes by default.
. ../git-fsync-all/environment.sh
SYNCING=''
