fn main() {
    let sand = String::from("grain");
    let moved = sand;
    println!("{sand} {moved}");
}
