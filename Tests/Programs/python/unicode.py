import unicodedata

words = ["naïve", "Straße", "日本語", "🏜️ sandstorm", "Ωμέγα"]
for word in words:
    print(word, len(word), len(word.encode()), word.upper())
print(unicodedata.normalize("NFC", "e\u0301") == "é")
print("".join(reversed("añb")))
