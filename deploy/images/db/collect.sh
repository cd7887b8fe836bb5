#!/bin/sh
# Copies into the folder $1 what PostgreSQL runs with: its programs, the libraries they name, time zones, a small shell.
set -eu

image=$1
version=$(ls /usr/lib/postgresql)
server=/usr/lib/postgresql/$version

mkdir -p "$image/etc" "$image/tmp" "$image/run/postgresql" "$image/var/lib/postgresql/data" "$image/usr/share/postgresql" \
    "$image/usr/lib/postgresql" "$image/usr/lib/locale"
printf 'root:x:0:0::/:/bin/sh\npostgres:x:999:999:PostgreSQL:/var/lib/postgresql:/bin/sh\nharbor:x:10000:10000::/:/bin/false\n' >"$image/etc/passwd"
printf 'root:x:0:\npostgres:x:999:\n' >"$image/etc/group"
# Debian's merged layout.
for folder in bin sbin lib lib64; do
    mkdir -p "$image/usr/$folder"
    ln -s "usr/$folder" "$image/$folder"
done
cp -a "/usr/share/postgresql/$version" "$image/usr/share/postgresql/"
cp -a "$server" "$image/usr/lib/postgresql/"
rm -rf "$image$server/lib/bitcode" "$image$server/lib/llvmjit.so" "$image$server/lib/pgxs" "$image/usr/share/postgresql/$version/man"
ln -s "$version/bin" "$image/usr/lib/postgresql/bin"
cp -a /usr/share/zoneinfo "$image/usr/share/"
cp -a /usr/lib/locale/C.utf8 "$image/usr/lib/locale/"
# The entry point's words, and `locale`, which initdb asks what there is.
for program in dash cat chmod locale mkdir mv rm sed; do
    cp -a "$(readlink -f "$(command -v $program)")" "$image/usr/bin/$program"
done
ln -s dash "$image/usr/bin/sh"
cp -a /entrypoint.sh "$image/"
chmod 0755 "$image/entrypoint.sh"

# Libraries of all programs and modules, and the loader.
find "$image/usr/bin" "$image$server" -type f | while read -r file; do
    ldd "$file" 2>/dev/null || true
done | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/lib[^ ]*\) (.*/\1/p' | sort -u | while read -r library; do
    mkdir -p "$image$(dirname "$(readlink -f "$(dirname "$library")")/x")"
    cp -L "$library" "$image$(readlink -f "$(dirname "$library")")/"
done
chown -R 999:999 "$image/var/lib/postgresql" "$image/run/postgresql"
chmod 1777 "$image/tmp"
