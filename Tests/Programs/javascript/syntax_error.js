console.log("never printed");
const = 3;
