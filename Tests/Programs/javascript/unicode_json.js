const data = { "clé": "été", emoji: "🏜️", list: [..."añ日"], nested: { when: new Date(0) } };
const text = JSON.stringify(data, null, 1);
console.log(text, text.length, Buffer.byteLength(text));
console.log(JSON.parse(text)["clé"].normalize("NFD").length, "ß".toUpperCase());
