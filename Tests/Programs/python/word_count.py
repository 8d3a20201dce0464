import sys
from collections import Counter

counts = Counter(word.strip(".,").lower() for line in sys.stdin for word in line.split())
for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
    print(f"{count:3} {word}")
