# Runs Postfix in a namespace of processes and mounts, for as long as standard input is open; then nothing is left.
#
# Argument: the bed's directory. The first line of standard input says that it is complete. Every line after it is a
# command; what it prints is followed by a line "=== STATUS". Only the test program holds the other end of the pipe, so its death, however it comes, is an end of
# file here: this script ends, with it its namespaces, and its parent removes the directory.
dir=$1
exec 2>&1
read -r complete || exit 0
for file in resolv.conf hosts nsswitch.conf; do
    mount --bind "$dir/$file" "$(readlink -f "/etc/$file")" || exit 1
done
mount --bind "$dir/etc" /etc/postfix || exit 1
echo "=== 0"
while IFS= read -r command; do
    sh -c "$command" </dev/null
    echo "=== $?"
done
