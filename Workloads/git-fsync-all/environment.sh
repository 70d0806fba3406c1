# Sourced by the scripts of this folder: a git without the user's configuration, without background
# work, and with fixed dates, so that equal runs make equal objects.
#
# SYNCING is the configuration under test: -c options for every git command.
SYNCING='-c core.fsync=all -c core.fsyncMethod=fsync'

HOME=$PERJURY_RUN
GIT_CONFIG_GLOBAL=/dev/null
GIT_CONFIG_NOSYSTEM=1
GIT_AUTHOR_NAME=Writer
GIT_AUTHOR_EMAIL=writer@example.org
GIT_AUTHOR_DATE='2001-01-01T00:00:00Z'
GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME
GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
export HOME GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL \
    GIT_AUTHOR_DATE GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL GIT_COMMITTER_DATE

# The repository of the workload. safe.directory: the data directory may belong to another user.
git_here() {
    # shellcheck disable=SC2086 # SYNCING is several words.
    git -C "$PERJURY_DIR" -c safe.directory='*' -c gc.auto=0 -c maintenance.auto=false $SYNCING "$@"
}
