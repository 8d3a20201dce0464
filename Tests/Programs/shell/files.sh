mkdir -p a/b && cd a/b
cat > note.txt <<'TEXT'
größe 日本 🏜
second
TEXT
wc -l < note.txt
cp note.txt copy.txt && ln -s copy.txt link && cat link
find .. -type f | sort
chmod 700 note.txt && stat -c '%a %s' note.txt
