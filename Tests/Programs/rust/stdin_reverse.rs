use std::io::{self, BufRead, Write};

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let line = line?;
        let reversed: String = line.chars().rev().collect();
        writeln!(out, "{number}: {reversed} ({} chars, {} bytes)", line.chars().count(), line.len())?;
    }
    Ok(())
}
