fn main() {
    println!("before");
    let grains: Vec<u8> = std::env::args().map(|_| 255).collect();
    println!("{}", grains[0] + 1);
}
