# Archives one file of PostgreSQL's write-ahead log, compressed: sh archive.sh PATH NAME FOLDER
#
# PostgreSQL deletes the file after exit code 0. After any other code it keeps the file and tries again.
draft="$3/$2.part"
archived="$3/$2.gz"

if [ -e "$archived" ]; then
    # After a crash PostgreSQL archives a file twice. A different file with that name is never replaced.
    gzip -dc "$archived" | cmp -s - "$1" || exit 1
    exit 0
fi

trap 'rm -f "$draft"' EXIT
# The file is on the disk before it has its name, and the name is on the disk before PostgreSQL deletes the original.
gzip -1c "$1" > "$draft" && sync "$draft" && mv "$draft" "$archived" && sync "$3" || exit 1
