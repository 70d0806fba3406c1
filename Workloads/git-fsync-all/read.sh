#!/bin/sh
# Opens the repository, lets git check it, and lists the commits that HEAD reaches.
. ./environment.sh
git_here rev-parse --git-dir >/dev/null || exit 1

# What fsck says about a sound repository: objects that nothing refers to yet (an interrupted commit
# leaves them), and a branch that has no commit yet.
harmless='^(dangling|unreachable|notice:|Checking )'
complaints=$(git_here fsck --full --strict --no-progress 2>&1)
status=$?
printf '%s\n' "$complaints" | grep -Ev "$harmless" | while IFS= read -r line; do
    [ -z "$line" ] || printf '@corrupt %s\n' "$line"
done
[ "$status" -eq 0 ] || printf '@corrupt git fsck exits %s\n' "$status"

# No commit yet is a sound repository with an empty listing.
if git_here rev-parse --quiet --verify HEAD >/dev/null; then
    commits=$(git_here log --format=%s) || echo '@corrupt git log fails'
    for commit in $commits; do
        printf '@saw %s\n' "$commit"
    done
fi
echo '@end'
