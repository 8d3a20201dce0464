use std::process;

fn parse(text: &str) -> Result<i32, Box<dyn std::error::Error>> { Ok(text.trim().parse::<i32>()? * 2) }

fn main() {
    println!("{:?}", parse(" 21 ").unwrap());
    if let Err(error) = parse("dune") {
        eprintln!("error: {error}");
        process::exit(64);
    }
}
