#!/bin/bash
# Faces and mels of many clips with GNU parallel, then one pack of them:
#
#   ./parallel.sh grid/ out/ 8                                   # 8 parts, on this machine
#   PARALLEL="--sshloginfile hosts.txt --workdir $PWD" ./parallel.sh grid/ out/ 8    # on those of the list
#
# The folders are on storage that all machines see. The same line again makes what is missing.
set -eu
lipsync=${LIPSYNC:-lipsync}
clips=$1 out=$2 parts=$3
mkdir -p "$out"
for command in detect-faces mels; do
    name=${command#detect-}
    # exit code 5: some clips failed, each was reported, the file with the others is complete
    parallel "test -e '$out/$name.{}.h5' || $lipsync $command '$clips' '$out/$name.{}.h5' --shard {}/$parts --jobs 1 \
        || test \$? -eq 5" ::: $(seq "$parts")
done
$lipsync pack "$out"/faces.*.h5 "$out"/mels.*.h5 -o "$out/grid.h5" || test $? -eq 5
